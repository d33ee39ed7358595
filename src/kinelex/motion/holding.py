"""Lengthen features by standing still."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton


def hold_still(features: Tensor, before: int, after: int, skeleton: Skeleton) -> Tensor:
    """(before + T + after, D): features (T, D) with the first and last pose held, feet planted."""
    layout = FeatureLayout.of(skeleton)
    first, last = features[:1].clone(), features[-1:].clone()
    for pose in (first, last):
        for moving in (layout.root_angular_velocity, layout.root_linear_velocity, layout.velocities):
            pose[:, moving] = 0.0
        pose[:, layout.contacts] = 1.0
    return torch.cat((first.expand(before, -1), features, last.expand(after, -1)))
