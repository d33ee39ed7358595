"""report.json and report.md: what an evaluation found, for machines and for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from kinelex.atomic import atomic_path
from kinelex.data.store import Store
from kinelex.evaluation.metrics import Estimate, estimate
from kinelex.evaluation.protocol import RepeatResult
from kinelex.evaluation.provenance import versions, write_json
from kinelex.evaluation.runs import Setup
from kinelex.evaluation.scores import METRICS, Scores
from kinelex.motion.quality import MotionQuality

REPORT, TABLES = "report.json", "report.md"
FORMAT = 1
LABELS = {
    "top1": "R-precision top 1 ↑", "top2": "R-precision top 2 ↑", "top3": "R-precision top 3 ↑",
    "mm_dist": "MM-Dist ↓", "fid": "FID ↓", "diversity": "Diversity →", "multimodality": "MultiModality",
    "foot_skating_cm_s": "foot skating, cm/s ↓", "floor_penetration_cm": "floor penetration, cm ↓",
    "bone_length_deviation_cm": "bone length deviation, cm ↓", "jerk_m_s3": "jerk, m/s³ →",
    "floating_share": "frames afloat ↓", "planted_share": "frames with a planted foot →",
    "duration_absolute_error_s": "duration, absolute error, s ↓", "duration_bias_s": "duration, mean error, s",
}  # fmt: skip
QUALITY = tuple(field.name for field in fields(MotionQuality))
NOTES = """\
Mean and 95 % interval over repeats. A repeat draws other captions and other noise, on the same clips: the interval
says how far that noise moves the numbers, not how far another test set or another training run would.

Arrows: ↑ more is better, ↓ less is better, → close to the recordings is better. A learned judge sees what it was
trained to see: R-precision above that of the recordings does not make a motion truer than a recording. FID of few
clips is too high; that of the recordings compares two halves, so it is higher still for the number of clips alone.
Quality is measured before feet are locked, as the protocol reads features."""


def build_report(setup: Setup, results: Sequence[RepeatResult]) -> dict[str, Any]:
    """The document of an evaluation.

    `metrics` and `ground_truth` are of the first judge, `judges` holds all. An estimate is {"mean", "interval"},
    the interval being half the width of the 95 % interval, null where one repeat says nothing of it; both are
    null where there is no such number.

    Args:
        setup: what was evaluated.
        results: all repeats in their order.
    """
    settings, last = setup.settings, results[-1]
    judges = {
        identity["name"]: {**identity, **_judge(results, identity["name"])} for identity in settings["judges"]
    }
    first = next(iter(judges.values()))
    return {
        "format": FORMAT,
        "model": settings["model"],
        "corpus": {
            "sha256": settings["corpus"],
            "stores": [Path(store).name for store in setup.stores],
            "licences": _licences(setup.stores),
            "clips": last.clips,
            "left_out": last.left_out,
        },
        "options": settings["options"],
        "repeats": len(results),
        "metrics": first["metrics"],
        "ground_truth": first["ground_truth"],
        "judges": judges,
        "quality": {
            name: {"generated": _document(estimate(values)), "real": getattr(last.real_quality, name)}
            for name in QUALITY
            if (values := [getattr(each.quality, name) for each in results])
        },
        "duration_error": {name: _document(estimate(values)) for name, values in _durations(results).items()},
        "seconds": {
            "repeat": _document(estimate([each.seconds for each in results])),
            "generation": _document(estimate([each.generation_seconds for each in results])),
        },
        "versions": versions(),
        "per_repeat": [_repeat(each) for each in results],
    }


def _licences(stores: Sequence[str]) -> list[str]:
    return sorted({name for manifest in Store.open(stores).manifests for name in manifest["licences"]})


def _judge(results: Sequence[RepeatResult], name: str) -> dict[str, Any]:
    scores = [each.judges[name] for each in results]
    return {
        "metrics": _estimates([each.metrics for each in scores]),
        "ground_truth": _estimates([each.ground_truth for each in scores]),
    }


def _estimates(repeats: Sequence[Scores]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in METRICS:
        values = [value for scores in repeats if (value := scores[name]) is not None]
        found[name] = _document(estimate(values)) if values else {"mean": None, "interval": None}
    return found


def _document(value: Estimate) -> dict[str, float | None]:
    return {"mean": value.mean, "interval": None if math.isnan(value.half_width) else value.half_width}


def _durations(results: Sequence[RepeatResult]) -> dict[str, list[float]]:
    """Of each repeat: the mean over clips."""
    return {
        "duration_absolute_error_s": [fmean(map(abs, each.duration_errors)) for each in results],
        "duration_bias_s": [fmean(each.duration_errors) for each in results],
    }


def _repeat(result: RepeatResult) -> dict[str, Any]:
    """A repeat's own values, for paired comparisons."""
    return {
        "repeat": result.repeat,
        "judges": {name: asdict(scores) for name, scores in result.judges.items()},
        "quality": asdict(result.quality),
        "duration_error": {name: values[0] for name, values in _durations([result]).items()},
        "seconds": {"repeat": result.seconds, "generation": result.generation_seconds},
    }


def report_tables(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    options, corpus = report["options"], report["corpus"]
    left_out = ", ".join(f"{count} {reason}" for reason, count in corpus["left_out"].items()) or "none"
    lines = [
        f"# {report['model']['name']} on {', '.join(corpus['stores'])}",
        "",
        f"{corpus['clips']} clips of the {options['split']} split (left out: {left_out}), "
        f"{report['repeats']} repeats, seed {options['seed']}.",
    ]
    for name, judge in report["judges"].items():
        lines += ["", f"## Judge: {name}", "", "| | generated | recorded |", "|---|---|---|"]
        lines += [_row(m, judge["metrics"][m], judge["ground_truth"][m]) for m in METRICS]
    lines += ["", "## Without a judge", "", "| | generated | recorded |", "|---|---|---|"]
    for name, both in report["quality"].items():
        lines.append(_row(name, both["generated"], {"mean": both["real"], "interval": None}))
    nothing = {"mean": None, "interval": None}
    lines += [_row(name, error, nothing) for name, error in report["duration_error"].items()]
    seconds = {name: value["mean"] for name, value in report["seconds"].items()}
    lines += [
        "",
        f"A repeat took {seconds['repeat']:.1f} s, {seconds['generation']:.1f} s of it generation.",
        "",
        NOTES,
        "",
        "## What was measured",
        "",
        *(f"- model {name}: {value}" for name, value in report["model"].items()),
        *(
            f"- judge {judge['name']} {name}: {judge[name]}"
            for judge in report["judges"].values()
            for name in judge
            if name not in ("name", "metrics", "ground_truth")
        ),
        f"- corpus sha256: {corpus['sha256']}",
        f"- versions: {', '.join(f'{name} {number}' for name, number in report['versions'].items())}",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, made: Mapping[str, float | None], real: Mapping[str, float | None]) -> str:
    return f"| {LABELS[name]} | {shown(made)} | {shown(real)} |"


def shown(value: Mapping[str, float | None]) -> str:
    """An estimate in a table."""
    if value["mean"] is None:
        return "–"
    interval = "" if value["interval"] is None else f" ± {value['interval']:.3f}"
    return f"{value['mean']:.3f}{interval}"


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write report.json and report.md.

    Raises:
        KinelexError: the folder cannot be written.
    """
    write_json(report, folder / REPORT)
    with atomic_path(folder / TABLES) as path:
        path.write_text(report_tables(report), "utf-8")
