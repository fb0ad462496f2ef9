"""Pictures of posed people: every layer is drawn once, and only the spots that are seen are painted and lit.

A picture is sampled on a grid of half pixels that has a sample on every pixel's centre: there the ground truth (face, place on it,
depth) is read off. Every second sample, as on a chessboard with the centres, is painted. A pixel's colour is the mean of its nine
samples, on and round its centre, under a tent filter in linear light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..models.geometry.mesh import vertex_normals
from ..models.render import Camera, rasterize_layers
from .backgrounds import Background, GroundShadow, paint_background
from .dressing import Posed
from .lighting import GAMMA, Lamps, embossing, light_quickly, lit, turned
from .pieces import Piece, mixed, spots_at
from .seats import Seat
from .sheets import averaging

_CENTRES = slice(1, None, 2)  # of the samples along a side
_INSIDE = 0.55  # brightness of the inner side of cloth


@dataclass(frozen=True)
class Picture:
    """A picture and what every pixel's centre shows.

    image:       [H, W, 3] uint8 sRGB
    face:        [H, W] int32 face of the person's mesh, -1 on the background, to which a seat belongs
    barycentric: [H, W, 3] weights of that face's corners; 0 on the background
    depth:       [H, W] camera-space z in metres; 0 on the background
    alone:       [L] samples that each layer would cover if it were alone before the camera
    visible:     [L] samples where each layer is seen
    """

    image: Tensor
    face: Tensor
    barycentric: Tensor
    depth: Tensor
    alone: Tensor
    visible: Tensor

    def occlusion(self, layer: int) -> float:
        """Return the share of a layer, as if alone before the camera, that other layers hide: 0..1; 1 if it is out of sight."""
        return 1 - float(self.visible[layer]) / float(self.alone[layer]) if self.alone[layer] else 1.0


@dataclass(frozen=True)
class Samples:
    """What the samples of a picture see, [h, w] each; h = 2 H + 1 and w = 2 W + 1."""

    face: Tensor
    barycentric: Tensor
    depth: Tensor


def picture(posed: Posed, camera: Camera, lamps: Lamps, background: Background, azimuth: float) -> Picture:
    """Take a picture of a posed person.

    Args:
        lamps: as seen by a camera in front; they and the background turn with `azimuth`.
        azimuth: degrees by which the camera stands to the person's left: 0 in front, 90 sees the left side, 180 the back.
    """
    person = posed.person
    lamps = turned(lamps, azimuth)
    fine = _finer(camera)
    samples, alone = _seen(posed, fine)
    light = light_quickly(posed.vertices, posed.normals, person.warmth, person.hollow, person.smooth, lamps)
    color = shade(person.pieces, posed.vertices, light, samples, fine)
    if posed.seat:
        color = _with_seat(color, samples, posed.seat, len(person.faces), lamps)
    shadow = GroundShadow(posed.vertices, lamps.key[0])
    behind = paint_background(background, camera, azimuth, shadow) ** GAMMA
    own = (samples.face >= 0) & (samples.face < len(person.faces))
    centre = own[_CENTRES, _CENTRES]
    return Picture(
        image=to_bytes(_composed(color, samples, behind)),
        face=torch.where(centre, samples.face[_CENTRES, _CENTRES], -1).int(),
        barycentric=samples.barycentric[_CENTRES, _CENTRES] * centre[..., None],
        depth=samples.depth[_CENTRES, _CENTRES] * centre,
        alone=alone,
        visible=torch.bincount(person.face_layer[samples.face[own]], minlength=len(person.layers)),
    )


def picture_alone(pieces: Sequence[Piece], position: Tensor, camera: Camera, lamps: Lamps) -> tuple[Tensor, Tensor]:
    """Take a picture of some pieces on pure white: [H, W, 3] uint8, and which pixels' centres they cover [H, W] bool.

    Args:
        position: [V, 3] of all pieces' vertices, one piece after the other.
    """
    starts = torch.tensor([0, *(len(piece.labels) for piece in pieces)]).cumsum(0)
    faces = torch.cat([piece.sheet.faces + start for piece, start in zip(pieces, starts, strict=False)])
    fine = _finer(camera)
    samples, _ = _sampled(position, faces, torch.zeros(len(faces), dtype=torch.int64), 1, fine)
    warmth = torch.cat([torch.full((len(piece.labels),), piece.warmth) for piece in pieces])
    normal = vertex_normals(position, faces)
    light = light_quickly(position, normal, warmth, torch.zeros(len(position)), averaging(faces, len(position)), lamps)
    color = shade(pieces, position, light, samples, fine)
    return to_bytes(_composed(color, samples, torch.ones(3))), samples.face[_CENTRES, _CENTRES] >= 0


def shade(pieces: Sequence[Piece], position: Tensor, light: Tensor, samples: Samples, camera: Camera) -> Tensor:
    """Paint and light what is seen of the pieces: linear colours [h, w, 3], 0 where there is nothing or where nothing is painted.

    Args:
        position, light: [V, 3] of all pieces' vertices, one piece after the other.
    """
    color = torch.zeros(samples.face.numel(), 3)
    relief = torch.zeros(samples.face.numel())
    panel_of = torch.full((samples.face.numel(),), -1)
    flat_face = samples.face.flatten()
    seen = ((samples.face >= 0) & _painted(samples.face.shape)).flatten().nonzero()[:, 0]
    face_seen, barycentric = flat_face[seen], samples.barycentric.reshape(-1, 3)[seen]
    footprint = samples.depth.flatten()[seen] / float(camera.intrinsics[0, 0])
    counts = torch.tensor([0, *(len(piece.panel) for piece in pieces)]).cumsum(0).tolist()
    vertex = panel = 0
    for piece, (start, stop) in zip(pieces, pairwise(counts), strict=True):
        mine = ((face_seen >= start) & (face_seen < stop)).nonzero()[:, 0]
        last_vertex, last_panel = vertex + len(piece.labels), panel + int(piece.panel.max()) + 1
        if len(mine):
            face, weight, spot = face_seen[mine] - start, barycentric[mine], seen[mine]
            corners = piece.sheet.faces[face]
            paint = piece.paint(spots_at(piece, face, weight, footprint[mine]))
            brightness = mixed(light[vertex:last_vertex], corners, weight)
            color[spot] = lit(paint.color, brightness * _inside(position[vertex:last_vertex], corners, camera)[:, None])
            panel_of[spot] = panel + piece.panel[face]
            if paint.relief is not None:
                relief[spot] = paint.relief / (2 * footprint[mine])  # painted neighbours lie two samples apart
        vertex, panel = last_vertex, last_panel
    shape = samples.face.shape
    return color.view(*shape, 3) * embossing(relief.view(shape), panel_of.view(shape), 2)[..., None]


def to_bytes(linear: Tensor) -> Tensor:
    """Encode linear colours [..., 3] as uint8 sRGB."""
    return (linear.clamp(0, 1) ** (1 / GAMMA) * 255).round().to(torch.uint8)


def _seen(posed: Posed, camera: Camera) -> tuple[Samples, Tensor]:
    """Draw a person and the seat, whose faces follow the person's: samples, and how many each layer would cover alone [L]."""
    person = posed.person
    vertices, faces, layer, count = posed.vertices, person.faces, person.face_layer, len(person.layers)
    if posed.seat:
        vertices = torch.cat([vertices, posed.seat.vertices])
        faces = torch.cat([faces, posed.seat.faces + len(posed.vertices)])
        layer = torch.cat([layer, torch.full((len(posed.seat.faces),), count)])
    samples, alone = _sampled(vertices, faces, layer, count + 1, camera)
    return samples, alone[:count]


def _with_seat(color: Tensor, samples: Samples, seat: Seat, first: int, lamps: Lamps) -> Tensor:
    """Return the colours [h, w, 3] with those of the seat, whose faces are numbered from `first`."""
    row, column = ((samples.face >= first) & _painted(samples.face.shape)).nonzero().unbind(1)
    corners = seat.faces[samples.face[row, column] - first]
    return color.index_put((row, column), mixed(seat.light(lamps), corners, samples.barycentric[row, column]))


def _sampled(vertices: Tensor, faces: Tensor, layer: Tensor, count: int, camera: Camera) -> tuple[Samples, Tensor]:
    """Draw layers of faces: what the samples see, and how many samples each layer would cover alone [count]."""
    rows, columns, part = _cropped(vertices, camera)
    size = (camera.height, camera.width)
    face, barycentric, depth = torch.full(size, -1), torch.zeros(*size, 3), torch.zeros(size)
    if part is None:
        return Samples(face, barycentric, depth), torch.zeros(count, dtype=torch.int64)
    fragments, alone = rasterize_layers(vertices, faces, layer, count, part)
    face[rows, columns], barycentric[rows, columns], depth[rows, columns] = fragments.face, fragments.barycentric, fragments.depth
    return Samples(face, barycentric, depth), alone


def _cropped(points: Tensor, camera: Camera) -> tuple[slice, slice, Camera | None]:
    """Return the rows and columns that points may cover, and the camera of that part of the picture; None if there is none."""
    seen = points @ camera.view[:3, :3].T + camera.view[:3, 3]
    pixels = (seen @ camera.intrinsics.T)[:, :2] / seen[:, 2:].clamp_min(0.05)
    left, top = (int(value) for value in (pixels.amin(0) - 1).floor().clamp_min(0))
    right, bottom = (pixels.amax(0) + 2).ceil().minimum(torch.tensor([camera.width, camera.height])).int().tolist()
    rows, columns = slice(top, bottom), slice(left, right)
    if right <= left or bottom <= top:
        return rows, columns, None
    intrinsics = camera.intrinsics.clone()
    intrinsics[0, 2] -= left
    intrinsics[1, 2] -= top
    return rows, columns, Camera(camera.view, intrinsics, right - left, bottom - top)


def _finer(camera: Camera) -> Camera:
    """Return the camera of the samples: half a pixel apart, one on the centre of every pixel, one more row and column around."""
    intrinsics = camera.intrinsics * torch.tensor([2.0, 2.0, 1.0])[:, None]
    intrinsics[:2, 2] += 0.5
    return Camera(camera.view, intrinsics, 2 * camera.width + 1, 2 * camera.height + 1)


def _inside(position: Tensor, corners: Tensor, camera: Camera) -> Tensor:
    """Return the brightness [N] of faces by the side that is seen: cloth is darker inside."""
    a, b, c = (position[corners[:, corner]] for corner in range(3))
    facing = (torch.linalg.cross(b - a, c - a, dim=1) * (camera.position - a)).sum(1)
    return torch.where(facing > 0, 1.0, _INSIDE)


def _painted(shape: torch.Size) -> Tensor:
    """Return which samples [h, w] are painted: like one colour of a chessboard, with all centres of pixels."""
    row, column = torch.arange(shape[0])[:, None], torch.arange(shape[1])
    return (row + column) % 2 == 0


def _composed(color: Tensor, samples: Samples, behind: Tensor) -> Tensor:
    """Lay the painted samples [h, w, 3] over a background [H, W, 3] or [3], in linear light: [H, W, 3]."""
    covered = samples.face >= 0
    painted = _filtered((covered & _painted(covered.shape))[..., None].float())
    coverage = _filtered(covered[..., None].float()) * (painted > 0)
    return _filtered(color) * (coverage / painted.clamp_min(1e-6)) + (1 - coverage) * behind


def _filtered(samples: Tensor) -> Tensor:
    """Average the samples [h, w, C] of every pixel: [H, W, C]."""
    rows = 0.25 * (samples[:-2:2] + samples[2::2]) + 0.5 * samples[1::2]
    return 0.25 * (rows[:, :-2:2] + rows[:, 2::2]) + 0.5 * rows[:, 1::2]
