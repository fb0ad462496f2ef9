"""The Modiste body: the parametric body that ships with the pack, baked from CC0 data by lab/baking/body.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..weights import SHIPPED
from .interface import Body, BodyParameters, PosedBody
from .joints import JOINTS, PARENTS
from .skinning import apply_transforms, blend_transforms, joint_transforms, translated

BODY_FILE = SHIPPED / "modiste_body.safetensors"

# Where the dependence on each phenotype has its knots; between them it is linear. Age: 0 baby, 1/3 child, 2/3 young adult, 1 old.
PHENOTYPE_KNOTS = {
    "gender": (0.0, 1.0),
    "age": (0.0, 1 / 3, 2 / 3, 1.0),
    "muscle": (0.0, 0.5, 1.0),
    "weight": (0.0, 0.5, 1.0),
    "height": (0.0, 1.0),
    "proportions": (0.0, 1.0),
}


class ModisteBody(Body):
    """The shipped body. At rest it stands in MakeHuman's A-pose, feet apart, soles at y = 0, pelvis above the origin.

    Shape zero is a young adult, the middle of every phenotype; a coefficient of 1 is one root-mean-square deviation of people
    from it. Skinning is plain linear blending without pose correctives.
    """

    name = "modiste"

    def __init__(self, file: Path = BODY_FILE) -> None:
        from safetensors.numpy import load_file

        data = load_file(file)
        vertex_count = len(data["template"])
        self.faces = torch.from_numpy(data["faces"].astype(np.int64))
        self.corner_uv = torch.from_numpy(data["uv"][data["uv_faces"]])
        self.parts = torch.from_numpy(data["parts"].astype(np.int64))
        values = data["weight_values"].astype(np.float32)
        weights = np.zeros((vertex_count, len(JOINTS)), np.float32)
        np.put_along_axis(weights, data["weight_joints"].astype(np.int64), values / values.sum(1, keepdims=True), axis=1)
        self.weights = torch.from_numpy(weights)
        self._rest_points = torch.from_numpy(np.concatenate([data["template"], data["template_joints"]]))
        self.template = self._rest_points[:vertex_count]
        directions = data["shape_directions"].reshape(len(data["shape_scales"]), -1).astype(np.float32)
        directions *= data["shape_scales"][:, None]
        self._shape_directions = torch.from_numpy(directions)
        self.shape_size = len(directions)
        self._phenotype_shapes = torch.from_numpy(data["phenotype_shapes"])

    def shaped(self, shape: Tensor) -> tuple[Tensor, Tensor]:
        points = self._rest_points + (shape @ self._shape_directions).reshape(-1, 3)
        return points[: len(self.template)], points[len(self.template) :]

    def posed(self, parameters: BodyParameters) -> PosedBody:
        vertices, joints = self.shaped(parameters.shape)
        transforms = translated(joint_transforms(parameters.pose, joints, PARENTS), parameters.translation)
        vertices = apply_transforms(blend_transforms(self.weights, transforms), vertices)
        return PosedBody(vertices, apply_transforms(transforms, joints), transforms)

    def rest(self) -> BodyParameters:
        return BodyParameters(torch.zeros(self.shape_size), torch.zeros(len(JOINTS), 3), torch.zeros(3))

    def phenotype_shape(
        self,
        gender: float = 0.5,
        age: float = 2 / 3,
        muscle: float = 0.5,
        weight: float = 0.5,
        height: float = 0.5,
        proportions: float = 0.5,
    ) -> Tensor:  # [S]
        """Return the shape coefficients of a person described in words, each 0..1.

        gender: 0 male, 1 female; age: 0 baby, 1/3 child, 2/3 young adult, 1 old; proportions: 0 ideal, 1 uncommon.
        height spans far more than people do: a young man is 1.36 m at 0, 1.90 m at 0.5 and 2.45 m at 1, a young woman 1.22, 1.76
        and 2.31 m. Weight shows most where muscle is low.

        Raises:
            ValueError: if a phenotype is outside 0..1.
        """
        shapes = self._phenotype_shapes
        for (name, knots), value in zip(PHENOTYPE_KNOTS.items(), (gender, age, muscle, weight, height, proportions), strict=True):
            if not 0 <= value <= 1:
                raise ValueError(f"The phenotype {name} is {value:g}: give a number from 0 to 1.")
            upper = next(index for index in range(1, len(knots)) if value <= knots[index])
            part = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
            shapes = torch.lerp(shapes[upper - 1], shapes[upper], part)
        return shapes


@cache
def load_modiste_body() -> ModisteBody:
    """Return the shipped body, read once."""
    return ModisteBody()


def phenotype_shape(**phenotype: float) -> Tensor:
    """Return shape coefficients [S] of the Modiste body; see `ModisteBody.phenotype_shape` for names and ranges."""
    return load_modiste_body().phenotype_shape(**phenotype)
