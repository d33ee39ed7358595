"""Segment measures against counting by hand, on motion whose boundaries are known."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.subjects import clips, write_store
from kinelex.alignment.motion_segments import uniform_cuts
from kinelex.cli import main
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.babel import BabelLabel, BabelSequence, babel_motions, read_babel
from kinelex.evaluation.segmentation import (
    LabelledMotion,
    composed_motions,
    grounding_recall,
    iou,
    measure_grounder,
    measure_segmenter,
    segment_table,
)

JOINTS = Path(__file__).parents[1] / "data" / "012314_joints.npy"


def labelled(name: str, *bounds: float) -> LabelledMotion:
    phrases = tuple(f"phrase {number}" for number in range(len(bounds) - 1))
    return LabelledMotion(name, torch.zeros(int(bounds[-1]), 3), phrases, bounds, 20.0)


def test_iou_is_shared_frames_over_frames_of_either() -> None:
    spans = [(start, end) for start, end in product(range(7), repeat=2) if start <= end]
    for first, second in product(spans, repeat=2):
        a, b = set(range(*first)), set(range(*second))
        expected = len(a & b) / len(a | b) if a | b else 0.0
        assert iou(first, second) == pytest.approx(expected), (first, second)


def test_recall_counts_phrases_at_each_threshold() -> None:
    true = [(0.0, 10.0)] * 4
    found = [(0.0, 10.0), (0.0, 5.0), (0.0, 3.0), (10.0, 20.0)]  # IoU 1, .5, .3, 0
    assert grounding_recall(found, true) == {0.3: 0.75, 0.5: 0.5, 0.7: 0.25}


def test_true_cuts_have_no_error_and_full_recall() -> None:
    motions = [labelled("a", 0.0, 30.0, 50.0, 80.0), labelled("b", 0.0, 12.0, 40.0)]
    truth = {len(motion.features): tuple(map(int, motion.bounds[1:-1])) for motion in motions}
    scores = measure_segmenter(lambda features, phrases: truth[len(features)], motions)
    assert (scores.error_s, scores.error_tokens, scores.iou) == (0.0, 0.0, 1.0)
    assert set(scores.recall.values()) == {1.0}
    assert (scores.clips, scores.boundaries, scores.phrases) == (2, 3, 5)


def test_even_cuts_are_off_by_what_can_be_counted() -> None:
    motions = [labelled("a", 0.0, 20.0, 80.0), labelled("b", 0.0, 40.0, 80.0)]
    scores = measure_segmenter(uniform_cuts, motions)  # cuts at 40: 20 frames off, and none
    assert scores.error_s == pytest.approx(0.5)
    assert scores.error_std_s == pytest.approx(0.5)
    assert scores.error_tokens == pytest.approx(2.5)
    assert scores.iou == pytest.approx(np.mean([20 / 40, 40 / 60, 1, 1]))
    assert "0.500 (std 0.500)" in segment_table({"uniform": scores})


def test_a_grounder_may_leave_gaps() -> None:
    motion = labelled("a", 0.0, 20.0, 80.0)
    scores = measure_grounder(lambda features, phrases: [(0.0, 10.0), (24.0, 80.0)], [motion])
    assert scores.error_tokens == pytest.approx(1.0)
    assert scores.recall == {0.3: 1.0, 0.5: 1.0, 0.7: 0.5}


def test_wrong_numbers_of_cuts_and_spans_are_refused(tmp_path: Path) -> None:
    motion = labelled("a", 0.0, 20.0, 80.0)
    with pytest.raises(KinelexError, match="2 cuts in a"):
        measure_segmenter(lambda features, phrases: (1, 2), [motion])
    with pytest.raises(KinelexError, match="one for each"):
        measure_grounder(lambda features, phrases: [(0.0, 80.0)], [motion])
    with pytest.raises(KinelexError, match="no motions"):
        measure_segmenter(uniform_cuts, [])
    single = [replace(clip, segments=clip.segments[:1]) for clip in clips(3)]
    with pytest.raises(KinelexError, match="prepare compose"):
        composed_motions(Store.open(write_store(tmp_path / "store", single)))


def test_the_segments_of_a_store_are_its_boundaries(tmp_path: Path) -> None:
    store = Store.open(write_store(tmp_path / "store", clips(3)))
    motion = composed_motions(store)[0]
    assert motion.bounds == (0.0, 20.0, 40.0)
    assert motion.phrases == ("a person walks", "a person runs")


def annotation(*labels: tuple[str, list[str], float, float]) -> dict[str, object]:
    return {
        "mul_act": True,
        "labels": [
            {"raw_label": text, "proc_label": text, "act_cat": kinds, "start_t": start, "end_t": end}
            for text, kinds, start, end in labels
        ],
    }


@pytest.fixture
def babel(tmp_path: Path) -> Path:
    """A file of BABEL's layout: labels with times, of the whole, of several annotators, and none."""
    timed = annotation(
        ("turn", ["turn"], 2.0, 4.0),
        ("walk", ["walk"], 0.0, 1.5),
        ("swing arms", ["swing body part"], 0.1, 1.4),
        ("transition", ["transition"], 1.5, 2.0),
        ("stand", ["stand"], 3.5, 5.0),
    )
    whole = {"mul_act": False, "labels": [{"raw_label": "Walk", "proc_label": "walk", "act_cat": ["walk"]}]}
    path = {"feat_p": "KIT/KIT/3/walk_poses.npz", "dur": 5.0, "url": ""}
    tree = {
        "1": {**path, "babel_sid": 1, "seq_ann": whole, "frame_ann": timed},
        "2": {**path, "babel_sid": 2, "seq_ann": whole, "frame_ann": None},
        "3": {**path, "babel_sid": 3, "seq_anns": [whole], "frame_anns": [timed, whole]},
        "4": {**path, "babel_sid": 4, "seq_ann": None, "frame_ann": None},
    }
    file = tmp_path / "babel" / "val.json"
    file.parent.mkdir()
    file.write_text(json.dumps(tree))
    return file


def test_babel_is_read(babel: Path) -> None:
    first, whole, several = read_babel(babel)
    assert whole.labels == (BabelLabel("walk", ("walk",), 0.0, 5.0),)
    assert several.labels == first.labels
    assert [label.text for label in first.labels] == ["walk", "swing arms", "transition", "turn", "stand"]
    segments = [(segment.text, segment.start, segment.end) for segment in first.segments]
    assert segments == [("walk", 0.0, 1.75), ("turn", 1.75, 3.75), ("stand", 3.75, 5.0)]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"1": {}}', '{"1": {"feat_p": "a", "dur": "long"}}'])
def test_other_files_are_no_babel(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(KinelexError, match="BABEL"):
        read_babel(tmp_path / "file.json")


def test_babel_finds_its_motion_under_the_name_of_amass(tmp_path: Path, babel: Path) -> None:
    place = tmp_path / "pose_data" / "KIT" / "3"
    place.mkdir(parents=True)
    joints = np.load(JOINTS)
    np.save(place / "walk_poses.npy", joints[:101])
    motions = babel_motions(read_babel(babel), tmp_path / "pose_data")
    assert [motion.name for motion in motions] == ["1", "3"]
    assert motions[0].bounds == pytest.approx((0.0, 35.0, 75.0, 100.0))
    with pytest.raises(KinelexError, match="no motion of a BABEL sequence"):
        babel_motions(read_babel(babel), tmp_path)


def test_the_command_measures_segmenters(
    tmp_path: Path, babel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(write_store(tmp_path / "store", clips(6)))
    output = tmp_path / "segments.json"
    command = [
        "evaluate-segments",
        "--corpus",
        store,
        "--segmenter",
        "uniform",
        "--segmenter",
        "change-points",
    ]
    assert main([*command, "--output", str(output)]) == 0
    assert "8 clips, 8 boundaries" in capsys.readouterr().out
    found = json.loads(output.read_text())["segmenters"]
    assert found["uniform"]["error_s"] <= 0.05, "these clips change in the middle"
    assert set(found) == {"uniform", "change-points"}
    assert main([*command, "--babel", str(babel)]) == 2
    assert "give both or neither" in capsys.readouterr().err


def test_a_sequence_of_nothing_but_a_transition_has_no_segments(babel: Path) -> None:
    path = read_babel(babel)[0].path
    assert BabelSequence("x", path, 5.0, (BabelLabel("transition", (), 0.0, 5.0),)).segments == ()
