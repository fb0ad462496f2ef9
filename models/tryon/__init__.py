"""Try-on (3D-GCL): flows from one picture of a person to another. In: pictures and bodies; out: flows and dressed pictures."""

from .flow import Flow

__all__ = ["Flow"]
