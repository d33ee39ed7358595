"""Laws of an evaluation on disk: stopping, continuing and sharing it change nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.stand_ins import NoiseModelSource, TinyJudgeSource
from evaluation.subjects import TinyModelSource, clips, write_store
from kinelex.errors import KinelexError
from kinelex.evaluation.protocol import Evaluation, ProtocolOptions, RepeatResult
from kinelex.evaluation.runs import Setup, read_repeat, run


@pytest.fixture(scope="module")
def setup(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    store = write_store(tmp_path_factory.mktemp("stores") / "clips", clips())
    options = ProtocolOptions(multimodality=0)
    return Setup(TinyModelSource(model_folder), (TinyJudgeSource(),), (str(store),), options)


@pytest.fixture(scope="module")
def uninterrupted(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> list[RepeatResult]:
    return run(setup, tmp_path_factory.mktemp("report"), repeats=3)


def timeless(results: list[RepeatResult]) -> list[RepeatResult]:
    return [replace(result, generation_seconds=0.0, seconds=0.0) for result in results]


def test_an_interrupted_evaluation_goes_on_where_it_was(
    setup: Setup, uninterrupted: list[RepeatResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_repeat, done = Evaluation.repeat, []

    def interrupted(self: Evaluation, number: int, *arguments: object) -> RepeatResult:
        if number == 2 and 2 not in done:
            done.append(2)
            raise KeyboardInterrupt
        done.append(number)
        return whole_repeat(self, number)

    monkeypatch.setattr(Evaluation, "repeat", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(setup, tmp_path, repeats=3)
    results = run(setup, tmp_path, repeats=3)
    assert done == [0, 1, 2, 2], "finished repeats are not done again"
    assert timeless(results) == timeless(uninterrupted)


def test_two_processes_find_what_one_finds(setup: Setup, tmp_path: Path) -> None:
    noise = replace(setup, candidate=NoiseModelSource())
    alone, shared = (run(noise, tmp_path / str(count), repeats=3, processes=count) for count in (1, 2))
    assert timeless(shared) == timeless(alone)


def test_more_repeats_are_added_to_those_that_are_there(setup: Setup, tmp_path: Path) -> None:
    first = run(setup, tmp_path, repeats=1)
    assert run(setup, tmp_path, repeats=2)[:1] == first


def test_a_folder_of_another_evaluation_is_refused(setup: Setup, tmp_path: Path, model_folder: Path) -> None:
    run(setup, tmp_path, repeats=1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yaml").write_text("other model")
    for changed, what in (
        (replace(setup, candidate=TinyModelSource(other)), "other model"),
        (replace(setup, options=replace(setup.options, seed=1)), "other options"),
        (replace(setup, judges=(TinyJudgeSource("other"),)), "other judges"),
    ):
        with pytest.raises(KinelexError, match=what):
            run(changed, tmp_path, repeats=1)


def test_an_attempt_without_a_result_does_not_hold_a_folder(setup: Setup, tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="val split"):
        run(replace(setup, options=replace(setup.options, split="val")), tmp_path, repeats=1)
    assert len(run(setup, tmp_path, repeats=1)) == 1


def test_bad_input_is_named(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KinelexError, match="cannot write"):
        run(setup, tmp_path / "file", repeats=1)
    with pytest.raises(KinelexError, match="at least 1"):
        run(setup, tmp_path, repeats=0)
    with pytest.raises(KinelexError, match="not a store"):
        run(replace(setup, stores=(str(tmp_path),)), tmp_path, repeats=1)
    for text in ("{", "[]", json.dumps({"judges": {}})):
        (tmp_path / "000.json").write_text(text)
        with pytest.raises(KinelexError, match="delete it"):
            read_repeat(tmp_path / "000.json")
