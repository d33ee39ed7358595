"""`kinelex describe`: what it prints, the table that `prepare folder` reads, and clips that know their phrases."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kinelex.cli import main
from kinelex.data.store import Store
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.evaluation.probes.validation import joined
from kinelex.motion.motion import Motion


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """A squat, a hop and a raised hand in a folder."""
    folder = tmp_path / "mocap"
    folder.mkdir()
    paths = []
    for label in ("squat1Reps", "hopBothLegs1hops", "raise-up-left-hand"):
        motion = next(each.motion for each in load_recordings() if each.label == label)
        paths.append(folder / f"{label}.npy")
        motion.save(paths[-1])
    return paths


def test_a_clip_gets_its_phrases(
    clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "squat.npz"
    assert main(["describe", str(clips[0]), "--output", str(output)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("a person squats")
    assert " s  a person squats" in told
    assert "a person squats" in [part.text for part in Motion.load(output).segments]
    assert main(["check", str(output)]) == 0


def test_a_table_for_all_clips_is_what_prepare_reads(
    clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = clips[0].parent / "captions.csv"
    arguments = ["describe", *map(str, clips), "--captions", "2", "--output", str(table)]
    assert main(arguments) == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert {row["file"] for row in rows} == {clip.name for clip in clips}
    assert (
        main(["prepare", "folder", "--source", str(table.parent), "--output", str(tmp_path / "store")]) == 0
    )
    said = {
        caption["text"] for each in Store.open([tmp_path / "store"]).column("captions") for caption in each
    }
    assert said == {row["caption"] for row in rows}
    before = table.read_bytes()
    assert main(arguments) == 2
    assert "add --force" in capsys.readouterr().err
    assert table.read_bytes() == before
    assert main([*arguments, "--force"]) == 0


def test_phrases_of_long_takes_find_their_pieces(
    clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_label = {each.label: each.motion for each in load_recordings()}
    take = joined([by_label[label] for label in ("squat1Reps", "wave-left-hand", "raise-up-both-hands")] * 2)
    assert take.seconds > 15
    folder = tmp_path / "long"
    folder.mkdir()
    take.save(folder / "take.npy")
    table = folder / "captions.csv"
    assert main(["describe", str(folder / "take.npy"), "--output", str(table)]) == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) > 3
    assert all(float(row["start"]) < float(row["end"]) for row in rows)
    assert main(["prepare", "folder", "--source", str(folder), "--output", str(tmp_path / "store")]) == 0
    said = [caption for each in Store.open([tmp_path / "store"]).column("captions") for caption in each]
    assert len(said) > 2
    Motion(take.positions[:2]).save(folder / "two.npy")
    assert main(["describe", str(folder / "two.npy")]) == 2
    assert "two.npy: a clip of 2 frames" in capsys.readouterr().err


def test_json_and_clear_errors(clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(clips[2]), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["segments"][0]["text"] == "a person raises their left hand"
    assert main(["describe", *map(str, clips), "--output", str(tmp_path / "one.npz")]) == 2
    assert "ends in .csv" in capsys.readouterr().err
    assert main(["describe", str(clips[0]), "--captions", "0"]) == 2
    assert main(["describe", str(tmp_path / "none.bvh")]) == 2


def test_prepare_describe(clips: list[Path], tmp_path: Path) -> None:
    store, described = tmp_path / "store", tmp_path / "described"
    assert main(["prepare", "folder", "--source", str(clips[0].parent), "--output", str(store)]) == 0
    assert main(["prepare", "describe", "--source", str(store), "--output", str(described)]) == 0
    said = {part.text for clip in Store.open([described]) for part in clip.segments}
    assert "a person squats" in said
