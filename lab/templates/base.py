"""The template of the tiny base."""

from __future__ import annotations

from .sheet import Sheet


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
