"""Templates of AvatarMix and its avatars."""

from __future__ import annotations

from .sheet import Output, Sheet


def compose_avatars(sheet: Sheet) -> dict:
    """Two people made from nothing, composed: runs anywhere as it is."""
    user, model = (
        sheet.node("ModisteProceduralAvatar", 0, f"The {name}", seed=seed)["avatar"] for name, seed in (("user", 18), ("model", 14))
    )
    for name, avatar in (("user", user), ("model", model)):
        sheet.node("ModisteSaveAvatar", 0, f"Save the {name}", avatar=avatar, filename_prefix=f"modiste/{name}")
    composed = _composition(sheet, 1, user, model)
    _results(sheet, 3, composed, "modiste/composed")
    for name, avatar in (("user", user), ("model", model), ("composed", composed)):
        sheet.level(5, 6)
        picture = sheet.node("ModisteRenderAvatar", 5, f"Look: {name}", avatar=avatar, views=1, start=20.0, height=768)
        sheet.node("SaveImage", 6, f"Picture: {name}", 360, images=picture["image"], filename_prefix=f"modiste/{name}_front")
    sheet.group("1 Two people", 0, 0, "#3f5159")
    sheet.group("2 AvatarMix", 1, 2, "#3f789e")
    sheet.group("3 The result", 3, 4, "#8a5a44")
    sheet.group("4 Before and after", 5, 6, "#535353")
    return sheet.workflow()


def compose_your_avatars(sheet: Sheet) -> dict:
    """The same with the user's files; as shipped it takes what compose_avatars has saved."""
    loaded = []
    for title, name in (("Your avatar", "user"), ("Model", "model")):
        sheet.level(0, 2)
        body = sheet.node("ModisteLoadBody", 0, f"{title}: body", bypassed=True)
        avatar = sheet.node("ModisteLoadAvatar", 1, title, file=f"modiste/{name}_00001_.ply [output]", body=body["body"])
        fitted = sheet.node("ModisteFitBody", 1, f"{title}: fit a body", avatar=avatar["avatar"], bypassed=True)
        labelled = sheet.node("ModisteSegmentAvatar", 2, f"{title}: labels", avatar=fitted["avatar"], bypassed=True)
        loaded.append(sheet.node("ModisteTransferSkinning", 2, f"{title}: skinning", avatar=labelled["avatar"])["avatar"])
    composed = _composition(sheet, 3, *loaded)
    _results(sheet, 5, composed, "modiste/your_avatar")
    sheet.group("1 Your files", 0, 2, "#3f5159")
    sheet.group("2 AvatarMix", 3, 4, "#3f789e")
    sheet.group("3 The result", 5, 6, "#8a5a44")
    return sheet.workflow()


def avatar_toolbox(sheet: Sheet) -> dict:
    """Every avatar node: to and from other 3D nodes above, a saved avatar rigged anew and composed below."""
    person = sheet.node("ModisteProceduralAvatar", 0, "A person", seed=3)["avatar"]
    shared = sheet.node("ModisteAvatarToSplat", 1, "For other 3D nodes", avatar=person)
    splat, mesh = shared["splat"], shared["mesh"]
    bound = sheet.node("ModisteBindGaussians", 2, "A splat and its mesh", splat=splat, mesh=mesh, like=person)
    sampled = sheet.node("ModisteAvatarFromMesh", 2, "A textured mesh alone", mesh=mesh, like=person, gaussians=60000)
    for name, avatar in (("bound", bound), ("sampled", sampled)):
        sheet.level(3, 4)
        picture = sheet.node("ModisteRenderAvatar", 3, f"Look: {name}", avatar=avatar["avatar"], views=2, start=20.0)
        sheet.node("PreviewImage", 4, f"Picture: {name}", 360, images=picture["image"])
    sheet.level(0, 4)
    shots = sheet.node("ModisteRenderAvatar", 1, "Photos, here of the same person", avatar=person, views=8, width=128, height=192)
    sheet.node("ModisteLoadCameras", 0, "Cameras of real photos: connect to Fit Gaussians", bypassed=True)
    photographed = sheet.node(
        "ModisteFitGaussians", 2, "From photos", avatar=sampled["avatar"], images=shots["image"], masks=shots["mask"],
        cameras=shots["cameras"], steps=40,
    )  # fmt: skip
    sheet.node("PreviewImage", 3, "Picture: fitted to photos", 360, images=photographed["picture"])
    sheet.level(0, 4)
    body = sheet.node("ModisteLoadBody", 0, "The user's body", parameters="modiste/user_00001_.body.json [output]")
    user = sheet.node("ModisteLoadAvatar", 0, "The user, saved by compose_avatars", file="modiste/user_00001_.ply [output]")
    rigged = sheet.node("ModisteTransferSkinning", 1, "Rig the user", avatar=user["avatar"], body=body["body"])
    labelled = sheet.node("ModisteSegmentAvatar", 2, "Labels from the body inside", avatar=rigged["avatar"])
    sheet.node("PreviewImage", 3, "Picture: labels", 360, images=labelled["picture"])
    found = sheet.node("ModisteFitBody", 1, "The body, found again", avatar=user["avatar"], quality="draft")
    sheet.node("PreviewImage", 4, "Picture: body", 360, images=found["picture"])
    composed = _composition(sheet, 2, rigged["avatar"], person)
    picture = sheet.node("ModisteRenderAvatar", 3, "The head, close", avatar=composed, views=2, start=20.0, framing="head")
    sheet.node("PreviewImage", 4, "Picture: neck and face", 360, images=picture["image"])
    sheet.node("ModisteSaveAvatar", 4, "Save", avatar=composed, filename_prefix="modiste/toolbox", format="spz", mesh_format="glb")
    return sheet.workflow()


def reshape_avatar(sheet: Sheet) -> dict:
    """One person in the shape of two other bodies, before and after: runs anywhere as it is."""
    person = sheet.node("ModisteProceduralAvatar", 0, "A person", seed=12)["avatar"]
    sheet.note(0, RESHAPE_NOTE, 200)
    looks = [("as made", person)]
    for name, figure in (("heavy", {"weight": 1.0, "height": 0.35}), ("slim", {"weight": 0.05, "height": 0.8})):
        sheet.level(1, 2)
        body = sheet.node("ModisteLoadBody", 1, f"A {name} body", gender=1.0, **figure)
        looks.append((name, sheet.node("ModisteGSReshape", 2, f"Made {name}", avatar=person, body=body["body"])["avatar"]))
    for name, avatar in looks:
        sheet.level(3, 4)
        picture = sheet.node("ModisteRenderAvatar", 3, f"Look: {name}", avatar=avatar, views=1, start=20.0, height=768)
        sheet.node(
            "SaveImage", 4, f"Picture: {name}", 360, images=picture["image"], filename_prefix=f"modiste/{name.replace(' ', '_')}"
        )
    sheet.group("1 A person", 0, 0, "#3f5159")
    sheet.group("2 Other bodies", 1, 2, "#3f789e")
    sheet.group("3 Before and after", 3, 4, "#8a5a44")
    return sheet.workflow()


RESHAPE_NOTE = """## GSReshape

Clothes keep their place above the skin, skirts grow with the legs, hands keep their shape. The pose stays.

Change the sliders of **Load Body**, or connect another avatar to *user* to take its shape.
"""


def _composition(sheet: Sheet, column: int, user: Output, model: Output) -> Output:
    """Add the chain of AvatarMix in two columns."""
    reshaped = sheet.node("ModisteGSReshape", column, avatar=model, user=user)["avatar"]
    head = sheet.node("ModisteAlignHead", column, user=user, model=reshaped)
    toned = sheet.node("ModisteTransferSkinTone", column, avatar=reshaped, reference=user)
    return sheet.node("ModisteComposeAvatars", column + 1, head=head["head"], body=toned["avatar"])["avatar"]


def _results(sheet: Sheet, column: int, avatar: Output, prefix: str) -> None:
    """Add turntable, files and 3D view in two columns."""
    turn = sheet.node("ModisteRenderAvatar", column, "Turntable", avatar=avatar, views=36)
    saved = sheet.node("ModisteSaveAvatar", column, "Save the avatar", avatar=avatar, filename_prefix=prefix)
    sheet.node(
        "SaveAnimatedWEBP", column + 1, "Save the turntable", 380,
        images=turn["image"], filename_prefix=f"{prefix}_turntable", fps=12.0, lossless=False, quality=90,
    )  # fmt: skip
    sheet.node("Preview3D", column + 1, "Look around", 420, model_file=saved["splat_path"], camera_info=turn["camera_info"])
