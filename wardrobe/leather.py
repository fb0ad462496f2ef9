"""How shoes are painted: leather, sole, laces, seams and whatever else is sewn on."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bands import over, seen
from .details import METAL, edge, line
from .noise import noise, smoothstep
from .pieces import Color, Paint, Spots

_WHITE = torch.tensor([0.94, 0.94, 0.93])


def paint_shoe(
    spots: Spots, details: tuple[str, ...], welt: float, color: Color, sole: Color, sock: Color | None, seed: int
) -> Paint:
    """Paint a shoe.

    The sheet's values tell where a spot is, in metres on a foot of 20 cm: "above" the ground, above the "collar", "forward" of the
    ankle, and "across" from the middle line outwards.

    Args:
        details: "laces", "cap" over the toes, "heel seam", "flashes" and "foam" of running shoes, "patch" at the ankle, "apron" of
            loafers, "bow", "elastic" and "zip" of boots.
        welt: metres of sole that show.
        sock: what shows above the collar, or None for a shoe that ends there.
    """
    above, collar, forward = (spots.values[name][:, 0] for name in ("above", "collar", "forward"))
    footprint = spots.footprint
    grain = 1 + 0.03 * noise(spots.values["start"] * 300, seed)
    shown = torch.tensor(color) * grain[:, None]
    relief = torch.zeros(len(above))
    lines = 0.7 * line(collar + 0.003, 0.0022, footprint) * (collar < 0.002)
    for name, draw in _DETAILS.items():
        if name in details:
            shown, relief, lines = draw(spots, shown, relief, lines, torch.tensor(sole))
    shown = shown * (1 - 0.35 * lines)[:, None]
    thickness = welt + (0.008 * smoothstep(0.06, -0.04, forward) if "foam" in details else 0.0)
    rubber = torch.tensor(sole) * (1 - 0.18 * line(above - 0.4 * welt, 0.0012, footprint))[:, None]
    on_sole = edge(above - thickness, footprint)
    shown = over(shown, rubber, on_sole)
    if sock is not None:
        rib = 0.94 + 0.06 * seen(0.0045, footprint) * torch.sin(spots.uv[:, 0] * (2 * math.pi / 0.0045))
        shown = over(shown, torch.tensor(sock) * rib[:, None], edge(-collar, footprint))
    return Paint(shown, relief - 0.001 * lines + 0.002 * edge(collar, footprint) + 0.001 * on_sole)


def _laces(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A tongue with laces over the instep."""
    forward, across = spots.values["forward"][:, 0], spots.values["across"][:, 0]
    instep = smoothstep(0.020, 0.035, forward) * smoothstep(0.135, 0.125, forward)
    shown = shown * (1 - 0.22 * edge(across.abs() - 0.018, spots.footprint) * instep)[:, None]
    crossing = ((forward / 0.018) % 1 - 0.5).abs()
    lace = instep * smoothstep(0.17, 0.12, crossing) * edge(across.abs() - 0.025, spots.footprint)
    # Laces are of the sole's colour unless that would hide them.
    white = sole if float((sole - shown.mean(0)).abs().max()) > 0.25 else _WHITE * (0.25 if float(shown.mean()) > 0.6 else 1.0)
    return over(shown, white, 0.9 * lace), relief + 0.002 * lace, lines


def _cap(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    forward, across = spots.values["forward"][:, 0], spots.values["across"][:, 0]
    return shown, relief, torch.maximum(lines, line(forward - 0.150 - 8 * across**2, 0.0014, spots.footprint))


def _heel_seam(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    forward, above = spots.values["forward"][:, 0], spots.values["above"][:, 0]
    return shown, relief, torch.maximum(lines, line(forward + 0.022 + 0.3 * (above - 0.05), 0.0014, spots.footprint))


def _flashes(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Two slanting stripes on either side, and a reinforced toe and heel."""
    forward, above, across = (spots.values[name][:, 0] for name in ("forward", "above", "across"))
    slant = forward - 0.9 * (above - 0.05)
    side = smoothstep(0.022, 0.028, across.abs())
    stripes = (edge((slant - 0.035).abs() - 0.007, spots.footprint) + edge((slant - 0.062).abs() - 0.007, spots.footprint)) * side
    dark = edge(forward + 0.030, spots.footprint) + edge(0.168 - forward - 5 * across**2, spots.footprint)
    return over(shown * (1 - 0.30 * dark)[:, None], sole, 0.9 * stripes), relief + 0.001 * stripes, lines


def _patch(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A round patch on the outer ankle."""
    forward, collar, across = (spots.values[name][:, 0] for name in ("forward", "collar", "across"))
    distance = torch.hypot(forward + 0.002, collar + 0.035)
    inner = (across > 0).float()
    shown = over(shown, sole, edge(distance - 0.019, spots.footprint) * inner)
    return shown, relief, torch.maximum(lines, line(distance - 0.014, 0.0016, spots.footprint) * inner)


def _apron(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A raised seam round the instep, and a strap with a slit across it."""
    forward, across = spots.values["forward"][:, 0], spots.values["across"][:, 0]
    round_toe = torch.hypot(across / 0.030, (forward - 0.085).clamp_min(0) / 0.068) - 1
    seam = line(0.030 * round_toe, 0.0018, spots.footprint) * smoothstep(0.02, 0.04, forward)
    strap = edge((forward - 0.082).abs() - 0.011, spots.footprint)
    slit = edge(torch.maximum((forward - 0.082).abs() - 0.003, across.abs() - 0.011), spots.footprint)
    shown = shown * (1 - 0.14 * strap - 0.45 * slit)[:, None]
    rim = line((forward - 0.082).abs() - 0.011, 0.0014, spots.footprint)
    return shown, relief + 0.0015 * strap, torch.maximum(lines, torch.maximum(seam, rim))


def _bow(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A small bow in front of the opening."""
    forward, across = spots.values["forward"][:, 0] - 0.142, spots.values["across"][:, 0]
    loops = torch.maximum(across.abs() - 0.016, forward.abs() - 0.002 - 0.35 * across.abs())
    knot = torch.hypot(across, forward) - 0.0045
    bow = edge(torch.minimum(loops, knot), spots.footprint)
    return shown * (1 - 0.25 * bow)[:, None], relief + 0.003 * bow, torch.maximum(lines, line(loops, 0.0014, spots.footprint))


def _elastic(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Elastic let into both sides of the shaft, a loop at the back."""
    forward, collar, above = (spots.values[name][:, 0] for name in ("forward", "collar", "above"))
    sides = (forward - 0.002).abs() - 0.012 - 0.16 * (above - 0.07).clamp_min(0)
    wedge = torch.stack([sides, 0.062 - above, collar + 0.004]).amax(0)
    rib = 0.62 + 0.10 * seen(0.004, spots.footprint) * torch.sin(forward * (2 * math.pi / 0.004))
    inside = edge(wedge, spots.footprint)
    shown = shown * (1 - inside * (1 - rib))[:, None]
    return shown, relief, torch.maximum(lines, line(wedge, 0.0014, spots.footprint))


def _zip(spots: Spots, shown: Tensor, relief: Tensor, lines: Tensor, sole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A zip down the inner side of the shaft, and creases at the ankle."""
    forward, above, across = (spots.values[name][:, 0] for name in ("forward", "above", "across"))
    inner = (across < 0) & (above > 0.05)
    teeth = edge((forward + 0.004).abs() - 0.0022, spots.footprint) * inner
    creases = 0.003 * smoothstep(0.20, 0.11, above) * smoothstep(0.05, 0.08, above) * torch.sin(above * 190 + 40 * forward)
    shown = over(shown, torch.tensor(METAL), 0.8 * teeth) * (1 + 18 * creases)[:, None]
    return shown, relief + creases, torch.maximum(lines, line((forward + 0.004).abs() - 0.006, 0.0014, spots.footprint) * inner)


_DETAILS = {
    "cap": _cap, "heel seam": _heel_seam, "flashes": _flashes, "patch": _patch, "laces": _laces, "apron": _apron, "bow": _bow,
    "elastic": _elastic, "zip": _zip,
}  # fmt: skip
