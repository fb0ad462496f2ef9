"""The diffusion nodes of core that run headless, as a workflow uses them."""

import pytest
import torch
from safetensors.torch import save_file

from modiste.host.headless import core_nodes_diffusion, core_nodes_sampling, io
from modiste.host.headless.diffusion import checkpoints
from modiste.host.headless.diffusion.clip import HeadlessClip
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.host.headless.diffusion.vae import HeadlessVae
from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.schema import object_info
from modiste.models import base


@pytest.fixture(scope="module")
def tiny():
    """A randomly initialised MODEL, CLIP and VAE."""
    torch.manual_seed(0)
    modules = [build().eval().requires_grad_(False) for build in (base.build_unet, base.build_text_encoder, base.build_vae)]
    return HeadlessModel(modules[0], "v_prediction"), HeadlessClip(modules[1]), HeadlessVae(modules[2])


@pytest.fixture
def workflow(node, session, monkeypatch, tiny):
    """A text-to-image workflow whose checkpoint is the tiny base."""
    folder = session.base / "models" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "sd15.safetensors").touch()
    monkeypatch.setattr(checkpoints, "load_checkpoint", lambda path: tiny)
    return {
        "load": node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors"),
        "yes": node("CLIPTextEncode", text="a (red:1.2) skirt", clip=["load", 1]),
        "no": node("CLIPTextEncode", text="", clip=["load", 1]),
        "empty": node("EmptyLatentImage", width=128, height=136, batch_size=2),
        "sample": node(
            "KSampler",
            model=["load", 0],
            positive=["yes", 0],
            negative=["no", 0],
            latent_image=["empty", 0],
            seed=3,
            steps=2,
            cfg=4.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["load", 2]),
        "show": node("Show", value=["decode", 0]),
    }


def result(executor, workflow, name="decode"):
    return executor.run(workflow).results[name].outputs[0][0]


def changed(workflow, name, **inputs):
    return workflow | {name: workflow[name] | {"inputs": workflow[name]["inputs"] | inputs}}


def test_text_becomes_images(executor, workflow):
    image = result(executor, workflow)
    assert image.shape == (2, 136, 128, 3)
    assert 0 <= image.min() < image.max() <= 1
    assert not torch.equal(image[0], image[1])


def test_changing_the_seed_runs_the_sampler_and_what_follows_only(executor, workflow):
    assert executor.run(workflow).nodes_run == 7
    assert executor.run(changed(workflow, "sample", seed=4)).nodes_run == 3


def test_image_to_image_keeps_the_image_with_no_denoising(executor, workflow, node, tiny):
    image = result(executor, workflow)
    workflow |= {
        "encode": node("VAEEncode", pixels=["decode", 0], vae=["load", 2]),
        "again": workflow["sample"] | {"inputs": workflow["sample"]["inputs"] | {"latent_image": ["encode", 0], "denoise": 0.0}},
        "show": node("Show", value=["again", 0]),
    }
    assert torch.equal(result(executor, workflow, "again")["samples"], tiny[2].encode(image))


def test_the_advanced_sampler_in_two_parts_is_the_simple_one(executor, workflow, node):
    common = {key: value for key, value in workflow["sample"]["inputs"].items() if key not in ("seed", "denoise")}
    common |= {"noise_seed": 3}
    first = node(
        "KSamplerAdvanced",
        **common | {"add_noise": "enable", "start_at_step": 0, "end_at_step": 1, "return_with_leftover_noise": "enable"},
    )
    second = node(
        "KSamplerAdvanced",
        **common
        | {"add_noise": "disable", "start_at_step": 1, "end_at_step": 10000, "return_with_leftover_noise": "disable"}
        | {"latent_image": ["first", 0]},
    )
    whole = result(executor, workflow, "sample")["samples"]
    workflow |= {"first": first, "second": second, "show": node("Show", value=["second", 0])}
    assert torch.allclose(result(executor, workflow, "second")["samples"], whole, atol=1e-3)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"sampler_name": "heun"}, "The sampler 'heun' needs ComfyUI: choose euler, ddim, dpmpp_2m"),
        ({"scheduler": "beta"}, "The scheduler 'beta' needs ComfyUI: choose normal, karras, ddim_uniform"),
    ],
)
def test_a_choice_that_only_core_has_is_one_sentence(executor, workflow, inputs, problem):
    with pytest.raises(WorkflowError) as caught:
        executor.run(changed(workflow, "sample", **inputs))
    assert caught.value.problems == (f"KSampler (#sample): {problem}, or run this workflow in ComfyUI.",)


def test_a_checkpoint_that_is_not_there_names_its_folder(executor, workflow, session):
    with pytest.raises(WorkflowError, match=r"There is no file 'b.safetensors' in the model folder '.*checkpoints': "):
        executor.run(changed(workflow, "load", ckpt_name="b.safetensors"))


@pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/passwd"])
def test_a_checkpoint_outside_its_folder_is_refused(executor, workflow, name):
    with pytest.raises(WorkflowError, match="leads out of the model folder"):
        executor.run(changed(workflow, "load", ckpt_name=name))


def test_a_run_stops_at_the_next_step_when_cancelled(executor, workflow, session):
    class Cancels:
        def start(self, title, index, count):
            pass

        def advance(self, done, total):
            assert (done, total) == (1, 2)
            session.cancelled.set()

    session.reporter = Cancels()
    with pytest.raises(KeyboardInterrupt):
        executor.run(workflow)


def test_a_lora_changes_the_picture_and_strength_zero_does_not(executor, workflow, node, session):
    folder = session.base / "models" / "loras"
    folder.mkdir(parents=True)
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    generator = torch.Generator().manual_seed(0)
    up, down = torch.randn(64, 2, generator=generator), torch.randn(2, 64, generator=generator)
    save_file({f"{layer}.lora_up.weight": up, f"{layer}.lora_down.weight": down}, folder / "a.safetensors")
    plain = result(executor, workflow, "sample")["samples"]

    def with_lora(strength):
        lora = node(
            "LoraLoader", model=["load", 0], clip=["load", 1], lora_name="a.safetensors", strength_model=strength, strength_clip=1.0
        )
        return result(executor, changed(workflow, "sample", model=["lora", 0]) | {"lora": lora}, "sample")["samples"]

    assert torch.equal(with_lora(0.0), plain)
    assert not torch.allclose(with_lora(1.0), plain, atol=1e-3)
    only = node("LoraLoaderModelOnly", model=["load", 0], lora_name="a.safetensors", strength_model=1.0)
    changed_only = changed(workflow, "sample", model=["lora", 0]) | {"lora": only}
    assert torch.equal(result(executor, changed_only, "sample")["samples"], with_lora(1.0))


def test_a_clip_that_stops_early_gives_other_conditioning(executor, workflow, node):
    workflow |= {"skip": node("CLIPSetLastLayer", clip=["load", 1], stop_at_clip_layer=-2)}
    plain = result(executor, workflow, "yes")
    skipped = result(executor, changed(workflow, "yes", clip=["skip", 0]), "yes")
    assert not torch.allclose(plain[0][0], skipped[0][0], atol=0.1)


def run_alone(node_class, **inputs):
    return node_class.execute(**inputs).args[0]


def test_conditionings_join_in_order():
    assert run_alone(core_nodes_diffusion.ConditioningCombine, conditioning_1=[1, 2], conditioning_2=[3]) == [1, 2, 3]


def test_latents_take_sizes_in_pixels():
    latent = run_alone(core_nodes_diffusion.EmptyLatentImage, width=100, height=64, batch_size=3)
    assert torch.equal(latent["samples"], torch.zeros(3, 4, 8, 12))


@pytest.mark.parametrize(
    ("width", "height", "crop", "expected"),
    [
        (128, 64, "disabled", (8, 16)),
        (0, 256, "disabled", (32, 32)),  # core takes the latent's shape for pixels here: 16 * 256 / 16
        (8, 8, "disabled", (8, 8)),  # never below 64 pixels
        (256, 64, "center", (8, 32)),
    ],
)
def test_latents_are_resized(width, height, crop, expected):
    samples = {"samples": torch.rand(1, 4, 16, 16), "noise_mask": "kept"}
    scaled = run_alone(
        core_nodes_diffusion.LatentUpscale, samples=samples, upscale_method="bilinear", width=width, height=height, crop=crop
    )
    assert scaled["samples"].shape == (1, 4, *expected) and scaled["noise_mask"] == "kept"


def test_latents_keep_their_size_when_none_is_given():
    samples = {"samples": torch.rand(1, 4, 16, 16)}
    given = {"upscale_method": "area", "width": 0, "height": 0, "crop": "disabled"}
    assert run_alone(core_nodes_diffusion.LatentUpscale, samples=samples, **given) is samples


def test_a_noise_mask_joins_the_latents():
    samples = {"samples": torch.zeros(1, 4, 8, 8)}
    masked = run_alone(core_nodes_diffusion.SetLatentNoiseMask, samples=samples, mask=torch.ones(2, 5, 6))
    assert masked["noise_mask"].shape == (2, 1, 5, 6) and "noise_mask" not in samples


def test_the_sampler_takes_cores_inputs_in_cores_order():
    """As ComfyUI's own /object_info lists them; a saved workflow gives the values of widgets by place alone."""
    info = object_info(core_nodes_sampling.KSampler)
    assert info["input_order"] == {
        "required": [
            "model",
            "seed",
            "steps",
            "cfg",
            "sampler_name",
            "scheduler",
            "positive",
            "negative",
            "latent_image",
            "denoise",
        ]
    }
    assert info["input"]["required"]["seed"] == [
        "INT",
        {"default": 0, "min": 0, "max": 18446744073709551615, "control_after_generate": True},
    ]
    assert info["output"] == ["LATENT"] and issubclass(core_nodes_sampling.KSampler, io.ComfyNode)
