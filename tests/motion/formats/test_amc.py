"""AMC on ASF: agrees with the Acclaim formula worked out bone by bone; broken files are refused."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinelex.errors import KinelexError
from kinelex.motion.formats.amc import read_amc
from kinelex.motion.formats.asf import read_asf
from kinelex.motion.kinematics import animation_pose

CLIPS = Path(__file__).parents[2] / "data" / "clips"
AMC, ASF = CLIPS / "cmu_08_01.amc", CLIPS / "cmu_08.asf"
UNIT = 0.0254 / 0.45


def bones_of(text: str) -> dict[str, dict[str, list[str]]]:
    blocks = re.findall(r"begin\n(\s+id.*?)end", text, flags=re.DOTALL)
    rows = [{line.split()[0]: line.split()[1:] for line in block.strip().splitlines()} for block in blocks]
    return {row["name"][0]: row for row in rows}


def by_hand(frame: int) -> dict[str, np.ndarray]:
    """Bone ends of one frame in metres: G = G_parent C M C^-1, end = parent's end + G direction length."""
    text = ASF.read_text()
    bones = bones_of(text)
    hierarchy = text[text.index(":hierarchy") :]
    frames = re.split(r"^\d+\n", AMC.read_text(), flags=re.MULTILINE)[1:]
    values = {
        line.split()[0]: [float(v) for v in line.split()[1:]] for line in frames[frame].strip().splitlines()
    }
    root = values["root"]
    place = {"root": np.array(root[:3])}
    turn = {"root": Rotation.from_euler("xyz", root[3:], degrees=True).as_matrix()}
    for line in hierarchy.splitlines():
        for name in line.split()[1:]:
            parent, bone = line.split()[0], bones[name]
            angles = dict(zip(bone.get("dof", []), values.get(name, []), strict=True))
            local = Rotation.from_euler(
                "xyz", [angles.get(dof, 0.0) for dof in ("rx", "ry", "rz")], degrees=True
            )
            axis = Rotation.from_euler("xyz", [float(v) for v in bone["axis"][:3]], degrees=True)
            turn[name] = turn[parent] @ (axis * local * axis.inv()).as_matrix()
            vector = np.array([float(v) for v in bone["direction"]]) * float(bone["length"][0])
            place[name] = place[parent] + turn[name] @ vector
    return {name: end * UNIT for name, end in place.items()}


def test_agrees_with_the_acclaim_formula() -> None:
    animation = read_amc(AMC, ASF)
    positions = animation_pose(animation).positions
    assert animation.flavour == "asfamc"
    for frame in (0, 17, len(animation) - 1):
        ends = by_hand(frame)
        for joint, parent in enumerate(animation.parents):
            name = animation.names[parent] if parent >= 0 else "root"
            np.testing.assert_allclose(positions[frame, joint], ends[name], atol=1e-5)


def test_asf_is_found_beside_the_amc_and_in_an_asf_folder(tmp_path: Path) -> None:
    expected = read_amc(AMC, ASF)
    beside = tmp_path / "08_01.amc"
    shutil.copy(AMC, beside)
    shutil.copy(ASF, tmp_path / "08.asf")
    shutil.copy(ASF, tmp_path / "09.asf")
    assert torch.equal(read_amc(beside).rotations, expected.rotations)
    deep = tmp_path / "pack" / "amc" / "walk" / "HDM_bk_walk.amc"
    deep.parent.mkdir(parents=True)
    (tmp_path / "pack" / "asf").mkdir()
    shutil.copy(AMC, deep)
    shutil.copy(ASF, tmp_path / "pack" / "asf" / "HDM_bk.asf")
    shutil.copy(ASF, tmp_path / "pack" / "asf" / "HDM_dg.asf")
    assert torch.equal(read_amc(deep).rotations, expected.rotations)
    (tmp_path / "pack" / "asf" / "HDM_bk.asf").unlink()
    with pytest.raises(KinelexError, match=r"\.asf"):
        read_amc(deep)


def rewritten(path: Path, change: Callable[[str], str]) -> Path:
    path.write_bytes(change(path.read_text()).encode())
    return path


@pytest.mark.parametrize("line_end", ["\r", "\r\n"])
def test_comments_and_other_systems_line_ends(line_end: str, tmp_path: Path) -> None:
    clip, body = tmp_path / "clip.amc", tmp_path / "body.asf"
    clip.write_text(AMC.read_text().replace("\nhead", "\n# of the head\nhead"))
    body.write_text(ASF.read_text().replace("length 0.45", "length 0.45#inches"))
    for path in (clip, body):
        rewritten(path, lambda text: text.replace("\n", line_end))
    ours, expected = read_amc(clip, body), read_amc(AMC, ASF)
    assert torch.equal(animation_pose(ours).positions, animation_pose(expected).positions)


@pytest.mark.parametrize("turns_first", [False, True])
def test_radians_read_as_degrees(turns_first: bool, tmp_path: Path) -> None:
    def radians(match: re.Match[str]) -> str:
        words = match[0].split()
        fixed = words[1:4] if words[0] == "root" else []
        turned = [f"{np.deg2rad(float(value)):.9f}" for value in words[1 + len(fixed) :]]
        return " ".join([words[0], *turned, *fixed] if turns_first else [words[0], *fixed, *turned])

    text = re.sub(
        r"^[a-z]+ .*$", radians, AMC.read_text().replace(":DEGREES", ":RADIANS"), flags=re.MULTILINE
    )
    path = tmp_path / "clip.amc"
    path.write_text(text)
    body = tmp_path / "body.asf"
    order = "RX RY RZ TX TY TZ" if turns_first else "TX TY TZ RX RY RZ"
    body.write_text(ASF.read_text().replace("TX TY TZ RX RY RZ", order))
    ours, expected = animation_pose(read_amc(path, body)), animation_pose(read_amc(AMC, ASF))
    assert torch.allclose(ours.positions, expected.positions, atol=1e-5)


TEXT = AMC.read_text()
BROKEN = {
    "empty": "",
    "no frames": TEXT[: TEXT.index("\n1\n")],
    "cut in a frame": TEXT[: len(TEXT) // 2],
    "cut in a number row": TEXT[:-3].rsplit(" ", 1)[0],
    "a bone missing once": TEXT.replace("\nhead ", "\n", 1),
    "an unknown bone": TEXT.replace("head", "tail"),
    "NaN": re.sub(r"\nhead \S+", "\nhead nan", TEXT, count=1),
    "infinite": re.sub(r"\nhead \S+", "\nhead 1e999", TEXT, count=1),
    "word": re.sub(r"\nhead \S+", "\nhead -1.#IND", TEXT, count=1),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_amc_is_refused_with_its_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "clip.amc"
    path.write_text(BROKEN[case])
    with pytest.raises(KinelexError, match=r"clip\.amc"):
        read_amc(path, ASF)


SKELETON = ASF.read_text()
BROKEN_SKELETONS = {
    "empty": "",
    "no hierarchy": SKELETON[: SKELETON.index(":hierarchy")],
    "a bone missing": re.sub(r"name lfemur", "name lfemurx", SKELETON),
    "no length": re.sub(r"\n\s+length 7\S+", "", SKELETON, count=1),
    "NaN": re.sub(r"length 7\S+", "length nan", SKELETON, count=1),
    "a unit of no length": re.sub(r"(:units.*?length) \S+", r"\1 0", SKELETON, flags=re.DOTALL),
    "a unit of infinite length": re.sub(r"(:units.*?length) \S+", r"\1 1e999", SKELETON, flags=re.DOTALL),
    "hangs on nothing": SKELETON.replace("root lhipjoint rhipjoint lowerback", "root rhipjoint lowerback"),
}


@pytest.mark.parametrize("case", BROKEN_SKELETONS)
def test_broken_asf_is_refused_with_its_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "clip.asf"
    assert BROKEN_SKELETONS[case] != SKELETON
    path.write_text(BROKEN_SKELETONS[case])
    with pytest.raises(KinelexError, match=r"clip\.asf"):
        read_amc(AMC, path)


def test_missing_files_and_impossible_rates(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="absent"):
        read_amc(tmp_path / "absent.amc", ASF)
    with pytest.raises(KinelexError, match="absent"):
        read_amc(AMC, tmp_path / "absent.asf")
    for fps in (0, 0.09, 1001, np.nan, np.inf):
        with pytest.raises(KinelexError, match=r"give 0\.1 to 1000"):
            read_amc(AMC, ASF, fps=fps)


def test_a_root_far_beyond_the_horizon_is_refused_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "clip.amc"
    path.write_text(re.sub(r"\nroot \S+", "\nroot 1e8", TEXT, count=1))
    with pytest.raises(KinelexError, match=r"clip\.amc puts joints more than 1000 km away"):
        read_amc(path, ASF)


def test_a_root_channel_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    damaged = re.sub(r"(?i)(order\b.*?)\bRX\b", r"\1RR", SKELETON, count=1)
    assert damaged != SKELETON
    (tmp_path / "clip.asf").write_text(damaged)
    with pytest.raises(KinelexError, match="root"):
        read_amc(AMC, tmp_path / "clip.asf")


SMALL = TEXT[: TEXT.index("\n3\n") + 1]


# The numbers of the skeleton: those of its few units apart, else they would hardly ever be drawn.
NUMBERS = [match.span(1) for match in re.finditer(r"\s\(?(-?\d[\d.e-]*)(?=[\s)])", SKELETON)]
UNITS = [span for span in NUMBERS if SKELETON.index(":units") < span[0] < SKELETON.index(":root")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    span=st.one_of(st.sampled_from(UNITS), st.sampled_from(NUMBERS)),
    number=st.sampled_from(["0", "-1", "1e-320", "1e300", "1e999", "nan", "x"]),
)
def test_numbers_that_no_skeleton_has_are_read_or_refused(
    tmp_path: Path, span: tuple[int, int], number: str
) -> None:
    path = tmp_path / "clip.asf"
    path.write_text(f"{SKELETON[: span[0]]}{number}{SKELETON[span[1] :]}")
    skeleton = None
    with contextlib.suppress(KinelexError):
        skeleton = read_asf(path)
    if skeleton is not None:
        assert 0 < skeleton.unit < np.inf
        for bone in skeleton.bones.values():
            assert torch.isfinite(bone.vector).all()
            assert torch.isfinite(bone.frame).all()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), damage_skeleton=st.booleans())
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, data: st.DataObject, damage_skeleton: bool
) -> None:
    text = bytearray((SKELETON if damage_skeleton else SMALL).encode())
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(len(text), start + 200)))
    text[start:stop] = data.draw(st.one_of(st.binary(max_size=12), st.just(bytes(text[start:stop]) * 2)))
    path, skeleton = tmp_path / "clip.amc", tmp_path / "clip.asf"
    path.write_bytes(SMALL.encode() if damage_skeleton else bytes(text))
    skeleton.write_bytes(bytes(text) if damage_skeleton else SKELETON.encode())
    animation = None
    with contextlib.suppress(KinelexError):
        animation = read_amc(path, skeleton)
    if animation is not None:
        assert torch.isfinite(animation.rotations).all()
        assert torch.isfinite(animation.translations).all()
