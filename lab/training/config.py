"""Settings of a training run: a TOML file, checked against frozen dataclasses."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ...models.files import existing_file

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Config:
    """How a model is trained; what is trained is the task's business, its own settings are the table `[task]`.

    steps:              optimizer steps in all
    batch:              samples a step, of one process, before accumulation
    accumulation:       batches whose gradients are averaged into one step
    seed:               of the initial weights, the data's order and each step's noise
    data_seed:          of the wardrobe's samples; evaluation uses others
    workers:            processes that make samples; 0 makes them in the training process
    in_memory:          whether to make every sample once and keep all on the device: for small ones and a GPU
    learning_rate:      at its highest
    schedule:           after the warm-up: "constant", or "cosine" down to zero at the last step
    warmup:             steps over which the learning rate rises from zero
    optimizer:          "adamw", or "muon" for the matrices among the weights, which learns convolutions in far fewer steps
    weight_decay:       for weights of two dimensions and more
    betas:              of AdamW
    clip:               longest gradient (2-norm) that is not shortened
    ema:                decay of the averaged weights, which sheets and exports show; early steps use a smaller one
    precision:          "bf16" computes under autocast, "no" in float32, "auto" in bf16 where the device does so natively; the
                        weights are float32 always, and a run's own settings say "bf16" or "no"
    channels_last:      memory layout of convolutions
    checkpoint_minutes: time between checkpoints
    sheet_every:        steps between sample sheets
    model, data:        what is trained and from what, which a run adds so that it goes on with the same; "" elsewhere
    task:               the task's own settings
    """

    steps: int
    batch: int
    learning_rate: float
    accumulation: int = 1
    seed: int = 0
    data_seed: int = 0
    workers: int = 0
    in_memory: bool = False
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = 0
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.999
    precision: Literal["no", "bf16", "auto"] = "no"
    channels_last: bool = False
    checkpoint_minutes: float = 10.0
    sheet_every: int = 500
    model: str = ""
    data: str = ""
    task: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulation", "sheet_every"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        for name in ("seed", "data_seed", "workers", "warmup", "weight_decay"):
            _require(getattr(self, name) >= 0, name, "zero or more")
        for name in ("learning_rate", "clip", "checkpoint_minutes"):
            _require(getattr(self, name) > 0, name, "more than zero")
        _require(0 <= self.ema < 1, "ema", "between 0 and 1")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas", "between 0 and 1")


def read_config(path: Path) -> Config:
    """Read a TOML file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no TOML, or a setting is unknown, missing, of a wrong type or out of range.
    """
    try:
        table = tomllib.loads(existing_file(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no TOML file: {error}.") from error
    return parse(Config, table, f"'{path}'")


def write_config(config: Config, path: Path) -> None:
    """Write what `read_config` reads back."""
    table = dataclasses.asdict(config)
    task = table.pop("task")
    lines = [f"{name} = {_toml(value)}" for name, value in table.items()]
    lines += ["", "[task]", *(f"{_toml(name)} = {_toml(value)}" for name, value in task.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parse(kind: type[Settings], table: dict[str, Any], where: str) -> Settings:
    """Make a dataclass of settings from a table; `where` is the table's name in errors.

    Raises:
        ValueError: if a setting is unknown, missing, of a wrong type or out of range.
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for name in table:
        if name not in fields:
            raise ValueError(f"{where} has an unknown setting '{name}': choose among {', '.join(fields)}.")
    for name, field in fields.items():
        if name not in table and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where} lacks the setting '{name}': add it.")
    values = {name: _value(value, hints[name], f"'{name}' in {where}") for name, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _value(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as the type `hint`; TOML's integers pass as floats, its arrays as tuples."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{where} is {value!r}: choose {' or '.join(map(repr, get_args(hint)))}.")
        return value
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, list) or len(value) != len(kinds):
            raise ValueError(f"{where} is {value!r}: it should be a list of {len(kinds)}.")
        return tuple(_value(item, kind, where) for item, kind in zip(value, kinds, strict=True))
    kind = get_origin(hint) or hint
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{where} is {value!r}: it should be {_NAMES[kind]}.")
    return value


def _toml(value: Any) -> str:
    """Return a value as TOML, which for these types is JSON but for one character that it wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", dict: "a table"}


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise ValueError(f"'{name}' should be {wanted}.")
