"""Bodies: the shipped Modiste body and the user's SMPL-X file behind one interface, with skinning, poses and parameter files.

Both have the 55 joints of JOINTS with the same names, order and parents, so the joint map between them is the identity; what
differs is the rest pose (A-pose here, T-pose there), which `retarget_pose` takes care of.
"""

from .interface import Body, BodyParameters, BodyState, PosedBody
from .joints import JOINT_INDEX, JOINTS, PARENTS, PART_INDEX, PARTS
from .modiste import ModisteBody, load_modiste_body, phenotype_shape
from .parameters import read_body_parameters, write_body_parameters
from .poses import POSES, grounded, named_pose
from .retarget import retarget_pose
from .smplx_body import load_smplx

__all__ = [
    "JOINTS",
    "JOINT_INDEX",
    "PARENTS",
    "PARTS",
    "PART_INDEX",
    "POSES",
    "Body",
    "BodyParameters",
    "BodyState",
    "ModisteBody",
    "PosedBody",
    "grounded",
    "load_modiste_body",
    "load_smplx",
    "named_pose",
    "phenotype_shape",
    "read_body_parameters",
    "retarget_pose",
    "write_body_parameters",
]
