"""The core nodes that run headless: pictures and splat files go in and come out as core has them."""

import json
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from modiste.host.headless import core_nodes, core_nodes_3d
from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.images import scale
from modiste.host.headless.types3d import Splat


def save(session, name, pixels, mode=None):
    Image.fromarray(np.asarray(pixels, dtype=np.uint8), mode).save(session.input_folder / name)


def outputs(executor, node, class_type, **inputs):
    """Run one node and return the first item of each of its outputs."""
    workflow = {"1": node(class_type, **inputs), "2": node("Show", value=["1", 0])}
    return [items[0] for items in executor.run(workflow).results["1"].outputs]


def test_a_picture_comes_in_as_rgb_with_its_transparency(executor, session, node):
    save(session, "a.png", [[[255, 0, 51, 255], [0, 102, 0, 0]]])
    image, mask = outputs(executor, node, "LoadImage", image="a.png")
    assert torch.allclose(image, torch.tensor([[[[1.0, 0.0, 0.2], [0.0, 0.4, 0.0]]]]))
    assert torch.equal(mask, torch.tensor([[[0.0, 1.0]]]))


def test_a_picture_without_alpha_has_cores_empty_mask(executor, session, node):
    save(session, "a.png", np.zeros((3, 5, 3)))
    image, mask = outputs(executor, node, "LoadImage", image="a.png")
    assert image.shape == (1, 3, 5, 3)
    assert torch.equal(mask, torch.zeros(1, 64, 64))


def test_a_camera_picture_is_turned_upright(executor, session, node):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(session.input_folder / "a.jpg", exif=exif)
    image, _ = outputs(executor, node, "LoadImage", image="a.jpg")
    assert image.shape == (1, 4, 2, 3)


def test_an_animation_is_a_batch(executor, session, node):
    frames = [Image.fromarray(np.full((2, 2, 3), value, np.uint8)) for value in (0, 128, 255)]
    frames[0].save(session.input_folder / "a.gif", save_all=True, append_images=frames[1:])
    image, mask = outputs(executor, node, "LoadImage", image="a.gif")
    assert image.shape == (3, 2, 2, 3)
    assert len(mask) == 3


def test_a_16_bit_picture_keeps_its_brightness(executor, session, node):
    Image.fromarray(np.full((2, 2), 65535 // 2, np.uint16)).save(session.input_folder / "a.png")
    image, _ = outputs(executor, node, "LoadImage", image="a.png")
    assert abs(image.mean() - 0.5) < 0.01


@pytest.mark.parametrize(("channel", "value"), [("alpha", 0.8), ("red", 1.0), ("green", 0.4), ("blue", 0.0)])
def test_a_mask_is_one_channel(executor, session, node, channel, value):
    save(session, "a.png", [[[255, 102, 0, 51]]])
    (mask,) = outputs(executor, node, "LoadImageMask", image="a.png", channel=channel)
    assert mask.shape == (1, 1, 1)
    assert abs(mask.item() - value) < 1e-6


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_file_that_is_no_picture_is_a_sentence(executor, session, node, content):
    (session.input_folder / "a.png").write_bytes(content)
    with pytest.raises(
        WorkflowError, match=r"Load Image \(#1\): 'a.png' is not a picture|LoadImage \(#1\): 'a.png' is not a picture"
    ):
        outputs(executor, node, "LoadImage", image="a.png")


def test_a_picture_is_saved_to_the_bit_with_its_workflow(executor, session, node):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 7, 3))
    save(session, "a.png", pixels)
    workflow = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="set/pic")}
    (path,) = executor.run(workflow).files
    assert path == (session.output_folder / "set" / "pic_00001_.png").resolve()
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), pixels)
        assert json.loads(picture.text["prompt"]) == workflow


def test_a_preview_goes_to_the_temp_folder(executor, session, node):
    save(session, "a.png", np.zeros((2, 2, 3)))
    (path,) = executor.run({"1": node("LoadImage", image="a.png"), "2": node("PreviewImage", images=["1", 0])}).files
    assert path.parent == session.temp_folder.resolve()


def test_a_failed_write_leaves_nothing(executor, session, node, monkeypatch):
    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    save(session, "a.png", np.zeros((2, 2, 3)))
    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(WorkflowError, match="No space left on device"):
        executor.run({"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")})
    assert list(session.output_folder.iterdir()) == []


class TestScale:
    image = torch.rand(2, 8, 12, 3, generator=torch.Generator().manual_seed(0))

    @pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
    def test_every_method_gives_the_size_asked_for(self, method):
        assert scale(self.image, 5, 7, method, crop=False).shape == (2, 7, 5, 3)

    def test_a_missing_side_keeps_the_shape(self):
        assert scale(self.image, 6, 0, "area", crop=False).shape == (2, 4, 6, 3)
        assert scale(self.image, 0, 16, "area", crop=False).shape == (2, 16, 24, 3)

    def test_no_size_is_the_picture_itself(self):
        assert scale(self.image, 0, 0, "area", crop=False) is self.image

    def test_crop_keeps_the_middle(self):
        assert torch.equal(scale(self.image, 8, 8, "nearest-exact", crop=True), self.image[:, :, 2:10])
        assert torch.equal(scale(self.image, 12, 4, "nearest-exact", crop=True), self.image[:, 2:6])

    def test_area_is_the_mean_of_what_a_pixel_covers(self):
        expected = self.image.reshape(2, 4, 2, 6, 2, 3).mean(dim=(2, 4))
        assert torch.allclose(scale(self.image, 6, 4, "area", crop=False), expected)


class TestSplats:
    @pytest.fixture
    def splat(self):
        generator = torch.Generator().manual_seed(1)
        rotations = torch.nn.functional.normalize(torch.rand(1, 4, 4, generator=generator), dim=-1)
        return Splat(
            positions=torch.rand(1, 4, 3, generator=generator),
            scales=torch.rand(1, 4, 3, generator=generator) + 0.1,
            rotations=rotations,
            opacities=torch.full((1, 4, 1), 0.5),
            sh=torch.rand(1, 4, 1, 3, generator=generator),
            counts=torch.tensor([3]),
        )

    @pytest.fixture
    def executor(self, executor, splat):
        """An executor that also knows a node giving the splat."""
        from modiste.host.headless import io

        class GiveSplat(io.ComfyNode):
            @classmethod
            def define_schema(cls):
                return io.Schema("GiveSplat", outputs=[core_nodes_3d.SplatType.Output()])

            @classmethod
            def execute(cls):
                return io.NodeOutput(splat)

        executor.node_classes["GiveSplat"] = GiveSplat
        return executor

    def workflow(self, node, last, **inputs):
        return {
            "1": node("GiveSplat"),
            "2": node("SplatToFile3D", splat=["1", 0], format="ply"),
            "3": node(last, model_3d=["2", 0], viewport_state="", width=512, height=512, **inputs),
        }

    def test_a_splat_file_holds_the_real_gaussians_where_they_lie(self, executor, node, splat):
        (path,) = executor.run(self.workflow(node, "SaveGaussianSplat", filename_prefix="3d/me")).files
        header, _, body = path.read_bytes().partition(b"end_header\n")
        lines = header.decode().splitlines()
        assert path.name == "me_00001_.ply"
        assert "element vertex 3" in lines
        names = [line.split()[-1] for line in lines if line.startswith("property")]
        rows = list(struct.iter_unpack(f"<{len(names)}f", body))
        places = torch.tensor([[row[names.index(axis)] for axis in "xyz"] for row in rows])
        assert torch.allclose(places, splat.positions[0, :3])

    def test_a_splat_preview_goes_to_the_temp_folder(self, executor, session, node):
        (path,) = executor.run(self.workflow(node, "PreviewGaussianSplat")).files
        assert path.parent == session.temp_folder.resolve()

    def test_an_empty_splat_is_a_sentence(self, executor, node, splat):
        splat.counts = torch.tensor([0])
        with pytest.raises(WorkflowError, match="holds no Gaussians"):
            executor.run(self.workflow(node, "PreviewGaussianSplat"))

    def test_a_3d_preview_reports_the_file_and_writes_nothing(self, executor, session, node):
        workflow = {"1": node("WriteText", text="solid", prefix="model"), "2": node("Preview3D", model_file="model_00001_.txt")}
        executor.run({"1": workflow["1"]})
        result = executor.run({"2": workflow["2"]})
        assert result.files == [(session.output_folder / "model_00001_.txt").resolve()]
        assert len(list(session.output_folder.iterdir())) == 1

    @pytest.mark.parametrize("name", ["missing.ply", "../a.ply", "/etc/hostname"])
    def test_a_3d_preview_of_no_output_file_is_a_sentence(self, executor, node, name):
        with pytest.raises(WorkflowError, match="output folder"):
            executor.run({"2": node("Preview3D", model_file=name)})


def test_core_nodes_have_the_ids_and_inputs_of_core():
    inputs = {
        schema.node_id: [item.id for item in schema.inputs]
        for schema in (node.define_schema() for node in [*core_nodes.NODES, *core_nodes_3d.NODES])
    }
    splat_file = ["viewport_state", "model_3d_info", "camera_info", "width", "height"]
    assert inputs == {
        "LoadImage": ["image"],
        "LoadImageMask": ["image", "channel"],
        "SaveImage": ["images", "filename_prefix"],
        "SaveAnimatedWEBP": ["images", "filename_prefix", "fps", "lossless", "quality", "method"],
        "PreviewImage": ["images"],
        "ImageScale": ["image", "upscale_method", "width", "height", "crop"],
        "SplatToFile3D": ["splat", "format"],
        "Preview3D": ["model_file", "camera_info", "bg_image"],
        "SaveGaussianSplat": ["model_3d", "filename_prefix", *splat_file],
        "PreviewGaussianSplat": ["model_3d", *splat_file],
    }
