"""HumanML3D from AMASS: what it takes from where, that it loses nothing, and what it says is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from amass_files import AmassWorld, recording
from kinelex.cli import main
from kinelex.data.amass.index import read_index
from kinelex.data.amass.joints import LEAD_IN
from kinelex.data.amass.prepare import prepare_from_amass
from kinelex.data.prepare import PrepareOptions
from kinelex.data.store import Store, StoredClip
from kinelex.errors import KinelexError
from kinelex.motion.features import process_joints
from kinelex.motion.skeleton import HUMANML3D
from published import Case
from smplh_model import brute_force_joints

# Exchange of left and right as HumanML3D lists it.
RIGHT, LEFT = [2, 5, 8, 11, 14, 17, 19, 21], [1, 4, 7, 10, 13, 16, 18, 20]


def published_joints(world: AmassWorld, arrays: dict[str, NDArray], start: int, end: int, lead_in: int = 0):
    """The published procedure written out: every sixth frame, axes exchanged, cut, x negated."""
    taken = slice(0, None, 6)
    gender = "male" if arrays["gender"] == "male" else "female"
    joints = brute_force_joints(
        world.model(gender), arrays["poses"][taken], arrays["betas"][:10], arrays["trans"][taken]
    )
    exchanged = np.dot(joints[:, :22], np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    return exchanged[lead_in:][start:end] * np.array([-1.0, 1.0, 1.0])


def features(joints: NDArray) -> NDArray:
    return process_joints(torch.from_numpy(joints), HUMANML3D).numpy()


def prepared(world: AmassWorld, **options) -> dict[str, StoredClip]:
    output = world.root / "store"
    prepare_from_amass(world.sources, output, PrepareOptions(**options), workers=1)
    return {clip.id: clip for clip in Store.open(output)}


@pytest.fixture
def world(tmp_path: Path) -> AmassWorld:
    return AmassWorld(tmp_path)


def test_a_clip_is_what_the_published_procedure_makes_of_it(world: AmassWorld) -> None:
    arrays = recording(600)
    world.recorded("CMU/01/01_01_poses", arrays)
    world.indexed("CMU/01/01_01_poses", 0, 60)
    world.indexed("CMU/01/01_01_poses", 40, 90, "test")
    clips = prepared(world.finish(), keep_mirrored=True)
    assert {clip.id: clip.split for clip in clips.values()} == {
        "000000": "train", "M000000": "train", "000001": "test", "M000001": "test"
    }  # fmt: skip
    joints = published_joints(world, arrays, 40, 90)
    np.testing.assert_allclose(clips["000001"].features, features(joints), atol=2e-4)
    mirrored = joints * np.array([-1.0, 1.0, 1.0])
    mirrored[:, RIGHT], mirrored[:, LEFT] = mirrored[:, LEFT], mirrored[:, RIGHT].copy()
    np.testing.assert_allclose(clips["M000001"].features, features(mirrored), atol=2e-4)
    assert clips["M000001"].captions[0].text == "a person waves the right hand"
    assert clips["000000"].source == "humanml3d/CMU/01/01_01_poses"


@pytest.mark.parametrize("subset", [*LEAD_IN, "ACCAD"])
def test_the_beginnings_that_the_index_does_not_count_are_left_out(subset: str, world: AmassWorld) -> None:
    arrays = recording(900, seed=1)
    world.recorded(f"{subset}/person/take_poses", arrays)
    world.indexed(f"{subset}/person/take_poses", 5, 45)
    lead_in = {"Eyes_Japan_Dataset": 60, "MPI_HDM05": 60, "TotalCapture": 20, "MPI_Limits": 20}.get(subset, 0)
    lead_in = 10 if subset == "Transitions_mocap" else lead_in
    expected = features(published_joints(world, arrays, 5, 45, lead_in))
    np.testing.assert_allclose(prepared(world.finish())["000000"].features, expected, atol=2e-4)


def test_humanact12_clips_are_taken_whole_and_equal_the_published_sample(world: AmassWorld) -> None:
    case = Case.load("features_012314_official")
    joints = case.inputs["joints"].numpy()
    world.amass.joinpath("CMU").mkdir()
    world.humanact12("P01G01R01F0001T0064A0101", np.concatenate((joints, joints[:, 20:]), axis=1))
    clip = prepared(world.finish())["000000"]
    case.check("features", torch.from_numpy(clip.features.copy()))
    assert clip.licence == "HumanAct12"


def test_new_names_of_folders_and_files_are_found(world: AmassWorld) -> None:
    world.recorded("HDM05/dg/HDM_dg_01-01_01_120_poses", recording(800))
    world.recorded("ACCAD/Female1General_c3d/A3_-_Swing_t2_poses", recording(400))
    world.indexed("MPI_HDM05/dg/HDM_dg_01-01_01_120_poses", 0, 40)
    world.indexed("ACCAD/Female1General_c3d/A3 - Swing t2_poses", 0, 40)
    assert set(prepared(world.finish())) == {"000000", "000001"}


def test_what_cannot_be_used_is_reported_and_the_rest_is_made(
    world: AmassWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {
        "truncated": recording(300), "nan": recording(300), "slow": recording(300), "smplx": recording(300),
        "rateless": recording(300), "short": recording(300), "sound": recording(300),
    }  # fmt: skip
    broken["nan"]["poses"][96] = np.nan
    broken["slow"]["mocap_framerate"] = np.array(15.0)
    broken["rateless"]["mocap_framerate"] = np.array(1e9)
    broken["smplx"]["poses"] = np.zeros((300, 165))
    for name, arrays in broken.items():
        world.recorded(f"CMU/01/{name}_poses", arrays)
        world.indexed(f"CMU/01/{name}_poses", 200 if name == "short" else 0, 240, clip=name)
    for name in ("KIT/3/kick_poses", "KIT/4/jump_poses", "CMU/02/gone_poses"):
        world.indexed(name, 0, 40, clip=name.split("/")[2])
    world.indexed("CMU/01/nan_poses", 30, 50, clip="part")
    whole = world.amass / "CMU/01/truncated_poses.npz"
    whole.write_bytes(whole.read_bytes()[:-1000])
    world.splits["val"].append("sound")
    assert main([*world.finish().arguments, "--output", str(world.root / "store")]) == 0
    printed = capsys.readouterr().out
    assert "2 x AMASS sub-data-set KIT is missing" in printed
    assert set(Store.open(world.root / "store").column("id")) == {"sound", "part"}
    report = (world.root / "store" / "skipped.csv").read_text()
    rows = {line.split(",")[0]: line for line in report.splitlines()}
    for name, reason in {
        "truncated": "not a readable .npz file", "nan": "NaN or infinite poses", "slow": "15 frames a second",
        "rateless": "says 1e+09 frames a second",
        "smplx": "SMPL+H G", "short": "not in the recording of 50", "gone_poses": "unpack this sub-data-set",
    }.items():  # fmt: skip
        assert reason in rows[name]


def test_a_repaired_file_and_a_new_sub_data_set_are_taken_in_by_the_same_command(world: AmassWorld) -> None:
    path = world.recorded("CMU/01/01_01_poses", recording(300))
    world.indexed("CMU/01/01_01_poses", 0, 40)
    world.indexed("CMU/01/01_02_poses", 0, 40)
    world.indexed("KIT/3/kick_poses", 0, 40)
    world.recorded("CMU/01/01_02_poses", recording(300))
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    assert set(prepared(world.finish())) == {"000001"}
    path.write_bytes(whole)
    world.recorded("KIT/3/kick_poses", recording(300))
    before = (world.root / "store.joints" / "000001.npy").stat().st_mtime_ns
    assert set(prepared(world)) == {"000000", "000001", "000002"}
    assert (world.root / "store.joints" / "000001.npy").stat().st_mtime_ns == before
    report = prepare_from_amass(world.sources, world.root / "store", workers=1)
    assert not report.changed


def test_a_killed_run_goes_on(world: AmassWorld) -> None:
    first = world.recorded("CMU/01/0_poses", recording(300))
    for number in range(60):
        if number:
            os.link(first, first.with_name(f"{number}_poses.npz"))
        world.indexed(f"CMU/01/{number}_poses", 0, 20 + number % 25)
    arguments = [*world.finish().arguments, "--output", str(world.root / "store")]
    process = subprocess.Popen([sys.executable, "-m", "kinelex", *arguments])
    joints = world.root / "store.joints"
    while len(list(joints.glob("0*.npy"))) < 3:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in joints.glob("0*.npy")}
    assert 3 <= len(done) < 60
    assert not (world.root / "store").exists()
    assert main(arguments) == 0
    assert all((joints / name).stat().st_mtime_ns == at for name, at in done.items())
    assert main([*arguments[:-1], str(world.root / "at once")]) == 0
    for path in (world.root / "store").iterdir():
        assert path.read_bytes() == (world.root / "at once" / path.name).read_bytes()


def test_joints_of_other_body_models_are_not_mixed_in(world: AmassWorld) -> None:
    world.recorded("CMU/01/01_01_poses", recording(300))
    world.indexed("CMU/01/01_01_poses", 0, 40)
    prepared(world.finish())
    world.model("male").write_bytes(world.model("female").read_bytes())
    with pytest.raises(KinelexError, match="other body models; delete it"):
        prepared(world)


def test_what_is_missing_altogether_is_said_first(
    world: AmassWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.indexed("CMU/01/01_01_poses", 0, 40)
    output = ["--output", str(world.root / "store")]
    with pytest.raises(KinelexError, match="no sub-data-set of AMASS; HumanML3D needs ACCAD"):
        prepared(world.finish())
    world.recorded("CMU/01/01_01_poses", recording(300))
    world.model("female").unlink()
    assert main([*world.arguments, *output]) == 2
    assert "female/model.npz is missing; unpack the extended SMPL+H model" in capsys.readouterr().err
    (world.repository / "HumanML3D" / "texts").rename(world.root / "elsewhere")
    (world.repository / "HumanML3D" / "texts.zip").touch()
    with pytest.raises(KinelexError, match=r"no folder texts; unpack .*texts\.zip"):
        prepared(world)
    (world.repository / "index.csv").unlink()
    with pytest.raises(KinelexError, match=r"no index\.csv"):
        prepared(world)
    assert main([*world.arguments[:4], *output]) == 2
    assert "also needs --body-models and --captions" in capsys.readouterr().err
    assert main(["prepare", "kit", *world.arguments[2:], *output]) == 2
    assert "for kinelex prepare humanml3d" in capsys.readouterr().err


def test_broken_rows_of_the_index_are_named(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    header = "source_path,start_frame,end_frame,new_name\n"
    for row, message in (
        ("./pose_data/CMU/01/a.npy,0,x,0.npy", "line 2: frames must be whole numbers"),
        ("a.npy,0,5,0.npy", "line 2: 'a.npy' is not"),
        ("./pose_data/CMU/01/a.npy,0,,0.npy", "line 2: needs"),
    ):
        path.write_text(f"{header}{row}\n")
        with pytest.raises(KinelexError, match=message):
            read_index(path)
