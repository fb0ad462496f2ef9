"""Avatars in and out: load, make, bind, look at, convert, save."""

from __future__ import annotations

from ..host import ADVANCED, MeshType, Progress, SplatType, also_written, device, input_files, io, output_path, ui
from .files import NONE, check_chosen, chosen_fingerprint, chosen_path
from .types import AvatarType, BodyType, CamerasType

CATEGORY = "modiste/avatars"
SPLAT_FILES = (".ply", ".splat", ".spz")
MESH_FILES = (".glb", ".obj", ".ply")
UP_AXES = ["auto", "y-down", "y-up"]


def _gaussian_count(default):
    return io.Int.Input(
        "gaussians",
        default=default,
        min=1000,
        max=1000000,
        step=1000,
        tooltip="How many Gaussians to spread over the surface. More is finer and slower.",
    )


class LoadAvatar(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteLoadAvatar",
            display_name="Load Avatar",
            category=CATEGORY,
            description="Load an avatar that this pack saved, or a splat with its mesh, or a textured mesh alone.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[NONE, *input_files(tuple(sorted({*SPLAT_FILES, *MESH_FILES})))],
                    default=NONE,
                    tooltip="Splat (.ply, .splat, .spz) or mesh (.glb, .obj, .ply) in ComfyUI's input or output folder. "
                    "An avatar saved by Save Avatar needs nothing else.",
                ),
                io.Combo.Input(
                    "mesh",
                    options=[NONE, *input_files(MESH_FILES)],
                    default=NONE,
                    tooltip="Mesh to bind the splat to. none: the one saved with the avatar, or the file itself is a mesh.",
                ),
                io.Combo.Input(
                    "labels",
                    options=[NONE, *input_files((".json", ".npy"))],
                    default=NONE,
                    tooltip="A label for each mesh vertex (.json or .npy): face, hair, torso_skin, clothes, ... "
                    "none: those saved with the avatar.",
                ),
                io.Combo.Input(
                    "label_layout",
                    options=["modiste", "4d-dress"],
                    default="modiste",
                    tooltip="What the numbers of a .npy mean: our own order (see help), or the classes of 4D-Dress.",
                    **ADVANCED,
                ),
                io.Combo.Input(
                    "up",
                    options=UP_AXES,
                    default="auto",
                    tooltip="Which way is up in the splat file. auto: as our own files say; others y-down, but .spz y-up.",
                ),
                _gaussian_count(100000),
                BodyType.Input("body", optional=True, tooltip="Body inside the avatar, from Load Body. Without it: the saved one."),
            ],
            outputs=[AvatarType.Output("avatar", display_name="avatar")],
        )

    @classmethod
    def validate_inputs(cls, file, mesh, labels):
        return check_chosen(file, mesh, labels)

    @classmethod
    def fingerprint_inputs(cls, file, mesh, labels, **_):
        return chosen_fingerprint(file, mesh, labels)

    @classmethod
    def execute(cls, file, mesh, labels, label_layout, up, gaussians, body=None):
        from ..models.avatars.files import load_avatar

        path = chosen_path(file)
        if path is None:
            raise ValueError("Load Avatar has no file: put a splat or a mesh into the input folder, press R, and choose it.")
        avatar = load_avatar(
            path, chosen_path(mesh), chosen_path(labels), body, up, gaussians, label_layout, progress=Progress(100)
        )
        return io.NodeOutput(avatar)


class AvatarFromMesh(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteAvatarFromMesh",
            display_name="Avatar from Mesh",
            category=CATEGORY,
            description="Cover a textured or coloured mesh with Gaussians.",
            inputs=[
                MeshType.Input("mesh", tooltip="Mesh with a texture or vertex colours, Y up, in metres."),
                _gaussian_count(100000),
                io.Int.Input(
                    "seed", default=0, min=0, max=0xFFFFFFFF, control_after_generate=True, tooltip="Where Gaussians fall."
                ),
                AvatarType.Input("like", optional=True, tooltip="Avatar to take labels and body from, surface to nearest surface."),
            ],
            outputs=[AvatarType.Output("avatar", display_name="avatar")],
        )

    @classmethod
    def execute(cls, mesh, gaussians, seed, like=None):
        from ..models.avatars.exchange import avatar_from_mesh, mesh_from_core

        return io.NodeOutput(avatar_from_mesh(mesh_from_core(mesh), gaussians, seed, like, progress=Progress(100)))


class BindGaussians(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteBindGaussians",
            display_name="Bind Gaussians",
            category=CATEGORY,
            description="Tie a free splat to a mesh, so that it follows when the mesh moves.",
            inputs=[
                SplatType.Input("splat", tooltip="Splat of a person standing where the mesh stands."),
                MeshType.Input("mesh", tooltip="Mesh of the same person, Y up, in metres."),
                io.Combo.Input(
                    "up",
                    options=["y-down", "y-up"],
                    default="y-down",
                    tooltip="Which way is up in the splat. y-down is what 3DGS tools and core's splat nodes use.",
                ),
                AvatarType.Input("like", optional=True, tooltip="Avatar to take labels and body from, surface to nearest surface."),
            ],
            outputs=[AvatarType.Output("avatar", display_name="avatar")],
        )

    @classmethod
    def execute(cls, splat, mesh, up, like=None):
        from ..models.avatars.exchange import avatar_from_splat, gaussians_from_splat, mesh_from_core

        avatar = avatar_from_splat(gaussians_from_splat(splat, up), mesh_from_core(mesh), like, progress=Progress(100))
        return io.NodeOutput(avatar)


class RenderAvatar(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteRenderAvatar",
            display_name="Render Avatar",
            category=CATEGORY,
            description="Look at an avatar: one picture, or a turntable all the way round.",
            inputs=[
                AvatarType.Input("avatar"),
                io.Int.Input("views", default=36, min=1, max=360, tooltip="How many pictures, evenly round the avatar."),
                io.Int.Input("width", default=512, min=64, max=4096, step=8, tooltip="Picture width in pixels."),
                io.Int.Input("height", default=512, min=64, max=4096, step=8, tooltip="Picture height in pixels."),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=5.0,
                    tooltip="Where the turn begins, in degrees; 0 faces the avatar.",
                ),
                io.Float.Input(
                    "elevation",
                    default=5.0,
                    min=-89.0,
                    max=89.0,
                    step=1.0,
                    tooltip="How far above the horizon the camera is, in degrees.",
                ),
                io.Combo.Input(
                    "framing", options=["whole", "head"], default="whole", tooltip="What fills the picture. head needs labels."
                ),
                io.Float.Input(
                    "fov",
                    default=30.0,
                    min=5.0,
                    max=120.0,
                    step=1.0,
                    tooltip="Field of view over the smaller side of the picture, in degrees.",
                    **ADVANCED,
                ),
                io.String.Input("background", default="#e8e6e3", tooltip="Colour behind the avatar, as #rrggbb."),
                io.Load3DCamera.Input(
                    "camera",
                    optional=True,
                    tooltip="Camera of a Load 3D or Preview 3D node; the turn starts from it and replaces framing.",
                ),
            ],
            outputs=[
                io.Image.Output("image", display_name="image", tooltip="The pictures, in the order of the turn."),
                io.Mask.Output("mask", display_name="mask", tooltip="1 where the avatar covers the picture."),
                io.Image.Output(
                    "depth", display_name="depth", tooltip="Depth as grey: near is white, nothing is black. Fits depth ControlNets."
                ),
                io.Load3DCamera.Output(
                    "camera_info", display_name="camera_info", tooltip="The first camera, to see the same in Preview 3D."
                ),
                CamerasType.Output(
                    "cameras", display_name="cameras", tooltip="All cameras, for Segment Avatar, which reads masks of the pictures."
                ),
            ],
        )

    @classmethod
    def execute(cls, avatar, views, width, height, start, elevation, framing, fov, background, camera=None):
        from ..models.avatars.binding import world_gaussians
        from ..models.avatars.views import camera_ring, depth_pictures, parse_color, render_views
        from ..models.render import camera_to_load3d

        color = parse_color(background)
        ring = camera_ring(avatar, views, width, height, start, elevation, framing, fov, camera)
        gaussians = world_gaussians(avatar.mesh, avatar.gaussians).to(device())
        seen = render_views(gaussians, ring.cameras, color, progress=Progress(views))
        camera_info = camera_to_load3d(ring.cameras[0], ring.target)
        return io.NodeOutput(seen.images, seen.masks, depth_pictures(seen), camera_info, ring)


class AvatarToSplat(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteAvatarToSplat",
            display_name="Avatar to Splat",
            category=CATEGORY,
            description="Hand an avatar to other 3D nodes: its Gaussians as a splat and its mesh.",
            inputs=[
                AvatarType.Input("avatar"),
                io.Combo.Input(
                    "up",
                    options=["y-down", "y-up"],
                    default="y-down",
                    tooltip="Which way is up in the splat: y-down for core's splat nodes and 3DGS tools. The mesh is always Y up.",
                ),
            ],
            outputs=[
                SplatType.Output(
                    "splat",
                    display_name="splat",
                    tooltip="For core's splat nodes, such as Render Splat or Create 3D File (from Splat).",
                ),
                MeshType.Output("mesh", display_name="mesh", tooltip="For core's mesh nodes, such as Save GLB."),
            ],
        )

    @classmethod
    def execute(cls, avatar, up):
        from ..host import Splat, make_mesh
        from ..models.avatars.exchange import mesh_fields, splat_fields

        return io.NodeOutput(Splat(**splat_fields(avatar, up)), make_mesh(**mesh_fields(avatar)))


class SaveAvatar(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteSaveAvatar",
            display_name="Save Avatar",
            category=CATEGORY,
            description="Save an avatar as a splat that any viewer reads, with a sidecar from which Load Avatar restores it whole.",
            inputs=[
                AvatarType.Input("avatar"),
                io.String.Input("filename_prefix", default="modiste/avatar", tooltip="Folder and name inside the output folder."),
                io.Combo.Input(
                    "format",
                    options=["ply", "splat", "spz"],
                    default="ply",
                    tooltip="ply: full quality, for every viewer. splat: small, colour only. spz: smallest, slightly rounded.",
                ),
                io.Combo.Input(
                    "mesh_format", options=[NONE, "glb", "obj", "ply"], default=NONE, tooltip="Also save the mesh with its texture."
                ),
                io.Combo.Input(
                    "up",
                    options=["y-down", "y-up"],
                    default="y-down",
                    tooltip="Which way is up in the splat file. y-down is what viewers and core's previews expect.",
                    **ADVANCED,
                ),
            ],
            outputs=[
                io.String.Output(
                    "splat_path", display_name="splat_path", tooltip="Splat file inside the output folder; Preview 3D shows it."
                ),
                io.String.Output(
                    "mesh_path",
                    display_name="mesh_path",
                    tooltip="Mesh file inside the output folder, empty when none was asked for.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, avatar, filename_prefix, format, mesh_format, up):
        from pathlib import PurePosixPath

        from ..models.avatars.files import save_avatar

        path, name = output_path(filename_prefix, f".{format}")
        saved = save_avatar(path, avatar, up=up, mesh_format=mesh_format, progress=Progress(100))
        also_written(*saved.all_files())
        folder = PurePosixPath(name).parent
        names = [str(folder / file.name) for file in saved.all_files()]
        mesh_name = str(folder / saved.mesh.name) if saved.mesh else ""
        return io.NodeOutput(name, mesh_name, ui=ui.PreviewText("\n".join(names)))


NODES = [LoadAvatar, AvatarFromMesh, BindGaussians, RenderAvatar, AvatarToSplat, SaveAvatar]
