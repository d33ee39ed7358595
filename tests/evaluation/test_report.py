"""What a report holds, and when a comparison calls a difference noise."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from evaluation.stand_ins import TinyJudgeSource
from evaluation.subjects import TinyModelSource, clips, write_store
from kinelex.errors import KinelexError
from kinelex.evaluation.comparison import compare, comparison_table, difference, read_report
from kinelex.evaluation.plots import write_plots
from kinelex.evaluation.protocol import ProtocolOptions
from kinelex.evaluation.report import build_report, report_tables, write_report
from kinelex.evaluation.runs import Setup, run
from kinelex.evaluation.scores import METRICS


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of three repeats."""
    store = write_store(tmp_path_factory.mktemp("stores") / "clips", clips())
    options = ProtocolOptions(multimodality=0)
    setup = Setup(TinyModelSource(model_folder), (TinyJudgeSource(),), (str(store),), options)
    folder = tmp_path_factory.mktemp("report")
    results = run(setup, folder, repeats=3)
    report = build_report(setup, results)
    write_report(report, folder)
    write_plots(report, results[0].duration_errors, folder)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return read_report(folder)


def test_the_report_is_strict_json_with_the_agreed_names(folder: Path, report: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads((folder / "report.json").read_text(), parse_constant=refuse)
    assert list(report["metrics"]) == list(report["ground_truth"]) == list(METRICS)
    assert all(set(value) == {"mean", "interval"} for value in report["metrics"].values())
    assert report["judges"]["tiny"]["metrics"] == report["metrics"]
    for name in ("top1", "mm_dist", "fid"):
        values = [each["judges"]["tiny"]["metrics"][name] for each in report["per_repeat"]]
        assert report["metrics"][name]["mean"] == pytest.approx(sum(values) / 3)
    assert report["corpus"]["clips"] == 40
    assert {"kinelex", "torch", "numpy", "python"} == set(report["versions"])
    assert report["seconds"]["generation"]["mean"] < report["seconds"]["repeat"]["mean"]


def test_the_tables_show_every_figure_and_say_what_they_do_not_say(report: dict[str, Any]) -> None:
    text = report_tables(report)
    for label in ("R-precision top 1 ↑", "FID ↓", "foot skating", "jerk", "duration, absolute error"):
        assert label in text
    assert "not how far another test set" in text
    assert "nan" not in text.lower().replace("without a caption", "")


def test_one_repeat_has_no_interval(report: dict[str, Any]) -> None:
    single = deepcopy(report)
    single["per_repeat"] = single["per_repeat"][:1]
    lines = compare([single, single])
    assert all(change is None or change.within_noise is None for line in lines for change in line.differences)
    assert "no interval" in comparison_table(["a", "b"], lines)


def test_plots_are_pictures(folder: Path) -> None:
    for name in ("metrics.png", "durations.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_a_model_compared_with_itself_differs_by_exactly_nothing(report: dict[str, Any]) -> None:
    lines = compare([report, deepcopy(report)])
    changes = [line.differences[0] for line in lines if line.differences[0] is not None]
    assert len(changes) > 10
    assert all(
        (change.mean, change.half_width, change.paired, change.within_noise) == (0, 0, True, True)
        for change in changes
    )


def test_a_shift_of_every_repeat_is_seen_when_paired_and_lost_when_not() -> None:
    noise = [0.0, 1.0, 2.0, 3.0, 4.0]
    shifted = [value + 0.1 for value in noise]
    paired, unpaired = (difference(noise, shifted, paired=paired) for paired in (True, False))
    assert paired.mean == pytest.approx(0.1)
    assert unpaired.mean == pytest.approx(0.1)
    assert paired.within_noise is False
    assert unpaired.within_noise is True
    assert "within noise" in str(unpaired)


def test_the_interval_is_students() -> None:
    # t for 97.5 % and two degrees of freedom is 4.302653 in every table; the deviation of 1, 2, 3 is 1.
    assert difference([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], paired=True).half_width == pytest.approx(
        4.302653 / math.sqrt(3), rel=1e-6
    )


def test_other_clips_are_not_paired(report: dict[str, Any]) -> None:
    other = deepcopy(report)
    other["corpus"]["sha256"] = "another"
    lines = compare([report, other])
    assert not any(change.paired for line in lines for change in line.differences if change is not None)
    assert "not paired" in comparison_table(["a", "b"], lines)


def test_what_cannot_be_compared_is_named(report: dict[str, Any], tmp_path: Path) -> None:
    other = deepcopy(report)
    other["judges"]["tiny"]["description"] = "another judge of that name"
    with pytest.raises(KinelexError, match="no judge in common"):
        compare([report, other])
    with pytest.raises(KinelexError, match="two or more"):
        compare([report])
    with pytest.raises(KinelexError, match="cannot read"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(KinelexError, match="no report of this version"):
        read_report(tmp_path)
