"""The avatar: a mesh, Gaussians bound to it, vertex labels and the body inside."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..body.interface import BodyState
from ..geometry import Mesh


@dataclass(frozen=True)
class BoundGaussians:
    """N Gaussians that ride on the faces of a mesh (the embedding of SplattingAvatar).

    The centre is sum_i b_i v_i + offset * n(b), n(b) being the normalised barycentric mix of vertex normals. The face frame has
    the columns e1 (first edge, unit), n x e1 and n (unit face normal).

    face:        [N] int64 index into mesh.faces
    barycentric: [N, 3] float32, sums to 1
    offset:      [N] float32 metres along n(b)
    rotation:    [N, 4] float32 unit quaternions (w, x, y, z), local axes to the face frame
    scale:       [N, 3] float32 > 0, standard deviations along the local axes, metres
    opacity:     [N] float32 in 0..1
    sh:          [N, K, 3] float32 spherical-harmonic colour in world orientation, as in `Gaussians`
    """

    face: Tensor
    barycentric: Tensor
    offset: Tensor
    rotation: Tensor
    scale: Tensor
    opacity: Tensor
    sh: Tensor

    def __len__(self) -> int:
        return len(self.face)


@dataclass(frozen=True)
class Avatar:
    """A mesh-bound Gaussian avatar: the type MODISTE_AVATAR. World space: metres, Y up.

    mesh:      [V] vertices, [F] faces, in the avatar's own pose
    gaussians: bound to the faces of `mesh`
    labels:    [V] int64 index into LABELS, or None where nobody has labelled it yet
    skinning:  [V, 55] weights on the joints of `body`, rows sum to 1, or None before Transfer Skinning
    body:      the body inside, in the avatar's own pose, or None
    """

    mesh: Mesh
    gaussians: BoundGaussians
    labels: Tensor | None = None
    skinning: Tensor | None = None
    body: BodyState | None = None

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: if labels or skinning are not one for every vertex, or a Gaussian rides on a face that the mesh lacks.
        """
        count, faces = len(self.mesh.vertices), len(self.mesh.faces)
        for name, values in (("labels", self.labels), ("skinning weights", self.skinning)):
            if values is not None and len(values) != count:
                raise ValueError(f"The avatar has {len(values)} {name} and its mesh {count} vertices; load those of its own mesh.")
        if len(self.gaussians) and not 0 <= int(self.gaussians.face.min()) <= int(self.gaussians.face.max()) < faces:
            raise ValueError(
                f"The Gaussians ride on faces up to {int(self.gaussians.face.max())}, but the mesh has {faces} faces; "
                "load the mesh that these Gaussians were bound to."
            )
