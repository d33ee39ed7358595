"""Pictures of a report: metrics beside the recordings', and how wrong the estimated durations are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError

METRICS_PLOT, DURATION_PLOT = "metrics.png", "durations.png"
GENERATED, RECORDED = "#3366aa", "#b0b8c4"
_WIDTH = 0.38  # of a bar; two stand beside each other


def require_matplotlib() -> Any:
    """matplotlib.figure.Figure, which needs no display.

    Raises:
        KinelexError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise KinelexError(
            'plots need matplotlib; install it with pip install "kinelex[render]", or leave them out with --no-plots'
        ) from error
    return Figure


def write_plots(report: dict[str, Any], duration_errors: Sequence[float], folder: Path) -> None:
    """Write metrics.png and durations.png.

    Args:
        report: from `build_report`.
        duration_errors: estimated minus true duration in seconds, of every clip and repeat.
        folder: where to.

    Raises:
        KinelexError: matplotlib is missing or the folder cannot be written.
    """
    for name, figure in (
        (METRICS_PLOT, metrics_figure(report)),
        (DURATION_PLOT, duration_figure(duration_errors)),
    ):
        with atomic_path(folder / name) as path:
            figure.savefig(path, dpi=150)


def metrics_figure(report: dict[str, Any]) -> Any:
    """A row for each judge: R-precision and FID with their 95 % intervals, generated beside recorded."""
    judges = report["judges"]
    figure = require_matplotlib()(figsize=(8, 3.2 * len(judges)), layout="constrained")
    rows = figure.subplots(len(judges), 2, squeeze=False, width_ratios=(3, 1))
    for (name, judge), (precision, distance) in zip(judges.items(), rows, strict=True):
        _bars(precision, judge, ("top1", "top2", "top3"))
        precision.set(title=f"R-precision, judge {name}", ylim=(0, 1))
        precision.legend(frameon=False, loc="upper left")
        _bars(distance, judge, ("fid",))
        distance.set(title="FID")
    return figure


def _bars(axes: Any, judge: dict[str, Any], names: Sequence[str]) -> None:
    sides = (("metrics", GENERATED, "generated", -0.5), ("ground_truth", RECORDED, "recorded", 0.5))
    for key, colour, label, side in sides:
        places = [place + side * _WIDTH for place in range(len(names))]
        values = [judge[key][name] for name in names]
        means, intervals = ([value[part] or 0.0 for value in values] for part in ("mean", "interval"))
        axes.bar(places, means, _WIDTH, yerr=intervals, color=colour, label=label, capsize=3)
    axes.set_xticks(range(len(names)), [name.replace("top", "top ").replace("fid", "FID") for name in names])
    axes.spines[["top", "right"]].set_visible(False)


def duration_figure(errors: Sequence[float]) -> Any:
    """Histogram of estimated minus true duration."""
    figure = require_matplotlib()(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.hist(errors, bins=40, color=GENERATED)
    axes.axvline(0.0, color="black", linewidth=1)
    axes.set(title="Estimated minus true duration", xlabel="seconds", ylabel="clips, all repeats together")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
