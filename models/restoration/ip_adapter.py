"""Image prompts from files: IP-Adapter's for SD1.5 (base and plus) as published, and ours, which bring their own image encoder.

Keys are `image_proj.*` and `ip_adapter.{i}.to_{k,v}_ip.weight`, i = 1, 3, ... 31 in diffusers' order of the cross-attentions;
in ours also `image_encoder.*`. Published `.bin` files hold the same, in two nested dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ..attention import ADAPTER_ORDER
from ..base.files import filled
from ..weights.pickles import read_plain
from ..weights.tensors import read_tensors
from .image_encoder import GarmentEncoder
from .image_prompt import ImagePrompt
from .projections import HEAD_WIDTH, Projection, Resampler

PARTS = ("image_encoder", "image_proj", "ip_adapter")
NUMBERS = tuple(str(2 * n + 1) for n in range(len(ADAPTER_ORDER)))
SDXL_WIDTH = 2048  # of SDXL's text, which an image prompt's tokens stand beside

State = Mapping[str, Tensor]


def read_image_prompt(path: Path) -> ImagePrompt:
    """Return a file's image prompt, in float32 and for use.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, or is not of a kind that SD1.5-shaped models take; the sentence says which it is.
    """
    return image_prompt_of(_state(path), path.name)


def image_prompt_of(state: State, name: str) -> ImagePrompt:
    """Return the image prompt that flat tensors hold; errors as of `read_image_prompt`, `name` being the file's."""
    _check_kind(state, name)

    def build() -> ImagePrompt:
        width = state["ip_adapter.1.to_k_ip.weight"].shape[1]
        channels = [len(state[f"ip_adapter.{number}.to_k_ip.weight"]) for number in NUMBERS]
        encoder = GarmentEncoder() if any(key.startswith("image_encoder.") for key in state) else None
        return ImagePrompt(encoder, _projection(state, width), width, channels)

    try:
        return filled(build, state)
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RuntimeError) as error:  # whatever a file may hold
        raise ValueError(f"'{name}' is no image prompt that is known here: use an IP-Adapter for SD1.5, base or plus.") from error


def _projection(state: State, width: int) -> nn.Module:
    if "image_proj.latents" not in state:
        embedding = state["image_proj.proj.weight"].shape[1]
        return Projection(embedding, len(state["image_proj.proj.weight"]) // width, width)
    _, count, inner = state["image_proj.latents"].shape
    return Resampler(
        embedding=state["image_proj.proj_in.weight"].shape[1],
        inner=inner,
        depth=1 + max(int(key.split(".")[2]) for key in state if key.startswith("image_proj.layers.")),
        heads=len(state["image_proj.layers.0.0.to_q.weight"]) // HEAD_WIDTH,
        count=count,
        width=width,
        hidden=len(state["image_proj.layers.0.1.1.weight"]),
    )


def _check_kind(state: State, name: str) -> None:
    use = "use an IP-Adapter for SD1.5, base or plus"
    if any("_lora." in key for key in state) or "image_proj.perceiver_resampler.proj_in.weight" in state:
        raise ValueError(f"'{name}' is an IP-Adapter FaceID, which is told a face and not a picture: {use}.")
    if not any(key.startswith("ip_adapter.") for key in state):
        raise ValueError(f"'{name}' holds no IP-Adapter: {use}.")
    if any(key.endswith(".to_k_ip.weight") and tuple(keys.shape[1:]) == (SDXL_WIDTH,) for key, keys in state.items()):
        raise ValueError(f"'{name}' is an IP-Adapter for SDXL: {use}.")
    if "image_proj.proj.3.weight" in state:
        raise ValueError(f"'{name}' is an IP-Adapter full-face, which garments do not go through: {use}.")
    if missing := [number for number in NUMBERS if f"ip_adapter.{number}.to_k_ip.weight" not in state]:
        raise ValueError(f"'{name}' lacks layer {missing[0]} of SD1.5's 16 cross-attentions: {use}.")


def _state(path: Path) -> dict[str, Tensor]:
    """Return a file's tensors under flat names."""
    if path.suffix.lower() == ".safetensors":
        return read_tensors(path)
    held = read_plain(path, "use its .safetensors file")
    try:
        return {
            f"{part}.{key}": value for part in PARTS for key, value in dict(held.get(part, {})).items() if isinstance(value, Tensor)
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"'{path.name}' cannot be read as an IP-Adapter: use its .safetensors file.") from error
