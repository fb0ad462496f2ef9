"""Readers and writers of the files avatars come from and go to.

Gaussians (`gaussian_ply`, `splat`, `spz`), triangle meshes (`mesh_files`: `glb`, `obj`, `mesh_ply`), vertex labels
(`labels_file`) and what only we need of an avatar, beside its splat (`sidecar`). Every reader takes a
path and returns plain types in our world (metres, Y up); it refuses what it cannot read whole, in one sentence, and never believes
a count that the size of the file contradicts. Every writer is atomic. Putting the pieces together into an avatar is
`models/avatars/files.py`.
"""
