"""A toy task, and a script that trains it in a process of its own: toy_run.py FOLDER STEPS [--resume] [NAME=VALUE of Config]..."""

import json
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

runpy.run_path(str(Path(__file__).parents[3] / "modiste.py"))["load_pack"]()

from modiste.lab.training.config import Config, parse  # noqa: E402 - the pack has to be loaded first
from modiste.lab.training.console import Lines  # noqa: E402
from modiste.lab.training.loop import Run, train  # noqa: E402
from modiste.models.weights.tensors import save_half  # noqa: E402


class Pictures(torch.utils.data.Dataset):
    """Little random pictures, of which those with a number from 30 on are wider."""

    buckets = (torch.arange(50) >= 30).long()

    def __len__(self):
        return 50

    def __getitem__(self, index):
        if index >= 50:
            raise IndexError(index)
        generator = torch.Generator().manual_seed(index)
        return {"x": torch.rand(3, 8, 8 + 4 * int(self.buckets[index]), generator=generator), "index": index}


@dataclass(frozen=True)
class Toy:
    """Take noise away, with layers that draw random numbers, keep running figures and stay as they are."""

    scale: float = 1.0
    kind: ClassVar[str] = "toy"
    architecture: ClassVar[str] = "two convolutions"

    def build(self):
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.SiLU(), nn.Dropout(0.1), nn.Conv2d(6, 3, 3, padding=1)
        )
        model[4].bias.requires_grad_(False)
        return model

    def dataset(self, data, seed):
        return Pictures()

    def loss(self, model, batch, generator, step):
        noise = torch.randn(batch["x"].shape, generator=generator, device=generator.device)
        loss = self.scale * (model(batch["x"] + 0.3 * noise) - batch["x"]).square().mean()
        return loss, {"width": batch["x"].shape[-1], "first": batch["index"][0]}

    def sample_sheet(self, model, generator):
        from PIL import Image

        assert not model.training
        return Image.new("RGB", (8, 8), int(torch.randint(1000, (1,), generator=generator)))

    def export(self, model, path, metadata):
        save_half(model.state_dict(), path, metadata)


def settings(steps, **others):
    return Config(**{"steps": steps, "batch": 4, "learning_rate": 1e-2, "warmup": 5, "sheet_every": 20} | others)


def run(folder, steps, resume=False, task=None, console=None, data=None, output=None, **others):
    """Train the toy task in `folder`, here."""
    output = output or folder / "toy.safetensors"
    train(Run(task or Toy(), settings(steps, **others), data, folder, output), resume, console or Lines())


if __name__ == "__main__":
    others = {name: json.loads(value) for name, value in (text.split("=") for text in sys.argv[3:] if "=" in text)}
    checked = parse(Config, {"steps": 1, "batch": 1, "learning_rate": 1} | others, "the test")
    run(Path(sys.argv[1]), int(sys.argv[2]), "--resume" in sys.argv, **{name: getattr(checked, name) for name in others})
