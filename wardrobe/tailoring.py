"""What all garments share: taking cloth from the body's surface, sewing lines, and finishing a draped sheet into a piece."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.body import PART_INDEX, Body
from ..models.geometry.mesh import unique_edges
from .anatomy import Figure
from .draping import Obstacle, hem
from .flattening import flatten
from .lighting import hollows
from .noise import layered, noise, ridge, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet, averaging, subdivide, take


def cloth_from(figure: Figure, *parts: str, fine: bool = True) -> Sheet:
    """Return a copy of the body's surface over some parts, named without their side, with one ring of faces beyond.

    A fine copy has four faces for each of the body's.
    """
    wanted = figure.on_parts(*parts)[figure.sheet.faces].any(1)
    sheet = take(figure.sheet, wanted)
    sheet = subdivide(sheet) if fine else sheet
    normal = torch.nn.functional.normalize(sheet.values["normal"], dim=1)
    return sheet.with_values(normal=normal, start=sheet.position)


def ball(points: Tensor, centre: Tensor, radii: tuple[float, float, float]) -> Tensor:
    """Return about the distance [N] in metres from the surface of an ellipsoid, negative inside."""
    size = torch.tensor(radii)
    return (((points - centre) / size).norm(dim=1) - 1) * float(size.mean())


def body_obstacle(figure: Figure) -> Obstacle:
    """Return the body as an obstacle, sampled finely, without its head and its clefts, whose walls would push cloth apart."""
    trunk = _trunk(figure.body)
    position, normal = (
        torch.cat([value, value[trunk.edges].mean(1)])
        for value in (figure.sheet.position[trunk.used], figure.sheet.values["normal"][trunk.used])
    )
    normal = torch.nn.functional.normalize(normal, dim=1)
    open_skin = hollows(position, normal, trunk.faces, trunk.smooth) < 0.3
    return Obstacle(position[open_skin], normal[open_skin])


@dataclass(frozen=True)
class _Trunk:
    """The triangulation of a body without its head, every face split into four.

    used: [U] vertices of the body; edges: [E, 2] of these, with a new vertex on each; faces: [F, 3] of both
    smooth: averages values over neighbouring vertices
    """

    used: Tensor
    edges: Tensor
    faces: Tensor
    smooth: Callable[[Tensor], Tensor]


@lru_cache(maxsize=2)
def _trunk(body: Body) -> _Trunk:
    head = torch.tensor([index for part, index in PART_INDEX.items() if part == "head"])
    faces = body.faces[~torch.isin(body.parts, head)[body.faces].all(1)]
    used, compact = torch.unique(faces, return_inverse=True)
    coarse = Sheet(compact, {"position": torch.zeros(len(used), 3)})
    fine = subdivide(coarse)
    return _Trunk(used, unique_edges(compact), fine.faces, averaging(fine.faces, len(fine.position)))


def flat_panels(
    sheet: Sheet,
    panel: Tensor,  # [F]
    guess: Tensor,  # [F, 3, 2] rough flat positions of the corners, metres
    opened: Tensor | None = None,  # [F, 3] bool, corners on the far side of a cut inside a panel
) -> Tensor:  # [F, 3, 2] metres
    """Unroll every panel of a sheet."""
    key = (sheet.faces * (int(panel.max()) + 1) + panel[:, None]) * 2
    if opened is not None:
        key = key + opened.long()
    unique, corner = torch.unique(key, return_inverse=True)
    vertex = torch.zeros(len(unique), dtype=torch.int64)
    vertex[corner] = sheet.faces
    start = torch.zeros(len(unique), 2)
    start[corner] = guess
    return flatten(sheet.position[vertex], corner, start)[corner]


def halved(corner_uv: Tensor) -> Tensor:
    """Return the flat corners [4 F, 3, 2] of faces that `subdivide` splits into four."""
    a, b, c = corner_uv.unbind(1)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return torch.cat([torch.stack(corner, 1) for corner in corners])


def seen_from(sheet: Sheet, from_front: Tensor) -> Tensor:
    """Guess flat positions [F, 3, 2] by looking at faces from the front where `from_front` [F], else from the back."""
    corners = sheet.values["start"][sheet.faces]
    return torch.stack([corners[..., 0] * torch.where(from_front, 1.0, -1.0)[:, None], corners[..., 1]], -1)


def ring_faces(rows: int, columns: int) -> Tensor:
    """Faces of a closed band of rings, top ring first, vertices of a ring going from the front (+Z) towards +X."""
    row, column = torch.meshgrid(torch.arange(rows - 1), torch.arange(columns), indexing="ij")
    row, column = row.flatten(), column.flatten()
    here, beside = row * columns + column, row * columns + (column + 1) % columns
    below, across = here + columns, beside + columns
    return torch.cat([torch.stack([here, below, beside], 1), torch.stack([beside, below, across], 1)])


def unrolled(angle_and_height: Tensor, metres: float) -> Tensor:
    """Lay corners [F, 3, 2] on a tube out flat, `metres` wide a radian; faces that cross angle 0 keep together at the far end."""
    angle, height = angle_and_height.unbind(-1)
    crossing = (angle.amax(1) - angle.amin(1) > math.pi)[:, None]
    near_end = angle < angle.mean(1, keepdim=True)
    angle = torch.where(crossing & near_end, angle + 2 * math.pi, angle)
    return torch.stack([angle * metres, height], -1)


def finish(
    sheet: Sheet,
    panel: Tensor,
    corner_uv: Tensor,
    label: str,
    paint: Callable[[Spots], Paint],
    cover: float,
) -> Piece:
    """Fold the hems in and make a piece of a draped sheet."""
    hemmed, owner, origin = hem(sheet)
    # A fold takes its colour from the rim that it hangs on.
    fold_uv = corner_uv[owner].gather(1, origin[..., None].expand(-1, -1, 2))
    return Piece(
        sheet=hemmed,
        labels=torch.full((len(hemmed.position),), LABEL_INDEX[label]),
        corner_uv=torch.cat([corner_uv, fold_uv]),
        panel=torch.cat([panel, panel[owner]]),
        density=1.0,
        cover=cover,
        warmth=0.12,
        paint=paint,
    )


def stitched(paint: Paint, edge: Tensor, thread: float = 0.72, inset: float = 0.016) -> Paint:
    """Sew a hem: a line of stitches `inset` metres from the edge [N], darker than the cloth, with a soft roll below it."""
    line = ridge(edge - inset, 0.0011)
    roll = smoothstep(inset, inset * 0.55, edge) * smoothstep(0.0, inset * 0.3, edge)
    color = paint.color * (1 - (1 - thread) * line - 0.05 * smoothstep(0.004, 0.0, edge))[:, None]
    relief = paint.relief if paint.relief is not None else torch.zeros(len(edge))
    return Paint(color, relief + 0.0008 * roll - 0.0008 * line)


def wrinkles(uv: Tensor, where: Tensor, slant: Tensor, seed: int) -> Tensor:
    """Return folds in metres of relief [N], as strong as `where` [N] says, lying across the direction in which cloth is pushed.

    Args:
        slant: [N] how much the folds lean, metres up a metre sideways.
    """
    bend = 0.4 * layered(uv * 9, 2, seed + 11)
    across = torch.stack([uv[:, 0] * 7, (uv[:, 1] + slant * uv[:, 0].abs()) * 26], 1) + bend[:, None]
    # Folds are crests with broad valleys between them, not waves.
    crest = 1 - noise(across, seed).abs() * 2.2
    fine = 0.3 * noise(across * 2.3, seed + 1)
    return 0.0050 * where * (crest.clamp_min(-0.4) + fine)
