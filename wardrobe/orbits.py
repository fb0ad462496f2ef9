"""Orbits: a posed person before a ring of cameras, for whoever makes avatars from pictures."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..models.body import BodyState
from ..models.render import Camera, fit_distance, orbit_cameras
from .captions import garment_words, person_caption, person_words
from .dressing import DressedPerson, posed
from .framing import draw_shot
from .lighting import turned
from .recipes import AvatarRecipe
from .samples import VISIBLE, dressed, one_thread, worn_garments
from .shading import Picture, picture

VIEWS = 8


@dataclass(frozen=True)
class OrbitSample:
    """V pictures of one person who holds still, in light that holds still.

    images:  [V, H, W, 3] uint8; the first view is from the front, the next from the person's left
    masks:   [V, H, W] bool, the person
    depth:   [V, H, W] camera-space z, metres; 0 on the background
    cameras: V, evenly round the person
    body:    in world space, as posed
    caption: as for a picture from the front
    """

    images: Tensor
    masks: Tensor
    depth: Tensor
    cameras: tuple[Camera, ...]
    body: BodyState
    caption: str
    recipe: AvatarRecipe


def orbit_sample(seed: int, index: int, views: int = VIEWS, width: int = 192, height: int = 256) -> OrbitSample:
    """Make orbit `index` of a seed, the same bytes in every process; it shows the person of sample `index * SHOTS`.

    Raises:
        ValueError: if the index is negative, or there is no view.
    """
    if index < 0:
        raise ValueError(f"The index is {index}: orbits count from 0.")
    if views < 1:
        raise ValueError(f"There are {views} views: an orbit needs at least 1.")
    with one_thread():
        person = dressed(seed, index)
        shot = draw_shot(random.Random(f"orbit:{seed}:{index}"), person, seats=False)
        background = replace(shot.background, kind="paper", word=shot.background.word or "grey")
        standing = posed(person, shot.pose.rotations)
        target, distance = fit_distance(standing.vertices, shot.fov, width / height, shot.elevation)
        cameras = orbit_cameras(target, distance, shot.elevation, views, shot.fov, width, height)
        azimuths = [360.0 * view / views for view in range(views)]
        # A picture turns lamps and background with its camera: here only the paper goes round.
        taken = [
            picture(standing, camera, turned(shot.lamps, -azimuth), background, azimuth)
            for camera, azimuth in zip(cameras, azimuths, strict=True)
        ]
    depth = torch.stack([one.depth for one in taken])
    return OrbitSample(
        images=torch.stack([one.image for one in taken]),
        masks=depth > 0,
        depth=depth,
        cameras=tuple(cameras),
        body=standing.body,
        caption=person_caption(person_words(person.recipe), _named(person, taken[0]), background.words, 0.0),
        recipe=person.recipe,
    )


def _named(person: DressedPerson, front: Picture) -> dict[str, str]:
    """Return slot -> words of the garments that the front view shows."""
    layers = [layer.name for layer in person.layers]
    share = front.visible / front.visible.sum().clamp_min(1)
    worn = worn_garments(person.recipe).items()
    return {slot: garment_words(*words) for slot, words in worn if share[layers.index(slot)] >= VISIBLE}
