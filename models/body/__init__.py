"""Bodies: the shipped Modiste body and the user's SMPL-X file behind one interface, with skinning, poses and parameter files."""

from .interface import Body, BodyParameters, BodyState, PosedBody
from .joints import JOINT_INDEX, JOINTS, PARENTS, PART_INDEX, PARTS
from .modiste import ModisteBody, load_modiste_body, phenotype_shape

__all__ = [
    "JOINTS",
    "JOINT_INDEX",
    "PARENTS",
    "PARTS",
    "PART_INDEX",
    "Body",
    "BodyParameters",
    "BodyState",
    "ModisteBody",
    "PosedBody",
    "load_modiste_body",
    "phenotype_shape",
]
