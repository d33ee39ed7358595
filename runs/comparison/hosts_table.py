"""The hosts of runs/hosts.sh on plain and on enhanced words, and what fewer drawing steps cost, as tables.

    python runs/comparison/hosts_table.py WORK --output FOLDER

Reads WORK/hosts/HOST-ENCODER/{report/report.json,probes.json,samplers/}; writes hosts.md. Intervals of figures are over
the repeats of an evaluation, of the probes Wilson's over their trials; those of differences are Student's, over repeats
and, of the probes, over pairs of sentences. One training each: another one differs, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from table import Measured, folders, read_measured

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.evaluation.comparison import compare, difference, read_report
from kinelex.evaluation.probes.validation import wilson_interval
from kinelex.evaluation.report import LABELS, REPORT, shown

HOSTS, PLAIN, ENHANCED = ("mdm", "motiondiffuse", "mmm"), "minilm", "mate"
QUALITY = ("foot_skating_cm_s", "jerk_m_s3")
WANTED = ("top1", "top2", "top3", "mm_dist", "fid", "diversity", *QUALITY)


def main() -> None:
    """Read what there is and write the tables."""
    options = folders(__doc__)
    folder = options.work / "hosts"
    measured = {host: read_host(folder, host) for host in HOSTS}
    pairs = {host: both for host, both in measured.items() if both is not None}
    if not pairs:
        raise KinelexError(f"{folder} has no host measured on both encoders; run runs/hosts.sh first")
    text = "\n".join([recordings(pairs), *(f"{host}\n\n{table(*both)}" for host, both in pairs.items())])
    text += "\n" + "\n".join(sampling(folder, pairs)) + "\n"
    options.output.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.output / "hosts.md") as path:
        path.write_text(text, "utf-8")
    print(text)


def read_host(folder: Path, host: str) -> tuple[Measured, Measured] | None:
    """A host on plain and on enhanced words; None where one of them is not measured."""
    plain, enhanced = (read_measured(folder / f"{host}-{encoder}") for encoder in (PLAIN, ENHANCED))
    return None if plain is None or enhanced is None else (plain, enhanced)


def recordings(pairs: dict[str, tuple[Measured, Measured]]) -> str:
    """The row of the recordings, which is the same for all."""
    report = next(iter(pairs.values()))[0].report
    truth = {LABELS[name]: shown(value) for name, value in report["ground_truth"].items()}
    truth |= {LABELS[name]: f"{report['quality'][name]['real']:.3f}" for name in QUALITY}
    told = ", ".join(f"{label} {value}" for label, value in truth.items() if value != "–")
    return f"{report['corpus']['clips']} clips, {report['repeats']} repeats. Recordings: {told}.\n"


def table(plain: Measured, enhanced: Measured) -> str:
    """A row a figure: plain words, enhanced words, the difference."""
    rows = [f"| | {PLAIN} | {ENHANCED} | difference |", "| --- | --- | --- | --- |"]
    for line in compare([plain.report, enhanced.report]):
        if line.name in WANTED:
            first, second = map(shown, line.values)
            rows.append(f"| {LABELS[line.name]} | {first} | {second} | {line.differences[0] or '–'} |")
    for family in (None, *dict.fromkeys(trial["family"] for trial in plain.trials())):
        cells = (probed(plain, family), probed(enhanced, family), change(plain, enhanced, family))
        rows.append(f"| probes, {family or 'all'} ↑ | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def probed(one: Measured, family: str | None) -> str:
    """Share of trials with both sentences obeyed, with its interval."""
    right = [value for values in by_pair(one, family).values() for value in values]
    low, high = wilson_interval(sum(right), len(right))
    return f"{fmean(right):.0%} [{low:.0%}, {high:.0%}] of {len(right)}"


def change(plain: Measured, enhanced: Measured, family: str | None) -> str:
    """How much more often the enhanced words were obeyed, with an interval over pairs of sentences."""
    first, second = by_pair(plain, family), by_pair(enhanced, family)
    rates = [(fmean(values), fmean(second[pair])) for pair, values in first.items()]
    return str(difference(*zip(*rates, strict=True), paired=True))


def by_pair(one: Measured, family: str | None) -> dict[tuple[str, int], list[bool]]:
    """Whether both sentences were obeyed, for each trial of each pair of sentences."""
    found: dict[tuple[str, int], list[bool]] = {}
    for trial in one.trials(family):
        found.setdefault((trial["family"], trial["pair"]), []).append(all(trial["right"]))
    return found


def sampling(folder: Path, hosts: Iterable[str]) -> Iterator[str]:
    """A row for each way in which a host on plain words was told to draw."""
    figures = ("top3", "mm_dist", "fid")
    titles = [LABELS[name] for name in (*figures, "jerk_m_s3")]
    yield f"| host | sampler | steps | {' | '.join(titles)} | s a clip |"
    yield "|" + " --- |" * (len(titles) + 4)
    for host in hosts:
        plain = folder / f"{host}-{PLAIN}"
        found = (plain / "report" / REPORT, *(plain / "samplers").glob(f"*/{REPORT}"))
        reports = [read_report(path) for path in found]
        for report in sorted(reports, key=drawn):
            values = [shown(report["metrics"][name]) for name in figures]
            values.append(f"{report['quality']['jerk_m_s3']['generated']['mean']:.0f}")
            seconds = report["seconds"]["generation"]["mean"] / report["corpus"]["clips"]
            cells = (host, *map(str, drawn(report)), *values, f"{seconds:.3f}")
            yield f"| {' | '.join(cells)} |"


def drawn(report: dict[str, Any]) -> tuple[str, int]:
    """The sampler, or how masked models draw, and its steps."""
    how = report["model"]["sampling"]
    return how.get("sampler", "masked"), how["steps"]


if __name__ == "__main__":
    try:
        main()
    except KinelexError as error:
        sys.exit(f"hosts_table.py: {error}")
