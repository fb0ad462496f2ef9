"""Inputs and outputs of V3 nodes, with the names and arguments of ComfyUI 0.3.64.

Every socket type has `io_type`, `Input` and `Output`. `settings()` gives the options dict that `/object_info` sends for an input.
"""

from __future__ import annotations

import copy
from enum import Enum, StrEnum
from typing import Any


class UploadType(StrEnum):
    """Which upload button the front end shows beside a combo."""

    image = "image_upload"
    audio = "audio_upload"
    video = "video_upload"
    model = "file_upload"


class FolderType(StrEnum):
    """The folder that a file name belongs to."""

    input = "input"
    output = "output"
    temp = "temp"


class NumberDisplay(StrEnum):
    """How the front end shows a number."""

    number = "number"
    slider = "slider"


def _set(**settings: Any) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in settings.items() if value is not None}


class Input:
    """A socket without a widget."""

    io_type = "*"

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        extra_dict: dict[str, Any] | None = None,
    ) -> None:
        self.id = id
        self.display_name = display_name
        self.optional = optional
        self.tooltip = tooltip
        self.lazy = lazy
        self.extra_dict = extra_dict or {}

    def get_io_type(self) -> str:
        """Return the type name that `/object_info` gives for this input."""
        return self.io_type

    def settings(self) -> dict[str, Any]:
        """Return the options dict that `/object_info` gives for this input."""
        return _set(display_name=self.display_name, tooltip=self.tooltip, lazy=self.lazy) | _set(**self.extra_dict)


class WidgetInput(Input):
    """An input whose value can be set on the node itself."""

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        default: Any = None,
        socketless: bool | None = None,
        widget_type: str | None = None,
        force_input: bool | None = None,
        extra_dict: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(id, display_name, optional, tooltip, lazy, extra_dict)
        self.default = default
        self.socketless = socketless
        self.widget_type = widget_type
        self.force_input = force_input

    def get_io_type(self) -> str:
        return self.widget_type or self.io_type

    def settings(self) -> dict[str, Any]:
        return super().settings() | _set(
            default=self.default, socketless=self.socketless, widgetType=self.widget_type, forceInput=self.force_input
        )


class Output:
    """An output socket; with `is_output_list` its value is a list whose items go downstream one by one."""

    io_type: str | list[str] = "*"

    def __init__(
        self, id: str | None = None, display_name: str | None = None, tooltip: str | None = None, is_output_list: bool = False
    ) -> None:
        self.id = id
        self.display_name = display_name
        self.tooltip = tooltip
        self.is_output_list = is_output_list


class SocketType:
    """A type of socket; a subclass names its `io_type`, which its own Input and Output then carry."""

    io_type = "*"
    Input: type = Input
    Output: type = Output

    def __init_subclass__(cls) -> None:
        for side in ("Input", "Output"):
            setattr(cls, side, type(side, (getattr(cls, side),), {"io_type": cls.io_type}))


def Custom(io_type: str) -> type[SocketType]:  # noqa: N802 - the name is ComfyUI's
    """Return a socket type of that name, with a plain Input and Output."""
    return type(io_type, (SocketType,), {"io_type": io_type})


class Boolean(SocketType):
    """True or false."""

    io_type = "BOOLEAN"

    class Input(WidgetInput):
        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: bool | None = None,
            label_on: str | None = None,
            label_off: str | None = None,
            socketless: bool | None = None,
            force_input: bool | None = None,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.label_on = label_on
            self.label_off = label_off

        def settings(self) -> dict[str, Any]:
            return super().settings() | _set(label_on=self.label_on, label_off=self.label_off)


class Int(SocketType):
    """A whole number."""

    io_type = "INT"

    class Input(WidgetInput):
        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: int | None = None,
            min: int | None = None,
            max: int | None = None,
            step: int | None = None,
            control_after_generate: bool | None = None,
            display_mode: NumberDisplay | None = None,
            socketless: bool | None = None,
            force_input: bool | None = None,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.control_after_generate = control_after_generate
            self.display_mode = display_mode

        def settings(self) -> dict[str, Any]:
            return super().settings() | _set(
                min=self.min,
                max=self.max,
                step=self.step,
                control_after_generate=self.control_after_generate,
                display=self.display_mode,
            )


class Float(SocketType):
    """A number."""

    io_type = "FLOAT"

    class Input(WidgetInput):
        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: float | None = None,
            min: float | None = None,
            max: float | None = None,
            step: float | None = None,
            round: float | None = None,
            display_mode: NumberDisplay | None = None,
            socketless: bool | None = None,
            force_input: bool | None = None,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.round = round
            self.display_mode = display_mode

        def settings(self) -> dict[str, Any]:
            return super().settings() | _set(
                min=self.min, max=self.max, step=self.step, round=self.round, display=self.display_mode
            )


class String(SocketType):
    """Text."""

    io_type = "STRING"

    class Input(WidgetInput):
        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            multiline: bool = False,
            placeholder: str | None = None,
            default: str | None = None,
            dynamic_prompts: bool | None = None,
            socketless: bool | None = None,
            force_input: bool | None = None,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.multiline = multiline
            self.placeholder = placeholder
            self.dynamic_prompts = dynamic_prompts

        def settings(self) -> dict[str, Any]:
            return super().settings() | _set(
                multiline=self.multiline, placeholder=self.placeholder, dynamicPrompts=self.dynamic_prompts
            )


class Combo(SocketType):
    """One of a list of options; an output of this type carries its options as its type."""

    io_type = "COMBO"

    class Input(WidgetInput):
        def __init__(
            self,
            id: str,
            options: list[str] | list[int] | type[Enum] | None = None,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: str | int | Enum | None = None,
            control_after_generate: bool | None = None,
            upload: UploadType | None = None,
            image_folder: FolderType | None = None,
            socketless: bool | None = None,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless)
            self.options = [option.value for option in options] if isinstance(options, type) else options
            self.control_after_generate = control_after_generate
            self.upload = upload
            self.image_folder = image_folder

        def settings(self) -> dict[str, Any]:
            upload = {self.upload.value: True} if self.upload else {}
            return (
                super().settings()
                | upload
                | _set(
                    multiselect=False,
                    options=self.options,
                    control_after_generate=self.control_after_generate,
                    image_folder=self.image_folder,
                )
            )

    class Output(Output):
        def __init__(
            self,
            id: str | None = None,
            display_name: str | None = None,
            options: list[str] | None = None,
            tooltip: str | None = None,
            is_output_list: bool = False,
        ) -> None:
            super().__init__(id, display_name, tooltip, is_output_list)
            self.io_type = options or []


class MultiType:
    """An input that takes several types; given an Input instead of an id, it keeps that input's widget."""

    class Input(Input):
        def __init__(
            self,
            id: str | Input,
            types: list[type[SocketType]],
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            extra_dict: dict[str, Any] | None = None,
        ) -> None:
            self.widget: Input | None = None
            if isinstance(id, Input):
                self.widget = copy.copy(id)
                if isinstance(id, WidgetInput):
                    self.widget.widget_type = id.get_io_type()
                optional = id.optional or optional
                tooltip = tooltip if id.tooltip is None else id.tooltip
                display_name = display_name if id.display_name is None else id.display_name
                lazy = lazy if id.lazy is None else id.lazy
                id = id.id
            super().__init__(id, display_name, optional, tooltip, lazy, extra_dict)
            self.types = types

        def get_io_type(self) -> str:
            names = [self.widget.get_io_type()] if self.widget else []
            return ",".join(dict.fromkeys(names + [kind.io_type for kind in self.types]))

        def settings(self) -> dict[str, Any]:
            return (self.widget.settings() if self.widget else {}) | super().settings()


Image = Custom("IMAGE")
Mask = Custom("MASK")
Latent = Custom("LATENT")
Conditioning = Custom("CONDITIONING")
Model = Custom("MODEL")
Clip = Custom("CLIP")
Vae = Custom("VAE")
ClipVision = Custom("CLIP_VISION")
ClipVisionOutput = Custom("CLIP_VISION_OUTPUT")
ControlNet = Custom("CONTROL_NET")
Mesh = Custom("MESH")
Load3D = Custom("LOAD_3D")
Load3DCamera = Custom("LOAD3D_CAMERA")
AnyType = Custom("*")
