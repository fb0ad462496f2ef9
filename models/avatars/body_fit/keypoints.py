"""Places of joints that somebody observed, in space or in pictures, and how they pull at a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.joints import JOINT_INDEX, JOINTS
from ...render import Camera
from .energy import Pulls
from .rig import Posed

LEAST_JOINTS = 4
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_STRENGTH = 0.02  # cost of a keypoint that is one spread away, on the scale of the surface's mean square centimetres
_OUTLIER = 4.0  # spreads from which on a keypoint counts less and less


@dataclass(frozen=True)
class Spots:
    """K observed places of joints in space.

    joints: [K] int64 index into JOINTS
    points: [K, 3] metres
    trust:  [K] in 0..1
    spread: [K] metres that such an observation is usually off
    placed: False where only their form is known: place, heading and size then come from the body (a camera's space, for instance)
    """

    joints: Tensor
    points: Tensor
    trust: Tensor
    spread: Tensor
    placed: bool = True


@dataclass(frozen=True)
class Pixels:
    """K observed places of joints in a picture.

    joints: [K] int64 index into JOINTS
    points: [K, 2] pixels from the upper left corner
    trust:  [K] in 0..1
    spread: [K] metres that such an observation is usually off, at the joint
    camera: that took the picture
    """

    joints: Tensor
    points: Tensor
    trust: Tensor
    spread: Tensor
    camera: Camera


Keypoints = Sequence[Spots | Pixels]


@dataclass(frozen=True)
class Layout:
    """What the numbers of a list of keypoints stand for.

    joints: of each keypoint, or None where it is no joint
    spread: metres between what it is named for and the joint of ours that stands for it, at a guess
    """

    joints: tuple[str | None, ...]
    spread: tuple[float, ...]


# How far off a detector's keypoint is from our joint of that name: hips and shoulders are other points there.
_SPREADS = {"hip": 0.045, "shoulder": 0.03, "neck": 0.05, "pelvis": 0.04, "ankle": 0.025, "eye": 0.015}


def _layout(names: str) -> Layout:
    """Read names of joints, l_ and r_ being the sides and - no joint."""
    joints = tuple(None if name == "-" else name.replace("l_", "left_").replace("r_", "right_") for name in names.split())
    spread = tuple(_SPREADS.get((joint or "").rpartition("_")[2], 0.02) for joint in joints)
    return Layout(joints, spread)


# A fit does not bend fingers, so their first knuckles count and the others do not.
_HANDS = " ".join(
    " ".join(f"- - - {side}_{finger}1" for finger in ("thumb", "index", "middle", "ring", "pinky")) + f" {side}_wrist"
    for side in ("r", "l")
)
_STIFF = tuple(None if joint[-1] in "23" and joint[:-1].endswith(FINGERS) else joint for joint in JOINTS)
LAYOUTS: dict[str, Layout] = {
    "joints": Layout(_STIFF, (0.006,) * len(JOINTS)),
    "coco17": _layout(
        "- l_eye r_eye - - l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle"
    ),
    "openpose18": _layout(
        "- neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle r_eye l_eye - -"
    ),
    "openpose25": _layout(
        "- neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle r_eye l_eye"
        " - - - - - - - -"
    ),
    # The 70 keypoints of SAM 3D Body, in the order of Sapiens: body, feet, right hand, left hand, elbows and shoulders, neck.
    "mhr70": _layout(
        "- l_eye r_eye - - l_shoulder r_shoulder l_elbow r_elbow l_hip r_hip l_knee r_knee l_ankle r_ankle - - - - - - "
        + _HANDS
        + " - - - - - - neck"
    ),
}
LAYOUT_OF_COUNT = {len(layout.joints): name for name, layout in LAYOUTS.items()}


def spots(points: Tensor, trust: Tensor, layout: str, placed: bool = True) -> Spots:
    """Take the joints of a layout out of points [K, 3] (metres) with their trust [K].

    Raises:
        ValueError: if fewer than four joints are there.
    """
    joints, rows, spread = _known(points, trust, LAYOUTS[layout])
    return Spots(joints, points[rows].float(), trust[rows].float(), spread, placed)


def pixels(points: Tensor, trust: Tensor, layout: str, camera: Camera) -> Pixels:
    """Take the joints of a layout out of points [K, 2] in a picture with their trust [K].

    Raises:
        ValueError: if fewer than four joints are there.
    """
    joints, rows, spread = _known(points, trust, LAYOUTS[layout])
    return Pixels(joints, points[rows].float(), trust[rows].float(), spread, camera)


def _known(points: Tensor, trust: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Return joint, row and spread [M] of the keypoints that are joints and were seen."""
    seen = (trust > 0.05) & points.isfinite().all(1)
    rows = [row for row, joint in enumerate(layout.joints[: len(points)]) if joint is not None and bool(seen[row])]
    if len(rows) < LEAST_JOINTS:
        raise ValueError(
            f"The keypoints hold {len(rows)} joints that were seen, and at least {LEAST_JOINTS} are needed: find them anew, "
            "or leave them out."
        )
    joints = torch.tensor([JOINT_INDEX[layout.joints[row]] for row in rows])
    return joints, torch.tensor(rows), torch.tensor([layout.spread[row] for row in rows])


def keypoint_pulls(keypoints: Keypoints, posed: Posed, reach: float) -> tuple[Pulls, float]:
    """Return how keypoints pull at the rig, and what they cost.

    Args:
        reach: metres of the surface's terms; a keypoint twice as far off counts less and less, or one four spreads off.
    """
    count = len(posed.carried)
    first = count - len(JOINTS)
    pulls, cost = Pulls(torch.zeros(count, 3, 3), torch.zeros(count, 3)), 0.0
    for observed in keypoints:
        joints = posed.joints[observed.joints]
        if isinstance(observed, Pixels):
            away, plane = _in_picture(observed, joints)
        else:
            away = (observed.points if observed.placed else _laid_on(observed, joints)) - joints
            plane = torch.eye(3).expand(len(joints), 3, 3)
        scale = (_OUTLIER * observed.spread).clamp_min(2 * reach)
        square = away.square().sum(-1)
        ratio = scale.square() / (scale.square() + square)
        level = _STRENGTH * observed.trust / observed.spread.square()
        weight = level * ratio.square()
        pulls.matrix.index_add_(0, first + observed.joints, weight[:, None, None] * plane)
        pulls.force.index_add_(0, first + observed.joints, -weight[:, None] * away)
        cost += float((level * ratio * square).sum())
    return pulls, cost


def keypoint_distances(keypoints: Keypoints, joints: Tensor) -> Tensor:
    """Return how many metres each keypoint is off the joints [55, 3] of a body; for pictures, at the joint's depth."""
    found = []
    for observed in keypoints:
        places = joints[observed.joints]
        if isinstance(observed, Pixels):
            found.append(_in_picture(observed, places)[0].norm(dim=-1))
        else:
            found.append(((observed.points if observed.placed else _laid_on(observed, places)) - places).norm(dim=-1))
    return torch.cat(found)


def _in_picture(observed: Pixels, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Return where joints [K, 3] have to go [K, 3] to be seen at their keypoints, and in which planes [K, 3, 3].

    The way is the shortest: across the ray through the joint, as long as the picture shows it at the joint's depth.
    """
    camera = observed.camera
    rotation, focal = camera.view[:3, :3].float(), camera.intrinsics[[0, 1], [0, 1]].float()
    local = joints @ rotation.T + camera.view[:3, 3].float()
    depth = local[:, 2:].clamp_min(0.05)
    off = (observed.points - camera.intrinsics[:2, 2].float()) / focal * depth - local[:, :2]
    # A move (x, y, z) in the camera's space shows as (x - z u, y - z v), u and v being the joint's slopes.
    slopes = (local[:, :2] / depth).clamp(-2, 2)
    shows = torch.cat([torch.eye(2).expand(len(joints), 2, 2), -slopes[..., None]], dim=-1) @ rotation
    plane = shows.transpose(1, 2) @ torch.linalg.inv(shows @ shows.transpose(1, 2)) @ shows
    away = shows.transpose(1, 2) @ torch.linalg.solve(shows @ shows.transpose(1, 2), off[..., None])
    return away[..., 0], plane


def _laid_on(observed: Spots, joints: Tensor) -> Tensor:
    """Return the points [K, 3] moved, turned and scaled so that they lie on the joints [K, 3] best (Umeyama 1991)."""
    weight = (observed.trust / observed.spread.square())[:, None].double()
    weight = weight / weight.sum()
    points, target = observed.points.double(), joints.double()
    middle, goal = (weight * points).sum(0), (weight * target).sum(0)
    centred, aimed = points - middle, target - goal
    u, stretch, vt = torch.linalg.svd((weight * aimed).T @ centred)
    flip = torch.ones(3, dtype=torch.float64)
    flip[2] = torch.sign(torch.linalg.det(u @ vt))
    scale = (stretch * flip).sum() / (weight * centred.square()).sum().clamp_min(1e-12)
    return (scale * centred @ (u @ torch.diag(flip) @ vt).T + goal).float()
