"""The library: everything the nodes do, with no ComfyUI inside.

Imports go only from `models` to `models`. Heavy third-party packages are imported inside the functions that need them.
World space everywhere is metres, right-handed, Y up, a person facing +Z; camera space is OpenCV (x right, y down, z forward).
"""
