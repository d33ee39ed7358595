"""Physical quality of a motion in numbers: do bones keep their length, do feet stay where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from kinelex.motion.chain_ik import bones_of
from kinelex.motion.contacts import foot_contacts, joint_speeds
from kinelex.motion.flight import floating
from kinelex.motion.skeleton import Skeleton


@dataclass(frozen=True)
class MotionQuality:
    """Lower is better in every field.

    Attributes:
        bone_length_deviation_cm: mean over bones and frames of |length - the bone's median length|.
        foot_skating_cm_s: mean horizontal speed of the ankles and toes while `foot_contacts` holds them
            planted; 0 when no foot ever is.
        floor_penetration_cm: mean over frames of how far the lowest joint is below y = 0.
        jerk_m_s3: mean over joints and frames of the third derivative of position; 0 below four frames.
        floating_share: share of frames in which nothing touches the ground and the root does not fall.
        planted_share: share of frames with at least one planted foot joint, to read the skating by.
    """

    bone_length_deviation_cm: float
    foot_skating_cm_s: float
    floor_penetration_cm: float
    jerk_m_s3: float
    floating_share: float
    planted_share: float


def motion_quality(positions: Tensor, fps: float, skeleton: Skeleton) -> MotionQuality:
    """Measure one clip.

    Args:
        positions: (T, J, 3) joints in metres, Y up, floor at y = 0.
    """
    lengths = bones_of(positions, skeleton).norm(dim=-1)
    contacts = foot_contacts(positions, fps, skeleton)
    feet = positions[:, [*skeleton.left_foot, *skeleton.right_foot]]
    speed = joint_speeds(feet * feet.new_tensor((1.0, 0.0, 1.0)), fps)
    jerk = positions.diff(n=3, dim=0).norm(dim=-1) * fps**3
    return MotionQuality(
        bone_length_deviation_cm=100 * float((lengths - lengths.median(dim=0).values).abs().mean()),
        foot_skating_cm_s=100 * float(speed[contacts].mean()) if contacts.any() else 0.0,
        floor_penetration_cm=100 * float((-positions[..., 1].amin(dim=-1)).clamp(min=0).mean()),
        jerk_m_s3=float(jerk.mean()) if jerk.numel() else 0.0,
        floating_share=float(floating(positions, fps, skeleton).float().mean()),
        planted_share=float(contacts.any(dim=-1).float().mean()),
    )
