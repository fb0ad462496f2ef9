"""A body in the SMPL-X file format, made up: the joints of a T-pose, each with a cloud of vertices around it."""

import numpy as np
import pytest

from modiste.models.body import JOINT_INDEX, JOINTS, PARENTS, BodyParameters, load_modiste_body, load_smplx

VERTICES, FACES = 10475, 20908

_MIDDLE = {
    "pelvis": (0, -0.35, 0.01), "spine1": (0, -0.24, -0.02), "spine2": (0, -0.1, -0.03), "spine3": (0, -0.05, -0.02),
    "neck": (0, 0.16, -0.03), "head": (0, 0.31, 0.02), "jaw": (0, 0.29, 0.03),
}  # fmt: skip
_LEFT = {
    "hip": (0.06, -0.44, 0.0), "knee": (0.11, -0.82, -0.01), "ankle": (0.09, -1.23, -0.04), "foot": (0.12, -1.29, 0.08),
    "collar": (0.05, 0.08, -0.02), "shoulder": (0.16, 0.1, -0.03), "elbow": (0.42, 0.09, -0.05), "wrist": (0.67, 0.1, -0.05),
    "eye": (0.03, 0.36, 0.09),
}  # fmt: skip
_KNUCKLES = {"index": 0.03, "middle": 0.01, "ring": -0.01, "pinky": -0.03, "thumb": 0.05}


def t_pose_joints() -> np.ndarray:
    """Rest joints [55, 3] about where SMPL-X has them."""
    joints = np.zeros((len(JOINTS), 3))
    for name, place in _MIDDLE.items():
        joints[JOINT_INDEX[name]] = place
    wrist = np.array(_LEFT["wrist"])
    fingers = {
        f"{finger}{knuckle}": wrist + np.array((0.08 + 0.025 * knuckle - 0.05 * (finger == "thumb"), -0.01, across))
        for finger, across in _KNUCKLES.items()
        for knuckle in (1, 2, 3)
    }
    for name, place in (_LEFT | fingers).items():
        joints[JOINT_INDEX[f"left_{name}"]] = place
        joints[JOINT_INDEX[f"right_{name}"]] = np.array(place) * (-1, 1, 1)
    return joints


def smplx_arrays(coefficients: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    """All arrays that an SMPL-X npz needs; vertex v lies around joint v % 55, and each joint is the mean of its vertices."""
    draw = np.random.default_rng(seed)
    joints = t_pose_joints()
    owner = np.arange(VERTICES) % len(JOINTS)
    offsets = draw.normal(0, 0.02, (VERTICES, 3))
    regressor = (owner == np.arange(len(JOINTS))[:, None]) / np.bincount(owner)[:, None]
    weights = 0.7 * np.eye(len(JOINTS))[owner] + 0.3 * np.eye(len(JOINTS))[np.maximum(np.array(PARENTS), 0)[owner]]
    arrays = {
        "v_template": joints[owner] + offsets - (regressor @ offsets)[owner],
        "f": draw.integers(0, VERTICES, (FACES, 3)).astype(np.uint32),
        "shapedirs": draw.normal(0, 0.005, (VERTICES, 3, coefficients)),
        "posedirs": draw.normal(0, 0.001, (VERTICES, 3, 486)),
        "J_regressor": regressor,
        "kintree_table": np.array([PARENTS, range(len(JOINTS))]).astype(np.uint32),
        "weights": weights,
        "lmk_faces_idx": draw.integers(0, FACES, 51),
        "lmk_bary_coords": np.full((51, 3), 1 / 3),
    }
    for side in "lr":
        arrays[f"hands_components{side}"] = draw.normal(0, 0.1, (45, 45))
        arrays[f"hands_mean{side}"] = draw.normal(0, 0.1, 45)
    return {key: array.astype(np.float32) if array.dtype.kind == "f" else array for key, array in arrays.items()}


@pytest.fixture(scope="session")
def arrays():
    return smplx_arrays()


@pytest.fixture(scope="session")
def smplx_body(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("smplx") / "anything.npz"
    np.savez(path, **arrays)
    return load_smplx(path)


@pytest.fixture(scope="session")
def body():
    return load_modiste_body()


@pytest.fixture
def random_parameters():
    """Parameters of any body, drawn from a seed."""
    import torch

    def make(body, seed: int = 0, angle: float = 0.4) -> BodyParameters:
        draw = torch.Generator().manual_seed(seed)
        return BodyParameters(
            torch.randn(body.shape_size, generator=draw) * 0.5,
            torch.randn(len(JOINTS), 3, generator=draw) * angle,
            torch.randn(3, generator=draw),
        )

    return make
