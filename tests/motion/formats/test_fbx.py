"""FBX: where Blender sees the bones, by whatever names, axes and units; every broken file refused in one sentence."""

from __future__ import annotations

import contextlib
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fbx_files import LEFT_HANDED, Z_UP, Node, Take, ascii_fbx, body
from kinelex.cli import main
from kinelex.data.prepare import prepare
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.formats import READABLE, fbx
from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.formats.fbx import FbxTake, fbx_takes, read_fbx
from kinelex.motion.kinematics import animation_pose
from kinelex.motion.motion import Motion
from kinelex.motion.retarget import to_motion
from kinelex.motion.rig_names import NAME_PRESETS
from kinelex.motion.skeleton import HUMANML3D

pytest.importorskip("ufbx")
CLIPS = Path(__file__).parents[2] / "data" / "clips"
WALK = {("pelvis", "T"): [(0.0, (0.0, 90.0, 0.0)), (1.0, (0.0, 90.0, 120.0))]}
BLENDER = ("cmu_08_01_mixamo", "cmu_mb_08_05")
MIXAMO = NAME_PRESETS["mixamo"]


def raised_arm(names: dict[str, str] | None = None, name: str = "Take 001", seconds: float = 1.0) -> Take:
    """The left arm goes up to the side, while the figure goes 1.2 m forward; lengths in centimetres."""
    called = names or {}
    pelvis, arm = (called.get(joint, joint) for joint in ("pelvis", "left_shoulder"))
    return Take(
        name,
        {
            (pelvis, "T"): [(0.0, (0.0, 90.0, 0.0)), (seconds, (0.0, 90.0, 120.0))],
            (arm, "R"): [(0.0, (0.0, 0.0, 0.0)), (seconds, (0.0, 0.0, 90.0))],
        },
        (0.0, seconds),
    )


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "clip.fbx"
    path.write_bytes(content)
    return path


def joints(animation: Animation, names: dict[str, str] | None = None) -> torch.Tensor:
    """(T, 22, 3) where the animation has the joints of HumanML3D, by their names."""
    places = animation_pose(animation).positions
    return places[:, [animation.index((names or {}).get(joint, joint)) for joint in HUMANML3D.joints]]


def plain(folder: Path) -> torch.Tensor:
    """What every other way to write the same scene must read as."""
    return joints(read_fbx(saved(folder, ascii_fbx(body({}), [raised_arm()]))))


@pytest.mark.parametrize("clip", BLENDER)
def test_bones_are_where_blender_has_them(clip: str) -> None:
    """Blender wrote the file, and read it again; one in centimetres and Y up, one in metres and Z up."""
    animation = read_fbx(CLIPS / f"{clip}.fbx")
    with np.load(CLIPS / f"{clip}_blender.npz") as seen:
        bones, positions, fps = seen["bones"].tolist(), seen["positions"], float(seen["fps"])
    assert animation.fps == pytest.approx(fps, rel=1e-4)
    assert len(animation) == len(positions)
    assert set(animation.names) == set(bones)
    ours = animation_pose(animation).positions[:, [animation.index(bone) for bone in bones]]
    assert np.linalg.norm(ours.numpy() - positions, axis=-1).max() < 2e-4


@pytest.mark.parametrize("clip", BLENDER)
def test_the_motion_is_that_of_the_file_before_blender(clip: str) -> None:
    if clip == "cmu_mb_08_05":
        before = to_motion(read_bvh(CLIPS / "cmu_mb_08_05.bvh", "generic"))
    else:
        before = Motion.load(CLIPS / "cmu_08_01.amc", recorded_at=20)
    after = Motion.load(CLIPS / f"{clip}.fbx")
    assert (after.fps, len(after)) == (20, len(before))
    assert np.linalg.norm(after.positions - before.positions, axis=-1).max() < 5e-3


def test_a_standing_figure_walks_and_raises_its_left_arm(tmp_path: Path) -> None:
    places = plain(tmp_path)
    at = {joint: places[:, index] for index, joint in enumerate(HUMANML3D.joints)}
    assert len(places) == 25, "24 frames a second, the last key too"
    assert torch.allclose(
        at["pelvis"][[0, 12, 24]], torch.tensor([[0, 0.9, 0], [0, 0.9, 0.6], [0, 0.9, 1.2]])
    )
    for frame, direction in ((0, (0, -1, 0)), (24, (1, 0, 0))):
        arm = at["left_wrist"][frame] - at["left_shoulder"][frame]
        assert torch.nn.functional.cosine_similarity(arm, torch.tensor(direction).float(), dim=0) > 0.99


@pytest.mark.parametrize(
    "prefix",
    ["mixamorig:", "mixamorig1:", "mixamorig12:", "", "Character1_"],
    ids=lambda prefix: prefix or "none",
)
def test_mixamo_names_with_any_prefix(prefix: str, tmp_path: Path) -> None:
    names = {joint: prefix + name.removeprefix("mixamorig:") for joint, name in MIXAMO.items()}
    motion = Motion.load(saved(tmp_path, ascii_fbx(body(names), [raised_arm(names)])))
    assert motion.positions.shape == (21, 22, 3)


@pytest.mark.parametrize("style", ["unreal", "unity", "vrm"])
def test_names_of_game_engines(style: str, tmp_path: Path) -> None:
    names = dict(NAME_PRESETS[style])
    # Unreal hangs the pelvis and its bones for inverse kinematics on a root.
    extras = [Node("root"), Node("ik_foot_root", "root"), Node("ik_foot_l", "ik_foot_root")]
    content = ascii_fbx([*extras, *body(names, hang="root")], [raised_arm(names)])
    expected = Motion.load(saved(tmp_path, ascii_fbx(body({}), [raised_arm()]))).positions
    assert np.abs(Motion.load(saved(tmp_path, content)).positions - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("unit", "axes", "turn"),
    [
        (0.0254, (1, 1, 2, 1, 0, 1), (0, 0, 0)),
        (1.0, (1, 1, 2, 1, 0, 1), (0, 0, 0)),
        (0.01, Z_UP, (90, 0, 0)),
        (1.0, Z_UP, (90, 0, 0)),
    ],
)
def test_axes_and_units_of_the_file(
    unit: float, axes: tuple[int, ...], turn: tuple[int, int, int], tmp_path: Path
) -> None:
    """An armature stands the same figure up in the file's axes, and scales its centimetres to the file's unit."""
    armature = Node("Armature", turn=turn, scale=0.01 / unit, kind="Null")
    content = ascii_fbx([armature, *body({}, hang="Armature")], [raised_arm()], unit=unit, axes=axes)
    assert torch.allclose(joints(read_fbx(saved(tmp_path, content))), plain(tmp_path), atol=1e-4)


def test_an_armature_that_goes_carries_the_figure(tmp_path: Path) -> None:
    take = raised_arm()
    keys = {("Armature", "T") if key == ("pelvis", "T") else key: value for key, value in take.keys.items()}
    nodes = [Node("Armature", place=(0, 90, 0), kind="Null"), *body({}, hang="Armature")]
    nodes[1].place = (0, 0, 0)
    animation = read_fbx(saved(tmp_path, ascii_fbx(nodes, [Take("walk", keys)])))
    assert animation.names[0] == "pelvis"
    assert torch.allclose(joints(animation), plain(tmp_path), atol=1e-5)


def test_pre_rotations_are_part_of_the_pose(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    # All but the bone whose keys are meant in the world's axes, and what it hangs on.
    still = ("pelvis", "spine1", "spine2", "spine3", "left_collar", "left_shoulder")
    turns = {joint: tuple(draw.uniform(-180, 180, 3)) for joint in HUMANML3D.joints if joint not in still}
    content = ascii_fbx(body({}, before=turns), [raised_arm()])
    assert torch.allclose(joints(read_fbx(saved(tmp_path, content))), plain(tmp_path), atol=1e-4)


def test_a_left_handed_scene_is_not_read_as_its_mirror_image(tmp_path: Path) -> None:
    """There the left is at -X of a figure that faces +Z, and turns about Z go the other way."""
    nodes = body({})
    for node in nodes:
        node.place = (-node.place[0], *node.place[1:])
    take = raised_arm()
    lifted = {
        key: [(at, (x, y, -z) if key[1] == "R" else (x, y, z)) for at, (x, y, z) in keys]
        for key, keys in take.keys.items()
    }
    content = ascii_fbx(nodes, [Take("walk", lifted)], axes=LEFT_HANDED)
    moved = Motion.load(saved(tmp_path, content)).positions
    right = Motion.load(saved(tmp_path, ascii_fbx(body({}), [take]))).positions
    assert np.abs(moved - right).max() < 1e-4


def test_units_that_make_nobody_are_not_believed(tmp_path: Path) -> None:
    metres = [Node(node.name, node.parent, tuple(x / 100 for x in node.place)) for node in body({})]  # type: ignore[arg-type]
    turning = Take("wave", {key: value for key, value in raised_arm().keys.items() if key[1] == "R"})
    millimetres = [Node(node.name, node.parent, tuple(x * 10 for x in node.place)) for node in body({})]  # type: ignore[arg-type]
    for nodes, said in ((metres, 0.01), (body({}), 1.0), (millimetres, 0.01), (millimetres, 0.0254)):
        places = joints(read_fbx(saved(tmp_path, ascii_fbx(nodes, [turning], unit=said))))
        assert torch.allclose(places[0, 0], torch.tensor([0, 0.9, 0]), atol=1e-4)
    tall = joints(read_fbx(saved(tmp_path, ascii_fbx(body({}), [turning])), unit=0.02))
    assert float(tall[0, 0, 1]) == pytest.approx(1.8, abs=1e-4)
    tiny = [Node(node.name, node.parent, tuple(x / 40 for x in node.place)) for node in body({})]  # type: ignore[arg-type]
    with pytest.raises(KinelexError, match="give the unit"):
        read_fbx(saved(tmp_path, ascii_fbx(tiny, [turning])))


def test_of_several_takes_the_longest_is_read_or_the_one_that_is_named(tmp_path: Path) -> None:
    takes = [Take("Take 001"), raised_arm(name="short"), raised_arm(name="long", seconds=2.0)]
    path = saved(tmp_path, ascii_fbx(body({}), takes))
    assert len(read_fbx(path)) == 49
    assert len(read_fbx(path, "short")) == 25
    with pytest.raises(KinelexError, match=r"clip\.fbx holds no take 'idle'; choose one of short, long$"):
        read_fbx(path, "idle")


@pytest.fixture
def several(tmp_path: Path) -> Path:
    takes = [
        Take("Take 001"),
        raised_arm(name="a/b"),
        raised_arm(name="A b", seconds=2.0),
        raised_arm(name="c"),
    ]
    return saved(tmp_path, ascii_fbx(body({}), takes))


def test_takes_are_told(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fbx_takes(several) == (FbxTake("a/b", 1.0), FbxTake("A b", 2.0), FbxTake("c", 1.0))
    assert main(["inspect", str(several)]) == 0
    told = capsys.readouterr().out
    assert "a/b, 1.00 s" in told
    assert "A b, 2.00 s" in told


def test_takes_are_converted(several: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.npz"
    assert main(["convert", str(several), str(clip)]) == 0
    assert "holds 3 takes: a/b (1.0 s), A b (2.0 s), c (1.0 s); this is A b\n" in capsys.readouterr().out
    assert len(Motion.load(clip)) == 49
    assert main(["convert", str(several), str(clip), "--take", "c"]) == 0
    assert "holds" not in capsys.readouterr().out
    assert len(Motion.load(clip)) == 25
    assert main(["convert", str(several), str(tmp_path / "all" / "{take}.npz")]) == 0
    lengths = {path.name: len(Motion.load(path)) for path in (tmp_path / "all").iterdir()}
    assert lengths == {"a_b.npz": 25, "A_b_.npz": 49, "c.npz": 25}


@pytest.mark.parametrize(
    ("outputs", "options", "complaint"),
    [
        (["{take}.npz", "clip.bvh"], [], "put {take} into the name of every output, or of none"),
        (["{take}.npz"], ["--take", "idle"], "holds no take 'idle'; choose one of a/b, A b, c"),
        (["clip.npz"], ["--take", "idle"], "holds no take 'idle'; choose one of a/b, A b, c"),
    ],
)
def test_takes_that_cannot_be_converted(
    outputs: list[str], options: list[str], complaint: str, several: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(["convert", str(several), *(str(tmp_path / "new" / name) for name in outputs), *options]) == 2
    assert complaint in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_other_files_hold_one_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(CLIPS / "cmu_mb_08_05.bvh")
    assert main(["convert", clip, str(tmp_path / "{take}.npz")]) == 2
    assert "holds one clip; leave {take} out" in " ".join(capsys.readouterr().err.split())
    assert main(["convert", clip, str(tmp_path / "a.npz"), "--take", "walk"]) == 2
    assert "a take can be given for .fbx files only" in " ".join(capsys.readouterr().err.split())


def test_stores_report_the_takes_that_they_leave_out(several: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mocap"
    folder.mkdir()
    several.rename(folder / "pack.fbx")
    report = prepare("folder", folder, tmp_path / "store")
    (clip,) = Store.open(tmp_path / "store")
    assert len(clip.features) == 40
    assert [(each.file, each.part) for each in report.skipped if "longest" in each.reason] == [
        ("pack.fbx", "a/b"),
        ("pack.fbx", "c"),
    ]


def test_a_take_is_cut_to_its_keys_and_to_what_it_says_of_itself(tmp_path: Path) -> None:
    for span, frames in (((0, 0), 49), ((0, 100), 49), ((0.5, 1.5), 25), ((50, 60), 49)):
        take = raised_arm(seconds=2.0)
        take.span = span
        assert len(read_fbx(saved(tmp_path, ascii_fbx(body({}), [take])))) == frames


def test_frame_rate_is_the_scenes(tmp_path: Path) -> None:
    for mode, fps, frames in ((1, 120, 121), (6, 30, 31), (3, 60, 61)):
        animation = read_fbx(saved(tmp_path, ascii_fbx(body({}), [raised_arm()], time_mode=mode)))
        assert (animation.fps, len(animation)) == (fps, frames)


def test_figures_are_told_apart(tmp_path: Path) -> None:
    """One that rests beside one that moves is scenery; two that move are one too many."""
    other = {joint: f"b:{name}" for joint, name in MIXAMO.items()}
    nodes = [*body(dict(MIXAMO)), *body(other)]
    acting = raised_arm(dict(MIXAMO))
    animation = read_fbx(saved(tmp_path, ascii_fbx(nodes, [acting])))
    assert animation.names[0] == "mixamorig:Hips"
    both = Take("both", {**acting.keys, **raised_arm(other).keys})
    with pytest.raises(KinelexError, match=r"holds 2 figures \(their roots are .*Hips.*; export one"):
        read_fbx(saved(tmp_path, ascii_fbx(nodes, [both])))


def test_skeletons_of_empties_are_skeletons(tmp_path: Path) -> None:
    nodes = body({})
    for node in nodes:
        node.kind = "Null"
    assert torch.allclose(
        joints(read_fbx(saved(tmp_path, ascii_fbx(nodes, [raised_arm()])))), plain(tmp_path)
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (ascii_fbx(body({})), "holds no animation of its skeleton; export it with animation"),
        (ascii_fbx(body({}), [Take("Take 001", span=(0, 1))]), "holds no animation of its skeleton"),
        (ascii_fbx([Node("Body", kind="Mesh")]), "holds no skeleton; export it with the bones"),
        (ascii_fbx([]), "holds no skeleton"),
        (
            ascii_fbx([node for node in body({}) if "left" not in node.name], [Take("a", WALK)]),
            "has no joint known as left_hip, left_knee",
        ),
        (ascii_fbx(body({}), [raised_arm()], unit=0.0), "says that its unit is 0 m; export it in centimetres"),
        (ascii_fbx(body({}), [raised_arm(seconds=1e6)]), r"holds \d+ frames of 23 nodes; export a shorter part"),
        (b"Kaydara FBX Binary  \x00\x1a\x00", "cannot be read as FBX"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "cannot be read as FBX"),
        (b"", "cannot be read as FBX"),
    ],
)  # fmt: skip
def test_what_holds_no_motion_is_refused_in_a_sentence(
    content: bytes, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(KinelexError, match=rf"clip\.fbx {complaint}"):
        Motion.load(saved(tmp_path, content))


def test_one_frame_is_a_pose(tmp_path: Path) -> None:
    take = Take("pose", {("left_shoulder", "R"): [(0.0, (0.0, 0.0, 90.0))]})
    motion = Motion.load(saved(tmp_path, ascii_fbx(body({}), [take])))
    assert len(motion) == 1


@pytest.mark.parametrize("clip", ["binary", "ascii"])
def test_damaged_files_are_read_or_refused(clip: str, tmp_path: Path) -> None:
    content = ascii_fbx(body({}), [raised_arm()])
    if clip == "binary":
        content = (CLIPS / "cmu_08_01_mixamo.fbx").read_bytes()
    draw = random.Random(0)
    for number in range(20):
        damaged = bytearray(content)
        if number % 2:
            del damaged[draw.randrange(len(damaged)) :]
        else:
            for _ in range(draw.choice((1, 10, 100))):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        with contextlib.suppress(KinelexError):
            motion = Motion.load(saved(tmp_path, bytes(damaged)))
            assert np.isfinite(motion.positions).all()


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("import os; os.kill(os.getpid(), 11)", "is damaged: its reader failed; export it again"),
        ("raise RuntimeError", "is damaged: its reader failed; export it again"),
        ("import time; time.sleep(60)", "was not read within 1 seconds; export the figure alone"),
    ],
    ids=["crash", "error", "hang"],
)
def test_what_the_native_reader_does_stays_in_its_process(
    program: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = tmp_path / "sampler.py"
    sampler.write_text(program)
    monkeypatch.setattr(fbx.fbx_sampler, "__file__", str(sampler))
    monkeypatch.setattr(fbx, "_LONGEST", 1)
    with pytest.raises(KinelexError, match=rf"clip\.fbx {complaint}"):
        read_fbx(saved(tmp_path, b""))


def test_without_ufbx_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ufbx", None)
    with pytest.raises(KinelexError, match=r'install it with pip install "kinelex\[fbx\]"'):
        Motion.load(CLIPS / "cmu_08_01_mixamo.fbx")


def test_folders_of_it_become_stores(tmp_path: Path) -> None:
    (tmp_path / "mocap").mkdir()
    shutil.copy(CLIPS / "cmu_08_01_mixamo.fbx", tmp_path / "mocap" / "walk.fbx")
    (tmp_path / "mocap" / "walk.txt").write_text("a person walks\n")
    assert (
        main(["prepare", "folder", "--source", str(tmp_path / "mocap"), "--output", str(tmp_path / "store")])
        == 0
    )
    (clip,) = Store.open(tmp_path / "store")
    assert [caption.text for caption in clip.captions] == ["a person walks"]


def test_commands_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(CLIPS / "cmu_08_01_mixamo.fbx")
    assert ".fbx" in READABLE
    assert main(["convert", clip, str(tmp_path / "clip.bvh"), "--names", "mixamo"]) == 0
    assert main(["inspect", clip]) == 0
    assert main(["describe", clip]) == 0
    assert main(["check", clip, "a person goes forward"]) in (0, 1)
    assert "shows: direction: forward" in capsys.readouterr().out
    again = Motion.load(tmp_path / "clip.bvh")
    assert np.abs(again.positions - Motion.load(clip).positions).max() < 0.01
