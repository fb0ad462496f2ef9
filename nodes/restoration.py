"""IGR: a garment restored from a photo of its wearer; core's KSampler does the drawing."""

from __future__ import annotations

from ..host import ADVANCED, Progress, io, loaded, managed, model_files, model_path, run_once, with_lora
from .files import NONE
from .types import GarmentFeaturesType, GarmNetType

CATEGORY = "modiste/restoration"
FROM_MODEL = "from the model"
DENOISERS = "modiste_denoisers"  # in transformer_options: the LoRAs that a MODEL carries, by fingerprint, and how strong


def _window_inputs():
    return [
        io.Float.Input(
            "start_percent",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="When it begins, as a share of the sampling: 0 is the first step.",
            **ADVANCED,
        ),
        io.Float.Input(
            "end_percent",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="When it ends, as a share of the sampling: 1 is the last step.",
            **ADVANCED,
        ),
    ]


class LoadGarmNet(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteLoadGarmNet",
            display_name="Load GarmNet",
            category=CATEGORY,
            description="Load the network that looks at the photo. It belongs to the base that it was trained with; without "
            "one, a model can look for itself.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[FROM_MODEL, *model_files((".safetensors",))],
                    default="modiste_garment_net.safetensors",
                    tooltip="GarmNet's file, in models/modiste or the pack's own. 'from the model' needs none: the model, any "
                    "SD1.5 checkpoint, looks at the photo with its own eyes: expect colours and patterns more than shapes.",
                ),
                io.Model.Input("model", optional=True, tooltip="Only for 'from the model': the SD1.5 model that is to look."),
            ],
            outputs=[GarmNetType.Output("garm_net", display_name="garm_net", tooltip="For GarmNet Encode.")],
        )

    @classmethod
    def execute(cls, file, model=None):
        from ..models.attention import sd15_layers
        from ..models.restoration.features import Looker
        from ..models.restoration.files import load_garm_net

        if file != FROM_MODEL:
            found = load_garm_net(model_path(file))
            return io.NodeOutput(Looker(managed(found.net), denoiser=found.denoiser))
        if model is None:
            raise ValueError("'from the model' has no model: connect an SD1.5 model, or choose a file.")
        sd15_layers(model.get_model_object("diffusion_model"))
        return io.NodeOutput(Looker(model=model))


class GarmNetEncode(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        from ..models.restoration.categories import CATEGORIES

        return io.Schema(
            node_id="ModisteGarmNetEncode",
            display_name="GarmNet Encode",
            category=CATEGORY,
            description="Look at a photo once and remember what is seen of the garment, for every step of the drawing.",
            inputs=[
                GarmNetType.Input("garm_net", tooltip="From Load GarmNet."),
                io.Clip.Input("clip", tooltip="The base's text encoder: the kind of garment is told in words."),
                io.Vae.Input("vae", tooltip="The base's VAE."),
                io.Image.Input(
                    "image",
                    tooltip="The whole photo at full size, not a crop: the part around the mask is taken from it.",
                ),
                io.Mask.Input("mask", tooltip="White on all of the garment to restore: one, or one for each photo, of its size."),
                io.Combo.Input(
                    "garment", options=list(CATEGORIES), default=CATEGORIES[0], tooltip="What kind of garment the mask shows."
                ),
                io.Int.Input(
                    "longest",
                    default=1024,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Pixels of the drawing's longer side: 256 for the tiny base, 768 to 1024 for SD1.5. Smaller photos are "
                    "drawn in their own size.",
                ),
            ],
            outputs=[
                GarmentFeaturesType.Output("features", display_name="features", tooltip="For GarmFus Denoiser."),
                io.Conditioning.Output("positive", display_name="positive", tooltip="The kind of garment in words, for KSampler."),
                io.Conditioning.Output("negative", display_name="negative", tooltip="No words, for KSampler."),
                io.Latent.Output("latent", display_name="latent", tooltip="An empty drawing of the photo's shape, for KSampler."),
            ],
        )

    @classmethod
    def execute(cls, garm_net, clip, vae, image, mask, garment, longest):
        from ..models.restoration.categories import PROMPTS
        from ..models.restoration.photos import checked_masks, closer, limited

        photos, masks = closer(image[..., :3], checked_masks(image, mask), limited(*image.shape[1:3], longest))
        positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in (PROMPTS[garment], ""))
        look = _with_net if garm_net.net is not None else _with_model
        features, latent = look(garm_net, photos, masks, vae, positive)
        return io.NodeOutput(features, positive, negative, {"samples": latent.new_zeros(latent.shape)})


def _with_net(garm_net, photos, masks, vae, positive):
    from ..models.base.architecture import LATENT_SCALE
    from ..models.restoration.features import GarmentFeatures, one_by_one

    latent, text = vae.encode(photos), positive[0][0]
    net = loaded(garm_net.net)
    net.check(latent.shape[1], text.shape[-1])
    first = next(net.parameters())
    latents, masks, text = latent.to(first) * LATENT_SCALE, masks.to(first), text[:1].to(first)
    layers = one_by_one(lambda one: net(latents[one], masks[one], text), len(photos), Progress(len(photos)))
    return GarmentFeatures(layers, None, garm_net.denoiser), latent


def _with_model(garm_net, photos, masks, vae, positive):
    from ..models.attention import FeatureRecorder
    from ..models.restoration.features import GarmentFeatures, one_by_one
    from ..models.restoration.garm_net import check_base
    from ..models.restoration.photos import on_white

    latent = vae.encode(on_white(photos, masks))
    check_base(garm_net.model.get_model_object("diffusion_model"), latent.shape[1], positive[0][0].shape[-1])
    clean = float(garm_net.model.get_model_object("model_sampling").sigma_min)

    def look(one):
        recorder = FeatureRecorder()
        run_once(recorder.install(garm_net.model), latent[one], positive, clean)
        return recorder.features

    return GarmentFeatures(one_by_one(look, len(photos), Progress(len(photos))), masks), latent


class GarmFusDenoiser(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteGarmFusDenoiser",
            display_name="GarmFus Denoiser",
            category=CATEGORY,
            description="Let a model see the garment in all its self-attentions while it draws. LoRA, ControlNet and any sampler "
            "work with it.",
            inputs=[
                io.Model.Input("model", tooltip="The base that GarmNet was trained with; for 'from the model' the same model."),
                GarmentFeaturesType.Input("features", tooltip="From GarmNet Encode."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the garment the model sees: 0 is the plain model, 1 what it was trained for.",
                ),
                *_window_inputs(),
                io.String.Input(
                    "block_weights",
                    default="",
                    tooltip="Strength by block, times the strength above: one number, three (input, middle, output), or 16 in "
                    "running order, with commas. Empty is 1 everywhere.",
                    **ADVANCED,
                ),
            ],
            outputs=[io.Model.Output("patched", display_name="model", tooltip="For KSampler, or the next patch.")],
        )

    @classmethod
    def execute(cls, model, features, strength, start_percent, end_percent, block_weights):
        from ..models.attention import KeyValueConcat, Window
        from ..models.restoration.features import block_weights as read_weights

        weights = read_weights(block_weights)
        window = Window.of(model, start_percent, end_percent)
        fused = KeyValueConcat(features.layers, strength, window, features.mask, weights).install(model)
        if features.denoiser and strength:
            fused = _with_denoiser(fused, features.denoiser, strength)
        return io.NodeOutput(fused)


def _with_denoiser(model, denoiser, strength):
    """Apply a GarmNet's LoRA, but for what another GarmFus Denoiser before this one has applied of it."""
    from ..models.weights.tensors import fingerprint

    applied, name = model.model_options["transformer_options"].get(DENOISERS, {}), fingerprint(denoiser)
    if strength <= applied.get(name, 0.0):
        return model
    model = with_lora(model, denoiser, strength - applied.get(name, 0.0))
    model.model_options["transformer_options"][DENOISERS] = {**applied, name: strength}
    return model


class GarmentImagePrompt(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteGarmentImagePrompt",
            display_name="Garment Image Prompt",
            category=CATEGORY,
            description="Show a model a garment as a picture beside the words: our small image prompt for the tiny base, or an "
            "IP-Adapter for SD1.5 (base or plus).",
            inputs=[
                io.Model.Input("model", tooltip="The tiny base, or an SD1.5 model for an IP-Adapter."),
                io.Combo.Input(
                    "file",
                    options=[NONE, *model_files((".safetensors", ".bin"))],
                    default="modiste_garment_prompt.safetensors",
                    tooltip="modiste_garment_prompt.safetensors for the tiny base. For SD1.5 put ip-adapter_sd15.safetensors or "
                    "ip-adapter-plus_sd15.safetensors into models/modiste. 'none' leaves the model as it is.",
                ),
                io.Image.Input("image", tooltip="The garment alone, from Garment Crop: one, or one for each picture drawn."),
                io.Float.Input(
                    "strength", default=1.0, min=0.0, max=3.0, step=0.05, tooltip="How much the picture counts beside the words."
                ),
                *_window_inputs(),
                io.ClipVision.Input(
                    "clip_vision", optional=True, tooltip="CLIP ViT-H, for IP-Adapters. The tiny base's file brings its own eyes."
                ),
            ],
            outputs=[io.Model.Output("patched", display_name="model", tooltip="For GarmFus Denoiser, or KSampler.")],
        )

    @classmethod
    def execute(cls, model, file, image, strength, start_percent, end_percent, clip_vision=None):
        import torch

        from ..models.attention import Window
        from ..models.restoration.image_prompt import image_prompt_patch
        from ..models.restoration.ip_adapter import read_image_prompt

        if file == NONE:
            return io.NodeOutput(model)
        prompt = read_image_prompt(model_path(file))
        seen = prompt.seen(image[..., :3], clip_vision)
        with torch.no_grad():
            keys, values = prompt(seen)
        unet = model.get_model_object("diffusion_model")
        window = Window.of(model, start_percent, end_percent)
        return io.NodeOutput(image_prompt_patch(unet, keys, values, strength, window).install(model))


NODES = [LoadGarmNet, GarmNetEncode, GarmentImagePrompt, GarmFusDenoiser]
