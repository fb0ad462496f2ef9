"""The pack's own socket types; their Python classes are the frozen dataclasses of the library."""

from __future__ import annotations

from ..host import io

AvatarType = io.Custom("MODISTE_AVATAR")
BodyType = io.Custom("MODISTE_BODY")
CamerasType = io.Custom("MODISTE_CAMERAS")
GarmNetType = io.Custom("MODISTE_GARM_NET")
GarmentFeaturesType = io.Custom("MODISTE_GARMENT_FEATURES")
