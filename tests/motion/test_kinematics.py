"""Forward kinematics agrees with matrices multiplied joint by joint."""

from __future__ import annotations

import numpy as np
import roma
import torch
from scipy.spatial.transform import Rotation

from kinelex.motion.animation import Animation, rest_pose
from kinelex.motion.kinematics import animation_pose, forward_kinematics

PARENTS = (-1, 0, 1, 0, 3, 1)


def random_animation(frames: int = 7, seed: int = 0, dtype: torch.dtype = torch.float64) -> Animation:
    generator = torch.Generator().manual_seed(seed)
    joints = len(PARENTS)
    rotations = torch.nn.functional.normalize(
        torch.randn(frames, joints, 4, generator=generator, dtype=dtype), dim=-1
    )
    offsets = torch.randn(joints, 3, generator=generator, dtype=dtype)
    translations = torch.randn(frames, joints, 3, generator=generator, dtype=dtype)
    names = tuple(f"joint{index}" for index in range(joints))
    return Animation(names, PARENTS, offsets, rotations, translations, 30.0, "generic")


def test_agrees_with_matrices_joint_by_joint() -> None:
    animation = random_animation()
    pose = animation_pose(animation)
    for frame in range(len(animation)):
        matrices = Rotation.from_quat(animation.rotations[frame].numpy()).as_matrix()
        world, place = [matrices[0]], [animation.translations[frame, 0].numpy()]
        for joint in range(1, len(PARENTS)):
            parent = PARENTS[joint]
            place.append(place[parent] + world[parent] @ animation.translations[frame, joint].numpy())
            world.append(world[parent] @ matrices[joint])
        np.testing.assert_allclose(pose.positions[frame], place, atol=1e-12)
        np.testing.assert_allclose(roma.unitquat_to_rotmat(pose.rotations[frame]), world, atol=1e-12)


def test_no_rotation_is_the_rest_pose() -> None:
    animation = random_animation()
    identity = roma.identity_quat((2, len(PARENTS)), dtype=torch.float64)
    pose = forward_kinematics(identity, torch.zeros(2, 3, dtype=torch.float64), animation.offsets, PARENTS)
    assert torch.allclose(pose.positions, rest_pose(animation).expand(2, -1, -1))


def test_batches_are_independent_and_bones_keep_their_lengths() -> None:
    first, second = random_animation(seed=1), random_animation(seed=2)
    rotations = torch.stack((first.rotations, second.rotations))
    root = torch.stack((first.translations[:, 0], second.translations[:, 0]))
    pose = forward_kinematics(rotations, root, first.offsets, PARENTS)
    alone = forward_kinematics(second.rotations, second.translations[:, 0], first.offsets, PARENTS)
    assert torch.equal(pose.positions[1], alone.positions)
    lengths = (pose.positions[..., 1:, :] - pose.positions[..., list(PARENTS[1:]), :]).norm(dim=-1)
    assert torch.allclose(lengths, first.offsets[1:].norm(dim=-1).expand_as(lengths))


def test_gradients_flow_to_rotations_and_offsets() -> None:
    animation = random_animation(frames=2)
    rotations, offsets = animation.rotations.requires_grad_(), animation.offsets.requires_grad_()
    root = animation.translations[:, 0]
    assert torch.autograd.gradcheck(
        lambda q, o: forward_kinematics(q, root, o, PARENTS).positions, (rotations, offsets)
    )
