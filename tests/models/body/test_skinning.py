import numpy as np
import torch

from modiste.models.body import JOINT_INDEX, JOINTS, PARENTS, BodyParameters
from modiste.models.body.skinning import apply_transforms, blend_transforms, joint_transforms


def rodrigues(vector):
    angle = np.linalg.norm(vector)
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def carry(point, joint, pose, joints):
    """Turn a point about a joint, then about its parent, and so on up to the root."""
    while joint >= 0:
        point = rodrigues(pose[joint]) @ (point - joints[joint]) + joints[joint]
        joint = PARENTS[joint]
    return point


def test_posed_vertices_are_the_weighted_mean_of_points_carried_joint_by_joint(body, random_parameters):
    parameters = random_parameters(body)
    posed = body.posed(parameters)
    rest, joints = (tensor.double().numpy() for tensor in body.shaped(parameters.shape))
    pose, weights = parameters.pose.double().numpy(), body.weights.double().numpy()
    for vertex in range(0, len(rest), 331):
        expected = (
            sum(weights[vertex, joint] * carry(rest[vertex], joint, pose, joints) for joint in np.flatnonzero(weights[vertex]))
            + parameters.translation.numpy()
        )
        np.testing.assert_allclose(posed.vertices[vertex], expected, atol=2e-6)


def test_posed_joints_are_where_their_own_transforms_put_them(body, random_parameters):
    parameters = random_parameters(body, seed=1)
    posed, joints = body.posed(parameters), body.shaped(parameters.shape)[1].double().numpy()
    for index in range(len(JOINTS)):
        expected = carry(joints[index], index, parameters.pose.double().numpy(), joints) + parameters.translation.numpy()
        np.testing.assert_allclose(posed.joints[index], expected, atol=2e-6)
        carried = apply_transforms(posed.transforms[index], torch.tensor(joints[index : index + 1]).float())
        np.testing.assert_allclose(carried[0], expected, atol=2e-6)


def test_bending_the_elbow_moves_forearm_and_hand_and_nothing_else(body):
    pose = torch.zeros(55, 3)
    pose[JOINT_INDEX["left_elbow"]] = torch.tensor([0.0, -1.2, 0.0])
    moved = (body.posed(BodyParameters(torch.zeros(body.shape_size), pose, torch.zeros(3))).vertices - body.template).norm(dim=1)
    below = [index for index, name in enumerate(JOINTS) if name.startswith("left_") and descends(index, JOINT_INDEX["left_elbow"])]
    held = body.weights[:, below].sum(1)
    assert moved[held == 0].max() < 1e-6
    assert moved[held == 1].min() > 0.001
    assert moved[body.weights[:, JOINT_INDEX["left_middle3"]] > 0.9].min() > 0.2


def descends(joint, ancestor):
    while joint not in (-1, ancestor):
        joint = PARENTS[joint]
    return joint == ancestor


def test_turning_only_the_root_turns_the_whole_body_rigidly(body):
    pose = torch.zeros(55, 3)
    pose[0] = torch.tensor([0.3, -1.0, 0.2])
    posed = body.posed(BodyParameters(torch.zeros(body.shape_size), pose, torch.zeros(3)))
    pelvis = body.shaped(torch.zeros(body.shape_size))[1][0]
    expected = (body.template - pelvis) @ torch.tensor(rodrigues(pose[0].numpy())).float().T + pelvis
    torch.testing.assert_close(posed.vertices, expected, atol=2e-6, rtol=0)


def test_gradients_reach_pose_and_joints():
    pose = (torch.randn(3, 3) * 0.1).requires_grad_()
    joints = torch.randn(3, 3, requires_grad=True)
    transforms = blend_transforms(torch.full((4, 3), 1 / 3), joint_transforms(pose, joints, (-1, 0, 1)))
    apply_transforms(transforms, torch.randn(4, 3)).square().sum().backward()
    assert pose.grad.abs().min() > 0
    assert joints.grad.abs().sum() > 0
