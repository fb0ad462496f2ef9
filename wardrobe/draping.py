"""How cloth lies on a body: it hangs from what sticks out, bridges hollows, and never goes inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import smooth_normals
from .noise import smoothstep
from .sheets import Sheet, neighbour_mean, rim_edges

_ANGLES = 72
_HEIGHTS = 80
_REACH = 0.05  # metres from the surface within which a point can be told to be inside


class Obstacle:
    """What cloth must stay outside of: oriented surface points."""

    def __init__(
        self,
        points: Tensor,  # [N, 3] metres
        normals: Tensor,  # [N, 3] unit, outwards
    ) -> None:
        from scipy.spatial import cKDTree

        self._points, self._normals = points, normals
        # Garment after garment joins, so a tree that is built fast serves better than one that is searched fastest.
        self._tree = cKDTree(points.numpy(), balanced_tree=False, compact_nodes=False)

    @property
    def points(self) -> Tensor:
        """The surface points [N, 3]."""
        return self._points

    def joined(self, points: Tensor, normals: Tensor) -> Obstacle:
        """Return this obstacle together with more points."""
        return Obstacle(torch.cat([self._points, points]), torch.cat([self._normals, normals]))

    def push_out(self, points: Tensor, clearance: Tensor | float) -> Tensor:
        """Return the points, moved along the surface normals to at least `clearance` metres outside."""
        # Far from the surface the tangent plane says nothing about inside and outside.
        _, index = self._tree.query(points.numpy(), distance_upper_bound=_REACH, workers=torch.get_num_threads())
        near = torch.from_numpy(index < len(self._points)).nonzero()[:, 0]
        index = torch.from_numpy(index)[near]
        normal = self._normals[index]
        height = ((points[near] - self._points[index]) * normal).sum(1)
        if isinstance(clearance, Tensor):
            clearance = clearance[near]
        return points.index_add(0, near, (clearance - height).clamp_min(0)[:, None] * normal)

    def height_over(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return how far points [N, 3] lie over the tangent plane of the nearest surface point, its normal and its distance."""
        distance, index = self._tree.query(points.numpy())
        index = torch.from_numpy(index)
        normal = self._normals[index]
        return ((points - self._points[index]) * normal).sum(1), normal, torch.from_numpy(distance)


@dataclass(frozen=True)
class Tube:
    """A surface round an upright axis, as a table of radii.

    top, bottom: [3] ends of the axis
    radius:      [_HEIGHTS, _ANGLES] metres; row 0 is the top, column 0 the front (+Z), angles go towards +X
    """

    top: Tensor
    bottom: Tensor
    radius: Tensor

    def axis(self, height: Tensor) -> Tensor:
        """Return the axis points [N, 3] at heights [N]."""
        amount = (self.top[1] - height) / (self.top[1] - self.bottom[1])
        return torch.lerp(self.top, self.bottom, amount[:, None])

    def polar(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the angle and distance of points [N, 3] round the axis."""
        offset = points - self.axis(points[:, 1])
        return torch.atan2(offset[:, 0], offset[:, 2]), offset[:, [0, 2]].norm(dim=1)

    def radius_at(self, angle: Tensor, height: Tensor) -> Tensor:
        """Return the radius [N] at angles and heights."""
        column = (angle / (2 * math.pi) % 1) * _ANGLES
        row = ((self.top[1] - height) / (self.top[1] - self.bottom[1]) * (_HEIGHTS - 1)).clamp(0, _HEIGHTS - 1)
        table = torch.cat([self.radius, self.radius[:, :1]], 1)[None, None]
        grid = torch.stack([column / _ANGLES * 2 - 1, row / (_HEIGHTS - 1) * 2 - 1], -1)[None, None]
        return torch.nn.functional.grid_sample(table, grid, align_corners=True, padding_mode="border")[0, 0, 0]

    def place(self, angle: Tensor, height: Tensor, radius: Tensor) -> Tensor:
        """Return the points [N, 3] at angles, heights and radii."""
        outwards = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], 1)
        axis = self.axis(height)
        return torch.stack([axis[:, 0], height, axis[:, 2]], 1) + radius[:, None] * outwards


def wrap_tube(points: Tensor, top: Tensor, bottom: Tensor) -> Tube:
    """Measure the outermost radius of points [N, 3] round the axis from `top` to `bottom`; gaps are filled from beside."""
    table = _farthest(points, top, bottom)
    while not (table > 0).all():
        padded = torch.nn.functional.pad(table[None, None], (1, 1, 0, 0), mode="circular")
        padded = torch.nn.functional.pad(padded, (0, 0, 1, 1), mode="replicate")
        table = torch.where(table > 0, table, torch.nn.functional.max_pool2d(padded, 3, 1)[0, 0])
    return Tube(top, bottom, table)


def wrap_hull(points: Tensor, top: Tensor, bottom: Tensor) -> Tube:
    """Wrap points [N, 3] tightly: every slice across the axis is the convex hull of what is there, of two legs for example."""
    table = _farthest(points, top, bottom)
    while True:  # slices without points are as those above and below
        above_and_below = torch.nn.functional.pad(table.T[None], (1, 1), mode="replicate")
        grown = torch.nn.functional.max_pool1d(above_and_below, 3, 1)[0].T
        if (table > 0).any(1).all():
            return Tube(top, bottom, _hull(grown))
        table = torch.where((table > 0).any(1, keepdim=True), table, grown)


def bridge(tube: Tube, share: float = 1.0) -> Tube:
    """Replace every slice by its convex hull (share 1) or a mix with it: cloth under tension does not follow hollows."""
    return Tube(tube.top, tube.bottom, torch.lerp(tube.radius, _hull(tube.radius).maximum(tube.radius), share))


def hang(tube: Tube, slope: float, lower_slope: float | None = None, below: float = 0.0) -> Tube:
    """Let cloth fall from every bulge: going down it comes back in by at most `slope` metres a metre.

    Args:
        lower_slope: the same for what is lower than the height `below`; None for no difference.
    """
    step = float(tube.top[1] - tube.bottom[1]) / (_HEIGHTS - 1)
    rows = [tube.radius[0]]
    for index, row in enumerate(tube.radius[1:]):
        lower = lower_slope is not None and float(tube.top[1]) - index * step < below
        rows.append(torch.maximum(row, rows[-1] - step * (lower_slope if lower else slope)))
    return Tube(tube.top, tube.bottom, torch.stack(rows))


def fall_to(points: Tensor, tube: Tube, extra: Tensor, amount: Tensor) -> Tensor:
    """Move points [N, 3] outwards to the tube plus `extra` [N] metres, by the share `amount` [N]; never inwards."""
    angle, distance = tube.polar(points)
    target = torch.maximum(tube.radius_at(angle, points[:, 1]) + extra, distance)
    return tube.place(angle, points[:, 1], torch.lerp(distance, target, amount))


def relax(
    sheet: Sheet,
    obstacle: Obstacle,
    clearance: float,
    rounds: int,
    hung: Tensor | None = None,  # [V, 3] metres that cloth was moved from the body's surface
) -> Sheet:
    """Smooth a sheet like a taut membrane, keeping it outside the obstacle; rims are smoothed along themselves.

    The shape is smoothed, but cloth slides only a little over itself, or lines drawn on it would wander; it slides freely where it
    hangs far from the body, since the walls of clefts were pressed together there.
    """
    average = neighbour_mean(sheet.faces, len(sheet.position))
    slide = torch.full((len(sheet.position), 1), 0.3)
    if hung is not None:
        slide = 0.3 + 0.7 * smoothstep(0.008, 0.022, hung.norm(dim=1, keepdim=True))
    rim = torch.unique(rim_edges(sheet.faces)[0])
    slide[rim] = 1.0
    position = sheet.position
    for _ in range(rounds):
        step = 0.5 * (average(position) - position)
        normal = smooth_normals(position, sheet.faces, 0)
        lift = (step * normal).sum(1, keepdim=True) * normal
        position = position + lift + slide * (step - lift)
        for _ in range(3):  # rims are lines: they need more rounds to even out
            position = position.index_copy(0, rim, torch.lerp(position[rim], average(position)[rim], 0.5))
        position = obstacle.push_out(position, clearance)
    # What cloth bridges on the body it also bridges in motion: it does not part where the legs do.
    carried = sheet.values["skinning"]
    joints = carried.any(0).nonzero()[:, 0]
    few = carried[:, joints]
    for _ in range(rounds):
        few = average(few)
    skinning = torch.zeros_like(carried).index_copy_(1, joints, few)
    return sheet.with_values(position=position, normal=smooth_normals(position, sheet.faces, 1), skinning=skinning)


def _farthest(points: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """Return the largest distance from an axis in each cell of a tube's table [_HEIGHTS, _ANGLES], 0 where there are no points."""
    angle, distance = Tube(top, bottom, torch.zeros(_HEIGHTS, _ANGLES)).polar(points)
    row = ((top[1] - points[:, 1]) / (top[1] - bottom[1]) * (_HEIGHTS - 1)).round().long()
    column = (angle / (2 * math.pi) * _ANGLES).round().long() % _ANGLES
    inside = (row >= 0) & (row < _HEIGHTS)
    table = torch.zeros(_HEIGHTS * _ANGLES)
    table.scatter_reduce_(0, (row * _ANGLES + column)[inside], distance[inside], "amax")
    return table.view(_HEIGHTS, _ANGLES)


def _hull(radius: Tensor) -> Tensor:
    """Return the radii of the convex hull of every slice of a table [_HEIGHTS, _ANGLES]."""
    angle = torch.arange(_ANGLES) * (2 * math.pi / _ANGLES)
    facing = (angle[:, None] - angle).cos()
    support = (radius[:, :, None] * facing).amax(1)  # farthest reach of a slice in each direction
    return torch.where(facing > 0.05, support[:, :, None] / facing.clamp_min(0.05), torch.inf).amin(1)


def hem(sheet: Sheet, thickness: float = 0.004, depth: float = 0.02) -> tuple[Sheet, Tensor, Tensor]:
    """Fold every rim inwards, so that an edge of cloth has thickness.

    Returns:
        the sheet with two rings of faces more at each rim, appended; for each appended face, the face it hangs on [G] and the
        corner of that face that each of its corners came from [G, 3].
    """
    rim, owner, corner = rim_edges(sheet.faces)
    on_rim = torch.unique(rim)
    count = len(sheet.position)
    ring = torch.full((count,), -1)
    ring[on_rim] = torch.arange(len(on_rim))
    position, normal = sheet.position, sheet.values["normal"]
    fold = torch.cat([normal, _into_sheet(sheet, rim)], 1)
    along_rim = torch.cat([rim, rim.flip(1)])
    for _ in range(6):
        fold = fold.index_add(0, along_rim[:, 0], fold[along_rim[:, 1]])
        fold = torch.cat([torch.nn.functional.normalize(part, dim=1) for part in fold.split(3, 1)], 1)
    outwards, into = fold[on_rim].split(3, 1)
    first = position[on_rim] - thickness * outwards
    second = first + depth * into - 0.5 * thickness * outwards
    source = torch.cat([torch.arange(count), on_rim, on_rim])
    values = {name: value[source] for name, value in sheet.values.items()}
    values["position"] = torch.cat([position, first, second])
    a, b = rim.unbind(1)
    a1, b1 = count + ring[a], count + ring[b]
    a2, b2 = a1 + len(on_rim), b1 + len(on_rim)
    at_a, at_b = corner, (corner + 1) % 3
    strips = [(b, a, a1), (b, a1, b1), (b1, a1, a2), (b1, a2, b2)]
    origins = [(at_b, at_a, at_a), (at_b, at_a, at_b), (at_b, at_a, at_a), (at_b, at_a, at_b)]
    faces = torch.cat([sheet.faces, *(torch.stack(strip, 1) for strip in strips)])
    return Sheet(faces, values), owner.repeat(4), torch.cat([torch.stack(origin, 1) for origin in origins])


def _into_sheet(sheet: Sheet, rim: Tensor) -> Tensor:
    """Return unit directions [V, 3] that lead from a rim vertex into the sheet, across the rim; zero elsewhere."""
    position = sheet.position
    along = position[rim[:, 1]] - position[rim[:, 0]]
    total = torch.zeros_like(position)
    for end in (0, 1):
        total.index_add_(0, rim[:, end], torch.linalg.cross(sheet.values["normal"][rim[:, end]], along, dim=1))
    return torch.nn.functional.normalize(total, dim=1)
