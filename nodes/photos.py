"""Avatars from photos: cameras from files, and Gaussians fitted to what they saw."""

from __future__ import annotations

from ..host import ADVANCED, Progress, device, input_files, io
from .files import NONE, check_chosen, chosen_fingerprint, chosen_path
from .types import AvatarType, CamerasType

CATEGORY = "modiste/avatars"


class LoadCameras(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteLoadCameras",
            display_name="Load Cameras",
            category=CATEGORY,
            description="Load the cameras that photos were taken with, from a file of the program that found them.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[NONE, *input_files((".json", "images.txt"))],
                    default=NONE,
                    tooltip="transforms.json (NeRF, instant-ngp, nerfstudio), or images.txt of a COLMAP text model with its "
                    "cameras.txt beside it, in ComfyUI's input or output folder.",
                ),
                io.Combo.Input(
                    "up",
                    options=["y-up", "z-up", "y-down"],
                    default="y-up",
                    tooltip="Which way is up in the file's world. Meshes here are y-up; turn the cameras as the mesh was turned.",
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.0001,
                    max=10000.0,
                    step=0.001,
                    tooltip="Metres for one unit of the file. The mesh has to be in metres too.",
                ),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="The photos, for files that do not tell their size; cameras are scaled to them.",
                ),
            ],
            outputs=[
                CamerasType.Output(
                    "cameras", display_name="cameras", tooltip="A camera for each photo, sorted by the photos' file names."
                ),
                io.String.Output(
                    "names", display_name="names", tooltip="The photos' file names, one a line, in the order of the cameras."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file):
        return check_chosen(file, _lenses_of(file))

    @classmethod
    def fingerprint_inputs(cls, file, **_):
        return chosen_fingerprint(file, _lenses_of(file))

    @classmethod
    def execute(cls, file, up, scale, images=None):
        from ..models.avatars.views import Ring
        from ..models.render.camera_files import read_cameras

        path = chosen_path(file)
        if path is None:
            raise ValueError("Load Cameras has no file: put a transforms.json into the input folder, press R, and choose it.")
        size = None if images is None else (images.shape[2], images.shape[1])
        found = read_cameras(path, size, up, scale)
        return io.NodeOutput(Ring(found.cameras, found.target), "\n".join(found.names))


class FitGaussians(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteFitGaussians",
            display_name="Fit Gaussians",
            category=CATEGORY,
            description="Make an avatar look like photos with known cameras; its Gaussians move on the mesh, which stays as it is.",
            inputs=[
                AvatarType.Input("avatar", tooltip="Avatar whose mesh stands where the person of the photos stands."),
                io.Image.Input(
                    "images", tooltip="Photos of the person from several sides, of one size, in the order of the cameras."
                ),
                CamerasType.Input("cameras", tooltip="Cameras of the photos, from Load Cameras or Render Avatar."),
                io.Int.Input(
                    "steps",
                    default=1000,
                    min=1,
                    max=100000,
                    tooltip="How many times a photo is looked at. A few hundred bring colours, thousands fine detail.",
                ),
                io.Int.Input(
                    "most_gaussians",
                    default=200000,
                    min=1000,
                    max=2000000,
                    step=1000,
                    tooltip="How many Gaussians there may be at the end. More is finer and slower.",
                ),
                io.Boolean.Input(
                    "densify", default=True, tooltip="Split Gaussians where the photos show more detail than they can."
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The order in which photos are looked at.",
                ),
                io.String.Input(
                    "background",
                    default="#e8e6e3",
                    tooltip="Colour behind the person in the photos, as #rrggbb. With masks it hardly matters.",
                ),
                io.Float.Input(
                    "learning_rate",
                    default=1.0,
                    min=0.01,
                    max=10.0,
                    step=0.05,
                    tooltip="Times the usual size of a step: lower keeps more of the avatar as it was, higher needs fewer steps.",
                    **ADVANCED,
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="White on the person, one for each photo. What is black is left out and emptied.",
                ),
            ],
            outputs=[
                AvatarType.Output("fitted", display_name="avatar", tooltip="The avatar with the fitted Gaussians."),
                io.Image.Output("picture", display_name="picture", tooltip="Photo beside render, for up to four of the views."),
                io.String.Output(
                    "report", display_name="report", tooltip="How near the renders came, and how many Gaussians there are."
                ),
            ],
        )

    @classmethod
    def execute(cls, avatar, images, cameras, steps, most_gaussians, densify, seed, background, learning_rate, masks=None):
        from ..models.avatars.binding import world_gaussians
        from ..models.avatars.gaussian_fit import FitSettings, Photos, comparisons, fit_gaussians
        from ..models.avatars.views import parse_color

        color = parse_color(background)
        settings = FitSettings(steps, most_gaussians, densify, seed, learning_rate, tuple(color.tolist()))
        progress = Progress(steps)
        fitted, report = fit_gaussians(
            avatar, images, cameras.cameras, masks, settings, progress=progress, preview=progress.show, device=device()
        )
        seen = world_gaussians(fitted.mesh, fitted.gaussians).to(device())
        picture = comparisons(seen, Photos.checked(images, cameras.cameras, masks), color)
        return io.NodeOutput(fitted, picture, str(report))


def _lenses_of(file):
    """Return the name of the second file of a COLMAP model, or "none" for files that stand alone."""
    before, images, after = (file or NONE).rpartition("images.txt")
    return f"{before}cameras.txt{after}" if images else NONE


NODES = [LoadCameras, FitGaussians]
