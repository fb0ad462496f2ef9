"""Makes the pictures beside the templates (workflows/*.jpg) from what the templates themselves draw.

From the repository root; runs every template headless in a temporary folder, about a minute each:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab import thumbnails; thumbnails.main()"
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont

from .. import comfy_entrypoint
from ..host.headless.executor import Executor
from ..host.headless.listing import all_nodes
from ..host.headless.session import Session, use
from ..host.headless.workflow import load_workflow
from ..models.files import atomic_write
from .templates import FOLDER, TEMPLATES

HEIGHT = 640  # pixels of a row
TWINS = {"restore_garment": "restore_garment_tiny"}  # template that needs files of the user's -> the one whose picture it gets


def main() -> None:
    """Run the templates in order, since later ones load what the first saves, and write their pictures."""
    nodes = all_nodes(comfy_entrypoint())
    with TemporaryDirectory() as folder:
        session = Session(Path(folder))
        for template in TEMPLATES:
            name = template.__name__
            if name in TWINS:
                with Image.open(FOLDER / f"{TWINS[name]}.jpg") as twin, atomic_write(FOLDER / f"{name}.jpg") as temporary:
                    told(twin, "drawn with the tiny base, not with SD1.5").save(temporary, quality=88)
                continue
            with use(session):
                result = Executor(nodes, session).run(load_workflow(FOLDER / f"{name}.json", nodes))
            with atomic_write(FOLDER / f"{name}.jpg") as temporary:
                in_a_row(drawn(result.files)).save(temporary, quality=88)


def drawn(files: list[Path]) -> list[Image.Image]:
    """Return the still pictures among the files of a run, or four quarter turns of its turntable where there are none."""
    stills = [Image.open(path).convert("RGB") for path in files if path.suffix == ".png"]
    if stills:
        return stills
    turntable = Image.open(next(path for path in files if path.suffix == ".webp"))
    quarters = []
    for quarter in range(4):
        turntable.seek(quarter * turntable.n_frames // 4)
        quarters.append(turntable.convert("RGB"))
    return quarters


def in_a_row(pictures: list[Image.Image]) -> Image.Image:
    """Return the pictures side by side at one height, in two rows where there are more than four."""
    rows = [pictures] if len(pictures) <= 4 else [pictures[: len(pictures) // 2], pictures[len(pictures) // 2 :]]
    scaled = [[_scaled(picture, HEIGHT // len(rows)) for picture in row] for row in rows]
    width = max(sum(picture.width for picture in row) for row in scaled)
    sheet = Image.new("RGB", (width, HEIGHT // len(rows) * len(rows)), "#e8e6e3")
    for line, row in enumerate(scaled):
        left = 0
        for picture in row:
            sheet.paste(picture, (left, line * picture.height))
            left += picture.width
    return sheet


def told(picture: Image.Image, text: str) -> Image.Image:
    """Return a copy of a picture with a line of text below what it shows."""
    size = HEIGHT // 20
    sheet = Image.new("RGB", (picture.width, picture.height + 2 * size), "#e8e6e3")
    sheet.paste(picture)
    ImageDraw.Draw(sheet).text((size, picture.height + size // 3), text, fill="#333333", font=ImageFont.load_default(size))
    return sheet


def _scaled(picture: Image.Image, height: int) -> Image.Image:
    return picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)
