"""A studio's folder: every file keeps an id of its own, and what is left out or missing is told once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from mocap import CLIPS, walker, write_csv

from kinelex.data.corpora.folder import unique_ids
from kinelex.data.prepare import PrepareOptions, prepare
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mocap"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["a/b.bvh", "c.npy"], ["a_b", "c"]),
        (["take1.bvh", "take1.fbx", "take2.fbx"], ["take1", "take1_fbx", "take2"]),
        (["a/b.bvh", "a_b.bvh"], ["a_b", "a_b_bvh"]),
        (["a/b/c.npy", "a/b_c.npy", "a_b/c.npy"], ["a_b_c", "a_b_c_npy", "a_b_c_npy_2"]),
        (["a.npy", "a.npz", "a_npz.npy"], ["a", "a_npz_2", "a_npz"]),
    ],
)
def test_ids_are_different_and_plain_where_they_can_be(names: list[str], ids: list[str]) -> None:
    assert [unique_ids(names)[name] for name in names] == ids


def test_files_of_one_name_are_all_kept_and_those_of_one_recording_in_one_split(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "a").mkdir()
    for number in range(12):
        np.save(folder / f"take{number}.npy", walker(60))
        Motion(walker(60)).save(folder / f"take{number}.npz")
    np.save(folder / "a" / "b.npy", walker(50))
    np.save(folder / "a_b.npy", walker(60))
    prepare("folder", folder, tmp_path / "store", workers=1)
    store = Store.open(tmp_path / "store")
    splits = dict(zip(store.column("id"), store.column("split"), strict=True))
    assert len(store) == 26
    assert {"a_b", "a_b_npy", "take0", "take0_npz"} <= splits.keys()
    assert all(splits[f"take{number}"] == splits[f"take{number}_npz"] for number in range(12))
    assert len(set(splits.values())) > 1
    frames = dict(zip(store.column("id"), store.column("frames"), strict=True))
    assert (frames["a_b"], frames["a_b_npy"]) == (49, 59)


def test_pieces_of_a_take_leave_the_ids_of_other_takes_to_them(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "walk.npy", walker(701))
    np.save(folder / "walk_01.npy", walker(60))
    prepare("folder", folder, tmp_path / "store", workers=1)
    store = Store.open(tmp_path / "store")
    frames = dict(zip(store.column("id"), store.column("frames"), strict=True))
    assert set(frames) == {"walk_00", "walk_01", "walk_02", "walk_03", "walk_04"}
    assert frames.pop("walk_01") == 59
    assert sum(frames.values()) == 700


def test_captions_of_all_of_a_take_that_is_cut_are_counted(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "long.npy", walker(701))
    np.save(folder / "short.npy", walker(60))
    (folder / "long.txt").write_text("a person glides\nsomeone goes on and on\n")
    (folder / "short.txt").write_text("a person glides\n")
    rows = (("long.npy", "they start", 0, 2), ("long.npy", "they never stop", 0, 30))
    write_csv(
        folder / "captions.csv",
        [dict(zip(("file", "caption", "start", "end"), row, strict=True)) for row in rows],
    )
    report = prepare("folder", folder, tmp_path / "store", workers=1)
    told = {row.reason for row in report.skipped}
    assert {(row.file, row.part) for row in report.skipped} == {("long.npy", "captions")}
    assert len(told) == 2
    assert any(reason.startswith("2 captions left out: about all of the take") for reason in told)
    assert any(reason.startswith("1 caption left out: about a part") for reason in told)
    assert all(f"1 x {reason}" in report.summary() for reason in told)
    assert "start and end in captions.csv" in report.summary()
    said = [caption["text"] for each in Store.open(tmp_path / "store").column("captions") for caption in each]
    assert sorted(said) == ["a person glides", "they start"]


def test_a_file_that_cannot_be_used_is_told_of_once(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "glide.npy", walker(60))
    np.save(folder / "brief.npy", walker(5))
    (folder / "broken.bvh").write_text("HIERARCHY\nROOT Hips {\n")
    report = prepare("folder", folder, tmp_path / "store", workers=1)
    assert sorted((row.file, row.part) for row in report.skipped) == [
        ("brief.npy", "0.00-0.25 s"), ("broken.bvh", ""), ("glide.npy", "captions"),
    ]  # fmt: skip
    (kept,) = [row.file for row in report.skipped if "motion kept" in row.reason]
    assert Store.open(tmp_path / "store").column("id") == [kept.removesuffix(".npy")]


def amc_folder(folder: Path) -> Path:
    shutil.copy(CLIPS / "cmu_08_01.amc", folder)
    shutil.copy(CLIPS / "cmu_08.asf", folder)
    return folder / "cmu_08.asf"


def test_the_skeleton_of_amc_files_is_an_input(folder: Path, tmp_path: Path) -> None:
    asf = amc_folder(folder)
    options = PrepareOptions(amc_fps=20.0)
    prepare("folder", folder, tmp_path / "store", options, workers=1)
    before = Store.open(tmp_path / "store").features(0).copy()
    assert not prepare("folder", folder, tmp_path / "store", options, workers=1).changed
    text = asf.read_text(encoding="latin-1")
    bone = text.index("length", text.index("lfemur"))
    end = text.index("\n", bone)
    asf.write_text(
        f"{text[:bone]}length {2 * float(text[bone:end].split()[1])}{text[end:]}", encoding="latin-1"
    )
    assert prepare("folder", folder, tmp_path / "store", options, workers=1).changed
    assert not np.array_equal(Store.open(tmp_path / "store").features(0), before)


def test_a_skeleton_beside_the_folder_has_a_name_that_no_machine_is_part_of(
    folder: Path, tmp_path: Path
) -> None:
    asf = amc_folder(folder)
    shutil.move(asf, tmp_path / asf.name)
    prepare("folder", folder, tmp_path / "store", PrepareOptions(amc_fps=20.0), workers=1)
    assert set(Store.open(tmp_path / "store").manifests[0]["inputs"]) == {"../cmu_08.asf", "cmu_08_01.amc"}


@pytest.mark.parametrize("rate", [0.0, -20.0, float("nan"), float("inf")])
def test_impossible_frame_rates_are_refused(rate: float) -> None:
    with pytest.raises(KinelexError, match="AMC files are not recorded at"):
        PrepareOptions(amc_fps=rate)


@pytest.mark.parametrize("text", ["walks to mark #2\n", "#1\n", "a person walks #1 #2 #3\n"])
def test_number_signs_and_marks_of_the_byte_order_do_no_harm(text: str, folder: Path, tmp_path: Path) -> None:
    np.save(folder / "glide.npy", walker(60))
    (folder / "glide.txt").write_text(text, encoding="utf-8-sig")
    prepare("folder", folder, tmp_path / "store", workers=1)
    (caption,) = Store.open(tmp_path / "store")[0].captions
    assert caption.text == text.strip()


def test_a_broken_line_of_tagged_words_is_still_named(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "glide.npy", walker(60))
    (folder / "glide.txt").write_text("walks\nsteps#step/NOUN#soon#later\n")
    with pytest.raises(KinelexError, match=r"glide\.txt, line 2: the times 'soon' and 'later'"):
        prepare("folder", folder, tmp_path / "store", workers=1)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["captions.csv", "glide.txt"])
def test_a_caption_without_words_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    np.save(folder / "glide.npy", walker(60))
    lines = {"captions.csv": "file,caption\nglide.npy,walks\nglide.npy,!!!\n", "glide.txt": "walks\n\n!!!\n"}
    (folder / name).write_text(lines[name])
    with pytest.raises(KinelexError, match=rf"{name}, line 3: .*no word"):
        prepare("folder", folder, tmp_path / "store", workers=1)


def test_a_store_within_the_folder_is_no_motion(folder: Path) -> None:
    np.save(folder / "walk.npy", walker(60))
    (folder / "walk.txt").write_text("a person walks")
    first = prepare("folder", folder, folder / "stores" / "mine", workers=1)
    again = prepare("folder", folder, folder / "stores" / "mine", workers=1)
    assert (first.changed, again.changed) == (True, False)
    assert again.skipped == ()
    other = prepare("folder", folder, folder / "stores" / "other", workers=1)
    assert other.total("clips") == 1
