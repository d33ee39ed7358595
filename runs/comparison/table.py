"""The comparison of runs/reproduce.sh as tables and a picture.

    python runs/comparison/table.py WORK --output FOLDER

Reads WORK/arms/NAME-SEED/{report/report.json,probes.json,probes-even.json} of the arms in arms.txt; writes
comparison.csv, comparison.md and comparison.png. Rows of a comparison.csv that is there already are kept for what
WORK does not have, so that a comparison can be made in several places. Means and 95 % intervals (Student's) are
over the training seeds of an arm.
Differences are to the first arm, seed by seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kinelex.atomic import atomic_path
from kinelex.data.source import read_table
from kinelex.errors import KinelexError
from kinelex.evaluation.comparison import difference, half_width, read_report
from kinelex.evaluation.plots import require_matplotlib

ARMS = Path(__file__).parent / "arms.txt"
COLUMNS = 2  # of the picture


@dataclass(frozen=True)
class Measured:
    """One trained model: its evaluation, and what the probes said; also of evenly shared time, where that was asked."""

    report: dict[str, Any]
    probes: dict[str, Any]
    even: dict[str, Any] | None = None

    def judged(self, judge: int, metric: str) -> float:
        """A metric of a judge, counted in the order in which they were named; NaN where it was not measured."""
        mean = list(self.report["judges"].values())[judge]["metrics"][metric]["mean"]
        return math.nan if mean is None else mean

    def quality(self, name: str) -> float:
        """A figure that needs no judge."""
        return self.report["quality"][name]["generated"]["mean"]

    def trials(self, family: str | None = None) -> list[dict[str, Any]]:
        """What the trusted probes said, of a family of words or of all."""
        return _scored(self.probes, family)

    def right(self, family: str | None = None) -> float:
        """Share of trials in which both sentences of a pair were obeyed; NaN where none was tried."""
        return _share(self.trials(family))

    def right_evenly(self, family: str) -> float:
        """The same when phrases share the time evenly."""
        return _share(_scored(self.even or {"trials": []}, family))


def _scored(probes: dict[str, Any], family: str | None) -> list[dict[str, Any]]:
    wanted = [each for each in probes["trials"] if family in (None, each["family"])]
    return [each for each in wanted if each["scored"]]


def _share(trials: list[dict[str, Any]]) -> float:
    return fmean(all(each["right"]) for each in trials) if trials else math.nan


# Figures of one training, by what they are called; NaN where something was not measured.
Figures = dict[str, float]
Arms = dict[str, dict[str, Figures]]
FIGURES: dict[str, Callable[[Measured], float]] = {
    "word probes ↑": lambda one: one.right(),
    "order ↑": lambda one: one.right("order"),
    "order, phrases equally long ↑": lambda one: one.right_evenly("order"),
    "R-precision top 3 ↑": lambda one: one.judged(0, "top3"),
    "MM-Dist ↓": lambda one: one.judged(0, "mm_dist"),
    "FID ↓": lambda one: one.judged(0, "fid"),
    "Diversity →": lambda one: one.judged(0, "diversity"),
    "MultiModality": lambda one: one.judged(0, "multimodality"),
    "R-precision top 3, second judge ↑": lambda one: one.judged(1, "top3"),
    "MM-Dist, second judge ↓": lambda one: one.judged(1, "mm_dist"),
    "foot skating, cm/s ↓": lambda one: one.quality("foot_skating_cm_s"),
}
WORDS = "words: "  # in front of a family of word probes
PICTURED = ("word probes ↑", "order ↑", "R-precision top 3 ↑", "FID ↓")


def main() -> None:
    """Read what there is, write the tables and the picture."""
    options = folders(__doc__)
    sheet = options.output / "comparison.csv"
    arms = read_sheet(sheet)
    for name, seeds in read_arms(options.work / "arms").items():
        arms[name] = arms.get(name, {}) | seeds
    arms = {name: dict(sorted(arms[name].items())) for name in (*arm_names(), *arms) if arms.get(name)}
    if not arms:
        raise KinelexError(f"{options.work} has no measured arm; run runs/reproduce.sh first")
    text = document(arms)
    options.output.mkdir(parents=True, exist_ok=True)
    write_sheet(sheet, arms)
    with atomic_path(options.output / "comparison.md") as path:
        path.write_text(text, "utf-8")
    with atomic_path(options.output / "comparison.png") as path:
        picture(arms).savefig(path, dpi=110)
    print(text)


def folders(description: str | None) -> argparse.Namespace:
    """What a script of tables is told: the folder `work` to read and `output` to write."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def arm_names() -> list[str]:
    """The arms in their order."""
    lines = ARMS.read_text("utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def read_arms(folder: Path) -> Arms:
    """Figures of every measured training in a folder."""
    arms: Arms = {}
    for name in arm_names():
        for place in sorted(folder.glob(f"{name}-*")):
            measured = read_measured(place)
            if measured is not None:
                arms.setdefault(name, {})[place.name.removeprefix(f"{name}-")] = figures_of(measured)
    return arms


def figures_of(measured: Measured) -> Figures:
    """What is told of one training."""
    families = dict.fromkeys(trial["family"] for trial in measured.trials())
    words = {f"{WORDS}{family}": measured.right(family) for family in families}
    return {label: figure(measured) for label, figure in FIGURES.items()} | words


def read_sheet(path: Path) -> Arms:
    """Figures written down before; none where there is no such file."""
    if not path.is_file():
        return {}
    arms: Arms = {}
    for row in read_table(path):
        name, seed = row.pop("arm"), row.pop("seed")
        arms.setdefault(name, {})[seed] = {
            label: float(value) if value else math.nan for label, value in row.items()
        }
    return arms


def write_sheet(path: Path, arms: Arms) -> None:
    """A row a training."""
    labels = list(
        dict.fromkeys(label for seeds in arms.values() for each in seeds.values() for label in each)
    )
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file, lineterminator="\n")
        sheet.writerow(("arm", "seed", *labels))
        for name, seeds in arms.items():
            for seed, figures in seeds.items():
                sheet.writerow((name, seed, *(_written(figures.get(label, math.nan)) for label in labels)))


def _written(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.8g}"


def read_measured(place: Path) -> Measured | None:
    """The report and the probes in a folder; None where one of them is not there yet."""
    probes = place / "probes.json"
    if not ((place / "report" / "report.json").is_file() and probes.is_file()):
        return None
    even = place / "probes-even.json"
    return Measured(
        read_report(place / "report"),
        json.loads(probes.read_text("utf-8")),
        json.loads(even.read_text("utf-8")) if even.is_file() else None,
    )


def document(arms: Arms) -> str:
    """Both tables in Markdown."""
    labels = dict.fromkeys(label for seeds in arms.values() for each in seeds.values() for label in each)
    words = [label for label in labels if label.startswith(WORDS)]
    told = ", ".join(f"{name} {len(seeds)}" for name, seeds in arms.items())
    return "\n".join(
        (
            f"Training seeds: {told}. Mean ± half of the 95 % interval over them; in brackets the difference to "
            f"{next(iter(arms))}, seed by seed, bold where its interval leaves out 0; of twenty differences that are "
            "none, one is bold by chance.\n",
            table(arms, list(FIGURES)),
            "Both sentences of a pair obeyed, by family of words:\n",
            table(arms, words),
        )
    )


def table(arms: Arms, labels: Sequence[str]) -> str:
    """A row a figure, a column an arm."""
    base = next(iter(arms))
    rows = [f"| | {' | '.join(arms)} |", "|" + " --- |" * (len(arms) + 1)]
    for label in labels:
        values = {
            name: {
                seed: each[label] for seed, each in seeds.items() if not math.isnan(each.get(label, math.nan))
            }
            for name, seeds in arms.items()
        }
        cells = [cell(values[base], own, first=name == base) for name, own in values.items()]
        rows.append(f"| {label.removeprefix(WORDS)} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def cell(base: dict[str, float], own: dict[str, float], *, first: bool) -> str:
    """Mean with interval, and the difference to the first arm over the seeds that both have."""
    values = list(own.values())
    shared = [seed for seed in own if seed in base]
    if not values:
        return "–"
    if first or not shared:
        return spread(values)
    apart = difference([base[seed] for seed in shared], [own[seed] for seed in shared], paired=True)
    if math.isnan(apart.mean):
        return spread(values)
    told = f"{apart.mean:+.3f}"
    return f"{spread(values)} ({f'**{told}**' if apart.within_noise is False else told})"


def spread(values: Sequence[float]) -> str:
    """Mean and half of the 95 % interval."""
    width = half_width(values)
    return f"{fmean(values):.3f}" + ("" if math.isnan(width) else f" ± {width:.3f}")


def picture(arms: Arms) -> Any:
    """A panel a figure: a point a training seed, a bar at the mean."""
    figure = require_matplotlib()(figsize=(9, 6), layout="constrained")
    for panel, label in zip(figure.subplots(len(PICTURED) // COLUMNS, COLUMNS).flat, PICTURED, strict=True):
        for place, seeds in enumerate(arms.values()):
            values = [figures[label] for figures in seeds.values() if label in figures]
            panel.scatter([place] * len(values), values, color="#3366aa", zorder=2)
            panel.hlines(fmean(values), place - 0.3, place + 0.3, color="#b0b8c4", linewidth=3)
        panel.set_xticks(range(len(arms)), list(arms), rotation=20)
        panel.set_title(label, fontsize=10)
    return figure


if __name__ == "__main__":
    try:
        main()
    except KinelexError as error:
        sys.exit(f"table.py: {error}")
