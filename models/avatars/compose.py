"""One avatar out of two: the head of one on the body of the other, joined at the neck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..geometry.color import lab_to_srgb, srgb_to_lab
from ..geometry.spherical_harmonics import SH_C0, mean_color
from .binding import world_gaussians
from .collar import clear_clothes
from .deform import follow
from .head import TONGUE
from .join import join
from .labels import HEAD
from .neck import CUT_HEIGHT, NeckTube, cut_at_neck, head_and_neck, neck_tube
from .selection import gaussians_labelled, select_faces, vertices_labelled
from .types import Avatar

_OVERLAP = 0.012  # metres of the user's neck inside the model's, so that no hole shows
_TUCK = 0.003  # metres by which its lower end is drawn in
_ON_PLANE = 2e-5
_COVERED = 0.15  # radians to the next point of a rim, beyond which the rim has a gap
_COLOR_REACH = 0.015  # metres above and below the cut whose colours are compared
_COLOR_FADE = 0.10  # metres below the cut over which the model's skin takes on the user's colours
_KERNEL = 20.0  # concentration of the angular smoothing of colours, about 13 degrees


def compose(
    head: Avatar,
    body: Avatar,
    neck_cut: float = CUT_HEIGHT,
    blend: float = 0.04,
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Replace the head and neck of `body` by those of `head` (AvatarMix, section 3.1), which Align Head has brought in place.

    Both are cut at the same plane across the model's neck. The user's neck is then shaped so that its rim meets the model's at
    every angle, fading out above the cut, and reaches a little into it, so that neither a step nor a hole shows. What difference of
    colour is left at the cut fades out over the model's skin below it.

    Args:
        neck_cut: where the neck is cut, 0..1 from the model's neck joint to its head joint.
        blend: metres above the cut over which the user's neck keeps adapting its shape.

    Returns:
        an avatar with the model's body, pose and body parameters, vertices and Gaussians of the model first.

    Raises:
        ValueError: if labels are missing or name no head, or the model has no body inside.
    """
    if body.body is None:
        raise ValueError("The body avatar has no body inside, so its neck cannot be found; connect Load Body to it first.")
    tell = progress or (lambda done, total: None)
    tell(0, 6)
    tube = neck_tube(body.body, neck_cut)
    torso = _without_head(body, tube)
    tell(1, 6)
    user = _head_only(head, tube, _OVERLAP)
    tell(2, 6)
    seam = _seam(user, torso, tube)
    if seam is None:
        user = _head_only(head, tube, TONGUE)  # the neck goes down into the collar
    else:
        user = follow(user, _meet_rim(user, tube, seam, blend))
        tell(3, 6)
        torso = _meet_color(torso, user, tube, seam)
    tell(4, 6)
    low_skin = _neck_skin(user) & (tube.height(user.mesh.vertices) < blend)
    user = follow(user, clear_clothes(user, torso, low_skin, over=False))
    tell(5, 6)
    user = follow(user, clear_clothes(user, torso, vertices_labelled(user, ("hair",)), over=True))
    tell(6, 6)
    return join(torso, user)


@dataclass(frozen=True)
class _Rim:
    """A closed curve around the neck, sorted by angle: angle, radius and height over the cut plane, [n] each."""

    angle: Tensor
    radius: Tensor
    height: Tensor

    def at(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return radius and height [N] at angles [N], linear between the points of the rim."""
        full = 2 * torch.pi
        angles = torch.cat([self.angle[-1:] - full, self.angle, self.angle[:1] + full])
        upper = torch.searchsorted(angles, angle.contiguous()).clamp(1, len(angles) - 1)
        share = ((angle - angles[upper - 1]) / (angles[upper] - angles[upper - 1]).clamp_min(1e-9)).clamp(0, 1)

        def mixed(values: Tensor) -> Tensor:
            closed = torch.cat([values[-1:], values, values[:1]])
            return torch.lerp(closed[upper - 1], closed[upper], share)

        return mixed(self.radius), mixed(self.height)

    def covers(self, angle: Tensor) -> Tensor:
        """Return whether the rim has a point near each angle [N]."""
        away = (angle[:, None] - self.angle[None] + torch.pi) % (2 * torch.pi) - torch.pi
        return away.abs().amin(1) < _COVERED


@dataclass(frozen=True)
class _Seam:
    """Both rims around a common centre on the cut plane, in the frame (side, front) across the axis."""

    centre: Tensor
    side: Tensor
    front: Tensor
    user: _Rim
    model: _Rim

    def polar(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return angle [N], distance [N] from the centre line, and the outward direction [N, 3] of points [N, 3]."""
        away = points - self.centre
        x, z = away @ self.side, away @ self.front
        distance = torch.hypot(x, z)
        outward = (x[:, None] * self.side + z[:, None] * self.front) / distance.clamp_min(1e-9)[:, None]
        return torch.atan2(x, z), distance, outward


def _without_head(body: Avatar, tube: NeckTube) -> Avatar:
    body = cut_at_neck(body, tube)
    head = head_and_neck(body, tube)
    faces = body.mesh.faces
    return select_faces(body, ~head[faces].all(1) & ~(head & vertices_labelled(body, HEAD))[faces].any(1))


def _head_only(head: Avatar, tube: NeckTube, below: float) -> Avatar:
    """The user's head and neck down to `below` metres under the cut plane, with an edge loop on the plane."""
    wide = replace(tube, radius=1.5 * tube.radius)
    head = cut_at_neck(cut_at_neck(head, wide), wide, below)
    chosen = head_and_neck(head, wide, below)
    return select_faces(head, chosen[head.mesh.faces].all(1))


def _seam(user: Avatar, torso: Avatar, tube: NeckTube) -> _Seam | None:
    """Find both rims; None where the model shows no neck, as under a high collar."""
    on_torso = _neck_skin(torso) & (tube.height(torso.mesh.vertices).abs() < _ON_PLANE)
    on_torso &= tube.distance(torso.mesh.vertices) < tube.radius
    on_user = _neck_skin(user) & (tube.height(user.mesh.vertices).abs() < _ON_PLANE)
    if int(on_torso.sum()) < 8 or int(on_user.sum()) < 8:
        return None
    rim = torso.mesh.vertices[on_torso]
    centre = (rim.amin(0) + rim.amax(0)) / 2
    centre = centre - tube.height(centre[None]) * tube.axis
    front = torch.nn.functional.normalize(torch.linalg.cross(tube.axis.new_tensor([1.0, 0, 0]), tube.axis, dim=0), dim=0)
    side = torch.linalg.cross(tube.axis, front, dim=0)
    empty = _Rim(centre, centre, centre)
    frame = _Seam(centre, side, front, empty, empty)
    return replace(
        frame,
        user=_rim(frame, user.mesh.vertices[on_user], tube),
        model=_rim(frame, rim, tube),
    )


def _rim(frame: _Seam, points: Tensor, tube: NeckTube) -> _Rim:
    angle, radius, _ = frame.polar(points)
    order = angle.argsort()
    return _Rim(angle[order], radius[order], tube.height(points)[order])


def _fade(height: Tensor, blend: float) -> Tensor:
    """Return 1 at and below the cut, falling smoothly to 0 at the height `blend`."""
    share = (height / max(blend, 1e-6)).clamp(0, 1)
    return 1 - share * share * (3 - 2 * share)


def _meet_rim(user: Avatar, tube: NeckTube, seam: _Seam, blend: float) -> Tensor:
    """Return the user's vertices with the neck widened or narrowed so that its rim lies on the model's.

    Below the cut the neck goes straight down, a little inside the model's rim, however the user's shoulders flare.
    """
    vertices = user.mesh.vertices
    height = tube.height(vertices)
    angle, distance, outward = seam.polar(vertices)
    own, _ = seam.user.at(angle)
    wanted, _ = seam.model.at(angle)
    gap = torch.where(seam.model.covers(angle) & seam.user.covers(angle), wanted - own, 0.0)
    inner = (distance / own.clamp_min(1e-6)).clamp(0, 1)  # nothing moves on the centre line, where angles mean nothing
    move = inner * _fade(height, blend) * gap
    tucked = wanted - _TUCK * (-height / _OVERLAP).clamp(0, 1) - distance
    move = torch.where(_neck_skin(user) & (height < 0) & seam.model.covers(angle), tucked, move)
    return vertices + move[:, None] * outward


def _meet_color(torso: Avatar, user: Avatar, tube: NeckTube, seam: _Seam) -> Avatar:
    """Give the model's skin at the cut the colours of the user's neck above it, angle by angle, fading out below.

    The model's side moves, because the user's neck is theirs while the model's may still lie in the shadow of hair that is gone.
    """
    lab, near, angle, below = _skin_at_seam(torso, ("torso_skin",), tube, seam)
    user_lab, user_near, user_angle, _ = _skin_at_seam(user, ("torso_skin", "face"), tube, seam)
    if not (near.any() and user_near.any()):
        return torso
    angles = torch.linspace(-torch.pi, torch.pi, 73)[:-1]
    table = _angular_mean(angles, user_angle[user_near], user_lab[user_near]) - _angular_mean(angles, angle[near], lab[near])
    chosen = gaussians_labelled(torso, ("torso_skin",)) & (below < _COLOR_FADE)
    curve = [_Rim(angles, table[:, channel], table[:, channel]).at(angle[chosen])[0] for channel in range(3)]
    shift = _fade(below[chosen], _COLOR_FADE)[:, None] * torch.stack(curve, dim=-1)
    sh = torso.gaussians.sh.clone()
    sh[chosen, 0] = (lab_to_srgb(lab[chosen] + shift).clamp(0, 1) - 0.5) / SH_C0
    return replace(torso, gaussians=replace(torso.gaussians, sh=sh))


def _skin_at_seam(avatar: Avatar, names: tuple[str, ...], tube: NeckTube, seam: _Seam) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return for every Gaussian its Lab colour [N, 3], whether it is skin right at the cut, its angle, and its way from the cut."""
    world = world_gaussians(avatar.mesh, avatar.gaussians)
    lab = srgb_to_lab(mean_color(world.sh))
    height = tube.height(world.positions)
    angle, distance, _ = seam.polar(world.positions)
    rim, _ = seam.model.at(angle)
    near = gaussians_labelled(avatar, names) & (height.abs() < _COLOR_REACH) & (distance < 1.3 * rim)
    return lab, near, angle, torch.hypot(height, (distance - rim).clamp_min(0))


def _angular_mean(angles: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Return the mean [A, C] of values [N, C] around each angle [A] (von Mises kernel)."""
    weight = torch.exp(_KERNEL * (torch.cos(angles[:, None] - at[None]) - 1))
    return weight @ values / weight.sum(1, keepdim=True).clamp_min(1e-9)


def _neck_skin(avatar: Avatar) -> Tensor:
    return vertices_labelled(avatar, ("torso_skin",))
