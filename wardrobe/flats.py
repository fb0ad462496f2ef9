"""Flat pictures: a garment alone, from the front, on white, as a catalogue shows it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, BodyParameters, BodyState
from ..models.geometry.rotation import axis_angle_to_matrix
from ..models.render import Camera
from .anatomy import Figure
from .dressing import DressedPerson, Layer, carried
from .lighting import Lamps
from .shading import picture_alone
from .shoes import SHOE_CUTS, on_heels
from .slots import WIDE_SLOTS

# Even light from a large box in front and above.
_LAMPS = Lamps(
    key=((0.25, 0.7, 0.8), (0.50, 0.50, 0.49)),
    fill=((-0.5, 0.3, 0.8), (0.30, 0.30, 0.31)),
    rim=((0.0, 0.8, -0.6), (0.10, 0.10, 0.10)),
    sky=(0.62, 0.62, 0.63),
    ground=(0.46, 0.46, 0.46),
    spread=0.5,
)
_MARGIN = 0.06  # part of the picture kept free at each side
_FAR = 12.0  # metres to the camera, which makes its view nearly parallel
_SLEEVES = 66.0  # degrees below the horizontal at which sleeves hang
# Degrees by which a garment is turned to the camera (to its left, and down): shoes and hats are shown from the side.
_TURNS = {"shoes": (-62.0, 22.0), "hat": (-28.0, 10.0)}


def flat_picture(person: DressedPerson, layer: Layer, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Picture a garment alone, filling the frame: [H, W, 3] uint8 on pure white, and its mask [H, W] bool.

    Args:
        width, height: of the portrait picture; shoes and hats take the transpose.
    """
    if layer.name in WIDE_SLOTS:
        width, height = height, width
    pose = on_heels(_sleeves_down(person.figure), person.figure.joints, SHOE_CUTS[person.recipe.shoes.cut])
    state = BodyState(person.figure.body, BodyParameters(person.shape, pose, torch.zeros(3)))
    skinning = torch.cat([piece.sheet.values["skinning"] for piece in layer.whole])
    position = carried(state, skinning, torch.cat([piece.sheet.position for piece in layer.whole]))
    around, down = (math.radians(angle) for angle in _TURNS.get(layer.name, (0.0, 0.0)))
    turn = axis_angle_to_matrix(torch.tensor([down, 0.0, 0.0])) @ axis_angle_to_matrix(torch.tensor([0.0, around, 0.0]))
    position = position @ turn.T
    low, high = position.amin(0), position.amax(0)
    middle, size = (low + high) / 2, high - low
    room = 1 - 2 * _MARGIN
    focal = _FAR * min(width * room / float(size[0]), height * room / float(size[1]))
    # The camera looks along -Z with y down in the picture: x right, y down, z forward.
    view = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    view[:3, 3] = torch.tensor([-float(middle[0]), float(middle[1]), _FAR + float(middle[2])])
    intrinsics = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    return picture_alone(layer.whole, position, Camera(view, intrinsics, width, height), _LAMPS)


def _sleeves_down(figure: Figure) -> Tensor:
    """Return the rest pose [55, 3] with the arms let down, so that a garment with sleeves fills a portrait picture."""
    pose = torch.zeros(len(JOINTS), 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = figure.joint(f"{side}_wrist") - figure.joint(f"{side}_shoulder")
        down = math.atan2(-float(arm[1]), abs(float(arm[0])))
        pose[JOINT_INDEX[f"{side}_shoulder"], 2] = -sign * (math.radians(_SLEEVES) - down)
    return pose
