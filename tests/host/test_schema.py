"""The `/object_info` that follows from a schema; expectations are what ComfyUI 0.3.64 answers for the same schema."""

import pytest

from modiste.host.headless import io
from modiste.host.headless.schema import object_info


def info_of(**schema):
    class Node(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Node", **schema)

    return object_info(Node)


def test_widgets_send_their_settings_and_leave_unset_ones_out():
    info = info_of(
        inputs=[
            io.Int.Input("count", default=3, min=1, max=9, step=2, tooltip="How many.", control_after_generate=True),
            io.Float.Input("ratio", default=0.5, min=0, max=1, step=0.1, round=0.01, display_mode=io.NumberDisplay.slider),
            io.Boolean.Input("flip", default=False, label_on="yes", label_off="no"),
            io.String.Input("text", default="", multiline=True, placeholder="write", dynamic_prompts=True),
            io.Combo.Input("mode", options=["a", "b"], default="b", upload=io.UploadType.model),
        ]
    )
    assert info["input"]["required"] == {
        "count": ["INT", {"tooltip": "How many.", "default": 3, "min": 1, "max": 9, "step": 2, "control_after_generate": True}],
        "ratio": ["FLOAT", {"default": 0.5, "min": 0, "max": 1, "step": 0.1, "round": 0.01, "display": "slider"}],
        "flip": ["BOOLEAN", {"default": False, "label_on": "yes", "label_off": "no"}],
        "text": ["STRING", {"default": "", "multiline": True, "placeholder": "write", "dynamicPrompts": True}],
        "mode": ["COMBO", {"default": "b", "multiselect": False, "options": ["a", "b"], "file_upload": True}],
    }


def test_optional_and_hidden_inputs_have_sections_of_their_own():
    info = info_of(inputs=[io.Image.Input("image"), io.Mask.Input("mask", optional=True, lazy=True)], is_output_node=True)
    assert info["input"] == {
        "required": {"image": ["IMAGE", {}]},
        "optional": {"mask": ["MASK", {"lazy": True}]},
        "hidden": {"prompt": ["PROMPT"], "extra_pnginfo": ["EXTRA_PNGINFO"]},
    }
    assert info["input_order"] == {"required": ["image"], "optional": ["mask"], "hidden": ["prompt", "extra_pnginfo"]}


def test_a_node_without_inputs_still_has_the_required_section():
    assert info_of()["input"] == {"required": {}}


def test_outputs_are_named_by_their_display_name_or_else_their_type():
    info = info_of(
        outputs=[
            io.Image.Output("picture"),
            io.Custom("MODISTE_AVATAR").Output("avatar", display_name="avatar", tooltip="The avatar.", is_output_list=True),
        ]
    )
    assert info["output"] == ["IMAGE", "MODISTE_AVATAR"]
    assert info["output_name"] == ["IMAGE", "avatar"]
    assert info["output_tooltips"] == [None, "The avatar."]
    assert info["output_is_list"] == [False, True]


def test_several_types_keep_the_widget_of_the_first():
    types = [io.Custom("FILE_3D_GLB"), io.Custom("FILE_3D")]
    info = info_of(inputs=[io.MultiType.Input(io.String.Input("model_file", default=""), types=types, tooltip="A file.")])
    assert info["input"]["required"]["model_file"] == [
        "STRING,FILE_3D_GLB,FILE_3D",
        {"default": "", "widgetType": "STRING", "multiline": False, "tooltip": "A file."},
    ]


def test_what_the_schema_says_of_the_node_is_passed_on():
    info = info_of(display_name="A Node", category="modiste/test", description="Does it.", is_experimental=True)
    expected = {"name": "Node", "display_name": "A Node", "category": "modiste/test", "description": "Does it."}
    expected |= {"output_node": False, "experimental": True, "deprecated": False, "api_node": False}
    assert expected.items() <= info.items()


def test_an_enum_gives_its_values_as_options():
    assert io.Combo.Input("kind", options=io.NumberDisplay).options == ["number", "slider"]


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([io.Image.Input("image")], [io.Image.Output("image")]),
        ([io.Image.Input("image"), io.Mask.Input("image")], []),
        ([], [io.Image.Output("image"), io.Mask.Output("image")]),
    ],
)
def test_an_id_used_twice_is_refused(inputs, outputs):
    with pytest.raises(ValueError, match="uses the id 'image' twice"):
        io.Schema("Node", inputs=inputs, outputs=outputs)
