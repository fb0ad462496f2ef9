"""SD1.5 checkpoints: the full size by names and shapes alone, the way through a file at the tiny base's size."""

import pytest
import torch
from safetensors.torch import save_file

from modiste.host.headless.diffusion import checkpoints
from modiste.models.base import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG
from modiste.models.base.keys import unet_to_diffusers, unet_to_ldm, vae_to_diffusers, vae_to_ldm


def shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.fixture(scope="module")
def full():
    """SD1.5's UNet, VAE and text encoder, which take no memory."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        return (
            UNet2DConditionModel(**checkpoints.SD15_UNET),
            AutoencoderKL(**checkpoints.SD15_VAE),
            CLIPTextModel(CLIPTextConfig(**checkpoints.SD15_TEXT)),
        )


@pytest.fixture
def tiny_sizes(monkeypatch):
    monkeypatch.setattr(checkpoints, "SD15_UNET", UNET_CONFIG)
    monkeypatch.setattr(checkpoints, "SD15_VAE", VAE_CONFIG)
    monkeypatch.setattr(checkpoints, "SD15_TEXT", TEXT_CONFIG)


@pytest.fixture
def tiny_state(unet, autoencoder, encoder):
    """What a checkpoint with the tiny base's weights holds."""
    text = {f"text_model.{name.removeprefix('text_model.')}": weight for name, weight in encoder.state_dict().items()}
    parts = [
        ("model.diffusion_model.", unet_to_ldm(unet.state_dict())),
        ("first_stage_model.", vae_to_ldm(autoencoder.state_dict())),
        ("cond_stage_model.transformer.", text | {"text_model.embeddings.position_ids": torch.arange(77)[None]}),
        ("model_ema.", {"decay": torch.ones(1)}),
    ]
    return {prefix + name: weight.contiguous() for prefix, part in parts for name, weight in part.items()}


def test_the_full_size_is_sd15s(full):
    """The numbers of weights are those of runwayml/stable-diffusion-v1-5."""
    assert [sum(weight.numel() for weight in module.parameters()) for module in full] == [859_520_964, 83_653_863, 123_060_480]


def test_the_full_size_has_sd15s_norms(full):
    norms = [norm for module in full[:2] for norm in module.modules() if isinstance(norm, torch.nn.GroupNorm)]
    assert len(norms) > 100 and {norm.num_groups for norm in norms} == {32}


def test_full_size_names_are_read_as_diffusers_own_converter_reads_them(full):
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

    unet, vae, _ = full
    ldm = unet_to_ldm(unet.state_dict())
    assert len(ldm) == 686 and ldm["input_blocks.0.0.weight"].shape == (320, 4, 3, 3)
    theirs = convert_ldm_unet_checkpoint({checkpoints.UNET + name: weight for name, weight in ldm.items()}, dict(unet.config))
    assert shapes(unet_to_diffusers(ldm)) == shapes(theirs) == shapes(unet.state_dict())
    ldm = vae_to_ldm(vae.state_dict())
    assert len(ldm) == 248 and ldm["encoder.mid.attn_1.q.weight"].shape == (512, 512, 1, 1)
    theirs = convert_ldm_vae_checkpoint({checkpoints.VAE + name: weight for name, weight in ldm.items()}, dict(vae.config))
    assert shapes(vae_to_diffusers(ldm)) == shapes(theirs) == shapes(vae.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.usefixtures("tiny_sizes")
def test_a_file_comes_back_as_the_modules_it_was_made_of(unet, autoencoder, encoder, tiny_state, tmp_path, dtype):
    state = {name: weight.to(dtype) if weight.is_floating_point() else weight for name, weight in tiny_state.items()}
    save_file(state, tmp_path / "sd15.safetensors")
    model, clip, vae = checkpoints.load_checkpoint(tmp_path / "sd15.safetensors")
    assert model.model_sampling.prediction == "epsilon"
    loaded = [(model.weights.module, unet), (vae.autoencoder, autoencoder), (clip.weights.module, encoder)]
    for (got, made), rounding in zip(loaded, (dtype, dtype, torch.float16), strict=True):
        expected = {name: weight.to(rounding).float() for name, weight in made.named_parameters()}
        parameters = dict(got.named_parameters())
        assert parameters.keys() == expected.keys()
        assert all(torch.equal(parameters[name], weight) for name, weight in expected.items())


@pytest.mark.usefixtures("tiny_sizes")
def test_early_files_name_the_text_encoder_without_its_prefix(tiny_state):
    state = {name.replace("transformer.text_model.", "transformer."): weight for name, weight in tiny_state.items()}
    _, _, encoder = checkpoints.build_checkpoint(state, "a.safetensors")
    assert sum(weight.numel() for weight in encoder.parameters()) > 0


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (f"{checkpoints.UNET}input_blocks.0.0.weight", (320, 9, 3, 3)),  # inpainting
        (f"{checkpoints.UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", (320, 1024)),  # SD2
        (f"{checkpoints.UNET}double_blocks.0.img_attn.qkv.weight", (1, 1)),
    ],
)
def test_another_kind_of_checkpoint_is_one_sentence(name, shape):
    state = {
        f"{checkpoints.UNET}input_blocks.0.0.weight": torch.empty(320, 4, 3, 3),
        f"{checkpoints.UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": torch.empty(320, 768),
    }
    state = state | {name: torch.empty(shape)} if name in state else {name: torch.empty(shape)}
    with pytest.raises(ValueError, match=r"^'a.safetensors' is not an SD1.5 checkpoint, .*\.$"):
        checkpoints.build_checkpoint(state, "a.safetensors")


@pytest.mark.usefixtures("tiny_sizes")
@pytest.mark.parametrize(
    ("prefix", "part"), [(checkpoints.VAE, "VAE"), (checkpoints.TEXT, "text encoder"), (f"{checkpoints.UNET}out.2", "UNet")]
)
def test_a_missing_part_is_named(tiny_state, prefix, part):
    state = {name: weight for name, weight in tiny_state.items() if not name.startswith(prefix)}
    with pytest.raises(ValueError, match=rf"^The {part} in 'a.safetensors' is missing or is not SD1.5's: "):
        checkpoints.build_checkpoint(state, "a.safetensors")
