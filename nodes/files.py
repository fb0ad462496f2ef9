"""File inputs: what the nodes that read files share."""

from __future__ import annotations

from ..host import input_path

NONE = "none"


def chosen_path(name):
    """Return the path of a chosen file, or None where "none" is chosen."""
    return None if name == NONE else input_path(name)


def chosen_fingerprint(*names):
    """Answer for `fingerprint_inputs`: changes with the chosen files and with those beside them whose names begin alike.

    So a new sidecar, material or texture counts as a change of the file it belongs to.
    """
    from ..models.files import fingerprint

    paths = [path for path in map(chosen_path, names) if path]
    beside = {near for path in paths for near in path.parent.iterdir() if near.name.startswith(path.stem) and near.is_file()}
    return sorted(fingerprint(path) for path in {*paths, *beside})


def check_chosen(*names):
    """Answer for `validate_inputs`: True, or the sentence about the first file that cannot be used."""
    try:
        for name in names:
            if name is not None:  # linked inputs have no value yet
                chosen_path(name)
    except (OSError, ValueError) as error:
        return str(error)
    return True
