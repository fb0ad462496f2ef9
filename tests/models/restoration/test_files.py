"""GarmNet's files: what comes back, what is refused, and that SD1.5's size has the names and shapes of its checkpoints."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from modiste.models.base import UNET_CONFIG
from modiste.models.base.keys import unet_to_ldm
from modiste.models.restoration import files
from modiste.models.restoration.categories import PROMPTS
from modiste.models.restoration.files import load_garm_net, save_garm_net, save_image_prompt
from modiste.models.restoration.garm_net import build_garm_net
from modiste.models.restoration.image_encoder import GarmentEncoder
from modiste.models.restoration.image_prompt import ImagePrompt
from modiste.models.restoration.ip_adapter import read_image_prompt
from modiste.models.restoration.projections import Resampler
from modiste.models.weights.tensors import read_metadata

from .conftest import one_sentence, seeded


@pytest.fixture(scope="module")
def tiny_net():
    torch.manual_seed(0)
    return build_garm_net(UNET_CONFIG)


def ldm_layout(in_channels, out_channels=4, width=320, text=768):
    """Return the names and shapes of an SD1.5 checkpoint's UNet, from the plan of its network: 3 levels with attention and one
    without, two residual blocks a level on the way down and three on the way up."""
    shapes = {}

    def layer(name, *shape, bias=True):
        shapes[f"{name}.weight"] = shape
        if bias:
            shapes[f"{name}.bias"] = shape[:1]

    def resnet(name, into, out):
        layer(f"{name}.in_layers.0", into)
        layer(f"{name}.in_layers.2", out, into, 3, 3)
        layer(f"{name}.emb_layers.1", out, 4 * width)
        layer(f"{name}.out_layers.0", out)
        layer(f"{name}.out_layers.3", out, out, 3, 3)
        if into != out:
            layer(f"{name}.skip_connection", out, into, 1, 1)

    def transformer(name, channels):
        block = f"{name}.transformer_blocks.0"
        layer(f"{name}.norm", channels)
        layer(f"{name}.proj_in", channels, channels, 1, 1)
        layer(f"{name}.proj_out", channels, channels, 1, 1)
        for kind, of in (("attn1", channels), ("attn2", text)):
            layer(f"{block}.{kind}.to_q", channels, channels, bias=False)
            layer(f"{block}.{kind}.to_k", channels, of, bias=False)
            layer(f"{block}.{kind}.to_v", channels, of, bias=False)
            layer(f"{block}.{kind}.to_out.0", channels, channels)
        layer(f"{block}.ff.net.0.proj", 8 * channels, channels)
        layer(f"{block}.ff.net.2", channels, 4 * channels)
        for number in (1, 2, 3):
            layer(f"{block}.norm{number}", channels)

    layer("time_embed.0", 4 * width, width)
    layer("time_embed.2", 4 * width, 4 * width)
    layer("input_blocks.0.0", width, in_channels, 3, 3)
    skips, now, place = [width], width, 0
    for level, times in enumerate((1, 2, 4, 4)):
        for _ in range(2):
            place += 1
            resnet(f"input_blocks.{place}.0", now, times * width)
            now = times * width
            if level < 3:
                transformer(f"input_blocks.{place}.1", now)
            skips.append(now)
        if level < 3:
            place += 1
            layer(f"input_blocks.{place}.0.op", now, now, 3, 3)
            skips.append(now)
    resnet("middle_block.0", now, now)
    transformer("middle_block.1", now)
    resnet("middle_block.2", now, now)
    place = 0
    for level, times in ((3, 4), (2, 4), (1, 2), (0, 1)):
        for number in range(3):
            resnet(f"output_blocks.{place}.0", now + skips.pop(), times * width)
            now = times * width
            if level < 3:
                transformer(f"output_blocks.{place}.1", now)
            if level and number == 2:
                layer(f"output_blocks.{place}.{2 if level < 3 else 1}.conv", now, now, 3, 3)
            place += 1
    layer("out.0", width)
    layer("out.2", out_channels, width, 3, 3)
    return shapes


def shapes_of(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def test_a_plain_sd15_has_the_layout_that_is_written_out_here(sd15_unet):
    layout = ldm_layout(4)
    assert len(layout) == 686 and layout["input_blocks.0.0.weight"] == (320, 4, 3, 3)  # as in the published checkpoint
    assert shapes_of(unet_to_ldm(sd15_unet.state_dict())) == layout


def test_a_garm_net_for_sd15_is_written_with_one_channel_more_and_all_else_alike(sd15_net, tmp_path, monkeypatch):
    written = {}
    monkeypatch.setattr(files, "save_half", lambda state, path, metadata: written.update(state))
    save_garm_net(sd15_net, {}, tmp_path / "net.safetensors", {})
    assert written["garm_net.input_blocks.0.0.weight"].shape == (320, 5, 3, 3)
    assert shapes_of(written) == {f"garm_net.{name}": shape for name, shape in ldm_layout(5).items()}


def test_a_garm_net_file_for_sd15_is_known_by_its_shapes_and_fits(tmp_path, monkeypatch):
    """On the meta device, where weights have shapes and take no memory."""

    def without_memory(build, state):
        with torch.device("meta"):
            module = build()
        module.load_state_dict(state, assign=True)
        return module

    held = {f"garm_net.{name}": torch.empty(shape, device="meta") for name, shape in ldm_layout(5).items()}
    monkeypatch.setattr(files, "read_tensors", lambda path: held)
    monkeypatch.setattr(files, "read_metadata", lambda path: {})
    monkeypatch.setattr(files, "filled", without_memory)
    net = load_garm_net(tmp_path / "net.safetensors").net
    assert net.unet.config.block_out_channels == (320, 640, 1280, 1280)
    assert net.text_width == 768
    net.check(channels=4, width=768)


def test_what_is_written_comes_back_to_the_bit_of_half_precision(tiny_net, tmp_path):
    path = tmp_path / "net.safetensors"
    denoiser = {"diffusion_model.middle_block.1.proj_in.lora_up.weight": seeded(128, 2)}
    save_garm_net(tiny_net, denoiser, path, {"trained": "no"}, {"conv_in.bias": seeded(3)})
    loaded = load_garm_net(path)
    assert not loaded.net.unet.training and not any(weight.requires_grad for weight in loaded.net.parameters())
    expected = tiny_net.unet.state_dict()
    assert expected.keys() == loaded.net.unet.state_dict().keys()
    assert all(torch.equal(weight, expected[name].half().float()) for name, weight in loaded.net.unet.state_dict().items())
    assert loaded.denoiser.keys() == denoiser.keys()
    assert all(torch.equal(loaded.denoiser[name], tensor.half()) for name, tensor in denoiser.items())
    assert read_metadata(path) == {"trained": "no", "kind": "garm-net", "prompts": json.dumps(PROMPTS)}
    content = load_file(path)
    assert {tensor.dtype for tensor in content.values()} == {torch.float16}
    assert torch.equal(content["conv_in.bias"], seeded(3).half())


def test_what_learned_other_prompts_is_refused(tiny_net, tmp_path, monkeypatch):
    save_garm_net(tiny_net, {}, tmp_path / "net.safetensors", {})
    monkeypatch.setattr(files, "PROMPTS", {**PROMPTS, "lower": "trousers"})
    with pytest.raises(ValueError) as error:
        load_garm_net(tmp_path / "net.safetensors")
    assert one_sentence(error).startswith("'net.safetensors' learned other words for garments")


def test_an_image_prompt_comes_back_through_the_readers_of_adapters(tmp_path):
    torch.manual_seed(0)
    resampler = Resampler(embedding=160, inner=16, depth=2, heads=1, count=5, width=20, hidden=24)
    prompt = ImagePrompt(GarmentEncoder(), resampler, 20, [8] * 8 + [16] * 8)
    torch.nn.init.normal_(prompt.image_encoder.position)
    save_image_prompt(prompt, tmp_path / "prompt.safetensors", {"trained": "no"})
    assert read_metadata(tmp_path / "prompt.safetensors") == {"trained": "no", "kind": "garment-prompt"}
    loaded, expected = read_image_prompt(tmp_path / "prompt.safetensors"), prompt.half().float().eval()
    assert loaded.state_dict().keys() == prompt.state_dict().keys()
    crops = torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        for found, there in zip(loaded(crops), expected(crops), strict=True):
            assert all(torch.equal(found[block], there[block]) for block in there)


OTHER_SIZE = "is a GarmNet of another size than SD1.5 and the tiny base: choose another."
NO_NET = "holds no GarmNet: choose a file that 'modiste.py train restoration' wrote."
FIRST, LAST = "garm_net.input_blocks.0.0.weight", "garm_net.out.2.bias"
REFUSED = {
    "half as wide as SD1.5": ({FIRST: torch.zeros(160, 5, 3, 3)}, OTHER_SIZE),
    "as wide as SD1.5, with the tiny base's latents": ({FIRST: torch.zeros(320, 17, 3, 3)}, OTHER_SIZE),
    "without a mask": ({FIRST: torch.zeros(64, 16, 3, 3)}, OTHER_SIZE),
    "without the rest": ({FIRST: torch.zeros(64, 17, 3, 3)}, OTHER_SIZE),
    "with other layers": ({FIRST: torch.zeros(64, 17, 3, 3), "garm_net.double_blocks.0.weight": torch.zeros(1)}, OTHER_SIZE),
    "of another shape altogether": ({FIRST: torch.zeros(64)}, OTHER_SIZE),
    "without the first layer": ({LAST: torch.zeros(16)}, NO_NET),
    "a plain UNet": ({FIRST.removeprefix("garm_net."): torch.zeros(320, 4, 3, 3)}, NO_NET),
    "a denoiser alone": ({"denoiser.diffusion_model.out.2.lora_up.weight": torch.zeros(16, 2)}, NO_NET),
}


@pytest.mark.parametrize(("state", "told"), REFUSED.values(), ids=REFUSED)
def test_files_without_a_garm_net_that_fits_are_refused_in_one_sentence(tmp_path, state, told):
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(ValueError) as error:
        load_garm_net(tmp_path / "other.safetensors")
    assert one_sentence(error) == f"'other.safetensors' {told}"


def test_a_baselines_file_holds_no_garm_net(tmp_path):
    save_garm_net(None, {"diffusion_model.out.2.lora_up.weight": torch.ones(16, 2)}, tmp_path / "concat.safetensors", {})
    with pytest.raises(ValueError, match=r"^'concat\.safetensors' holds no GarmNet"):
        load_garm_net(tmp_path / "concat.safetensors")


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^There is no file 'gone\.safetensors' in the folder ") as error:
        load_garm_net(tmp_path / "gone.safetensors")
    one_sentence(error)
    (tmp_path / "broken.safetensors").write_bytes(bytes(100))
    with pytest.raises(ValueError, match=r"broken\.safetensors' cannot be read .*: it is damaged or no safetensors file\.$"):
        load_garm_net(tmp_path / "broken.safetensors")


def test_weights_that_fp16_cannot_hold_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="is too large for fp16"):
        save_garm_net(None, {"diffusion_model.out.2.lora_up.weight": torch.full((1,), 1e6)}, tmp_path / "net.safetensors", {})
    assert not list(tmp_path.iterdir())
