"""GSReshape: the clothed body of an avatar takes on another body's shape, and its Gaussians follow (AvatarMix, section 3.2).

`target` puts the wanted shape into the avatar's pose. `fast` says where the mesh goes (`motion`: with the body's surface near it,
with the limbs far from it), lifts what would enter the body (`clearance`), and `crossing` tells what crosses there. `exact` solves
for what would cross: `skeleton` draws the body in, `travel` takes the mesh along as it grows again, `newton` minimises `terms`
with the barrier of `contact`. `reshaping` puts all this together: in come an avatar with a body inside and labels, and the other
body; out go the reshaped avatar, whose body is the wanted one, and a `Check`.
"""

from .clearance import Check
from .exact import Settings
from .reshaping import QUALITIES, reshape
from .target import target_body

__all__ = ["QUALITIES", "Check", "Settings", "reshape", "target_body"]
