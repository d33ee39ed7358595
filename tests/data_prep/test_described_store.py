"""Recordings without captions become pieces with sentences and exact segments."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from mocap import make_store, stored, walker

from kinelex.data.compose import ComposeOptions
from kinelex.data.prepare import prepare
from kinelex.data.store import Store
from kinelex.describing.describe import describe
from kinelex.describing.store import DescribeOptions, describe_store
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.evaluation.probes.validation import joined
from kinelex.evaluation.probes.verdicts import strides, travel

LABELS = ("squat1Reps", "raise-up-right-hand", "walk-turn-left", "hopBothLegs1hops")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path, Path]:
    """A store of recordings, its folder, and the folder of what was described."""
    folder = tmp_path_factory.mktemp("describe")
    by_label = {label: [] for label in LABELS}
    for recording in load_recordings():
        if recording.label in by_label and len(by_label[recording.label]) < 3:
            by_label[recording.label].append(recording.motion)
    clips = [
        stored(f"{label}{number}", motion.positions, split="test" if number == 2 else "train")
        for label, motions in by_label.items()
        for number, motion in enumerate(motions)
    ]
    several = joined([by_label["hopBothLegs1hops"][0], by_label["raise-up-right-hand"][0]])
    clips += [stored("several", several.positions), stored("flat", walker(60) * np.float32([1, 0.2, 1]))]
    store = make_store(folder / "source", clips)
    describe_store([folder / "source"], folder / "described", workers=1)
    return store, folder / "source", folder / "described"


def test_pieces_are_frames_of_their_clip_with_exact_segments(described: tuple[Store, Path, Path]) -> None:
    source, _, folder = described
    index = {clip: place for place, clip in enumerate(source.column("id"))}
    store = Store.open([folder])
    assert len(store) > len(LABELS)
    assert any(len(piece.segments) > 1 for piece in store)
    for piece in store:
        if piece.id.endswith("_in_place"):
            continue
        origin = source[index[piece.source.removeprefix("describe/")]]
        assert (piece.split, piece.group, piece.licence) == (origin.split, origin.group, origin.licence)
        assert piece.segments[0].start == 0.0
        assert piece.segments[-1].end == pytest.approx(len(piece.features) / 20, abs=0.06)
        assert all(left.end == right.start for left, right in pairwise(piece.segments))
        assert len({caption.text for caption in piece.captions}) == len(piece.captions) >= 1
        whole = describe(origin.motion(source.skeleton))
        assert {part.text.removesuffix(" once") for part in piece.segments} <= {
            part.text.removesuffix(" once") for part in whole
        }


def test_what_has_no_name_is_left_out(described: tuple[Store, Path, Path]) -> None:
    sources = set(Store.open([described[2]]).column("source"))
    assert "describe/several" in sources
    assert "describe/flat" not in sources


def test_describing_twice_changes_nothing_and_gives_the_same_bytes(
    described: tuple[Store, Path, Path],
) -> None:
    _, source, folder = described
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not describe_store([source], folder, workers=1).changed
    describe_store([source], folder, workers=1, force=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    describe_store([source], folder, DescribeOptions(captions=1), workers=1)
    assert {len(piece.captions) for piece in Store.open([folder])} == {1}


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """Folder of a store of walks and runs, and what was described with steps on the spot made of all of them."""
    folder = tmp_path_factory.mktemp("walks")
    clips = []
    for label in ("walk", "run"):
        motions = [each.motion for each in load_recordings() if each.label == label and len(each.motion) > 40]
        clips += [
            stored(f"{label}{n}", clip.positions, split=("train", "val")[n % 2])
            for n, clip in enumerate(motions[:8])
        ]
    make_store(folder / "source", clips)
    describe_store([folder / "source"], folder / "described", DescribeOptions(in_place=1.0), workers=1)
    return folder / "source", Store.open([folder / "described"])


def test_walks_and_runs_step_in_place_too(walks: tuple[Path, Store]) -> None:
    store = walks[1]
    by_id = {clip.id: clip for clip in store}
    made = {name: clip for name, clip in by_id.items() if name.endswith("_in_place")}
    assert {clip.segments[0].text for clip in made.values()} == {
        "a person walks in place",
        "a person runs in place",
    }
    for name, clip in made.items():
        origin = by_id[name.removesuffix("_in_place")]
        (gone,), (stepped,) = origin.segments, clip.segments
        assert stepped == replace(gone, text=gone.text.replace("forward", "in place"))
        assert (clip.split, clip.group, clip.source, clip.licence, len(clip.features)) == (
            origin.split, origin.group, origin.source, origin.licence, len(origin.features)
        )  # fmt: skip
        assert all(" in place" in caption.text or " on the spot" in caption.text for caption in clip.captions)
        body = Body.of(clip.motion(store.skeleton))
        assert travel(body) == "in place"
        assert strides(body) > 1
    straight = [clip for clip in by_id.values() if clip.segments[0].text.endswith("s forward")]
    assert len(made) >= 0.8 * len(straight)


def test_a_share_of_them_steps_in_place(walks: tuple[Path, Store], tmp_path: Path) -> None:
    source, everything = walks
    most = set(everything.column("id"))

    def named(share: float) -> set[str]:
        folder = tmp_path / f"{share:g}"
        describe_store([source], folder, DescribeOptions(in_place=share), workers=1)
        return set(Store.open([folder]).column("id"))

    none, some = named(0.0), named(0.5)
    assert none == {name for name in most if not name.endswith("_in_place")}
    assert none < some < most


def test_pieces_can_be_composed(described: tuple[Store, Path, Path], tmp_path: Path) -> None:
    prepare("compose", [described[2]], tmp_path / "composed", ComposeOptions(sequences=6), workers=1)
    composed = Store.open([tmp_path / "composed"])
    assert any(part.text == "a person squats" for clip in composed for part in clip.segments)


def test_a_store_of_nothing_describable_is_an_error(tmp_path: Path) -> None:
    make_store(tmp_path / "source", [stored("flat", walker(60) * np.float32([1, 0.2, 1]))])
    with pytest.raises(KinelexError, match="nothing in it has a certain name"):
        describe_store([tmp_path / "source"], tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    with pytest.raises(KinelexError, match=r"pieces of 0\.2 s or more"):
        DescribeOptions(min_seconds=0.0)
    for share in (-0.1, 1.1):
        with pytest.raises(KinelexError, match=r"in place is .*give 0 to 1"):
            DescribeOptions(in_place=share)
