"""File inputs: what the nodes that read files share."""

from __future__ import annotations

from ..host import input_path

NONE = "none"


def chosen_path(name):
    """Return the path of a chosen file, or None where "none" is chosen."""
    return None if name == NONE else input_path(name)


def check_chosen(*names):
    """Answer for `validate_inputs`: True, or the sentence about the first file that cannot be used."""
    try:
        for name in names:
            if name is not None:  # linked inputs have no value yet
                chosen_path(name)
    except (OSError, ValueError) as error:
        return str(error)
    return True
