"""Nodes for these tests alone, which ComfyUI loads beside the pack: MODELs patched as artists' nodes will patch them."""


async def comfy_entrypoint():
    import importlib
    import sys

    from comfy_api.v0_0_2 import ComfyExtension, io

    from .patching import patching_nodes

    class ProbeExtension(ComfyExtension):
        async def get_node_list(self):
            return patching_nodes(io, pack)

    def pack(module):
        """Import a module of the pack, which ComfyUI knows under the path of its folder."""
        name = next(name for name in sys.modules if name.endswith("custom_nodes/ComfyUI-Modiste"))
        return importlib.import_module(f"{name}.{module}")

    return ProbeExtension()
