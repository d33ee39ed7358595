"""DeepMimic JSON: axes, knees that bend backwards, and files that are refused."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinelex.errors import KinelexError
from kinelex.motion.formats.deepmimic import read_deepmimic
from kinelex.motion.kinematics import animation_pose

CLIP = Path(__file__).parents[2] / "data" / "clips" / "deepmimic_127_04.json"
STANDING = [
    1 / 30,
    0.0,
    0.9,
    0.0,
    *([1.0, 0, 0, 0] * 3),
    *([1.0, 0, 0, 0] + [0.0] + [1.0, 0, 0, 0] * 2 + [0.0]) * 2,
]


def write(folder: Path, rows: object) -> Path:
    path = folder / "clip.json"
    path.write_text(json.dumps({"Loop": "none", "Frames": rows}))
    return path


def places(path: Path) -> dict[str, torch.Tensor]:
    animation = read_deepmimic(path)
    return dict(zip(animation.names, animation_pose(animation).positions[0], strict=True))


def test_stands_facing_z_with_its_left_at_x(tmp_path: Path) -> None:
    at = places(write(tmp_path, [STANDING]))
    assert at["left_hip"][0] > 0.08
    assert at["right_shoulder"][0] < -0.15
    assert at["left_toe"][2] - at["left_ankle"][2] > 0.05
    assert torch.allclose(at["root"], torch.tensor([0.0, 0.9 * 1.0925, 0.0]))
    assert at["left_ankle"][1] < at["left_knee"][1] < at["left_hip"][1] < at["chest"][1] < at["head"][1]
    assert 0.0 < at["left_toe"][1] < 0.1


def test_knees_bend_back_and_elbows_forward(tmp_path: Path) -> None:
    row = list(STANDING)
    row[20], row[43] = -math.pi / 2, math.pi / 2
    at = places(write(tmp_path, [row]))
    assert torch.allclose(
        at["right_ankle"] - at["right_knee"], torch.tensor([0, 0, -0.40987 * 1.0925]), atol=1e-5
    )
    assert torch.allclose(
        at["left_wrist"] - at["left_elbow"], torch.tensor([0, 0, 0.258947 * 1.0925]), atol=1e-5
    )


def test_moves_forward_and_leans_to_its_left(tmp_path: Path) -> None:
    """The file's +X is forward; a turn about its +X lifts its right, +Z, and lowers its left."""
    moved, leaning = list(STANDING), list(STANDING)
    moved[1] = 1.0
    leaning[4:8] = [math.cos(0.1), math.sin(0.1), 0, 0]
    assert torch.allclose(places(write(tmp_path, [moved]))["root"], torch.tensor([0, 0.9 * 1.0925, 1.0925]))
    at = places(write(tmp_path, [leaning]))
    assert at["right_hip"][1] < at["left_hip"][1]
    assert at["head"][0] < -0.05


def test_frame_rate_of_a_real_clip() -> None:
    animation = read_deepmimic(CLIP)
    assert animation.fps == 15.0
    assert (animation.rotations.norm(dim=-1) - 1).abs().max() < 1e-5


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "cut": CLIP.read_bytes()[:-100],
    "a list": b"[1, 2]",
    "no frames": b'{"Frames": []}',
    "short rows": json.dumps({"Frames": [STANDING[:-1]]}).encode(),
    "ragged": json.dumps({"Frames": [STANDING, STANDING[:-1]]}).encode(),
    "words": json.dumps({"Frames": [["x"] * 44]}).encode(),
    "NaN": json.dumps({"Frames": [[*STANDING[:9], math.nan, *STANDING[10:]]]}).encode(),
    "huge": json.dumps({"Frames": [[*STANDING[:9], 10**400, *STANDING[10:]]]}).encode(),
    "no rotation": json.dumps({"Frames": [STANDING[:4] + [0.0] * 4 + STANDING[8:]]}).encode(),
    "too fast": json.dumps({"Frames": [[0.0009, *STANDING[1:]]]}).encode(),
    "too far": json.dumps({"Frames": [[STANDING[0], 1e6, *STANDING[2:]]]}).encode(),
    "no time": json.dumps({"Frames": [[0.0, *STANDING[1:]]]}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_with_their_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "clip.json"
    path.write_bytes(BROKEN[case])
    with pytest.raises(KinelexError, match=r"clip\.json"):
        read_deepmimic(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="absent"):
        read_deepmimic(tmp_path / "absent.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = bytearray(json.dumps({"Frames": [STANDING] * 3}).encode())
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(len(text), start + 40)))
    text[start:stop] = data.draw(st.binary(max_size=8))
    path = tmp_path / "clip.json"
    path.write_bytes(bytes(text))
    animation = None
    with contextlib.suppress(KinelexError):
        animation = read_deepmimic(path)
    if animation is not None:
        assert torch.isfinite(animation.rotations).all()
