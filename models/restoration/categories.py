"""The kinds of garments that IGR restores, each with the prompt that GarmNet and the denoiser are told (section 3.2)."""

from __future__ import annotations

# The tiny base knows the words of the wardrobe's captions alone, so the prompts keep to these.
PROMPTS = {
    "upper": "a shirt on a white background",
    "lower": "shorts, trousers or a skirt on a white background",
    "full body": "a dress on a white background",
}
CATEGORIES = tuple(PROMPTS)
SLOT_CATEGORY = {"upper": "upper", "outer": "upper", "lower": "lower", "dress": "full body"}  # the wardrobe's slots
