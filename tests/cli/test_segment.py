"""`kinelex segment`: what it prints, and that mistakes end with one sentence and 2."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from kinelex.cli import main
from kinelex.data.store import Store

TEXT = "a person sits down after walking slowly"


def test_lines_are_numbered_and_json_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", TEXT]) == 0
    assert capsys.readouterr().out == "1  a person walks slowly\n2  a person sits down\n"
    assert main(["segment", TEXT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["a person walks slowly", "a person sits down"]
    assert main(["segment", TEXT, "--limit", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "either a sentence"),
        ([TEXT, "--corpus", "store"], "either a sentence"),
        ([""], "no word"),
        (["?! …"], "no word"),
        ([TEXT, "--limit", "0"], "at least 1"),
        ([TEXT, "--output", "x.jsonl"], "goes with --corpus"),
        (["--corpus", "nowhere"], "not a store"),
        ([TEXT, "--provider", "llm", "--endpoint", "localhost:11434"], "no URL"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segment", *arguments]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not printed.out


def test_a_corpus_is_written_caption_by_caption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [[{"text": TEXT}, {"text": "he jumps"}], [], [{"text": "he jumps"}]]
    monkeypatch.setattr(Store, "open", lambda _: SimpleNamespace(column=lambda name: clips))
    output = tmp_path / "phrases.jsonl"
    assert main(["segment", "--corpus", "store", "--output", str(output)]) == 0
    assert "2 captions" in capsys.readouterr().out
    expected = [
        {"caption": TEXT, "segments": ["a person walks slowly", "a person sits down"]},
        {"caption": "he jumps", "segments": ["he jumps"]},
    ]
    assert [json.loads(line) for line in output.read_text().splitlines()] == expected
    assert main(["segment", "--corpus", "store"]) == 0
    assert capsys.readouterr().out == output.read_text()
