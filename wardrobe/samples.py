"""Samples: dressed people before the camera with exact ground truth, each a pure function of a seed and an index."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..models.body import BodyState
from ..models.render import Camera
from .captions import fabric_color, flat_caption, garment_words, person_caption, person_words
from .dressing import DressedPerson, dressed_person, posed
from .fabrics import Fabric
from .flats import flat_picture
from .framing import Shot, draw_shot, shot_camera
from .people import draw_person
from .prints import Print
from .recipes import AvatarRecipe
from .shading import Picture, picture
from .shoes import Shoes
from .slots import PART_INDEX, SLOTS

# So many samples in a row show the same person in the same clothes, as the pictures of one catalogue shoot do: dressing costs more
# than a picture. Walk through indices in order, or in runs of this length, to profit.
SHOTS = 8
VISIBLE = 0.01  # share of the person from which on a garment is worth a word
_PRINT_SEEN = 70  # degrees of yaw up to which the front of a garment is seen
_GREY = 128


@dataclass(frozen=True)
class GarmentTruth:
    """One garment of a sample.

    slot, cut, pattern: as in the recipe
    color:        colour word of the ground
    words:        "striped blue T-shirt"
    named:        what the picture's caption calls it, "" where it passes over it because too little shows
    flat:         [Hf, Wf, 3] uint8 alone on white, portrait like the person's picture (shoes and hats: the transpose), or None
    flat_mask:    [Hf, Wf] bool, or None
    mask:         [H, W] bool, where it is seen on the person
    occlusion:    share of it, as if alone before the camera, that something else hides: 0..1
    flat_caption: "a striped blue T-shirt on a white background"
    print:        what is printed on its front, or None
    """

    slot: str
    cut: str
    pattern: str
    color: str
    words: str
    named: str
    flat: Tensor | None
    flat_mask: Tensor | None
    mask: Tensor
    occlusion: float
    flat_caption: str
    print: Print | None = None


@dataclass(frozen=True)
class PersonTruth:
    """A picture of a dressed person with the ground truth that is kept on disk too.

    image:         [H, W, 3] uint8
    garments:      in the order of SLOTS
    agnostic:      [H, W, 3] uint8, the picture with what tells the upper garments greyed out (128); see `agnostic_area`
    agnostic_mask: [H, W] bool, what is greyed out
    parts:         [H, W] uint8 index into PARTS; masks of garments, skin and hair partition the person
    uv:            [H, W, 2] place on the flat panels of the layer that is seen, 0..1; a spot of the surface keeps it in all poses
    depth:         [H, W] camera-space z, metres; 0 on the background
    caption:       see `captions.person_caption`; names only what can be seen
    """

    image: Tensor
    garments: tuple[GarmentTruth, ...]
    agnostic: Tensor
    agnostic_mask: Tensor
    parts: Tensor
    uv: Tensor
    depth: Tensor
    camera: Camera
    caption: str


@dataclass(frozen=True)
class PersonSample(PersonTruth):
    """A picture with its ground truth, and the person in it.

    body:    in world space, as posed
    recipe:  the person; its own pose is not the one taken here
    shot:    the pose, and how the person is placed before the camera
    picture: the surface address of every pixel
    person:  the mesh that the address belongs to
    """

    body: BodyState
    recipe: AvatarRecipe
    shot: Shot
    picture: Picture
    person: DressedPerson


def person_sample(seed: int, index: int, width: int = 192, height: int = 256, flats: bool = True) -> PersonSample:
    """Make sample `index` of a seed: the same bytes in every process.

    SHOTS samples in a row share the person and the clothes and differ in pose, view, light and background.

    Args:
        flats: whether to make the flat pictures of the garments.

    Raises:
        ValueError: if the index is negative or the picture is not portrait.
    """
    if index < 0:
        raise ValueError(f"The index is {index}: samples count from 0.")
    if not 0 < width <= height:
        raise ValueError(f"The picture is {width}x{height}: people need a portrait format, such as 192x256.")
    with one_thread():
        person = dressed(seed, index // SHOTS)
        garment_flats = _flats(seed, index // SHOTS, width, height) if flats else {}
        return _taken(person, draw_shot(random.Random(f"shot:{seed}:{index}"), person), garment_flats, width, height)


def worn_garments(recipe: AvatarRecipe) -> dict[str, tuple[str, str, str, Print | None]]:
    """Return slot -> (cut, pattern, colour word, print) of what a recipe wears, in the order of SLOTS."""
    worn = {}
    for slot, garment in recipe.garments().items():
        fabric = Fabric("plain", (garment.color,)) if isinstance(garment, Shoes) else garment.fabric
        worn[slot] = (garment.cut, fabric.pattern, fabric_color(fabric), fabric.print)
    return worn


def agnostic_area(parts: Tensor) -> Tensor:
    """Return what a try-on must not see [H, W] bool: dress, upper and outer garment with a margin, arms and neck.

    As in VITON-style data, face, hair, hat, hands, lower garment, legs and shoes stay; the margin hides the garment's outline.
    """
    reach = max(1, round(0.03 * parts.shape[1]))
    hide = _among(parts, "upper", "dress", "outer", "torso_skin", "left_arm", "right_arm").float()[None]
    for kernel in ((1, 2 * reach + 1), (2 * reach + 1, 1)):
        hide = torch.nn.functional.max_pool2d(hide, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
    return (hide[0] > 0) & ~_among(parts, "face", "hair", "hat", "hands", "lower", "left_leg", "right_leg", "shoes")


def _among(parts: Tensor, *names: str) -> Tensor:
    """Return where parts [H, W] are among some."""
    chosen = torch.zeros(len(PART_INDEX), dtype=torch.bool)
    chosen[[PART_INDEX[name] for name in names]] = True
    return chosen[parts.long()]


def _taken(person: DressedPerson, shot: Shot, flats: dict[str, tuple[Tensor, Tensor]], width: int, height: int) -> PersonSample:
    standing = posed(person, shot.pose.rotations, shot.pose.seat_height)
    camera = shot_camera(standing, shot, width, height)
    taken = picture(standing, camera, shot.lamps, shot.background, shot.azimuth)
    face = taken.face.long()
    seen = face >= 0
    parts = torch.where(seen, person.face_part[face], torch.zeros((), dtype=torch.uint8))
    uv = torch.where(seen[..., None], (person.face_uv[face] * taken.barycentric[..., None]).sum(-2), 0.0)
    garments = tuple(_garment_truths(person, shot, taken, parts, flats))
    named = {truth.slot: truth.named for truth in garments if truth.named}
    hidden = agnostic_area(parts)
    return PersonSample(
        image=taken.image,
        garments=garments,
        agnostic=torch.where(hidden[..., None], torch.tensor(_GREY, dtype=torch.uint8), taken.image),
        agnostic_mask=hidden,
        parts=parts,
        uv=uv,
        depth=taken.depth,
        camera=camera,
        body=standing.body,
        caption=person_caption(person_words(person.recipe), named, shot.background.words, shot.yaw),
        recipe=person.recipe,
        shot=shot,
        picture=taken,
        person=person,
    )


def _garment_truths(
    person: DressedPerson, shot: Shot, taken: Picture, parts: Tensor, flats: dict[str, tuple[Tensor, Tensor]]
) -> Iterator[GarmentTruth]:
    layers = [layer.name for layer in person.layers]
    least = VISIBLE * max(int((taken.face >= 0).sum()), 1)
    for slot, (cut, pattern, color, printed) in worn_garments(person.recipe).items():
        mask = parts == PART_INDEX[slot]
        shows_print = abs(shot.yaw) < _PRINT_SEEN and not (slot == "upper" and person.recipe.outer)
        said = garment_words(cut, pattern, color, printed if shows_print else None)
        words = garment_words(cut, pattern, color, printed)
        flat, flat_mask = flats.get(slot, (None, None))
        yield GarmentTruth(
            slot=slot,
            cut=cut,
            pattern=pattern,
            color=color,
            words=words,
            named=said if int(mask.sum()) >= least else "",
            flat=flat,
            flat_mask=flat_mask,
            mask=mask,
            occlusion=taken.occlusion(layers.index(slot)),
            flat_caption=flat_caption(words),
            print=printed,
        )


@lru_cache(maxsize=8)
def dressed(seed: int, outfit: int) -> DressedPerson:
    """Return the person of the samples from `outfit * SHOTS` on; call it under `one_thread`."""
    draw = random.Random(f"person:{seed}:{outfit}")
    return dressed_person(draw_person(draw, draw.randrange(2**31)))


@lru_cache(maxsize=8)
def _flats(seed: int, outfit: int, width: int, height: int) -> dict[str, tuple[Tensor, Tensor]]:
    person = dressed(seed, outfit)
    return {layer.name: flat_picture(person, layer, width, height) for layer in person.layers if layer.name in SLOTS}


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums of many numbers depend on how threads share them; one thread, and no autocast, give the same bytes everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_num_threads(threads)
