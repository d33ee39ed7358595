"""Contacts, foot lock and quality measures: laws on a recorded clip and its spoilt copies."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kinelex.motion.chain_ik import bones_of
from kinelex.motion.contacts import foot_contacts, run_means
from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.motion import Motion
from kinelex.motion.quality import motion_quality
from kinelex.motion.skeleton import HUMANML3D, KIT

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
FEET = [*HUMANML3D.left_foot, *HUMANML3D.right_foot]
FPS = 20.0


def recorded():
    return load_file(REFERENCE / "features_012314_official.safetensors")["out.joints_ric"]


def resampled(positions, frames):
    flat = positions.flatten(1).T.unsqueeze(0)
    flat = torch.nn.functional.interpolate(flat, size=frames, mode="linear", align_corners=True)
    return flat[0].T.reshape(frames, *positions.shape[1:])


def drifting(speed=0.3):
    """The clip on ice: slides along x by `speed` metres a second."""
    positions = recorded()
    positions[..., 0] += speed / FPS * torch.arange(len(positions)).unsqueeze(-1)
    return positions


def swaying():
    positions = recorded()
    positions[..., 2] += 0.05 * torch.sin(0.3 * torch.arange(len(positions))).unsqueeze(-1)
    return positions


def sunk():
    return recorded() - torch.tensor([0.0, 0.05, 0.0])


SPOILT = pytest.mark.parametrize("spoil", [recorded, drifting, swaying, sunk])


def slide(positions, contacts):
    """Mean horizontal step in cm/s of foot joints planted in two frames running."""
    both = contacts[1:] & contacts[:-1]
    return 100 * FPS * float(positions[:, FEET][..., [0, 2]].diff(dim=0).norm(dim=-1)[both].mean())


def test_still_low_feet_are_planted_and_raised_or_fast_ones_are_not():
    positions = recorded()[:1].repeat(40, 1, 1)
    assert foot_contacts(positions, FPS, HUMANML3D)[:, 1:].all()  # the left heel is up in this pose
    positions[10:30, [8, 11], 1] += 0.3
    contacts = foot_contacts(positions, FPS, HUMANML3D)
    assert not contacts[10:30, 2:].any()
    assert contacts[:9, 2:].all()
    assert contacts[:, 1].all()
    positions[..., 2] += 0.1 * torch.arange(40).unsqueeze(-1)  # 2 m/s
    assert not foot_contacts(positions, FPS, HUMANML3D).any()


def test_contacts_do_not_depend_on_the_frame_rate():
    positions = recorded()
    slow = foot_contacts(positions, FPS, HUMANML3D)
    fast = foot_contacts(resampled(positions, 6 * 169 + 1), 6 * FPS, HUMANML3D)[::6]
    assert (slow == fast).float().mean() > 0.95


def test_contacts_do_not_flicker():
    contacts = foot_contacts(recorded(), FPS, HUMANML3D).int()
    changes = contacts.diff(dim=0).ne(0).sum(0)
    steps = (recorded()[:, FEET, 1].diff(dim=0).abs() > 0.05).sum(0)
    assert (changes <= 2 * steps.clamp(min=10)).all()
    padded = torch.nn.functional.pad(contacts.T, (1, 1))
    for row in padded:
        edges = row.diff().nonzero().flatten()
        assert (edges[1::2] - edges[::2] >= 2).all(), "a contact shorter than a tenth of a second"


def test_contacts_follow_the_floor_and_the_batch():
    positions = recorded()
    batch = torch.stack([positions, positions + torch.tensor([0.0, 0.7, 0.0])])
    alone = foot_contacts(positions, FPS, HUMANML3D)
    assert torch.equal(foot_contacts(batch, FPS, HUMANML3D), torch.stack([alone, alone]))


def test_run_means():
    mask = torch.tensor([True, True, False, True, False])
    values = torch.tensor([[1.0], [3.0], [9.0], [5.0], [9.0]])
    assert run_means(values, mask).flatten().tolist() == [2, 2, 0, 5, 0]


@SPOILT
def test_locked_toes_stand_still(spoil):
    positions = spoil()
    contacts = foot_contacts(positions, FPS, HUMANML3D)
    locked = lock_feet(positions, FPS, HUMANML3D)
    toes = contacts & torch.tensor([False, True, False, True])
    assert slide(locked, toes) < 0.01
    assert slide(locked, contacts) < 0.2 * slide(positions, contacts)
    before, after = (motion_quality(clip, FPS, HUMANML3D) for clip in (positions, locked))
    assert after.foot_skating_cm_s < 0.5 * before.foot_skating_cm_s
    assert after.jerk_m_s3 < 1.1 * before.jerk_m_s3


@SPOILT
def test_lock_keeps_bones_and_the_floor(spoil):
    positions = spoil()
    locked = lock_feet(positions, FPS, HUMANML3D)
    torch.testing.assert_close(
        bones_of(locked, HUMANML3D).norm(dim=-1),
        bones_of(positions, HUMANML3D).norm(dim=-1),
        atol=1e-5,
        rtol=0,
    )
    assert locked[:, FEET, 1].min() > -1e-6
    assert locked.dtype == positions.dtype


def test_lock_keeps_the_body_above_the_hips_and_the_way_knees_bend():
    positions = recorded()
    locked = lock_feet(positions, FPS, HUMANML3D)
    upper = [joint for joint in range(22) if joint not in (4, 5, 7, 8, 10, 11)]
    torch.testing.assert_close(
        locked[:, upper] - locked[:, :1], positions[:, upper] - positions[:, :1], atol=1e-5, rtol=0
    )
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):

        def bend(clip, hip=hip, knee=knee, ankle=ankle):
            axis = torch.nn.functional.normalize(clip[:, ankle] - clip[:, hip], dim=-1)
            thigh = clip[:, knee] - clip[:, hip]
            return thigh - (thigh * axis).sum(-1, keepdim=True) * axis

        old, new = bend(positions), bend(locked)
        bent = (old.norm(dim=-1) > 0.02) & (new.norm(dim=-1) > 0.02)
        cosine = torch.nn.functional.cosine_similarity(old, new, dim=-1)
        assert cosine[bent].min() > 0.8


def test_lock_without_contacts_changes_nothing():
    positions = recorded()
    free = torch.zeros(len(positions), 4, dtype=torch.bool)
    torch.testing.assert_close(lock_feet(positions, FPS, HUMANML3D, free), positions, atol=1e-5, rtol=0)


def test_lock_is_local_in_time():
    positions, contacts = drifting(), torch.zeros(170, 4, dtype=torch.bool)
    contacts[60:80, 2:] = True
    locked = lock_feet(positions, FPS, HUMANML3D, contacts)
    far = [*range(54), *range(86, 170)]  # the fade takes 4 frames, easing the pelvis 2 more
    torch.testing.assert_close(locked[far], positions[far], atol=1e-5, rtol=0)
    assert slide(locked, contacts) < 0.5


def test_lock_turns_and_moves_with_the_motion():
    positions = drifting()
    around = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    moved = positions @ around.T + torch.tensor([2.0, 0.0, -1.0])
    expected = lock_feet(positions, FPS, HUMANML3D) @ around.T + torch.tensor([2.0, 0.0, -1.0])
    torch.testing.assert_close(lock_feet(moved, FPS, HUMANML3D), expected, atol=1e-4, rtol=0)


def test_lock_pulls_the_pelvis_to_a_foot_out_of_reach():
    positions = recorded()[40:41].repeat(40, 1, 1)
    positions[..., 0] += 0.03 * torch.arange(40).unsqueeze(-1)  # 1.2 m away from a foot that must stay
    contacts = torch.zeros(40, 4, dtype=torch.bool)
    contacts[:, 2:] = True
    locked = lock_feet(positions, FPS, HUMANML3D, contacts)
    assert slide(locked, contacts) < 0.1
    assert (locked[:, 0] - positions[:, 0]).norm(dim=-1).max() > 0.05


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips(frames):
    positions = recorded()[:frames]
    assert lock_feet(positions, FPS, HUMANML3D).shape == positions.shape
    quality = motion_quality(positions, FPS, HUMANML3D)
    assert quality.jerk_m_s3 == 0
    assert quality.foot_skating_cm_s < 60


def test_batches_and_other_skeletons():
    positions = drifting()
    both = lock_feet(torch.stack([positions, positions.flip(0)]), FPS, HUMANML3D)
    torch.testing.assert_close(both[0], lock_feet(positions, FPS, HUMANML3D))
    kit = torch.tensor(KIT.offsets)
    pose = torch.zeros(21, 3)
    for joint, parent in enumerate(KIT.parents[1:], start=1):
        pose[joint] = pose[parent] + kit[joint]
    clip = (pose - pose.amin(0)).repeat(30, 1, 1)
    clip[..., 0] += 0.01 * torch.arange(30).unsqueeze(-1)
    locked = lock_feet(clip, KIT.fps, KIT)
    assert (locked[:, [15, 20]] - locked[:1, [15, 20]]).abs().max() < 1e-5
    torch.testing.assert_close(bones_of(locked, KIT).norm(dim=-1), bones_of(clip, KIT).norm(dim=-1))


def test_quality_reads_what_was_done_to_a_clip():
    clean = motion_quality(recorded(), FPS, HUMANML3D)
    assert Motion(recorded().numpy(), FPS).quality() == clean
    assert clean.bone_length_deviation_cm < 1e-3
    assert clean.floor_penetration_cm == 0
    ice = motion_quality(drifting(), FPS, HUMANML3D)
    assert 20 < ice.foot_skating_cm_s < 40
    deep = motion_quality(recorded() - torch.tensor([0.0, 1.0, 0.0]), FPS, HUMANML3D)
    lowest = recorded()[..., 1].amin(-1)
    assert deep.floor_penetration_cm == pytest.approx(100 * (1 - float(lowest.mean())), rel=1e-4)
    stretched = recorded()
    stretched[::3, 15] += (recorded()[:, 15] - recorded()[:, 12])[::3]
    deviation = motion_quality(stretched, FPS, HUMANML3D).bone_length_deviation_cm
    assert deviation == pytest.approx(10.3 / 3 / 21, rel=0.05)


def test_jerk_of_a_cubic_path():
    time = torch.arange(30, dtype=torch.float64) / FPS
    positions = recorded()[:1].double() + torch.zeros(30, 1, 1, dtype=torch.float64)
    positions[..., 1] += (time**3).unsqueeze(-1)
    assert motion_quality(positions, FPS, HUMANML3D).jerk_m_s3 == pytest.approx(6.0)
