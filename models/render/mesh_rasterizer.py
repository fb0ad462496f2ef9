"""Which triangle each pixel sees: a z-buffer over a mesh, with perspective-correct barycentric coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .cameras import Camera

NEAR = 0.01  # metres; what is nearer than this is not drawn
_CHUNK = 2_000_000  # candidate pixels tested at a time, which bounds memory
_EDGE_TOLERANCE = 1e-6  # of a triangle; closes hairline cracks that rounding would open between neighbours
_NO_HIT = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Fragments:
    """What each pixel's centre sees of a mesh.

    face:        [H, W] int64 nearest face, -1 where there is none; of faces at equal depth the one with the lower index
    barycentric: [H, W, 3] weights of that face's corners, perspective-correct, sum 1; 0 where there is no face
    depth:       [H, W] camera-space z in metres; 0 where there is no face
    """

    face: Tensor
    barycentric: Tensor
    depth: Tensor


def rasterize(
    vertices: Tensor,  # [V, 3] metres, world
    faces: Tensor,  # [F, 3] int64
    camera: Camera,
) -> Fragments:
    """Draw both sides of every face into a z-buffer.

    A pixel's ray d meets the plane of a triangle (A, B, C) at barycentric coordinates proportional to d.(BxC), d.(CxA) and
    d.(AxB), which are affine in the pixel position (Olano and Greer 1997, homogeneous rasterisation). They hold for corners
    behind the camera too, so nothing is clipped but depth.
    """
    height, width = camera.height, camera.width
    edges, determinant, box = _setup(vertices, faces, camera)
    nearest = torch.full((height * width,), _NO_HIT, dtype=torch.int64, device=vertices.device)
    for face, x, y in _candidates(box):
        _, depth, hit = _intersect(edges, determinant, box, face, x, y)
        face, depth, pixel = face[hit], depth[hit], (y * width + x)[hit]
        # Positive floats order like their bits, so one integer minimum finds the smallest depth, then the smallest index.
        key = (depth.contiguous().view(torch.int32).long() << 32) | face
        nearest.scatter_reduce_(0, pixel, key, "amin")

    seen = (nearest != _NO_HIT).nonzero()[:, 0]
    face = nearest[seen] & 0xFFFFFFFF
    weights, depth, _ = _intersect(edges, determinant, box, face, seen % width, seen // width)
    weights = weights.clamp_min(0)
    face_image = torch.full((height * width,), -1, dtype=torch.int64, device=vertices.device)
    barycentric_image = vertices.new_zeros(height * width, 3)
    depth_image = vertices.new_zeros(height * width)
    face_image[seen] = face
    barycentric_image[seen] = weights / weights.sum(-1, keepdim=True)
    depth_image[seen] = depth
    return Fragments(face_image.view(height, width), barycentric_image.view(height, width, 3), depth_image.view(height, width))


def interpolate(fragments: Fragments, corner_values: Tensor) -> Tensor:
    """Mix values given per face corner [F, 3, C] at every pixel: [H, W, C], 0 where there is no face; differentiable in them."""
    seen = fragments.face >= 0
    image = corner_values.new_zeros(*seen.shape, corner_values.shape[-1])
    mixed = torch.einsum("pk,pkc->pc", fragments.barycentric[seen].to(corner_values), corner_values[fragments.face[seen]])
    return image.index_put((seen,), mixed)


def texture_lookup(
    texture: Tensor,  # [H, W, C], row 0 is v = 1
    uv: Tensor,  # [..., 2] u to the right, v upwards
) -> Tensor:  # [..., C]
    """Read a texture between its texel centres (bilinear); beyond the border its last texels go on."""
    grid = torch.stack([2 * uv[..., 0] - 1, 1 - 2 * uv[..., 1]], dim=-1).reshape(1, 1, -1, 2)
    image = texture.movedim(-1, 0)[None]
    values = torch.nn.functional.grid_sample(image, grid.to(texture), padding_mode="border", align_corners=False)
    return values[0, :, 0].T.reshape(*uv.shape[:-1], texture.shape[-1])


def _setup(vertices: Tensor, faces: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Prepare every triangle, in float64 since the edge functions of small far triangles are differences of near-equal numbers.

    Returns:
        edges [F, 3, 3]: coefficients of (x, y, 1), (x, y) in pixels from the centre of the box's first pixel; determinant [F];
        box [F, 4] int64: the first and last pixel column and row whose centres the triangle may cover (last < first when none).
    """
    view = camera.view.to(vertices.device, torch.float64)
    intrinsics = camera.intrinsics.to(vertices.device, torch.float64)
    points = vertices.detach().double() @ view[:3, :3].T + view[:3, 3]
    corners = points[faces]
    box = _pixel_boxes(corners, intrinsics, camera.width, camera.height)
    a, b, c = corners.unbind(1)
    normals = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=1)
    determinant = (a * normals[:, 0]).sum(-1)
    edges = normals @ torch.linalg.inv(intrinsics)  # acts on the pixel position (x, y, 1) instead of the ray
    origin = torch.stack([box[:, 0] + 0.5, box[:, 2] + 0.5, torch.ones_like(determinant)], dim=-1)
    edges[:, :, 2] = torch.einsum("fek,fk->fe", edges, origin)
    scale = edges.abs().amax((1, 2)).clamp_min(1e-300)  # keeps tiny triangles inside the range of float32
    return (edges / scale[:, None, None]).float(), (determinant / scale).float(), box


def _pixel_boxes(corners: Tensor, intrinsics: Tensor, width: int, height: int) -> Tensor:
    """Pixel boxes [F, 4] of camera-space triangles [F, 3, 3], of their part beyond the near plane only."""
    low = corners.new_full((len(corners), 2), torch.inf)
    high = -low
    others = corners.roll(-1, dims=1)
    z, other_z = corners[..., 2], others[..., 2]
    crossing = (z > NEAR) != (other_z > NEAR)
    share = torch.where(crossing, (NEAR - z) / torch.where(crossing, other_z - z, 1.0), 0.0)
    cuts = corners + share[..., None] * (others - corners)
    for points, valid in ((corners, z > NEAR), (cuts, crossing)):
        pixels = (points @ intrinsics.T)[..., :2] / torch.where(valid, points[..., 2], 1.0)[..., None]
        low = torch.minimum(low, torch.where(valid[..., None], pixels, torch.inf).amin(1))
        high = torch.maximum(high, torch.where(valid[..., None], pixels, -torch.inf).amax(1))
    limit = torch.tensor([width, height], dtype=low.dtype, device=low.device)
    # A hair of slack, so that rounding never loses a pixel centre on the border of a box.
    first = torch.ceil(low - 0.5 - 1e-4).clamp_min(0).minimum(limit).long()
    last = torch.floor(high - 0.5 + 1e-4).clamp_min(-1).minimum(limit - 1).long()
    return torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], dim=-1)


def _candidates(box: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield (face, x, y) of every pixel in every box, a bounded number at a time."""
    columns = (box[:, 1] - box[:, 0] + 1).clamp_min(0)
    counts = columns * (box[:, 3] - box[:, 2] + 1).clamp_min(0)
    drawn = counts.nonzero()[:, 0]
    ends = counts[drawn].cumsum(0)
    start, done = 0, 0
    while start < len(drawn):
        stop = max(start + 1, int(torch.searchsorted(ends, done + _CHUNK, right=True)))
        part = drawn[start:stop]
        face = part.repeat_interleave(counts[part])
        before = (ends[start:stop] - counts[part]).repeat_interleave(counts[part])
        rank = torch.arange(done, done + len(face), device=box.device) - before
        row = torch.div(rank, columns[face], rounding_mode="floor")
        yield face, box[face, 0] + rank - row * columns[face], box[face, 2] + row
        start, done = stop, int(ends[stop - 1])


def _intersect(
    edges: Tensor, determinant: Tensor, box: Tensor, face: Tensor, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Barycentrics [P, 3], depth [P] and whether the ray of pixel (x, y) hits the face beyond the near plane [P]."""
    dx, dy = (x - box[face, 0]).to(edges.dtype), (y - box[face, 2]).to(edges.dtype)
    edge = edges[face]
    values = edge[..., 0] * dx[:, None] + edge[..., 1] * dy[:, None] + edge[..., 2]
    total = values.sum(-1)
    weights, depth = values / total[:, None], determinant[face] / total
    return weights, depth, (weights.amin(-1) >= -_EDGE_TOLERANCE) & (depth > NEAR) & torch.isfinite(depth)
