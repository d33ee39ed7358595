"""Clips for the tests of rigs and of the files that carry them."""

from pathlib import Path

import numpy as np
import roma
import torch

from kinelex.motion.kinematics import forward_kinematics
from kinelex.motion.motion import Motion
from kinelex.motion.rig_rest import rest_directions
from kinelex.motion.skeleton import HUMANML3D, Skeleton

RECORDED = Path(__file__).parent / "data" / "012314_joints.npy"


def recorded_motion() -> Motion:
    """170 frames of a published clip: bends, turns, raised hands."""
    return Motion(np.load(RECORDED))


def smooth_motion(
    skeleton: Skeleton = HUMANML3D, frames: int = 60, seed: int = 0, swing: float = 0.6
) -> Motion:
    """Every joint of a T-pose turned by slow random rotations of up to about `swing` radians."""
    draws = torch.Generator().manual_seed(seed)
    time = torch.linspace(0, 1, frames).view(-1, 1, 1)
    waves = torch.randn(3, len(skeleton), 3, generator=draws) * swing / 3
    turns = sum(wave * torch.sin(2 * torch.pi * (turn + 1) * time + turn) for turn, wave in enumerate(waves))
    assert isinstance(turns, torch.Tensor)
    lengths = skeleton.offset_tensor().norm(dim=-1, keepdim=True)
    offsets = rest_directions(skeleton).float() * lengths
    root = torch.cat((time[..., 0] * 0.4, 0.95 + 0 * time[..., 0], time[..., 0]), dim=-1)
    pose = forward_kinematics(roma.rotvec_to_unitquat(turns), root, offsets, skeleton.parents)
    return Motion(pose.positions.numpy(), fps=skeleton.fps, skeleton=skeleton)


def noisy(motion: Motion, metres: float, seed: int = 0) -> Motion:
    """The clip with every coordinate off by independent Gaussian noise."""
    noise = np.random.default_rng(seed).normal(scale=metres, size=motion.positions.shape)
    return motion.with_positions(motion.positions + noise.astype(np.float32))
