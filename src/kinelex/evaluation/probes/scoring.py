"""Score a model on the word-swap suite: does it make what the words say, and the other thing for the other word?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.suite import MinimalPair
from kinelex.evaluation.probes.validation import Validation, wilson_interval
from kinelex.motion.motion import Motion

Generate = Callable[[Sequence[str], int], Sequence[Motion]]


@dataclass(frozen=True)
class Verdict:
    """How one pair went with one seed."""

    pair: MinimalPair
    seed: int
    first: bool
    second: bool

    @property
    def both(self) -> bool:
        """Both clips obey their sentences."""
        return self.first and self.second


@dataclass(frozen=True)
class FamilyScore:
    """A family of words in numbers.

    Attributes:
        pairs: minimal pairs in this family (phrasings of one pair count once).
        trials: pairs times phrasings times seeds that were judged.
        both_right: trials in which both members were right.
        members_right: of the 2 `trials` clips, those that obey their sentence.
        unscored: questions that were left out because their probe is not trusted.
    """

    pairs: int
    trials: int
    both_right: int
    members_right: int
    unscored: tuple[str, ...]

    @property
    def rate(self) -> float | None:
        """Share of trials with both members right; None when nothing could be judged."""
        return self.both_right / self.trials if self.trials else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate, as if the trials were independent of one another."""
        return wilson_interval(self.both_right, self.trials)


def run_suite(pairs: Sequence[MinimalPair], generate: Generate, seeds: Iterable[int]) -> list[Verdict]:
    """Generate and judge every pair with every seed.

    Args:
        pairs: what to ask.
        generate: gives clips for sentences and a seed; called once a seed with every distinct sentence.
        seeds: both members of a pair get the same one.
    """
    texts = list(dict.fromkeys(member.text for pair in pairs for member in (pair.first, pair.second)))
    verdicts = []
    for seed in seeds:
        bodies = dict(zip(texts, map(Body.of, generate(texts, seed)), strict=True))
        for pair in pairs:
            right = pair.judged(bodies[pair.first.text], bodies[pair.second.text])
            verdicts.append(Verdict(pair, seed, *right))
    return verdicts


def score_families(
    verdicts: Sequence[Verdict], validation: Mapping[str, Validation]
) -> dict[str, FamilyScore]:
    """Scores by family; pairs that need a probe which failed its validation are left out and named."""
    families: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        families.setdefault(verdict.pair.family, []).append(verdict)
    return {family: _score(found, validation) for family, found in families.items()}


def trusted_questions(validation: Mapping[str, Validation]) -> frozenset[str]:
    """Questions whose probe may score models."""
    return frozenset(question for question, result in validation.items() if result.trusted)


def _score(verdicts: Sequence[Verdict], validation: Mapping[str, Validation]) -> FamilyScore:
    trusted = trusted_questions(validation)
    judged = [verdict for verdict in verdicts if verdict.pair.questions <= trusted]
    asked = {question for verdict in verdicts for question in verdict.pair.questions}
    return FamilyScore(
        pairs=len({verdict.pair.number for verdict in judged}),
        trials=len(judged),
        both_right=sum(verdict.both for verdict in judged),
        members_right=sum(verdict.first + verdict.second for verdict in judged),
        unscored=tuple(sorted(asked - trusted)),
    )
