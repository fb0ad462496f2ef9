"""What was learned from is not measured on."""

import pytest
import torch
from safetensors.torch import save_file

from modiste.lab.seeds import learned_seeds, refuse_learned
from modiste.lab.training.metadata import describe_data


def weights(path, data):
    save_file({"a": torch.zeros(1)}, path, {"data": data})
    return path


def test_files_say_which_seeds_they_learned_from(tmp_path):
    assert learned_seeds(weights(tmp_path / "a.safetensors", describe_data(None, 12, 5))) == {12}
    assert learned_seeds(weights(tmp_path / "b.safetensors", "wardrobe, seed 3 and 41, 96 items in shards")) == {3, 41}
    assert learned_seeds(weights(tmp_path / "c.safetensors", "photographs, 7 items")) == set()
    save_file({"a": torch.zeros(1)}, tmp_path / "d.safetensors")
    assert learned_seeds(tmp_path / "d.safetensors") == set()


def test_a_seed_that_one_of_the_files_learned_from_is_refused(tmp_path):
    files = [weights(tmp_path / f"{seed}.safetensors", describe_data(None, seed, 5)) for seed in (12, 1000)]
    refuse_learned(7, files)
    with pytest.raises(ValueError, match=r"--seed 1000 gives the samples that '1000\.safetensors' learned from"):
        refuse_learned(1000, files)
