"""AvatarMix: one avatar out of two, the head of one on the clothed body of the other."""

from __future__ import annotations

from ..host import ADVANCED, Progress, io
from .types import AvatarType, BodyType, CamerasType

CATEGORY = "modiste/avatarmix"


class TransferSkinning(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteTransferSkinning",
            display_name="Transfer Skinning",
            category=CATEGORY,
            description="Give an avatar the skinning weights of the body inside it, so that it can take another pose.",
            inputs=[
                AvatarType.Input("avatar", tooltip="Avatar to rig, standing exactly where its body stands."),
                BodyType.Input(
                    "body", optional=True, tooltip="Body inside the avatar, from Load Body. Without it: the avatar's own body."
                ),
                io.Combo.Input(
                    "method",
                    options=["robust", "nearest"],
                    default="robust",
                    tooltip="robust: trust only close skin that faces the same way, spread the rest over the surface. "
                    "nearest: copy the nearest body vertex, as the paper's text says.",
                ),
                io.Float.Input(
                    "max_distance",
                    default=5.0,
                    min=0.1,
                    max=50.0,
                    step=0.1,
                    tooltip="Robust only: how far clothes may stand off the body and still copy its weights, in centimetres.",
                    **ADVANCED,
                ),
                io.Float.Input(
                    "max_angle",
                    default=30.0,
                    min=1.0,
                    max=180.0,
                    step=1.0,
                    tooltip="Robust only: largest angle between the avatar's surface and the body's, in degrees.",
                    **ADVANCED,
                ),
            ],
            outputs=[AvatarType.Output("rigged", display_name="avatar", tooltip="The avatar with skinning weights.")],
        )

    @classmethod
    def execute(cls, avatar, method, max_distance, max_angle, body=None):
        from ..models.avatars.skinning import rig

        rigged = rig(avatar, body, method, max_distance / 100, max_angle, progress=Progress(100))
        return io.NodeOutput(rigged)


class SegmentAvatar(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteSegmentAvatar",
            display_name="Segment Avatar",
            category=CATEGORY,
            description="Label every part of an avatar: from masks that a 2D parser made of its pictures, or from the body inside.",
            inputs=[
                AvatarType.Input("avatar", tooltip="Avatar to label. With a body inside, limbs are told apart and gaps filled."),
                io.Float.Input(
                    "prior",
                    default=0.3,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip="How much the guess from the body counts beside masks, in views that see a spot head-on. "
                    "Without masks it is all there is.",
                    **ADVANCED,
                ),
                io.Float.Input(
                    "smoothing",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip="How strongly neighbours agree: 0 leaves noise as it is, high values round corners off.",
                ),
                io.Float.Input(
                    "smallest_island",
                    default=10.0,
                    min=0.0,
                    max=500.0,
                    step=1.0,
                    tooltip="Patches smaller than this take the label around them, in square centimetres.",
                ),
                CamerasType.Input("cameras", optional=True, tooltip="From the Render Avatar whose pictures were parsed."),
                *(
                    io.Mask.Input(name, optional=True, tooltip=f"{told}, a mask for each picture in their order.")
                    for name, told in (
                        ("face", "Face"),
                        ("hair", "Hair"),
                        ("skin", "Bare skin of neck, arms and legs; the body tells which"),
                        ("hands", "Hands"),
                        ("clothes", "Clothes of all kinds, as one mask"),
                        ("shoes", "Shoes"),
                    )
                ),
            ],
            outputs=[
                AvatarType.Output("labelled", display_name="avatar", tooltip="The avatar with its labels."),
                io.Image.Output(
                    "picture", display_name="picture", tooltip="The labels in colours, through the cameras or from four sides."
                ),
            ],
        )

    @classmethod
    def execute(cls, avatar, prior, smoothing, smallest_island, cameras=None, **masks):
        from ..models.avatars.segmentation import Settings, label_pictures, segment
        from ..models.avatars.views import camera_ring

        masks = {name: mask for name, mask in masks.items() if mask is not None}
        settings = Settings(prior, smoothing, smallest_island)
        labelled = segment(avatar, cameras.cameras if cameras else (), masks, settings, progress=Progress(100))
        ring = cameras or camera_ring(avatar, 4, 512, 512)
        return io.NodeOutput(labelled, label_pictures(labelled, ring.cameras, progress=Progress(100)))


class GSReshape(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteGSReshape",
            display_name="GSReshape",
            category=CATEGORY,
            description="Give a clothed avatar another body's shape; clothes and Gaussians follow.",
            inputs=[
                AvatarType.Input("avatar", tooltip="Avatar to reshape. Needs a body, skinning, and labels to spare its hands."),
                io.Combo.Input(
                    "quality",
                    options=["fast", "exact"],
                    default="fast",
                    tooltip="fast: seconds; layers may cross here and there, which 'report' tells. exact: half a minute or so; "
                    "what would cross is solved for, and told if it stays.",
                ),
                io.Float.Input(
                    "fit",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip="exact only: how tightly skin and clothes keep their distance to the body, where shape keeping has 1.",
                    **ADVANCED,
                ),
                io.Float.Input(
                    "curves",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="exact only: how much hems and cuffs keep their bends; 0.01 is a usual value.",
                    **ADVANCED,
                ),
                io.Boolean.Input(
                    "prepass",
                    default=True,
                    tooltip="exact only: move the skeleton inside the mesh first. Off starts from the body's own joints.",
                    **ADVANCED,
                ),
                io.Boolean.Input(
                    "anneal",
                    default=False,
                    tooltip="exact only: where the body gets thinner, draw clothes in tightly first, then restore their shapes.",
                    **ADVANCED,
                ),
                io.Boolean.Input(
                    "area_aware",
                    default=False,
                    tooltip="exact only: fit more tightly wherever the body's surface shrinks.",
                    **ADVANCED,
                ),
                AvatarType.Input("user", optional=True, tooltip="Avatar whose body shape to take."),
                BodyType.Input("body", optional=True, tooltip="Body whose shape to take, from Load Body; it goes before 'user'."),
            ],
            outputs=[
                AvatarType.Output(
                    "reshaped", display_name="avatar", tooltip="The avatar in its own pose with the other body's shape."
                ),
                io.String.Output("report", display_name="report", tooltip="What crosses or enters the body, if anything."),
            ],
        )

    @classmethod
    def execute(cls, avatar, quality, fit, curves, prepass, anneal, area_aware, user=None, body=None):
        from ..models.avatars.reshape import Settings, reshape

        body = body or (user.body if user else None)
        if body is None:
            raise ValueError("GSReshape has no shape to take: connect a user with a body inside, or Load Body.")
        settings = Settings(fit, curves, prepass, anneal, area_aware)
        reshaped, check = reshape(avatar, body, quality, settings, progress=Progress(100))
        return io.NodeOutput(reshaped, str(check))


class AlignHead(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteAlignHead",
            display_name="Align Head",
            category=CATEGORY,
            description="Bring the user's head and neck into the model's pose and keep only them.",
            inputs=[
                AvatarType.Input("user", tooltip="Whose face, hair and neck to keep. Needs labels, a body and skinning."),
                AvatarType.Input("model", tooltip="Whose pose to take. Needs a body."),
                io.Float.Input(
                    "neck_cut",
                    default=0.2,
                    min=0.0,
                    max=0.9,
                    step=0.05,
                    tooltip="Where the neck is cut, as a fraction of the way from its base (0) to the head joint (1). "
                    "Use the same value in Compose Avatars.",
                ),
                io.Boolean.Input(
                    "match_size",
                    default=False,
                    tooltip="Scale the head so that its neck is as long as the model's. Off keeps the user's own head size.",
                ),
            ],
            outputs=[AvatarType.Output("head", display_name="head", tooltip="Head and neck alone, where the model's would be.")],
        )

    @classmethod
    def execute(cls, user, model, neck_cut, match_size):
        from ..models.avatars.head import align_head

        return io.NodeOutput(align_head(user, model, neck_cut, match_size, progress=Progress(100)))


class TransferSkinTone(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteTransferSkinTone",
            display_name="Transfer Skin Tone",
            category=CATEGORY,
            description="Give an avatar's skin the tone of another's, and leave its light and shade as they are.",
            inputs=[
                AvatarType.Input("avatar", tooltip="Whose skin to recolour: arms, legs, hands and chest, as labelled."),
                AvatarType.Input("reference", tooltip="Whose skin tone to take."),
                io.Combo.Input(
                    "method",
                    options=["opacity_weighted", "per_part"],
                    default="opacity_weighted",
                    tooltip="opacity_weighted: one map from the reference's face to all skin, as in the paper. "
                    "per_part: arms, legs, chest and hands each from their own counterpart, outliers left out.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 leaves the skin alone, 1 is the whole transfer.",
                ),
            ],
            outputs=[AvatarType.Output("recoloured", display_name="avatar", tooltip="The avatar with the reference's skin tone.")],
        )

    @classmethod
    def execute(cls, avatar, reference, method, strength):
        from ..models.avatars.skin_tone import transfer_skin_tone

        return io.NodeOutput(transfer_skin_tone(avatar, reference, method, strength, progress=Progress(100)))


class ComposeAvatars(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ModisteComposeAvatars",
            display_name="Compose Avatars",
            category=CATEGORY,
            description="Put the head from Align Head on the model's clothed body.",
            inputs=[
                AvatarType.Input("head", tooltip="Head and neck, from Align Head."),
                AvatarType.Input("body", tooltip="The model: its own head and neck are taken off. Needs labels and a body."),
                io.Float.Input(
                    "neck_cut",
                    default=0.2,
                    min=0.0,
                    max=0.9,
                    step=0.05,
                    tooltip="Where the model's neck is cut, as a fraction from its base (0) to the head joint (1). "
                    "Use the same value as in Align Head.",
                ),
                io.Float.Input(
                    "blend",
                    default=4.0,
                    min=0.0,
                    max=20.0,
                    step=0.5,
                    tooltip="Height of the band in which the head's neck bends to meet the model's, in centimetres. 0 joins as is.",
                ),
            ],
            outputs=[AvatarType.Output("avatar", display_name="avatar", tooltip="The composed avatar, in the model's pose.")],
        )

    @classmethod
    def execute(cls, head, body, neck_cut, blend):
        from ..models.avatars.compose import compose

        return io.NodeOutput(compose(head, body, neck_cut, blend / 100, progress=Progress(100)))


NODES = [SegmentAvatar, TransferSkinning, GSReshape, AlignHead, TransferSkinTone, ComposeAvatars]
