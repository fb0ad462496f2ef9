"""Garment restoration in a real ComfyUI: core draws the latents that the headless host draws, and looks at a photo once."""

import pytest
import torch
from safetensors.torch import load_file

from .conftest import api_prompt
from .test_base import assert_same, both_hosts, sampler

PERSON = {"seed": 11, "width": 96, "height": 128}  # wears a shirt and trousers
WIDTHS = {"base": ("ModisteLoadBase", {}), "empty": ("EmptyLatentImage", {"width": 96, "height": 128, "batch_size": 2})}


def restoration():
    """Return the nodes of a restoration up to what KSampler takes, of a shirt."""
    photo = {"image": ["person", 0], "mask": ["person", 1]}
    looking = {"clip": ["base", 1], "vae": ["base", 2]} | photo
    return WIDTHS | {
        "person": ("ModistePersonPhoto", PERSON),
        "net": ("ModisteLoadGarmNet", {}),
        "own eyes": ("ModisteLoadGarmNet", {"file": "from the model", "model": ["base", 0]}),
        "crop": ("ModisteGarmentCrop", photo),
        "seen": ("ModisteGarmNetEncode", {"garm_net": ["net", 0], "garment": "upper"} | looking),
        "seen by itself": ("ModisteGarmNetEncode", {"garm_net": ["own eyes", 0], "garment": "upper"} | looking),
        "prompted": ("ModisteGarmentImagePrompt", {"model": ["base", 0], "image": ["crop", 0]}),
        "positive": ("CLIPTextEncode", {"clip": ["base", 1], "text": "a shirt on a white background"}),
        "negative": ("CLIPTextEncode", {"clip": ["base", 1], "text": ""}),
    }


FUSED = {
    "garment net": {"model": ["prompted", 0], "features": ["seen", 0]},
    "half strength": {"model": ["base", 0], "features": ["seen", 0], "strength": 0.5, "end_percent": 0.6},
    "without the middle": {"model": ["base", 0], "features": ["seen", 0], "block_weights": "1, 0, 1"},
    "own eyes": {"model": ["base", 0], "features": ["seen by itself", 0]},
    "strength zero": {"model": ["base", 0], "features": ["seen", 0], "strength": 0.0},
}


@pytest.fixture(scope="module")
def drawn(server, object_info):
    nodes = restoration() | {f"fuse {name}": ("ModisteGarmFusDenoiser", links) for name, links in FUSED.items()}
    nodes |= {f"draw {name}": sampler(model=(f"fuse {name}", 0), cfg=1.5) for name in FUSED}
    nodes |= {"draw prompt alone": sampler(model=("prompted", 0), cfg=1.5), "draw plain": sampler(cfg=1.5)}
    return both_hosts(server, object_info, nodes, {name: [name, 0] for name in nodes if name.startswith("draw ")})


@pytest.mark.parametrize("name", [*FUSED, "prompt alone", "plain"])
def test_both_hosts_restore_alike(drawn, name):
    assert_same(drawn[f"draw {name}"])


@pytest.mark.parametrize("name", [name for name in [*FUSED, "prompt alone"] if name != "strength zero"])
def test_the_garment_changes_what_comfyui_draws(drawn, name):
    assert (drawn[f"draw {name}"][0] - drawn["draw plain"][0]).abs().max() > 0.01


def test_at_strength_zero_comfyui_draws_the_same_to_the_bit(drawn):
    assert torch.equal(drawn["draw strength zero"][0], drawn["draw plain"][0])


BESIDE = {
    "PerturbedAttentionGuidance": {"scale": 3.0},
    "TomePatchModel": {"ratio": 0.3},
}


def test_cores_own_patches_of_attention_work_behind_it(server, object_info):
    nodes = restoration() | {"fused": ("ModisteGarmFusDenoiser", FUSED["garment net"]), "draw fused": sampler(model=("fused", 0))}
    for name, settings in BESIDE.items():
        nodes |= {name: (name, settings | {"model": ["fused", 0]}), f"draw {name}": sampler(model=(name, 0))}
    saves = {f"save {name}": ("SaveLatent", {"samples": [f"draw {name}", 0]}) for name in ("fused", *BESIDE)}
    outputs = server.run(api_prompt(object_info, **nodes, **saves))
    fused, *others = (load_file(server.file(outputs[save]["latents"][0]))["latent_tensor"] for save in saves)
    for latent in others:
        assert latent.isfinite().all()
        assert (latent - fused).abs().max() > 0.01
