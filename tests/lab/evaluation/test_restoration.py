"""The restoration table: its methods and figures on pictures of which the answer is known, and the whole of it with quick fakes."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modiste.lab.evaluation import base_model, restoration, restorers, systems
from modiste.lab.evaluation.attributes import flat_words, garment_vocabulary
from modiste.lab.evaluation.encoder import ENCODER_FILE, own_lpips
from modiste.lab.evaluation.goals import goal_table
from modiste.lab.evaluation.kept import Kept
from modiste.lab.evaluation.reader import READER_FILE
from modiste.lab.evaluation.restoration import GOALS, SHEETS, SWEEP, figures, judges
from modiste.lab.evaluation.restorers import FILES, cropped, load_method, method_files, restored
from modiste.lab.evaluation.stages import Stages
from modiste.lab.evaluation.systems import Request
from modiste.lab.evaluation.worn import Worn
from modiste.lab.seeds import learned_seeds
from modiste.models.base import load_vae
from modiste.models.base.architecture import LATENT_SCALE
from modiste.models.restoration.photos import closer

from .conftest import SHIRT

HEIGHT, WIDTH = 96, 64
METRICS = (
    "ssim", "psnr", "own_lpips", "delta_e", "fd_own",
    "fabric_agreement", "cut_agreement", "color_agreement", "fabric_alike", "cut_alike",
)  # fmt: skip


def worn(number=0, box=(20, 60, 24, 40), **changed):
    """Return a person and a garment that a box (top, bottom, left, right) of the picture shows; all random but the white around."""
    generator = torch.Generator().manual_seed(number)
    person, flat = torch.randint(0, 230, (2, HEIGHT, WIDTH, 3), generator=generator, dtype=torch.uint8)
    mask, flat_mask = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool)
    mask[box[0] : box[1], box[2] : box[3]] = True
    flat_mask[10:80, 8:56] = True
    flat[~flat_mask] = 255
    return replace(Worn(person, mask, flat, flat_mask, "upper", flat_words(SHIRT)), **changed)


def filled(color, mask):
    """Return a picture of one colour where a mask is, and white elsewhere."""
    picture = torch.full((HEIGHT, WIDTH, 3), 255, dtype=torch.uint8)
    picture[mask] = torch.tensor(color, dtype=torch.uint8)
    return picture


@pytest.fixture
def unpublished(monkeypatch):
    """What the machine has of published metrics' weights is nobody's business here."""
    monkeypatch.setattr(restoration, "pair_distances", dict)
    monkeypatch.setattr(restoration, "inception", lambda: None)


# Methods


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((20, 60, 24, 34), (86, 21.5)),  # 40 x 10 pixels: as high as 0.9 of 96 allows
        ((40, 50, 8, 56), (12.1, 58)),  # 10 x 48: as wide as 0.9 of 64 allows
        ((0, 96, 0, 64), (86, 57.3)),
    ],
)
def test_the_crop_is_the_garment_as_large_as_fits_unstretched_on_white(box, size):
    one = worn(box=box)
    one = replace(one, person=torch.where(one.mask[..., None], torch.tensor([10, 120, 40]), 60).to(torch.uint8))
    found = cropped(one)
    assert found.shape == (HEIGHT, WIDTH, 3) and found.dtype == torch.uint8
    seen = (found != 255).any(2)
    rows, columns = seen.nonzero().T
    assert (len(rows.unique()), len(columns.unique())) == (pytest.approx(size[0], abs=1.5), pytest.approx(size[1], abs=1.5))
    assert rows.min() + rows.max() == pytest.approx(HEIGHT - 1, abs=2)
    assert columns.min() + columns.max() == pytest.approx(WIDTH - 1, abs=2)
    inner = found[rows.min() + 2 : rows.max() - 1, columns.min() + 2 : columns.max() - 1]
    assert (inner.int() - torch.tensor([10, 120, 40])).abs().max() <= 1  # nothing of the person around it, which is grey


def test_what_hides_the_garment_is_white_in_the_crop_and_nothing_is_restored():
    one = worn(box=(10, 90, 10, 54))
    one.mask[40:60, 25:40] = False
    one = replace(one, person=torch.full((HEIGHT, WIDTH, 3), 30, dtype=torch.uint8))
    found = cropped(one)
    assert found[HEIGHT // 2, WIDTH // 2].tolist() == [255, 255, 255]
    assert found[HEIGHT // 2, 10].tolist() == [30, 30, 30]


class Fake:
    """Keeps what it is shown; restores the latents that it knows, or else makes noise smaller, by a number of its own."""

    prediction, text = "v_prediction", torch.zeros(1)

    def __init__(self, number=0, latents=None):
        self.number, self.latents, self.shown, self.asked = number, latents, [], []

    def see(self, person, mask, crop, category):
        self.shown.append(SimpleNamespace(person=person, mask=mask, crop=crop, category=category))
        return SimpleNamespace(category=category, latents=None if self.latents is None else self.latents[: len(category)])

    def denoise(self, noisy, timestep, keep, seen):
        self.asked.append((len(noisy), int(timestep[0])))
        if seen.latents is None:
            return (0.1 + 0.1 * self.number) * noisy * keep.view(-1, 1, 1, 1)
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        share = (1 - betas).cumprod(0)[timestep].float().view(-1, 1, 1, 1)
        clean = seen.latents.repeat(len(noisy) // len(seen.latents), 1, 1, 1)
        noise = (noisy - share.sqrt() * clean) / (1 - share).sqrt()
        return share.sqrt() * noise - (1 - share).sqrt() * clean


@pytest.fixture(scope="module")
def vae():
    return load_vae()


def test_who_knows_the_latents_restores_the_picture_that_the_autoencoder_makes_of_them(vae):
    mask = worn().flat_mask
    flats = [filled(color, mask) for color in ((200, 30, 40), (20, 60, 190))]
    with torch.no_grad():
        latents = vae.encode(torch.stack(flats).permute(0, 3, 1, 2) / 127.5 - 1).latent_dist.mean
        expected = vae.decode(latents).sample.permute(0, 2, 3, 1) * 127.5 + 127.5
    found = restored(Fake(latents=latents * LATENT_SCALE), [worn(0), worn(1)], seed=5)
    inside = torch.zeros_like(mask)
    inside[14:76, 12:52] = True
    outside = torch.ones_like(mask)
    outside[4:86, 2:62] = False
    for picture, wanted, flat in zip(found, expected, flats, strict=True):
        assert picture.dtype == torch.uint8
        assert (picture.float() - wanted.clamp(0, 255))[inside].abs().mean() < 2
        assert (picture.float() - flat.float())[inside].abs().mean() < 12
        assert (picture[outside] == 255).all()  # pure white, which a decoder's is not


def test_a_network_is_shown_the_photo_from_closer_its_mask_the_close_up_and_the_category(vae):
    fake, samples = Fake(), [worn(0), worn(1, box=(40, 80, 10, 50), slot="dress"), worn(2, slot="lower")]
    told = []
    restored(fake, samples, seed=5, progress=lambda done, total: told.append((done, total)))
    (shown,) = fake.shown
    with torch.no_grad():
        near, masks = closer(torch.stack([one.person for one in samples]) / 255, torch.stack([one.mask for one in samples]).float())
        latents = vae.encode(near.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mean
    assert (shown.person - latents * LATENT_SCALE).abs().max() < 0.1
    assert torch.equal(shown.mask, masks)
    assert shown.category.tolist() == [0, 2, 1]
    assert shown.crop.shape == (3, 128, 128, 3) and not shown.crop[:, 0].any()
    inner = samples[1].person[40:80, 10:50].float().mean((0, 1)) / 255  # it fills the close-up but for a twentieth on all sides
    assert torch.allclose(shown.crop[1, 12:-12, 12:-12].mean((0, 1)), inner, atol=0.03)
    assert told == [(3, 3)]


def test_guidance_of_1_asks_once_and_others_twice_in_25_steps():
    for guidance, rows in ((1.0, 2), (1.5, 4)):
        fake = Fake()
        restored(fake, [worn(0), worn(1)], seed=5, guidance=guidance)
        assert [count for count, _ in fake.asked] == [rows] * 25


def test_pictures_depend_on_the_seed_and_come_in_their_order_whatever_the_batch(monkeypatch):
    samples = [worn(number) for number in range(3)]
    first, again, other = (restored(Fake(), samples, seed) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    monkeypatch.setattr(restorers, "BATCH", 2)
    fake, told = Fake(), []
    split = restored(fake, samples, 5, progress=lambda done, total: told.append((done, total)))
    assert [len(shown.person) for shown in fake.shown] == [2, 1] and told == [(2, 3), (3, 3)]
    assert len(split) == 3 and torch.equal(split[0], first[0])


class Counted(Fake):
    """A fake with weights, that counts how often it looks."""

    def state_dict(self):
        return {"number": torch.tensor(self.number)}


def test_what_was_drawn_before_is_not_drawn_again(monkeypatch, tmp_path):
    monkeypatch.setattr(restorers, "BATCH", 2)
    samples, kept = [worn(number) for number in range(5)], Kept(tmp_path)
    first = restored(Counted(), samples[:4], 5, kept=kept)
    again = Counted()
    more = restored(again, samples, 5, kept=kept)
    assert len(again.shown) == 1 and len(again.shown[0].person) == 1  # the fifth alone
    assert all(torch.equal(a, b) for a, b in zip(more, [*first, restored(Counted(), samples, 5)[4]], strict=True))
    others = (Counted(1), {}), (Counted(), {"guidance": 1.0}), (Counted(), {"seed": 6})
    for network, changed in others:
        restored(network, samples[:2], **{"seed": 5, "kept": kept} | changed)
        assert len(network.shown) == 1
    restored(Counted(), [worn(9), *samples[1:2]], 5, kept=kept)
    assert len(list(tmp_path.iterdir())) == 3 + 3 + 1


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Move all methods' files to an empty folder; return what writes one."""
    for method, (_, kind) in list(FILES.items()):
        monkeypatch.setitem(FILES, method, (tmp_path / method, kind))

    def write(name, data="wardrobe, seed 77, 9 items in shards"):
        save_file({"a": torch.zeros(1)}, tmp_path / f"{name}.safetensors", {"data": data})
        return tmp_path / f"{name}.safetensors"

    return write


def test_a_method_has_the_files_that_are_there(files, tmp_path):
    assert [method_files(method) for method in FILES] == [[]] * 5
    net, prompt = files("no_garmnet_net"), files("no_garmnet_prompt")
    assert method_files("no_garmnet") == [net, prompt]
    net, _ = files("concat_net"), files("concat_prompt")
    assert method_files("concat") == [net]
    mine = [files("mine_net"), files("mine_prompt")]
    assert method_files("ours", mine[0]) == mine and method_files("ours") == []
    assert method_files("concat", mine[0]) == [net]


def test_weights_that_are_no_garm_nets_by_their_name_are_refused(tmp_path):
    for use in (method_files, load_method):
        with pytest.raises(ValueError, match=r"'mine_prompt.safetensors' is no file of a GarmNet: .* '_net.safetensors'\.$"):
            use("ours", tmp_path / "mine_prompt.safetensors")


def test_methods_are_built_as_what_they_are_and_frozen(monkeypatch, files, tmp_path):
    built, loaded = [], []
    monkeypatch.setattr(restorers, "new_restorer", lambda kind: built.append(kind) or torch.nn.Dropout())
    monkeypatch.setattr(restorers, "load_restorer", lambda network, name: loaded.append(name))
    networks = [load_method(method) for method in ("ours", "no_fine", "no_garmnet", "concat")]
    load_method("ours", tmp_path / "mine_net.safetensors")
    load_method("no_fine", tmp_path / "mine_net.safetensors")
    assert built == ["ours", "ours", "no_garmnet", "concat", "ours", "ours"]
    assert loaded == [tmp_path / name for name in ("ours", "no_fine", "no_garmnet", "concat", "mine", "no_fine")]
    assert not any(network.training for network in networks)


# Figures


class Reader(torch.nn.Module):
    """Reads each quality of the upper garment from the red, green and blue of the first pixel."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.vocabulary = garment_vocabulary()

    def readings(self, pictures):
        found = torch.zeros(len(pictures), len(self.vocabulary), dtype=torch.int64)
        names = list(self.vocabulary)
        for channel, quality in enumerate(("cut", "color", "pattern")):
            found[:, names.index(f"upper {quality}")] = (pictures[:, channel, 0, 0] * 255).round().long()
        return found


def told_by(picture, cut="t-shirt", color="red", pattern="stripes"):
    """Return a picture in which `Reader` reads these words."""
    vocabulary, picture = garment_vocabulary(), picture.clone()
    words = {"upper cut": cut, "upper color": color, "upper pattern": pattern}
    picture[0, 0] = torch.tensor([list(vocabulary[name]).index(word) for name, word in words.items()], dtype=torch.uint8)
    return picture


@pytest.fixture
def judging(network, unpublished):
    return judges(network, Reader())


def flats_of(samples):
    return [one.flat for one in samples]


def by_metric(rows):
    assert len({row.metric for row in rows}) == len(rows)
    return {row.metric: row for row in rows}


def test_perfect_pictures_have_perfect_figures(judging):
    samples = [worn(number) for number in range(3)]
    flats = [one.flat for one in samples]
    rows = by_metric(figures("ours", "paired", flats, samples, flats_of(samples), judging))
    assert set(rows) == set(METRICS) - {"fd_own"}  # of so few
    assert rows["ssim"].mean == pytest.approx(1, abs=1e-4)
    assert rows["psnr"].mean == 100
    assert rows["delta_e"].mean == rows["delta_e"].ci95[1] == 0
    assert rows["own_lpips"].mean == pytest.approx(0, abs=1e-6)
    assert {(row.method, row.split, row.n) for row in rows.values()} == {("ours", "paired", 3)}


def test_worse_pictures_have_worse_figures(judging):
    samples = [worn(number) for number in range(3)]
    levels = []
    for strength in (0, 20, 80):
        pictures = [(one.flat.int() - strength).clamp(0, 255).to(torch.uint8) for one in samples]
        levels.append(by_metric(figures("ours", "paired", pictures, samples, flats_of(samples), judging)))
    for metric, sign in (("ssim", -1), ("psnr", -1), ("own_lpips", 1), ("delta_e", 1)):
        means = [sign * level[metric].mean for level in levels]
        assert means[0] < means[1] < means[2], metric


def test_colours_are_compared_over_the_garments_own_pixels_and_their_middle_is_told(judging):
    samples = [worn(number) for number in range(5)]
    beside = [torch.where(one.flat_mask[..., None], one.flat, 128).to(torch.uint8) for one in samples]
    assert by_metric(figures("ours", "paired", beside, samples, flats_of(samples), judging))["delta_e"].mean == 0
    two_wrong = [torch.where(one.flat_mask[..., None], 0, one.flat).to(torch.uint8) for one in samples[:2]]
    pictures = [*two_wrong, *(one.flat for one in samples[2:])]
    row = by_metric(figures("ours", "paired", pictures, samples, flats_of(samples), judging))["delta_e"]
    assert row.mean == 0 and row.ci95[1] > 10


def test_agreements_are_shares_of_pictures_in_which_each_quality_is_read_as_it_is(judging):
    samples = [worn(number) for number in range(4)]
    words = [{}, {"pattern": "plain"}, {"pattern": "plain", "color": "blue"}, {"pattern": "denim", "cut": "none"}]
    pictures = [told_by(one.flat, **some) for one, some in zip(samples, words, strict=True)]
    rows = by_metric(figures("ours", "street", pictures, samples, flats_of(samples), judging))
    shares = {name: rows[f"{name}_agreement"].mean for name in ("fabric", "cut", "color")}
    assert shares == {"fabric": 0.25, "cut": 0.75, "color": 0.75}


def test_alike_is_what_is_read_as_in_the_garment_itself_though_both_are_wrong(judging):
    samples = [worn(number) for number in range(4)]
    samples = [replace(one, flat=told_by(one.flat, pattern="denim", cut="none")) for one in samples]
    words = [{"pattern": "denim", "cut": "none"}, {"pattern": "plain", "cut": "none"}, {"pattern": "denim"}, {}]
    pictures = [told_by(one.flat, **some) for one, some in zip(samples, words, strict=True)]
    rows = by_metric(figures("ours", "street", pictures, samples, flats_of(samples), judging))
    assert (rows["fabric_alike"].mean, rows["cut_alike"].mean) == (0.5, 0.5)
    assert (rows["fabric_agreement"].mean, rows["cut_agreement"].mean) == (0.25, 0.5)


def test_sets_are_compared_with_other_peoples_garments_where_there_are_enough(judging):
    samples = [worn(number) for number in range(20)]
    others = [worn(number).flat for number in range(100, 120)]
    far = [flat // 8 for flat in others]
    pictures = [one.flat for one in samples]
    rows = [by_metric(figures("floor", "paired", pictures, samples, some, judging))["fd_own"] for some in (others, far)]
    assert rows[0].n == 20 and 0 < rows[0].mean < rows[1].mean
    assert "fd_own" not in by_metric(figures("floor", "paired", pictures[:19], samples[:19], others, judging))


def test_published_metrics_have_rows_where_their_weights_are(monkeypatch, network):
    monkeypatch.setattr(restoration, "pair_distances", lambda: {"dists": lambda a, b: (a - b).abs().mean((1, 2, 3))})
    fid = {"fid": lambda first, second: float((first.mean() - second.mean()).abs())}
    monkeypatch.setattr(restoration, "inception", lambda: (lambda pictures: pictures.mean((2, 3)), fid))
    samples = [worn(number) for number in range(20)]
    white = [torch.full_like(one.flat, 255) for one in samples]
    rows = by_metric(figures("crop", "paired", white, samples, flats_of(samples), judges(network, Reader())))
    assert set(rows) == {*METRICS, "dists", "fid"}
    far = torch.stack([1 - one.flat.float().mean() / 255 for one in samples]).mean().item()
    assert rows["dists"].mean == pytest.approx(far, rel=1e-3) and rows["fid"].mean == pytest.approx(far, rel=1e-3)


# The whole of it


class Blocks:
    """An autoencoder that sees nothing, and shows three channels of latents as they are."""

    def to(self, device):
        return self

    def encode(self, pictures):
        mean = torch.zeros(len(pictures), 16, pictures.shape[2] // 8, pictures.shape[3] // 8)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean))

    def decode(self, latents):
        return SimpleNamespace(sample=latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3))


@pytest.fixture
def quick(monkeypatch, files, network, unpublished):
    """Replace networks by fakes and the wardrobe by small pictures; four samples are enough for a distance between sets."""
    drawn = []

    def draw_worn(seed, indices, progress=None):
        drawn.append((seed, indices))
        if progress:
            progress(len(indices), len(indices))
        return {split: [worn(1000 * number + index) for index in indices] for number, split in enumerate(("paired", "street"))}

    def draw_flats(seed, indices, progress=None):
        drawn.append((seed, indices))
        return [worn(5000 + number).flat for number in range(2 * len(indices))]

    monkeypatch.setattr(restoration, "draw_worn", draw_worn)
    monkeypatch.setattr(restoration, "draw_flats", draw_flats)
    monkeypatch.setattr(restoration, "load_method", lambda method, weights: Fake(list(FILES).index(method)))
    monkeypatch.setattr(restoration, "load_encoder", lambda: network)
    monkeypatch.setattr(restoration, "load_reader", Reader)
    monkeypatch.setattr(base_model, "load_base_model", lambda: SimpleNamespace(reconstruct=lambda pictures: pictures * 0.9))
    monkeypatch.setattr(restorers, "load_vae", Blocks)
    monkeypatch.setattr(restorers, "STEPS", 2)
    monkeypatch.setattr("modiste.lab.evaluation.intervals.GROUPS", 2)
    monkeypatch.setattr(restoration, "GROUPS", 2)
    return drawn


class Told:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.stages, self.steps = [], []

    def start(self, title, index, count):
        self.stages.append((title, index, count))

    def advance(self, done, total):
        self.steps.append((done, total))


def test_every_method_split_and_metric_has_a_row_and_every_goal_is_measured(quick, files, tmp_path):
    for method in FILES:
        files(f"{method}_net")
    told = Told()
    report = systems.evaluate(Request("restoration", 1000, 4, pictures=tmp_path / "pictures", reporter=told))
    methods = (*FILES, "crop", "floor", *(f"ours_{guidance}" for guidance in (1.0, 1.5, 2.0, 2.5, 3.0)))
    found = {(row.method, row.split, row.metric): row for row in report.rows}
    assert found.keys() == {(method, split, metric) for method in methods for split in ("paired", "street") for metric in METRICS}
    assert len(found) == len(report.rows) and all(row.n == 4 for row in report.rows)
    assert "not measured" not in goal_table([replace(goal, count=2) for goal in GOALS], report.rows)
    assert quick == [(1000, range(4)), (1000, range(4, 8))]
    assert [index for _, index, _ in told.stages] == list(range(1, 21)) and {count for *_, count in told.stages} == {20}
    for metric in METRICS:  # what "ours" has
        assert found["ours_2.5", "street", metric].mean == found["ours", "street", metric].mean
    assert found["ours_3.0", "street", "ssim"].mean != found["ours", "street", "ssim"].mean
    assert found["no_fine", "street", "ssim"].mean != found["ours", "street", "ssim"].mean
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == set(SHEETS)
    widths = {"restoration.jpg": 4 * 3, "restoration_methods.jpg": 2 * 8, "restoration_guidance.jpg": 2 * 7}
    for name, across in widths.items():
        with Image.open(tmp_path / "pictures" / name) as sheet:
            assert sheet.width == 4 + across * (WIDTH + 4)


def test_methods_without_weights_are_left_out_and_ours_is_not(quick, files):
    files("concat_net")
    report = systems.evaluate(Request("restoration", 1000, 2))
    assert {row.method for row in report.rows if not row.method.startswith("ours_")} == {"concat", "ours", "crop", "floor"}


def test_the_sweep_is_of_a_few_samples(quick, files, monkeypatch):
    monkeypatch.setattr(restoration, "SWEPT", 2)
    report = systems.evaluate(Request("restoration", 1000, 3))
    counts = {row.method: row.n for row in report.rows}
    assert counts["ours"] == counts["crop"] == counts["floor"] == 3
    assert all(counts[f"ours_{guidance}"] == 2 for guidance in SWEEP)


def test_the_first_sheet_shows_the_best_the_middle_and_the_worst(quick, files, monkeypatch, network, tmp_path):
    sheets = {}
    monkeypatch.setattr(restoration, "ON_SHEET", 2)
    monkeypatch.setattr(restoration, "_save", lambda rows, path, across: sheets.update({path.name: rows}))
    systems.evaluate(Request("restoration", 1000, 4, pictures=tmp_path))

    def far(picture, flat):
        return own_lpips(network, *(tensor.movedim(-1, 0)[None] / 255 for tensor in (picture, flat))).item()

    rows = sheets["restoration.jpg"]
    distances = [far(picture, flat) for _, picture, flat in rows]
    assert len(rows) == 6 and distances == sorted(distances)
    left = [worn(1000 * number + index) for number in (0, 1) for index in range(4)]
    for person, _, flat in rows:
        (place,) = [place for place, one in enumerate(left) if torch.equal(person, one.person)]
        assert torch.equal(left.pop(place).flat, flat)  # each stands there once
    first = sheets["restoration_methods.jpg"][0]
    assert torch.equal(first[1], cropped(worn(0))) and torch.equal(first[-1], worn(0).flat)
    assert len(sheets["restoration_guidance.jpg"][0]) == 1 + len(SWEEP) + 1


@pytest.mark.parametrize("file", ["ours_net", "ours_prompt", "concat_net", "no_fine_prompt"])
def test_samples_that_a_method_learned_from_are_refused(files, file):
    files(file)
    with pytest.raises(ValueError, match=rf"--seed 77 gives the samples that '{file}\.safetensors' learned from"):
        systems.evaluate(Request("restoration", 77, 2))


def test_samples_that_given_weights_learned_from_are_refused(files):
    mine = files("mine_net", "wardrobe, seed 78 and 79, 9 items in shards")
    with pytest.raises(ValueError, match=r"--seed 79 gives the samples that 'mine_net\.safetensors' learned from"):
        systems.evaluate(Request("restoration", 79, 2, weights=mine))
    save_file({"a": torch.zeros(1)}, mine, {"data": "wardrobe, seed 78,", "started_from": '{"data": "wardrobe, seed 80, 9 items"}'})
    with pytest.raises(ValueError, match="--seed 80 gives the samples"):  # in an earlier stage
        systems.evaluate(Request("restoration", 80, 2, weights=mine))


@pytest.mark.parametrize("judge", [ENCODER_FILE, READER_FILE], ids=["encoder", "reader"])
def test_samples_that_a_judge_learned_from_are_refused(files, judge):
    seed = max(learned_seeds(judge))
    with pytest.raises(ValueError, match=f"'{judge.name}' learned from"):
        restoration.evaluate(Request("restoration", seed, 2))


def test_without_ours_there_is_no_table_and_the_missing_file_is_named(files, monkeypatch):
    monkeypatch.setattr(restorers, "new_restorer", lambda kind: None)
    with pytest.raises(FileNotFoundError, match=r"no file 'ours_net\.safetensors'") as error:
        systems.evaluate(Request("restoration", 1000, 2))
    assert "\n" not in str(error.value)


def test_stages_are_told_in_turn_and_to_nobody_where_nobody_listens():
    told = Told()
    stages = Stages(told, 2)
    stages.next("a")(1, 3)
    stages.next("b")
    assert told.stages == [("a", 1, 2), ("b", 2, 2)] and told.steps == [(1, 3)]
    assert Stages(None, 2).next("a") is None
