"""Checking a user's SMPL-X model file before anything else touches it.

The smplx package reads its file with pickling allowed. So the file is opened here first, without, and what smplx then gets is a
private copy that holds the checked arrays and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .joints import JOINTS, PARENTS
from .npz import ArrayHeader, open_npz

VERTICES, FACES, SHAPE_COEFFICIENTS = 10475, 20908, (20, 400)

# Name, axes and kind of every array that smplx needs; S is one of SHAPE_COEFFICIENTS (shape and expression together).
_ARRAYS: dict[str, tuple[tuple[int | str, ...], str]] = {
    "v_template": ((VERTICES, 3), "f"),
    "f": ((FACES, 3), "iu"),
    "shapedirs": ((VERTICES, 3, "S"), "f"),
    "posedirs": ((VERTICES, 3, 9 * (len(JOINTS) - 1)), "f"),
    "J_regressor": ((len(JOINTS), VERTICES), "f"),
    "kintree_table": ((2, len(JOINTS)), "iu"),
    "weights": ((VERTICES, len(JOINTS)), "f"),
    "hands_componentsl": ((45, 45), "f"),
    "hands_componentsr": ((45, 45), "f"),
    "hands_meanl": ((45,), "f"),
    "hands_meanr": ((45,), "f"),
    "lmk_faces_idx": ((51,), "iu"),
    "lmk_bary_coords": ((51, 3), "f"),
}
# The official files carry these two tables of names pickled. They are not needed, and are left unread.
_UNREAD = ("joint2num", "part2num")


def read_smplx_file(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an SMPL-X model file (npz), checked: keys, shapes, kinds, values.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if anything is missing, pickled, of another shape or kind, not finite or out of range.
    """
    with open_npz(path) as npz:
        for key, header in npz.headers.items():
            if header.pickled and key not in _UNREAD:
                raise ValueError(
                    f"'{npz.name}' holds a pickled object, '{key}', and those are never loaded: get the official file."
                )
        for key in _ARRAYS:
            _check_header(npz.name, key, npz.headers.get(key))
        arrays = {key: npz.read(key) for key in _ARRAYS}
        _check_values(npz.name, arrays)
    return {key: array.astype(np.float32) if array.dtype.kind == "f" else array for key, array in arrays.items()}


def _check_header(name: str, key: str, header: ArrayHeader | None) -> None:
    shape, kinds = _ARRAYS[key]
    if header is None:
        raise ValueError(f"'{name}' is not an SMPL-X model file, since it has no '{key}': use SMPLX_NEUTRAL.npz, MALE or FEMALE.")
    allowed = [tuple(size if axis == "S" else axis for axis in shape) for size in SHAPE_COEFFICIENTS]
    if header.shape not in allowed or header.dtype.kind not in kinds:
        wanted = " or ".join(str(list(option)) for option in dict.fromkeys(allowed))
        raise ValueError(
            f"'{name}' has '{key}' as {list(header.shape)} of {header.dtype}, and an SMPL-X model file has it as {wanted} "
            f"of {'floats' if kinds == 'f' else 'integers'}: use SMPLX_NEUTRAL.npz, MALE or FEMALE."
        )


def _check_values(name: str, arrays: dict[str, np.ndarray]) -> None:
    complaints = {
        "numbers that are not finite or far too large": any(
            not (np.abs(array) < 1e6).all() for array in arrays.values() if array.dtype.kind == "f"
        ),
        "faces that name vertices it lacks": not _within(arrays["f"], VERTICES),
        "landmarks on faces it lacks": not _within(arrays["lmk_faces_idx"], FACES),
        "skinning weights that do not sum to 1": not np.allclose(arrays["weights"].sum(1), 1, atol=1e-3)
        or (arrays["weights"] < -1e-6).any(),
        "another skeleton than SMPL-X": tuple(arrays["kintree_table"][0, 1:]) != PARENTS[1:],
    }
    for complaint, found in complaints.items():
        if found:
            raise ValueError(f"'{name}' has {complaint}, so it is damaged: use SMPLX_NEUTRAL.npz, MALE or FEMALE as downloaded.")


def _within(indices: np.ndarray, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())
