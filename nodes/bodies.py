"""The body inside an avatar."""

from __future__ import annotations

from ..host import ADVANCED, Progress, device, input_files, io, model_files, model_path
from .files import NONE, check_chosen, chosen_fingerprint, chosen_path
from .types import AvatarType, BodyType, CamerasType

MODISTE = "Modiste body"
FIND_OUT = "find out"
HEADINGS = {"front": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}  # degrees from +Z towards +X


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


class FitBody(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteFitBody",
            display_name="Fit Body",
            category="modiste/avatars",
            description="Find the body inside a clothed avatar that came without one: its shape, its pose and where it stands.",
            inputs=[
                AvatarType.Input("avatar", tooltip="One whole person, upright, in metres. Labels, where there are some, help."),
                io.Combo.Input(
                    "quality",
                    options=["draft", "fast", "fine"],
                    default="fast",
                    tooltip="fast: about ten seconds. draft: a third of that, for a first look. fine: more starts and points, "
                    "twice as long.",
                ),
                io.Combo.Input(
                    "heading",
                    options=[FIND_OUT, *HEADINGS],
                    default=FIND_OUT,
                    tooltip="Where the person looks. front: towards the viewer of Render Avatar at start 0 (+Z). left: to +X. "
                    "Set it when the body came out turned round.",
                ),
                io.Combo.Input(
                    "keypoints",
                    options=[NONE, *input_files((".json", ".npz"))],
                    default=NONE,
                    tooltip="File with places of joints (.json or .npz, see help) in the input or output folder, to guide the fit.",
                ),
                io.Float.Input(
                    "pose_prior",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How much unusual poses cost: 1 is usual, 0 allows any, 10 holds limbs near a quiet stance.",
                    **ADVANCED,
                ),
                io.Float.Input(
                    "shape_prior",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How much unusual figures cost: 1 is usual, 0 allows any, 10 stays near the average.",
                    **ADVANCED,
                ),
                BodyType.Input(
                    "body",
                    optional=True,
                    tooltip="Which body to fit, from Load Body; its pose and figure are tried first. Without it: the Modiste body.",
                ),
                io.MultiType.Input(
                    "pose_data",
                    types=[io.Custom("MHR_POSE_DATA"), io.Custom("POSE_KEYPOINT")],
                    optional=True,
                    tooltip="Pose from Run SAM3D Body Prediction, or from an OpenPose or DWPose node together with 'cameras'.",
                ),
                CamerasType.Input(
                    "cameras",
                    optional=True,
                    tooltip="From the Render Avatar whose pictures 2D keypoints were found in, a camera for each picture.",
                ),
            ],
            outputs=[
                AvatarType.Output(
                    "fitted", display_name="avatar", tooltip="The avatar with the body inside, for Transfer Skinning."
                ),
                BodyType.Output("fitted_body", display_name="body", tooltip="The body alone."),
                io.String.Output(
                    "report", display_name="report", tooltip="How well the body sits, in plain words and millimetres."
                ),
                io.Image.Output(
                    "picture",
                    display_name="picture",
                    tooltip="The body in blue over the avatar: from its front, its left and behind.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, keypoints):
        return check_chosen(keypoints)

    @classmethod
    def fingerprint_inputs(cls, keypoints, **_):
        return chosen_fingerprint(keypoints)

    @classmethod
    def execute(cls, avatar, quality, heading, keypoints, pose_prior, shape_prior, body=None, pose_data=None, cameras=None):
        from dataclasses import replace

        from ..models.avatars.body_fit import Settings, fit_body
        from ..models.avatars.body_fit.keypoint_files import keypoints_from_pose_data, read_keypoints
        from ..models.avatars.body_fit.pictures import overlay
        from ..models.body import load_modiste_body

        views = cameras.cameras if cameras else ()
        path = chosen_path(keypoints)
        known = [] if path is None else [*read_keypoints(path, views)]
        known += [] if pose_data is None else keypoints_from_pose_data(pose_data, views)
        settings = Settings(quality, pose_prior, shape_prior, HEADINGS.get(heading), body.parameters if body else None)
        fit = fit_body(avatar, body.model if body else load_modiste_body(), known, settings, progress=Progress(100))
        picture = overlay(avatar, fit.body, fit.report.heading, device=device(), progress=Progress(100))
        return io.NodeOutput(replace(avatar, body=fit.body), fit.body, fit.report.text(), picture)


NODES = [LoadBody, FitBody]
