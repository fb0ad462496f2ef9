"""Templates of IGR: garments restored from photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .sheet import Node, Output, Sheet

RESTORED = {"upper": "Upper body", "lower": "Lower body", "full body": "Full body"}
COLORS = ("#3f789e", "#3f5159", "#5b4a72")


def restore_garment_tiny(sheet: Sheet) -> dict:
    """What a made-up person wears, as it would lie in a shop, with the model that comes with the pack: runs anywhere as it is."""
    base = sheet.node("ModisteLoadBase", 0)
    net = sheet.node("ModisteLoadGarmNet", 0)["garm_net"]
    person = sheet.node("ModistePersonPhoto", 0, "Person", seed=31)
    sheet.node("SaveImage", 0, "Look: the person", 300, images=person["image"], filename_prefix="modiste/person")
    sheet.note(0, RESTORE_TINY_NOTE, 330)
    for garment in RESTORED:
        _restoration(sheet, Row(garment, person["image"], person[garment]), base, net, TINY)
    sheet.group("1 The person", 0, 0, "#3f5159")
    return sheet.workflow()


RESTORE_TINY_NOTE = """## Restore a garment

The **Person** wears something; each row on the right draws one of the garments as it would lie in a shop. Rows of what is not worn
are skipped.

- Another *seed* is another person; or choose a picture of a made-up person as *photo*.
- GarmNet looks at the photo once. Another seed in **KSampler** draws again without looking again.
- For real photos use the workflow **restore_garment** with your SD1.5 checkpoint.
"""


def restore_garment(sheet: Sheet) -> dict:
    """The same for photos, with the user's SD1.5 checkpoint, which looks at the photo with its own eyes."""
    checkpoint = sheet.node("CheckpointLoaderSimple", 0, "Your SD1.5 checkpoint", ckpt_name="v1-5-pruned-emaonly-fp16.safetensors")
    lora = sheet.node(
        "LoraLoader",
        0,
        "Your LoRA",
        bypassed=True,
        model=checkpoint["MODEL"],
        clip=checkpoint["CLIP"],
        lora_name="your_lora.safetensors",
    )
    net = sheet.node("ModisteLoadGarmNet", 0, file="from the model", model=lora["MODEL"])["garm_net"]
    person = sheet.node("LoadImage", 0, "Person", 420, image="person.png")
    vision = sheet.node(
        "CLIPVisionLoader",
        0,
        "CLIP Vision, for an IP-Adapter",
        bypassed=True,
        clip_name="CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
    )
    sheet.note(0, RESTORE_NOTE, 700)
    base = {"model": lora["MODEL"], "clip": lora["CLIP"], "vae": checkpoint["VAE"]}
    for garment in RESTORED:
        row = Row(garment, person["IMAGE"], person["MASK"], off=garment != "upper")
        _restoration(sheet, row, base, net, PHOTO, vision["CLIP_VISION"])
    sheet.group("1 Your photo and model", 0, 0, "#3f5159")
    return sheet.workflow(modiste={"needs": "an SD1.5 checkpoint and a photo"})


RESTORE_NOTE = """## Restore a garment from a photo

1. Choose your **SD1.5 checkpoint**.
2. Load a photo at **Person**, right-click it, *Open in MaskEditor*, and paint the garment.
3. Queue. For trousers or a dress, bypass the row *Upper body* (select it, Ctrl-B) and switch on another in the same way.

No weights of IGR's GarmNet exist for SD1.5, so *from the model* lets your checkpoint look at the photo with its own eyes: expect
colours and patterns more than shapes. If you have a GarmNet for SD1.5, choose its file in **Load GarmNet**.

These are off until you switch them on (select, Ctrl-B):

- **IP-Adapter** (sd15 or plus, in *models/modiste*): choose it in *show the close-up* and switch on **CLIP Vision**.
- **LoRA**: choose yours at *Your LoRA*.
- **ControlNet**: switch on all of the box below the row. Its picture is made for your ControlNet and shows the garment lying flat:
for lineart, your own sketch, in white lines on black.

Shapes follow the words: connect a *CLIP Text Encode* ("a grey hoodie with a zip on a white background") to *draw* in place of
*positive* from *look*.
"""


@dataclass(frozen=True)
class Sampling:
    """How a row of restoration draws; `prompt_file` is what Garment Image Prompt loads, `crop` the size that it sees.

    longest: pixels of the photo's and the drawing's longer side
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    prompt_file: str
    crop: int
    longest: int


TINY = Sampling(25, 2.5, "ddim", "normal", "modiste_garment_prompt.safetensors", 128, 256)
PHOTO = Sampling(25, 4.0, "dpmpp_2m", "karras", "none", 224, 768)


@dataclass(frozen=True)
class Row:
    """What one row of restoration draws: a kind of garment, seen in a picture under a mask. What is off is bypassed."""

    garment: str
    image: Output
    mask: Output
    off: bool = False


def _restoration(
    sheet: Sheet, row: Row, base: dict[str, Output] | Node, net: Output, sampling: Sampling, vision: Output | None = None
) -> None:
    """Add one row: look at a garment, and draw it; with CLIP Vision, a ControlNet below it.

    ControlNet has a box of its own, so that it stays off where all of a row is switched on.
    """
    title = RESTORED[row.garment]
    top = sheet.new_row(1, 4)

    def node(kind: str, column: int, name: str, tall: int = 0, off: bool = row.off, **values: Any) -> Node:
        return sheet.node(kind, column, f"{title}{name}", tall, off, **values)

    seen = node(
        "ModisteGarmNetEncode", 1, ": look", garm_net=net, clip=base["clip"], vae=base["vae"], image=row.image, mask=row.mask,
        garment=row.garment, longest=sampling.longest,
    )  # fmt: skip
    crop = node("ModisteGarmentCrop", 1, ": close-up", image=row.image, mask=row.mask, size=sampling.crop)["crop"]
    shown = {"clip_vision": vision} if vision else {}
    prompted = node(
        "ModisteGarmentImagePrompt", 2, ": show the close-up", model=base["model"], image=crop, file=sampling.prompt_file, **shown
    )
    fused = node("ModisteGarmFusDenoiser", 2, ": show what was seen", model=prompted["model"], features=seen["features"])
    drawn = node(
        "KSampler", 3, ": draw", model=fused["model"], latent_image=seen["latent"], seed=19 + list(RESTORED).index(row.garment),
        steps=sampling.steps, cfg=sampling.cfg, sampler_name=sampling.sampler, scheduler=sampling.scheduler,
    )  # fmt: skip
    decoded = node("VAEDecode", 3, ": decode", samples=drawn["LATENT"], vae=base["vae"])
    done = node("ModisteRestoredGarmentFinish", 4, ": white ground", image=decoded["IMAGE"])
    node("SaveImage", 4, "", 320, images=done["image"], filename_prefix=f"modiste/restored_{row.garment.replace(' ', '_')}")
    color = COLORS[list(RESTORED).index(row.garment)]
    sheet.row_group(title, 1, 4, top, color)
    words = _control(sheet, title, seen, base["vae"], color) if vision else seen
    for name in ("positive", "negative"):
        sheet.connect(drawn, name, words[name])


def _control(sheet: Sheet, title: str, words: Node, vae: Output, color: str) -> Node:
    """Add a ControlNet that is off, below what stands there, and return what applies it."""
    top = sheet.new_row(1, 4)
    picture = sheet.node("LoadImage", 1, f"{title}: control picture", 314, bypassed=True, image="control.png")
    control = sheet.node(
        "ControlNetLoader",
        2,
        f"{title}: ControlNet",
        bypassed=True,
        control_net_name="control_v11p_sd15_lineart_fp16.safetensors",
    )
    applied = sheet.node(
        "ControlNetApplyAdvanced",
        3,
        f"{title}: apply ControlNet",
        bypassed=True,
        positive=words["positive"],
        negative=words["negative"],
        control_net=control["CONTROL_NET"],
        image=picture["IMAGE"],
        vae=vae,
    )
    sheet.row_group(f"{title}: ControlNet, off", 1, 3, top, color)
    return applied
