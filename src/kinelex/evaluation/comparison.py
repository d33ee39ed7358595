"""Reports side by side: differences to the first with 95 % intervals, paired by repeat where draws were the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t as student_t

from kinelex.errors import KinelexError
from kinelex.evaluation.metrics import estimate
from kinelex.evaluation.report import FORMAT, LABELS, QUALITY, REPORT, shown
from kinelex.evaluation.scores import METRICS

NOISE = "within noise"
CAVEAT = (
    "Differences are to the first report, with 95 % intervals over repeats. They hold for these weights on these "
    "clips; another training run of the same recipe differs, too."
)


@dataclass(frozen=True)
class Difference:
    """How far a report is from the first one in one figure.

    Attributes:
        mean: later minus first.
        half_width: of the 95 % interval; NaN where there is one repeat.
        paired: whether repeat was compared with repeat.
    """

    mean: float
    half_width: float
    paired: bool

    @property
    def within_noise(self) -> bool | None:
        """Whether the interval includes 0; None where there is no interval."""
        return None if math.isnan(self.half_width) else abs(self.mean) <= self.half_width

    def __str__(self) -> str:
        if self.within_noise is None:
            return f"{self.mean:+.3f} (one repeat: no interval)"
        return f"{self.mean:+.3f} ± {self.half_width:.3f}" + (f", {NOISE}" if self.within_noise else "")


@dataclass(frozen=True)
class Line:
    """One figure of all reports.

    Attributes:
        group: name of the judge, or "quality", or "duration".
        name: of the figure, as in report.json.
        values: of each report, {"mean", "interval"}.
        differences: of every report but the first; None where a value is missing.
    """

    group: str
    name: str
    values: tuple[dict[str, float | None], ...]
    differences: tuple[Difference | None, ...]


def read_report(path: Path) -> dict[str, Any]:
    """report.json, or the one in a report folder.

    Raises:
        KinelexError: there is none, or it is no report of this version.
    """
    path = path / REPORT if path.is_dir() else path
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KinelexError(
            f"cannot read {path}: {error}; give a folder that kinelex evaluate wrote"
        ) from error
    if not isinstance(report, dict) or report.get("format") != FORMAT or "per_repeat" not in report:
        raise KinelexError(f"{path} is no report of this version; run kinelex evaluate again")
    return report


def compare(reports: Sequence[dict[str, Any]]) -> list[Line]:
    """Every figure that all reports have.

    Raises:
        KinelexError: fewer than two reports, or reports without a judge in common.
    """
    if len(reports) < 2:
        raise KinelexError("there is nothing to compare one report with; give two or more")
    judges = [name for name in reports[0]["judges"] if all(_same_judge(name, reports[0], r) for r in reports)]
    if not judges:
        raise KinelexError("the reports have no judge in common; evaluate the models with the same --judge")
    figures = [("judges", judge, name) for judge in judges for name in METRICS]
    figures += [("quality", "quality", name) for name in QUALITY]
    figures += [("duration_error", "duration", name) for name in reports[0]["duration_error"]]
    return [_line(reports, *figure) for figure in figures]


def _same_judge(name: str, first: dict[str, Any], other: dict[str, Any]) -> bool:
    def identity(report: dict[str, Any]) -> dict[str, Any]:
        judge = report["judges"].get(name, {})
        return {key: value for key, value in judge.items() if key not in ("metrics", "ground_truth")}

    return identity(first) == identity(other)


def _line(reports: Sequence[dict[str, Any]], section: str, group: str, name: str) -> Line:
    columns = [[_value(each, section, group, name) for each in report["per_repeat"]] for report in reports]
    known = [[value for value in column if value is not None] for column in columns]
    if not all(known):
        empty: dict[str, float | None] = {"mean": None, "interval": None}
        values = tuple(_shown(column) if column else empty for column in known)
        return Line(group, name, values, (None,) * (len(reports) - 1))
    differences = tuple(
        difference(known[0], column, paired=_paired(reports[0], report))
        for column, report in zip(known[1:], reports[1:], strict=True)
    )
    return Line(group, name, tuple(map(_shown, known)), differences)


def _value(repeat: dict[str, Any], section: str, group: str, name: str) -> float | None:
    if section == "judges":
        return repeat["judges"][group]["metrics"][name]
    return repeat[section][name]


def _shown(values: Sequence[float]) -> dict[str, float | None]:
    found = estimate(values)
    return {"mean": found.mean, "interval": None if math.isnan(found.half_width) else found.half_width}


def _paired(first: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both drew the same captions and seeds in every repeat."""
    return all(first[key] == other[key] for key in ("options", "repeats")) and (
        first["corpus"]["sha256"] == other["corpus"]["sha256"]
    )


def difference(first: Sequence[float], other: Sequence[float], *, paired: bool) -> Difference:
    """Mean difference of the repeats' values; of paired repeats the interval is that of their differences.

    Intervals are Student's, not the normal ones of the reports: those of two or three repeats would be so narrow
    that noise looked like progress.
    """
    if paired:
        changes = [b - a for a, b in zip(first, other, strict=True)]
        return Difference(fmean(changes), half_width(changes), True)
    return Difference(fmean(other) - fmean(first), math.hypot(half_width(first), half_width(other)), False)


def half_width(values: Sequence[float]) -> float:
    """Of the 95 % interval of the mean; NaN for one value."""
    if len(values) < 2:
        return math.nan
    return float(student_t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def comparison_table(names: Sequence[str], lines: Sequence[Line]) -> str:
    """Markdown: a row for each figure, a column for each report and for each difference to the first."""
    columns = ["", names[0], *(title for name in names[1:] for title in (name, f"{name} − {names[0]}"))]
    rows = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for line in lines:
        others = zip(line.values[1:], line.differences, strict=True)
        cells = [f"{line.group}: {LABELS[line.name]}", shown(line.values[0])]
        cells += [cell for value, change in others for cell in (shown(value), str(change or "–"))]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", *_remarks(lines)]) + "\n"


def _remarks(lines: Sequence[Line]) -> Iterator[str]:
    changes = [change for line in lines for change in line.differences if change is not None]
    if any(not change.paired for change in changes):
        yield "Not every report has the same clips, options and repeats: their differences are not paired."
    yield CAVEAT
