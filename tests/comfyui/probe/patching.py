"""The nodes, for either host: `io` is its schema, `pack` imports a module of the pack by its dotted name."""

import torch


def features(attention, shape):
    """Return made-up numbers for each block, the same everywhere: `shape(layer, channels)` gives their shape."""
    generator = torch.Generator().manual_seed(5)
    channels = (64, 128, 128, 64)
    return {layer.block: 3 * torch.randn(shape(layer, channels[layer.level]), generator=generator) for layer in attention.LAYERS}


def patching_nodes(io, pack):
    class ProbePatch(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="ProbePatch",
                inputs=[
                    io.Model.Input("model"),
                    io.String.Input("kind", default="concat"),
                    io.Float.Input("strength", default=1.0),
                    io.Float.Input("start_percent", default=0.0),
                    io.Float.Input("end_percent", default=1.0),
                ],
                outputs=[io.Model.Output("patched", display_name="patched")],
            )

        @classmethod
        def execute(cls, model, kind, strength, start_percent, end_percent):
            attention = pack("models.attention")
            settings = {"strength": strength, "window": attention.Window.of(model, start_percent, end_percent)}
            if kind == "concat":
                maps = features(attention, lambda layer, channels: (1, channels, *layer.grid(16, 12)))
                patch = attention.KeyValueConcat(maps, **settings)
            else:
                tokens = features(attention, lambda layer, channels: (1, 10, channels))
                patch = attention.AddedAttention(model.get_model_object("diffusion_model"), tokens, tokens, kind=kind, **settings)
            return io.NodeOutput(patch.install(model))

    class ProbeRecorded(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="ProbeRecorded",
                inputs=[
                    io.Model.Input("model"),
                    io.Conditioning.Input("conditioning"),
                    io.Latent.Input("latent"),
                    io.Float.Input("sigma", default=0.1),
                ],
                outputs=[io.Model.Output("patched", display_name="patched"), io.Latent.Output("seen", display_name="seen")],
            )

        @classmethod
        def execute(cls, model, conditioning, latent, sigma):
            attention = pack("models.attention")
            recorder = attention.FeatureRecorder()
            samples = latent["samples"]
            seen = pack("host").run_once(recorder.install(model), samples, conditioning, sigma)
            return io.NodeOutput(attention.KeyValueConcat(recorder.features).install(model), {"samples": seen})

    return [ProbePatch, ProbeRecorded]
