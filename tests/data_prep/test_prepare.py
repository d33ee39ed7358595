"""`prepare`: sources of every kind, what is cut and skipped; nothing depends on time or processes."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from mocap import CLIPS, JOINTS, studio_folder, walker, write_csv

from kinelex.data.cutting import cut_take
from kinelex.data.prepare import PrepareOptions, prepare
from kinelex.data.store import Store
from kinelex.data.takes import Cut, Labels, Take, TakeResult
from kinelex.errors import KinelexError
from kinelex.motion.features import FeatureLayout, joints_from_features, process_joints
from kinelex.motion.kinematics import forward_kinematics
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import KIT


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    return studio_folder(tmp_path / "mocap")


def test_a_studio_folder_becomes_a_store(studio: Path, tmp_path: Path) -> None:
    report = prepare("folder", studio, tmp_path / "store", PrepareOptions(amc_fps=20.0), workers=1)
    store = Store.open(tmp_path / "store")
    clips = {clip.id: clip for clip in store}
    assert set(clips) == {"walk", "cmu_08_01", "day2_glide"}
    assert [caption.text for caption in clips["walk"].captions] == ["a person walks forward"]
    assert clips["walk"].captions[0].lemmas == ("a", "person", "walk", "forward")
    assert clips["walk"].group == "folder/ann"
    assert [caption.text for caption in clips["cmu_08_01"].captions] == ["a man walks", "steps"]
    part = clips["day2_glide"].captions[0]
    assert (part.start, part.end) == (1.0, 2.5)
    reasons = {row.file: row.reason for row in report.skipped}
    assert "cut off" in reasons["cut_off.bvh"]
    assert "no such motion file" in reasons["gone.bvh"]
    assert report.total("clips") == 3


def test_the_same_command_twice_changes_nothing(studio: Path, tmp_path: Path) -> None:
    first = prepare("folder", studio, tmp_path / "store", workers=1)
    before = content(tmp_path / "store")
    again = prepare("folder", studio, tmp_path / "store", workers=1)
    assert (first.changed, again.changed) == (True, False)
    assert "nothing changed" in again.summary()
    prepare("folder", studio, tmp_path / "store", workers=1, force=True)
    assert content(tmp_path / "store") == before
    (studio / "cmu_08_01.txt").write_text("a woman walks\n")
    assert prepare("folder", studio, tmp_path / "store", workers=1).changed


@pytest.mark.parametrize("name", ["clips-00000.arrow", "statistics.npz", "skipped.csv"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "changed"])
def test_a_damaged_store_is_made_again(damage: str, name: str, tmp_path: Path) -> None:
    source, store = tmp_path / "mocap", tmp_path / "store"
    source.mkdir()
    np.save(source / "glide.npy", walker(60))
    prepare("folder", source, store, workers=1)
    before = content(store)
    if damage == "missing":
        (store / name).unlink()
    elif damage == "truncated":
        (store / name).write_bytes(before[name][:-10])
    else:
        (store / name).write_bytes(before[name][:-10] + bytes(10))
    assert content(store) != before
    assert prepare("folder", source, store, workers=1).changed
    assert content(store) == before
    assert not prepare("folder", source, store, workers=1).changed


def test_processes_do_not_change_the_result(tmp_path: Path) -> None:
    folder = tmp_path / "mocap"
    folder.mkdir()
    for number in range(9):
        np.save(folder / f"{number}.npy", walker(40 + number))
    for workers in (1, 2):
        prepare("folder", folder, tmp_path / f"store{workers}", workers=workers)
    assert content(tmp_path / "store1") == content(tmp_path / "store2")


def test_long_takes_are_cut_into_neighbouring_pieces_of_one_split(tmp_path: Path) -> None:
    folder = tmp_path / "mocap"
    folder.mkdir()
    np.save(folder / "long.npy", walker(701))
    (folder / "long.txt").write_text("a person glides on and on\n")
    prepare("folder", folder, tmp_path / "store", workers=1)
    store = Store.open(tmp_path / "store")
    frames = store.column("frames")
    assert sum(frames) == 700
    assert max(frames) <= 196
    assert len(set(store.column("split"))) == 1
    assert not any(store.column("captions")), "a caption of 35 s says nothing certain of 9"


def test_glitches_are_bridged_when_short_and_cut_out_when_long(tmp_path: Path) -> None:
    folder = tmp_path / "mocap"
    folder.mkdir()
    short, long = walker(100), walker(100)
    short[50] += 5.0
    long[40:60:2] += 5.0
    np.save(folder / "short.npy", short)
    np.save(folder / "long.npy", long)
    report = prepare("folder", folder, tmp_path / "store", workers=1)
    frames = dict(
        zip(*(Store.open(tmp_path / "store").column(name) for name in ("id", "frames")), strict=True)
    )
    assert frames["short"] == 99
    assert {"long_00", "long_01"} <= set(frames)
    assert all(30 <= frames[name] <= 40 for name in ("long_00", "long_01"))
    assert {row.file for row in report.skipped if row.part == "glitches"} == {"short.npy", "long.npy"}
    joints = Store.open(tmp_path / "store")[1].motion(Store.open(tmp_path / "store").skeleton).positions
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * 20 < 5


def test_humanml3d_folders_keep_features_splits_and_times(tmp_path: Path) -> None:
    root = tmp_path / "HumanML3D"
    for name in ("new_joints", "texts"):
        (root / name).mkdir(parents=True)
    for name, joints in (("000001", JOINTS), ("M000001", JOINTS), ("000002", walker(60))):
        np.save(root / "new_joints" / f"{name}.npy", joints)
        (root / "texts" / f"{name}.txt").write_text("a man steps#a/DET man/NOUN step/VERB#0.5#1.5\n")
    (root / "train.txt").write_text("000001\nM000001\n000003\n")
    (root / "val.txt").write_text("000001\n")
    (root / "test.txt").write_text("000002\n")
    report = prepare("humanml3d", root, tmp_path / "store", workers=1)
    store = Store.open(tmp_path / "store")
    assert {clip.id: clip.split for clip in store} == {"000001": "train", "000002": "test"}
    assert (store[0].captions[0].start, store[0].captions[0].end) == (0.5, 1.5)
    assert [(row.file, row.part) for row in report.skipped] == [
        ("M000001", "train"), ("000003", "train"), ("000001", "val"),
    ]  # fmt: skip
    kept = prepare("humanml3d", root, tmp_path / "all", PrepareOptions(keep_mirrored=True), workers=1)
    assert kept.total("clips") == 3


def test_a_list_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    root = tmp_path / "HumanML3D"
    for name in ("new_joints", "texts"):
        (root / name).mkdir(parents=True)
    np.save(root / "new_joints" / "000001.npy", walker(60))
    (root / "texts" / "000001.txt").write_text("a man walks#man/NOUN walk/VERB#0.0#0.0\n")
    (root / "train.txt").write_text("000001\n")
    (root / "val.txt").write_text("\n")
    report = prepare("humanml3d", root, tmp_path / "store", workers=1)
    assert [(row.file, row.part) for row in report.skipped] == [("val.txt", "list"), ("test.txt", "list")]
    assert "1 x names no clip, so that the store has none to test with; put the ids" in report.summary()


def test_a_clip_of_one_frame_is_left_out_and_called_so(tmp_path: Path) -> None:
    root = tmp_path / "HumanML3D"
    for name in ("new_joints", "texts"):
        (root / name).mkdir(parents=True)
    for name, frames in (("000001", 1), ("000002", 60)):
        np.save(root / "new_joints" / f"{name}.npy", walker(60)[:frames])
        (root / "texts" / f"{name}.txt").write_text("a man walks#man/NOUN walk/VERB#0.0#0.0\n")
    (root / "train.txt").write_text("000001\n000002\n")
    report = prepare("humanml3d", root, tmp_path / "store", workers=1)
    assert Store.open(tmp_path / "store").column("id") == ["000002"]
    (reason,) = [row.reason for row in report.skipped if row.part == ""]
    assert "000001.npy has one frame" in reason
    assert "shape" not in reason


def bandai_pack(source: Path) -> None:
    data = source / "bandai-namco-2" / "data"
    data.mkdir(parents=True)
    rows = []
    for number in range(1, 4):
        name = f"bandai-namco-2/data/dataset-2_walk_tired_{number:03d}.bvh"
        shutil.copy(CLIPS / "bandai_walk_normal.bvh", source / name)
        rows.append(
            {"file": name, "dataset": 2, "content": "walk", "style": "exhausted", "clip": f"{number:03d}"}
        )
    write_csv(source / "bandai-namco.csv", rows)


def test_packs_and_their_archives_give_the_same_store(tmp_path: Path) -> None:
    source, packed = tmp_path / "source", tmp_path / "packed"
    bandai_pack(source)
    packed.mkdir()
    shutil.copy(source / "bandai-namco.csv", packed)
    with tarfile.open(packed / "bandai-namco-2.tar.xz", "w:xz") as archive:
        archive.add(source / "bandai-namco-2", "bandai-namco-2")
    prepare("bandai-namco", source, tmp_path / "a", workers=1)
    prepare("bandai-namco", packed, tmp_path / "b", workers=1)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    store = Store.open(tmp_path / "a")
    assert store.column("split") == ["train", "val", "test"]
    assert all(
        "walk" in caption.text or "step" in caption.text for clip in store for caption in clip.captions
    )
    assert store.manifests[0]["licences"]["CC BY-NC 4.0"].startswith("Bandai-Namco")


def test_humanml3d_clips_of_a_cmu_trial_are_the_frames_that_the_index_names(tmp_path: Path) -> None:
    source = tmp_path / "source"
    texts = source / "humanml3d-captions" / "texts"
    texts.mkdir(parents=True)
    (source / "cmu-jump").mkdir()
    shutil.copy(CLIPS / "deepmimic_127_04.json", source / "cmu-jump" / "127_04.json")
    (texts / "000007.txt").write_text("a man runs#a/DET man/NOUN run/VERB#0.0#0.0\n")
    write_csv(
        source / "cmu-jump.csv",
        [{"file": "127_04.json", "trial": "127_04", "trial_desc": "Walk to Run", "fps": 15}],
    )
    clip = {"new_name": "000007", "trial": "127_04", "start_frame": 10, "end_frame": 50, "split": "test"}
    write_csv(source / "cmu-humanml3d.csv", [clip])
    prepare("jump", source, tmp_path / "store", workers=1)
    clips = {item.id: item for item in Store.open(tmp_path / "store")}
    assert len(clips["000007"].features) == 39
    assert [caption.text for caption in clips["000007"].captions] == ["a man runs"]
    assert {item.split for item in clips.values()} == {"test"}
    assert not clips["cmu_127_04_00"].captions, "what is left of the trial is not all of walk to run"


def test_mistakes_are_told_and_what_stood_there_is_kept(studio: Path, tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match=r"unknown corpus 'studio'; choose one of .*folder.*compose"):
        prepare("studio", studio, tmp_path / "store")
    with pytest.raises(KinelexError, match="not a folder"):
        prepare("folder", tmp_path / "none", tmp_path / "store")
    with pytest.raises(KinelexError, match="no store"):
        prepare("folder", studio, studio)
    with pytest.raises(KinelexError, match=r"neither the folder hdm05 nor hdm05\.tar\.xz"):
        prepare("hdm05", studio, tmp_path / "store")
    prepare("folder", studio, tmp_path / "store", workers=1)
    before = content(tmp_path / "store")
    for path in studio.rglob("*.*"):
        if path.suffix in (".bvh", ".amc", ".npy"):
            path.write_bytes(b"nothing")
    with pytest.raises(KinelexError, match="no usable clip") as caught:
        prepare("folder", studio, tmp_path / "store", workers=1)
    assert "motion kept" not in str(caught.value)
    assert content(tmp_path / "store") == before
    assert {path.name for path in tmp_path.iterdir()} == {"mocap", "store"}


def test_labels_caption_a_part_only_if_it_is_long_enough_to_show_them() -> None:
    labels = Labels("cmu", {"description": "swordplay"})
    kinds = {
        "id": "t",
        "path": Path("t.npy"),
        "file": "t.npy",
        "group": "t",
        "split": "train",
        "licence": "own",
    }
    options = PrepareOptions()
    for seconds, cuts, captioned in ((3.0, (), True), (6.0, (Cut("c", 0, 90, ()),), False)):
        take = Take(**kinds, corpus="cmu", cuts=cuts, labels=labels)
        result, frames = TakeResult(), round(seconds * 20)
        joints, good = torch.from_numpy(walker(frames)), np.ones(frames, dtype=bool)
        cut_take(take, joints, good, options, result)
        assert bool(result.clips[-1].captions) == captioned


def kit_folder(root: Path) -> None:
    """Two clips as KIT-ML publishes them: millimetres, 12.5 a second, bones of its own target skeleton."""
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (root / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    bones = KIT.offset_tensor() * torch.from_numpy(random.uniform(800, 1200, (21, 1))).float()
    for name, frames in (("00001", 40), ("00002", 30)):
        turns = roma.rotvec_to_unitquat(0.2 * torch.from_numpy(random.standard_normal((1, 21, 3))).float())
        path = torch.linspace(0, 2000, frames)[:, None] * torch.tensor([0.3, 0.0, 1.0])
        moving = turns.expand(frames, 21, 4)
        joints = forward_kinematics(moving, path + 900, bones, KIT.parents).positions
        features = process_joints(joints, KIT, offsets=bones)
        np.save(root / "new_joint_vecs" / f"{name}.npy", features.numpy())
        np.save(root / "new_joints" / f"{name}.npy", joints_from_features(features, KIT).numpy())
        (root / "texts" / f"{name}.txt").write_text("a person walks.#a/DET person/NOUN walk/VERB#0.0#0.0\n")
    (root / "train.txt").write_text("00001\n")
    (root / "test.txt").write_text("00002\n")


def test_kit_folders_keep_their_unit_and_bones_also_from_joints(tmp_path: Path) -> None:
    root = tmp_path / "KIT-ML"
    kit_folder(root)
    prepare("kit", root, tmp_path / "from features", workers=1)
    shutil.rmtree(root / "new_joint_vecs")
    prepare("kit", root, tmp_path / "from joints", workers=1)
    published, made = Store.open(tmp_path / "from features"), Store.open(tmp_path / "from joints")
    assert published.skeleton is KIT
    assert {clip.id: clip.split for clip in made} == {"00001": "train", "00002": "test"}
    layout = FeatureLayout.of(KIT)
    for clip, other in zip(published, made, strict=True):
        assert np.abs(clip.features[:, layout.positions]).max() > 500, "millimetres"
        # Joints are a frame shorter than what features were computed from, and the heading is smoothed over all.
        heights = [features[:, layout.root_height] for features in (clip.features[:-1], other.features)]
        np.testing.assert_allclose(*heights, rtol=1e-4)
        positions = [
            joints_from_features(torch.from_numpy(features.copy()), KIT)[:-1]
            for features in (clip.features[:-1], other.features)
        ]
        torch.testing.assert_close(*positions, rtol=1e-3, atol=1.0)


def test_a_folder_of_the_other_skeleton_is_sent_to_its_own_corpus(tmp_path: Path) -> None:
    kit_folder(tmp_path / "KIT-ML")
    with pytest.raises(KinelexError, match="use kinelex prepare kit"):
        prepare("humanml3d", tmp_path / "KIT-ML", tmp_path / "store", workers=1)


def test_clips_that_hover_are_left_out_where_it_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "mocap"
    source.mkdir()
    climb = np.repeat(JOINTS[:1], 80, axis=0)
    climb[30:, :, 1] += 0.5
    np.save(source / "climb.npy", climb)
    np.save(source / "walk.npy", walker(80))
    prepare("folder", source, tmp_path / "all", workers=1)
    assert set(Store.open(tmp_path / "all").column("id")) == {"climb", "walk"}
    report = prepare("folder", source, tmp_path / "level", PrepareOptions(max_floating=0.1), workers=1)
    assert set(Store.open(tmp_path / "level").column("id")) == {"walk"}
    reason = next(each.reason for each in report.skipped if each.part == "climb")
    assert reason.startswith("above the floor without falling in 6")
    with pytest.raises(KinelexError, match="between 0 and 1"):
        PrepareOptions(max_floating=2.0)


def test_phrases_of_kinelex_clips_are_captions_of_their_parts_and_segments(tmp_path: Path) -> None:
    source = tmp_path / "mocap"
    source.mkdir()
    phrases = (Segment("a person walks", 0.0, 2.0), Segment("a person runs", 2.0, 4.0))
    Motion(walker(81), segments=phrases).save(source / "filled.npz")
    Motion(walker(81), segments=phrases[:1]).save(source / "half.npz")
    Motion(walker(300), segments=(*phrases, Segment("a person stops", 12.0, 14.0))).save(source / "long.npz")
    (source / "half.txt").write_text("somebody is in a hurry\n")
    late = (Segment("a person sits", 100.0, 102.0),)
    Motion(walker(60), segments=late).save(source / "late.npz")
    prepare("folder", source, tmp_path / "store", workers=1)
    clips = {clip.id: clip for clip in Store.open(tmp_path / "store")}
    told = {
        name: [(each.text, each.start, each.end) for each in clip.captions] for name, clip in clips.items()
    }
    assert told["filled"] == [
        ("a person walks, then a person runs", 0, 0), ("a person walks", 0, 2), ("a person runs", 2, 4),
    ]  # fmt: skip
    assert clips["filled"].segments == phrases
    assert told["half"] == [("somebody is in a hurry", 0, 0), ("a person walks", 0, 2)]
    assert clips["half"].segments == ()
    assert [text for text, *_ in told["long_00"]] == ["a person walks", "a person runs"]
    assert [text for text, *_ in told["long_01"]] == ["a person stops"]
