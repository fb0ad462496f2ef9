"""ComfyUI's diffusion nodes that our templates use, with the ids, inputs and results of core, on diffusers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import io
from .core_nodes import LARGEST
from .folders import core_model_files, core_model_path

if TYPE_CHECKING:
    from torch import Tensor

    from .diffusion.clip import HeadlessClip
    from .diffusion.guidance import Conditioning
    from .diffusion.model import HeadlessModel
    from .diffusion.vae import HeadlessVae

Latents = dict[str, Any]  # {"samples": [B, C, h, w], "noise_mask": [M, 1, H, W] where there is one}


class CheckpointLoaderSimple(io.ComfyNode):
    """An SD1.5 checkpoint of the checkpoints folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CheckpointLoaderSimple",
            display_name="Load Checkpoint",
            category="loaders",
            inputs=[io.Combo.Input("ckpt_name", options=core_model_files("checkpoints"))],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
        )

    @classmethod
    def validate_inputs(cls, ckpt_name: str) -> bool:
        core_model_path("checkpoints", ckpt_name)
        return True

    @classmethod
    def fingerprint_inputs(cls, ckpt_name: str) -> str:
        return _fingerprint("checkpoints", ckpt_name)

    @classmethod
    def execute(cls, ckpt_name: str) -> io.NodeOutput:
        from .diffusion.checkpoints import load_checkpoint

        return io.NodeOutput(*load_checkpoint(core_model_path("checkpoints", ckpt_name)))


class LoraLoader(io.ComfyNode):
    """A LoRA of the loras folder on a model and its text encoder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoraLoader",
            display_name="Load LoRA",
            category="loaders",
            inputs=[
                io.Model.Input("model"),
                io.Clip.Input("clip"),
                io.Combo.Input("lora_name", options=core_model_files("loras")),
                _strength("strength_model"),
                _strength("strength_clip"),
            ],
            outputs=[io.Model.Output(), io.Clip.Output()],
        )

    @classmethod
    def validate_inputs(cls, lora_name: str) -> bool:
        core_model_path("loras", lora_name)
        return True

    @classmethod
    def fingerprint_inputs(cls, lora_name: str, **others: Any) -> str:
        return _fingerprint("loras", lora_name)

    @classmethod
    def execute(
        cls, model: HeadlessModel, clip: HeadlessClip, lora_name: str, strength_model: float, strength_clip: float
    ) -> io.NodeOutput:
        from .diffusion.lora import with_lora

        return io.NodeOutput(*with_lora(model, clip, core_model_path("loras", lora_name), strength_model, strength_clip))


class LoraLoaderModelOnly(io.ComfyNode):
    """A LoRA of the loras folder on a model alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoraLoaderModelOnly",
            display_name="LoraLoaderModelOnly",
            category="loaders",
            inputs=[
                io.Model.Input("model"),
                io.Combo.Input("lora_name", options=core_model_files("loras")),
                _strength("strength_model"),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def validate_inputs(cls, lora_name: str) -> bool:
        return LoraLoader.validate_inputs(lora_name)

    @classmethod
    def fingerprint_inputs(cls, lora_name: str, **others: Any) -> str:
        return _fingerprint("loras", lora_name)

    @classmethod
    def execute(cls, model: HeadlessModel, lora_name: str, strength_model: float) -> io.NodeOutput:
        from .diffusion.lora import with_lora

        return io.NodeOutput(with_lora(model, None, core_model_path("loras", lora_name), strength_model, 0.0)[0])


class CLIPTextEncode(io.ComfyNode):
    """A prompt as conditioning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CLIPTextEncode",
            display_name="CLIP Text Encode (Prompt)",
            category="conditioning",
            inputs=[io.String.Input("text", multiline=True, dynamic_prompts=True), io.Clip.Input("clip")],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, text: str, clip: HeadlessClip) -> io.NodeOutput:
        return io.NodeOutput(clip.encode_from_tokens_scheduled(clip.tokenize(text)))


class CLIPSetLastLayer(io.ComfyNode):
    """A CLIP that stops some layers before its last."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CLIPSetLastLayer",
            display_name="CLIP Set Last Layer",
            category="conditioning",
            inputs=[io.Clip.Input("clip"), io.Int.Input("stop_at_clip_layer", default=-1, min=-24, max=-1, step=1)],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, clip: HeadlessClip, stop_at_clip_layer: int) -> io.NodeOutput:
        clip = clip.clone()
        clip.clip_layer(stop_at_clip_layer)
        return io.NodeOutput(clip)


class ConditioningCombine(io.ComfyNode):
    """Two conditionings whose predictions are averaged."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ConditioningCombine",
            display_name="Conditioning (Combine)",
            category="conditioning",
            inputs=[io.Conditioning.Input("conditioning_1"), io.Conditioning.Input("conditioning_2")],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, conditioning_1: Conditioning, conditioning_2: Conditioning) -> io.NodeOutput:
        return io.NodeOutput(conditioning_1 + conditioning_2)


class EmptyLatentImage(io.ComfyNode):
    """Latents of zeros."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmptyLatentImage",
            display_name="Empty Latent Image",
            category="latent",
            inputs=[_size("width", 16), _size("height", 16), io.Int.Input("batch_size", default=1, min=1, max=4096)],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int) -> io.NodeOutput:
        import torch

        return io.NodeOutput({"samples": torch.zeros(batch_size, 4, height // 8, width // 8)})


class LatentUpscale(io.ComfyNode):
    """Latents at another size, given in pixels; a width or height of 0 keeps the shape, both 0 the latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentUpscale",
            display_name="Upscale Latent",
            category="latent",
            inputs=[
                io.Latent.Input("samples"),
                io.Combo.Input("upscale_method", options=["nearest-exact", "bilinear", "area", "bicubic"]),
                _size("width", 0),
                _size("height", 0),
                io.Combo.Input("crop", options=["disabled", "center"]),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latents, upscale_method: str, width: int, height: int, crop: str) -> io.NodeOutput:
        from .images import scale

        if width == 0 and height == 0:
            return io.NodeOutput(samples)
        latents = samples["samples"]
        rows, columns = latents.shape[2:]
        width = max(64, width or round(columns * max(64, height) / rows))
        height = max(64, height or round(rows * width / columns))
        scaled = scale(latents.movedim(1, -1), width // 8, height // 8, upscale_method, crop == "center").movedim(-1, 1)
        return io.NodeOutput(samples | {"samples": scaled})


class SetLatentNoiseMask(io.ComfyNode):
    """Latents that change only where the mask is 1."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SetLatentNoiseMask",
            display_name="Set Latent Noise Mask",
            category="latent/inpaint",
            inputs=[io.Latent.Input("samples"), io.Mask.Input("mask")],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Latents, mask: Tensor) -> io.NodeOutput:
        return io.NodeOutput(samples | {"noise_mask": mask.reshape(-1, 1, *mask.shape[-2:])})


class VAEEncode(io.ComfyNode):
    """Images as latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VAEEncode",
            display_name="VAE Encode",
            category="latent",
            inputs=[io.Image.Input("pixels"), io.Vae.Input("vae")],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, pixels: Tensor, vae: HeadlessVae) -> io.NodeOutput:
        return io.NodeOutput({"samples": vae.encode(pixels[..., :3])})


class VAEDecode(io.ComfyNode):
    """Latents as images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VAEDecode",
            display_name="VAE Decode",
            category="latent",
            inputs=[io.Latent.Input("samples"), io.Vae.Input("vae")],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, samples: Latents, vae: HeadlessVae) -> io.NodeOutput:
        return io.NodeOutput(vae.decode(samples["samples"]))


def _strength(name: str) -> io.Input:
    return io.Float.Input(name, default=1.0, min=-100.0, max=100.0, step=0.01)


def _size(name: str, least: int) -> io.Input:
    return io.Int.Input(name, default=512, min=least, max=LARGEST, step=8)


def _fingerprint(kind: str, name: str) -> str:
    from ...models.files import fingerprint

    return fingerprint(core_model_path(kind, name))


NODES = [
    CheckpointLoaderSimple,
    LoraLoader,
    LoraLoaderModelOnly,
    CLIPTextEncode,
    CLIPSetLastLayer,
    ConditioningCombine,
    EmptyLatentImage,
    LatentUpscale,
    SetLatentNoiseMask,
    VAEEncode,
    VAEDecode,
]
