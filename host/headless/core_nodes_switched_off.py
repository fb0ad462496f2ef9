"""ComfyUI's nodes that templates show switched off: here they can be wired and carried along, and ComfyUI runs them."""

from __future__ import annotations

from typing import Any

from . import io
from .folders import core_model_files


class _SwitchedOff(io.ComfyNode):
    @classmethod
    def validate_inputs(cls, **_: Any) -> str:
        return f"'{cls.define_schema().display_name}' needs ComfyUI: run this workflow there, or bypass the node."


class ControlNetLoader(_SwitchedOff):
    """A ControlNet of the controlnet folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ControlNetLoader",
            display_name="Load ControlNet Model",
            category="loaders",
            inputs=[io.Combo.Input("control_net_name", options=core_model_files("controlnet"))],
            outputs=[io.ControlNet.Output()],
        )


class ControlNetApplyAdvanced(_SwitchedOff):
    """A ControlNet on both prompts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ControlNetApplyAdvanced",
            display_name="Apply ControlNet",
            category="conditioning/controlnet",
            inputs=[
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.ControlNet.Input("control_net"),
                io.Image.Input("image"),
                io.Float.Input("strength", default=1.0, min=0.0, max=10.0, step=0.01),
                io.Float.Input("start_percent", default=0.0, min=0.0, max=1.0, step=0.001),
                io.Float.Input("end_percent", default=1.0, min=0.0, max=1.0, step=0.001),
                io.Vae.Input("vae", optional=True),
            ],
            outputs=[io.Conditioning.Output(display_name="positive"), io.Conditioning.Output(display_name="negative")],
        )


class CLIPVisionLoader(_SwitchedOff):
    """An image encoder of the clip_vision folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CLIPVisionLoader",
            display_name="Load CLIP Vision",
            category="loaders",
            inputs=[io.Combo.Input("clip_name", options=core_model_files("clip_vision"))],
            outputs=[io.ClipVision.Output()],
        )


NODES = [ControlNetLoader, ControlNetApplyAdvanced, CLIPVisionLoader]
