"""The probes' results as a document for machines and as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kinelex.evaluation.probes.scoring import FamilyScore, Verdict, trusted_questions
from kinelex.evaluation.probes.validation import TRUSTED, Validation


def probe_document(
    verdicts: Sequence[Verdict], scores: Mapping[str, FamilyScore], validation: Mapping[str, Validation]
) -> dict[str, Any]:
    """What probes.json holds of the suite: families, validation, and every trial (for paired comparisons).

    Trials whose probe failed its validation are there, but not `scored`.
    """
    trusted = trusted_questions(validation)
    return {
        "families": {family: _family(score) for family, score in scores.items()},
        "validation": {question: _validation(result) for question, result in validation.items()},
        "trials": [
            {
                "family": verdict.pair.family, "pair": verdict.pair.number, "seed": verdict.seed,
                "texts": [verdict.pair.first.text, verdict.pair.second.text],
                "right": [verdict.first, verdict.second], "scored": verdict.pair.questions <= trusted,
            }
            for verdict in verdicts
        ],
    }  # fmt: skip


def _family(score: FamilyScore) -> dict[str, Any]:
    return {
        "both_right": score.rate, "pairs": score.pairs, "interval": list(score.interval),
        "trials": score.trials, "members_right": score.members_right, "unscored": list(score.unscored),
    }  # fmt: skip


def _validation(result: Validation) -> dict[str, Any]:
    return {
        "accuracy": result.accuracy, "n": result.n, "interval": list(result.interval), "trusted": result.trusted,
        "classes": {name: {"right": right, "n": total} for name, (right, total) in result.classes.items()},
        "confusions": [
            {"expected": expected, "given": given, "n": count}
            for (expected, given), count in sorted(result.confusions.items())
        ],
    }  # fmt: skip


def family_table(scores: Mapping[str, FamilyScore]) -> str:
    """Markdown table of the word families."""
    rows = [
        "| words | pairs | trials | both right | 95 % interval | one sentence right |",
        "|---|---|---|---|---|---|",
    ]
    for family, score in scores.items():
        if score.trials == 0:
            rows.append(f"| {family} | 0 | 0 | not scored | | |")
            continue
        low, high = score.interval
        rows.append(
            f"| {family} | {score.pairs} | {score.trials} | {score.both_right / score.trials:.0%} "
            f"| {low:.0%} to {high:.0%} | {score.members_right / (2 * score.trials):.0%} |"
        )
    unscored = sorted({question for score in scores.values() for question in score.unscored})
    note = f"\n\nNot scored, as their probe is not validated: {', '.join(unscored)}." if unscored else ""
    return "\n".join(rows) + note


def validation_table(validation: Mapping[str, Validation]) -> str:
    """Markdown table of how the probes did on labelled recordings."""
    rows = ["| probe | right | 95 % interval | weakest answer | scores models |", "|---|---|---|---|---|"]
    for question, result in validation.items():
        low, high = result.interval
        weakest = min(result.classes, key=lambda name: result.classes[name][0] / result.classes[name][1])
        right, total = result.classes[weakest]
        rows.append(
            f"| {question} | {result.right}/{result.n} | {low:.3f} to {high:.3f} | {weakest}: {right}/{total} "
            f"| {'yes' if result.trusted else 'no'} |"
        )
    return (
        "\n".join(rows)
        + f"\n\nA probe scores models when at least two answers were tried and each reached {TRUSTED}."
    )
