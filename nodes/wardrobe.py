"""People made from nothing."""

from __future__ import annotations

from ..host import Progress, io
from .types import AvatarType


class ProceduralAvatar(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        from ..wardrobe.wishes import ANY, COMPLEXIONS, DRESSES, FIGURES, HAIR, HATS, LOWERS, OUTERS, PEOPLE, STANCES, UPPERS

        def choice(name, options, tooltip):
            return io.Combo.Input(name, options=list(options), default=options[0], tooltip=tooltip)

        def color(name, tooltip):
            return io.String.Input(name, default="", tooltip=f"{tooltip}, as #rrggbb. Empty: from the seed.")

        return io.Schema(
            node_id="ModisteProceduralAvatar",
            display_name="Procedural Avatar",
            category="modiste/avatars",
            description="A clothed person made from nothing, with mesh, Gaussians, labels, skinning and body.",
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another seed is another person. What is chosen below stays.",
                ),
                choice("person", PEOPLE, "Woman or man."),
                choice("figure", (ANY, *FIGURES), "How heavy the person is."),
                choice("complexion", (ANY, *COMPLEXIONS), "Skin, from fair to deep."),
                choice("hair", HAIR, "Hair style; its colour comes from the seed."),
                choice("upper", UPPERS, "Cut of the upper garment."),
                color("upper_color", "Ground colour of the upper garment"),
                choice("lower", LOWERS, "Cut of the lower garment."),
                color("lower_color", "Ground colour of the lower garment"),
                choice("pose", STANCES, "How the person stands."),
                io.Int.Input(
                    "gaussians",
                    default=100000,
                    min=1000,
                    max=1000000,
                    step=1000,
                    tooltip="How many Gaussians cover the person. More is finer and slower.",
                ),
                choice("dress", DRESSES, "A dress instead of the upper and lower garment, of the upper garment's cloth."),
                choice("outer", OUTERS, "A jacket or coat over the rest, worn open; its colour comes from the seed."),
                choice("hat", HATS, "A hat; its colour comes from the seed."),
            ],
            outputs=[AvatarType.Output("avatar", display_name="avatar", tooltip="The person, ready for every avatar node.")],
        )

    @classmethod
    def execute(cls, seed, gaussians, upper_color, lower_color, **choices):
        from ..models.avatars.views import parse_color
        from ..wardrobe.avatars import procedural_avatar
        from ..wardrobe.wishes import Wishes, wished_recipe

        colors = {
            name: tuple(parse_color(text).tolist()) if text.strip() else None
            for name, text in (("upper_color", upper_color), ("lower_color", lower_color))
        }
        recipe = wished_recipe(seed, Wishes(**choices, **colors), gaussians)
        return io.NodeOutput(procedural_avatar(recipe, progress=Progress(100)))


NODES = [ProceduralAvatar]
