"""Several clips of one prompt, and of them the one that shows most of what the prompt says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kinelex.checking.check import Finding, can_check, check
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion
from kinelex.pipeline import BATCH_SIZE, Pipeline
from kinelex.progress import track
from kinelex.prompts import Prompt

MOST_CANDIDATES = 256
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
    """

    motion: Motion
    findings: tuple[Finding, ...]
    seed: int
    drawn: int

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What the clip does not show."""
        return tuple(finding for finding in self.findings if not finding.right)


def best_of(
    pipeline: Pipeline, prompts: Sequence[Prompt], candidates: int, *, foot_lock: bool = True
) -> list[Chosen]:
    """For each prompt the clip that shows most of what its phrases claim, out of at most `candidates`.

    The first candidate has the prompt's own seed and is taken if it shows everything, or if nothing is claimed that
    can be seen; the others are drawn only where it does not. Of equally good ones the first is taken.

    Args:
        pipeline: what draws.
        prompts: what to generate; they go through the model together.
        candidates: 1 draws each prompt once and tells what the clip shows, where its joints can be checked.
        foot_lock: remove the skating of planted feet.

    Raises:
        KinelexError: the number of candidates is out of range or the joints cannot be checked, or what the pipeline
            raises.
    """
    check_candidates(pipeline, candidates)
    first = _drawn(pipeline, prompts, foot_lock)
    lacking = [place for place, chosen in enumerate(first) if chosen.wrong and candidates > 1]
    others = _drawn(
        pipeline,
        [other for place in lacking for other in other_candidates(prompts[place], candidates)],
        foot_lock,
    )
    for turn, place in enumerate(lacking):
        mine = others[turn * (candidates - 1) : (turn + 1) * (candidates - 1)]
        first[place] = best([first[place], *mine])
    return first


def check_candidates(pipeline: Pipeline, candidates: int) -> None:
    """Raise KinelexError for a number out of range, or for several clips of joints that cannot be checked."""
    if not 1 <= candidates <= MOST_CANDIDATES:
        raise KinelexError(f"best of {candidates} clips cannot be drawn; give 1 to {MOST_CANDIDATES}")
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
    return Chosen(motion, check(motion) if can_check(motion.skeleton) else (), seed, 1)


def best(drawn: Sequence[Chosen]) -> Chosen:
    """The clip that lacks least; of equally good ones the first."""
    return replace(min(drawn, key=lambda chosen: len(chosen.wrong)), drawn=len(drawn))


def _drawn(pipeline: Pipeline, prompts: Sequence[Prompt], foot_lock: bool) -> list[Chosen]:
    """Every prompt drawn once and looked at."""
    made: list[Chosen] = []
    firsts = range(0, len(prompts), BATCH_SIZE)
    for first in track(firsts, "generating and checking") if len(prompts) > BATCH_SIZE else firsts:
        batch = prompts[first : first + BATCH_SIZE]
        motions = pipeline.generate_batch(batch, foot_lock=foot_lock)
        made += [looked_at(motion, prompt.seed) for prompt, motion in zip(batch, motions, strict=True)]
    return made
