"""kinelex evaluate and kinelex compare, from folders on disk to tables."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from evaluation.subjects import clips, write_store
from kinelex.cli import main
from kinelex.evaluation.evaluator import Evaluator, EvaluatorConfig
from kinelex.evaluation.judges import EvaluatorJudge
from kinelex.evaluation.words import WordVectorizer
from kinelex.hub import ModelCard, save_evaluator
from kinelex.motion.skeleton import HUMANML3D
from kinelex.tokenizer.normalization import FeatureNormalizer
from tiny_model import recorded_features

SIZES = EvaluatorConfig(
    movement_hidden=12, movement=10, word=8, text_hidden=14, motion_hidden=16, embedding=6
)
WORDS = ("sos", "eos", "unk", "a", "person", "walk", "jump", "left")


def save_judge(folder: Path, name: str) -> None:
    torch.manual_seed(0)
    features = recorded_features()
    normalizer = FeatureNormalizer.from_statistics(features.mean(0), features.std(0), HUMANML3D)
    vectorizer = WordVectorizer(WORDS, torch.randn(len(WORDS), 8), "random")
    save_evaluator(
        EvaluatorJudge(name, Evaluator(SIZES), normalizer, vectorizer),
        folder,
        ModelCard(name, "own", "# tiny\n"),
    )


@pytest.fixture(scope="module")
def arguments(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """evaluate on a store of forty clips with a judge called corpus; without --output."""
    place = tmp_path_factory.mktemp("place")
    save_judge(place / "judges" / "corpus", "corpus")
    store = write_store(place / "store", clips())
    judge = str(place / "judges" / "corpus")
    return ["evaluate", str(model_folder), "--corpus", str(store), "--judge", judge, "--multimodality", "0"]


def test_from_model_to_report_to_comparison(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, guidance in (("first", "4"), ("again", "4"), ("wild", "9")):
        output = ["--output", str(tmp_path / name), "--guidance", guidance, "--steps", "4", "--repeats", "2"]
        output += ["--precision", "bf16"]
        assert main([*arguments, *output, "--no-plots"]) == 0
    printed = capsys.readouterr().out
    assert "Judge: corpus" in printed
    report = json.loads((tmp_path / "first" / "report.json").read_text())
    assert report["judges"]["corpus"]["word_vectors"] == "random"
    assert report["model"]["sampling"]["guidance"] == 4.0
    assert report["model"]["sampling"]["steps"] == 4
    assert report["model"]["sampling"]["precision"] == "bf16"
    folders = [str(tmp_path / name) for name in ("first", "again", "wild")]
    assert main(["compare", *folders, "--output", str(tmp_path / "table.md")]) == 0
    table = capsys.readouterr().out
    assert "+0.000 ± 0.000, within noise" in table
    assert "again − first" in table
    assert (tmp_path / "table.md").read_text() in table


def test_judges_go_by_short_names_and_the_first_one_leads(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Path(arguments[arguments.index("--judge") + 1])
    monkeypatch.chdir(judge.parents[1])
    short = ["corpus" if part == str(judge) else part for part in arguments]
    save_judge(tmp_path / "second", "second")
    second = ["--judge", str(tmp_path / "second"), "--repeats", "1"]
    assert main([*short, *second, "--output", str(tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(report["judges"]) == ["corpus", "second"]
    assert report["metrics"] == report["judges"]["corpus"]["metrics"]
    assert report["metrics"]["fid"]["interval"] is None, "one repeat has no interval"
    assert (tmp_path / "report" / "metrics.png").is_file()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--judge", "official"], "kinelex import evaluator"),
        (["--limit", "5"], "at least 32"),
        (["--split", "val"], "val split"),
        (["--split", "everything"], "unknown split"),
        (["--repeats", "0"], "at least 1"),
        (["--sampler", "ddim"], "no option sampler"),
        (["--corpus", "nowhere"], "not a store"),
        (["--output", "/proc/report"], "cannot write"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    wrong: list[str], message: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = [] if "--output" in wrong else ["--output", str(tmp_path / "report")]
    assert main([*arguments, *output, "--no-plots", *wrong]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_two_judges_of_one_name_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_judge(tmp_path / "judge", "corpus")
    assert (
        main([*arguments, "--judge", str(tmp_path / "judge"), "--output", str(tmp_path), "--no-plots"]) == 2
    )
    assert "judges of one name" in capsys.readouterr().err


def test_without_matplotlib_the_command_says_so_before_it_works(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain_import = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return plain_import(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main([*arguments, "--output", str(tmp_path / "report")]) == 2
    assert "kinelex[render]" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_without_a_judge_the_bundled_one_judges(arguments: list[str], tmp_path: Path) -> None:
    place = arguments.index("--judge")
    without = [
        *arguments[:place],
        *arguments[place + 2 :],
        "--repeats",
        "2",
        "--output",
        str(tmp_path / "report"),
    ]
    assert main(without) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    (judge,) = report["judges"].values()
    assert "minilm" in judge["word_vectors"]
