"""How often a probe agrees with people's labels, on recordings that it was not made on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import permutations
from math import sqrt

import numpy as np
import torch
import yaml

from kinelex.data.stitching import stitch
from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.questions import PACE, answer, faster
from kinelex.evaluation.probes.recordings import Recording
from kinelex.motion.mirror import mirror_joints
from kinelex.motion.motion import Motion

TRUSTED = 0.95
_OVERLAP_SECONDS = 0.2
_COUNTS = (1, 2, 3)
_CLIPS_EACH = 12
_SPEED_UP = 1.5
# Actions that are put together to known counts and orders, with a label that shows each once and nothing else.
SINGLE = {
    "squat": "squat1Reps",
    "jump": "hopBothLegs1hops",
    "kick": "kickLFront1Reps",
    "raise": "raise-up-right-hand",
    "walk": "walk",
    "wave": "wave-left-hand",
}
COUNTED = ("squat", "jump", "kick", "raise")
_FAST, _SLOW = ("run", "dash"), ("walk",)


@dataclass(frozen=True)
class Trial:
    """One question asked of a recording whose answer is known."""

    question: str
    expected: str
    given: str


@dataclass(frozen=True)
class Validation:
    """How a probe did on recordings.

    Attributes:
        question: the probe.
        confusions: how often (expected, given) happened.
    """

    question: str
    confusions: Mapping[tuple[str, str], int]

    @property
    def n(self) -> int:
        """Trials."""
        return sum(self.confusions.values())

    @property
    def right(self) -> int:
        """Trials answered as labelled."""
        return sum(count for (expected, given), count in self.confusions.items() if expected == given)

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return wilson_interval(self.right, self.n)

    @property
    def classes(self) -> dict[str, tuple[int, int]]:
        """For every expected answer, right answers and trials."""
        totals: Counter[str] = Counter()
        for (expected, _), count in self.confusions.items():
            totals[expected] += count
        return {name: (self.confusions.get((name, name), 0), totals[name]) for name in sorted(totals)}

    @property
    def trusted(self) -> bool:
        """Whether the probe may score models: two classes or more were tried, and each reached 0.95."""
        shares = [right / total for right, total in self.classes.values()]
        return len(shares) > 1 and min(shares) >= TRUSTED


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share; E. B. Wilson, J. Am. Stat. Assoc. 22, 1927."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, right / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    reach = z / (1 + z**2 / total) * sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def validate(recordings: Sequence[Recording]) -> dict[str, Validation]:
    """Ask every question of the recordings whose labels answer it; by question, in alphabetical order."""
    confusions: dict[str, Counter[tuple[str, str]]] = {}
    for trial in _trials(recordings):
        confusions.setdefault(trial.question, Counter())[trial.expected, trial.given] += 1
    return {question: Validation(question, confusions[question]) for question in sorted(confusions)}


@cache
def labels() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """question -> answer -> labels of recordings."""
    return yaml.safe_load((resources.files("kinelex.evaluation.probes") / "labels.yaml").read_text("utf-8"))


def _trials(recordings: Sequence[Recording]) -> Iterator[Trial]:
    by_label: dict[str, list[Motion]] = {}
    for recording in recordings:
        by_label.setdefault(recording.label, []).append(recording.motion)
    bodies = {label: [Body.of(motion) for motion in motions] for label, motions in by_label.items()}
    for question, answers in labels().items():
        for expected, names in answers.items():
            for body in (body for name in names for body in bodies.get(name, ())):
                yield Trial(question, expected, answer(question, body))
    yield from _mirrored_trials(by_label)
    yield from _count_trials(by_label)
    yield from _order_trials(by_label)
    yield from _pace_trials(by_label, bodies)


def _mirrored_trials(by_label: Mapping[str, Sequence[Motion]]) -> Iterator[Trial]:
    """Sides of which there are recordings of one side only."""
    for motion in by_label.get(SINGLE["kick"], ()):
        yield Trial("foot", "right", answer("foot", Body.of(_mirrored(motion))))


def _count_trials(by_label: Mapping[str, Sequence[Motion]]) -> Iterator[Trial]:
    """One recording after itself, once to three times."""
    for action in COUNTED:
        for motion in by_label.get(SINGLE[action], ())[:_CLIPS_EACH]:
            for times in _COUNTS:
                question = f"count {action}"
                yield Trial(question, str(times), answer(question, Body.of(joined([motion] * times))))


def _order_trials(by_label: Mapping[str, Sequence[Motion]]) -> Iterator[Trial]:
    """Two recordings, one after the other."""
    for first, second in permutations(SINGLE, 2):
        if {first, second} == {"raise", "wave"}:
            continue  # a wave raises the hand too
        question = f"order {' '.join(sorted((first, second)))}"
        pairs = zip(by_label.get(SINGLE[first], ()), by_label.get(SINGLE[second], ()), strict=False)
        for one, other in list(pairs)[:_CLIPS_EACH]:
            yield Trial(question, first, answer(question, Body.of(joined([one, other]))))


def _pace_trials(
    by_label: Mapping[str, Sequence[Motion]], bodies: Mapping[str, Sequence[Body]]
) -> Iterator[Trial]:
    """Runs against walks, and recordings against themselves played faster."""
    fast = [body for name in _FAST for body in bodies.get(name, ())]
    slow = [body for name in _SLOW for body in bodies.get(name, ())]
    pairs = list(zip(fast, slow, strict=False))
    for label in ("walk", "wave-left-hand", "squat1Reps", "kickLFront1Reps"):
        for motion in by_label.get(label, ())[:_CLIPS_EACH]:
            pairs.append((Body.of(Motion(motion.positions, motion.fps * _SPEED_UP)), Body.of(motion)))
    for quick, slower in pairs:
        yield Trial(PACE, "faster", "faster" if faster(quick, slower) else "not faster")
        yield Trial(PACE, "not faster", "faster" if faster(slower, quick) else "not faster")


def joined(motions: Sequence[Motion]) -> Motion:
    """Clips one after the other, each going on where the last one ends."""
    first = motions[0]
    overlap = round(_OVERLAP_SECONDS * first.fps)
    stitched = stitch([torch.from_numpy(motion.positions) for motion in motions], overlap, first.skeleton)
    return first.with_positions(np.ascontiguousarray(stitched.joints.numpy()))


def _mirrored(motion: Motion) -> Motion:
    return motion.with_positions(mirror_joints(torch.from_numpy(motion.positions), motion.skeleton).numpy())
