"""`kinelex words compare`: its numbers on a table that was changed by hand, its files, its words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder
from kinelex.words.comparison import WordComparison, compare_words
from kinelex.words.page import write_page
from kinelex.words.picture import draw_map
from kinelex.words.report import comparison_tables
from kinelex.words.vocabulary import WordLists, word_lists
from kinelex.words.word_map import WordMap, map_words
from tiny_encoders import VOCABULARY, WORDS, random_encoder, write_encoder

LISTS = WordLists(
    groups=dict.fromkeys(WORDS[:6], "moves") | dict.fromkeys(WORDS[6:], "rest"),
    words={"opposites": (("walks", "runs"),), "kin": (("sits", "down"), ("man", "person"))},
    sentences={"opposites": (("a person walks", "a person runs"),)},
    shown=("walks",),
)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> tuple[TextEncoder, TextEncoder]:
    """One encoder, and the same with "runs" turned into the opposite of "walks"."""
    before, after = (random_encoder("bert", tmp_path_factory.mktemp(name)) for name in ("before", "after"))
    with torch.no_grad():
        table = after.word_embeddings.weight
        table[VOCABULARY["runs"]] = -table[VOCABULARY["walks"]]
    return before, after


@pytest.fixture(scope="module")
def comparison(encoders: tuple[TextEncoder, TextEncoder]) -> WordComparison:
    return compare_words(*encoders, LISTS, count=3)


def test_pairs_are_compared_before_and_after(comparison: WordComparison) -> None:
    moved, still, other = comparison.pairs
    assert (moved.kind, moved.first, moved.second) == ("opposites", "walks", "runs")
    assert moved.after == pytest.approx(-1)
    assert moved.before > -0.9
    for pair in (still, other):
        assert pair.kind == "kin"
        assert pair.before == pytest.approx(pair.after)


def test_sentences_are_compared_as_wholes(
    encoders: tuple[TextEncoder, TextEncoder], comparison: WordComparison
) -> None:
    (pair,) = comparison.sentences
    first, second = encoders[1].embed([pair.first, pair.second])
    assert pair.after == pytest.approx(float(torch.cosine_similarity(first, second, dim=0)))
    assert pair.after < pair.before


def test_the_most_moved_word_comes_first(comparison: WordComparison) -> None:
    first, *others = comparison.movements
    assert first.word == "runs"
    assert first.distance > 0.5
    assert all(row.distance == 0 and row.cosine == pytest.approx(1) for row in others)


def test_neighbours_are_the_words_of_highest_cosine(
    encoders: tuple[TextEncoder, TextEncoder], comparison: WordComparison
) -> None:
    table = torch.nn.functional.normalize(encoders[0].word_embeddings.weight.detach(), dim=1)
    cosines = {word: float(table[VOCABULARY[word]] @ table[VOCABULARY["man"]]) for word in WORDS}
    best = sorted(set(WORDS) - {"man"}, key=lambda word: -cosines[word])[:3]
    row = next(row for row in comparison.neighbours if row.word == "man")
    assert [word for word, _ in row.before] == best
    assert [cosine for _, cosine in row.before] == pytest.approx([cosines[word] for word in best], abs=1e-6)


def test_tables_say_the_numbers(comparison: WordComparison) -> None:
    page = comparison_tables(comparison, ["walks"])
    pair = comparison.pairs[0]
    assert re.search(rf"\| walks / runs +\| {pair.before:.3f} +\| -1.000 \| {-1 - pair.before:+.3f} ", page)
    assert page.count("| mean") == 3
    assert "Most moved words" in page
    assert len({len(line) for line in page.split("\n\n")[1].splitlines()}) == 1, "columns are padded"


def test_encoders_of_different_widths_are_refused(encoders: tuple[TextEncoder, TextEncoder]) -> None:
    narrow = TextEncoder(encoders[0].model, encoders[0].tokenizer)
    wide = torch.nn.Embedding(16, 20)
    narrow.model = type(narrow.model)(narrow.model.config)
    narrow.model.set_input_embeddings(wide)
    with pytest.raises(KinelexError, match="word embeddings have 16 and 20 numbers"):
        compare_words(encoders[0], narrow, LISTS)


def test_the_lists_hold_what_they_should() -> None:
    lists = word_lists()
    assert 280 < len(lists.groups) < 400
    assert len(set(lists.groups.values())) == 10
    assert all(re.fullmatch("[a-z]+", word) for word in lists.groups)
    assert set(lists.words) == set(lists.sentences) == {"opposites", "kin"}
    assert set(lists.shown) <= set(lists.groups)
    assert ("left", "right") in lists.words["opposites"]
    assert ("run", "jog") in lists.words["kin"]


@pytest.fixture
def found() -> WordMap:
    generator = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(
        torch.randn(12, 3, generator=generator, dtype=torch.float64), dim=1
    )
    groups = tuple(LISTS.groups.values())
    return WordMap(tuple(WORDS), groups, {"moves": "#1f77b4", "rest": "#ff7f0e"}, points, -points, (1.0, 1.0))


def test_the_page_needs_no_network_and_holds_every_word(
    found: WordMap, comparison: WordComparison, tmp_path: Path
) -> None:
    write_page(found, comparison, tmp_path / "words.html")
    page = (tmp_path / "words.html").read_text()
    assert not re.search(r"@[A-Z]+@|(?:src|href)=\"(?!data:)", page)
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert data["words"] == WORDS
    assert data["points"]["after"][0] == pytest.approx([-value for value in data["points"]["before"][0]])
    assert [data["names"][group] for group in data["groups"]] == list(found.groups)
    assert all(len(near) == 3 for near in data["near"]["before"])
    assert [data["words"][place] for place in data["paired"]] == [
        word for word in WORDS if word in ("walks", "runs", "sits", "down", "man", "person")
    ]


def test_the_picture_shows_both_spheres_from_two_sides(found: WordMap, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    draw_map(found, ("walks",), tmp_path / "words.png")
    with image.open(tmp_path / "words.png") as picture:
        assert picture.size[0] > 1000
        colours = {pixel[:3] for _, pixel in picture.convert("RGB").getcolors(1 << 20)}
    assert {(0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E)} <= colours


def test_maps_of_equal_tables_agree_and_words_asked_for_have_their_own_group() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(60, 8, generator=generator)
    words = tuple(f"word{number}" for number in range(60))
    groups = {word: f"group{number % 10}" for number, word in enumerate(words[:-1])}
    found = map_words(WordComparison(words, vectors, vectors, (), (), (), ()), groups)
    assert found.groups[-1] == "asked for"
    assert found.colours["asked for"] == "#000000"
    assert len(set(found.colours.values())) == 11
    assert (found.before * found.after).sum(1).median() > 0.95
    assert found.losses[1] == pytest.approx(found.losses[0], abs=0.02)


def test_the_command_prints_tables_and_writes_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    folders = [str(write_encoder("distilbert", tmp_path / name)) for name in ("before", "after")]
    arguments = [
        "--word",
        "somersaults",
        "--output",
        str(tmp_path / "map"),
        "--json",
        str(tmp_path / "w.json"),
    ]
    assert main(["words", "compare", *folders, *arguments]) == 0
    printed = capsys.readouterr().out
    assert "| left / right" in printed
    assert "| somersaults |" in printed
    assert "words before and after" in printed
    document = json.loads((tmp_path / "w.json").read_text())
    assert document["after"] == folders[1]
    assert len(document["map"]["before"]) == len(document["map"]["words"]) == len(word_lists().groups) + 1
    assert all(row["distance"] == 0 for row in document["movements"])
    assert (tmp_path / "map" / "words.png").stat().st_size > 10_000
    assert (tmp_path / "map" / "words.html").stat().st_size > 10_000


def test_the_command_without_files_draws_no_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelex.words.word_map.map_words", None)
    folder = str(write_encoder("bert", tmp_path / "encoder"))
    assert main(["words", "compare", folder, folder]) == 0


def test_an_unknown_encoder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", "compare", str(tmp_path / "none"), "minilm"]) == 2
    assert "there is no folder" in capsys.readouterr().err
