"""The words' maps as a page: two spheres that turn together; one file, no network, any browser."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from kinelex.atomic import atomic_path
from kinelex.words.comparison import WordComparison
from kinelex.words.word_map import WordMap

_DIGITS = 4


def write_page(found: WordMap, comparison: WordComparison, path: Path) -> None:
    """Write the page: drag turns both spheres, the wheel zooms, hovering names a word and its neighbours.

    Raises:
        KinelexError: the file cannot be written.
    """
    # "<" is escaped, so that no word can end the script element.
    data = json.dumps(_data(found, comparison), separators=(",", ":")).replace("<", "\\u003c")
    parts = {"DATA": data, "SCRIPT": _asset("map.js")}
    page = re.sub(r"@([A-Z]+)@", lambda match: parts[match.group(1)], _asset("map.html"))
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def _data(found: WordMap, comparison: WordComparison) -> dict[str, Any]:
    """What the script needs: words, points (3 numbers each), and the neighbours by place in the list."""
    names = list(found.colours)
    places = {word: place for place, word in enumerate(found.words)}
    points = {
        side: [[round(value, _DIGITS) for value in point] for point in table.tolist()]
        for side, table in (("before", found.before), ("after", found.after))
    }
    near = {
        side: [
            [[places[word], round(cosine, 2)] for word, cosine in getattr(row, side)[:6]]
            for row in comparison.neighbours
        ]
        for side in points
    }
    return {
        "words": found.words,
        "groups": [names.index(group) for group in found.groups],
        "names": names,
        "colours": list(found.colours.values()),
        "paired": sorted(
            {
                places[word]
                for pair in comparison.pairs
                for word in (pair.first, pair.second)
                if word in places
            }
        ),
        "points": points,
        "near": near,
    }


def _asset(name: str) -> str:
    return (resources.files("kinelex.words") / name).read_text("utf-8")
