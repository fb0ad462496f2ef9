"""What the body inside, and the colour of the face, say of each vertex."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import PARTS
from ...geometry import Mesh
from ...geometry.color import srgb_to_lab
from ..closest import closest_points, nearest_corners
from ..labels import LABEL_INDEX, LABELS

BARE_WITHIN, BARE_BLUR = 0.008, 0.003  # metres off the body where skin and cloth are equally likely, and how sharply that turns
SHOE_WITHIN = 0.04  # metres off the foot; what is farther, such as a hem, is no shoe
FACE_WITHIN = 0.005  # metres off the head within which a vertex shows the skin's colour
LIKE_SKIN = 3.0  # spreads of the face's colour within which a colour is that of skin
_LEAST_SPREAD = 4.0  # of a and b, so that a face of one colour does not call its own shadow foreign

_SKIN_OF = {
    **dict.fromkeys(("head",), "face"),
    **dict.fromkeys(("neck", "torso"), "torso_skin"),
    **{f"{side}_{part}_arm": f"{side}_arm" for side in ("left", "right") for part in ("upper", "lower")},
    **{f"{side}_{part}": f"{side}_leg" for side in ("left", "right") for part in ("upper_leg", "lower_leg", "foot")},
    **{f"{side}_hand": "hands" for side in ("left", "right")},
}
_COVER_OF = {"head": "hair", "left_foot": "shoes", "right_foot": "shoes", "left_hand": "hands", "right_hand": "hands"}

SKIN_LABEL = torch.tensor([LABEL_INDEX[_SKIN_OF[part]] for part in PARTS])  # of each body part where it is bare
COVER_LABEL = torch.tensor([LABEL_INDEX[_COVER_OF.get(part, "clothes")] for part in PARTS])  # and where something covers it


def nearest_parts(mesh: Mesh, body: BodyState, progress: Callable[[int, int], None] | None = None) -> tuple[Tensor, Tensor]:
    """Return the body part [V] (index into PARTS) nearest to each vertex, and the distance [V] in metres to the posed body."""
    faces = body.model.faces
    closest = closest_points(mesh.vertices, body.posed().vertices, faces, progress)
    return body.model.parts[nearest_corners(closest, faces)], closest.distance


def body_prior(
    parts: Tensor,  # [V] index into PARTS, from `nearest_parts`
    distance: Tensor,  # [V] metres
    colors: Tensor | None = None,  # [V, 3] sRGB in 0..1
) -> Tensor:  # [V, L] probabilities
    """Guess labels without any picture: what lies on the body and has the face's colour is skin, all else covers it.

    Hands count as hands, gloved or not. Without colours, or where no face is found, distance alone decides.
    """
    bare = torch.sigmoid((BARE_WITHIN - distance) / BARE_BLUR)
    if colors is not None:
        bare = bare * _skin_likeness(parts, distance, colors)
    prior = torch.zeros(len(parts), len(LABELS))
    rows = torch.arange(len(parts))
    cover = COVER_LABEL[parts]
    cover[(cover == LABEL_INDEX["shoes"]) & (distance > SHOE_WITHIN)] = LABEL_INDEX["clothes"]
    prior[rows, cover] += 1 - bare
    prior[rows, SKIN_LABEL[parts]] += bare
    return prior


def _skin_likeness(parts: Tensor, distance: Tensor, colors: Tensor) -> Tensor:
    """Return how much each colour is that of the face [V] in 0..1; brightness does not count, since light makes it."""
    face = (parts == PARTS.index("head")) & (distance < FACE_WITHIN)
    if not face.any():
        return torch.ones(len(parts))
    chroma = srgb_to_lab(colors)[:, 1:]
    middle = chroma[face].median(0).values
    spread = (chroma[face] - middle).abs().median(0).values.clamp_min(_LEAST_SPREAD)
    off = ((chroma - middle) / (LIKE_SKIN * spread)).square().sum(1)
    return torch.exp(-off / 2)
