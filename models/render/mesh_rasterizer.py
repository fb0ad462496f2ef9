"""Which triangle each pixel sees: a z-buffer over a mesh, with perspective-correct barycentric coordinates."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .cameras import Camera

NEAR = 0.01  # metres; what is nearer than this is not drawn
_CHUNK = 200_000  # candidate pixels tested at a time, which bounds memory and stays in the cache
# Widths and heights that boxes are rounded up to: small ones exactly, since most triangles of a fine mesh are small.
_BLOCK_SIZES = (1, 2, 3, *(1 << power for power in range(2, 17)))
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
    fragments, _ = rasterize_layers(vertices, faces, torch.zeros(len(faces), dtype=torch.int64, device=faces.device), 1, camera)
    return fragments


def rasterize_layers(
    vertices: Tensor,  # [V, 3] metres, world
    faces: Tensor,  # [F, 3] int64
    layer: Tensor,  # [F] int64, 0..count-1
    count: int,
    camera: Camera,
) -> tuple[Fragments, Tensor]:
    """Draw layers of faces into one z-buffer, as `rasterize` does, and count what each layer would cover alone.

    Returns:
        the fragments of all layers together, and how many pixels each layer would cover if it were the only one [count].
    """
    height, width = camera.height, camera.width
    drawn, edges, determinant, box = _setup(vertices, faces, camera)
    first_pixel = layer[drawn] * (height * width) + box[:, 2] * width + box[:, 0]
    nearest = torch.full((count, height * width), _NO_HIT, dtype=torch.int64, device=vertices.device)
    for block, dx, dy in _blocks(box):
        depth, offset, row = _test(edges[:, :, block], determinant[block], dx.to(edges.dtype), dy.to(edges.dtype))
        slot = row + block.start
        # Positive floats order like their bits, so one integer minimum finds the smallest depth, then the smallest index.
        key = (depth.view(torch.int32).long() << 32) | drawn[slot]
        dx, dy = dx[offset], dy[offset]
        inside = (dx <= box[slot, 1] - box[slot, 0]) & (dy <= box[slot, 3] - box[slot, 2])
        pixel = first_pixel[slot] + dy * width + dx
        nearest.view(-1).scatter_reduce_(0, pixel[inside], key[inside], "amin")

    alone = (nearest != _NO_HIT).sum(1)
    nearest = functools.reduce(torch.minimum, nearest)
    seen = (nearest != _NO_HIT).nonzero()[:, 0]
    face = nearest[seen] & 0xFFFFFFFF
    slot_of = torch.empty(len(faces), dtype=torch.int64, device=vertices.device)
    slot_of[drawn] = torch.arange(len(drawn), device=vertices.device)
    slot = slot_of[face]
    weights, depth = _weights(edges[:, :, slot], determinant[slot], seen % width - box[slot, 0], seen // width - box[slot, 2])
    weights = weights.clamp_min(0)
    face_image = torch.full((height * width,), -1, dtype=torch.int64, device=vertices.device)
    barycentric_image = vertices.new_zeros(height * width, 3)
    depth_image = vertices.new_zeros(height * width)
    face_image[seen] = face
    barycentric_image[seen] = weights / weights.sum(-1, keepdim=True)
    depth_image[seen] = depth
    fragments = Fragments(face_image.view(height, width), barycentric_image.view(height, width, 3), depth_image.view(height, width))
    return fragments, alone


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


def _setup(vertices: Tensor, faces: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Prepare triangles, in float64 since the edge functions of small far triangles are differences of near-equal numbers.

    Returns:
        the G faces that may cover a pixel's centre [G], ordered by the size of their boxes; edges [3, 3, G]: of each corner the
        coefficients of (x, y, 1), (x, y) in pixels from the centre of the box's first pixel; determinant [G] >= 0;
        box [G, 4] int64: the first and last pixel column and row whose centres the triangle may cover.
    """
    view = camera.view.to(vertices.device, torch.float64)
    intrinsics = camera.intrinsics.to(vertices.device, torch.float64)
    points = vertices.detach().double() @ view[:3, :3].T + view[:3, 3]
    box = _pixel_boxes(points, faces, intrinsics, camera.width, camera.height)
    drawn = ((box[:, 1] >= box[:, 0]) & (box[:, 3] >= box[:, 2])).nonzero()[:, 0]
    drawn = drawn[torch.argsort(_block_of(box[drawn]), stable=True)]
    box = box[drawn]
    a, b, c = (points[faces[drawn, corner]] for corner in range(3))
    normals = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=1)
    determinant = (a * normals[:, 0]).sum(-1)
    normals = normals * torch.where(determinant < 0, -1.0, 1.0)[:, None, None]  # both sides of a face are drawn alike
    edges = normals @ torch.linalg.inv(intrinsics)  # acts on the pixel position (x, y, 1) instead of the ray
    origin = torch.stack([box[:, 0] + 0.5, box[:, 2] + 0.5, torch.ones_like(determinant)], dim=-1)
    edges[:, :, 2] = torch.einsum("fek,fk->fe", edges, origin)
    scale = edges.abs().amax((1, 2)).clamp_min(1e-300)  # keeps tiny triangles inside the range of float32
    edges = (edges / scale[:, None, None]).float().permute(1, 2, 0).contiguous()
    return drawn, edges, (determinant.abs() / scale).float(), box


def _pixel_boxes(points: Tensor, faces: Tensor, intrinsics: Tensor, width: int, height: int) -> Tensor:
    """Pixel boxes [F, 4] of triangles of camera-space points [V, 3], of their part beyond the near plane; last < first if none."""
    beyond = points[:, 2] > NEAR
    pixels = (points @ intrinsics.T)[:, :2] / torch.where(beyond, points[:, 2], 1.0)[:, None]
    low, high = _ranges(pixels, faces)
    if not beyond.all():
        low, _ = _ranges(torch.where(beyond[:, None], pixels, torch.inf), faces)
        _, high = _ranges(torch.where(beyond[:, None], pixels, -torch.inf), faces)
        ahead = beyond[faces].sum(1)
        cut = ((ahead > 0) & (ahead < 3)).nonzero()[:, 0]
        low[cut], high[cut] = _cut_at_near_plane(points[faces[cut]], intrinsics, low[cut], high[cut])
    limit = torch.tensor([width, height], dtype=low.dtype, device=low.device)
    # A hair of slack, so that rounding never loses a pixel centre on the border of a box.
    start = torch.ceil(low - 0.5 - 1e-4).clamp_min(0).minimum(limit).long()
    last = torch.floor(high - 0.5 + 1e-4).clamp_min(-1).minimum(limit - 1).long()
    return torch.stack([start[:, 0], last[:, 0], start[:, 1], last[:, 1]], dim=-1)


def _cut_at_near_plane(corners: Tensor, intrinsics: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Widen the pixel ranges [C, 2] of triangles [C, 3, 3] by where their edges pass the near plane."""
    others = corners.roll(-1, dims=1)
    z, other_z = corners[..., 2], others[..., 2]
    crossing = ((z > NEAR) != (other_z > NEAR))[..., None]
    share = torch.where(crossing, ((NEAR - z) / torch.where(z == other_z, 1.0, other_z - z))[..., None], 0.0)
    cuts = corners + share * (others - corners)
    pixels = (cuts @ intrinsics.T)[..., :2] / torch.where(crossing, cuts[..., 2:], 1.0)
    low = torch.minimum(low, torch.where(crossing, pixels, torch.inf).amin(1))
    return low, torch.maximum(high, torch.where(crossing, pixels, -torch.inf).amax(1))


def _ranges(pixels: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest coordinates [F, 2] of the corners of faces."""
    a, b, c = (pixels[faces[:, corner]] for corner in range(3))
    return torch.minimum(torch.minimum(a, b), c), torch.maximum(torch.maximum(a, b), c)


def _block_of(box: Tensor) -> Tensor:
    """Return a number [G] for the size that each box is rounded up to."""
    sizes = torch.tensor(_BLOCK_SIZES, device=box.device)
    return torch.searchsorted(sizes, box[:, 1] - box[:, 0] + 1) * len(sizes) + torch.searchsorted(sizes, box[:, 3] - box[:, 2] + 1)


def _blocks(box: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Yield runs of boxes that are about equally large, with the pixels to test in each of them: columns and rows [K].

    Pixels are counted from the box's first. Equal boxes share their offsets, so nothing is looked up pixel by pixel.
    """
    kinds, counts = torch.unique_consecutive(_block_of(box), return_counts=True)
    start = 0
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        columns, rows = _BLOCK_SIZES[kind // len(_BLOCK_SIZES)], _BLOCK_SIZES[kind % len(_BLOCK_SIZES)]
        offset = torch.arange(columns * rows, device=box.device)
        dx, dy = offset % columns, torch.div(offset, columns, rounding_mode="floor")
        step = max(1, _CHUNK // len(offset))
        for first in range(start, start + count, step):
            yield slice(first, min(first + step, start + count)), dx, dy
        start += count


def _test(edges: Tensor, determinant: Tensor, dx: Tensor, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find which pixels (dx, dy) [K] hit which faces [G] beyond the near plane: depths [P], and indices of pixel and face [P]."""
    first, second, third = (torch.addcmul(torch.addcmul(e[2], e[0], dx[:, None]), e[1], dy[:, None]) for e in edges)
    total = first + second + third
    inside = torch.minimum(torch.minimum(first, second), third) >= -_EDGE_TOLERANCE * total
    offset, face = (inside & (total > 0) & (total * NEAR < determinant)).nonzero().unbind(1)
    depth = determinant[face] / total[offset, face]
    finite = torch.isfinite(depth)
    return depth[finite], offset[finite], face[finite]


def _weights(edges: Tensor, determinant: Tensor, dx: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Return barycentrics [P, 3] and depth [P] of faces [P] at one pixel each."""
    values = edges[:, 0] * dx + edges[:, 1] * dy + edges[:, 2]
    total = values.sum(0)
    return (values / total).T, determinant / total
