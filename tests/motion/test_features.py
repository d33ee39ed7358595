"""Features agree with the published ones, come back to joints, and obey their symmetries."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import published_features as published
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from kinelex.errors import KinelexError
from kinelex.motion.features import (
    FeatureLayout,
    canonical_joints,
    features_from_joints,
    joints_from_features,
    mirror_features,
    mirror_joints,
    process_joints,
)
from kinelex.motion.skeleton import HUMANML3D, KIT

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
FOLDERS = [REFERENCE, *(Path(folder) for folder in [os.environ.get("KINELEX_REFERENCE")] if folder)]
CASES = sorted({path.stem: path for folder in FOLDERS for path in folder.glob("features_*.json")}.items())
BOTH = pytest.mark.parametrize("skeleton", [HUMANML3D, KIT], ids=lambda skeleton: skeleton.name)


def recorded(frames=171):
    return load_file(REFERENCE / "features_012314_official.safetensors")["in.joints"][:frames]


def standing(skeleton):
    """A plausible pose (J, 3) that faces +Z; hips and shoulders by hand, as KIT's rest directions cross."""
    pose = torch.zeros(len(skeleton), 3)
    side = dict.fromkeys((skeleton.left_hip, skeleton.left_shoulder), 1.0)
    side |= dict.fromkeys((skeleton.right_hip, skeleton.right_shoulder), -1.0)
    for joint, parent in enumerate(skeleton.parents[1:], start=1):
        offset = torch.tensor(skeleton.offsets[joint])
        if joint in side:
            offset = torch.tensor([side[joint] * float(offset.norm()), -0.02, 0.01])
        pose[joint] = pose[parent] + offset
    return pose - pose.amin(0) * torch.tensor([0.0, 1.0, 0.0])


def wandering(skeleton, frames, seed, amount=0.12):
    """Smooth random motion around the standing pose, walking off along a curve while the body turns."""
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(1, 3 * len(skeleton), 2 + frames // 8, generator=generator)
    noise = torch.nn.functional.interpolate(knots, size=frames, mode="linear", align_corners=True)
    motion = standing(skeleton) + amount * noise[0].T.reshape(frames, -1, 3)
    angle = 0.02 * torch.arange(frames) * float(torch.randn(1, generator=generator))
    motion = turned(motion, angle)
    motion[..., 0] += 0.03 * torch.arange(frames).unsqueeze(-1)
    return motion


def turned(positions, angle):
    """Rotate (T, J, 3) about +Y by an angle, or one a frame."""
    angle = torch.as_tensor(angle, dtype=positions.dtype).reshape(-1, 1)
    x, y, z = positions.unbind(-1)
    return torch.stack((angle.cos() * x + angle.sin() * z, y, angle.cos() * z - angle.sin() * x), -1)


@pytest.mark.parametrize(("name", "path"), CASES, ids=[name for name, _ in CASES])
def test_agrees_with_the_published_vectors(name, path):
    case, data = json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
    skeleton = KIT if data["in.joints"].shape[-2] == 21 else HUMANML3D
    offsets, layout = data["in.target_offsets"], FeatureLayout.of(skeleton)
    ours = {
        "features": process_joints(data["in.joints"], skeleton, offsets=offsets),
        "global_positions": canonical_joints(data["in.joints"], skeleton, offsets=offsets),
        "joints_ric": joints_from_features(data["out.features"], skeleton),
        "joints_rot": joints_from_features(data["out.features"], skeleton, "rotations", offsets),
    }
    for key, entry in case["outputs"].items():
        tolerance = entry["tolerance"]
        torch.testing.assert_close(
            ours[key],
            data[f"out.{key}"],
            atol=tolerance["atol"],
            rtol=tolerance["rtol"],
            msg=f"{name}: {key}",
        )
    contacts = ours["features"][..., layout.contacts]
    assert torch.equal(contacts, data["out.features"][..., layout.contacts])


@BOTH
@pytest.mark.parametrize("frames", [2, 3, 30, 120])
def test_agrees_with_a_plain_quaternion_implementation(skeleton, frames):
    joints = wandering(skeleton, frames, seed=frames) * 1.3 + torch.tensor([3.0, 1.0, -2.0])
    joints = turned(joints, 2.5)
    expected = published.canonical(joints.numpy(), skeleton, skeleton.offset_tensor().numpy())
    found = canonical_joints(joints, skeleton)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    theirs, ours = published.features(expected, skeleton), features_from_joints(found, skeleton).numpy()
    contacts = FeatureLayout.of(skeleton).contacts
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_array_equal(ours[:, contacts], theirs[:, contacts])


def test_contacts_of_millimetre_data_follow_the_kit_threshold():
    noise = torch.randn(40, 21, 3, generator=torch.Generator().manual_seed(0))
    joints = 1000 * standing(KIT) + 0.1 * noise
    theirs = published.features(joints.double().numpy(), KIT)[:, -4:]
    assert 0 < theirs.mean() < 1
    np.testing.assert_array_equal(features_from_joints(joints, KIT)[:, -4:].numpy(), theirs)


def test_a_body_that_turns_past_minus_z_keeps_the_published_sign():
    joints = canonical_joints(turned(recorded(), torch.linspace(0, 5, 171)), HUMANML3D)
    theirs = published.features(joints.double().numpy(), HUMANML3D)[:, 0]
    assert (theirs[1:] > 0).any(), "the clip turns one way, so only a crossing of -Z gives the other sign"
    np.testing.assert_allclose(features_from_joints(joints, HUMANML3D)[:, 0].numpy(), theirs, atol=1e-5)


def test_layout_covers_every_value_once():
    for skeleton, size in ((HUMANML3D, 263), (KIT, 251)):
        layout = FeatureLayout.of(skeleton)
        fields = [value for value in vars(layout).values() if isinstance(value, slice)]
        assert [index for field in fields for index in range(size)[field]] == list(range(size))
        assert layout.size == size


@BOTH
def test_padding_is_ignored(skeleton):
    clips = [wandering(skeleton, frames, seed=frames) for frames in (50, 1, 23, 120)]
    batch = torch.full((4, 120, len(skeleton), 3), torch.nan)
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    lengths = torch.tensor([len(clip) for clip in clips])
    found = process_joints(batch, skeleton, lengths)
    for row, clip in zip(found, clips, strict=True):
        torch.testing.assert_close(row[: len(clip) - 1], process_joints(clip, skeleton), atol=1e-5, rtol=0)
        assert not row[len(clip) - 1 :].any()


@settings(max_examples=15, deadline=None)
@given(angle=st.floats(-3.1415, 3.1415), x=st.floats(-50, 50), y=st.floats(-5, 5), z=st.floats(-50, 50))
def test_where_and_which_way_a_clip_starts_does_not_matter(angle, x, y, z):
    joints = recorded(60).double()
    moved = turned(joints, angle) + torch.tensor([x, y, z], dtype=torch.float64)
    expected, found = process_joints(joints, HUMANML3D), process_joints(moved, HUMANML3D)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.2, 3000))
def test_size_does_not_matter(scale):
    joints = recorded(40).double()
    found = process_joints(joints * scale, HUMANML3D)
    torch.testing.assert_close(found, process_joints(joints, HUMANML3D), atol=1e-9, rtol=0)


@BOTH
def test_both_routes_lead_back_to_the_joints(skeleton):
    joints = canonical_joints(wandering(skeleton, 60, seed=5), skeleton)
    features = features_from_joints(joints, skeleton)
    for route in ("positions", "rotations"):
        torch.testing.assert_close(
            joints_from_features(features, skeleton, route), joints[:-1], atol=2e-5, rtol=0
        )


def test_features_of_recovered_joints_are_the_features():
    # The last 80 frames and the first differ: smoothing sees one frame less.
    features = process_joints(recorded(), HUMANML3D)
    again = features_from_joints(joints_from_features(features, HUMANML3D), HUMANML3D)
    torch.testing.assert_close(again[:85], features[:85], atol=1e-4, rtol=0)


@BOTH
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_mirroring_features_is_mirroring_joints(skeleton, seed):
    joints = canonical_joints(wandering(skeleton, 20, seed), skeleton)
    features = features_from_joints(joints, skeleton)
    of_mirrored = features_from_joints(mirror_joints(joints, skeleton), skeleton)
    torch.testing.assert_close(mirror_features(features, skeleton), of_mirrored, atol=1e-4, rtol=0)
    assert torch.equal(mirror_features(mirror_features(features, skeleton), skeleton), features)


def test_batch_shapes():
    joints = wandering(HUMANML3D, 12, seed=1).expand(2, 3, -1, -1, -1)
    features = process_joints(joints, HUMANML3D)
    assert features.shape == (2, 3, 11, 263)
    for route in ("positions", "rotations"):
        assert joints_from_features(features, HUMANML3D, route).shape == (2, 3, 11, 22, 3)
    assert process_joints(joints[..., :1, :, :], HUMANML3D).shape == (2, 3, 0, 263)
    assert joints_from_features(features[..., :0, :], HUMANML3D).shape == (2, 3, 0, 22, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degenerate_poses_stay_finite(dtype):
    rest = standing(HUMANML3D).to(dtype)
    raised = rest.clone()
    raised[18:] = raised[16:18].repeat(2, 1) + torch.tensor(
        [0.0, 0.3, 0.0], dtype=dtype
    )  # antiparallel to rest
    collapsed = rest.clone()
    collapsed[15] = collapsed[12]
    backwards = turned(rest.unsqueeze(0), torch.pi)[0]
    lying = rest[:, [1, 0, 2]]  # left-right axis upright: no heading
    for pose in (raised, collapsed, backwards, lying):
        features = process_joints(pose.expand(5, -1, -1), HUMANML3D)
        assert features.isfinite().all()
        assert features.dtype == dtype
        columns = features[..., FeatureLayout.of(HUMANML3D).rotations].unflatten(-1, (21, 2, 3))
        gram = columns @ columns.transpose(-2, -1)
        torch.testing.assert_close(gram, torch.eye(2, dtype=dtype).expand_as(gram), atol=1e-5, rtol=0)


def test_rotations_keep_their_digits_next_to_a_half_turn():
    for angle in (1e-2, 1e-4, 1e-6):
        pose = standing(HUMANML3D).double()
        pose[21] = pose[19] + 0.27 * torch.tensor([np.sin(angle), np.cos(angle), 0.0], dtype=torch.float64)
        joints = (pose - pose[19]).expand(3, -1, -1)  # elbow at the origin: float32 holds the small angle
        exact, found = (
            features_from_joints(joints, HUMANML3D),
            features_from_joints(joints.float(), HUMANML3D),
        )
        torch.testing.assert_close(found.double(), exact, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: process_joints(torch.zeros(4, 21, 3), HUMANML3D), "(4, 21, 3)"),
        (lambda: process_joints(torch.zeros(0, 22, 3), HUMANML3D), "frames >= 1"),
        (lambda: process_joints(torch.zeros(4, 22, 3), HUMANML3D), "legs"),
        (lambda: process_joints(recorded(5)[None], HUMANML3D, torch.tensor([6])), "[6]"),
        (lambda: process_joints(recorded(5), HUMANML3D, offsets=torch.zeros(21, 3)), "(21, 3)"),
        (lambda: joints_from_features(torch.zeros(4, 251), HUMANML3D), "263"),
        (lambda: joints_from_features(torch.zeros(4, 263), HUMANML3D, "sideways"), "sideways"),
        (lambda: mirror_features(torch.zeros(4, 251), HUMANML3D), "263"),
        (lambda: mirror_joints(torch.zeros(4, 21, 3), HUMANML3D), "22"),
    ],
)
def test_wrong_input_is_named(call, told):
    with pytest.raises(KinelexError) as caught:
        call()
    assert told in str(caught.value)
