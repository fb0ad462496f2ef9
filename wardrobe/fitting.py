"""Putting a cut bodice on: how far it stands off the body, how it falls, and the folds and quilting that come on top."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .anatomy import Figure, smooth_normals
from .bodices import Cut, arm_length, hem_height
from .draping import Obstacle, fall_to, relax
from .hanging import folds, hip_line, trunk_tube
from .noise import ridge, smoothstep
from .sheets import Sheet, neighbour_mean, rim_edges, subdivide

_QUILT = 0.085  # metres from seam to seam of a quilted garment
_ROUNDS = 8
_EDGE = 0.08  # metres from an edge within which hems, cuffs and ribs are sewn


def fit(figure: Figure, sheet: Sheet, cut: Cut, looseness: float, obstacle: Obstacle, over: bool = False) -> Sheet:
    """Drape a cut bodice.

    Args:
        looseness: 0 fitted .. 1 loose.
        over: whether it is worn over another garment, which the obstacle then holds.
    """
    ease, slope, flare = (_between(pair, looseness) for pair in (cut.ease, cut.slope, cut.flare))
    clearance = 0.006 if over else 0.004
    position = sheet.position + _room(figure, sheet, cut, ease)[:, None] * sheet.values["normal"]
    if over:
        position = obstacle.push_out(position, clearance)
    height, armness = sheet.position[:, 1], sheet.values["armness"][:, 0]
    bottom = min(hem_height(figure, cut), float(height.min()))
    # Wide skirts fall straight from the hips, however closely the bodice follows the waist.
    tube = trunk_tube(figure, bottom, slope, 0.03 if flare else 0.25 * slope, obstacle if over else None)
    amount = smoothstep(figure.armpit + 0.06, figure.armpit - 0.06, height) * smoothstep(0.25, 0.05, armness)
    fallen = (_flare_line(figure, cut) - height).clamp_min(0)
    extra = 0.003 + ease * _gathering(figure, cut, height) + flare * fallen
    position = fall_to(position, tube, extra, amount)
    before = sheet.with_values(position=position)
    sheet = _settled(figure, before, relax(before, obstacle, clearance, _ROUNDS, hung=position - sheet.position))
    # Cloth slid a little while it was relaxed; what is drawn on it by its first place must not wobble with that.
    average = neighbour_mean(sheet.faces, len(position))
    shift = sheet.position - sheet.values["start"]
    for _ in range(6):
        shift = torch.lerp(shift, average(shift), 0.7)
    return sheet.with_values(start=sheet.position - shift)


def refined(figure: Figure, sheet: Sheet, cut: Cut, looseness: float, obstacle: Obstacle, seed: int, over: bool = False) -> Sheet:
    """Make a draped sheet finer, fold what hangs wide and fill what is quilted; each face becomes four."""
    sheet = subdivide(sheet)
    average = neighbour_mean(sheet.faces, len(sheet.position))
    smooth = sheet.position
    for _ in range(2):
        smooth = torch.lerp(smooth, average(smooth), 0.5)
    sheet = _settled(figure, sheet, sheet.with_values(position=smooth))
    relief = _relief(figure, sheet, cut, looseness, seed)[:, None] * smooth_normals(sheet.position, sheet.faces, 1)
    position = obstacle.push_out(sheet.position + relief, 0.006 if over else 0.004)
    sheet = sheet.with_values(position=position, normal=smooth_normals(position, sheet.faces, 1))
    return sheet.with_values(edge=_rim_distance(sheet)[:, None])


def seam_distance(figure: Figure, values: dict[str, Tensor]) -> Tensor:
    """Return the metres [N] from the nearest quilting seam below a spot, 0.._QUILT."""
    arm, armness = values["arm"][:, 0], values["armness"][:, 0]
    along = torch.where(armness > 0.5, figure.armpit - 0.10 - arm, values["start"][:, 1])
    return (along - figure.armpit) % _QUILT


def _rim_distance(sheet: Sheet) -> Tensor:
    """Return the metres [V] to the nearest edge of the cloth; far from any, what was known before."""
    from scipy.spatial import cKDTree

    rim, _, _ = rim_edges(sheet.faces)
    ends = sheet.position[rim]
    edge = sheet.values["edge"][:, 0].clone()
    near = edge < _EDGE
    tree = cKDTree(torch.cat([ends[:, 0], ends.mean(1)]).numpy())
    distance, _ = tree.query(sheet.position[near].numpy())
    edge[near] = torch.from_numpy(distance).float()
    return edge


def _settled(figure: Figure, before: Sheet, relaxed: Sheet) -> Sheet:
    """Keep what hangs below the hips as it fell: relaxing would draw its hem in."""
    hips = hip_line(figure)
    hanging = smoothstep(hips - 0.02, hips - 0.14, before.values["start"][:, 1]) * (before.values["armness"][:, 0] < 0.05)
    return relaxed.with_values(position=torch.lerp(relaxed.position, before.position, hanging[:, None]))


def _relief(figure: Figure, sheet: Sheet, cut: Cut, looseness: float, seed: int) -> Tensor:
    """Return how far [V] wide cloth stands off in folds, and quilted cloth is filled, in metres."""
    start, armness = sheet.values["start"], sheet.values["armness"][:, 0]
    relief = torch.zeros(len(start))
    if flare := _between(cut.flare, looseness):
        fallen = (_flare_line(figure, cut) - start[:, 1]).clamp_min(0) * smoothstep(0.25, 0.05, armness)
        angle = torch.atan2(start[:, 0], start[:, 2] - float(figure.joint("pelvis")[2]))
        relief = fallen * (0.02 + 0.16 * flare) * folds(angle, fallen, seed)
    if "quilted" in cut.details:
        relief = relief + 0.016 * (math.pi * seam_distance(figure, sheet.values) / _QUILT).sin()
    return relief


def _between(pair: tuple[float, float], share: float) -> float:
    return pair[0] + share * (pair[1] - pair[0])


def _flare_line(figure: Figure, cut: Cut) -> float:
    """Return the height from which cloth goes outwards: the waist, or the chest where nothing holds it at the waist."""
    return figure.waist if "waisted" in cut.details else figure.armpit - 0.06


def _gathering(figure: Figure, cut: Cut, height: Tensor) -> Tensor:
    """Return the share [V] of its ease that cloth keeps: little where it is gathered, at a belt or an elastic hem."""
    share = torch.ones_like(height)
    if "waisted" in cut.details:
        share = share * (1 - 0.9 * ridge(height - figure.waist, 0.08))
    if "ribbed" in cut.details or "elastic" in cut.details:
        hem = hem_height(figure, cut)
        share = share * (1 - 0.8 * smoothstep(hem + 0.08, hem + 0.03, height))
    return share


def _room(figure: Figure, sheet: Sheet, cut: Cut, ease: float) -> Tensor:
    """Return the metres [V] that cloth stands off the body before it falls."""
    armness, arm = sheet.values["armness"][:, 0], sheet.values["arm"][:, 0]
    # Cloth rests on the shoulders; its ease is below them and towards the end of the sleeves.
    below = smoothstep(figure.armpit + 0.12, figure.armpit, sheet.position[:, 1])
    down_sleeve = smoothstep(0.02, 0.20, arm)
    # Wide garments are widest on the trunk.
    on_sleeve = (0.12 + 0.9 * down_sleeve) * (armness > 0) * min(1.0, 0.55 + 0.006 / ease)
    resting = 0.004 + 0.15 * max(ease - 0.02, 0.0)
    share = torch.maximum(0.12 + 0.88 * below * (armness < 0.3), on_sleeve)
    return resting + ease * share + _sleeve_shape(figure, sheet, cut, ease)


def _sleeve_shape(figure: Figure, sheet: Sheet, cut: Cut, ease: float) -> Tensor:
    """Return the metres [V] that a sleeve stands off beyond its ease."""
    arm = sheet.values["arm"][:, 0].clamp_min(0)
    end = cut.sleeve * arm_length(figure)
    if cut.shape == "puffed":
        return 0.040 * smoothstep(0.25, 0.75, arm / max(end, 1e-6)) * smoothstep(end - 0.015, end - 0.075, arm)
    if cut.shape == "flared":
        return 0.045 * smoothstep(0.45, 1.0, arm / max(end, 1e-6))
    if cut.shape == "cuffed":
        return -0.7 * ease * smoothstep(end - 0.085, end - 0.05, arm) * (arm > 0)
    return torch.zeros_like(arm)
