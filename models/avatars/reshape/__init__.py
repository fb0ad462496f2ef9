"""GSReshape: the clothed body of an avatar takes on another body's shape, and its Gaussians follow (AvatarMix, section 3.2).

`target` puts the wanted shape into the avatar's pose, `motion` says how the body's surface moves and what that means for a point
near it, `fast` moves the mesh by it, `clearance` keeps the mesh out of the body and counts what it could not. In come an avatar
with a body inside and labels, and the other body; out go the reshaped avatar, whose body is the wanted one, and a `Check`.
"""

from .clearance import Check
from .fast import reshape
from .target import target_body

__all__ = ["Check", "reshape", "target_body"]
