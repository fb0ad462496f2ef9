"""What is printed once on the front of a garment: a short word in block letters, or a simple logo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .bands import Footprint, over
from .details import Place
from .motifs import heart_distance, star_distance
from .noise import smoothstep
from .pieces import Color, Paint

# Strokes of letters on a grid, x and y as two digits; capitals are 6 high, as wide as their largest x; "|" lifts the pen.
LETTERS = {
    "A": "00 26 40|12 32", "B": "00 06 36 45 44 33 03|33 42 41 30 00", "C": "45 36 16 05 01 10 30 41", "D": "00 06 26 44 42 20 00",
    "E": "36 06 00 30|03 23", "F": "36 06 00|03 23", "G": "45 36 16 05 01 10 30 41 43 23", "H": "00 06|40 46|03 43", "I": "00 06",
    "J": "36 31 20 10 01", "K": "00 06|46 03 40", "L": "06 00 30", "M": "00 06 33 66 60", "N": "00 06 40 46",
    "O": "10 01 05 16 36 45 41 30 10", "P": "00 06 36 45 44 33 03", "Q": "10 01 05 16 36 45 41 30 10|22 40",
    "R": "00 06 36 45 44 33 03|23 40", "S": "45 36 16 05 04 13 33 42 41 30 10 01", "T": "20 26|06 46", "U": "06 01 10 30 41 46",
    "V": "06 20 46", "W": "06 10 34 50 66", "X": "00 46|06 40", "Y": "06 23 46|23 20", "Z": "06 46 00 40",
    "0": "10 01 05 16 26 35 31 20 10", "1": "05 16 10|00 20", "2": "05 16 36 45 44 00 40",
    "3": "05 16 36 45 44 33 13|33 42 41 30 10 01", "4": "30 36 02 42", "5": "46 06 03 33 42 41 30 10 01",
    "6": "45 36 16 05 01 10 30 41 42 33 03", "7": "06 46 10", "8": "13 04 05 16 36 45 44 33 13 02 01 10 30 41 42 33",
    "9": "01 10 30 41 45 36 16 05 04 13 43", "-": "03 23", "!": "06 02|00 00", " ": "",
}  # fmt: skip
_HALF_STROKE, _GAP, _SPACE = 0.62, 2.0, 2.0  # in units of the grid


@dataclass(frozen=True)
class Print:
    """A print on the chest, upright, its middle a little below the armpits' height.

    kind:  "text" or "logo"
    word:  what is written, of the characters in LETTERS; or a name in LOGOS
    color: sRGB
    width: metres across
    """

    kind: str
    word: str
    color: Color
    width: float = 0.18


def apply_print(paint: Paint, printed: Print | None, place: Place) -> Paint:
    """Print on cloth round the origin of the place, the chest's middle; only where the place says (the front panel).

    Raises:
        ValueError: if the kind, a character or the logo is unknown.
    """
    if printed is None:
        return paint
    reach = 0.75 * printed.width
    near = ((place.x.abs() < reach) & (place.y.abs() < reach) & (place.where > 0)).nonzero()[:, 0]
    footprint = place.footprint[near] if isinstance(place.footprint, Tensor) else place.footprint
    ink = print_ink(printed, place.x[near], place.y[near], footprint)
    color = paint.color.clone()
    color[near] = over(color[near], torch.tensor(printed.color), 0.96 * ink * place.where[near])
    return Paint(color, paint.relief)


def print_ink(printed: Print, x: Tensor, y: Tensor, footprint: Footprint = 0.0) -> Tensor:
    """Return how much ink [N], 0..1, lies at metres to the wearer's left and upwards from the print's middle.

    Raises:
        ValueError: if the kind, a character or the logo is unknown.
    """
    if printed.kind == "text":
        distance = _text_distance(printed.word, x / printed.width, y / printed.width) * printed.width
    elif printed.kind == "logo":
        if printed.word not in LOGOS:
            raise ValueError(f"There is no logo '{printed.word}'; use one of {', '.join(LOGOS)}.")
        half = printed.width / 2
        distance = LOGOS[printed.word](x / half, y / half) * half
    else:
        raise ValueError(f"There is no kind of print '{printed.kind}'; use 'text' or 'logo'.")
    return smoothstep(1.0, -1.0, distance / (0.5 * footprint + 0.0005))


def text_height(word: str) -> float:
    """Return how high a word is, as a share of its width."""
    _, width = _strokes(word)
    return (6 + 2 * _HALF_STROKE) / width


def _text_distance(word: str, x: Tensor, y: Tensor) -> Tensor:
    """Return the signed distance [N] to the strokes of a word 1 wide, centred on the origin."""
    segments, width = _strokes(word)
    return (_segment_distance(segments, x * width, y * width) - _HALF_STROKE) / width


def _strokes(word: str) -> tuple[Tensor, float]:
    """Return the word's strokes as segments [S, 4] on the grid, centred, and its width with the strokes' own."""
    segments, pen = [], 0.0
    for character in word:
        if character not in LETTERS:
            raise ValueError(f"The letter '{character}' cannot be printed; use capitals A to Z, digits, '-', '!' and spaces.")
        strokes = [[(int(point[0]), int(point[1])) for point in stroke.split()] for stroke in LETTERS[character].split("|")]
        points = [point for stroke in strokes for point in stroke]
        for stroke in strokes:
            segments += [(pen + ax, ay - 3, pen + bx, by - 3) for (ax, ay), (bx, by) in pairwise(stroke)]
        pen += max((x for x, _ in points), default=_SPACE) + _GAP
    if not segments:
        raise ValueError(f"The print '{word}' has no letters; give a word of capitals or digits.")
    width = pen - _GAP
    return torch.tensor(segments) - torch.tensor([width / 2, 0, width / 2, 0]), width + 2 * _HALF_STROKE


def _segment_distance(segments: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the distance [N] from points to the nearest of segments [S, 4]."""
    ax, ay, bx, by = segments.unbind(1)
    dx, dy = bx - ax, by - ay
    px, py = x[:, None] - ax, y[:, None] - ay
    along = ((px * dx + py * dy) / (dx * dx + dy * dy).clamp_min(1e-9)).clamp(0, 1)
    return torch.hypot(px - along * dx, py - along * dy).amin(1)


def _outline(*points: tuple[float, float]) -> Tensor:
    """Return the segments [S, 4] of a closed outline."""
    return torch.tensor([(*start, *end) for start, end in zip(points, points[1:] + points[:1], strict=True)])


def _shape(x: Tensor, y: Tensor, *points: tuple[float, float]) -> Tensor:
    """Return the signed distance [N] to a polygon, negative inside."""
    segments = _outline(*points)
    ax, ay, bx, by = segments.unbind(1)
    above = (ay > y[:, None]) != (by > y[:, None])
    crossing = ax + (y[:, None] - ay) / torch.where(by == ay, 1.0, by - ay) * (bx - ax)
    inside = (above & (x[:, None] < crossing)).sum(1) % 2 == 1
    return _segment_distance(segments, x, y) * torch.where(inside, -1.0, 1.0)


def _stroke(x: Tensor, y: Tensor, half: float, *points: tuple[float, float]) -> Tensor:
    """Return the signed distance [N] to an open line of points, drawn `half` to either side."""
    segments = torch.tensor([(*start, *end) for start, end in pairwise(points)])
    return _segment_distance(segments, x, y) - half


def _disc(x: Tensor, y: Tensor, cx: float, cy: float, radius: float) -> Tensor:
    return torch.hypot(x - cx, y - cy) - radius


def _without(shape: Tensor, hole: Tensor) -> Tensor:
    return torch.maximum(shape, -hole)


def _both(*shapes: Tensor) -> Tensor:
    return torch.stack(shapes).amin(0)


# Logos: signed distances on a field from -1 to 1, y upwards.
def _star(x: Tensor, y: Tensor) -> Tensor:
    return star_distance(x, y + 0.08, 1.0)


def _heart(x: Tensor, y: Tensor) -> Tensor:
    return heart_distance(x, y, 0.97)


def _badge(x: Tensor, y: Tensor) -> Tensor:
    radius = torch.hypot(x, y)
    return _both((radius - 0.9).abs() - 0.1, star_distance(x, y + 0.04, 0.62))


def _mountain(x: Tensor, y: Tensor) -> Tensor:
    peaks = _shape(x, y, (-1, -0.65), (-0.25, 0.62), (0.12, 0.0), (0.38, 0.34), (1, -0.65))
    snow = _stroke(x, y, 0.06, (-0.47, 0.22), (-0.34, 0.10), (-0.22, 0.26), (-0.12, 0.10), (0.02, 0.20))
    return _both(_without(peaks, snow), _disc(x, y, 0.62, 0.58, 0.20))


def _anchor(x: Tensor, y: Tensor) -> Tensor:
    ring = _disc(x, y, 0, 0.76, 0.16).abs() - 0.085
    shaft = _stroke(x, y, 0.11, (0, 0.58), (0, -0.80))
    bar = _stroke(x, y, 0.10, (-0.42, 0.34), (0.42, 0.34))
    arms = torch.maximum((torch.hypot(x, y + 0.08) - 0.76).abs() - 0.11, y + 0.28)
    px = x.abs()
    flukes = _shape(px, y, (0.48, -0.30), (0.98, -0.40), (0.80, 0.10))
    return _both(ring, shaft, bar, arms, flukes)


def _sun(x: Tensor, y: Tensor) -> Tensor:
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    sector = 2 * math.pi / 10
    fold = (angle - (angle / sector).round() * sector).abs()
    ray = torch.maximum(radius * fold.sin() - 0.16 * (1.05 - radius), torch.maximum(0.62 - radius, radius - 1.0))
    return _both(radius - 0.50, ray)


def _moon(x: Tensor, y: Tensor) -> Tensor:
    return _both(_without(_disc(x, y, -0.1, 0, 0.85), _disc(x, y, 0.30, 0.18, 0.72)), star_distance(x - 0.52, y - 0.25, 0.30))


def _lightning(x: Tensor, y: Tensor) -> Tensor:
    return _shape(x, y, (0.12, 1.0), (-0.58, -0.10), (-0.08, -0.10), (-0.22, -1.0), (0.58, 0.22), (0.06, 0.22), (0.40, 1.0))


def _smiley(x: Tensor, y: Tensor) -> Tensor:
    face = _disc(x, y, 0, 0, 0.95)
    eyes = torch.hypot((x.abs() - 0.32) / 0.8, (y - 0.25) / 1.3) - 0.15
    smile = torch.maximum((torch.hypot(x, y - 0.05) - 0.56).abs() - 0.09, y + 0.12)
    return _without(face, _both(eyes, smile))


def _wave(x: Tensor, y: Tensor) -> Tensor:
    rows = [(y - height - 0.16 * torch.cos(x * 7.0)).abs() - 0.12 for height in (0.5, 0.0, -0.5)]
    return torch.maximum(_both(*rows), x.abs() - 0.95) * 0.7


def _leaf(x: Tensor, y: Tensor) -> Tensor:
    blade = torch.maximum(_disc(x, y, -0.62, 0.1, 1.1), _disc(x, y, 0.62, 0.1, 1.1))
    veins = _both(_stroke(x, y, 0.05, (0, -1), (0, 0.7)), _stroke(x.abs(), y, 0.045, (0, -0.35), (0.38, 0.02)),
                  _stroke(x.abs(), y, 0.045, (0, 0.05), (0.33, 0.40)))  # fmt: skip
    return _both(_without(blade, veins), _stroke(x, y, 0.07, (0, -0.75), (0, -1.0)))


def _crown(x: Tensor, y: Tensor) -> Tensor:
    body = _shape(x, y, (-0.80, -0.30), (-0.92, 0.48), (-0.42, 0.08), (0, 0.72), (0.42, 0.08), (0.92, 0.48), (0.80, -0.30))
    return _both(body, _shape(x, y, (-0.80, -0.66), (-0.80, -0.42), (0.80, -0.42), (0.80, -0.66)))


def _paw(x: Tensor, y: Tensor) -> Tensor:
    pad = torch.hypot(x / 1.15, (y + 0.38) / 0.92) - 0.48
    px = x.abs()
    return _both(pad, torch.hypot((px - 0.26) / 0.8, (y - 0.62) / 1.1) - 0.24, torch.hypot((px - 0.72) / 0.8, y - 0.22) - 0.22)


def _cat(x: Tensor, y: Tensor) -> Tensor:
    px = x.abs()
    head = torch.hypot(x / 1.12, y + 0.15) - 0.76
    ears = _shape(px, y, (0.22, 0.45), (0.80, 0.92), (0.84, 0.0))
    eyes = torch.hypot((px - 0.34) / 0.8, (y + 0.02) / 1.2) - 0.13
    nose = _shape(x, y, (-0.12, -0.28), (0.12, -0.28), (0, -0.42))
    whiskers = _both(_stroke(px, y, 0.035, (0.42, -0.34), (0.95, -0.26)), _stroke(px, y, 0.035, (0.42, -0.46), (0.95, -0.54)))
    return _without(_both(head, ears), _both(eyes, nose, whiskers))


def _fish(x: Tensor, y: Tensor) -> Tensor:
    body = torch.maximum(_disc(x, y, 0.15, 0.55, 0.95), _disc(x, y, 0.15, -0.55, 0.95))
    tail = _shape(x, y, (-0.50, 0.0), (-1.0, 0.42), (-0.86, 0.0), (-1.0, -0.42))
    gill = torch.maximum((torch.hypot(x - 0.02, y) - 0.40).abs() - 0.05, torch.maximum(0.2 - x, y.abs() - 0.26))
    return _without(_both(body, tail), _both(_disc(x, y, 0.62, 0.10, 0.08), gill))


LOGOS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "star": _star, "heart": _heart, "badge": _badge, "mountain": _mountain, "anchor": _anchor, "sun": _sun, "moon": _moon,
    "lightning": _lightning, "smiley": _smiley, "wave": _wave, "leaf": _leaf, "crown": _crown, "paw": _paw, "cat": _cat,
    "fish": _fish,
}  # fmt: skip
