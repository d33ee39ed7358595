"""The words' maps as a picture: both spheres from two sides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.words.word_map import WordMap

_SIZE = 7.0  # inches of one sphere's square
_LETTER, _LINE = 0.021, 0.05  # width and height of a letter of a label, in radii


def draw_map(found: WordMap, labelled: Collection[str], path: Path) -> None:
    """Write a png: before and after beside each other, the front above, the far side below.

    Args:
        found: the maps.
        labelled: words that are written first; others follow where there is room.
        path: where to.

    Raises:
        KinelexError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise KinelexError(
            'pictures need matplotlib; install it with pip install "kinelex[render]"'
        ) from error
    figure = Figure(figsize=(2 * _SIZE, 2 * _SIZE + 0.6), layout="constrained")
    rows = figure.subplots(2, 2)
    for axes, side, points in zip(rows[0], ("before", "after"), (found.before, found.after), strict=True):
        _draw(axes, f"{side}, front", found, points.numpy(), labelled)
    for axes, side, points in zip(rows[1], ("before", "after"), (found.before, found.after), strict=True):
        _draw(axes, f"{side}, far side", found, points.numpy() * (-1, 1, -1), labelled)
    for group, colour in found.colours.items():
        rows[0][0].scatter([], [], color=colour, label=group)
    figure.legend(loc="outside lower center", ncols=len(found.colours), frameon=False)
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def _draw(axes: Any, title: str, found: WordMap, points: NDArray[Any], labelled: Collection[str]) -> None:
    """The half of a sphere with z > 0, seen along z from far away."""
    from matplotlib.patches import Circle

    axes.add_patch(Circle((0, 0), 1, facecolor="#f6f8fb", edgecolor="#c3cad6"))
    seen = [row for row in range(len(points)) if points[row, 2] > 0]
    colours = [found.colours[found.groups[row]] for row in seen]
    axes.scatter(points[seen, 0], points[seen, 1], c=colours, s=16, linewidths=0)
    order = sorted(seen, key=lambda row: (found.words[row] not in labelled, -points[row, 2]))
    for row in _with_room([found.words[row] for row in order], points[order, :2]):
        x, y = points[order[row], :2]
        word = found.words[order[row]]
        weight = "bold" if word in labelled else "normal"
        colour = found.colours[found.groups[order[row]]]
        axes.text(x + 0.015, y, word, fontsize=8, color=colour, weight=weight, va="center")
    axes.set(title=title, xlim=(-1.05, 1.12), ylim=(-1.05, 1.05), aspect="equal")
    axes.set_axis_off()


def _with_room(words: Sequence[str], places: NDArray[Any]) -> list[int]:
    """Which labels can be written, the first ones first, without lying on one another.

    Args:
        words: N labels.
        places: (N, 2) where each begins, in radii.
    """
    chosen: list[int] = []
    boxes = np.empty((0, 4))
    for number, (word, (x, y)) in enumerate(zip(words, places, strict=True)):
        box = np.array([x, y - _LINE / 2, x + 0.03 + _LETTER * len(word), y + _LINE / 2])
        apart = (box[:2] >= boxes[:, 2:]).any(1) | (box[2:] <= boxes[:, :2]).any(1)
        if apart.all():
            chosen.append(number)
            boxes = np.vstack((boxes, box))
    return chosen
