"""The user's skin tone on the model's skin: statistics in Lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from ..geometry import Mesh
from ..geometry.color import lab_to_srgb, srgb_to_lab
from ..geometry.spherical_harmonics import SH_C0, mean_color
from .labels import SKIN
from .selection import gaussians_labelled, vertices_labelled
from .texels import face_texels
from .types import Avatar

_SPREAD_LIMITS = (0.5, 2.0)  # ratio of standard deviations; beyond, shading would vanish or noise would grow
_DEEPEST = 0.5
_INLIER = 4.0  # robust standard deviations (official code of AvatarMix)
_LEAST_WEIGHT, _LEAST_SHARE = 100.0, 0.01  # of opacity, for a part to have statistics of its own (official code)
_TO_SIGMA = 1.4826  # median absolute deviation to standard deviation of a normal distribution
_TEXELS = 500_000  # drawn or recoloured at a time, so that a cancelled run stops soon

_ARMS, _LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")

# Where a part takes its tone from: the first of these that the reference shows enough of.
_SOURCES = {
    ("left_arm",): (("left_arm",), _ARMS, ("torso_skin",), _LEGS, ("hands",), ("face",)),
    ("right_arm",): (("right_arm",), _ARMS, ("torso_skin",), _LEGS, ("hands",), ("face",)),
    ("left_leg",): (("left_leg",), _LEGS, ("torso_skin",), _ARMS, ("hands",), ("face",)),
    ("right_leg",): (("right_leg",), _LEGS, ("torso_skin",), _ARMS, ("hands",), ("face",)),
    ("torso_skin",): (("torso_skin",), _ARMS, _LEGS, ("hands",), ("face",)),
    ("hands",): (("hands",), _ARMS, ("torso_skin",), _LEGS, ("face",)),
    ("face",): (("face",),),
}


@dataclass(frozen=True)
class LabStatistics:
    """Mean [3] and standard deviation [3] of colours in L*a*b*."""

    mean: Tensor
    spread: Tensor


def transfer_skin_tone(
    avatar: Avatar,
    reference: Avatar,
    method: Literal["opacity_weighted", "per_part"] = "opacity_weighted",
    strength: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Give an avatar's skin the tone of a reference's; shading, which is variation around the mean, stays.

    "opacity_weighted" (AvatarMix, section 3.2): mean and variance of the reference's face and of the avatar's skin, weighted by
    opacity, and one affine map for all skin. Colours far from the middle of their set (brows, lips, stubble) weigh nothing.
    "per_part" (the official code): arms, legs, torso and hands each from the same part of the reference where that shows enough
    skin, else from the next part of a list, the face last.

    The map changes the Gaussians' mean colour and the mesh's vertex colours or texture; view dependence (bands above 0) stays.

    Args:
        strength: 0 (unchanged) to 1 (the full tone).

    Raises:
        ValueError: if labels are missing, or one of the avatars shows no skin (nothing labelled so, or all of it transparent).
    """
    parts = {SKIN: (("face",),)} if method == "opacity_weighted" else _SOURCES
    bound = avatar.gaussians
    lab, known = srgb_to_lab(mean_color(avatar.gaussians.sh)), srgb_to_lab(mean_color(reference.gaussians.sh))
    maps = []
    tell = progress or (lambda done, total: None)
    for done, (part, sources) in enumerate(parts.items()):
        tell(done, 2 * len(parts))
        own = gaussians_labelled(avatar, part)
        if not float(bound.opacity[own].sum()) > 0:
            continue
        wanted = next((found for names in sources if (found := _part_statistics(reference, known, names, method))), None)
        if wanted is None:
            raise ValueError("The reference avatar shows no skin to take a tone from; check its labels and opacities.")
        maps.append((part, lab_statistics(lab[own], bound.opacity[own], method == "opacity_weighted"), wanted))
    if not maps:
        raise ValueError("The avatar shows no skin whose tone could change; check its labels and opacities.")
    mesh, sh = avatar.mesh, bound.sh.clone()
    colors = None if mesh.colors is None else mesh.colors.clone()
    texture = None if mesh.texture is None or mesh.corner_uv is None else mesh.texture.clone()
    for done, (part, present, wanted) in enumerate(maps):
        tell(len(parts) + done, 2 * len(parts))
        own, skin = gaussians_labelled(avatar, part), vertices_labelled(avatar, part)
        sh[own, 0] = (_recolor(mean_color(bound.sh[own]), present, wanted, strength) - 0.5) / SH_C0
        if colors is not None:
            colors[skin] = _recolor(colors[skin], present, wanted, strength)
        if texture is not None:
            tick = partial(tell, len(parts) + done, 2 * len(parts))
            rows, columns = _texels(mesh, skin[mesh.faces].all(1), tick)
            for some in torch.arange(len(rows)).split(_TEXELS):
                tick()
                place = rows[some], columns[some]
                texture[place] = _recolor(texture[place], present, wanted, strength)
    mesh = replace(mesh, colors=colors, texture=mesh.texture if texture is None else texture)
    return replace(avatar, mesh=mesh, gaussians=replace(bound, sh=sh))


def lab_statistics(
    lab: Tensor,  # [N, 3]
    opacity: Tensor,  # [N] >= 0
    weighted: bool = True,
) -> LabStatistics:
    """Return mean and standard deviation of the inliers, weighted by opacity (the paper) or not (the official code).

    Inliers lie within four robust standard deviations of the median in a and b, where skin differs from hair, lips and eyes.

    Raises:
        ValueError: if all weights are zero, since then there is no mean.
    """
    if not float(opacity.sum()) > 0:
        raise ValueError("All Gaussians of the skin are fully transparent, so it has no mean colour; check the opacities.")
    weight = opacity * _inliers(lab[:, 1:], opacity > 0)
    if not weighted:
        weight = (weight > 0).to(lab)
    weight = weight[:, None] / weight.sum()
    mean = (weight * lab).sum(0)
    return LabStatistics(mean, (weight * (lab - mean).square()).sum(0).sqrt())


def transfer_lab_statistics(lab: Tensor, present: LabStatistics, wanted: LabStatistics, strength: float = 1.0) -> Tensor:
    """Move colours [N, 3] in Lab from one mean and spread to another, channel by channel (AvatarMix, section 3.2).

    Only in deep shade, where a straight line would run into black and blue, a colour keeps half its share of the mean.
    """
    ratio = (wanted.spread.clamp_min(1e-3) / present.spread.clamp_min(1e-3)).clamp(*_SPREAD_LIMITS)
    moved = (lab - present.mean) * ratio + wanted.mean
    share = lab / present.mean.clamp_min(1.0)
    floor = _DEEPEST * share.clamp(0, 1) * wanted.mean.clamp_min(0)
    return lab + strength * (torch.where(share < 1, torch.maximum(moved, floor), moved) - lab)


def _part_statistics(avatar: Avatar, lab: Tensor, names: Sequence[str], method: str) -> LabStatistics | None:
    """Return the statistics of a part, or None where too little of it shows."""
    part, opacity = gaussians_labelled(avatar, names), avatar.gaussians.opacity
    total = float(opacity[part].sum())
    if method == "per_part" and names != ("face",):
        visible = float(opacity[part][_inliers(lab[part][:, 1:], opacity[part] > 0)].sum()) if total else 0.0
        total = visible if visible >= max(_LEAST_WEIGHT, _LEAST_SHARE * float(opacity.sum())) else 0.0
    return lab_statistics(lab[part], opacity[part], method == "opacity_weighted") if total > 0 else None


def _inliers(ab: Tensor, visible: Tensor) -> Tensor:
    """Return which chromaticities [N, 2] lie near the median of the visible ones, in robust standard deviations."""
    median = ab[visible].median(0).values
    deviation = _TO_SIGMA * (ab[visible] - median).abs().median(0).values.clamp_min(0.05)
    return ((ab - median) / deviation).norm(dim=-1) <= _INLIER


def _recolor(rgb: Tensor, present: LabStatistics, wanted: LabStatistics, strength: float) -> Tensor:
    return lab_to_srgb(transfer_lab_statistics(srgb_to_lab(rgb), present, wanted, strength)).clamp(0, 1)


def _texels(mesh: Mesh, chosen: Tensor, tick: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Return rows and columns of the texels that faces `chosen` [F] show, looked for some faces at a time."""
    texels = torch.zeros(mesh.texture.shape[:2], dtype=torch.bool)
    index = chosen.nonzero()[:, 0]
    edges = mesh.corner_uv[index, 1:] - mesh.corner_uv[index, :1]
    covered = 0.5 * float(torch.linalg.det(edges).abs().sum()) * texels.numel()
    for some in index.split(1 + int(len(index) * min(1.0, _TEXELS / (covered + 1)))):
        tick()
        texels |= face_texels(mesh, some)
    return texels.nonzero(as_tuple=True)
