"""The tiny base in a real ComfyUI: core's own nodes take it, and give the numbers that the headless host gives."""

import importlib
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from modiste.host.headless import io
from modiste.host.headless.executor import Executor
from modiste.host.headless.listing import CORE_NODES, by_id
from modiste.host.headless.session import Session
from modiste.models.base import load_base
from modiste.models.base.architecture import LATENT_SCALE
from modiste.models.base.keys import unet_to_diffusers
from modiste.nodes import NODES

from .conftest import api_prompt
from .probe.patching import patching_nodes

SAMPLERS = ("euler", "ddim", "dpmpp_2m")
SCHEDULES = ("normal", "karras", "ddim_uniform")
TOLERANCE = 1e-4  # max abs, in latents as the model knows them, of a standard deviation of 1
PROMPTS = {
    "positive": "a (striped:1.3) blue T-shirt, [dull] \\(plain\\) jeans, " + "very " * 90 + "nice",  # weights, and two chunks
    "negative": "grey",
}


class SaveLatent(io.ComfyNode):
    """Core's node in name only: here its input is read from the results of the run."""

    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="SaveLatent", inputs=[io.Latent.Input("samples")], outputs=[], is_output_node=True)

    @classmethod
    def execute(cls, samples):
        return io.NodeOutput()


def both_hosts(server, object_info, nodes, wanted):
    """Run nodes in both hosts and return the latents of the `wanted` outputs, name -> (ComfyUI's, headless's)."""
    saves = {f"save {name}": ("SaveLatent", {"samples": link}) for name, link in wanted.items()}
    prompt = api_prompt(object_info, **nodes, **saves)
    outputs = server.run(prompt)
    theirs = {name: load_file(server.file(outputs[f"save {name}"]["latents"][0]))["latent_tensor"] for name in wanted}
    for name in saves:
        del prompt[name]["inputs"]["filename_prefix"]
    probes = patching_nodes(io, lambda module: importlib.import_module(f"modiste.{module}"))
    results = Executor(by_id([*NODES, *CORE_NODES, SaveLatent, *probes]), Session(base=server.base)).run(prompt).results
    return {name: (theirs[name], results[node].outputs[slot][0]["samples"]) for name, (node, slot) in wanted.items()}


def assert_same(latents):
    theirs, ours = latents
    assert theirs.shape == ours.shape
    assert theirs.std() > 0.1
    assert LATENT_SCALE * (theirs - ours).abs().max() <= TOLERANCE


def base(size=(96, 128), count=2, prompts=PROMPTS):
    """Return the nodes of a workflow up to what KSampler takes."""
    texts = {name: ("CLIPTextEncode", {"clip": ["base", 1], "text": text}) for name, text in prompts.items()}
    width, height = size
    return {
        "base": ("ModisteLoadBase", {}),
        "empty": ("EmptyLatentImage", {"width": width, "height": height, "batch_size": count}),
        **texts,
    }


def sampler(model=("base", 0), latent=("empty", 0), **settings):
    links = {"model": [*model], "latent_image": [*latent], "positive": ["positive", 0], "negative": ["negative", 0]}
    return "KSampler", links | {"seed": 7, "steps": 6, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal"} | settings


def picture(server):
    """Put a picture into the input folder and return its name."""
    pixels = np.random.default_rng(0).integers(0, 256, (128, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(server.base / "input" / "noise.png")
    return "noise.png"


@pytest.fixture(scope="module")
def sampled(server, object_info):
    """Latents of every sampler with every schedule."""
    runs = {f"{name} {schedule}": sampler(sampler_name=name, scheduler=schedule) for name in SAMPLERS for schedule in SCHEDULES}
    return both_hosts(server, object_info, base() | runs, {name: [name, 0] for name in runs})


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_both_hosts_sample_the_same_latents(sampled, name, schedule):
    assert_same(sampled[f"{name} {schedule}"])


VARIANTS = {
    "no guidance": sampler(cfg=1.0),
    "half denoised": sampler(latent=("encoded", 0), denoise=0.5, sampler_name="dpmpp_2m", scheduler="karras"),
    "masked": sampler(latent=("inpaint", 0), denoise=0.8),
    "masked ddim": sampler(latent=("inpaint", 0), sampler_name="ddim", scheduler="ddim_uniform"),
    "skipped layer": ("KSampler", sampler()[1] | {"positive": ["skipped", 0]}),
    "two prompts": ("KSampler", sampler()[1] | {"positive": ["combined", 0]}),
    "enlarged": sampler(latent=("larger", 0), denoise=0.6),
    "a seed of 64 bits": sampler(seed=2**64 - 1),
    "odd size": sampler(latent=("odd", 0)),
}


@pytest.fixture(scope="module")
def varied(server, object_info):
    """Latents of runs that differ from the plain one in a single thing, and what VAEEncode and VAEDecode give."""
    nodes = base() | {
        "image": ("LoadImage", {"image": picture(server)}),
        "mask": ("LoadImageMask", {"image": picture(server), "channel": "red"}),
        "encoded": ("VAEEncode", {"pixels": ["image", 0], "vae": ["base", 2]}),
        "inpaint": ("SetLatentNoiseMask", {"samples": ["encoded", 0], "mask": ["mask", 0]}),
        "clip": ("CLIPSetLastLayer", {"clip": ["base", 1], "stop_at_clip_layer": -2}),
        "skipped": ("CLIPTextEncode", {"clip": ["clip", 0], "text": "a hat"}),
        "combined": ("ConditioningCombine", {"conditioning_1": ["skipped", 0], "conditioning_2": ["negative", 0]}),
        "larger": (
            "LatentUpscale",
            {"samples": ["encoded", 0], "width": 128, "height": 192, "upscale_method": "bilinear", "crop": "disabled"},
        ),
        "odd": ("EmptyLatentImage", {"width": 104, "height": 72, "batch_size": 1}),
        "decoded": ("VAEDecode", {"samples": ["half denoised", 0], "vae": ["base", 2]}),
        "there and back": ("VAEEncode", {"pixels": ["decoded", 0], "vae": ["base", 2]}),
    }
    wanted = {name: [name, 0] for name in [*VARIANTS, "encoded", "there and back"]}
    return both_hosts(server, object_info, nodes | VARIANTS, wanted)


@pytest.mark.parametrize("name", [*VARIANTS, "encoded", "there and back"])
def test_both_hosts_agree_on(varied, name):
    assert_same(varied[name])


@pytest.fixture(scope="module")
def advanced(server, object_info):
    """A run cut in two by KSamplerAdvanced."""
    common = {"noise_seed": 7, "steps": 6, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal", "model": ["base", 0]}
    common |= {"positive": ["positive", 0], "negative": ["negative", 0]}
    leftover = {"end_at_step": 3, "return_with_leftover_noise": "enable", "latent_image": ["empty", 0]}
    rest = {"start_at_step": 3, "add_noise": "disable", "latent_image": ["first", 0]}
    nodes = base() | {"first": ("KSamplerAdvanced", common | leftover), "second": ("KSamplerAdvanced", common | rest)}
    return both_hosts(server, object_info, nodes, {name: [name, 0] for name in ("first", "second")})


@pytest.mark.parametrize("part", ["first", "second"])
def test_both_hosts_split_a_run_alike(advanced, part):
    assert_same(advanced[part])


def write_lora(folder):
    """Write a LoRA with kohya's names for some layers of each sort."""
    weights = load_base()
    unet = {name.removesuffix(".weight"): weight for name, weight in unet_to_diffusers(weights.unet).items()}
    text = {name.removesuffix(".weight"): weight for name, weight in weights.text.items()}
    generator = torch.Generator().manual_seed(3)
    state = {}

    def add(prefix, layer, shape):
        name = prefix + layer.replace(".", "_")
        state[f"{name}.lora_down.weight"] = torch.randn(4, *shape[1:], generator=generator) / shape[1] ** 0.5
        state[f"{name}.lora_up.weight"] = torch.randn(shape[0], 4, *[1] * len(shape[2:]), generator=generator) / 8
        state[f"{name}.alpha"] = torch.tensor(2.0)

    block = "down_blocks.1.attentions.0.transformer_blocks.0"
    layers = ("attn1.to_q", "attn1.to_k", "attn1.to_out.0", "attn2.to_v", "ff.net.0.proj", "ff.net.2")
    for layer in (*(f"{block}.{name}" for name in layers), "mid_block.attentions.0.proj_in", "up_blocks.1.resnets.0.conv1"):
        add("lora_unet_", layer, unet[layer].shape)
    for layer in ("self_attn.q_proj", "mlp.fc1"):
        add("lora_te_", f"text_model.encoder.layers.1.{layer}", text[f"text_model.encoder.layers.1.{layer}"].shape)
    folder.mkdir(exist_ok=True)
    save_file(state, folder / "tiny.safetensors")
    return "tiny.safetensors"


def test_both_hosts_apply_a_lora_alike(server, object_info):
    name = write_lora(server.base / "models" / "loras")
    settings = {"model": ["base", 0], "clip": ["base", 1], "lora_name": name}
    nodes = base(prompts={"negative": ""}) | {
        "lora": ("LoraLoader", settings | {"strength_model": 0.8, "strength_clip": 0.6}),
        "positive": ("CLIPTextEncode", {"clip": ["lora", 1], "text": "a red dress"}),
        "with": sampler(model=("lora", 0)),
        "without": sampler(),
    }
    latents = both_hosts(server, object_info, nodes, {name: [name, 0] for name in ("with", "without")})
    assert_same(latents["with"])
    assert_same(latents["without"])  # the LoRA went onto a clone
    assert (latents["with"][0] - latents["without"][0]).abs().max() > 0.1


def write_controlnet(folder):
    """Write a ControlNet of the base's shape in the original layout: a copy of the UNet's way down, and made-up new layers."""
    unet = load_base().unet
    state = {name: weight for name, weight in unet.items() if name.startswith(("time_embed", "input_blocks", "middle_block"))}
    generator = torch.Generator().manual_seed(4)

    def convolution(name, outputs, inputs, size):
        state[f"{name}.weight"] = torch.randn(outputs, inputs, size, size, generator=generator) / (inputs * size * size) ** 0.5
        state[f"{name}.bias"] = torch.zeros(outputs)

    hint = (3, 16, 16, 32, 32, 96, 96, 256, unet["input_blocks.0.0.weight"].shape[0])
    for index, (inputs, outputs) in enumerate(pairwise(hint)):
        convolution(f"input_hint_block.{2 * index}", outputs, inputs, 3)
    for index, width in enumerate([64, 64, 64, 64, 128, 128, 128, 128, 128, 128, 64, 64]):
        convolution(f"zero_convs.{index}.0", width, width, 1)
    convolution("middle_block_out.0", 64, 64, 1)
    folder.mkdir(exist_ok=True)
    save_file({f"control_model.{name}": weight.half().contiguous() for name, weight in state.items()}, folder / "tiny.safetensors")
    return "tiny.safetensors"


def test_core_runs_a_controlnet_of_this_shape(server, object_info):
    name = write_controlnet(server.base / "models" / "controlnet")
    links = {"positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["net", 0], "image": ["image", 0]}
    controlled = {"positive": ["controlled", 0], "negative": ["controlled", 1]}
    nodes = base(count=1) | {
        "image": ("LoadImage", {"image": picture(server)}),
        "net": ("ControlNetLoader", {"control_net_name": name}),
        "controlled": ("ControlNetApplyAdvanced", links),
        "with": ("KSampler", sampler()[1] | controlled),
        "without": sampler(),
    }
    saves = {f"save {run}": ("SaveLatent", {"samples": [run, 0]}) for run in ("with", "without")}
    outputs = server.run(api_prompt(object_info, **nodes, **saves))
    latents = [load_file(server.file(outputs[save]["latents"][0]))["latent_tensor"] for save in saves]
    assert all(latent.isfinite().all() for latent in latents)
    assert (latents[0] - latents[1]).abs().max() > 0.1


PATCHES = {
    "concat": {"kind": "concat"},
    "added": {"kind": "attn1", "strength": 0.7},
    "added beside text": {"kind": "attn2"},
    "first half": {"kind": "concat", "end_percent": 0.5},
    "second half": {"kind": "attn1", "start_percent": 0.5},
}
SILENT = {
    "concat of strength 0": {"kind": "concat", "strength": 0.0},
    "added of strength 0": {"kind": "attn1", "strength": 0.0},
}


@pytest.fixture(scope="module")
def patched(server, object_info):
    """Latents with patches of the pack: alone, on a LoRA, stacked, and with features recorded in a run of the same model."""
    probes = PATCHES | SILENT
    patches = {f"patch {name}": ("ProbePatch", {"model": ["base", 0]} | settings) for name, settings in probes.items()}
    nodes = base() | patches | {name: sampler(model=(f"patch {name}", 0)) for name in probes}
    lora = {"model": ["patch added", 0], "lora_name": write_lora(server.base / "models" / "loras"), "strength_model": 1.0}
    nodes |= {
        "plain": sampler(),
        "lora": ("LoraLoaderModelOnly", lora),
        "under a lora": sampler(model=("lora", 0)),
        "second patch": ("ProbePatch", {"model": ["lora", 0], "kind": "concat"}),
        "stacked": sampler(model=("second patch", 0)),
        "no guidance": sampler(model=("second patch", 0), cfg=1.0),
        "recorder": ("ProbeRecorded", {"model": ["base", 0], "conditioning": ["positive", 0], "latent": ["plain", 0]}),
        "recorded": sampler(model=("recorder", 0)),
    }
    runs = [*probes, "plain", "under a lora", "stacked", "no guidance", "recorded"]
    return both_hosts(server, object_info, nodes, {name: [name, 0] for name in runs} | {"seen": ["recorder", 1]})


@pytest.mark.parametrize("name", [*PATCHES, "under a lora", "stacked", "no guidance", "recorded", "seen"])
def test_both_hosts_run_a_patch_alike(patched, name):
    assert_same(patched[name])


@pytest.mark.parametrize("name", [*PATCHES, "under a lora", "stacked", "recorded"])
def test_a_patch_changes_what_comfyui_draws(patched, name):
    assert (patched[name][0] - patched["plain"][0]).abs().max() > 0.01


@pytest.mark.parametrize("name", SILENT)
def test_at_strength_zero_comfyui_draws_the_same_to_the_bit(patched, name):
    assert torch.equal(patched[name][0], patched["plain"][0])
