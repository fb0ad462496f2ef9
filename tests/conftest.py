"""Loads the folder as the package `modiste`, whatever the folder is called."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "modiste.py"))["load_pack"]()
