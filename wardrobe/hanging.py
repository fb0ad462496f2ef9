"""Cloth below the hips: rings of vertices that continue a garment's lower rim down to its hem."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from .anatomy import Figure
from .draping import Obstacle, Tube, hang, wrap_hull
from .noise import noise, smoothstep
from .sheets import Sheet, rim_edges

_ROW = 0.050  # metres between rings


def trunk_tube(
    figure: Figure, bottom: float, slope: float, lower_slope: float | None = None, obstacle: Obstacle | None = None
) -> Tube:
    """Wrap torso and legs, down to a height, in cloth that comes back in by at most `slope` metres a metre.

    Args:
        lower_slope: the same below the hips.
        obstacle: what it holds near the body, such as a garment worn beneath, is wrapped too.
    """
    top = figure.armpit + 0.08
    middle = float(figure.sheet.position[figure.on_parts("torso")][:, 2].mean())
    axis = torch.tensor([0.0, top, middle]), torch.tensor([0.0, bottom - 0.03, middle])
    trunk = figure.on_parts("torso", "upper_leg", "lower_leg") & (figure.sheet.position[:, 1] < top + 0.02)
    points = figure.sheet.position[trunk]
    if obstacle is not None:
        points = torch.cat([points, _worn_beneath(wrap_hull(points, *axis), obstacle.points)])
    return hang(wrap_hull(points, *axis), slope, lower_slope, hip_line(figure))


def hip_line(figure: Figure) -> float:
    """Return the height below which long garments are no longer cut from the body's surface but hang."""
    return figure.crotch + 0.30 * (figure.waist - figure.crotch)


def lengthen(figure: Figure, sheet: Sheet, hips: float, hem: float, flare: float = 0.0) -> Sheet:
    """Hang rings of cloth on the rim at the height `hips` of a sheet that was cut there, down to the height `hem`.

    Args:
        flare: metres outwards a metre down that the cloth will fall; it only says how closely it follows the legs.
    """
    chain, closed = _lower_rim(sheet, hips)
    tube = trunk_tube(figure, hem, 9.0)
    count, rows = len(chain), max(2, round((hips - hem) / _ROW))
    angle = _even_angles(tube, sheet.position[chain], closed)
    down = torch.linspace(0, 1, rows + 1)[1:].repeat_interleave(count)
    column = torch.arange(count).repeat(rows)
    height = hips + down * (hem - hips)
    # The rim's own spacing evens out over the first centimetres.
    evened = smoothstep(0.0, 0.12, hips - height)
    turn = torch.lerp(angle[0][column], angle[1][column], evened)
    position = tube.place(turn, height, tube.radius_at(turn, height))
    values = {name: value[chain[column]] for name, value in sheet.values.items()}
    skinning = torch.lerp(
        values["skinning"], skirt_skinning(figure, position, flare), smoothstep(0.0, 0.15, hips - height)[:, None]
    )
    outwards = torch.stack([turn.sin(), torch.zeros_like(turn), turn.cos()], 1)
    edge = torch.minimum(values["above"][:, 0], height - hem)[:, None]
    values |= {"position": position, "start": position, "normal": outwards, "edge": edge, "skinning": skinning}
    ring = torch.cat([chain, len(sheet.position) + torch.arange(rows * count)]).view(rows + 1, count)
    if closed:
        ring = torch.cat([ring, ring[:, :1]], 1)
    here, beside, below, across = ring[:-1, :-1], ring[:-1, 1:], ring[1:, :-1], ring[1:, 1:]
    faces = torch.cat([torch.stack([below, beside, here], -1), torch.stack([below, across, beside], -1)]).reshape(-1, 3)
    return Sheet(
        torch.cat([sheet.faces, faces]),
        {name: torch.cat([value, values[name]]) for name, value in sheet.values.items()},
    )


def skirt_skinning(figure: Figure, position: Tensor, flare: float) -> Tensor:
    """Return the joint weights [V, 55] of cloth round the legs: it follows the pelvis, the thighs and a little the shins.

    The wider it falls, the less it follows: on a thigh that is lifted it should lie, not stand off.
    """
    height, side = position[:, 1], smoothstep(-0.09, 0.09, position[:, 0])
    knee = float(figure.joint("left_knee")[1])
    thigh = (0.97 - 0.25 * flare) * smoothstep(figure.crotch + 0.10, figure.crotch - 0.14, height)
    shin = 0.5 * smoothstep(knee + 0.05, knee - 0.20, height)
    skinning = torch.zeros(len(position), len(JOINT_INDEX))
    skinning[:, JOINT_INDEX["pelvis"]] = 1 - thigh
    for name, share in (("left", side), ("right", 1 - side)):
        skinning[:, JOINT_INDEX[f"{name}_hip"]] = thigh * share * (1 - shin)
        skinning[:, JOINT_INDEX[f"{name}_knee"]] = thigh * share * shin
    return skinning


def folds(angle: Tensor, down: Tensor, seed: int) -> Tensor:
    """Return how cloth stands off, -1..1 [N], where it falls in about nine folds.

    Args:
        angle: [N] radians round the axis.
        down: [N] metres below where it is held.
    """
    ring = torch.stack([angle.sin() * 2.2, angle.cos() * 2.2, down * 0.7], 1)
    return torch.sin(angle * 9 + 3 * noise(ring, seed)) * (0.6 + 0.4 * noise(ring * 1.7, seed + 1))


def _worn_beneath(body: Tube, points: Tensor) -> Tensor:
    """Return those points [N, 3] that lie near a trunk, nearer the higher they are: neither arms nor hands."""
    points = points[(points[:, 1] < body.top[1]) & (points[:, 1] > body.bottom[1])]
    angle, distance = body.polar(points)
    near = 0.05 + 0.45 * (body.top[1] - 0.35 - points[:, 1]).clamp_min(0)
    return points[distance < body.radius_at(angle, points[:, 1]) + near]


def _lower_rim(sheet: Sheet, height: float) -> tuple[Tensor, bool]:
    """Return the vertices of the rim at a height in order, and whether they go all the way round."""
    rim, _, _ = rim_edges(sheet.faces)
    low = ((sheet.position[:, 1] - height).abs() < 1e-3) & (sheet.values["armness"][:, 0] < 0.05)
    rim = rim[low[rim].all(1)]
    following = dict(rim.tolist())
    first = next(iter(set(following) - set(following.values())), rim[0, 0].item())
    chain = [first]
    while chain[-1] in following and (after := following[chain[-1]]) != first:
        chain.append(after)
    return torch.tensor(chain), chain[-1] in following


def _even_angles(tube: Tube, points: Tensor, closed: bool) -> Tensor:
    """Return the angles of a rim's points [C, 3] in order, and the same evenly spread over as much of the circle: [2, C]."""
    if closed:
        points = torch.cat([points, points[:1]])
    angle, _ = tube.polar(points)
    step = (angle.diff() + math.pi) % (2 * math.pi) - math.pi
    wound = torch.cat([angle[:1], angle[0] + step.cumsum(0)])
    length = torch.cat([torch.zeros(1), points.diff(dim=0).norm(dim=1).cumsum(0)])
    even = wound[0] + (wound[-1] - wound[0]) * length / length[-1]
    both = torch.stack([wound, even])
    return both[:, :-1] if closed else both
