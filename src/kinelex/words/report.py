"""A comparison of words as tables for people and as a document for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from kinelex.words.comparison import PairCosine, WordComparison
from kinelex.words.word_map import WordMap

_MOST_MOVED = 15


def comparison_tables(comparison: WordComparison, shown: Sequence[str]) -> str:
    """Markdown tables: pairs of words, of sentences, neighbours of the words `shown`, the most moved words."""
    neighbours = {row.word: row for row in comparison.neighbours}
    chosen = [neighbours[word] for word in shown]
    return "\n\n".join(
        (
            _pair_tables("words", comparison.pairs),
            _pair_tables("sentences", comparison.sentences),
            "Nearest words\n\n"
            + _table(
                ("word", "before", "after"),
                [(row.word, _listed(row.before), _listed(row.after)) for row in chosen],
            ),
            "Most moved words (distance as a share of the length before; cosine of before and after)\n\n"
            + _table(
                ("word", "distance", "cosine"),
                [
                    (row.word, f"{row.distance:.3f}", f"{row.cosine:.3f}")
                    for row in comparison.movements[:_MOST_MOVED]
                ],
            ),
        )
    )


def comparison_document(comparison: WordComparison, found: WordMap) -> dict[str, Any]:
    """Everything in lists and mappings; the points of the map are in the order of its words."""
    return {
        "pairs": [asdict(row) for row in comparison.pairs],
        "sentences": [asdict(row) for row in comparison.sentences],
        "neighbours": [asdict(row) for row in comparison.neighbours],
        "movements": [asdict(row) for row in comparison.movements],
        "map": {
            "words": found.words,
            "groups": found.groups,
            "before": found.before.tolist(),
            "after": found.after.tolist(),
            "losses": found.losses,
        },
    }


def _pair_tables(what: str, pairs: Iterable[PairCosine]) -> str:
    """A table for each kind of pair, its mean in the last row."""
    kinds: dict[str, list[PairCosine]] = {}
    for pair in pairs:
        kinds.setdefault(pair.kind, []).append(pair)
    return "\n\n".join(f"Cosine of {what}: {kind}\n\n{_pair_table(listed)}" for kind, listed in kinds.items())


def _pair_table(pairs: Sequence[PairCosine]) -> str:
    rows = [_pair_row(f"{pair.first} / {pair.second}", pair.before, pair.after) for pair in pairs]
    means = mean(pair.before for pair in pairs), mean(pair.after for pair in pairs)
    return _table(("pair", "before", "after", "change"), [*rows, _pair_row("mean", *means)])


def _pair_row(name: str, before: float, after: float) -> tuple[str, ...]:
    return name, f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}"


def _listed(neighbours: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in neighbours[:5])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown with padded columns, so that it can be read where it is printed."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
