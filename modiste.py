"""The command line of ComfyUI-Modiste: run workflows, list nodes, check the installation, measure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent


def load_pack() -> ModuleType:
    """Import this folder as the package `modiste`, whatever the folder is called, and return it."""
    if "modiste" in sys.modules:
        return sys.modules["modiste"]
    spec = importlib.util.spec_from_file_location("modiste", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = importlib.util.module_from_spec(spec)
    sys.modules["modiste"] = module
    spec.loader.exec_module(module)
    return module
