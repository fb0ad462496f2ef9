from modiste.lab.bench import BENCHES, wardrobe


def test_two_workers_make_samples():
    assert "wardrobe" in BENCHES
    assert wardrobe.samples_per_second(48, 64, outfits=1) > 0


def test_a_row_compares_with_the_goal(monkeypatch):
    monkeypatch.setattr(wardrobe, "samples_per_second", lambda width, height: 4.0)
    small, large = wardrobe.rows()
    assert small == {
        "what": "samples_192x256_2_workers",
        "value": 4.0,
        "unit": "samples/s",
        "against": "goal of 8 on 2 cores",
        "ratio": 0.5,
    }
    assert large["against"] is None and large["ratio"] is None
