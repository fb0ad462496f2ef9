"""Loads the folder as the package `modiste`, whatever the folder is called; no test asserts a time, hypothesis' included."""

import runpy
from pathlib import Path

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
runpy.run_path(str(Path(__file__).parents[1] / "modiste.py"))["load_pack"]()
