"""Quality without judges: what the joints of a batch of motions say by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from statistics import fmean

from torch import Tensor

from kinelex.motion.features import joints_from_features
from kinelex.motion.quality import MotionQuality, motion_quality
from kinelex.motion.skeleton import Skeleton


def qualities_of(features: Tensor, lengths: Tensor, skeleton: Skeleton) -> list[MotionQuality]:
    """Quality of each of N motions.

    Args:
        features: (N, T, F) un-normalised.
        lengths: (N,) frames.
    """
    joints = joints_from_features(features.cpu(), skeleton)
    return [
        motion_quality(positions[:frames], skeleton.fps, skeleton)
        for positions, frames in zip(joints, lengths.tolist(), strict=True)
    ]


def mean_quality(qualities: Sequence[MotionQuality]) -> MotionQuality:
    """Every figure's mean over clips."""
    return MotionQuality(
        **{
            field.name: fmean(getattr(each, field.name) for each in qualities)
            for field in fields(MotionQuality)
        }
    )
