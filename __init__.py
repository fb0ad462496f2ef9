"""ComfyUI-Modiste: virtual dressing and avatars as ComfyUI nodes.

ComfyUI imports this folder and calls `comfy_entrypoint`; nothing heavy is imported before that.
"""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # noqa: ANN201 - the type belongs to the host and is imported below
    """Return the extension that lists this pack's nodes (called by ComfyUI)."""
    from .nodes import ModisteExtension

    return ModisteExtension()
