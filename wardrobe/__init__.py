"""Synthetic people in clothes, built on the shipped body: demo inputs for nodes and data for the lab.

Lives here: people (recipes, skin, hair, poses), garments (cutting, draping, flattening), fabrics, light, backgrounds, and pictures
of them with exact ground truth. Everything is a pure function of a recipe, or of a seed and an index. Does not live here: the body
itself (`models.body`), avatars and their Gaussians (`models.avatars`), the z-buffer (`models.render`). Two ways lead through:
an `AvatarRecipe`, written by hand or by `random_recipe(seed)`, becomes an `Avatar`; `samples.person_sample(seed, index)` draws a
recipe, dresses and poses it (`dressing`), takes its picture (`framing`, `shading`) and that of each garment (`flats`), and says
what is seen (`captions`).

A person is a stack of pieces (`pieces.Piece`): skin, garments, shoes, hair. Each is cut or grown on the shaped body in its rest
pose, is flattened into panels as a tailor would, is posed with the body's own weights, and knows how to paint itself.
"""

from .avatars import procedural_avatar
from .recipes import AvatarRecipe, LowerGarment, UpperGarment, random_recipe

__all__ = ["AvatarRecipe", "LowerGarment", "UpperGarment", "procedural_avatar", "random_recipe"]
