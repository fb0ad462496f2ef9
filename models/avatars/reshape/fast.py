"""Where a reshaped mesh goes, found in seconds: with the body's surface where it is near, as the limbs grow where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import JOINT_INDEX, PART_INDEX
from ...geometry.mesh import face_areas, inside_out, unique_edges, vertex_normals
from ..graph import harmonic_fill, smooth
from ..labels import LABEL_INDEX, SKIN
from ..repose import require_rig
from ..types import Avatar
from .clearance import HIDDEN_GAP, INSIDE, LEAST_GAP, Below, cleared, wanted_height
from .crossing import Crossings, find_crossings, labelled
from .motion import Beside, beside, blended, body_motion, carried, limb_maps
from .together import CORE, REACH, together
from .wrists import near_wrists

NEAR = 0.03  # metres off the body within which a surface moves as the body below it does
FACING = 0.5  # least cosine between its normal and the body's
SHARED = 0.5  # least share of its skinning weights that it has in common with the body there
WHOLE = 0.9  # share of its skinning weights from which on a vertex is the head's, which grows as one and keeps its face
JOINTS_OF_HEAD = [JOINT_INDEX[name] for name in ("head", "jaw", "left_eye", "right_eye")]
_SMOOTHING_STEPS = 10
_ROUNDS = 2  # of looking for what crosses and mending it
_LIFT = 0.05  # of the edges around, by which surface that crosses the body between its vertices is lifted each time
_SPARED = 0.6  # share of that which skin right under cloth is spared


@dataclass(frozen=True)
class Placed:
    """Where a mesh goes.

    vertices: [V, 3] metres
    ease:     [V] metres that each stood above its own body
    height:   [V] metres that it stands above the target body
    outside:  [V] bool, which are to stay outside of it
    growth:   [V] by how much the area of the body below each has grown
    hidden:   [V] from 0 to 1, how close under cloth skin lies
    crossing: what crossed before, and so does not count
    """

    vertices: Tensor
    ease: Tensor
    height: Tensor
    outside: Tensor
    growth: Tensor
    hidden: Tensor
    crossing: Crossings

    @property
    def counted(self) -> Tensor:
        """Which vertices [V] may not be inside the target, unless they were inside their own body."""
        return self.outside & self.crossing.solid

    @property
    def entered(self) -> Tensor:
        """Which vertices [V] are inside the target, and were not inside their own body."""
        return self.counted & (self.height < -INSIDE) & (self.ease >= -INSIDE)


def placed(
    avatar: Avatar,
    target: BodyState,
    hand_aware: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Placed:
    """Say where an avatar's mesh goes as its body becomes the target.

    Surface near the body and facing as it does keeps its place above it. All else, such as a skirt, moves as the limbs below it
    grow, by the blend of their affine maps, and what is missing to the near surface is filled in harmonically. The head grows as
    one and keeps its face; hands keep their shape and go with the wrist (the paper's hand-aware weights, taken to their end). What
    would enter the body is lifted, and layers that would newly cross each other move as one.

    Args:
        hand_aware: False treats hands as all other skin; for comparison only.
    """
    body, skinning = require_rig(avatar)
    tell = progress or (lambda done, total: None)
    motion, model, mesh = body_motion(body, target), body.model, avatar.mesh
    where = beside(mesh.vertices, motion.before, model.faces, model.parts, tell)
    trusted, hands = _trusted(avatar, where, body), torch.zeros(2, len(mesh.vertices), dtype=torch.bool)
    if hand_aware:
        hands = _hands(avatar, where.part)
        trusted &= ~near_wrists(mesh.vertices, body) & ~hands.any(0)
    maps = limb_maps(motion, model.weights)
    far = blended(mesh.vertices, maps, skinning)
    wanted = torch.where(trusted[:, None], carried(mesh.vertices, where, motion, model.faces), far)
    head = skinning[:, JOINTS_OF_HEAD].sum(1) > WHOLE
    wanted[head] = mesh.vertices[head] @ maps[JOINT_INDEX["head"], :, :3].T + maps[JOINT_INDEX["head"], :, 3]
    for side, hand in zip(("left", "right"), hands, strict=True):
        wanted[hand] = mesh.vertices[hand] + motion.joints[JOINT_INDEX[f"{side}_wrist"]]
    known = trusted | hands.any(0) | head
    missing = harmonic_fill((wanted - far) * known[:, None], known, mesh.vertices, mesh.faces)
    moved = far + smooth(missing, ~known, mesh.faces, _SMOOTHING_STEPS, 0.5)
    outside = ~hands.any(0) & (where.part != PART_INDEX["head"])  # a mouth lies inside its head
    crossing = find_crossings(avatar, target, outside)
    loose = crossing.solid if avatar.labels is None else crossing.solid & labelled(avatar, "clothes", "shoes")
    below = Below((motion.after, model.faces, model.parts), tell)
    hidden, crossed = _hidden(avatar, outside), torch.zeros_like(loose)
    least = wanted_height(where.height, torch.lerp(torch.tensor(LEAST_GAP), torch.tensor(HIDDEN_GAP), hidden))
    step = _LIFT * (1 - _SPARED * hidden) * _edge_lengths(mesh.vertices, mesh.faces)
    apart, height = cleared(moved, mesh.faces, below, least, outside)
    vertices = apart
    for _ in range(_ROUNDS):
        each_other, body_below = crossing.hits(vertices)
        if not (each_other | body_below).any():
            break
        crossed |= each_other
        least = least + step * body_below
        vertices, height = cleared(together(mesh.vertices, apart, crossed, loose), mesh.faces, below, least, outside)
    before, after = (face_areas(points, model.faces)[where.closest.face] for points in (motion.before, motion.after))
    return Placed(vertices, where.height, height, outside, after / before.clamp_min(1e-12), hidden, crossing)


def _trusted(avatar: Avatar, where: Beside, body: BodyState) -> Tensor:
    """Return which vertices [V] move as the body's surface below them does; a sleeve does not follow the ribs that it touches."""
    mesh = avatar.mesh
    outwards = -1.0 if inside_out(mesh.vertices, mesh.faces) else 1.0
    facing = outwards * (vertex_normals(mesh.vertices, mesh.faces) * where.normal).sum(1)
    corners = body.model.faces[where.closest.face]
    below = (where.closest.barycentric[..., None] * body.model.weights[corners]).sum(1)
    shared = torch.minimum(avatar.skinning, below).sum(1)
    return (where.height.abs() < NEAR) & (facing > FACING) & (shared > SHARED)


def _hands(avatar: Avatar, part: Tensor) -> Tensor:
    """Return the vertices of the left and of the right hand: [2, V]; by label where any vertex is labelled so."""
    own = torch.stack([part == PART_INDEX[f"{side}_hand"] for side in ("left", "right")])
    labelled = torch.zeros_like(part, dtype=torch.bool) if avatar.labels is None else avatar.labels == LABEL_INDEX["hands"]
    return own & labelled if labelled.any() else own


def _hidden(avatar: Avatar, outside: Tensor) -> Tensor:
    """Return how close under cloth skin lies [V], from 0 to 1: a thin sock must go on hiding it. Labels tell skin from cloth."""
    from scipy.spatial import cKDTree

    vertices, cloth = avatar.mesh.vertices, labelled(avatar, "clothes", "shoes")
    if not cloth.any():
        return torch.zeros(len(vertices))
    distance, _ = cKDTree(vertices[cloth].numpy()).query(vertices.numpy(), distance_upper_bound=REACH)
    near = (REACH - torch.from_numpy(distance).float().clamp(CORE, REACH)) / (REACH - CORE)
    return near * (outside & labelled(avatar, *SKIN))


def _edge_lengths(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return the mean length of the edges at each vertex [V], metres."""
    ends = unique_edges(faces)
    length = (vertices[ends[:, 0]] - vertices[ends[:, 1]]).norm(dim=1).repeat_interleave(2)
    total = torch.zeros(2, len(vertices)).index_add_(1, ends.flatten(), torch.stack([length, torch.ones_like(length)]))
    return total[0] / total[1].clamp_min(1)
