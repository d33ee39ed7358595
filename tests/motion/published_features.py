"""The published feature extraction, frame by frame with quaternions, as its notes describe it: an oracle.

Slow, float64 and written without anything of kinelex but the skeletons' constants.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

UP, FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def shortest(source, target):
    """Quaternion (w, x, y, z), w >= 0, that turns one vector to another."""
    w = np.linalg.norm(source) * np.linalg.norm(target) + source @ target
    quaternion = np.concatenate([[w], np.cross(source, target)])
    return quaternion / np.linalg.norm(quaternion)


def product(a, b):
    w, v = a[0] * b[0] - a[1:] @ b[1:], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
    return np.concatenate([[w], v])


def conjugate(a):
    return a * np.array([1, -1, -1, -1])


def matrix(a):
    return Rotation.from_quat(np.roll(a, -1)).as_matrix()


def initial_facing(pose, skeleton):
    across = pose[skeleton.right_hip] - pose[skeleton.left_hip]
    across = across + pose[skeleton.right_shoulder] - pose[skeleton.left_shoulder]
    forward = np.cross(UP, across)
    return shortest(forward / np.linalg.norm(forward), FRONT)


def root_quaternions(joints, skeleton):
    across = joints[:, skeleton.left_hip] - joints[:, skeleton.right_hip]  # the published hips are swapped
    across = across + joints[:, skeleton.right_shoulder] - joints[:, skeleton.left_shoulder]
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    forward = gaussian_filter1d(np.cross(UP, across), 20, axis=0, mode="nearest")
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    quaternions = np.array([shortest(row, FRONT) for row in forward])
    quaternions[0] = (1, 0, 0, 0)
    return quaternions


def canonical(joints, skeleton, offsets):
    joints, lengths = joints.astype(np.float64), np.linalg.norm(offsets.astype(np.float64), axis=-1)
    first = joints[0]
    source = sum(np.linalg.norm(first[leg] - first[skeleton.parents[leg]]) for leg in skeleton.lower_legs)
    scale = sum(lengths[leg] for leg in skeleton.lower_legs) / source
    placed = np.zeros_like(joints)
    for t, pose in enumerate(joints):
        placed[t, 0] = pose[0] * scale
        for joint in range(1, len(skeleton)):
            parent, rest = skeleton.parents[joint], np.array(skeleton.directions[joint], dtype=float)
            bone = pose[joint] - pose[parent]
            turned = matrix(shortest(rest, bone / np.linalg.norm(bone))) @ (rest * lengths[joint])
            placed[t, joint] = placed[t, parent] + turned
    placed[..., 1] -= placed[..., 1].min()
    placed -= placed[0, 0] * np.array([1, 0, 1])
    return placed @ matrix(initial_facing(placed[0], skeleton)).T


def features(joints, skeleton):
    roots = root_quaternions(joints, skeleton)
    rows = []
    for t in range(len(joints) - 1):
        pose, step, here, ahead = joints[t], joints[t + 1] - joints[t], roots[t], roots[t + 1]
        to_heading = matrix(here)
        turn = product(ahead, conjugate(here))
        linear = matrix(ahead) @ step[0]
        around = (pose[1:] - pose[0] * np.array([1, 0, 1])) @ to_heading.T
        rotations = np.zeros((len(skeleton), 6))
        for chain in skeleton.chains:
            above = here
            for parent, joint in pairwise(chain):
                bone = pose[joint] - pose[parent]
                world = shortest(np.array(skeleton.directions[joint], float), bone / np.linalg.norm(bone))
                local = matrix(product(conjugate(above), world))
                rotations[joint] = np.concatenate([local[:, 0], local[:, 1]])
                above = world
        feet = [*skeleton.left_foot, *skeleton.right_foot]
        contacts = (step[feet] ** 2).sum(-1) < skeleton.contact_threshold
        root = [np.arcsin(turn[2]), linear[0], linear[2], pose[0, 1]]
        velocities = step @ to_heading.T
        rows.append(
            np.concatenate([root, around.ravel(), rotations[1:].ravel(), velocities.ravel(), contacts])
        )
    return np.array(rows)
