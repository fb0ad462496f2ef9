"""Skin: complexion and the body's surface as a piece; faces are painted by `faces`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.body import PARTS, Body
from .anatomy import Figure, canonical_points
from .face_shapes import eye_opening, face_moves, is_eyeball
from .faces import Face, paint_eyes, paint_head, paint_roots
from .noise import layered, smoothstep
from .pieces import Color, Paint, Piece, Spots
from .sheets import take

# Complexions from fair to deep, sRGB under white light.
COMPLEXIONS = (
    (0.960, 0.800, 0.715),
    (0.920, 0.735, 0.630),
    (0.850, 0.645, 0.515),
    (0.735, 0.525, 0.395),
    (0.580, 0.390, 0.285),
    (0.425, 0.275, 0.205),
)

# How far skin reaches in under what covers it, metres.
OVERLAP = 0.025

_LABEL_OF_PART = {
    "head": "face", "neck": "torso_skin", "torso": "torso_skin",
    "left_upper_arm": "left_arm", "left_lower_arm": "left_arm", "right_upper_arm": "right_arm", "right_lower_arm": "right_arm",
    "left_hand": "hands", "right_hand": "hands",
    "left_upper_leg": "left_leg", "left_lower_leg": "left_leg", "left_foot": "left_leg",
    "right_upper_leg": "right_leg", "right_lower_leg": "right_leg", "right_foot": "right_leg",
}  # fmt: skip


def complexion_color(complexion: float) -> Tensor:
    """Return the skin's sRGB [3] for 0 (fair) to 1 (deep)."""
    place = complexion * (len(COMPLEXIONS) - 1)
    index = min(int(place), len(COMPLEXIONS) - 2)
    return torch.lerp(torch.tensor(COMPLEXIONS[index]), torch.tensor(COMPLEXIONS[index + 1]), place - index)


def skin_piece(figure: Figure, face: Face, covered: Tensor, scalp_hair: Color | None, seed: int) -> Piece:
    """Return the skin, eyes included, as one piece.

    Args:
        covered: [V] metres that a vertex lies inside the edge of what covers it, negative where it is bare; skin sinks a little
            under clothes, and what lies more than OVERLAP inside is left out.
        scalp_hair: colour of the hair whose roots show at the hairline, or None for a bald head.
    """
    surface = _surface(figure.body)
    sunk = 0.007 * smoothstep(-0.004, 0.016, covered)[:, None] * figure.sheet.values["normal"]
    position = figure.sheet.position + face_moves(figure.body, face.features, face.smile) - sunk
    sheet = figure.sheet.with_values(position=position, eye=surface.eye, head=surface.head, feature=surface.feature)

    def paint(spots: Spots) -> Paint:
        return Paint(_paint_skin(spots, face, scalp_hair, seed))

    shown = surface.seen & ~(covered > OVERLAP)[sheet.faces].all(1)
    used = torch.zeros(len(surface.labels), dtype=torch.bool)
    used[sheet.faces[shown]] = True
    sheet = take(sheet, shown)
    panel = surface.panel[shown]
    corner_uv = _in_metres(sheet.position[sheet.faces], figure.body.corner_uv[shown], panel)
    return Piece(sheet, surface.labels[used], corner_uv, panel, density=1.0, cover=1.0, warmth=1.0, paint=paint)


@dataclass(frozen=True)
class _Surface:
    """What is the same for every figure of a body.

    labels: [V]
    eye, head, feature: [V, 1] values for painting and for `covering`
    seen:   [F] not the sockets, the back of the eyes or the depth of the mouth
    panel:  [F] island of the UV layout
    """

    labels: Tensor
    eye: Tensor
    head: Tensor
    feature: Tensor
    seen: Tensor
    panel: Tensor


@cache
def _surface(body: Body) -> _Surface:
    point = canonical_points(body)
    x, y, z = point.split(1, dim=1)
    feature = (x.abs() < 0.058) & (y > -0.095) & (y < 0.032) & (z > -0.025)
    around_eye = feature & (x.abs() > 0.012) & (x.abs() < 0.051) & (y.abs() < 0.013)
    eyeball = is_eyeball(body)
    head = torch.isin(body.parts, torch.tensor([PARTS.index("head"), PARTS.index("neck")]))
    return _Surface(
        labels=torch.tensor([LABEL_INDEX[_LABEL_OF_PART[part]] for part in PARTS])[body.parts],
        eye=eyeball.float()[:, None],
        head=head.float()[:, None],
        feature=feature.float() + around_eye.float(),
        seen=_seen_faces(body, point, eyeball),
        panel=_islands(body.corner_uv),
    )


def _seen_faces(body: Body, point: Tensor, eyeball: Tensor) -> Tensor:
    """Return which faces of the body [F] can be seen at all.

    Sockets and mouth have UV islands of their own, at the left edge and at the lower right of the layout.
    """
    u, v = body.corner_uv.mean(1).unbind(1)
    socket = (u < 0.155) & (v > 0.54) & (v < 0.64)
    mouth = (u > 0.75) & (v < 0.14) & (point[:, 2][body.faces].amin(1) < -0.03)
    upper, lower = eye_opening(point[:, 0].abs())
    behind = eyeball & ((point[:, 2] < 0.0) | (point[:, 1] > upper + 0.006) | (point[:, 1] < lower - 0.005))
    return ~(socket | mouth | behind[body.faces].any(1))


def _islands(corner_uv: Tensor) -> Tensor:
    """Return which island of a UV layout [F, 3, 2] each face belongs to [F]."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    place = (corner_uv * 2**16).round().long()
    spots, index = torch.unique(place[..., 0] * 2**20 + place[..., 1], return_inverse=True)
    pairs = torch.cat([index[:, :2], index[:, 1:]]).numpy()
    graph = coo_matrix((torch.ones(len(pairs)).numpy(), (pairs[:, 0], pairs[:, 1])), (len(spots), len(spots)))
    return torch.from_numpy(connected_components(graph, directed=False)[1]).long()[index[:, 0]]


def _in_metres(corners: Tensor, corner_uv: Tensor, panel: Tensor) -> Tensor:
    """Scale every island of a layout [F, 3, 2] to the size of its faces, whose corners are [F, 3, 3]."""
    edge_uv = (corner_uv - corner_uv[:, [1, 2, 0]]).norm(dim=-1).sum(1)
    edge_metres = (corners - corners[:, [1, 2, 0]]).norm(dim=-1).sum(1)
    metres = torch.zeros(int(panel.max()) + 1).index_add_(0, panel, edge_metres)
    units = torch.zeros(len(metres)).index_add_(0, panel, edge_uv)
    return corner_uv * (metres / units.clamp_min(1e-9))[panel, None, None]


def _paint_skin(spots: Spots, face: Face, scalp_hair: Color | None, seed: int) -> Tensor:
    base = complexion_color(face.complexion)
    point = spots.values["canonical"]
    far = smoothstep(0.0007, 0.0020, torch.as_tensor(spots.footprint)).expand(len(point))
    mottle = layered(point * 60, 3, seed)
    color = base * (1 + 0.035 * mottle[:, None] * torch.tensor([0.6, 1.0, 1.1]))
    head = (spots.values["head"][:, 0] > 0.5).nonzero()[:, 0]
    painted = paint_head(point[head], color[head], face, base, far[head], seed)
    color[head] = painted if scalp_hair is None else paint_roots(point[head], painted, scalp_hair, seed)
    eye = (spots.values["eye"][:, 0] > 0.5).nonzero()[:, 0]
    color[eye] = paint_eyes(point[eye], face, far[eye], seed)
    return color.clamp(0, 1)
