"""Precision: bfloat16 only where a device computes in it."""

import tomllib

import pytest
import torch

from modiste.lab.training import loop
from modiste.lab.training.precision import fast_autocast, fast_dtype


@pytest.mark.parametrize(("native", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_a_processor_that_would_emulate_bfloat16_computes_in_float32(monkeypatch, native, dtype):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    with fast_autocast("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert fast_dtype("cpu") == dtype


@pytest.mark.parametrize(("dtype", "settled"), [(torch.float32, "no"), (torch.bfloat16, "bf16")])
def test_a_run_keeps_the_precision_that_it_began_with(monkeypatch, toy, tmp_path, dtype, settled):
    monkeypatch.setattr(loop, "fast_dtype", lambda device: dtype)
    toy.run(tmp_path, 2, precision="auto")
    kept = tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))
    assert kept["precision"] == settled
    other = torch.bfloat16 if dtype == torch.float32 else torch.float32
    monkeypatch.setattr(loop, "fast_dtype", lambda device: other)
    with pytest.raises(ValueError, match=f"has precision '{settled}'"):
        toy.run(tmp_path, 3, resume=True, precision="auto")
    toy.run(tmp_path, 3, resume=True, precision=settled)
