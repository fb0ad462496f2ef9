"""The bases that garment models are trained on."""

import pytest
import torch
from safetensors.torch import save_file

from modiste.host.headless.diffusion import checkpoints
from modiste.lab.training.bases import CLIP_DEVIATION, CLIP_MEAN, ClipEyes, as_latents, load_training_base
from modiste.lab.training.task import CONFIGS, load_task
from modiste.models.base import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG, load_base


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """The tiny base as a checkpoint, where SD1.5 has its sizes."""
    for name, config in (("SD15_UNET", UNET_CONFIG), ("SD15_VAE", VAE_CONFIG), ("SD15_TEXT", TEXT_CONFIG)):
        monkeypatch.setattr(checkpoints, name, config)
    base = load_base()
    state = {f"{checkpoints.UNET}{key}": weight for key, weight in base.unet.items()}
    state |= {f"{checkpoints.VAE}{key}": weight for key, weight in base.vae.items()}
    state |= {f"{checkpoints.TEXT}{key}": weight for key, weight in base.text.items()}
    save_file(state, tmp_path / "checkpoint.safetensors")
    return tmp_path / "checkpoint.safetensors"


def test_a_checkpoint_predicts_noise_and_the_tiny_base_v(checkpoint):
    tiny, users = load_training_base(None), load_training_base(checkpoint)
    assert (tiny.prediction, users.prediction) == ("v_prediction", "epsilon")
    pictures = torch.randint(0, 256, (2, 64, 48, 3), dtype=torch.uint8)
    latents = as_latents(tiny.vae, pictures)
    assert latents.shape == (2, 16, 8, 6)
    assert torch.equal(latents, as_latents(users.vae, pictures))  # here both have the same weights
    tokens = torch.zeros(1, 77, dtype=torch.long)
    assert torch.equal(tiny.text_encoder(tokens).last_hidden_state, users.text_encoder(tokens).last_hidden_state)


def test_clip_sees_what_an_ip_adapter_takes(tmp_path):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes, image_size=224, patch_size=112, projection_dim=24)).eval()
    model.save_pretrained(tmp_path)
    crops = torch.rand(2, 224, 224, 3)
    pixels = ((crops - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_DEVIATION)).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = model(pixel_values=pixels, output_hidden_states=True)
    assert torch.allclose(ClipEyes(tmp_path, plain=True)(crops), expected.image_embeds, atol=1e-5)
    assert torch.allclose(ClipEyes(tmp_path, plain=False)(crops), expected.hidden_states[-2], atol=1e-5)
    with pytest.raises(ValueError, match="no folder of a CLIP image encoder"):
        ClipEyes(tmp_path / "none", plain=True)


def test_the_papers_settings_are_there():
    task, config = load_task("restoration", CONFIGS / "restoration-sd15.toml")
    assert (config.optimizer, config.learning_rate) == ("adamw", 1e-5)
    assert config.batch * config.accumulation * 4 == 32  # on the paper's four GPUs
    assert task.size == (768, 1024)


@pytest.mark.parametrize("name", ["restoration-half.toml", "restoration.toml", "restoration-gpu.toml", "restoration-fine.toml"])
def test_our_settings_can_be_read(name):
    task, _ = load_task("restoration", CONFIGS / name)
    assert task.curated == (name == "restoration-fine.toml")


def test_a_checkpoint_needs_an_ip_adapter_and_its_eyes(tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text('steps = 1\nbatch = 1\nlearning_rate = 1e-5\n[task]\nbase = "sd15.safetensors"\n')
    with pytest.raises(ValueError, match="go together"):
        load_task("restoration", settings)
