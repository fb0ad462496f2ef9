"""Pictures that an evaluation of hours has drawn, kept so that it can go on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...models.weights.tensors import fingerprint, read_tensors, save_tensors


@dataclass(frozen=True)
class Kept:
    """Keeps tensors in a folder, for one version of the code that makes them; without a folder it keeps nothing."""

    folder: Path | None = None

    def made(self, name: str, of: Mapping[str, Tensor], make: Callable[[], Tensor]) -> Tensor:
        """Return what `make` makes, or has made of the same tensors under the same name before.

        Raises:
            ValueError: if a file in the folder is damaged, or the folder cannot be written.
        """
        if self.folder is None:
            return make()
        path = self.folder / f"{name}_{fingerprint(of)}.safetensors"
        if not path.is_file():
            save_tensors({"made": make()}, path, {})
        return read_tensors(path)["made"]
