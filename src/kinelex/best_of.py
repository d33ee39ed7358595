"""Several clips of one prompt, and of them the one that shows most of what the prompt says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from kinelex.checking.check import Finding, can_check, check
from kinelex.errors import KinelexError
from kinelex.motion.flight import floating
from kinelex.motion.motion import Motion
from kinelex.pipeline import BATCH_SIZE, Pipeline
from kinelex.progress import track
from kinelex.prompts import Prompt

MOST_CANDIDATES = 256
_FLOATS = 0.05  # share of the frames from which on a clip is said to float
_SPREAD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: seeds next to each other share no candidates
_SEEDS = 2**63


@dataclass(frozen=True)
class Chosen:
    """The best of a prompt's clips.

    Attributes:
        motion: the clip.
        findings: what was looked for in it, and what was found.
        seed: of the clip; the prompt with it gives the clip again.
        drawn: clips that it was chosen from.
        floating: share of the frames in which the body hangs in the air.
    """

    motion: Motion
    findings: tuple[Finding, ...]
    seed: int
    drawn: int
    floating: float = 0.0

    @property
    def floats(self) -> bool:
        """Whether the body hangs in the air for longer than a measure may err."""
        return self.floating > _FLOATS

    @property
    def flawless(self) -> bool:
        """Whether nothing is to be gained from another clip, as far as can be measured."""
        return not self.wrong and not self.floats

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What the clip does not show."""
        return tuple(finding for finding in self.findings if not finding.right)


def best_of(
    pipeline: Pipeline, prompts: Sequence[Prompt], candidates: int, *, foot_lock: bool = True
) -> list[Chosen]:
    """For each prompt the clip that shows most of what its phrases claim, out of at most `candidates`.

    The first candidate has the prompt's own seed and is taken if it shows all that is claimed and does not hang in the
    air; the others are drawn only where it does not. Of those that show as much the one that floats least is taken,
    and of equally good ones the first.

    Args:
        pipeline: what draws.
        prompts: what to generate; they go through the model together.
        candidates: 1 draws each prompt once and tells what the clip shows, where its joints can be checked.
        foot_lock: remove the skating of planted feet, and let jumps that hang in the air come down.

    Raises:
        KinelexError: the number of candidates is out of range or the joints cannot be checked, or what the pipeline
            raises.
    """
    check_candidates(pipeline, candidates)
    first = _drawn(pipeline, prompts, foot_lock)
    lacking = [place for place, chosen in enumerate(first) if not chosen.flawless and candidates > 1]
    others = _drawn(
        pipeline,
        [other for place in lacking for other in other_candidates(prompts[place], candidates)],
        foot_lock,
    )
    for turn, place in enumerate(lacking):
        mine = others[turn * (candidates - 1) : (turn + 1) * (candidates - 1)]
        first[place] = best([first[place], *mine])
    return first


def check_number(candidates: int) -> None:
    """Raise KinelexError for a number of candidates that is out of range."""
    if not 1 <= candidates <= MOST_CANDIDATES:
        raise KinelexError(f"best of {candidates} clips cannot be drawn; give 1 to {MOST_CANDIDATES}")


def check_candidates(pipeline: Pipeline, candidates: int) -> None:
    """Raise KinelexError for a number out of range, or for several clips of joints that cannot be checked."""
    check_number(candidates)
    if candidates > 1 and not can_check(pipeline.model.skeleton):
        raise KinelexError(
            f"clips of the skeleton {pipeline.model.skeleton.name} cannot be checked; "
            "draw one, not the best of several"
        )


def other_candidates(prompt: Prompt, candidates: int) -> list[Prompt]:
    """The prompt with the seeds of all candidates but the first, whose seed is its own."""
    return [
        replace(prompt, seed=(prompt.seed + number * _SPREAD) % _SEEDS) for number in range(1, candidates)
    ]


def looked_at(motion: Motion, seed: int) -> Chosen:
    """A clip with what it shows, where its joints can be checked."""
    if not can_check(motion.skeleton):
        return Chosen(motion, (), seed, 1)
    afloat = floating(torch.from_numpy(motion.positions), motion.fps, motion.skeleton)
    findings = check(motion) if motion.segments else ()
    return Chosen(motion, findings, seed, 1, float(afloat.float().mean()))


def best(drawn: Sequence[Chosen]) -> Chosen:
    """The clip that lacks least, then the one that floats least; of equally good ones the first."""
    least = min(drawn, key=lambda chosen: (len(chosen.wrong), chosen.floating if chosen.floats else 0.0))
    return replace(least, drawn=len(drawn))


def _drawn(pipeline: Pipeline, prompts: Sequence[Prompt], foot_lock: bool) -> list[Chosen]:
    """Every prompt drawn once and looked at."""
    made: list[Chosen] = []
    firsts = range(0, len(prompts), BATCH_SIZE)
    for first in track(firsts, "generating and checking") if len(prompts) > BATCH_SIZE else firsts:
        batch = prompts[first : first + BATCH_SIZE]
        motions = pipeline.generate_batch(batch, foot_lock=foot_lock)
        made += [looked_at(motion, prompt.seed) for prompt, motion in zip(batch, motions, strict=True)]
    return made
