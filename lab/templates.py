"""Writes the workflow templates, so that links, slots and widget orders are right by construction.

From the repository root, this writes workflows/*.json in ComfyUI's UI format 0.4:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab import templates; templates.main()"

Nodes stand in columns, each below the one before; ids follow the order of calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import comfy_entrypoint
from ..host.headless.listing import all_nodes
from ..host.headless.schema import object_info
from ..models.files import atomic_write

FOLDER = Path(__file__).resolve().parents[1] / "workflows"
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
COLUMN, TOP, GAP, WIDTH = 360, 60, 50, 320
ROW_GAP = 110  # between groups that stand one above the other


@dataclass
class Sheet:
    """A workflow under construction."""

    infos: dict[str, dict]
    nodes: list[dict] = field(default_factory=list)
    links: list[list] = field(default_factory=list)
    groups: list[dict] = field(default_factory=list)
    heights: dict[int, int] = field(default_factory=dict)

    def node(self, kind: str, column: int, title: str | None = None, tall: int = 0, bypassed: bool = False, **values: Any) -> Node:
        """Add a node, at least `tall` pixels high, below the others of its column.

        `values` gives widget values, and links as `Node` outputs (`node["name"]`). A bypassed node counts as not connected.
        """
        info = self.infos[kind]
        order = [*info["input"].get("required", {}).items(), *info["input"].get("optional", {}).items()]
        unknown = set(values) - {name for name, _ in order}
        if unknown:
            raise ValueError(f"{kind} has no input {sorted(unknown)}.")
        node_id = len(self.nodes) + 1
        inputs, widgets = [], []
        for name, (socket, settings) in order:
            value = values.get(name)
            is_widget = socket in WIDGETS
            if not is_widget or isinstance(value, Output):
                slot = {"name": name, "type": socket, "link": None} | ({"widget": {"name": name}} if is_widget else {})
                if isinstance(value, Output):
                    slot["link"] = self._link(value, node_id, len(inputs))
                inputs.append(slot)
            if is_widget:
                default = settings.get("default", (settings.get("options") or [""])[0])
                widgets.append(default if name not in values or isinstance(value, Output) else value)
                if settings.get("control_after_generate"):
                    widgets.append("fixed")
        rows = max(len(info["output"]), sum(not item.get("widget") for item in inputs)) + len(widgets)
        size = [WIDTH, max(tall, 46 + 26 * rows)]
        ours = kind.startswith("Modiste")
        self.nodes.append(
            {
                "id": node_id,
                "type": kind,
                "pos": [COLUMN * column, self.heights.get(column, TOP)],
                "size": size,
                "flags": {},
                "order": node_id - 1,
                "mode": 4 if bypassed else 0,
                "inputs": inputs,
                "outputs": [
                    {"name": name, "type": socket, "links": []}
                    for name, socket in zip(info["output_name"], info["output"], strict=True)
                ],
                "properties": {
                    "Node name for S&R": kind,
                    "cnr_id": "modiste" if ours else "comfy-core",
                    "ver": "0.1.0" if ours else "0.3.64",
                },
                "widgets_values": widgets,
            }
            | ({"title": title} if title else {})
        )
        self.heights[column] = self.heights.get(column, TOP) + size[1] + GAP
        return Node(self, node_id)

    def note(self, column: int, text: str, tall: int) -> None:
        """Add a note for the reader, which no run sees."""
        self.nodes.append(
            {
                "id": len(self.nodes) + 1,
                "type": "MarkdownNote",
                "pos": [COLUMN * column, self.heights.get(column, TOP)],
                "size": [WIDTH, tall],
                "flags": {},
                "order": len(self.nodes),
                "mode": 0,
                "inputs": [],
                "outputs": [],
                "properties": {},
                "widgets_values": [text],
            }
        )
        self.heights[column] = self.heights.get(column, TOP) + tall + GAP

    def level(self, first: int, last: int) -> None:
        """Let the next nodes of the columns from `first` to `last` stand side by side."""
        columns = range(first, last + 1)
        bottom = max(self.heights.get(column, TOP) for column in columns)
        self.heights |= dict.fromkeys(columns, bottom)

    def group(self, title: str, first: int, last: int, color: str) -> None:
        """Draw a box around the columns from `first` to `last`."""
        inside = [node for node in self.nodes if COLUMN * first <= node["pos"][0] <= COLUMN * last]
        bottom = max(node["pos"][1] + node["size"][1] for node in inside)
        left = COLUMN * first - 10
        bounding = [left, TOP - 80, COLUMN * last + WIDTH + 10 - left, bottom - TOP + 100]
        self.groups.append({"title": title, "bounding": bounding, "color": color, "font_size": 24, "flags": {}})

    def row_group(self, title: str, first: int, last: int, top: int, color: str) -> None:
        """Draw a box around what stands below `top` in the columns from `first` to `last`."""
        bottom = max(self.heights[column] for column in range(first, last + 1)) - GAP
        left = COLUMN * first - 10
        bounding = [left, top - 80, COLUMN * last + WIDTH + 10 - left, bottom - top + 100]
        self.groups.append({"title": title, "bounding": bounding, "color": color, "font_size": 24, "flags": {}})

    def workflow(self, **extra: Any) -> dict:
        """Return the finished workflow in UI format 0.4."""
        return {
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": self.nodes,
            "links": self.links,
            "groups": self.groups,
            "config": {},
            "extra": {"ds": {"scale": 0.7, "offset": [60, 80]}, **extra},
            "version": 0.4,
        }

    def _link(self, source: Output, target: int, slot: int) -> int:
        info = self.nodes[source.node - 1]["outputs"]
        index = next(i for i, output in enumerate(info) if output["name"] == source.name)
        link = len(self.links) + 1
        info[index]["links"].append(link)
        self.links.append([link, source.node, index, target, slot, info[index]["type"]])
        return link


@dataclass(frozen=True)
class Output:
    """One output of a node on a sheet."""

    node: int
    name: str


@dataclass(frozen=True)
class Node:
    """A node on a sheet; `node["name"]` is its output of that name."""

    sheet: Sheet
    id: int

    def __getitem__(self, name: str) -> Output:
        return Output(self.id, name)


def compose_avatars(sheet: Sheet) -> dict:
    """Two people made from nothing, composed: runs anywhere as it is."""
    user, model = (
        sheet.node("ModisteProceduralAvatar", 0, f"The {name}", seed=seed)["avatar"] for name, seed in (("user", 18), ("model", 14))
    )
    for name, avatar in (("user", user), ("model", model)):
        sheet.node("ModisteSaveAvatar", 0, f"Save the {name}", avatar=avatar, filename_prefix=f"modiste/{name}")
    composed = _composition(sheet, 1, user, model)
    _results(sheet, 3, composed, "modiste/composed")
    for name, avatar in (("user", user), ("model", model), ("composed", composed)):
        sheet.level(5, 6)
        picture = sheet.node("ModisteRenderAvatar", 5, f"Look: {name}", avatar=avatar, views=1, start=20.0, height=768)
        sheet.node("SaveImage", 6, f"Picture: {name}", 360, images=picture["image"], filename_prefix=f"modiste/{name}_front")
    sheet.group("1 Two people", 0, 0, "#3f5159")
    sheet.group("2 AvatarMix", 1, 2, "#3f789e")
    sheet.group("3 The result", 3, 4, "#8a5a44")
    sheet.group("4 Before and after", 5, 6, "#535353")
    return sheet.workflow()


def compose_your_avatars(sheet: Sheet) -> dict:
    """The same with the user's files; as shipped it takes what compose_avatars has saved."""
    loaded = []
    for title, name in (("Your avatar", "user"), ("Model", "model")):
        sheet.level(0, 2)
        body = sheet.node("ModisteLoadBody", 0, f"{title}: body", bypassed=True)
        avatar = sheet.node("ModisteLoadAvatar", 1, title, file=f"modiste/{name}_00001_.ply [output]", body=body["body"])
        fitted = sheet.node("ModisteFitBody", 1, f"{title}: fit a body", avatar=avatar["avatar"], bypassed=True)
        labelled = sheet.node("ModisteSegmentAvatar", 2, f"{title}: labels", avatar=fitted["avatar"], bypassed=True)
        loaded.append(sheet.node("ModisteTransferSkinning", 2, f"{title}: skinning", avatar=labelled["avatar"])["avatar"])
    composed = _composition(sheet, 3, *loaded)
    _results(sheet, 5, composed, "modiste/your_avatar")
    sheet.group("1 Your files", 0, 2, "#3f5159")
    sheet.group("2 AvatarMix", 3, 4, "#3f789e")
    sheet.group("3 The result", 5, 6, "#8a5a44")
    return sheet.workflow()


def avatar_toolbox(sheet: Sheet) -> dict:
    """Every avatar node: to and from other 3D nodes above, a saved avatar rigged anew and composed below."""
    person = sheet.node("ModisteProceduralAvatar", 0, "A person", seed=3)["avatar"]
    shared = sheet.node("ModisteAvatarToSplat", 1, "For other 3D nodes", avatar=person)
    splat, mesh = shared["splat"], shared["mesh"]
    bound = sheet.node("ModisteBindGaussians", 2, "A splat and its mesh", splat=splat, mesh=mesh, like=person)
    sampled = sheet.node("ModisteAvatarFromMesh", 2, "A textured mesh alone", mesh=mesh, like=person, gaussians=60000)
    for name, avatar in (("bound", bound), ("sampled", sampled)):
        sheet.level(3, 4)
        picture = sheet.node("ModisteRenderAvatar", 3, f"Look: {name}", avatar=avatar["avatar"], views=2, start=20.0)
        sheet.node("PreviewImage", 4, f"Picture: {name}", 360, images=picture["image"])
    sheet.level(0, 4)
    shots = sheet.node("ModisteRenderAvatar", 1, "Photos, here of the same person", avatar=person, views=8, width=128, height=192)
    sheet.node("ModisteLoadCameras", 0, "Cameras of real photos: connect to Fit Gaussians", bypassed=True)
    photographed = sheet.node(
        "ModisteFitGaussians", 2, "From photos", avatar=sampled["avatar"], images=shots["image"], masks=shots["mask"],
        cameras=shots["cameras"], steps=40,
    )  # fmt: skip
    sheet.node("PreviewImage", 3, "Picture: fitted to photos", 360, images=photographed["picture"])
    sheet.level(0, 4)
    body = sheet.node("ModisteLoadBody", 0, "The user's body", parameters="modiste/user_00001_.body.json [output]")
    user = sheet.node("ModisteLoadAvatar", 0, "The user, saved by compose_avatars", file="modiste/user_00001_.ply [output]")
    rigged = sheet.node("ModisteTransferSkinning", 1, "Rig the user", avatar=user["avatar"], body=body["body"])
    labelled = sheet.node("ModisteSegmentAvatar", 2, "Labels from the body inside", avatar=rigged["avatar"])
    sheet.node("PreviewImage", 3, "Picture: labels", 360, images=labelled["picture"])
    found = sheet.node("ModisteFitBody", 1, "The body, found again", avatar=user["avatar"], quality="draft")
    sheet.node("PreviewImage", 4, "Picture: body", 360, images=found["picture"])
    composed = _composition(sheet, 2, rigged["avatar"], person)
    picture = sheet.node("ModisteRenderAvatar", 3, "The head, close", avatar=composed, views=2, start=20.0, framing="head")
    sheet.node("PreviewImage", 4, "Picture: neck and face", 360, images=picture["image"])
    sheet.node("ModisteSaveAvatar", 4, "Save", avatar=composed, filename_prefix="modiste/toolbox", format="spz", mesh_format="glb")
    return sheet.workflow()


def reshape_avatar(sheet: Sheet) -> dict:
    """One person in the shape of two other bodies, before and after: runs anywhere as it is."""
    person = sheet.node("ModisteProceduralAvatar", 0, "A person", seed=12)["avatar"]
    sheet.note(0, RESHAPE_NOTE, 200)
    looks = [("as made", person)]
    for name, figure in (("heavy", {"weight": 1.0, "height": 0.35}), ("slim", {"weight": 0.05, "height": 0.8})):
        sheet.level(1, 2)
        body = sheet.node("ModisteLoadBody", 1, f"A {name} body", gender=1.0, **figure)
        looks.append((name, sheet.node("ModisteGSReshape", 2, f"Made {name}", avatar=person, body=body["body"])["avatar"]))
    for name, avatar in looks:
        sheet.level(3, 4)
        picture = sheet.node("ModisteRenderAvatar", 3, f"Look: {name}", avatar=avatar, views=1, start=20.0, height=768)
        sheet.node(
            "SaveImage", 4, f"Picture: {name}", 360, images=picture["image"], filename_prefix=f"modiste/{name.replace(' ', '_')}"
        )
    sheet.group("1 A person", 0, 0, "#3f5159")
    sheet.group("2 Other bodies", 1, 2, "#3f789e")
    sheet.group("3 Before and after", 3, 4, "#8a5a44")
    return sheet.workflow()


RESHAPE_NOTE = """## GSReshape

Clothes keep their place above the skin, skirts grow with the legs, hands keep their shape. The pose stays.

Change the sliders of **Load Body**, or connect another avatar to *user* to take its shape.
"""


def tiny_text_to_image(sheet: Sheet) -> dict:
    """Four pictures from words, with the model that comes with the pack: runs anywhere as it is."""
    base = sheet.node("ModisteLoadBase", 0)
    sheet.note(0, TINY_NOTE, 240)
    texts = {
        name: sheet.node("CLIPTextEncode", 1, title, 160, clip=base["clip"], text=text)["CONDITIONING"]
        for name, title, text in (
            ("positive", "What to draw", "a woman wearing a striped blue T-shirt and black jeans, against a grey background"),
            ("negative", "What to avoid", ""),
        )
    }
    latent = sheet.node("EmptyLatentImage", 1, "Size and number", width=192, height=256, batch_size=4)["LATENT"]
    sampled = sheet.node(
        "KSampler", 2, model=base["model"], latent_image=latent, **texts,
        seed=1, steps=20, cfg=4.0, sampler_name="dpmpp_2m", scheduler="karras",
    )  # fmt: skip
    decoded = sheet.node("VAEDecode", 2, samples=sampled["LATENT"], vae=base["vae"])
    sheet.node("SaveImage", 3, "The pictures", 480, images=decoded["IMAGE"], filename_prefix="modiste/tiny")
    sheet.group("1 The model", 0, 0, "#3f5159")
    sheet.group("2 The words", 1, 1, "#3f789e")
    sheet.group("3 The drawing", 2, 3, "#8a5a44")
    return sheet.workflow()


TINY_NOTE = """## Modiste's tiny base

A small model that knows one world: simple dressed people, and garments lying flat on white. It needs no download and runs on a CPU.

- Draw people at **192 x 256**, hats and shoes lying flat at **256 x 192**.
- Write as in "a man wearing a green hoodie and beige shorts, against a white background".
- For a garment alone: "a red dotted dress on a white background".
- For real photographs, put **Load Checkpoint** with your SD1.5 model in its place, and draw at 512 x 768.
"""


RESTORED = {"upper": "Upper body", "lower": "Lower body", "full body": "Full body"}
COLORS = ("#3f789e", "#3f5159", "#5b4a72")


def restore_garment_tiny(sheet: Sheet) -> dict:
    """What a made-up person wears, as it would lie in a shop, with the model that comes with the pack: runs anywhere as it is."""
    base = sheet.node("ModisteLoadBase", 0)
    net = sheet.node("ModisteLoadGarmNet", 0)["garm_net"]
    person = sheet.node("ModistePersonPhoto", 0, "Person", seed=2026)
    sheet.node("SaveImage", 0, "Look: the person", 300, images=person["image"], filename_prefix="modiste/person")
    sheet.note(0, RESTORE_TINY_NOTE, 330)
    latent = sheet.node("EmptyLatentImage", 0, "Size of the result", width=192, height=256)["LATENT"]
    for garment in RESTORED:
        _restoration(sheet, garment, base, net, person["image"], person[garment], latent, steps=25)
    sheet.group("1 The person", 0, 0, "#3f5159")
    return sheet.workflow()


RESTORE_TINY_NOTE = """## Restore a garment

The **Person** wears something; each row on the right draws one of the garments as it would lie in a shop. Rows of what is not worn
are skipped.

- Another *seed* is another person; or choose a picture of a made-up person as *photo*.
- GarmNet looks at the photo once. Another seed in **KSampler** draws again without looking again.
- For real photos use the workflow **restore_garment** with your SD1.5 checkpoint.
"""


def _restoration(
    sheet: Sheet, garment: str, base: Node, net: Output, image: Output, mask: Output, latent: Output, steps: int, prompt: str = ""
) -> None:
    """Add one row: look at a garment, and draw it."""
    title = RESTORED[garment]
    top = max(sheet.heights.get(column, TOP) for column in range(1, 5)) + ROW_GAP
    sheet.heights |= dict.fromkeys(range(1, 5), top)
    seen = sheet.node(
        "ModisteGarmNetEncode", 1, f"{title}: look", garm_net=net, clip=base["clip"], vae=base["vae"], image=image, mask=mask,
        garment=garment,
    )  # fmt: skip
    crop = sheet.node("ModisteGarmentCrop", 1, f"{title}: close-up", image=image, mask=mask)["crop"]
    prompted = sheet.node("ModisteGarmentImagePrompt", 2, f"{title}: show the close-up", model=base["model"], image=crop)
    fused = sheet.node(
        "ModisteGarmFusDenoiser", 2, f"{title}: show what was seen", model=prompted["model"], features=seen["features"]
    )
    drawn = sheet.node(
        "KSampler", 3, f"{title}: draw", model=fused["model"], positive=seen["positive"], negative=seen["negative"],
        latent_image=latent, seed=1, steps=steps, cfg=1.5, sampler_name="ddim", scheduler="ddim_uniform",
    )  # fmt: skip
    decoded = sheet.node("VAEDecode", 3, samples=drawn["LATENT"], vae=base["vae"])
    done = sheet.node("ModisteRestoredGarmentFinish", 4, f"{title}: white ground", image=decoded["IMAGE"])
    name = garment.replace(" ", "_")
    sheet.node("SaveImage", 4, title, 320, images=done["image"], filename_prefix=f"modiste/restored_{name}")
    sheet.row_group(title, 1, 4, top, COLORS[list(RESTORED).index(garment)])


TEMPLATES: tuple[Callable[[Sheet], dict], ...] = (
    compose_avatars, compose_your_avatars, avatar_toolbox, reshape_avatar, tiny_text_to_image,
    restore_garment_tiny,
)  # fmt: skip


def build(template: Callable[[Sheet], dict]) -> dict:
    """Return a template as a workflow in UI format 0.4."""
    nodes = all_nodes(comfy_entrypoint())
    return template(Sheet({node_id: object_info(node) for node_id, node in nodes.items()}))


def main() -> None:
    """Write every template."""
    for template in TEMPLATES:
        with atomic_write(FOLDER / f"{template.__name__}.json") as temporary:
            temporary.write_text(json.dumps(build(template), indent=1) + "\n", encoding="utf-8")


def _composition(sheet: Sheet, column: int, user: Output, model: Output) -> Output:
    """Add the chain of AvatarMix in two columns."""
    reshaped = sheet.node("ModisteGSReshape", column, avatar=model, user=user)["avatar"]
    head = sheet.node("ModisteAlignHead", column, user=user, model=reshaped)
    toned = sheet.node("ModisteTransferSkinTone", column, avatar=reshaped, reference=user)
    return sheet.node("ModisteComposeAvatars", column + 1, head=head["head"], body=toned["avatar"])["avatar"]


def _results(sheet: Sheet, column: int, avatar: Output, prefix: str) -> None:
    """Add turntable, files and 3D view in two columns."""
    turn = sheet.node("ModisteRenderAvatar", column, "Turntable", avatar=avatar, views=36)
    saved = sheet.node("ModisteSaveAvatar", column, "Save the avatar", avatar=avatar, filename_prefix=prefix)
    sheet.node(
        "SaveAnimatedWEBP", column + 1, "Save the turntable", 380,
        images=turn["image"], filename_prefix=f"{prefix}_turntable", fps=12.0, lossless=False, quality=90,
    )  # fmt: skip
    sheet.node("Preview3D", column + 1, "Look around", 420, model_file=saved["splat_path"], camera_info=turn["camera_info"])
