"""Published metrics: of weights that are not there, that hold code, and that are random small networks in their place."""

import sys
from types import ModuleType

import pytest
import torch

from modiste.lab.evaluation import published
from modiste.lab.evaluation.published import INCEPTION_FILE, VGG_FILE, inception, pair_distances


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of torch.hub's, and libraries that seem to be there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(published, "find_spec", lambda name: object())
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 40, 32, generator=torch.Generator().manual_seed(0))


def test_without_weights_there_are_no_metrics(folder):
    assert pair_distances() == {} and inception() is None


def test_without_libraries_there_are_no_metrics(folder, monkeypatch):
    for name in (VGG_FILE, INCEPTION_FILE):
        torch.save({"weight": torch.zeros(1)}, folder / name)
    monkeypatch.setattr(published, "find_spec", lambda name: None)
    assert pair_distances() == {} and inception() is None


@pytest.mark.parametrize(("name", "load"), [(VGG_FILE, pair_distances), (INCEPTION_FILE, inception)])
def test_files_that_hold_code_are_not_opened(folder, name, load):
    torch.save({"weight": print}, folder / name)
    with pytest.raises(ValueError, match=f"{name}' is damaged, or holds more than weights"):
        load()
    (folder / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="is damaged, or holds more than weights"):
        load()


def test_distances_of_pairs_are_told_one_by_one(folder, monkeypatch, pictures):
    class Distance:
        """One figure for a whole stack, as torchmetrics' classes give it."""

        def __init__(self, net="", normalize=False, reduction=None):
            assert (net, normalize) == ("vgg", True) or reduction == "mean"

        def __call__(self, first, second):
            return (first - second).abs().mean()

    monkeypatch.setattr("torchmetrics.image.lpip.LearnedPerceptualImagePatchSimilarity", Distance)
    monkeypatch.setattr("torchmetrics.image.dists.DeepImageStructureAndTextureSimilarity", Distance)
    torch.save({"weight": torch.zeros(1)}, folder / VGG_FILE)
    found = pair_distances()
    assert set(found) == {"lpips_vgg", "dists"}
    other = pictures.flip(3)
    for distance in found.values():
        torch.testing.assert_close(distance(pictures, other), (pictures - other).abs().mean((1, 2, 3)))


def test_inception_sees_bytes_and_kid_is_the_unbiased_estimate_in_thousandths(folder, monkeypatch, pictures):
    class Inception(torch.nn.Module):
        def __init__(self, name, features, path):
            super().__init__()
            assert (name, features, path) == ("inception-v3-compat", ["2048"], str(folder / INCEPTION_FILE))

        def forward(self, pictures):
            assert pictures.dtype == torch.uint8
            return pictures.float().mean((2, 3)) / 255

    module = ModuleType("torchmetrics.image.fid")
    module.NoTrainInceptionV3 = Inception
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", module)
    torch.save({"weight": torch.zeros(1)}, folder / INCEPTION_FILE)
    features, distances = inception()
    torch.testing.assert_close(features(pictures), pictures.mean((2, 3)), atol=3e-3, rtol=0)
    generator = torch.Generator().manual_seed(1)
    first, second = torch.rand(5, 4, generator=generator, dtype=torch.float64), torch.rand(9, 4, generator=generator).double()

    def kernel(a, b):
        return float((a @ b / 4 + 1) ** 3)

    pairs = [(i, j) for i in range(5) for j in range(5)]
    alike = sum(kernel(many[i], many[j]) for many in (first, second) for i, j in pairs if i != j) / 20
    across = sum(kernel(first[i], second[j]) for i, j in pairs) / 25
    assert distances["kid"](first, second) == pytest.approx(1000 * (alike - 2 * across), rel=1e-9)
    assert distances["fid"](first, first) == pytest.approx(0, abs=1e-9)
