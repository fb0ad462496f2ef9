"""The loop: render a view, compare it with its photo, improve the Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...geometry import Gaussians
from ...render import Camera, render_splats
from ...render.gsplat_backend import gsplat_available
from ..types import Avatar
from .density import Evidence, Revision, revise
from .inputs import Photos
from .losses import picture_loss, squared_error
from .parameters import OPTIMISED, pack, settle, unpack, usual_sizes, world
from .pictures import beside
from .surface import Surface

# Steps of Adam at the beginning, in the units of the parameters. Those of 3D Gaussian Splatting are for 30 000 steps; these are for
# hundreds, found on the wardrobe's avatars.
RATES = {"slide": 3e-4, "offset": 3e-4, "turn": 1e-2, "log_scale": 4e-2, "logit": 5e-2, "color": 5e-2, "shine": 2.5e-3}
_METRIC = ("slide", "offset")  # whose rates are per metre of the mesh's diagonal
_FADE = 0.05  # of its beginning, the rate at the end
_REVISIONS = 10  # at most, over the part of the steps between the two below
_FROM, _TO = 0.1, 0.7
_PREVIEWS = 20


@dataclass(frozen=True)
class FitSettings:
    """How Gaussians are fitted.

    steps:          pictures looked at, one at a time
    most_gaussians: that there may be at the end
    densify:        split Gaussians where pictures ask for it; removing goes on without
    seed:           of the order of the pictures
    learning_rate:  times the usual rates
    background:     [3] sRGB behind the person in the photos
    """

    steps: int = 1000
    most_gaussians: int = 200_000
    densify: bool = True
    seed: int = 0
    learning_rate: float = 1.0
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class FitReport:
    """What a fit did. Loss and PSNR (dB) are means over the photos, inside the masks where there are any."""

    views: int
    steps: int
    loss: tuple[float, float]  # before and after
    psnr: tuple[float, float]
    count: tuple[int, int]
    split: int
    removed: int

    def __str__(self) -> str:
        return (
            f"{self.steps} steps on {self.views} views: PSNR {self.psnr[0]:.1f} to {self.psnr[1]:.1f} dB, "
            f"loss {self.loss[0]:.4f} to {self.loss[1]:.4f}, {self.count[0]} to {self.count[1]} Gaussians "
            f"({self.split} split, {self.removed} removed)."
        )


def fit_gaussians(
    avatar: Avatar,
    images: Tensor,  # [B, H, W, 3] sRGB in 0..1
    cameras: Sequence[Camera],
    masks: Tensor | None = None,  # [B, H, W] in 0..1
    settings: FitSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
    preview: Callable[[Tensor], None] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Avatar, FitReport]:
    """Fit an avatar's Gaussians to photos, on the surface of its mesh, which stays as it is.

    The loss is that of 3D Gaussian Splatting, one photo a step in an order that the seed decides; Adam's rates fade meanwhile.
    Rendering is gsplat's on a CUDA device where it loads, and our own on the CPU elsewhere. On the CPU the same input gives the
    same result to the bit.

    Args:
        cameras: of the photos, of their shape.
        masks: 1 on the person; outside them colours do not count and Gaussians fade away.
        preview: is shown a photo beside its render [H, 2 W, 3] now and then.

    Raises:
        ValueError: if photos, cameras and masks do not belong together, the avatar has no Gaussians or more than it may have at
            the end, or the settings make no sense.
    """
    settings = settings or FitSettings()
    _check(avatar, settings)
    with torch.inference_mode(False), torch.enable_grad():  # nodes run in inference mode, which knows no gradients
        photos = Photos.checked(images, cameras, masks)
        run = _Run(avatar, photos, settings, torch.device(device))
        report = run.go(progress or (lambda done, total: None), preview)
        return replace(avatar, gaussians=unpack(run.parameters, run.surface)), report


class _Run:
    """One fit under way."""

    def __init__(self, avatar: Avatar, photos: Photos, settings: FitSettings, device: torch.device) -> None:
        device = device if device.type == "cuda" and gsplat_available() else torch.device("cpu")
        self.photos, self.settings, self.device = photos, settings, device
        self.background = torch.tensor(settings.background)
        self.surface = Surface.of(avatar.mesh, device)
        self.parameters, self.sizes = pack(avatar.gaussians, self.surface), usual_sizes(avatar.gaussians, self.surface)
        self.split = self.removed = 0
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.queue: list[int] = []
        self.evidence = Evidence.none(len(self.parameters), device)
        scale = {name: settings.learning_rate * rate for name, rate in RATES.items()}
        self.rates = {name: rate * (self.surface.diagonal if name in _METRIC else 1.0) for name, rate in scale.items()}
        self.adam = torch.optim.Adam([{"params": [getattr(self.parameters, name)], "name": name} for name in OPTIMISED], eps=1e-15)
        first, last = round(_FROM * settings.steps), round(_TO * settings.steps)
        # Between two revisions every photo is to be seen, or Gaussians that none of them showed would have no evidence.
        every = max(len(photos), math.ceil((last - first) / _REVISIONS), 1)
        self.revisions = set(range(max(first, every), last + 1, every))

    def go(self, tell: Callable[[int, int], None], preview: Callable[[Tensor], None] | None) -> FitReport:
        """Take all steps."""
        steps = self.settings.steps
        before, count = self.measured(lambda: tell(0, steps)), len(self.parameters)
        for step in range(steps):
            self.step(step, lambda step=step: tell(step, steps))
            if preview and step % max(1, steps // _PREVIEWS) == 0:
                preview(beside(self.gaussians(), self.photos, 0, self.background))
        self.revised(None)
        loss, psnr = zip(before, self.measured(lambda: tell(steps, steps)), strict=True)
        return FitReport(len(self.photos), steps, loss, psnr, (count, len(self.parameters)), self.split, self.removed)

    def step(self, step: int, tell: Callable[[], None]) -> None:
        """Look at one photo."""
        tell()
        if not self.queue:
            self.queue = torch.randperm(len(self.photos), generator=self.generator).tolist()
        index = self.queue.pop()
        for group in self.adam.param_groups:
            group["lr"] = self.rates[group["name"]] * _FADE ** (step / self.settings.steps)
            group["params"][0].requires_grad_(True)
        gaussians = world(self.parameters, self.surface)
        gaussians.positions.retain_grad()
        loss = self._loss(self._render(gaussians, index), index)
        tell()
        loss.backward()
        if gaussians.positions.grad is not None:
            self.evidence.add(gaussians.positions.detach(), gaussians.positions.grad, self.photos.cameras[index])
        self.adam.step()
        self.adam.zero_grad()
        for group in self.adam.param_groups:
            group["params"][0].requires_grad_(False)
        self.parameters = settle(self.parameters, self.surface, self.sizes)
        if step + 1 in self.revisions:
            self.revised(self.evidence if self.settings.densify else None)

    def revised(self, evidence: Evidence | None) -> None:
        """Split and remove, and let Adam's memory go along with the Gaussians that stay."""
        revision = revise(self.parameters, self.surface, self.sizes, evidence, self.settings.most_gaussians)
        self.parameters = revision.parameters
        for group in self.adam.param_groups:
            _swap(self.adam, group, getattr(self.parameters, group["name"]), revision)
        self.evidence = Evidence.none(len(self.parameters), self.device)
        self.split, self.removed = self.split + revision.split, self.removed + revision.removed

    @torch.no_grad()
    def measured(self, tell: Callable[[], None]) -> tuple[float, float]:
        """Return the mean loss and PSNR over the photos."""
        losses, ratios = [], []
        gaussians = self.gaussians()
        for index in range(len(self.photos)):
            tell()
            rendered = render_splats(gaussians, self.photos.cameras[index], self.background)
            losses.append(float(self._loss((rendered.color, rendered.alpha), index)))
            error = float(squared_error(rendered.color.clamp(0, 1), *self._photo(index)))
            ratios.append(-10 * math.log10(max(error, 1e-10)))
        tell()
        return sum(losses) / len(losses), sum(ratios) / len(ratios)

    def gaussians(self) -> Gaussians:
        """Return the Gaussians as they are."""
        return world(self.parameters, self.surface)

    def _render(self, gaussians: Gaussians, index: int) -> tuple[Tensor, Tensor]:
        method = "gsplat" if self.device.type == "cuda" else "differentiable"
        rendered = render_splats(gaussians, self.photos.cameras[index], self.background, method)
        return rendered.color, rendered.alpha

    def _loss(self, rendered: tuple[Tensor, Tensor], index: int) -> Tensor:
        return picture_loss(*rendered, *self._photo(index))

    def _photo(self, index: int) -> tuple[Tensor, Tensor | None]:
        masks = self.photos.masks
        return self.photos.images[index].to(self.device), None if masks is None else masks[index].to(self.device)


def _swap(adam: torch.optim.Adam, group: dict, values: Tensor, revision: Revision) -> None:
    """Let Adam go on with new rows: moments of the old ones, and none yet for fresh ones."""
    state = adam.state.pop(group["params"][0], {})
    for name in ("exp_avg", "exp_avg_sq"):
        if name in state:
            state[name] = state[name][revision.source]
            state[name][revision.fresh] = 0
    group["params"] = [values]
    if state:
        adam.state[values] = state


def _check(avatar: Avatar, settings: FitSettings) -> None:
    if settings.steps < 1 or not 0 < settings.learning_rate < math.inf:
        raise ValueError("Fitting needs at least one step and a learning rate above 0.")
    count = len(avatar.gaussians)
    if not count:
        raise ValueError("The avatar has no Gaussians to begin with: make it with Avatar from Mesh or Load Avatar.")
    if not avatar.mesh.vertices.isfinite().all():
        raise ValueError("The avatar's mesh has a vertex that is not a finite number: check the file that it came from.")
    if count > settings.most_gaussians:
        raise ValueError(
            f"The avatar has {count} Gaussians, more than the {settings.most_gaussians} there may be at the end: "
            "raise most_gaussians, or make the avatar with fewer."
        )
