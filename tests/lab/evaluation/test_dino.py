"""DINO from a folder of the user's, with a small random network in its place."""

import pytest
import torch

from modiste.lab.evaluation.dino import DINO_VARIABLE, load_dino

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 56}


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 50, 40, generator=torch.Generator().manual_seed(0))


def saved(folder, kind="ViT", **settings):
    import transformers

    torch.manual_seed(0)
    network = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**SMALL, **settings)).eval()
    network.save_pretrained(folder, safe_serialization=True)
    return network


@pytest.mark.parametrize("kind", ["ViT", "Dinov2"])
def test_features_are_the_class_token_of_the_normalised_picture(tmp_path, pictures, kind):
    network = saved(tmp_path, kind, image_size=224)
    found = load_dino(tmp_path)(pictures)
    resized = torch.nn.functional.interpolate(pictures, (224, 224), mode="bicubic", antialias=True).clamp(0, 1)
    resized = torch.stack([(resized[:, i] - m) / s for i, (m, s) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225)))], 1)
    with torch.no_grad():
        expected = network(pixel_values=resized).last_hidden_state[:, 0]
    torch.testing.assert_close(found, expected)
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_the_folder_may_come_from_the_environment(tmp_path, monkeypatch, pictures):
    monkeypatch.delenv(DINO_VARIABLE, raising=False)
    assert load_dino() is None
    saved(tmp_path, image_size=224)
    monkeypatch.setenv(DINO_VARIABLE, str(tmp_path))
    assert load_dino()(pictures).shape == (2, 16)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no DINO in .*config\.json"):
        load_dino(tmp_path)


def test_pickled_weights_are_not_opened(tmp_path):
    saved(tmp_path, image_size=224)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match="no DINO in"):
        load_dino(tmp_path)


def test_another_network_does_not_pass_for_dino(tmp_path):
    saved(tmp_path, "Dinov2", image_size=224)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"dinov2"', '"beit"'))
    with pytest.raises(ValueError, match="holds a beit"):
        load_dino(tmp_path)
