"""BVH: every channel order read as matrices say, every broken file refused in one sentence."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymotion.io.bvh import BVH
from pymotion.ops.skeleton import fk
from scipy.spatial.transform import Rotation

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.kinematics import animation_pose

CLIPS = Path(__file__).parents[2] / "data" / "clips"

# A body in metres, zero pose upright; channels of every sort: other orders, fewer, none, moving joints.
BODY = """HIERARCHY
ROOT Hips
{
 OFFSET 0 0.95 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 JOINT Spine {
  OFFSET 0 0.25 0
  CHANNELS 3 Xrotation Yrotation Zrotation
  JOINT Neck
  {
   OFFSET 0 0.25 0
   CHANNELS 2 Yrotation Xrotation
   JOINT Head
   {
    OFFSET 0 0.1 0
    CHANNELS 0
    End Site
    {
     OFFSET 0 0.2 0
    }
   }
  }
  JOINT LeftArm { OFFSET 0.2 0.2 0
   CHANNELS 3 Yrotation Zrotation Xrotation
   JOINT LeftForeArm { OFFSET 0.28 0 0
    CHANNELS 1 Yrotation
    JOINT LeftHand { OFFSET 0.26 0 0
     CHANNELS 3 Zrotation Yrotation Xrotation } } }
  JOINT RightArm { OFFSET -0.2 0.2 0
   CHANNELS 3 Yrotation Zrotation Xrotation
   JOINT RightForeArm { OFFSET -0.28 0 0
    CHANNELS 1 Yrotation
    JOINT RightHand { OFFSET -0.26 0 0
     CHANNELS 6 Zrotation Yrotation Xrotation Zposition Yposition Xposition } } }
 }
 JOINT LeftUpLeg { OFFSET 0.09 -0.08 0
  CHANNELS 3 Zrotation Yrotation Xrotation
  JOINT LeftLeg { OFFSET 0 -0.42 0
   CHANNELS 3 Zrotation Yrotation Xrotation
   JOINT LeftFoot { OFFSET 0 -0.4 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site { OFFSET 0 -0.05 0.15 } } } }
 JOINT RightUpLeg { OFFSET -0.09 -0.08 0
  CHANNELS 3 Zrotation Yrotation Xrotation
  JOINT RightLeg { OFFSET 0 -0.42 0
   CHANNELS 3 Zrotation Yrotation Xrotation
   JOINT RightFoot { OFFSET 0 -0.4 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site { OFFSET 0 -0.05 0.15 } } } }
}
"""
CHANNELS = re.findall(r"CHANNELS \d+((?: \w+)*)", BODY)
WIDTH = sum(len(channels.split()) for channels in CHANNELS)


def motion_section(rows: np.ndarray, frame_time: str = "0.033333") -> str:
    lines = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in rows)
    return f"MOTION\nFrames: {len(rows)}\nFrame Time: {frame_time}\n{lines}\n"


def random_rows(frames: int = 4) -> np.ndarray:
    rows = np.random.default_rng(3).uniform(-170, 170, (frames, WIDTH)).round(6)
    column = 0
    for channels in CHANNELS:
        for name in channels.split():
            if name.endswith("position"):
                rows[:, column] /= 100
            column += 1
    return rows


def write(folder: Path, text: str | bytes, name: str = "clip.bvh") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def by_hand(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Joint positions with scipy's rotations, walking the text of BODY token by token."""
    tokens = BODY.replace("{", " { ").replace("}", " } ").split()
    stack: list[tuple[str, np.ndarray, Rotation]] = []
    result: dict[str, np.ndarray] = {}
    column, at, name = 0, 0, ""
    while at < len(tokens):
        token = tokens[at]
        if token in ("ROOT", "JOINT", "End"):
            name = tokens[at + 1] if token != "End" else f"{stack[-1][0]}_end"
        elif token == "OFFSET":
            local = np.tile([float(value) for value in tokens[at + 1 : at + 4]], (len(rows), 1))
            turn = Rotation.identity(len(rows))
            if tokens[at + 4] == "CHANNELS":
                count = int(tokens[at + 5])
                for channel in tokens[at + 6 : at + 6 + count]:
                    axis = channel[0].lower()
                    if channel.endswith("position"):
                        local[:, "xyz".index(axis)] = rows[:, column]
                    else:
                        turn = turn * Rotation.from_euler(axis, rows[:, [column]], degrees=True)
                    column += 1
            if stack:
                local = stack[-1][1] + stack[-1][2].apply(local)
                turn = stack[-1][2] * turn
            stack.append((name, local, turn))
            result[name] = local
        elif token == "}":
            stack.pop()
        at += 1
    return result


def test_every_channel_order_agrees_with_matrices(tmp_path: Path) -> None:
    rows = random_rows()
    animation = read_bvh(write(tmp_path, BODY + motion_section(rows)), unit=1.0)
    expected = by_hand(rows)
    assert animation.fps == 30.0
    assert set(animation.names) == set(expected)
    positions = animation_pose(animation).positions
    for joint, name in enumerate(animation.names):
        np.testing.assert_allclose(positions[:, joint], expected[name], atol=2e-5)


def test_positions_replace_offsets_as_another_library_reads_them() -> None:
    """Bandai-Namco gives every joint six channels; an independent reader agrees on every joint."""
    path = CLIPS / "bandai_walk_normal.bvh"
    animation = read_bvh(path)
    other = BVH()
    other.load(str(path))
    rotations, positions, parents, *_ = other.get_data()
    expected, _ = fk(rotations, positions[:, 0], positions[0], parents)
    # The other library wants constant offsets, which the animated Hips do not have: compare relative to them.
    hips, ours = list(other.data["names"]).index("Hips"), animation.index("Hips")
    below = animation_pose(animation).positions - animation_pose(animation).positions[:, [ours]]
    expected = (expected - expected[:, [hips]]) * 0.01
    for joint, name in enumerate(other.data["names"]):
        if joint >= hips:
            np.testing.assert_allclose(below[:, animation.index(name)], expected[:, joint], atol=1e-5)


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.0254, 0.0254 / 0.45, 0.001])
@pytest.mark.parametrize("up", ["y", "z", "-z", "x"])
def test_unit_and_up_axis_are_found_out(tmp_path: Path, unit: float, up: str) -> None:
    """The same body in another unit and another up axis reads as the same animation."""
    turn = {
        "y": Rotation.identity(),
        "z": Rotation.from_euler("x", 90, degrees=True),
        "-z": Rotation.from_euler("x", -90, degrees=True),
        "x": Rotation.from_euler("z", -90, degrees=True),
    }[up]

    def offset(match: re.Match[str]) -> str:
        vector = turn.apply([float(value) for value in match[1].split()]) / unit
        return "OFFSET " + " ".join(f"{value:.8f}" for value in vector)

    header = re.sub(r"OFFSET ((?:\S+ ?){3})", offset, BODY)
    rows = np.zeros((1, WIDTH))
    rows[0, :3] = turn.apply([0, 0.95, 0]) / unit
    hand = turn.apply([-0.26, 0, 0]) / unit
    column = sum(
        len(channels.split())
        for channels in CHANNELS[: CHANNELS.index(next(c for c in CHANNELS if "Zposition Y" in c))]
    )
    rows[0, column + 3 : column + 6] = hand[[2, 1, 0]]
    ours = animation_pose(read_bvh(write(tmp_path, header + motion_section(rows)))).positions
    plain = np.zeros((1, WIDTH))
    plain[0, :3] = [0, 0.95, 0]
    plain[0, column + 3 : column + 6] = [0, 0, -0.26]
    expected = animation_pose(read_bvh(write(tmp_path, BODY + motion_section(plain)))).positions
    # The turn about the up axis is free: heights and distances tell.
    assert torch.allclose(ours[..., 1], expected[..., 1], atol=1e-4)
    assert torch.allclose(torch.cdist(ours, ours), torch.cdist(expected, expected), atol=1e-3)


def test_windows_line_ends_a_byte_order_mark_and_capitals_are_fine(tmp_path: Path) -> None:
    rows = random_rows()
    text = BODY + motion_section(rows)
    plain = read_bvh(write(tmp_path, text), unit=1.0)
    windows = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").replace("rotation", "ROTATION").encode()
    other = read_bvh(write(tmp_path, windows), unit=1.0)
    assert other.names == plain.names
    assert torch.equal(other.rotations, plain.rotations)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [("", "ascii"), *(("\ufeff", f"utf-{kind}") for kind in ("8", "16-le", "16-be", "32-le", "32-be"))],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_encodings_with_a_byte_order_mark_make_no_difference(
    tmp_path: Path, mark: str, encoding: str, line_end: str
) -> None:
    plain = read_bvh(write(tmp_path, GOOD), unit=1.0)
    text = mark + GOOD.replace("\n", line_end)
    other = read_bvh(write(tmp_path, text.encode(encoding)), unit=1.0)
    assert (other.names, other.fps) == (plain.names, plain.fps)
    assert torch.equal(other.rotations, plain.rotations)


@pytest.mark.parametrize(
    ("frame_time", "fps"), [(".0083333", 120), ("0.05", 20), ("0.0333667", 29.97), ("0.041708", 23.976)]
)
def test_frame_rate(tmp_path: Path, frame_time: str, fps: float) -> None:
    path = write(tmp_path, BODY + motion_section(random_rows(), frame_time))
    assert read_bvh(path, unit=1.0).fps == pytest.approx(fps, rel=1e-4)


GOOD = BODY + motion_section(random_rows())
BROKEN = {
    "empty": "",
    "another format": "{'Frames': []}",
    "no motion": BODY,
    "cut in the hierarchy": BODY[: len(BODY) // 2] + motion_section(random_rows()),
    "cut in the motion": GOOD[:-200],
    "cut in a row": GOOD[: GOOD.rindex("\n", 0, -2) + 30],
    "too few frames announced": GOOD.replace("Frames: 4", "Frames: 3"),
    "absurd frame count": GOOD.replace("Frames: 4", "Frames: 99999999999999999999"),
    "negative frame count": GOOD.replace("Frames: 4", "Frames: -4"),
    "no frames": BODY + motion_section(np.zeros((0, WIDTH))),
    "NaN": re.sub(r"(Time: \S+\n)\S+", r"\1nan", GOOD),
    "infinite": re.sub(r"(Time: \S+\n)\S+", r"\g<1>1e999", GOOD),
    "word among the numbers": re.sub(r"(Time: \S+\n)\S+", r"\1hello", GOOD),
    "decimal commas": GOOD[: GOOD.index("MOTION")] + GOOD[GOOD.index("MOTION") :].replace(".", ","),
    "frame time of zero": GOOD.replace("0.033333", "0"),
    "frame time too short": GOOD.replace("0.033333", "0.0009"),
    "frame time too long": GOOD.replace("0.033333", "10.1"),
    "a comment": "# exported by hand\n" + GOOD,
    "UTF-16 that does not say so": GOOD.encode("utf-16-le"),
    "no frame time": GOOD.replace("Frame Time: 0.033333\n", ""),
    "offset is no number": GOOD.replace("OFFSET 0 0.25 0", "OFFSET 0 up 0"),
    "two offset values": GOOD.replace("OFFSET 0 0.25 0", "OFFSET 0 0.25"),
    "unknown channel": GOOD.replace("Yrotation Xrotation\n", "Wrotation Xrotation\n"),
    "channel count": GOOD.replace("CHANNELS 2", "CHANNELS 3"),
    "two figures": BODY + BODY.replace("HIERARCHY", "") + motion_section(random_rows()),
    "no body": "HIERARCHY\nROOT Ball\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n}\n"
    "MOTION\nFrames: 1\nFrame Time: 0.1\n0 0 0\n",
    "a giant": re.sub(r"OFFSET (\S+) (\S+) (\S+)", r"OFFSET \1e5 \2e5 \3e5", GOOD),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_with_their_name(tmp_path: Path, case: str) -> None:
    path = write(tmp_path, BROKEN[case])
    with pytest.raises(KinelexError) as error:
        read_bvh(path)
    message = str(error.value)
    assert "clip.bvh" in message
    assert "\n" not in message
    assert len(message) < 1200


def test_of_many_joints_a_dozen_are_named(tmp_path: Path) -> None:
    names = [f"Tentacle{number}" for number in range(1500)]
    joints = "".join(f"JOINT {name} {{ OFFSET 0 0.1 0\nCHANNELS 0 }}\n" for name in names)
    text = f"HIERARCHY\nROOT Octopus {{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n{joints}}}\n"
    with pytest.raises(KinelexError, match=r"clip\.bvh .*Tentacle10, \.\.\.\);") as error:
        read_bvh(write(tmp_path, f"{text}MOTION\nFrames: 1\nFrame Time: 0.1\n0\n"))
    assert str(error.value).count("Tentacle") == 11


def test_missing_file_and_unknown_flavour(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="absent"):
        read_bvh(tmp_path / "absent.bvh")
    with pytest.raises(KinelexError, match="bvh-daz"):
        read_bvh(CLIPS / "bandai_walk_normal.bvh", "maya")


def check(animation: Animation) -> None:
    assert torch.isfinite(animation.rotations).all()
    assert torch.isfinite(animation.translations).all()
    assert (animation.rotations.norm(dim=-1) - 1).abs().max() < 1e-4
    assert len(set(animation.names)) == len(animation.names) == len(animation.parents)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes changed, cut out or repeated anywhere: a sound animation or a KinelexError, nothing else."""
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text) - 1))
        stop = data.draw(st.integers(start, min(len(text), start + 200)))
        text[start:stop] = data.draw(st.one_of(st.binary(max_size=12), st.just(bytes(text[start:stop]) * 2)))
        text = text or bytearray(b"x")
    path = write(tmp_path, bytes(text))
    animation = None
    with contextlib.suppress(KinelexError):
        animation = read_bvh(path)
    if animation is not None:
        check(animation)


def test_many_blank_lines_or_joints_do_not_hang(tmp_path: Path) -> None:
    blank = write(tmp_path, BODY + "\n" * 500_000 + " x")
    with pytest.raises(KinelexError):
        read_bvh(blank)
    joints = "JOINT a {\n OFFSET 0 0 0\n CHANNELS 0\n" * 20_000
    with pytest.raises(KinelexError, match="joints"):
        read_bvh(write(tmp_path, "HIERARCHY\nROOT a {\nOFFSET 0 0 0\nCHANNELS 0\n" + joints))


def test_names_with_spaces_and_repeated_names_stay_apart(tmp_path: Path) -> None:
    text = GOOD.replace("JOINT LeftArm", "JOINT Bip01 L UpperArm").replace(
        "JOINT RightHand", "JOINT LeftHand"
    )
    animation = read_bvh(write(tmp_path, text), "bvh-daz", unit=1.0)
    assert "Bip01 L UpperArm" in animation.names
    assert "LeftHand_2" in animation.names
    check(animation)
    assert torch.allclose(roma.quat_normalize(animation.rotations), animation.rotations, atol=1e-5)
