"""The splat benchmark on a toy scene: its rows and its scenes, not its times."""

import pytest
import torch

from modiste.lab.bench import splat


def test_rows_name_every_renderer_and_their_ratios(monkeypatch, tmp_path):
    monkeypatch.setattr(splat, "_COUNT", 300)
    monkeypatch.setattr(splat, "_SIZE", 48)
    monkeypatch.setattr(splat, "_REPEATS", 1)
    monkeypatch.setattr(splat, "_peak_megabytes", lambda scene: 12.5)
    monkeypatch.setenv("COMFYUI_DIR", str(tmp_path))  # no ComfyUI there
    rows = {row["what"]: row for row in splat.rows()}
    assert list(rows) == [
        *("fast", "reference", "fast_peak_memory"),
        *("fast_cloud", "reference_cloud", "fast_cloud_peak_memory"),
    ]
    assert all(set(row) == {"what", "value", "unit", "against", "ratio"} for row in rows.values())
    assert rows["reference"]["against"] == "fast"
    assert rows["reference"]["ratio"] == pytest.approx(rows["reference"]["value"] / rows["fast"]["value"])


@pytest.mark.parametrize("scene", [splat.person, splat.cloud])
def test_scenes_hold_sound_gaussians(scene):
    made = scene(2000)
    assert len(made) == 2000 and made.sh.shape == (2000, 16, 3)
    assert all(torch.isfinite(values).all() for values in (made.positions, made.scales, made.rotations, made.opacities, made.sh))
    assert torch.allclose(made.rotations.norm(dim=-1), torch.ones(2000), atol=1e-5)
    assert (made.scales > 0).all() and (made.opacities > 0).all() and (made.opacities <= 1).all()
    assert torch.equal(made.positions, scene(2000).positions)
