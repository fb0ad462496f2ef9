"""The frozen networks: their files, the distance they measure, what they read."""

import json

import pytest
import torch
from safetensors.torch import save_file

from modiste.lab.evaluation.attributes import garment_vocabulary
from modiste.lab.evaluation.encoder import own_lpips
from modiste.lab.evaluation.network import AttributeNet, load_network
from modiste.lab.evaluation.reader import agreement, load_reader, readings
from modiste.lab.evaluation.reader_network import ReaderNet
from modiste.lab.training.tasks import encoder
from modiste.lab.training.tasks import reader as reader_task


def test_an_exported_network_reads_the_same_up_to_half_precision(network, tmp_path):
    encoder.Task().export(network, tmp_path / "a.safetensors", {"kind": "x"})
    loaded = load_network(tmp_path / "a.safetensors")
    picture = torch.rand(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    assert list(loaded(picture)) == list(network(picture))
    for name, logits in loaded(picture).items():
        assert (logits - network(picture)[name]).abs().max() < 5e-3
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_missing_network_is_named_with_its_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"needs 'none\.safetensors' in '.*': take it from the repository"):
        load_network(tmp_path / "none.safetensors")


@pytest.mark.parametrize("vocabulary", [None, "[1]", "{}", '{"gender": ["woman", "man"]}'])
def test_another_file_is_no_network(tmp_path, vocabulary):
    file = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(2)}, file, None if vocabulary is None else {"vocabulary": vocabulary})
    with pytest.raises(ValueError, match="does not hold a network"):
        load_network(file)


def test_a_file_of_noise_is_no_network(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ValueError, match="does not hold a network"):
        load_network(tmp_path / "a.safetensors")


def test_own_lpips_is_zero_for_equal_pictures_symmetric_and_grows_with_noise(network):
    generator = torch.Generator().manual_seed(0)
    pictures, noise = torch.rand(2, 3, 3, 96, 64, generator=generator)
    assert own_lpips(network, pictures, pictures).tolist() == [0, 0, 0]
    near, far = (own_lpips(network, pictures, torch.lerp(pictures, noise, share)) for share in (0.1, 0.5))
    assert near.shape == (3,)
    assert ((near > 0) & (near < far)).all()
    assert torch.allclose(near, own_lpips(network, torch.lerp(pictures, noise, 0.1), pictures))


def test_own_lpips_is_the_angle_between_features(network, monkeypatch):
    """Features at right angles lie sqrt(2) apart, whatever their lengths."""
    features = iter([[torch.tensor([5.0, 0.0]).view(1, 2, 1, 1)], [torch.tensor([0.0, 0.1]).view(1, 2, 1, 1)]])
    monkeypatch.setattr(AttributeNet, "stages", lambda self, pictures: next(features))
    assert own_lpips(network, None, None).tolist() == pytest.approx([2.0])


def test_a_reader_that_is_older_than_the_wardrobe_is_refused(tmp_path):
    vocabulary = {name: [word for word in words if word != "hoodie"] for name, words in garment_vocabulary().items()}
    reader_task.Task().export(ReaderNet(vocabulary), tmp_path / "old.safetensors", {})
    with pytest.raises(ValueError, match="before the wardrobe had the upper cut 'hoodie': train it anew"):
        load_reader(tmp_path / "old.safetensors")
    reader_task.Task().export(ReaderNet(garment_vocabulary()), tmp_path / "new.safetensors", {})
    assert load_reader(tmp_path / "new.safetensors").vocabulary == garment_vocabulary()


def test_an_encoder_is_no_reader(network, tmp_path):
    encoder.Task().export(network, tmp_path / "a.safetensors", {})
    with pytest.raises(ValueError, match="does not hold a network"):
        load_reader(tmp_path / "a.safetensors")


def test_readings_keep_the_order_of_pictures_of_mixed_shapes(reader, pictures):
    mixed = [pictures[0], pictures[5], pictures[1]]
    together = readings(reader, mixed)
    assert together.shape == (3, len(reader.vocabulary))
    for index, picture in enumerate(mixed):
        assert torch.equal(together[index], readings(reader, [picture])[0])


class Known:
    """A stand-in for a reader: only its words."""

    vocabulary = json.loads('{"upper cut": ["none", "shirt"], "upper color": ["red", "blue"], "lower cut": ["none", "jeans"]}')
    vocabulary |= {"lower color": ["red", "blue"]}


def test_agreement_is_the_share_of_named_garments_that_are_read_right_in_every_quality():
    words = {"upper cut": "shirt", "upper color": "blue", "lower cut": "jeans", "lower color": "red"}
    found = torch.tensor([[1, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    asked = [("upper", "lower")] * 3 + [("upper",)]
    both = agreement(Known, found, [words] * 4, asked, ("color", "cut"))
    assert both.tolist() == [1, 0.5, 0, 0]
    assert agreement(Known, found, [words] * 4, asked, ("cut",)).tolist() == [1, 1, 0, 1]


def test_a_caption_that_names_nothing_cannot_be_agreed_with():
    with pytest.raises(ValueError, match="without a garment"):
        agreement(Known, torch.zeros(1, 4, dtype=torch.int64), [{}], [()], ("cut",))
