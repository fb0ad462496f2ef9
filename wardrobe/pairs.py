"""Pairs: one person in the same clothes, photographed twice, with the exact flow between the two pictures.

The flow follows from surface addresses: what a pixel of the target shows is a place on a face of the person's mesh, and the mesh in
the source's pose says where that place is there. Where the source hides it, its mirror image on the other side of the body may
still be seen, as in 3D-GCL's training data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..models.render import Camera
from ..models.tryon import Flow
from .dressing import Posed, posed
from .mirroring import Mirror, mirror_of
from .poses import pose_distance
from .samples import SHOTS, PersonSample, dressed, one_thread, person_sample

DIFFICULTIES = ("easy", "medium", "hard")
HARD_YAW, HARD_OCCLUDED = 60.0, 0.30  # degrees, and share of the person: beyond either a pair is hard
MEDIUM_POSE = 0.11  # metres between the same joints from which on a pair that is not hard is medium

_BIAS = 0.0015  # metres behind what is seen at which a spot still counts as seen; cloth lies farther from skin
_MIRROR_BIAS = 0.006  # the same for mirror images, which lie on chords of the surface
_SLOPE_BIAS = 0.5  # of the change in depth from the spot to the pixel's centre: faces are flat, what they stand for is curved
_STEEPEST = 0.01  # metres of that change that are believed; faces seen edge-on have no depth to speak of


@dataclass(frozen=True)
class PairSample:
    """Two pictures of one person in the same clothes, and how to get from one to the other.

    flow:           from target to source, batch of 1; where the spot is hidden the offset says where it is behind what hides it
    completed:      the same, but hidden spots take their mirror images where the source shows those; visible says either is seen
    mirrored:       [H, W] bool, where `completed` takes the mirror image
    pose_distance:  metres, see `poses.pose_distance`
    yaw_difference: degrees between the directions from which the person is seen, 0..180
    occluded:       share of the target's person that the source does not show: 0..1
    """

    source: PersonSample
    target: PersonSample
    flow: Flow
    completed: Flow
    mirrored: Tensor
    pose_distance: float
    yaw_difference: float
    occluded: float

    @property
    def difficulty(self) -> str:
        """One of DIFFICULTIES."""
        if self.yaw_difference > HARD_YAW or self.occluded > HARD_OCCLUDED:
            return "hard"
        return "easy" if self.pose_distance < MEDIUM_POSE else "medium"


def pair_sample(seed: int, index: int, width: int = 192, height: int = 256, flats: bool = True) -> PairSample:
    """Make pair `index` of a seed, the same bytes in every process: samples 2 index (source) and 2 index + 1 (target).

    Raises:
        ValueError: if the index is negative or the picture is not portrait.
    """
    source = person_sample(seed, 2 * index, width, height, flats)
    target = person_sample(seed, 2 * index + 1, width, height, flats)
    with one_thread():
        return paired(source, target, _mirror(seed, 2 * index // SHOTS))


def paired(source: PersonSample, target: PersonSample, mirror: Mirror) -> PairSample:
    """Pair two samples of one person, whose mirror is given; call it under `one_thread`."""
    before, after = (posed(sample.person, sample.shot.pose.rotations) for sample in (source, target))
    spots = _spots(target, after)
    offset, visible = _flow(spots, before.vertices, source, spots.outside, _BIAS)
    images = mirror.carried(before.vertices, before.person.faces)
    # A mirror exchanges the sides of a face.
    mirror_offset, mirror_visible = _flow(spots, images, source, ~spots.outside, _MIRROR_BIAS)
    mirrored = ~visible & mirror_visible & mirror.known[before.person.faces[spots.face]].all(1)
    completed = torch.where(mirrored[:, None], mirror_offset, offset)
    return PairSample(
        source=source,
        target=target,
        flow=Flow(spots.picture(offset)[None], spots.picture(visible)[None]),
        completed=Flow(spots.picture(completed)[None], spots.picture(visible | mirrored)[None]),
        mirrored=spots.picture(mirrored),
        pose_distance=pose_distance(source.shot.pose.rotations, target.shot.pose.rotations),
        yaw_difference=abs((source.shot.yaw - target.shot.yaw + 180) % 360 - 180),
        occluded=1 - float(visible.float().mean()) if len(visible) else 1.0,
    )


@lru_cache(maxsize=4)
def _mirror(seed: int, outfit: int) -> Mirror:
    return mirror_of(dressed(seed, outfit))


@dataclass(frozen=True)
class _Spots:
    """The N spots of the surface that a target's pixels show.

    seen:        [H, W] bool, the pixels
    pixel:       [N, 2] their centres (x, y), at integers
    corners:     [N, 3] int64 vertices of the face of each spot
    barycentric: [N, 3] the place on it
    face:        [N] int64
    outside:     [N] bool, whether the face's outer side is seen
    """

    seen: Tensor
    pixel: Tensor
    corners: Tensor
    barycentric: Tensor
    face: Tensor
    outside: Tensor

    def picture(self, values: Tensor) -> Tensor:
        """Return values [N, ...] as a picture [H, W, ...] that is 0 elsewhere."""
        image = values.new_zeros(*self.seen.shape, *values.shape[1:])
        image[self.seen] = values
        return image


def _spots(target: PersonSample, standing: Posed) -> _Spots:
    seen = target.picture.face >= 0
    row, column = seen.nonzero().unbind(1)
    face = target.picture.face[seen].long()
    corners = standing.person.faces[face]
    outside = _outside(_in_camera(standing.vertices[corners], target.camera))
    return _Spots(seen, torch.stack([column, row], 1).float(), corners, target.picture.barycentric[seen], face, outside)


def _flow(spots: _Spots, vertices: Tensor, source: PersonSample, outside: Tensor, bias: float) -> tuple[Tensor, Tensor]:
    """Find the spots in the source: offsets [N, 2] and whether it shows them [N].

    Args:
        vertices: [V, 3] where the source's pose puts every vertex.
        outside: [N] which side of its face must be seen.
    """
    triangle = _in_camera(vertices[spots.corners], source.camera)
    point = (triangle * spots.barycentric[..., None]).sum(1)
    place = (point @ source.camera.intrinsics.T)[:, :2] / point[:, 2:] - 0.5
    limit = torch.tensor([source.camera.width - 1, source.camera.height - 1])
    centre = place.round()
    inside = ((centre >= 0) & (centre <= limit)).all(1)
    column, row = centre.minimum(limit).clamp_min(0).long().unbind(1)
    depth = source.depth[row, column]
    change = _depth_change(triangle, point, torch.stack([column, row], 1) + 0.5, source.camera)
    near = point[:, 2] + change <= depth + bias + _SLOPE_BIAS * change.abs()
    return place - spots.pixel, inside & (depth > 0) & near & (_outside(triangle) == outside)


def _depth_change(triangle: Tensor, point: Tensor, pixel: Tensor, camera: Camera) -> Tensor:
    """Return by how many metres [N] the planes of triangles [N, 3, 3] are deeper at pixels [N, 2] than at points [N, 3] on them."""
    normal = _normal(triangle)
    ray = torch.cat([pixel, torch.ones(len(pixel), 1)], 1) @ torch.linalg.inv(camera.intrinsics).T
    along = (normal * ray).sum(1)
    depth = (normal * point).sum(1) / torch.where(along.abs() < 1e-12, math.inf, along)
    return torch.where(depth > 0, depth - point[:, 2], _STEEPEST).clamp(-_STEEPEST, _STEEPEST)


def _in_camera(points: Tensor, camera: Camera) -> Tensor:
    return points @ camera.view[:3, :3].T + camera.view[:3, 3]


def _outside(triangle: Tensor) -> Tensor:
    """Return whether the outer side of triangles [N, 3, 3] in camera space is seen [N]."""
    return (_normal(triangle) * triangle[:, 0]).sum(1) < 0


def _normal(triangle: Tensor) -> Tensor:
    a, b, c = triangle.unbind(1)
    return torch.linalg.cross(b - a, c - a, dim=1)
