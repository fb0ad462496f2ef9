"""IGR as it is trained: denoiser, GarmNet and image prompt in one module, and the two baselines of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ...models.attention import ADAPTER_ORDER, KeyValueConcat, run_unet, sd15_layers
from ...models.attention.added_attention import keep_input
from ...models.base.architecture import HEAD_WIDTH, PREDICTION, TEXT_WIDTH
from ...models.base.keys import unet_to_diffusers
from ...models.base.tokenizer import padded_tokens
from ...models.restoration.categories import CATEGORIES, PROMPTS
from ...models.restoration.files import DENOISER, NET, check_prompts, save_garm_net, save_image_prompt
from ...models.restoration.garm_net import MASK_CHANNELS, GarmNet, resized_mask, widened
from ...models.restoration.image_encoder import WIDTHS, GarmentEncoder
from ...models.restoration.image_prompt import ImagePrompt, image_prompt_patch, started
from ...models.restoration.projections import Resampler
from ...models.weights.tensors import read_tensors
from .bases import TrainingBase, load_training_base
from .diffusion import as_v
from .low_rank import add_low_rank, load_low_rank, low_rank_state

METHODS = ("ours", "no_garmnet", "concat")
RANK = 12  # of the denoiser's changes, with which GarmNet's file stays under 25 MB
TOKENS = 16  # of the image prompt, as of IP-Adapter plus
CONV_IN = "conv_in."
PARTS = (NET, DENOISER, CONV_IN)
NET_END = "_net.safetensors"  # of the names of files


@dataclass(frozen=True)
class Seen:
    """What was seen of B people.

    category: [B]
    beside:   [B, C + 1, h, w] latents and mask, for what has no other way to see them; or None
    features: of GarmNet by block [B, C, h, w]; keys, values: of the image prompt by block [B, N, C]
    """

    category: Tensor
    beside: Tensor | None = None
    features: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)


class Restorer(nn.Module):
    """Denoises a garment's latents, shown the person.

    unet:     the base's
    garm_net: None in the baselines
    prompt:   None in "concat", which sees the person beside the garment in one picture, as TryOffAnyone does
    text:     [categories + 1, 77, D] states of the prompts, the empty one last
    prediction: what the base's UNet predicts
    """

    def __init__(
        self, unet: nn.Module, garm_net: GarmNet | None, prompt: ImagePrompt | None, text: Tensor, prediction: str = PREDICTION
    ) -> None:
        super().__init__()
        self.unet, self.garm_net, self.prompt, self.prediction = unet, garm_net, prompt, prediction
        self.register_buffer("text", text, persistent=False)  # the base's, not learned

    def see(self, person: Tensor, mask: Tensor, crop: Tensor, category: Tensor) -> Seen:
        """Look at people: latents [B, C, h, w], masks [B, H, W] in 0..1, crops [B, S, S, 3] in 0..1, categories [B].

        An image prompt without an encoder of its own takes what CLIP sees in place of crops.
        """
        if self.prompt is None:
            return Seen(category, torch.cat([person, resized_mask(mask, *person.shape[2:])], 1))
        features = self.garm_net(person, mask, self.text[category]) if self.garm_net else {}
        return Seen(category, None, features, *self.prompt(crop.movedim(-1, 1) if self.prompt.image_encoder else crop))

    def denoise(self, noisy: Tensor, timestep: Tensor, keep: Tensor, seen: Seen) -> Tensor:
        """Return what is predicted [N, C, h, w] of noisy latents at timesteps [N].

        N is a multiple of B: all people, and all of them again. What is not to `keep` [N] bool is told nothing.
        """
        times = len(noisy) // len(seen.category)
        text = self.text[torch.where(keep, seen.category.repeat(times), len(CATEGORIES))]
        if seen.beside is not None:
            person = seen.beside.repeat(times, 1, 1, 1) * keep.view(-1, 1, 1, 1)
            garment = torch.cat([noisy, torch.zeros_like(noisy[:, :MASK_CHANNELS])], 1)
            return run_unet(self.unet, torch.cat([garment, person], -1), timestep, text)[..., : noisy.shape[-1]]
        shown = keep.float().view(-1, 1, 1)
        keys, values = ({block: x.repeat(times, 1, 1) for block, x in many.items()} for many in (seen.keys, seen.values))
        prompt = image_prompt_patch(self.unet, keys, values, mask=shown)
        patches = {"attn2_patch": [keep_input], prompt.hook: [prompt]}
        if seen.features:
            fusion = KeyValueConcat({block: x.repeat(times, 1, 1, 1) for block, x in seen.features.items()}, mask=shown)
            patches[fusion.hook] = [fusion]
        return run_unet(self.unet, noisy, timestep, text, {"patches": patches})


def new_restorer(method: str, rank: int = RANK, base: TrainingBase | None = None, prompt: ImagePrompt | None = None) -> Restorer:
    """Return the network of one of METHODS as training begins: it knows what the base knows.

    base:   the tiny one if none is given
    prompt: an IP-Adapter for that base; without one, a small one with an encoder of its own begins from nothing
    """
    base = base or load_training_base(None)
    unet = base.unet
    layers = [sd15_layers(unet)[layer.block].attn2 for layer in ADAPTER_ORDER]
    garm_net = GarmNet(widened(unet)).learn() if method == "ours" else None
    prompt = None if method == "concat" else prompt or started(layers, _new_prompt(layers))
    unet = widened(unet) if method == "concat" else unet
    add_low_rank(unet, rank)
    if method == "concat":
        unet.conv_in.requires_grad_(True)
    return Restorer(unet, garm_net, prompt, prompt_states(base.text_encoder), base.prediction)


def _new_prompt(layers: list[nn.Module]) -> ImagePrompt:
    """Return the tiny base's image prompt with random weights for cross-attentions in `ADAPTER_ORDER`."""
    heads = TEXT_WIDTH // HEAD_WIDTH
    resampler = Resampler(WIDTHS[-1], TEXT_WIDTH, depth=2, heads=heads, count=TOKENS, width=TEXT_WIDTH, hidden=2 * TEXT_WIDTH)
    return ImagePrompt(GarmentEncoder(), resampler, TEXT_WIDTH, [layer.to_q.in_features for layer in layers])


def guided(model: Restorer, seen: Seen, count: int, guidance: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what predicts v for `ddim` with classifier-free guidance; 1 is without."""
    twice = 2 if guidance != 1 else 1
    keep = torch.arange(twice * count, device=seen.category.device) < count

    def predict(latents: Tensor, timestep: Tensor) -> Tensor:
        found = model.denoise(latents.repeat(twice, 1, 1, 1), timestep.expand(len(keep)), keep, seen).float()
        told, untold = found[:count], found[-count:]
        return as_v(untold + guidance * (told - untold), latents, timestep, model.prediction)

    return predict


@torch.no_grad()
def prompt_states(text_encoder: nn.Module) -> Tensor:
    """Return the states [categories + 1, 77, D] of the categories' prompts and the empty one."""
    return text_encoder(torch.tensor([padded_tokens(text) for text in (*PROMPTS.values(), "")])).last_hidden_state


def net_file(name: Path) -> Path:
    """Return the file of a restorer's GarmNet and changes, by the start of its files' names."""
    return name.with_name(name.name + NET_END)


def prompt_file(name: Path) -> Path:
    return name.with_name(f"{name.name}_prompt.safetensors")


def save_restorer(model: Restorer, name: Path, metadata: Mapping[str, str]) -> None:
    """Write what was trained in fp16: `net_file`, and where there is an image prompt `prompt_file`."""
    more = {CONV_IN + key: value for key, value in model.unet.conv_in.state_dict().items()} if model.prompt is None else {}
    save_garm_net(model.garm_net, low_rank_state(model.unet), net_file(name), metadata, more)
    if model.prompt is not None:
        save_image_prompt(model.prompt, prompt_file(name), metadata)


@torch.no_grad()
def load_restorer(model: Restorer, name: Path) -> None:
    """Fill a restorer with what `save_restorer` wrote.

    Raises:
        FileNotFoundError: if there are no such files.
        ValueError: if they are of another method, or learned other prompts.
    """
    state = read_tensors(net_file(name))
    check_prompts(net_file(name))
    prompt = read_tensors(prompt_file(name)) if model.prompt is not None else {}
    parts = {part: {key.removeprefix(part): value for key, value in state.items() if key.startswith(part)} for part in PARTS}
    try:
        if bool(parts[NET]) != (model.garm_net is not None) or bool(parts[CONV_IN]) != (model.prompt is None):
            raise ValueError("The file has other parts than the network.")
        load_low_rank(model.unet, parts[DENOISER])
        if model.garm_net is not None:
            model.garm_net.unet.load_state_dict(unet_to_diffusers(parts[NET]))
        if model.prompt is None:
            model.unet.conv_in.load_state_dict(parts[CONV_IN])
        else:
            model.prompt.load_state_dict(prompt)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"'{net_file(name)}' is of another method or size: start from a file of the same.") from error
