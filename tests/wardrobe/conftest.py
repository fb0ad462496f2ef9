"""Figures to make garments for."""

from modiste.models.body import load_modiste_body
from modiste.wardrobe.anatomy import measure
from modiste.wardrobe.fabrics import Fabric
from modiste.wardrobe.tailoring import body_obstacle

CLOTH = Fabric("plain", ((0.3, 0.4, 0.6),))
WOMAN = {"gender": 0.95, "age": 0.7, "muscle": 0.45, "weight": 0.45, "height": 0.5, "proportions": 0.2}
HEAVY_MAN = {"gender": 0.0, "age": 0.75, "muscle": 0.5, "weight": 1.0, "height": 0.4, "proportions": 0.0}


class Fitting:
    """A figure, and what was made for it so far."""

    def __init__(self, phenotype):
        body = load_modiste_body()
        self.figure = measure(body, body.phenotype_shape(**phenotype))
        self.obstacle = body_obstacle(self.figure)
        self.made = {}
