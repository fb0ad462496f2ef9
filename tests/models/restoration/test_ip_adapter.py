"""IP-Adapter files: which are taken, what they compute, and which are refused without being run."""

import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.torch_version import TorchVersion

from modiste.models.restoration.ip_adapter import image_prompt_of, read_image_prompt

from .conftest import one_sentence, seeded

WIDTH, EMBEDDING, INNER, HEADS, HIDDEN = 20, 12, 10, 2, 28
NARROW = {1: 8, 3: 8, 5: 16, 7: 16, 9: 24, 11: 24} | {13: 24, 15: 24, 17: 24, 19: 16, 21: 16, 23: 16, 25: 8, 27: 8, 29: 8, 31: 24}
SD15 = {number: 40 * channels for number, channels in NARROW.items()} | {9: 1280, 11: 1280, 13: 1280, 15: 1280, 17: 1280, 31: 1280}


def adapter_shapes(channels, width):
    return {f"{number}.to_{kind}_ip.weight": (count, width) for number, count in channels.items() for kind in "kv"}


def base_shapes(channels, width, embedding, tokens=4):
    projection = {"proj.weight": (tokens * width, embedding), "proj.bias": (tokens * width,)}
    norm = {"norm.weight": (width,), "norm.bias": (width,)}
    return {"image_proj": projection | norm, "ip_adapter": adapter_shapes(channels, width)}


def plus_shapes(channels, width, embedding, inner, heads, hidden, depth, tokens=16):
    shapes = {"latents": (1, tokens, inner)}
    for name, (out, into) in {"proj_in": (inner, embedding), "proj_out": (width, inner)}.items():
        shapes |= {f"{name}.weight": (out, into), f"{name}.bias": (out,)}
    shapes |= {"norm_out.weight": (width,), "norm_out.bias": (width,)}
    for layer in range(depth):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes |= {f"layers.{layer}.{norm}.weight": (inner,), f"layers.{layer}.{norm}.bias": (inner,)}
        shapes |= {
            f"layers.{layer}.0.to_q.weight": (64 * heads, inner),
            f"layers.{layer}.0.to_kv.weight": (2 * 64 * heads, inner),
            f"layers.{layer}.0.to_out.weight": (inner, 64 * heads),
            f"layers.{layer}.1.1.weight": (hidden, inner),
            f"layers.{layer}.1.3.weight": (inner, hidden),
        }
    return {"image_proj": shapes, "ip_adapter": adapter_shapes(channels, width)}


def base():
    return filled(base_shapes(NARROW, WIDTH, EMBEDDING))


def plus():
    return filled(plus_shapes(NARROW, WIDTH, EMBEDDING, INNER, HEADS, HIDDEN, depth=2))


def filled(shapes):
    generator = torch.Generator().manual_seed(4)
    return {
        part: {key: torch.randn(shape, generator=generator) / 3 for key, shape in of_part.items()}
        for part, of_part in shapes.items()
    }


def flat(nested):
    return {f"{part}.{key}": tensor for part, tensors in nested.items() for key, tensor in tensors.items()}


def write(nested, folder, kind):
    """Write an adapter in one of the ways in which they are published."""
    if kind == "safetensors":
        path = folder / "adapter.safetensors"
        save_file(flat(nested), path)
    else:
        path = folder / "adapter.bin"
        torch.save(nested, path, _use_new_zipfile_serialization=kind == "zipped bin")
    return path


KINDS = ["safetensors", "zipped bin", "old bin"]


def norm(x, weight, bias):
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / ((x - mean).square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight + bias


def base_tokens(embedding, held):
    tokens = embedding @ held["proj.weight"].T + held["proj.bias"]
    return norm(tokens.reshape(len(embedding), -1, WIDTH), held["norm.weight"], held["norm.bias"])


def plus_tokens(states, held):
    """The perceiver of IP-Adapter plus: tokens ask, the states and the tokens behind them answer."""
    states = states @ held["proj_in.weight"].T + held["proj_in.bias"]
    tokens = held["latents"].repeat(len(states), 1, 1)
    for layer in range(2):

        def part(name, layer=layer):
            return held[f"layers.{layer}.{name}"]

        x = norm(states, part("0.norm1.weight"), part("0.norm1.bias"))
        asking = norm(tokens, part("0.norm2.weight"), part("0.norm2.bias"))
        answering = torch.cat([x, asking], 1) @ part("0.to_kv.weight").T
        q, k, v = asking @ part("0.to_q.weight").T, answering[..., : 64 * HEADS], answering[..., 64 * HEADS :]
        heads = []
        for head in range(HEADS):
            place = slice(64 * head, 64 * (head + 1))
            scores = torch.einsum("bnd,bmd->bnm", q[..., place], k[..., place]) / 8
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            heads.append(weights @ v[..., place])
        tokens = tokens + torch.cat(heads, -1) @ part("0.to_out.weight").T
        y = norm(tokens, part("1.0.weight"), part("1.0.bias")) @ part("1.1.weight").T
        y = y * (1 + torch.erf(y / 2**0.5)) / 2
        tokens = tokens + y @ part("1.3.weight").T
    return norm(tokens @ held["proj_out.weight"].T + held["proj_out.bias"], held["norm_out.weight"], held["norm_out.bias"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("nested", "by_hand", "tokens"), [(base(), base_tokens, 4), (plus(), plus_tokens, 16)], ids=["base", "plus"]
)
def test_a_published_file_gives_the_tokens_keys_and_values_written_out_here(tmp_path, nested, by_hand, tokens, kind):
    prompt = read_image_prompt(write(nested, tmp_path, kind))
    assert prompt.image_encoder is None and not prompt.training
    seen = seeded(2, EMBEDDING) if tokens == 4 else seeded(2, 9, EMBEDDING)
    expected = by_hand(seen, nested["image_proj"])
    assert expected.shape == (2, tokens, WIDTH)
    torch.testing.assert_close(prompt.image_proj(seen), expected, rtol=0, atol=1e-5)
    keys, values = prompt(seen)
    assert len(keys) == 16
    for block, number in {("input", 1): 1, ("input", 8): 11, ("output", 3): 13, ("output", 11): 29, ("middle", 0): 31}.items():
        for found, letter in ((keys, "k"), (values, "v")):
            there = expected @ nested["ip_adapter"][f"{number}.to_{letter}_ip.weight"].T
            torch.testing.assert_close(found[block], there, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_read_as_float32(tmp_path, kind):
    halves = {part: {key: tensor.half() for key, tensor in tensors.items()} for part, tensors in base().items()}
    prompt = read_image_prompt(write(halves, tmp_path, kind))
    assert {weight.dtype for weight in prompt.parameters()} == {torch.float32}
    assert torch.equal(prompt.image_proj.proj.weight, halves["image_proj"]["proj.weight"].float())


@pytest.mark.parametrize(
    ("shapes", "tokens"),
    [
        (base_shapes(SD15, 768, 1024), 4),
        (plus_shapes(SD15, 768, 1280, inner=768, heads=12, hidden=3072, depth=4), 16),
    ],
    ids=["ip-adapter_sd15", "ip-adapter-plus_sd15"],
)
def test_the_full_size_files_fit_sd15_layer_by_layer(sd15_unet, shapes, tokens):
    names = flat(shapes)
    state = {name: torch.empty(shape, dtype=torch.float16) for name, shape in names.items()}
    prompt = image_prompt_of(state, "adapter.safetensors")
    assert {name: tuple(weight.shape) for name, weight in prompt.state_dict().items()} == names
    count = prompt.image_proj.count if tokens == 4 else prompt.image_proj.latents.shape[1]
    assert count == tokens
    for number, name in enumerate(sd15_unet.attn_processors):
        if name.endswith("attn2.processor"):
            layer = sd15_unet.get_submodule(name.removesuffix(".processor"))
            assert prompt.ip_adapter[str(number)].to_k_ip.weight.shape == layer.to_k.weight.shape
            assert prompt.ip_adapter[str(number)].to_v_ip.weight.shape == layer.to_v.weight.shape


def changed(nested, drop=(), more=()):
    """Return a file with some keys less, and with others, given as (key, shape), more."""
    state = {key: tensor for key, tensor in flat(nested).items() if key not in drop} | {
        key: torch.zeros(shape) for key, shape in more
    }
    parts = dict.fromkeys(key.partition(".")[0] for key in state)
    return {part: {key.partition(".")[2]: tensor for key, tensor in state.items() if key.startswith(f"{part}.")} for part in parts}


def layer(number):
    return [f"ip_adapter.{number}.to_{kind}_ip.weight" for kind in "kv"]


PROJECTION = ["image_proj.proj.weight", "image_proj.proj.bias"]
LORA = [("ip_adapter.0.to_q_lora.down.weight", (4, 8)), ("ip_adapter.0.to_q_lora.up.weight", (8, 4))]
TWO_LAYERS = [("image_proj.proj.0.weight", (8, 12)), ("image_proj.proj.2.weight", (20, 8))]
USE = "use an IP-Adapter for SD1.5, base or plus."
SDXL = f"is an IP-Adapter for SDXL: {USE}"
FACE_ID = f"is an IP-Adapter FaceID, which is told a face and not a picture: {USE}"
FULL_FACE = f"is an IP-Adapter full-face, which garments do not go through: {USE}"
UNKNOWN = f"is no image prompt that is known here: {USE}"
REFUSED = {
    "sdxl": (filled(base_shapes(NARROW, 2048, 5)), SDXL),
    "sdxl with its 70 layers": (filled(base_shapes(dict.fromkeys(range(1, 141, 2), 8), 2048, 5)), SDXL),
    "faceid": (changed(base(), (), LORA), FACE_ID),
    "faceid plus": (changed(base(), (), [("image_proj.perceiver_resampler.proj_in.weight", (4, 8))]), FACE_ID),
    "faceid portrait": (changed(base(), PROJECTION, TWO_LAYERS), UNKNOWN),
    "full face": (changed(base(), PROJECTION, [*TWO_LAYERS, ("image_proj.proj.3.weight", (20,))]), FULL_FACE),
    "a missing layer": (changed(base(), layer(7)), f"lacks layer 7 of SD1.5's 16 cross-attentions: {USE}"),
    "no middle": (changed(plus(), layer(31)), f"lacks layer 31 of SD1.5's 16 cross-attentions: {USE}"),
    "missing values": (changed(base(), layer(7)[1:]), UNKNOWN),
    "a missing part": ({"ip_adapter": base()["ip_adapter"]}, UNKNOWN),
    "other weights beside them": (changed(plus(), (), [("image_proj.more.weight", (3, 3))]), UNKNOWN),
    "something else": ({"model": {"input_blocks.0.0.weight": torch.zeros(4, 4, 3, 3)}}, f"holds no IP-Adapter: {USE}"),
}


@pytest.mark.parametrize("kind", ["safetensors", "zipped bin"])
@pytest.mark.parametrize(("nested", "told"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_in_one_sentence(tmp_path, nested, told, kind):
    path = write(nested, tmp_path, kind)
    with pytest.raises(ValueError) as error:
        read_image_prompt(path)
    assert one_sentence(error) == f"'{path.name}' {told}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_file_that_broke_off_is_one_sentence(tmp_path, kind, share):
    path = write(plus(), tmp_path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError) as error:
        read_image_prompt(path)
    assert "adapter" in one_sentence(error)


@given(st.binary(max_size=40))
@example(b"(").via("a mark and nothing marked")
@example(b"G").via("a number cut short")
@example(b"h1").via("what was never remembered")
def test_a_bin_of_any_bytes_is_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "any.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_image_prompt(path)
    assert "'any.bin'" in one_sentence(error)


def test_a_torch_that_cannot_tell_code_from_weights_opens_no_bin(tmp_path, monkeypatch):
    path = write(base(), tmp_path, "bin")
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.5.1+cu121"))
    with pytest.raises(ValueError, match=r"before 2\.6: update PyTorch, or use its \.safetensors file\.$"):
        read_image_prompt(path)


@pytest.mark.parametrize("held", [[1, 2], 5, torch.zeros(3), {"ip_adapter": None}, {"image_proj": 3, "ip_adapter": 5}], ids=str)
def test_a_bin_that_holds_no_tables_of_tensors_is_one_sentence(tmp_path, held):
    torch.save(held, tmp_path / "other.bin")
    with pytest.raises(ValueError, match=r"^'other\.bin' cannot be read as an IP-Adapter: use its \.safetensors file\.$"):
        read_image_prompt(tmp_path / "other.bin")


@pytest.mark.parametrize("name", ["gone.safetensors", "gone.bin"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"^There is no file '{name}' in the folder "):
        read_image_prompt(tmp_path / name)


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".safetensors"])
@pytest.mark.parametrize("way", ["torch", "old torch", "pickle"])
def test_code_in_a_file_is_not_run(tmp_path, suffix, way):
    folder, path = tmp_path / "made", tmp_path / f"adapter{suffix}"
    held = base() | {"more": Code(folder)}
    if way == "pickle":
        path.write_bytes(pickle.dumps(held, protocol=2))
    else:
        torch.save(held, path, _use_new_zipfile_serialization=way == "torch")
    with pytest.raises(ValueError) as error:
        read_image_prompt(path)
    if suffix == ".safetensors":
        assert "damaged or no safetensors file" in str(error.value)
    else:
        assert "which could run code, and is not opened" in one_sentence(error)
    assert not folder.exists()


def test_the_code_in_those_files_would_have_been_noticed(tmp_path):
    function, arguments = Code(tmp_path / "made").__reduce__()
    function(*arguments)  # as a careless reader would
    assert (tmp_path / "made").is_dir()


@given(st.sampled_from(sorted(flat(plus()))), st.lists(st.integers(1, 3), min_size=2, max_size=2))
def test_a_tensor_of_another_size_is_one_sentence(key, size):
    state = flat(plus()) | {key: torch.zeros(size)}
    with pytest.raises(ValueError) as error:
        image_prompt_of(state, "adapter.safetensors")
    one_sentence(error)
