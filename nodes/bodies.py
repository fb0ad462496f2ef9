"""The body inside an avatar."""

from __future__ import annotations

from ..host import ADVANCED, input_files, io, model_files, model_path
from .files import NONE, check_chosen, chosen_fingerprint, chosen_path
from .types import BodyType

MODISTE = "Modiste body"


def _phenotype(name, default, tooltip):
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.01, tooltip=f"Modiste body only: {tooltip}", **ADVANCED)


class LoadBody(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        from ..models.body.poses import POSES

        return io.Schema(
            node_id="ModisteLoadBody",
            display_name="Load Body",
            category="modiste/avatars",
            description="A parametric body with its shape and pose: the one shipped with this pack, or your own SMPL-X file.",
            inputs=[
                io.Combo.Input(
                    "model",
                    options=[MODISTE, *model_files((".npz",))],
                    default=MODISTE,
                    tooltip="The shipped body, or an SMPL-X .npz file in ComfyUI/models/modiste (non-commercial, see help).",
                ),
                io.Combo.Input(
                    "parameters",
                    options=[NONE, *input_files((".json", ".npz"))],
                    default=NONE,
                    tooltip="Shape and pose (.json or .npz with betas, body_pose, ...) in the input or output folder. "
                    "none: the pose and the figure below.",
                ),
                io.Combo.Input(
                    "pose", options=list(POSES), default="rest", tooltip="How the body stands, when no parameters file is given."
                ),
                _phenotype("gender", 0.5, "0 masculine, 1 feminine."),
                _phenotype("age", 0.67, "0 baby, 0.33 child, 0.67 young adult, 1 old."),
                _phenotype("muscle", 0.5, "0 none, 1 athlete."),
                _phenotype("weight", 0.5, "0 thin, 1 heavy."),
                _phenotype("height", 0.5, "0 short, 1 tall."),
                _phenotype("proportions", 0.5, "0 ideal, 1 uncommon."),
            ],
            outputs=[BodyType.Output("body", display_name="body")],
        )

    @classmethod
    def validate_inputs(cls, parameters):
        return check_chosen(parameters)

    @classmethod
    def fingerprint_inputs(cls, parameters, **_):
        return chosen_fingerprint(parameters)

    @classmethod
    def execute(cls, model, parameters, pose, **phenotype):
        import torch

        from ..models.body import BodyParameters, BodyState, load_modiste_body, load_smplx, read_body_parameters
        from ..models.body.poses import grounded, named_pose

        if model == MODISTE:
            body = load_modiste_body()
            shape = body.phenotype_shape(**phenotype)
        else:
            body = load_smplx(model_path(model))
            shape = body.rest().shape
        path = chosen_path(parameters)
        if path is not None:
            return io.NodeOutput(BodyState(body, read_body_parameters(path, body)))
        return io.NodeOutput(BodyState(body, grounded(body, BodyParameters(shape, named_pose(pose, body), torch.zeros(3)))))


NODES = [LoadBody]
