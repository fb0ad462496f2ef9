"""The fast splat renderer."""

from .reference import render_reference as render_fast

__all__ = ["render_fast"]
