"""Hair: strands combed from a parting over the skull, ending at the hairline or hanging from the head's widest place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.body import JOINT_INDEX
from .anatomy import Figure, smooth_normals
from .draping import Obstacle
from .fabrics import Color
from .noise import layered, noise, ridge, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet, take
from .skin import above_hairline, complexion_color
from .tailoring import ring_faces, unrolled

_COLUMNS, _SCALP_ROWS, _HANGING_ROWS = 144, 30, 34
_STRAND_METRES = 0.085  # flat width of a radian of strands


@dataclass(frozen=True)
class HairStyle:
    """How hair is cut and combed.

    pole:    (x, y, z) direction from the middle of the skull to where strands part
    top, side: metres of volume over the skull
    front:   metres of volume above the forehead, on top of that
    length:  metres that strands hang below the eyes, or None where all end at the hairline
    face:    degrees to either side of the nose that stay clear of hanging strands
    curl:    metres that curls stand out
    inwards: share of the radius by which hanging ends turn in
    """

    pole: tuple[float, float, float]
    top: float
    side: float
    front: float = 0.0
    length: float | None = None
    face: float = 62.0
    curl: float = 0.0
    inwards: float = 0.0


STYLES = {
    "bald": None,
    "buzz": HairStyle((0.0, 0.9, -0.45), 0.005, 0.004),
    "short": HairStyle((0.12, 0.9, -0.40), 0.020, 0.009, 0.008),
    "quiff": HairStyle((0.20, 0.95, -0.20), 0.026, 0.007, 0.022),
    "side part": HairStyle((0.42, 0.88, 0.20), 0.022, 0.012, 0.008),
    "curly": HairStyle((0.0, 0.95, -0.25), 0.034, 0.026, 0.006, curl=0.010),
    "afro": HairStyle((0.0, 1.0, 0.0), 0.062, 0.060, 0.0, curl=0.007),
    "bob": HairStyle((0.22, 0.95, 0.25), 0.020, 0.020, 0.004, length=0.115, inwards=0.16),
    "long": HairStyle((0.0, 0.95, 0.30), 0.018, 0.018, 0.003, length=0.33, inwards=0.02),
    "wavy": HairStyle((0.25, 0.92, 0.28), 0.026, 0.026, 0.004, length=0.25, curl=0.008, inwards=0.0),
    "ponytail": HairStyle((0.0, 0.45, -0.90), 0.008, 0.007),
    "bun": HairStyle((0.0, 0.75, -0.66), 0.008, 0.007),
}


@dataclass(frozen=True)
class Hair:
    """Hair on a head.

    style: a name in STYLES
    color: sRGB
    """

    style: str
    color: Color


def brow_color(hair: Hair) -> Color:
    """Return the colour of brows that go with hair: of its hue, never pale."""
    strength = min(0.75, 0.33 / max(hair.color))
    return tuple(channel * strength for channel in hair.color)


def make_hair(figure: Figure, hair: Hair, complexion: float, obstacle: Obstacle, seed: int) -> list[Piece]:
    """Grow hair; a bald head gets none.

    Args:
        obstacle: body and clothes, which hanging strands lie on.

    Raises:
        ValueError: if the style is unknown.
    """
    if hair.style not in STYLES:
        raise ValueError(f"There is no hair style '{hair.style}'; use one of {', '.join(STYLES)}.")
    style = STYLES[hair.style]
    if style is None:
        return []
    pieces = [_combed(figure, hair, style, complexion, obstacle, seed)]
    if hair.style in ("ponytail", "bun"):
        pieces.append(_tied(figure, hair, style, obstacle, seed))
    return pieces


class _Skull:
    """The head without ears, as radii round its middle."""

    def __init__(self, figure: Figure) -> None:
        from scipy.spatial import cKDTree

        canonical = figure.sheet.values["canonical"]
        x, y, z = canonical[:, 0].abs(), canonical[:, 1], canonical[:, 2]
        ear = (x > 0.0735) & (z < -0.055) & (z > -0.105) & (y < 0.012) & (y > -0.065)
        inside_mouth = (z > -0.05) & (y < -0.02) & (x < 0.03)
        keep = figure.on_parts("head", "neck") & ~ear & ~inside_mouth
        top = keep & (y > 0.02)
        points = figure.sheet.position
        low, high = points[top].amin(0), points[top].amax(0)
        self.middle = torch.stack([torch.zeros(()), 0.75 * low[1] + 0.25 * high[1], (low[2] + high[2]) / 2])
        self._points, self._canonical = points[keep], canonical[keep]
        self._directions = torch.nn.functional.normalize(self._points - self.middle, dim=1)
        self._tree = cKDTree(self._directions.numpy())

    def look_up(self, direction: Tensor) -> tuple[Tensor, Tensor]:
        """Return the radius [N] and the canonical point [N, 3] in unit directions [N, 3]."""
        distance, index = self._tree.query(direction.numpy(), k=8)
        weight = 1 / (torch.from_numpy(distance).float() + 0.02) ** 3
        weight = weight / weight.sum(1, keepdim=True)
        index = torch.from_numpy(index)
        radius = (self._points - self.middle).norm(dim=1)[index]
        return (radius * weight).sum(1), (self._canonical[index] * weight[..., None]).sum(1)


def _combed(figure: Figure, hair: Hair, style: HairStyle, complexion: float, obstacle: Obstacle, seed: int) -> Piece:
    skull = _Skull(figure)
    column = torch.arange(_COLUMNS)
    # Column 0 looks at the back, where the flat panel's cut goes unnoticed.
    azimuth = column * (2 * math.pi / _COLUMNS) + math.pi
    pole, ahead, aside = _frame(style.pole)
    outwards = azimuth.sin()[:, None] * aside + azimuth.cos()[:, None] * ahead
    limit = _hairline_angle(skull, pole, outwards)
    share = torch.linspace(0, 1, _SCALP_ROWS) ** 0.9
    rows = _over_skull(skull, style, pole, outwards, limit, share, azimuth, True, seed)
    hanging = torch.zeros(_COLUMNS, dtype=torch.bool)
    if style.length is not None:
        full = _over_skull(skull, style, pole, outwards, limit, share, azimuth, False, seed)
        rows, hanging = _let_hang(figure, skull, style, rows, full, obstacle, azimuth, seed)
    count = len(rows)
    position = rows.reshape(-1, 3)
    faces = ring_faces(count, _COLUMNS)
    falls = faces.amax(1) >= _SCALP_ROWS * _COLUMNS
    faces = faces[~falls | hanging[faces % _COLUMNS].all(1)]
    along = torch.cat([torch.zeros(1, _COLUMNS), (rows[1:] - rows[:-1]).norm(dim=-1).cumsum(0)])
    tangent = torch.nn.functional.normalize(torch.gradient(rows, dim=0)[0], dim=-1).reshape(-1, 3)
    to_edge = torch.where(hanging, 1.0, along[_SCALP_ROWS - 1] - along).reshape(-1)
    to_tip = torch.where(hanging, along[-1] - along, 1.0).reshape(-1)
    flat = unrolled(torch.stack([azimuth.repeat(count), -along.reshape(-1)], 1)[faces], _STRAND_METRES)
    sheet = Sheet(
        faces,
        {
            "position": position, "normal": smooth_normals(position, faces, 1), "tangent": tangent, "edge": to_edge[:, None],
            "tip": to_tip[:, None], "along": along.reshape(-1, 1), "skinning": _hair_weights(figure, position),
        },
    )  # fmt: skip
    return _as_piece(sheet, flat, _painter(hair, style, complexion, seed))


def _frame(pole: tuple[float, float, float]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit directions of the pole, of the strands that run towards the face, and of those to the person's left."""
    up = torch.nn.functional.normalize(torch.tensor(pole), dim=0)
    front = torch.tensor([0.0, -0.15, 1.0])
    ahead = torch.nn.functional.normalize(front - (front @ up) * up, dim=0)
    return up, ahead, torch.linalg.cross(up, ahead, dim=0)


def _hairline_angle(skull: _Skull, pole: Tensor, outwards: Tensor) -> Tensor:
    """Return the angle from the pole [C] at which strands in each direction [C, 3] meet the hairline."""
    angles = torch.linspace(0.25, 2.7, 120)
    directions = angles.cos()[:, None, None] * pole + angles.sin()[:, None, None] * outwards
    _, canonical = skull.look_up(directions.reshape(-1, 3))
    outside = (above_hairline(canonical) < 0).reshape(len(angles), -1)
    first = angles[torch.where(outside.any(0), outside.int().argmax(0), len(angles) - 1)]
    padded = torch.nn.functional.pad(first[None, None], (2, 2), mode="circular")
    return torch.nn.functional.avg_pool1d(padded, 5, 1)[0, 0]


def _over_skull(
    skull: _Skull,
    style: HairStyle,
    pole: Tensor,
    outwards: Tensor,
    limit: Tensor,
    share: Tensor,
    azimuth: Tensor,
    ends: bool,
    seed: int,
) -> Tensor:  # [R, C, 3]
    """Lay strands over the skull from the pole to the hairline; where hair `ends` there, it rises from it gently."""
    angle = share[:, None] * limit
    direction = angle.cos()[..., None] * pole + angle.sin()[..., None] * outwards
    flat = direction.reshape(-1, 3)
    radius, _ = skull.look_up(flat)
    high = smoothstep(0.0, 0.75, flat[:, 1])
    forehead = smoothstep(0.2, 0.8, flat[:, 2]) * smoothstep(0.1, 0.5, flat[:, 1])
    volume = style.side + (style.top - style.side) * high + style.front * forehead
    to_edge = ((1 - share)[:, None] * limit * 0.09).reshape(-1)
    if ends:
        rise = 0.3 * (style.top + style.front) + (0.006 if style.length is None else 0.022)
        volume = volume * (1 - (1 - to_edge / (rise + 0.012)).clamp(0, 1) ** 2.2) - 0.0015 * smoothstep(0.004, 0.0, to_edge)
    column = azimuth.repeat(len(share))
    around = torch.stack([column.cos() * 5, column.sin() * 5, share.repeat_interleave(len(azimuth)) * 2.2], 1)
    locks = 0.16 * volume * noise(around * 2.2, seed) + 0.10 * volume * noise(around * 4.7, seed + 1)
    curls = style.curl * layered(flat * (22 if style.curl < 0.009 else 15), 3, seed + 2) * smoothstep(0.0, 0.02, to_edge)
    return (skull.middle + flat * (radius + volume + locks + curls)[:, None]).reshape(len(share), -1, 3)


def _let_hang(
    figure: Figure, skull: _Skull, style: HairStyle, rows: Tensor, full: Tensor, obstacle: Obstacle, azimuth: Tensor, seed: int
) -> tuple[Tensor, Tensor]:
    """Let strands outside the face fall from the widest place of the head.

    Args:
        rows, full: [R, C, 3] strands that end at the hairline, and the same in full volume.

    Returns:
        all rows [R', C, 3], and which columns hang [C].
    """
    heading, _, _ = _widest_place(skull, full)
    # Beside the face, hair is thin and lies close; fullness grows towards the back.
    fullness = smoothstep(math.radians(style.face - 4), math.radians(style.face + 30), heading.abs())[None, :, None]
    rows = torch.lerp(rows, full, fullness)
    heading, widest, reach = _widest_place(skull, rows)
    at_widest = rows[widest, torch.arange(_COLUMNS)]
    hanging = heading.abs() > math.radians(style.face)
    # Hanging columns spend their scalp rows on the way to the widest place only.
    place = torch.linspace(0, 1, _SCALP_ROWS)[:, None] * torch.where(hanging, widest.float(), _SCALP_ROWS - 1.0)
    low = place.floor().long().clamp_max(_SCALP_ROWS - 2)
    columns = torch.arange(_COLUMNS).expand_as(low)
    scalp = torch.lerp(rows[low, columns], rows[low + 1, columns], (place - low)[..., None])
    eyes = float(figure.joint("left_eye")[1])
    around = torch.stack([azimuth.cos() * 7, azimuth.sin() * 7], 1)
    ragged = 0.02 * noise(around * 1.6, seed + 3) + 0.008 * noise(around * 5, seed + 4)
    # Strands beside the face are a little shorter than those of the back.
    ends = eyes - style.length + ragged + 0.05 * smoothstep(math.radians(110), math.radians(60), heading.abs())
    down = torch.linspace(0, 1, _HANGING_ROWS + 1)[1:, None]
    height = torch.lerp(at_widest[:, 1].expand(_HANGING_ROWS, -1), ends.expand(_HANGING_ROWS, -1), down)
    ears = 0.010 * ridge(heading.abs() - math.radians(98), math.radians(26)) * smoothstep(0.0, 0.15, down)
    spread = ears + reach * (1 + 0.05 * torch.sin(down * math.pi) - style.inwards * down**2)
    ring = around.expand(_HANGING_ROWS, -1, -1)
    grid = torch.cat([1.95 * ring, 2.25 * height[..., None]], -1).reshape(-1, 3)
    locks = 0.010 * noise(grid, seed + 5).reshape(height.shape) * down
    phase = 4 * noise(1.3 * ring.reshape(-1, 2), seed + 6).reshape(height.shape)
    waves = style.curl * torch.sin(height * 75 + phase) * smoothstep(0.0, 0.4, down)
    spread = spread + locks + waves
    fallen = torch.stack([heading.sin() * spread, height, heading.cos() * spread + skull.middle[2]], -1)
    flat = fallen.reshape(-1, 3)
    for _ in range(3):
        flat = obstacle.push_out(flat, 0.010)
        smooth = flat.reshape(_HANGING_ROWS, _COLUMNS, 3)
        beside = [torch.where(hanging.roll(step)[None, :, None], smooth.roll(step, 1), smooth) for step in (1, -1)]
        smooth = (smooth + beside[0] + beside[1]) / 3
        above = torch.cat([scalp[-1:], smooth[:-1]])
        below = torch.cat([smooth[1:], smooth[-1:]])
        flat = (0.5 * smooth + 0.25 * above + 0.25 * below).reshape(-1, 3)
    flat = obstacle.push_out(flat, 0.012)
    return torch.cat([scalp, flat.reshape(_HANGING_ROWS, _COLUMNS, 3)]), hanging


def _widest_place(skull: _Skull, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where strands [R, C, 3] are farthest from the head's upright axis: heading, row and distance, each [C]."""
    offset = rows - skull.middle
    reach, widest = offset[..., [0, 2]].norm(dim=-1).max(0)
    there = offset[widest, torch.arange(rows.shape[1])]
    return torch.atan2(there[:, 0], there[:, 2]), widest, reach


def _tied(figure: Figure, hair: Hair, style: HairStyle, obstacle: Obstacle, seed: int) -> Piece:
    """A bun, or a ponytail that falls from where all strands meet."""
    skull = _Skull(figure)
    pole, _, aside = _frame(style.pole)
    radius, _ = skull.look_up(pole[None])
    root = skull.middle + pole * (radius + 0.004)
    rows, columns = 34, 40
    down = torch.linspace(0, 1, rows)[:, None]
    if hair.style == "bun":
        centre = root + pole * 0.026
        path = centre - pole * 0.034 * torch.cos(down * math.pi) * -1
        width = 0.040 * torch.sin(down * math.pi).clamp_min(0.02) ** 0.75
    else:
        length = 0.30
        out = torch.tensor([0.0, 0.2, -1.0])
        fall = torch.tensor([0.0, -1.0, 0.0]) * length * down**1.4
        path = root + out * (0.055 * (1 - torch.exp(-down * 7))) + fall
        width = (0.012 + 0.022 * torch.sin((down * 0.92 + 0.07) * math.pi) ** 0.6) * smoothstep(1.02, 0.80, down).clamp_min(0.04)
    tangent = torch.nn.functional.normalize(torch.gradient(path, dim=0)[0], dim=1)
    beside = aside.expand(rows, 3)
    behind = torch.nn.functional.normalize(torch.linalg.cross(tangent, beside, dim=1), dim=1)
    angle = torch.arange(columns) * (2 * math.pi / columns)
    ridges = 1 + 0.10 * noise(torch.stack([angle.cos() * 3, angle.sin() * 3], 1), seed + 8)
    round_ = angle.sin()[None, :, None] * beside[:, None] - angle.cos()[None, :, None] * behind[:, None]
    position = path[:, None] + (width * ridges)[..., None] * round_
    flat_position = position.reshape(-1, 3)
    if hair.style == "ponytail":
        flat_position = obstacle.push_out(flat_position, 0.004)
    faces = ring_faces(rows, columns)
    normal = smooth_normals(flat_position, faces, 1)
    if ((flat_position - path.repeat_interleave(columns, 0)) * normal).sum() < 0:
        faces = faces.flip(1)
        normal = -normal
    along = torch.cat([torch.zeros(1), (path[1:] - path[:-1]).norm(dim=1).cumsum(0)]).repeat_interleave(columns)[:, None]
    flat = unrolled(torch.stack([angle.repeat(rows), -along[:, 0]], 1)[faces], 0.03)
    far = torch.ones(len(flat_position), 1)
    values = {
        "position": flat_position, "normal": normal, "tangent": tangent.repeat_interleave(columns, 0), "edge": far, "tip": far,
        "along": along + 0.05, "skinning": _hair_weights(figure, flat_position),
    }  # fmt: skip
    return _as_piece(Sheet(faces, values), flat, _painter(hair, style, 0.0, seed))


def _hair_weights(figure: Figure, position: Tensor) -> Tensor:
    """Follow the head, and below the chin more and more what the strands lie on."""
    from scipy.spatial import cKDTree

    chin = float(figure.joint("left_eye")[1]) - 0.11
    body = (figure.on_parts("torso", "neck") & (figure.sheet.values["armness"][:, 0] < 0.3)).nonzero()[:, 0]
    _, index = cKDTree(figure.sheet.position[body].numpy()).query(position.numpy(), k=12)
    below = figure.sheet.values["skinning"][body[torch.from_numpy(index)]].mean(1)
    head = torch.zeros_like(below)
    head[:, JOINT_INDEX["head"]] = 1
    return torch.lerp(head, below, 0.9 * smoothstep(chin, chin - 0.14, position[:, 1])[:, None])


def _as_piece(sheet: Sheet, flat: Tensor, paint: Callable[[Spots], Paint]) -> Piece:
    sheet = take(sheet, torch.ones(len(sheet.faces), dtype=torch.bool))
    labels = torch.full((len(sheet.position),), LABEL_INDEX["hair"])
    panel = torch.zeros(len(sheet.faces), dtype=torch.int64)
    return Piece(sheet, labels, flat, panel, density=1.5, cover=2.0, warmth=0.15, paint=paint)


def _painter(hair: Hair, style: HairStyle, complexion: float, seed: int) -> Callable[[Spots], Paint]:
    base = torch.tensor(hair.color)
    skin = complexion_color(complexion)

    def paint(spots: Spots) -> Paint:
        across, along = spots.uv[:, 0], spots.values["along"][:, 0]
        kink = 0.004 * noise(torch.stack([across * 60, along * 25], 1), seed + 20) * (1 + 200 * style.curl)
        fine = noise(torch.stack([(across + kink) * 1100, along * 14], 1), seed + 21)
        coarse = noise(torch.stack([(across + kink) * 260, along * 7], 1), seed + 22)
        if style.curl > 0.006 and style.length is None:
            fine = layered(spots.values["position"] * 260, 2, seed + 23)
            coarse = layered(spots.values["position"] * 90, 2, seed + 24)
        shade = 0.80 + 0.17 * fine + 0.20 * coarse
        color = base * shade.clamp_min(0.25)[:, None]
        color = color + _sheen(spots, coarse) * (0.13 + 0.32 * base)
        root = smoothstep(0.012, 0.0, along)
        color = color * (1 - 0.30 * root)[:, None]
        edge = spots.values["edge"][:, 0]
        gone = smoothstep(-0.25, 0.25, 0.45 * fine + 0.55 * coarse + 0.55 - edge / 0.004)
        relief = 0.0006 * coarse + 0.0003 * fine
        return Paint(torch.lerp(color, skin.expand_as(color) * 0.96, gone[:, None]), relief * (1 - gone))

    return paint


def _sheen(spots: Spots, strands: Tensor) -> Tensor:
    """The band of light that combed strands share: brightest where they run across the half-way direction to the lamp."""
    lamp = torch.nn.functional.normalize(torch.tensor([0.30, 1.0, 0.55]), dim=0)
    tangent = torch.nn.functional.normalize(spots.values["tangent"], dim=1)
    half = torch.nn.functional.normalize(lamp + torch.nn.functional.normalize(spots.values["normal"], dim=1), dim=1)
    off = (tangent * half).sum(1) + 0.10 * strands
    return ((1 - off**2).clamp_min(0) ** 24 * (0.75 + 0.25 * strands))[:, None]
