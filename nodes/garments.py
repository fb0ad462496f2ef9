"""Garments before and after their restoration: the photo and its masks, the close-up, and the white ground."""

from __future__ import annotations

from ..host import Progress, input_files, io, nothing
from .files import NONE, check_chosen, chosen_fingerprint, chosen_path

CATEGORY = "modiste/restoration"


class PersonPhoto(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModistePersonPhoto",
            display_name="Person Photo",
            category=CATEGORY,
            description="A made-up person, or a picture of one, with masks of what is worn. It knows the tiny base's world; for "
            "real photos use Load Image, and paint the mask there.",
            inputs=[
                io.Combo.Input(
                    "photo",
                    options=[NONE, *input_files((".png", ".jpg", ".jpeg", ".webp"))],
                    default=NONE,
                    upload=io.UploadType.image,
                    tooltip="A picture of a made-up person in ComfyUI's input folder. 'none' makes one up.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Without a photo: another seed is another person.",
                ),
                io.Int.Input("width", default=192, min=64, max=2048, step=8, tooltip="Pixels. The tiny base draws at 192 x 256."),
                io.Int.Input(
                    "height", default=256, min=64, max=2048, step=8, tooltip="Pixels. Photos are made to fit and not stretched."
                ),
            ],
            outputs=[
                io.Image.Output("image", display_name="image", tooltip="The whole picture."),
                io.Mask.Output("upper", display_name="upper", tooltip="The shirt or coat. Without one, what follows is skipped."),
                io.Mask.Output("lower", display_name="lower", tooltip="Trousers or skirt. Without any, what follows is skipped."),
                io.Mask.Output("full_body", display_name="full body", tooltip="The dress. Without one, what follows is skipped."),
            ],
        )

    @classmethod
    def validate_inputs(cls, photo):
        return check_chosen(photo)

    @classmethod
    def fingerprint_inputs(cls, photo, **_):
        return chosen_fingerprint(photo)

    @classmethod
    def execute(cls, photo, seed, width, height):
        from ..models.restoration.garment_finder import category_masks, found_garments, part_names
        from ..models.restoration.photos import fitted, read_photo

        path = chosen_path(photo)
        if path is None:
            from ..wardrobe.samples import person_sample
            from ..wardrobe.slots import PARTS

            sample = person_sample(seed, 0, width, height, flats=False)
            image, masks = sample.image / 255, category_masks(sample.parts, PARTS)
        else:
            image = fitted(read_photo(path), width, height)
            masks = category_masks(found_garments(image[None])[0], part_names())
        if not any(mask is not None for mask in masks.values()):
            raise ValueError("No garment was found in the photo: use Load Image, and paint the garment in its mask editor.")
        return io.NodeOutput(image[None], *(nothing() if mask is None else mask[None] for mask in masks.values()))


class GarmentCrop(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteGarmentCrop",
            display_name="Garment Crop",
            category=CATEGORY,
            description="Cut a garment out of a photo as a square close-up on black, without stretching it.",
            inputs=[
                io.Image.Input("image", tooltip="Photo of somebody who wears the garment."),
                io.Mask.Input("mask", tooltip="White on the garment: one, or one for each photo, of the photo's size."),
                io.Int.Input(
                    "size", default=224, min=32, max=2048, step=8, tooltip="Pixels of the square's side. CLIP Vision sees 224."
                ),
                io.Float.Input(
                    "margin",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Room left around the garment, as a share of its longer side.",
                ),
            ],
            outputs=[
                io.Image.Output("crop", display_name="crop", tooltip="The garment alone, for Garment Image Prompt."),
                io.Mask.Output("crop_mask", display_name="mask", tooltip="White on the garment in the crop."),
                io.Int.Output("left", display_name="left", is_output_list=True, tooltip="Pixels from the photo's left to its own."),
                io.Int.Output("top", display_name="top", is_output_list=True, tooltip="Pixels from the photo's top to its own."),
                io.Int.Output("side", display_name="side", is_output_list=True, tooltip="Its side in pixels of the photo."),
            ],
        )

    @classmethod
    def execute(cls, image, mask, size, margin):
        import torch

        from ..models.restoration.crop import garment_crop, placement
        from ..models.restoration.photos import checked_masks

        masks = checked_masks(image, mask)
        places = [placement(one, margin) for one in masks]
        crops = [garment_crop(photo[..., :3], one, place, size) for photo, one, place in zip(image, masks, places, strict=True)]
        pictures, cut = (torch.stack(many) for many in zip(*crops, strict=True))
        return io.NodeOutput(
            pictures, cut, [place.left for place in places], [place.top for place in places], [place.side for place in places]
        )


class RestoredGarmentFinish(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteRestoredGarmentFinish",
            display_name="Restored Garment Finish",
            category=CATEGORY,
            description="Put restored garments on pure white, and give their outline.",
            inputs=[
                io.Image.Input("image", tooltip="Restored garments, from VAE Decode."),
                io.Float.Input(
                    "tolerance",
                    default=0.06,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    tooltip="How far from white the ground may be, as a share of full brightness. Lower keeps white cloth.",
                ),
                io.Int.Input(
                    "feather", default=1, min=0, max=32, tooltip="Pixels over which the outline fades. 0 gives a hard edge."
                ),
            ],
            outputs=[
                io.Image.Output("finished", display_name="image", tooltip="The garments on pure white."),
                io.Mask.Output("mask", display_name="mask", tooltip="White on the garments."),
            ],
        )

    @classmethod
    def execute(cls, image, tolerance, feather):
        from ..models.restoration.finish import finished

        return io.NodeOutput(*finished(image[..., :3], tolerance, feather, Progress(len(image))))


NODES = [PersonPhoto, GarmentCrop, RestoredGarmentFinish]
