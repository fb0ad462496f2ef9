"""Synthetic people in clothes, built on the shipped body: demo inputs for nodes and data for the lab.

Lives here: people (recipes, skin, hair, poses), garments (cutting, draping, flattening), fabrics, and the light that is baked into
their colours. Everything is a pure function of a recipe. Does not live here: the body itself (`models.body`), avatars and their
Gaussians (`models.avatars`), rendering (`models.render`). In: an `AvatarRecipe`, written by hand or by `random_recipe(seed)`.
Out: an `Avatar`.

A person is a stack of pieces (`pieces.Piece`): skin, garments, shoes, hair. Each is cut or grown on the shaped body in its rest
pose, is flattened into panels as a tailor would, is posed with the body's own weights, and knows how to paint itself.
"""

from .avatars import procedural_avatar
from .recipes import AvatarRecipe, LowerGarment, UpperGarment, random_recipe

__all__ = ["AvatarRecipe", "LowerGarment", "UpperGarment", "procedural_avatar", "random_recipe"]
