"""A tiny body model with the arrays of the published one, and its joints worked out the long way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinelex.motion.skeleton import HUMANML3D

PARENTS = (*HUMANML3D.parents, *(20 if finger % 3 == 0 and finger < 15 else 21 if finger % 3 == 0 else 21 + finger
           for finger in range(30)))  # fmt: skip
JOINTS = len(PARENTS)
_SHAPES = 16


def write_body_model(path: Path, seed: int = 0) -> None:
    """Two vertices a joint, which the regressor averages; a T-pose of HumanML3D's bones, and fingers."""
    random = np.random.default_rng(seed)
    rest = np.zeros((JOINTS, 3))
    for joint in range(1, JOINTS):
        offset = np.array(HUMANML3D.offsets[joint] if joint < len(HUMANML3D) else (0.03, 0.0, 0.0))
        rest[joint] = rest[PARENTS[joint]] + offset * (1 + 0.1 * random.random())
    vertices = 2 * JOINTS
    around = np.repeat(rest, 2, axis=0) + np.where(np.arange(vertices) % 2, 0.01, -0.01)[:, None]
    roots = np.array(PARENTS, dtype=np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        v_template=around,
        shapedirs=0.01 * random.standard_normal((vertices, 3, _SHAPES)),
        J_regressor=np.repeat(np.eye(JOINTS), 2, axis=1) / 2,
        kintree_table=np.stack((np.where(roots < 0, 2**32 - 1, roots), np.arange(JOINTS))).astype(np.uint32),
        weights=np.repeat(np.eye(JOINTS), 2, axis=0),
        posedirs=0.01 * random.standard_normal((vertices, 3, 9 * (JOINTS - 1))),
        bs_style=np.array({"a pickle": "as in the published file's neighbours"}, dtype=object),
    )


def brute_force_joints(
    model: Path, poses: NDArray, betas: NDArray, translations: NDArray
) -> NDArray[np.float64]:
    """(T, 52, 3) joints by shaping every vertex, regressing, and multiplying 4 x 4 matrices, frame by frame."""
    with np.load(model, allow_pickle=True) as file:
        vertices = file["v_template"] + file["shapedirs"][..., : len(betas)] @ betas
        rest = file["J_regressor"] @ vertices
    joints = np.empty((len(poses), JOINTS, 3))
    for frame, pose in enumerate(poses):
        placed: list[NDArray] = []
        for joint, parent in enumerate(PARENTS):
            local = np.eye(4)
            local[:3, :3] = Rotation.from_rotvec(pose[3 * joint : 3 * joint + 3]).as_matrix()
            local[:3, 3] = rest[joint] - (rest[parent] if parent >= 0 else 0)
            placed.append(placed[parent] @ local if parent >= 0 else local)
            joints[frame, joint] = placed[joint][:3, 3] + translations[frame]
    return joints
