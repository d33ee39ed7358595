"""`kinelex words compare BEFORE AFTER`: what training did to the words of a text encoder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command

if TYPE_CHECKING:
    from kinelex.words.comparison import WordComparison
    from kinelex.words.word_map import WordMap

DESCRIPTION = """Look at what a text encoder makes of words of motion."""
COMPARE = """Compare the words of an encoder before and after its embeddings were trained.

  kinelex words compare minilm runs/words/model
  kinelex words compare minilm runs/words/model --word kneel --word lift --json words.json
  kinelex words compare minilm runs/words/model --output words

Prints the cosines of opposites (left / right) and of kin (run / jog), as words and within sentences, the nearest
words of some words, and the words that moved most. A word's embedding is the mean of its pieces' rows in the table.
--output writes a map of some 300 words on the sphere, before and after: words.png, and words.html, which turns under
the mouse. BEFORE and AFTER are model folders, hub ids or minilm."""


def add_parser(commands: Any) -> None:
    """Register the command and what it can do."""
    parser = add_command(commands, "words", "see what a text encoder makes of words", DESCRIPTION)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    compare = add_command(actions, "compare", "compare the words of two text encoders", COMPARE)
    compare.add_argument("before", metavar="BEFORE", help="text encoder before training")
    compare.add_argument("after", metavar="AFTER", help="text encoder after training")
    compare.add_argument(
        "--word", action="append", metavar="W", help="print the nearest words of this one (repeatable)"
    )
    compare.add_argument("--json", type=Path, metavar="FILE", help="write all numbers, map included")
    compare.add_argument("--output", type=Path, metavar="DIR", help="draw the map: words.png, words.html")
    compare.add_argument("--seed", type=int, default=0, help="random seed of the map (default: 0)")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the tables, and write what is asked for."""
    from kinelex.evaluation.provenance import versions, write_json
    from kinelex.text.encoders import TextEncoder
    from kinelex.words.comparison import compare_words
    from kinelex.words.report import comparison_document, comparison_tables
    from kinelex.words.vocabulary import word_lists
    from kinelex.words.word_map import map_words

    lists = word_lists()
    asked = [word.strip() for word in options.word or ()]
    encoders = [TextEncoder.load(name) for name in (options.before, options.after)]
    comparison = compare_words(encoders[0], encoders[1], lists, asked)
    print(comparison_tables(comparison, asked or lists.shown))
    if options.json is None and options.output is None:
        return
    found = map_words(comparison, lists.groups, options.seed)
    if options.json is not None:
        facts = {"before": options.before, "after": options.after, "versions": versions()}
        write_json({**facts, **comparison_document(comparison, found)}, options.json)
    if options.output is not None:
        _draw(found, comparison, options.output)


def _draw(found: WordMap, comparison: WordComparison, folder: Path) -> None:
    from kinelex.words.page import write_page
    from kinelex.words.picture import draw_map

    paired = {word for pair in comparison.pairs for word in (pair.first, pair.second)}
    draw_map(found, paired, folder / "words.png")
    write_page(found, comparison, folder / "words.html")
    print(f"\n{folder / 'words.png'}, {folder / 'words.html'}: {len(found.words)} words before and after")
