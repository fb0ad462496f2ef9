"""Folder layouts of data sets: our own, VITON-HD's and DressCode's, each written from samples and read back.

A layout is a module with `LISTS`, the files that say what the data set holds; `write_...(folder, index, sample)`, which writes the
files of one sample and returns what the lists will say of it; and `finish(folder, records)`, which writes the lists. Files are
written whole or not at all and the lists last, so that what is listed is there. Readers are map-style data sets; they read real
data of the layout too.
"""

from .dataset import TryOnItem, TryOnPictures
from .dresscode import DressCode
from .native import NativeOrbit, NativePair, NativePerson, NativeSamples, NativeTryOn
from .viton_hd import VitonHD

__all__ = [
    "DressCode",
    "NativeOrbit",
    "NativePair",
    "NativePerson",
    "NativeSamples",
    "NativeTryOn",
    "TryOnItem",
    "TryOnPictures",
    "VitonHD",
]
