"""The probes' confusions on labelled recordings, drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinelex.atomic import atomic_path
from kinelex.evaluation.plots import require_matplotlib
from kinelex.evaluation.probes.validation import Validation

_COLUMNS = 6


def draw_confusions(validation: Mapping[str, Validation], path: Path) -> None:
    """Write a png with one matrix a probe: labelled answers down, given answers across, shares of each row.

    Raises:
        KinelexError: matplotlib is not installed, or the file cannot be written.
    """
    figure_class = require_matplotlib()
    rows = math.ceil(len(validation) / _COLUMNS)
    figure = figure_class(figsize=(2.5 * _COLUMNS, 2.4 * rows), layout="constrained")
    places = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    for axes, result in zip(places, validation.values(), strict=False):
        _draw(axes, result)
    for axes in places[len(validation) :]:
        axes.set_axis_off()
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def _draw(axes: Any, result: Validation) -> None:
    expected = sorted({pair[0] for pair in result.confusions})
    given = [*expected, *sorted({pair[1] for pair in result.confusions} - set(expected))]
    counts = np.array([[result.confusions.get((row, column), 0) for column in given] for row in expected])
    shares = counts / counts.sum(1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(given)), given, rotation=30, fontsize=7)
    axes.set_yticks(range(len(expected)), expected, fontsize=7)
    trusted = "" if result.trusted else " (not trusted)"
    axes.set_title(f"{result.question}{trusted}", fontsize=9)
