"""The tiny base model: a Stable Diffusion in miniature that comes with the pack."""

from __future__ import annotations

from ..host import base_model, io


class LoadModisteBase(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteLoadBase",
            display_name="Load Modiste Base",
            category="modiste/base",
            description="The small model that comes with this pack: it draws simple dressed people and garments, on any machine. "
            "Swap it for Load Checkpoint and your own SD1.5 model when the workflow stands.",
            outputs=[
                io.Model.Output("model", display_name="model", tooltip="SD1.5 in miniature, for KSampler and LoRA loaders."),
                io.Clip.Output("clip", display_name="clip", tooltip="Its text encoder, for CLIP Text Encode."),
                io.Vae.Output("vae", display_name="vae", tooltip="Its VAE, for VAE Decode and VAE Encode."),
            ],
        )

    @classmethod
    def execute(cls):
        return io.NodeOutput(*base_model())


NODES = [LoadModisteBase]
