"""Laws of the datasets: every frame is used, mirror twins mirror, captions come with their part."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from mocap import JOINTS, make_store, stored, walker

from kinelex.data.captions import Caption
from kinelex.data.datasets import CaptionedClips, MotionWindows, hold_still
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.features import joints_from_features, mirror_features
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    long = stored("long", JOINTS, "a person steps to the left")
    part = Caption.of("a person raises the right hand", 1.0, 3.0)
    segments = (Segment("a person turns left", 0.0, 2.0), Segment("a person stops", 2.0, 8.5))
    long = dataclasses.replace(long, captions=(*long.captions, part), segments=segments)
    short = stored("short", walker(41), "a person glides")
    return make_store(tmp_path_factory.mktemp("datasets") / "store", [long, short, stored("tiny", walker(9))])


def test_windows_cover_every_clip_at_every_place(store: Store) -> None:
    windows = MotionWindows(store, mirror=False)
    long, short = len(JOINTS) - 1, 40
    assert len(windows) == (long - 64 + 1) + (64 - short + 1)
    assert torch.equal(windows[5], torch.from_numpy(store.features(0)[5:69].copy()))
    assert windows.clip_of(len(windows) - 1) == 1
    with pytest.raises(KinelexError, match="no clip"):
        MotionWindows(store, "val")


def test_the_second_half_of_the_windows_mirrors_the_first(store: Store) -> None:
    windows = MotionWindows(store, normalizer=lambda features: features * 2)
    half = len(windows) // 2
    batch = windows.__getitems__([3, half + 3])
    assert torch.allclose(mirror_features(batch[0] / 2, HUMANML3D), batch[1] / 2, atol=1e-6)


def test_a_held_pose_stands_still(store: Store) -> None:
    features = torch.from_numpy(np.array(store.features(1)))
    joints = joints_from_features(hold_still(features, 7, 9, HUMANML3D), HUMANML3D)
    assert len(joints) == len(features) + 16
    assert torch.allclose(joints[:7], joints[:1].expand(7, -1, -1), atol=1e-5)
    assert torch.allclose(joints[-8:], joints[-1:].expand(8, -1, -1), atol=1e-5)


def test_captions_come_with_their_part_and_a_mirrored_twin(store: Store) -> None:
    clips = CaptionedClips(store)
    assert len(clips) == 6
    assert clips.lengths.tolist() == [len(clips[index].features) for index in range(6)]
    assert clips.clips.tolist() == [0, 0, 1] * 2
    part, twin = clips[1], clips[4]
    assert len(part.features) == 40
    assert torch.equal(part.features, torch.from_numpy(store.features(0)[20:60].copy()))
    assert (part.text, twin.text) == ("a person raises the right hand", "a person raises the left hand")
    assert torch.allclose(twin.features, mirror_features(part.features, HUMANML3D))
    assert [(segment.text, segment.start, segment.end) for segment in twin.segments] == [
        ("a person turns right", 0.0, 1.0), ("a person stops", 1.0, 2.0),
    ]  # fmt: skip


def test_long_motion_is_cut_with_its_segments(store: Store) -> None:
    item = CaptionedClips(store, max_frames=60)[0]
    assert len(item.features) == 60
    assert item.segments[-1].end == pytest.approx(3.0)
