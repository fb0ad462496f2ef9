"""ComfyUI's KSampler and its advanced sibling, with the ids, inputs and results of core, on diffusers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import io
from .errors import listing
from .progress import Progress

if TYPE_CHECKING:
    from .diffusion.guidance import Conditioning
    from .diffusion.model import HeadlessModel
    from .diffusion.sampling import Run

Latents = dict[str, Any]  # {"samples": [B, C, h, w], "noise_mask": [M, 1, H, W] where there is one}

# The part of core's lists that runs here; what the names stand for is in diffusion/samplers.py and diffusion/schedules.py.
SAMPLERS = ["euler", "ddim", "dpmpp_2m"]
SCHEDULERS = ["normal", "karras", "ddim_uniform"]
LARGEST_SEED = 2**64 - 1


class KSampler(io.ComfyNode):
    """Noise, as the seed gives it, to latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KSampler",
            display_name="KSampler",
            category="sampling",
            inputs=[
                io.Model.Input("model"),
                *_common("seed"),
                io.Float.Input("denoise", default=1.0, min=0.0, max=1.0, step=0.01),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str, scheduler: str) -> bool | str:
        return _check_choices(sampler_name, scheduler)

    @classmethod
    def execute(
        cls,
        model: HeadlessModel,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Latents,
        denoise: float,
    ) -> io.NodeOutput:
        from .diffusion.sampling import Run

        run = Run(seed, steps, cfg, sampler_name, scheduler, denoise)
        return _sampled(model, positive, negative, latent_image, run)


class KSamplerAdvanced(io.ComfyNode):
    """A part of a run: from one step to another, with or without new noise, and what noise is left."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KSamplerAdvanced",
            display_name="KSampler (Advanced)",
            category="sampling",
            inputs=[
                io.Model.Input("model"),
                io.Combo.Input("add_noise", options=["enable", "disable"]),
                *_common("noise_seed"),
                io.Int.Input("start_at_step", default=0, min=0, max=10000),
                io.Int.Input("end_at_step", default=10000, min=0, max=10000),
                io.Combo.Input("return_with_leftover_noise", options=["disable", "enable"]),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str, scheduler: str) -> bool | str:
        return _check_choices(sampler_name, scheduler)

    @classmethod
    def execute(
        cls,
        model: HeadlessModel,
        add_noise: str,
        noise_seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Latents,
        start_at_step: int,
        end_at_step: int,
        return_with_leftover_noise: str,
    ) -> io.NodeOutput:
        from .diffusion.sampling import Run

        run = Run(
            noise_seed,
            steps,
            cfg,
            sampler_name,
            scheduler,
            first=start_at_step,
            last=end_at_step,
            full_denoise=return_with_leftover_noise == "disable",
            add_noise=add_noise == "enable",
        )
        return _sampled(model, positive, negative, latent_image, run)


def _sampled(
    model: HeadlessModel, positive: Conditioning, negative: Conditioning, latent_image: Latents, run: Run
) -> io.NodeOutput:
    from .diffusion.sampling import ksample

    progress = Progress(run.steps)
    samples = ksample(model, positive, negative, latent_image["samples"], run, latent_image.get("noise_mask"), progress)
    return io.NodeOutput(latent_image | {"samples": samples})


def _check_choices(sampler: str, scheduler: str) -> bool | str:
    """Say of a choice that core has and this host lacks which ones there are; linked values arrive as None."""
    for kind, chosen, known in (("sampler", sampler, SAMPLERS), ("scheduler", scheduler, SCHEDULERS)):
        if chosen is not None and chosen not in known:
            return f"The {kind} '{chosen}' needs ComfyUI: choose {listing(known)}, or run this workflow in ComfyUI."
    return True


def _common(seed: str) -> list[io.Input]:
    """Return the inputs that both nodes have, in core's order."""
    return [
        io.Int.Input(seed, default=0, min=0, max=LARGEST_SEED, control_after_generate=True),
        io.Int.Input("steps", default=20, min=1, max=10000),
        io.Float.Input("cfg", default=8.0, min=0.0, max=100.0, step=0.1, round=0.01),
        io.Combo.Input("sampler_name", options=SAMPLERS),
        io.Combo.Input("scheduler", options=SCHEDULERS),
        io.Conditioning.Input("positive"),
        io.Conditioning.Input("negative"),
        io.Latent.Input("latent_image"),
    ]


NODES = [KSampler, KSamplerAdvanced]
