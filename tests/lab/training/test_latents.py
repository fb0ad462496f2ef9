"""Latents of shards: those of the autoencoder, made once, and made anew when what they are of has changed."""

import copy
import os
import pickle

import pytest
import torch

from modiste.lab.training import latents
from modiste.lab.training.latents import LatentEncoder
from modiste.lab.training.shards import ShardPictures
from modiste.models.base import build_vae, load_vae
from modiste.models.base.architecture import LATENT_SCALE
from modiste.models.base.files import save_vae

from .made_up_pairs import Garment, Person, write_shard

CLOTHES = (Garment("upper"),)


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    file = tmp_path_factory.mktemp("vae") / "vae.safetensors"
    torch.manual_seed(0)
    save_vae(build_vae(), file, {})
    return file


@pytest.fixture
def people(tmp_path):
    for first, indices in ((0, (0, 1, 2)), (96, (96, 97))):
        write_shard(tmp_path / "shards", 0, [Person(index, CLOTHES) for index in indices], [(first, "upper")], first)
    return ShardPictures(tmp_path / "shards", "people")


@pytest.fixture
def encoded(monkeypatch):
    """Count the pictures that are encoded."""
    counts, real = [], LatentEncoder.__call__
    monkeypatch.setattr(
        LatentEncoder, "__call__", lambda self, pictures, device: counts.append(len(pictures)) or real(self, pictures, device)
    )
    return counts


def expected(file, pictures):
    """Return what the autoencoder itself says of pictures [B, H, W, 3] uint8."""
    with torch.no_grad():
        return load_vae(file).encode(pictures.permute(0, 3, 1, 2) / 127.5 - 1).latent_dist.mean * LATENT_SCALE


def test_latents_are_the_likeliest_of_the_pictures_scaled_as_the_base_takes_them(vae):
    pictures = torch.randint(256, (2, 64, 48, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found, wanted = LatentEncoder(vae, halve=False)(pictures), expected(vae, pictures)
    assert found.shape == (2, 16, 8, 6) and found.dtype == torch.float32
    assert (found - wanted).abs().max() < 0.02 * wanted.std() + 0.02


def test_half_size_pictures_are_averaged_over_squares(vae):
    pictures = torch.randint(256, (1, 64, 48, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    half = pictures.view(1, 32, 2, 24, 2, 3).float().mean((2, 4))
    found, wanted = LatentEncoder(vae, halve=True)(pictures), expected(vae, half)
    assert found.shape == (1, 16, 4, 3)
    assert (found - wanted).abs().max() < 0.02 * wanted.std() + 0.02


def test_latents_of_all_shards_come_in_the_order_of_their_pictures(vae, people):
    found = LatentEncoder(vae, halve=False).of_shards(people)
    assert len(found) == 5
    for latent, picture in zip(found, (people[index][0] for index in range(5)), strict=True):
        assert torch.allclose(latent.float(), expected(vae, picture[None])[0], atol=0.03)


def test_what_is_encoded_once_is_read_from_then_on(vae, people, encoded):
    first = LatentEncoder(vae, halve=False).of_shards(people)
    assert sum(encoded) == 5
    again = LatentEncoder(vae, halve=False).of_shards(people)
    assert sum(encoded) == 5
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_shard_that_was_rendered_anew_is_encoded_anew_and_no_other(vae, people, encoded):
    LatentEncoder(vae, halve=False).of_shards(people)
    encoded.clear()
    os.utime(people.paths[1], (2e9, 2e9))
    LatentEncoder(vae, halve=False).of_shards(people)
    assert encoded == [2]


def test_halves_other_kinds_and_other_autoencoders_have_latents_of_their_own(vae, people, tmp_path, encoded):
    torch.manual_seed(1)
    save_vae(build_vae(), tmp_path / "other.safetensors", {})
    sizes = [LatentEncoder(vae, halve).of_shards(people)[0].shape[1:] for halve in (False, True, False)]
    assert sizes == [(8, 6), (4, 3), (8, 6)] and sum(encoded) == 10
    first, other = (LatentEncoder(file, halve=False).of_shards(people)[0] for file in (vae, tmp_path / "other.safetensors"))
    assert sum(encoded) == 15 and not torch.allclose(first, other, atol=0.1)
    flats = LatentEncoder(vae, halve=False).of_shards(ShardPictures(people.paths[0].parent, "portrait_flats"))
    assert len(flats) == 2 and sum(encoded) == 17


def test_latents_are_no_shards(vae, people):
    LatentEncoder(vae, halve=False).of_shards(people)
    assert len(ShardPictures(people.paths[0].parent, "people")) == 5


def test_a_failure_while_encoding_leaves_no_half_of_a_file(vae, people, monkeypatch):
    def broken(self, pictures, device):
        raise RuntimeError

    monkeypatch.setattr(LatentEncoder, "__call__", broken)
    with pytest.raises(RuntimeError):
        LatentEncoder(vae, halve=False).of_shards(people)
    assert not [path for path in people.paths[0].parent.rglob("*") if path.is_file() and path not in people.paths]


def test_an_encoder_goes_to_another_process_without_its_autoencoder(vae):
    encoder = LatentEncoder(vae, halve=True)
    pictures = torch.zeros(1, 64, 48, 3, dtype=torch.uint8)
    before = encoder(pictures)
    assert len(pickle.dumps(encoder)) < 1000
    assert torch.equal(copy.deepcopy(encoder)(pictures), before)  # made anew from the state that is sent


def test_many_pictures_are_encoded_a_few_at_once(vae, people, encoded, monkeypatch):
    monkeypatch.setattr(latents, "BATCH", 2)
    assert len(LatentEncoder(vae, halve=True).of_shards(people)) == 5
    assert encoded == [2, 1, 2]
