"""The shape of hair: strands over the skull, strands that hang from its widest place, and hair that is tied."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from .anatomy import Figure, smooth_normals
from .draping import Obstacle
from .hair_styles import Direction, HairStyle
from .noise import layered, noise, ridge, smoothstep
from .scalp import COLUMNS, ROWS, Combing, Scalp, combing, frame, scalp
from .sheets import Sheet
from .tailoring import ring_faces, unrolled

_HANGING_ROWS = 28
_STRAND_METRES = 0.085  # flat width of a radian of strands


def combed(figure: Figure, style: HairStyle, obstacle: Obstacle, seed: int) -> tuple[Sheet, Tensor]:
    """Comb hair over the head.

    Returns:
        a sheet with the values that `hair` paints by, and the flat place of each corner [F, 3, 2], metres.
    """
    paths = combing(figure.body, style.pole, style.fringe)
    skin = scalp(figure, paths)
    rows = _over_skull(skin, paths, style, True, seed)
    hanging = torch.zeros(COLUMNS, dtype=torch.bool)
    if style.length is not None:
        full = _over_skull(skin, paths, style, False, seed)
        rows, hanging = _let_hang(figure, skin, style, rows, full, obstacle, paths.azimuth, seed)
    count = len(rows)
    position = rows.reshape(-1, 3)
    faces = ring_faces(count, COLUMNS)
    falls = faces.amax(1) >= ROWS * COLUMNS
    faces = faces[~falls | hanging[faces % COLUMNS].all(1)]
    along = torch.cat([torch.zeros(1, COLUMNS), (rows[1:] - rows[:-1]).norm(dim=-1).cumsum(0)])
    tangent = torch.nn.functional.normalize(torch.gradient(rows, dim=0)[0], dim=-1).reshape(-1, 3)
    to_edge = torch.where(hanging, 1.0, along[ROWS - 1] - along).reshape(-1)
    to_tip = torch.where(hanging, along[-1] - along, 1.0).reshape(-1)
    flat = unrolled(torch.stack([paths.azimuth.repeat(count), -along.reshape(-1)], 1)[faces], _STRAND_METRES)
    sheet = Sheet(
        faces,
        {
            "position": position, "normal": smooth_normals(position, faces, 1), "tangent": tangent, "edge": to_edge[:, None],
            "tip": to_tip[:, None], "along": along.reshape(-1, 1), "skinning": _weights(figure, position),
        },
    )  # fmt: skip
    return sheet, flat


def _over_skull(skin: Scalp, paths: Combing, style: HairStyle, ends: bool, seed: int) -> Tensor:  # [R, C, 3]
    """Lay strands over the skull from the pole to the hairline; where hair `ends` there, it rises from it gently."""
    share, azimuth, out = paths.share, paths.azimuth, skin.outwards
    high = smoothstep(0.0, 0.75, out[:, 1])
    forehead = smoothstep(0.2, 0.8, out[:, 2]) * smoothstep(0.1, 0.5, out[:, 1])
    volume = style.side + (style.top - style.side) * high + style.front * forehead
    to_edge = ((1 - share)[:, None] * paths.limit * 0.09).reshape(-1)
    if ends:
        rise = 0.3 * (style.top + style.front) + (0.006 if style.length is None else 0.022)
        risen = volume * (1 - (1 - to_edge / (rise + 0.012)).clamp(0, 1) ** 2.2) - 0.0015 * smoothstep(0.004, 0.0, to_edge)
        # A fringe does not end in the skin: it lies over it.
        volume = torch.lerp(risen, risen.clamp_min(0.007), paths.fringe.repeat(ROWS))
    column = azimuth.repeat(ROWS)
    around = torch.stack([column.cos() * 5, column.sin() * 5, share.repeat_interleave(COLUMNS) * 2.2], 1)
    locks = 0.16 * volume * noise(around * 2.2, seed) + 0.10 * volume * noise(around * 4.7, seed + 1)
    if style.curl:
        curls = layered(out * (22 if style.curl < 0.009 else 15), 3, seed + 2)
        locks = locks + style.curl * curls * smoothstep(0.0, 0.02, to_edge)
    return (skin.points + out * (volume + locks)[:, None]).reshape(ROWS, COLUMNS, 3)


def _let_hang(
    figure: Figure, skin: Scalp, style: HairStyle, rows: Tensor, full: Tensor, obstacle: Obstacle, azimuth: Tensor, seed: int
) -> tuple[Tensor, Tensor]:
    """Let strands outside the face fall from the widest place of the head.

    Args:
        rows, full: [R, C, 3] strands that end at the hairline, and the same in full volume.

    Returns:
        all rows [R', C, 3], and which columns hang [C].
    """
    heading, _, _ = _widest_place(skin, full)
    # Beside the face, hair is thin and lies close; fullness grows towards the back.
    fullness = smoothstep(math.radians(style.face - 4), math.radians(style.face + 30), heading.abs())[None, :, None]
    rows = torch.lerp(rows, full, fullness)
    heading, widest, reach = _widest_place(skin, rows)
    at_widest = rows[widest, torch.arange(COLUMNS)]
    hanging = heading.abs() > math.radians(style.face)
    # Hanging columns spend their scalp rows on the way to the widest place only.
    place = torch.linspace(0, 1, ROWS)[:, None] * torch.where(hanging, widest.float(), ROWS - 1.0)
    low = place.floor().long().clamp_max(ROWS - 2)
    columns = torch.arange(COLUMNS).expand_as(low)
    over = torch.lerp(rows[low, columns], rows[low + 1, columns], (place - low)[..., None])
    around = torch.stack([azimuth.cos() * 7, azimuth.sin() * 7], 1)
    ends = _ends(figure, style, heading.abs(), around, seed)
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
    fallen = torch.stack([heading.sin() * spread, height, heading.cos() * spread + skin.middle[2]], -1)
    return torch.cat([over, _resting(figure, fallen, over[-1:], hanging, obstacle)]), hanging


def _ends(figure: Figure, style: HairStyle, heading: Tensor, around: Tensor, seed: int) -> Tensor:
    """Return the heights [C] at which strands end that hang at angles `heading` [C] from straight ahead."""
    ragged = 0.02 * noise(around * 1.6, seed + 3) + 0.008 * noise(around * 5, seed + 4)
    # Strands beside the face are a little shorter than those of the back.
    ends = (
        float(figure.joint("left_eye")[1]) - style.length + ragged + 0.05 * smoothstep(math.radians(110), math.radians(60), heading)
    )
    # In front and at the sides they end on the shoulders instead of parting there; the rest falls down the back.
    on_shoulder = float(figure.joint("left_shoulder")[1]) + 0.035 + ragged
    return torch.lerp(ends.maximum(on_shoulder), ends, smoothstep(math.radians(112), math.radians(150), heading))


def _resting(figure: Figure, strands: Tensor, above: Tensor, hanging: Tensor, obstacle: Obstacle) -> Tensor:
    """Lay strands [R, C, 3] on neck, shoulders and back, and even them out; `above` [1, C, 3] is where they come from."""
    low = (strands[..., 1] < float(figure.joint("left_eye")[1]) - 0.09).flatten().nonzero()[:, 0]
    for clearance in (0.010, 0.012):
        flat = strands.reshape(-1, 3)
        strands = flat.index_copy(0, low, obstacle.push_out(flat[low], clearance)).view_as(strands)
        beside = [torch.where(hanging.roll(step)[None, :, None], strands.roll(step, 1), strands) for step in (1, -1)]
        smooth = (strands + beside[0] + beside[1]) / 3
        following = torch.cat([smooth[1:], smooth[-1:]])
        strands = 0.5 * smooth + 0.25 * torch.cat([above, smooth[:-1]]) + 0.25 * following
    flat = strands.reshape(-1, 3)
    return flat.index_copy(0, low, obstacle.push_out(flat[low], 0.012)).view_as(strands)


def _widest_place(skin: Scalp, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where strands [R, C, 3] are farthest from the head's upright axis: heading, row and distance, each [C]."""
    offset = rows - skin.middle
    reach, widest = offset[..., [0, 2]].norm(dim=-1).max(0)
    there = offset[widest, torch.arange(rows.shape[1])]
    return torch.atan2(there[:, 0], there[:, 2]), widest, reach


def tied(figure: Figure, style: HairStyle, root: Direction, obstacle: Obstacle, seed: int) -> tuple[Sheet, Tensor]:
    """Shape the bun, ponytail or braid in a direction from the middle of the skull; returns the same as `combed`."""
    skin = scalp(figure, combing(figure.body, style.pole, style.fringe))
    pole, _, aside = frame(root)
    nearest = int((skin.outwards @ pole).argmax())
    start = skin.points[nearest] + pole * (style.side + 0.002)
    rows, columns = 30, 32
    down = torch.linspace(0, 1, rows)[:, None]
    angle = torch.arange(columns) * (2 * math.pi / columns)
    if style.tied == "bun":
        path = start + pole * (0.026 - 0.034 * torch.cos(math.pi * (1 - down)) * -1)
        width = 0.040 * torch.sin(down * math.pi).clamp_min(0.02) ** 0.75
    else:
        length = 0.34 if style.tied == "braid" else 0.30 if len(style.tails) == 1 else 0.21
        out = torch.nn.functional.normalize(pole * torch.tensor([1.0, 0.0, 1.0]) + torch.tensor([0.0, 0.2, 0.0]), dim=0)
        fall = torch.tensor([0.0, -1.0, 0.0]) * length * down**1.4
        path = start + out * (0.055 if style.tied == "ponytail" else 0.03) * (1 - torch.exp(-down * 7)) + fall
        width = _tail_width(style.tied, down, angle)
    tangent = torch.nn.functional.normalize(torch.gradient(path, dim=0)[0], dim=1)
    beside = aside.expand(rows, 3)
    behind = torch.nn.functional.normalize(torch.linalg.cross(tangent, beside, dim=1), dim=1)
    ridges = 1 + 0.10 * noise(torch.stack([angle.cos() * 3, angle.sin() * 3], 1), seed + 8)
    round_ = angle.sin()[None, :, None] * beside[:, None] - angle.cos()[None, :, None] * behind[:, None]
    position = (path[:, None] + (width * ridges)[..., None] * round_).reshape(-1, 3)
    if style.tied != "bun":
        position = obstacle.push_out(position, 0.004)
    faces = ring_faces(rows, columns)
    normal = smooth_normals(position, faces, 1)
    if ((position - path.repeat_interleave(columns, 0)) * normal).sum() < 0:
        faces, normal = faces.flip(1), -normal
    along = torch.cat([torch.zeros(1), (path[1:] - path[:-1]).norm(dim=1).cumsum(0)]).repeat_interleave(columns)[:, None]
    flat = unrolled(torch.stack([angle.repeat(rows), -along[:, 0]], 1)[faces], 0.03)
    far = torch.ones(len(position), 1)
    values = {
        "position": position, "normal": normal, "tangent": tangent.repeat_interleave(columns, 0), "edge": far, "tip": far,
        "along": along + 0.05, "skinning": _weights(figure, position),
    }  # fmt: skip
    return Sheet(faces, values), flat


def _tail_width(kind: str, down: Tensor, angle: Tensor) -> Tensor:
    """Return the radius [R, C] of a ponytail or a braid."""
    taper = smoothstep(1.02, 0.80, down).clamp_min(0.04)
    if kind == "ponytail":
        return ((0.012 + 0.022 * torch.sin((down * 0.92 + 0.07) * math.pi) ** 0.6) * taper).expand(-1, len(angle))
    # Three strands lie over each other in turn: bulges on either side, half a step apart.
    step = down * 11 + 0.28 * angle.cos().abs() + 0.5 * (angle.sin() > 0)
    bulge = torch.sin(math.pi * (step % 1)).clamp_min(0) ** 0.6
    return (0.014 + 0.012 * bulge) * torch.lerp(torch.ones(()), torch.tensor(0.7), down) * taper


def _weights(figure: Figure, position: Tensor) -> Tensor:
    """Follow the head, and below the chin more and more what the strands lie on."""
    from scipy.spatial import cKDTree

    weights = torch.zeros(len(position), figure.body.weights.shape[1])
    weights[:, JOINT_INDEX["head"]] = 1
    chin = float(figure.joint("left_eye")[1]) - 0.11
    low = (position[:, 1] < chin).nonzero()[:, 0]
    if len(low):
        body = (figure.on_parts("torso", "neck") & (figure.sheet.values["armness"][:, 0] < 0.3)).nonzero()[:, 0]
        _, index = cKDTree(figure.sheet.position[body].numpy()).query(position[low].numpy(), k=8)
        below = figure.body.weights[body[torch.from_numpy(index)]].mean(1)
        weights[low] = torch.lerp(weights[low], below, 0.9 * smoothstep(chin, chin - 0.14, position[low, 1])[:, None])
    return weights
