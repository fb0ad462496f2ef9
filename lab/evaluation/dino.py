"""DINO proper, for those who have its weights: nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

DINO_VARIABLE = "MODISTE_DINO"  # names a folder with config.json and model.safetensors, as transformers saves a model
SIDE = 224  # pixels that pictures are brought to
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, sRGB, as DINO was trained with
_KINDS = ("vit", "dinov2", "dinov2_with_registers", "dinov3_vit")  # transformers' names; the first DINO is a plain ViT


def load_dino(folder: Path | None = None) -> Callable[[Tensor], Tensor] | None:
    """Return a function from pictures [B, 3, H, W] in 0..1 to features [B, D] of a DINO vision transformer, or None without one.

    The features are the final ones of the class token, as the DINO score of DreamBooth (Ruiz et al. 2023) compares.

    Args:
        folder: with config.json and safetensors; None takes the one that the environment variable MODISTE_DINO names, if any.
            Which of the plain ViTs it holds cannot be told from the file: it should be `dino-vits16` for figures like others'.

    Raises:
        FileNotFoundError: if the folder was named and has no such files.
        ValueError: if it holds another kind of model.
    """
    if folder is None and not os.environ.get(DINO_VARIABLE):
        return None
    folder = Path(folder or os.environ[DINO_VARIABLE]).expanduser()
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise FileNotFoundError(
            f"There is no DINO in '{folder}': put its config.json and model.safetensors there, or unset {DINO_VARIABLE} "
            "and go without the DINO rows."
        )
    from transformers import AutoConfig, AutoModel

    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    if kind not in _KINDS:
        raise ValueError(f"'{folder}' holds a {kind} and no DINO: give a folder with {' or '.join(_KINDS)}.")
    network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval().requires_grad_(False)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))

    def features(pictures: Tensor) -> Tensor:
        resized = torch.nn.functional.interpolate(pictures, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        return network(pixel_values=(resized - mean) / deviation).last_hidden_state[:, 0]

    return features
