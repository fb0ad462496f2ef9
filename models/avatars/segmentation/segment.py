"""Labels for an avatar, from everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...geometry import Mesh
from ...geometry.mesh import unique_edges
from ...geometry.spherical_harmonics import mean_color
from ...render import Camera
from ..binding import world_gaussians
from ..labels import LABEL_INDEX, LABELS
from ..types import Avatar
from .prior import SKIN_LABEL, body_prior, nearest_parts
from .smoothing import icm, sink_islands
from .votes import cast_votes

CLASSES = ("face", "hair", "skin", "hands", "clothes", "shoes")  # that parsers know; which limb bare skin is, the body says
_LEAST = 0.02  # that every label scores: little evidence then gives way to neighbours sooner than much


@dataclass(frozen=True)
class Settings:
    """How labels are found.

    prior:     how much the body's guess counts, in views that see a vertex head-on
    smoothing: what it costs two neighbours to differ; 0 leaves every vertex to itself
    island:    square centimetres below which a patch of one label sinks into what surrounds it
    """

    prior: float = 0.3
    smoothing: float = 1.0
    island: float = 10.0


def segment(
    avatar: Avatar,
    cameras: Sequence[Camera] = (),
    masks: Mapping[str, Tensor] | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Return the avatar with a label for each vertex.

    Votes of the masks, weighted by visibility and angle, and the guess from the body inside become costs; neighbours that differ
    cost too, the more the nearer they are. Without masks the body and the avatar's colours decide; without a body, all bare skin
    that masks show is torso skin.

    Args:
        cameras: B, that took the pictures.
        masks: [B, H, W] in 0..1 for some of CLASSES, of the same pictures.

    Raises:
        ValueError: if there is neither a mask nor a body, a mask is of an unknown class, masks do not fit the cameras, or they show
            nothing of the avatar and there is no body.
    """
    settings, masks = settings or Settings(), masks or {}
    unknown = sorted(set(masks) - set(CLASSES))
    if unknown:
        raise ValueError(f"There is no class '{unknown[0]}' to vote for: give masks of {', '.join(CLASSES)}.")
    if masks and not len(cameras):
        raise ValueError("Masks tell nothing without their cameras: connect 'cameras' of the Render Avatar that made the pictures.")
    if not masks and avatar.body is None:
        raise ValueError("Nothing tells this avatar's labels: connect masks of rendered views, or an avatar with a body inside.")
    tell = progress or (lambda done, total: None)
    mesh = avatar.mesh
    parts = None
    scores = torch.zeros(len(mesh.vertices), len(LABELS))
    if avatar.body is not None:
        parts, distance = nearest_parts(mesh, avatar.body, lambda *_: tell(0, 4))
        scores += (settings.prior if masks else 1.0) * body_prior(parts, distance, surface_colors(avatar))
    if masks:
        votes = cast_votes(mesh, cameras, _stacked(masks, cameras), lambda *_: tell(1, 4))
        scores = _spread(_with_votes(scores, dict(zip(masks, votes.unbind(1), strict=True)), parts), mesh)
    share = (scores + _LEAST) / (scores + _LEAST).sum(1, keepdim=True)
    edges = unique_edges(mesh.faces)
    length = (mesh.vertices[edges[:, 0]] - mesh.vertices[edges[:, 1]]).norm(dim=1)
    nearness = length.median() / length.clamp_min(1e-9) if len(edges) else length
    labels = icm(-share.log(), edges, settings.smoothing * nearness.clamp_max(2.0), progress=lambda *_: tell(2, 4))
    labels = sink_islands(labels, mesh.vertices, mesh.faces, settings.island * 1e-4, lambda *_: tell(3, 4))
    tell(4, 4)
    return replace(avatar, labels=labels)


def surface_colors(avatar: Avatar) -> Tensor | None:
    """Return the colour [V, 3] that the Gaussians show at each vertex: of the nearest, or None where there are none."""
    from scipy.spatial import cKDTree

    if not len(avatar.gaussians):
        return None
    world = world_gaussians(avatar.mesh, avatar.gaussians)
    nearest = cKDTree(world.positions.numpy()).query(avatar.mesh.vertices.numpy())[1]
    return mean_color(world.sh[nearest])


def _stacked(masks: Mapping[str, Tensor], cameras: Sequence[Camera]) -> Tensor:
    """Return the masks as one [B, C, H, W] in 0..1."""
    size = (len(cameras), cameras[0].height, cameras[0].width)
    for name, mask in masks.items():
        if tuple(mask.shape) != size:
            found, wanted = (" x ".join(map(str, shape)) for shape in (mask.shape, size))
            raise ValueError(
                f"The mask '{name}' is {found} (pictures x height x width), and the cameras took {wanted}: "
                "parse the pictures that came with these cameras, in their order and size."
            )
    return torch.stack([mask.detach().cpu().float().nan_to_num().clamp(0, 1) for mask in masks.values()], 1)


def _spread(scores: Tensor, mesh: Mesh) -> Tensor:
    """Give vertices that nothing is known of, such as soles that no view sees, the scores of the nearest that something is."""
    from scipy.spatial import cKDTree

    known = scores.sum(1) > 0
    if not known.any():
        raise ValueError("The masks show nothing of this avatar: connect the cameras of the pictures that were parsed.")
    if known.all():
        return scores
    nearest = cKDTree(mesh.vertices[known].numpy()).query(mesh.vertices[~known].numpy())[1]
    scores = scores.clone()
    scores[~known] = scores[known][nearest]
    return scores


def _with_votes(scores: Tensor, votes: Mapping[str, Tensor], parts: Tensor | None) -> Tensor:
    """Add the votes [V] of each class to the labels that it stands for."""
    scores = scores.clone()
    for name, vote in votes.items():
        if name != "skin":
            scores[:, LABEL_INDEX[name]] += vote
        elif parts is None:
            scores[:, LABEL_INDEX["torso_skin"]] += vote
        else:
            scores[torch.arange(len(scores)), SKIN_LABEL[parts]] += vote
    return scores
