"""How well a fitted body sits, in numbers and in a few plain sentences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...body.interface import BodyState
from ...body.joints import JOINT_INDEX
from ...geometry.mesh import face_normals
from ..closest import closest_points
from .keypoints import Keypoints, keypoint_distances
from .surface import Surface

_MEASURED = 2000  # surface points
_DEEP = 0.01  # metres inside of the body from which on a point counts as inside
_FAR_OFF, _MUCH_INSIDE = 0.06, 0.12  # median metres off, and share inside, from which on a fit is called poor
_DOUBTFUL = 0.85  # of the cost of the next best heading, from which on the heading is called doubtful


@dataclass(frozen=True)
class Report:
    """What is left over after a fit.

    height:    metres of the body, standing straight at rest
    heading:   degrees from +Z towards +X in which the person looks
    skin:      metres, the mean distance of bare skin to the body; None where no skin is known
    surface:   metres, the median distance of all that is not known to be skin to the body; None where all is skin
    inside:    share of the surface that lies more than a centimetre inside of the body
    keypoints: metres, the median distance of the keypoints to the joints; None without keypoints
    doubt:     the cost of this heading beside that of the best one that looks elsewhere, 0..1; near 1 it could be either
    turned:    whether the mesh was inside out
    """

    height: float
    heading: float
    skin: float | None
    surface: float | None
    inside: float
    keypoints: float | None
    doubt: float
    turned: bool = False

    def text(self) -> str:
        """Return the figures in sentences, with advice where they are poor."""
        lines = [f"Body: {self.height:.2f} m tall, looks {self.heading:.0f} degrees from the front."]
        if self.skin is not None:
            lines.append(f"Bare skin is {1000 * self.skin:.1f} mm off the body.")
        if self.surface is not None:
            lines.append(f"Clothes and hair, or what may be either, are {1000 * self.surface:.1f} mm off it.")
        lines.append(f"{100 * self.inside:.1f} % of the surface lies more than 1 cm inside of the body.")
        if self.keypoints is not None:
            lines.append(f"Keypoints are {1000 * self.keypoints:.1f} mm off the joints.")
        if self.turned:
            lines.append("The faces of the mesh look inwards; they were taken the other way round.")
        if self.doubt > _DOUBTFUL:
            lines.append(
                "Looking another way fits almost as well: check the picture, and set 'heading' if the body is turned round."
            )
        if self.inside > _MUCH_INSIDE or (self.surface or 0) > _FAR_OFF:
            lines.append("The fit is poor: check that the avatar is one person, upright and in metres, or help with keypoints.")
        return "\n".join(lines)


def measure(
    surface: Surface,
    body: BodyState,
    keypoints: Keypoints,
    doubt: float,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Measure how a body sits inside a surface."""
    posed = body.posed()
    some = surface.some(_MEASURED)
    closest = closest_points(some.points, posed.vertices, body.model.faces, progress)
    normals = face_normals(posed.vertices, body.model.faces)[closest.face]
    depth = -((some.points - closest.point) * normals).sum(-1)
    rest = body.model.shaped(body.parameters.shape)[0][:, 1]
    across = posed.joints[JOINT_INDEX["left_hip"]] - posed.joints[JOINT_INDEX["right_hip"]]
    covered = closest.distance[~some.skin]
    bare = closest.distance[some.skin]
    return Report(
        height=float(rest.max() - rest.min()),
        heading=math.degrees(math.atan2(-float(across[2]), float(across[0]))),
        skin=float(bare.mean()) if len(bare) else None,
        surface=float(covered.median()) if len(covered) else None,
        inside=float((depth > _DEEP).float().mean()),
        keypoints=float(keypoint_distances(keypoints, posed.joints).median()) if len(keypoints) else None,
        doubt=doubt,
        turned=surface.turned,
    )
