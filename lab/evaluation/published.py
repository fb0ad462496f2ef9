"""LPIPS, DISTS, FID and KID proper, for those who have their weights and libraries: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ...models.weights.pickles import read_plain
from .metrics.frechet import frechet_distance

# Where torch.hub looks for them, as torchvision and torch-fidelity name them.
VGG_FILE = "vgg16-397923af.pth"
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
THOUSAND = 1000  # papers print KID in thousandths

PairDistance = Callable[[Tensor, Tensor], Tensor]
SetDistance = Callable[[Tensor, Tensor], float]


def pair_distances() -> dict[str, PairDistance]:
    """Return LPIPS (Zhang et al. 2018) and DISTS (Ding et al. 2020), if VGG16's weights and torchvision are there.

    Each takes two stacks of pictures [B, 3, H, W] in 0..1, at least 32 pixels a side, and gives [B]. LPIPS is the VGG one.

    Raises:
        ValueError: if the file holds something else than weights.
    """
    if not _present(VGG_FILE, "torchvision"):
        return {}
    from torchmetrics.image.dists import DeepImageStructureAndTextureSimilarity
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    lpips = LearnedPerceptualImagePatchSimilarity("vgg", normalize=True)
    dists = DeepImageStructureAndTextureSimilarity(reduction="mean")
    return {"lpips_vgg": _one_by_one(lpips), "dists": _one_by_one(dists)}


def inception() -> tuple[Callable[[Tensor], Tensor], dict[str, SetDistance]] | None:
    """Return Inception's features, and FID and KID between sets of them, if its weights and torch-fidelity are there.

    The features are [B, 2048] of pictures [B, 3, H, W] in 0..1. FID is Heusel et al. 2017's; KID, in thousandths, is Binkowski et
    al. 2018's estimate of as many of each set as the smaller one has, without subsets.

    Raises:
        ValueError: if the file holds something else than weights.
    """
    path = _present(INCEPTION_FILE, "torch_fidelity")
    if not path:
        return None
    from torchmetrics.image.fid import NoTrainInceptionV3
    from torchmetrics.image.kid import poly_mmd

    network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path)).requires_grad_(False)

    def features(pictures: Tensor) -> Tensor:
        return network((pictures * 255).round().to(torch.uint8))

    def kid(first: Tensor, second: Tensor) -> float:
        count = min(len(first), len(second))
        return THOUSAND * poly_mmd(first[:count].double(), second[:count].double()).item()

    return features, {"fid": frechet_distance, "kid": kid}


def _present(name: str, library: str) -> Path | None:
    """Return a file of torch.hub's folder, if it and the library that reads it are there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file() or find_spec(library) is None:
        return None
    read_plain(path, f"take it away from '{path.parent}', or put the published file there", "meta")  # the libraries would run it
    return path


def _one_by_one(metric: Callable[[Tensor, Tensor], Tensor]) -> PairDistance:
    """Return what gives a value for each pair, of a metric that gives one for all."""
    return lambda pictures, originals: torch.stack([metric(a[None], b[None]) for a, b in zip(pictures, originals, strict=True)])
