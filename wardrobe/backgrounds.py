"""What stands behind a person in a picture: studio paper, a wall over a floor, or a blurred street, room or garden."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.render import Camera
from .colors import draw_color
from .fabrics import Color
from .noise import layered, scatter_values, smoothstep

KINDS = ("paper", "wall", "street", "room", "garden")
_WALL = 1.6  # metres from the person back to the wall of a studio
_FAR = 4.5  # metres back to what stands in a street, room or garden
_PAPER_WORDS = ("grey", "white", "light blue", "beige", "pink", "green", "blue", "yellow", "teal", "purple", "red", "black", "navy")
_FLOORS: tuple[Color, ...] = ((0.62, 0.60, 0.57), (0.50, 0.38, 0.27), (0.72, 0.66, 0.56), (0.36, 0.36, 0.38), (0.80, 0.79, 0.77))


@dataclass(frozen=True)
class Background:
    """A background.

    kind:  one of KINDS
    word:  the colour word of paper or wall, "" for the others
    color: of paper or wall, sRGB
    floor: of the floor, sRGB
    seed:  of what is left to chance
    """

    kind: str
    word: str
    color: Color
    floor: Color
    seed: int

    @property
    def words(self) -> str:
        """How a caption says it: "against a grey background"."""
        places = {"street": "on a street", "room": "in a room", "garden": "in a garden"}
        if self.kind in places:
            return places[self.kind]
        article = "an" if self.word[0] in "aeiou" else "a"
        return f"against {article} {self.word} {'wall' if self.kind == 'wall' else 'background'}"


def draw_background(draw: random.Random) -> Background:
    """Draw a background: mostly paper and walls, a quarter of them busy."""
    kind = draw.choices(KINDS, (0.52, 0.22, 0.10, 0.08, 0.08))[0]
    word = draw.choices(_PAPER_WORDS, (14, 12, 8, 8) + (1,) * (len(_PAPER_WORDS) - 4))[0]
    color = draw_color(draw, word)
    return Background(kind, word if kind in ("paper", "wall") else "", color, draw.choice(_FLOORS), draw.randrange(2**31))


def paint_background(background: Background, camera: Camera, azimuth: float, shadow: GroundShadow) -> Tensor:
    """Paint what the camera sees behind the person: [H, W, 3] sRGB in 0..1.

    Args:
        azimuth: degrees by which camera and background stand turned round the person, from +Z towards +X.
        shadow: what the person throws on the floor.
    """
    origin, ray = _rays(camera)
    floor_at = torch.where(ray[:, 1] < -1e-4, -origin[1] / ray[:, 1].clamp_max(-1e-4), torch.inf)
    sine, cosine = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    # In the frame that turns with the camera: x to its right, z from the background towards it.
    side, back = ray[:, 0] * cosine - ray[:, 2] * sine, ray[:, 0] * sine + ray[:, 2] * cosine
    eye_side, eye_back = origin[0] * cosine - origin[2] * sine, origin[0] * sine + origin[2] * cosine
    behind = -(_WALL if background.kind in ("paper", "wall") else _FAR)
    wall_at = torch.where(back < -1e-4, (behind - eye_back) / back.clamp_max(-1e-4), torch.inf)
    at = torch.minimum(floor_at, wall_at).clamp_max(1e3)
    place = torch.stack([eye_side + at * side, origin[1] + at * ray[:, 1], eye_back + at * back], 1)
    on_floor = floor_at <= wall_at
    color = _PAINTERS[background.kind](background, place, on_floor)
    world = origin + at[:, None] * ray
    # Shadows fade out towards the wall, since none is painted on it.
    dark = shadow.at(world[:, [0, 2]]) * on_floor * smoothstep(behind, behind + 0.6, place[:, 2])
    color = (color * (1 - dark)[:, None]).clamp(0, 1).view(camera.height, camera.width, 3)
    if background.kind == "paper":
        return color
    sigma = (0.006 if background.kind == "wall" else 0.016) * min(camera.width, camera.height)
    return blurred(color, sigma)


class GroundShadow:
    """The shadow of points on the floor: dark where they touch it, soft and long where the key lamp throws it."""

    _CELL, _REACH = 0.03, 2.4  # metres

    def __init__(self, points: Tensor, lamp: tuple[float, float, float]) -> None:
        steep = max(lamp[1], 0.35)
        thrown = points[:, [0, 2]] - points[:, 1:2] * torch.tensor([lamp[0], lamp[2]]) / steep
        self._cast = self._density(thrown, torch.ones(len(points)), 2.2)
        self._contact = self._density(points[:, [0, 2]], smoothstep(0.16, 0.02, points[:, 1]), 1.6)

    def at(self, floor: Tensor) -> Tensor:
        """Return how dark the floor is at places [N, 2] (world x and z): 0 unshaded .. 1."""
        grid = (floor / self._REACH).view(1, 1, -1, 2)
        maps = torch.stack([self._cast, self._contact])[None]
        cast, contact = torch.nn.functional.grid_sample(maps, grid, align_corners=False)[0, :, 0]
        return 1 - (1 - 0.30 * cast) * (1 - 0.55 * contact)

    def _density(self, floor: Tensor, weight: Tensor, sigma: float) -> Tensor:
        size = int(2 * self._REACH / self._CELL)
        cell = ((floor + self._REACH) / self._CELL).long()
        inside = ((cell >= 0) & (cell < size)).all(1)
        table = torch.zeros(size * size).index_add_(0, (cell[:, 1] * size + cell[:, 0])[inside], weight[inside])
        return blurred((table.view(size, size, 1) / 3).clamp_max(1), sigma)[..., 0]


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Blur an image [H, W, C] with a Gaussian of `sigma` pixels, its border going on outside."""
    reach = max(1, math.ceil(2.5 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    channels = image.movedim(-1, 0)[:, None]
    channels = torch.nn.functional.pad(channels, (reach, reach, reach, reach), mode="replicate")
    channels = torch.nn.functional.conv2d(channels, kernel.view(1, 1, 1, -1))
    return torch.nn.functional.conv2d(channels, kernel.view(1, 1, -1, 1))[:, 0].movedim(0, -1)


def _rays(camera: Camera) -> tuple[Tensor, Tensor]:
    """Return the camera's centre [3] and the world direction of every pixel's ray [H * W, 3], row by row."""
    y, x = torch.meshgrid(torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij")
    k = camera.intrinsics
    ray = torch.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], torch.ones_like(x)], -1).reshape(-1, 3)
    return camera.position, ray @ camera.view[:3, :3]


def _paper(background: Background, place: Tensor, on_floor: Tensor) -> Tensor:
    """Seamless paper: brightest behind the person, falling off to the corners; floor and wall run into each other."""
    x, y, z = place.unbind(1)
    up = torch.where(on_floor, -(_WALL + z), y)
    glow = torch.exp(-((x / 1.7) ** 2) - ((up - 1.1) / 1.6) ** 2)
    bend = torch.exp(-(((up - 0.05) / 0.35) ** 2))
    return torch.tensor(background.color) * (0.84 + 0.18 * glow - 0.03 * bend)[:, None]


def _wall_and_floor(background: Background, place: Tensor, on_floor: Tensor) -> Tensor:
    """A painted wall with a skirting board over a floor of boards."""
    x, y, z = place.unbind(1)
    wall = (
        torch.tensor(background.color)
        * (0.90 + 0.10 * torch.exp(-((x / 1.8) ** 2)) + 0.02 * layered(place * 2, 2, background.seed))[:, None]
    )
    board = smoothstep(0.09, 0.08, y)
    trim = torch.tensor((0.90, 0.89, 0.87)) * (0.82 + 0.18 * smoothstep(0.0, 0.02, y))[:, None]
    wall = torch.lerp(wall, trim, board[:, None])
    return torch.where(on_floor[:, None], _boards(background, x, z), wall)


def _boards(background: Background, x: Tensor, z: Tensor) -> Tensor:
    plank = torch.stack([(x / 0.14).floor(), torch.zeros_like(x)], 1).long()
    tone = 0.92 + 0.14 * scatter_values(plank, background.seed % 10_000) - 0.05 * smoothstep(0.0, -1.6, z)
    return torch.tensor(background.floor) * tone[:, None]


def _street(background: Background, place: Tensor, on_floor: Tensor) -> Tensor:
    """Houses with rows of windows over a pavement."""
    x, y, z = place.unbind(1)
    house = (x / 2.3 + 0.3).floor()
    tint = torch.stack(
        [scatter_values(torch.stack([house, torch.full_like(house, row)], 1).long(), background.seed % 997) for row in (0, 1, 2)], 1
    )
    wall = 0.42 + 0.38 * tint * torch.tensor([1.0, 0.9, 0.8])
    column, row = (x / 0.9).floor(), ((y - 0.5) / 1.25).floor()
    inside = smoothstep(0.30, 0.27, ((x / 0.9 - column) - 0.5).abs()) * smoothstep(
        0.36, 0.33, (((y - 0.5) / 1.25 - row) - 0.5).abs()
    )
    lit = scatter_values(torch.stack([column, row], 1).long(), background.seed % 991)
    glass = torch.lerp(torch.tensor([0.16, 0.20, 0.25]), torch.tensor([0.62, 0.70, 0.78]), (lit**2)[:, None])
    wall = torch.lerp(wall, glass, (inside * (y > 0.5))[:, None])
    pavement = (
        torch.tensor([0.50, 0.50, 0.50])
        * (0.92 + 0.08 * scatter_values(torch.stack([(x / 0.6).floor(), (z / 0.6).floor()], 1).long(), 5))[:, None]
    )
    road = torch.tensor([0.28, 0.28, 0.30]).expand_as(pavement)
    return torch.where(on_floor[:, None], torch.where((z < -2.2)[:, None], road, pavement), wall)


def _room(background: Background, place: Tensor, on_floor: Tensor) -> Tensor:
    """A wall with a window, pictures, a low cupboard and a plant."""
    x, y, z = place.unbind(1)
    shift = 1.6 * (background.seed % 100 / 100 - 0.5)
    x_room = x - shift
    color = (torch.tensor(background.color) * 0.55 + 0.38).expand(len(x), 3) * (0.95 + 0.03 * layered(place, 2, background.seed))[
        :, None
    ]
    things = (
        ((-1.5, 1.75), (0.62, 0.80), (0.95, 0.97, 1.0)),  # window
        ((1.25, 1.9), (0.42, 0.30), (0.30, 0.26, 0.24)),  # frame
        ((1.25, 1.9), (0.37, 0.25), (0.70, 0.58, 0.42)),
        ((1.3, 0.45), (0.95, 0.45), (0.46, 0.32, 0.22)),  # cupboard
        ((0.9, 1.12), (0.10, 0.22), (0.86, 0.62, 0.28)),  # lamp
        ((-3.0, 0.9), (0.45, 0.9), (0.35, 0.40, 0.48)),
    )
    for (cx, cy), (half_x, half_y), thing in things:
        outside = torch.maximum((x_room - cx).abs() - half_x, (y - cy).abs() - half_y)
        color = torch.lerp(color, torch.tensor(thing).expand_as(color), smoothstep(0.01, -0.01, outside)[:, None])
    leaves = smoothstep(
        0.30, 0.26, torch.hypot(x_room + 0.45, (y - 0.75) * 0.8) + 0.12 * layered(place * 7, 2, background.seed + 1)
    )
    color = torch.lerp(color, torch.tensor([0.22, 0.42, 0.22]).expand_as(color), leaves[:, None])
    rug = smoothstep(1.0, 0.97, torch.hypot(x / 1.7, (z + 1.2) / 1.1))
    floor = torch.lerp(_boards(background, x, z), torch.tensor([0.58, 0.40, 0.36]).expand_as(color), (0.8 * rug)[:, None])
    return torch.where(on_floor[:, None], floor, color)


def _garden(background: Background, place: Tensor, on_floor: Tensor) -> Tensor:
    """A hedge and trees under a bright sky, on grass."""
    x, y, z = place.unbind(1)
    sky = torch.lerp(torch.tensor([0.86, 0.91, 0.95]), torch.tensor([0.62, 0.77, 0.93]), smoothstep(1.0, 4.0, y)[:, None])
    flat = torch.stack([x, y, torch.zeros_like(x)], 1)
    clumps = layered(flat * 1.1, 3, background.seed)
    tree = smoothstep(-0.05, 0.15, clumps + 0.9 - 0.42 * (y - 0.6).clamp_min(0))
    leaf = torch.tensor([0.24, 0.42, 0.20]) * (0.8 + 0.7 * layered(flat * 4.5, 3, background.seed + 1).clamp(-0.6, 1))[:, None]
    color = torch.lerp(sky, leaf, tree[:, None])
    hedge = smoothstep(1.05, 0.95, y + 0.12 * layered(flat * 3, 2, background.seed + 2))
    dark = torch.tensor([0.17, 0.32, 0.15]) * (0.8 + 0.6 * layered(flat * 6, 2, background.seed + 3))[:, None]
    color = torch.lerp(color, dark, hedge[:, None])
    blossom = smoothstep(0.42, 0.5, layered(flat * 6.5, 2, background.seed + 4)) * hedge
    color = torch.lerp(color, torch.tensor([0.88, 0.55, 0.62]).expand_as(color), blossom[:, None])
    ground = torch.stack([x, z, torch.zeros_like(x)], 1)
    grass = torch.tensor([0.38, 0.52, 0.24]) * (0.9 + 0.25 * layered(ground * 3, 3, background.seed + 5))[:, None]
    return torch.where(on_floor[:, None], grass, color)


_PAINTERS = {"paper": _paper, "wall": _wall_and_floor, "street": _street, "room": _room, "garden": _garden}
