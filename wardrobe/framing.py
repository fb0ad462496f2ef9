"""Shots: how a person poses and where camera, lamps and background stand."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from ..models.render import Camera, look_at
from .backgrounds import Background, draw_background
from .dressing import DressedPerson, Posed
from .lighting import STUDIO, Lamps
from .pose_families import POSE_FAMILIES, DrawnPose, random_pose
from .recipes import AvatarRecipe

# How much of the person is in the picture, from the ground, a joint or another up.
FRAMINGS = {"full": None, "knees up": "left_knee", "hips up": "left_hip"}

_LONG = ("trench coat", "long coat", "parka")

_SIDE_LIGHT = Lamps(
    key=((1.0, 0.45, 0.45), (0.86, 0.83, 0.78)),
    fill=((-0.8, 0.2, 0.6), (0.16, 0.17, 0.20)),
    rim=((-0.6, 0.5, -0.8), (0.30, 0.31, 0.34)),
    sky=(0.40, 0.41, 0.44),
    ground=(0.24, 0.22, 0.21),
    spread=0.22,
)
_OVERCAST = Lamps(
    key=((0.1, 1.0, 0.35), (0.34, 0.35, 0.37)),
    fill=((-0.5, 0.3, 0.8), (0.20, 0.20, 0.20)),
    rim=((0.3, 0.6, -0.8), (0.16, 0.17, 0.18)),
    sky=(0.70, 0.72, 0.75),
    ground=(0.36, 0.35, 0.33),
    spread=0.6,
)
_SUN = Lamps(
    key=((-0.55, 0.8, 0.55), (0.98, 0.92, 0.80)),
    fill=((0.7, 0.2, 0.6), (0.12, 0.14, 0.18)),
    rim=((0.5, 0.5, -0.8), (0.20, 0.21, 0.24)),
    sky=(0.44, 0.48, 0.56),
    ground=(0.26, 0.25, 0.22),
    spread=0.10,
)
_BEAUTY = Lamps(
    key=((0.0, 0.6, 1.0), (0.56, 0.55, 0.54)),
    fill=((-0.9, 0.1, 0.5), (0.20, 0.20, 0.21)),
    rim=((0.8, 0.5, -0.7), (0.34, 0.34, 0.36)),
    sky=(0.50, 0.50, 0.52),
    ground=(0.34, 0.33, 0.32),
    spread=0.40,
)
_INDOOR, _OUTDOOR = (STUDIO, STUDIO, _SIDE_LIGHT, _BEAUTY), (_OVERCAST, _SUN)


@dataclass(frozen=True)
class Shot:
    """How a person is photographed.

    pose:      what the person does
    azimuth:   degrees by which the camera stands to the person's left, -180..180; 0 is in front
    elevation: degrees by which it looks down
    framing:   a name in FRAMINGS
    fov:       degrees over the smaller side
    margin:    part of the picture kept free around what is framed
    shift:     (x, y) by which the person stands off the middle, as parts of the picture
    """

    pose: DrawnPose
    azimuth: float
    elevation: float
    framing: str
    fov: float
    margin: float
    shift: tuple[float, float]
    lamps: Lamps
    background: Background

    @property
    def yaw(self) -> float:
        """Degrees by which the person is turned from the camera, -180..180: to the viewer's right where positive."""
        return -self.azimuth


def draw_shot(draw: random.Random, person: DressedPerson, seats: bool = True) -> Shot:
    """Draw a shot of a person: whole figures seen from the front most often.

    Args:
        seats: whether the person may sit.
    """
    low, high = draw.choices(((0, 20), (20, 60), (60, 120), (120, 180)), (0.50, 0.24, 0.12, 0.14))[0]
    background = draw_background(draw)
    lamps = draw.choice(_OUTDOOR if background.kind in ("street", "garden") else _INDOOR)
    mirrored = draw.random() < 0.5
    return Shot(
        pose=random_pose(draw, person.figure, draw.choice(_families(person.recipe, seats))),
        azimuth=draw.uniform(low, high) * draw.choice((-1, 1)),
        elevation=draw.triangular(-4, 14, 3),
        framing=draw.choices(list(FRAMINGS), (0.76, 0.15, 0.09))[0],
        fov=draw.uniform(14, 30),
        margin=draw.uniform(0.03, 0.10),
        shift=(draw.uniform(-0.03, 0.03), draw.uniform(-0.02, 0.02)),
        lamps=_mirrored(lamps) if mirrored else lamps,
        background=background,
    )


def shot_camera(standing: Posed, shot: Shot, width: int, height: int) -> Camera:
    """Place the camera of a shot so that what it frames fills the picture."""
    points = standing.vertices[::7]
    joint = FRAMINGS[shot.framing]
    if joint is not None:
        joints = standing.body.posed().joints
        points = points[points[:, 1] > float(joints[JOINT_INDEX[joint]][1])]
    return framed(points, shot.azimuth, shot.elevation, shot.fov, shot.margin, shot.shift, width, height)


def framed(
    points: Tensor,  # [N, 3] metres
    azimuth: float,
    elevation: float,
    fov: float,
    margin: float,
    shift: tuple[float, float],
    width: int,
    height: int,
) -> Camera:
    """Place a camera in a direction (degrees) so that all points just fill the picture but for a margin."""
    around, up = math.radians(azimuth), math.radians(elevation)
    direction = torch.tensor([math.sin(around) * math.cos(up), math.sin(up), math.cos(around) * math.cos(up)])
    target = (points.amin(0) + points.amax(0)) / 2
    tangent = math.tan(math.radians(fov) / 2) * (1 - 2 * margin)
    slopes = torch.tensor([tangent * max(width / height, 1.0), tangent * max(height / width, 1.0)])
    distance = 3.0
    for _ in range(3):
        camera = look_at(target + distance * direction, target, fov, width, height)
        seen = points @ camera.view[:3, :3].T + camera.view[:3, 3]
        # Centre what is seen, then step back until it fits.
        low, high = (seen[:, :2] / seen[:, 2:]).amin(0), (seen[:, :2] / seen[:, 2:]).amax(0)
        middle = (low + high) / 2 * float(seen[:, 2].mean())
        target = target + camera.view[:3, :3].T[:, :2] @ middle
        offset = (points - target) @ camera.view[:3, :3].T
        distance = float((offset[:, :2].abs() / slopes - offset[:, 2:]).max())
    camera = look_at(target + distance * direction, target, fov, width, height)
    intrinsics = camera.intrinsics.clone()
    intrinsics[:2, 2] += torch.tensor([shift[0] * width, shift[1] * height])
    return Camera(camera.view, intrinsics, width, height)


def _families(recipe: AvatarRecipe, seats: bool) -> list[str]:
    """Return the poses that an outfit allows: skirts and long coats do not drape over thighs, so who wears one does not sit."""
    garments = recipe.garments()
    wide = "dress" in garments or "skirt" in garments["lower"].cut or ("outer" in garments and garments["outer"].cut in _LONG)
    return [family for family in POSE_FAMILIES if family != "sit" or (seats and not wide)]


def _mirrored(lamps: Lamps) -> Lamps:
    """Return the lamps with left and right exchanged."""

    def mirror(lamp):  # noqa: ANN001, ANN202 - a lamp in, a lamp out
        (x, y, z), color = lamp
        return (-x, y, z), color

    return Lamps(mirror(lamps.key), mirror(lamps.fill), mirror(lamps.rim), lamps.sky, lamps.ground, lamps.spread)
