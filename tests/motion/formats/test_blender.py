"""Blender itself reads our rigs, with the settings that docs/rigs.md recommends.

Needs the package `bpy` (300 MB), in this environment or in that of the interpreter that KINELEX_BLENDER_PYTHON names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinelex.motion.mannequin import mannequin
from kinelex.motion.motion import Motion
from kinelex.motion.rig import NAME_PRESETS, Rig, bone_names, rig_from_motion
from kinelex.motion.skeleton import KIT
from rig_clips import recorded_motion, smooth_motion

PYTHON = os.environ.get("KINELEX_BLENDER_PYTHON") or (
    sys.executable if importlib.util.find_spec("bpy") else None
)
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="needs bpy: install kinelex[blender], or name a Python in KINELEX_BLENDER_PYTHON"
)
CHILD = Path(__file__).with_name("blender_import.py")
CLOSE = 1e-4  # metres
TO_BLENDER = np.array(((1, 0, 0), (0, 0, -1), (0, 1, 0)))  # from Y up, facing +Z, to Z up, facing -Y


@dataclass(frozen=True)
class Case:
    """A file that is written and imported."""

    skeleton: str
    names: str
    suffix: str
    unit: str

    @property
    def motion(self) -> Motion:
        return smooth_motion(KIT) if self.skeleton == "kit" else recorded_motion()

    @property
    def frames(self) -> list[int]:
        """The first, some in the middle, and the last."""
        last = len(self.motion) - 1
        return [0, 1, last // 3, last // 2, last - 1, last]


CASES = [
    *(Case("humanml3d", names, ".glb", "m") for names in NAME_PRESETS),
    *(Case("humanml3d", names, ".bvh", unit) for names in NAME_PRESETS for unit in ("m", "cm")),
    Case("kit", "mixamo", ".glb", "m"),
    Case("kit", "mixamo", ".bvh", "cm"),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(vars(case).values()))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, dict[str, Any]]:
    """What Blender says about the file of every case; it runs apart, as it shares no process well."""
    folder = tmp_path_factory.mktemp("blender")
    jobs = []
    for number, case in enumerate(CASES):
        path = folder / f"{number}{case.suffix}"
        case.motion.save(path, names=case.names, unit=case.unit)
        scale = 0.01 if case.unit == "cm" else 1.0
        seconds = [frame / case.motion.fps for frame in case.frames]
        rate = Fraction(case.motion.fps).numerator  # the least whole multiple of the clip's
        jobs.append({"path": str(path), "scene_fps": rate, "scale": scale, "seconds": seconds})
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    command = [str(PYTHON), str(CHILD), str(folder / "jobs.json"), str(folder / "report.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    entries = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return dict(zip(CASES, entries, strict=True))


def ordered(points: dict[str, list[float]], case: Case) -> np.ndarray:
    """(J, 3) points by bone name in the order of the skeleton's joints."""
    return np.array([points[name] for name in bone_names(case.motion.skeleton, case.names)])


def skinned(rig: Rig, frame: int) -> np.ndarray:
    """(V, 3) vertices of the mannequin at a frame: linear blend skinning by the definition, with scipy."""
    clip, body, rest = rig.animation, mannequin(rig), rig.rest().double().numpy()
    turns: list[Rotation] = []
    moved: list[np.ndarray] = []
    joints: list[np.ndarray] = []
    for joint, parent in enumerate(clip.parents):
        turn = Rotation.from_quat(clip.rotations[frame, joint].numpy())
        step = clip.translations[frame, joint].double().numpy()
        turns.append(turn if parent < 0 else turns[parent] * turn)
        joints.append(step if parent < 0 else joints[parent] + turns[parent].apply(step))
        moved.append(turns[joint].apply(body.vertices - rest[joint]) + joints[joint])
    choice = np.stack(moved)[body.joints, np.arange(len(body.vertices))[:, None]]
    return (choice * body.weights[..., None]).sum(axis=1)


@each_case
def test_bones_have_the_names_and_parents_of_the_preset(case: Case, reports: dict[Case, Any]) -> None:
    skeleton, names = case.motion.skeleton, bone_names(case.motion.skeleton, case.names)
    parents = {
        name: names[above] if above >= 0 else None
        for name, above in zip(names, skeleton.parents, strict=True)
    }
    assert reports[case]["parents"] == parents


@each_case
def test_joints_are_where_the_clip_has_them(case: Case, reports: dict[Case, Any]) -> None:
    motion = case.motion
    for frame, found in zip(case.frames, reports[case]["moments"], strict=True):
        expected = motion.positions[frame] @ TO_BLENDER.T
        error = np.linalg.norm(ordered(found["heads"], case) - expected, axis=-1)
        assert error.max() < CLOSE, f"frame {frame}"


@each_case
def test_frame_rate_and_length_are_kept(case: Case, reports: dict[Case, Any]) -> None:
    whole = Fraction(case.motion.fps).numerator if case.suffix == ".glb" else case.motion.fps
    assert reports[case]["fps"] == pytest.approx(whole)
    assert reports[case]["seconds"] == pytest.approx((len(case.motion) - 1) / case.motion.fps, abs=1e-5)


@each_case
def test_armature_rests_upright_facing_the_front_view_with_its_left_at_plus_x(
    case: Case, reports: dict[Case, Any]
) -> None:
    rest = dict(zip(case.motion.skeleton.joints, ordered(reports[case]["rest"], case), strict=True))
    assert rest["head"][2] > rest["pelvis"][2] + 0.4 > rest["left_ankle"][2] + 0.8
    for side, sign in (("left", 1), ("right", -1)):
        toes = rest[f"{side}_foot"] - rest[f"{side}_ankle"]
        assert toes[1] < -0.08
        arm = rest[f"{side}_wrist"] - rest[f"{side}_shoulder"]
        assert sign * arm[0] > 0.99 * np.linalg.norm(arm)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.suffix == ".glb"], ids=lambda case: case.names
)
def test_the_mannequin_is_bent_by_the_armature(case: Case, reports: dict[Case, Any]) -> None:
    rig = rig_from_motion(case.motion, case.names)
    for frame, found in zip(case.frames, reports[case]["moments"], strict=True):
        (skin,) = found["skin"]
        np.testing.assert_allclose(skin, skinned(rig, frame) @ TO_BLENDER.T, atol=CLOSE)
