"""MODEL, CLIP and VAE without ComfyUI: diffusers and transformers modules behind the faces that core's objects show to nodes.

Lives here: the three objects (`model`, `clip`, `vae`), changes of weights (`weights`, `lora`), the noise and the samplers in
k-diffusion's sigma space (`noise`, `schedules`, `samplers`, `guidance`, `sampling`), prompt syntax (`prompts`), and where the
objects come from (`interface`, `checkpoints`). Does not live here: the architecture and names of weights (`models.base`), what
happens at an attention layer (`models.attention`), and the nodes (`core_nodes_diffusion`, `core_nodes_sampling`).
In: weights and CONDITIONING, LATENT, IMAGE as core has them. Out: the same types, equal to core's on a CPU to rounding.
"""
