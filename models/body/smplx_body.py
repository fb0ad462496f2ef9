"""SMPL-X on the user's model file, through the smplx package (both under their own non-commercial licence)."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .interface import Body, BodyParameters, PosedBody
from .joints import JOINTS, PARENTS
from .parts import parts_from_weights
from .skinning import joint_transforms, translated
from .smplx_file import read_smplx_file


class SmplxBody(Body):
    """SMPL-X: T-pose at rest, pelvis near the origin, pose correctives included; hands as full axis-angle around flat hands.

    Make one with `load_smplx`.
    """

    name = "smplx"
    corner_uv = None

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self.template = model.v_template
        self.faces = model.faces_tensor
        self.weights = model.lbs_weights
        self.parts = parts_from_weights(self.weights)
        self.shape_size = model.num_betas

    def shaped(self, shape: Tensor) -> tuple[Tensor, Tensor]:
        vertices = self.template + self._model.shapedirs @ shape
        return vertices, self._model.J_regressor @ vertices

    def posed(self, parameters: BodyParameters) -> PosedBody:
        pose = parameters.pose.reshape(1, -1)
        names = ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose")
        output = self._model(
            betas=parameters.shape[None],
            expression=pose.new_zeros(1, self._model.num_expression_coeffs),
            transl=parameters.translation[None],
            **dict(zip(names, pose.split([3, 63, 3, 3, 3, 45, 45], dim=1), strict=True)),
        )
        joints = self.shaped(parameters.shape)[1]
        transforms = translated(joint_transforms(parameters.pose, joints, PARENTS), parameters.translation)
        return PosedBody(output.vertices[0], output.joints[0, : len(JOINTS)], transforms)

    def rest(self) -> BodyParameters:
        return BodyParameters(torch.zeros(self.shape_size), torch.zeros(len(JOINTS), 3), torch.zeros(3))


def load_smplx(path: Path) -> SmplxBody:
    """Load an SMPL-X model file (npz). It is checked whole, and nothing in it is ever unpickled.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a sound SMPL-X file, or the smplx package is missing.
    """
    arrays = read_smplx_file(path)
    try:
        import smplx
    except ImportError as error:
        raise ValueError("SMPL-X bodies need the smplx package: run 'pip install smplx', or use the Modiste body.") from error
    # smplx takes its first 300 columns for shape where there are 400, else 10 for shape and 10 for expression.
    coefficients = arrays["shapedirs"].shape[2]
    with tempfile.TemporaryDirectory(prefix="modiste-smplx-") as folder:
        checked = Path(folder) / "SMPLX_CHECKED.npz"
        np.savez(checked, **arrays)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that 20 columns are few
            model = smplx.SMPLX(
                str(checked),
                ext="npz",
                num_betas=300 if coefficients == 400 else 10,
                num_expression_coeffs=10,
                use_pca=False,
                flat_hand_mean=True,
            )
    return SmplxBody(model.requires_grad_(False))
