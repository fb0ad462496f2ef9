"""IGR: a garment as it would lie in a shop, restored from a photo of somebody who wears it.

Lives here: GarmNet (`garm_net`) and its features, the garment image prompt (`crop`, `image_encoder`, `projections`,
`image_prompt`) and IP-Adapter's files (`ip_adapter`), the pack's own files (`files`), checks of photos and masks (`photos`), and
the white ground (`finish`). Does not live here: GarmFus itself, which is the attention patch `models.attention.KeyValueConcat`,
sampling, which is the host's, and training (`lab.training`). In: photos and masks of garments; out: patches for a MODEL.
"""
