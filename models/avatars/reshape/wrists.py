"""Where the arm's shape goes over into the hand, which keeps its own."""

from __future__ import annotations

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import JOINT_INDEX

CUFF = 0.05  # metres around the wrist


def near_wrists(points: Tensor, body: BodyState) -> Tensor:
    """Return which points [N, 3] lie around a wrist of the body as it stands: [N] bool."""
    wrists = body.posed().joints[[JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]]
    return (torch.cdist(points, wrists) < CUFF).any(1)
