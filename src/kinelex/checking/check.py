"""Whether a clip shows what its phrases claim."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from kinelex.checking.claims import Claim, claims_of
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.questions import answer
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import HUMANML3D, Skeleton
from kinelex.text.repetition import Repeated, repeated

_MARGIN = 0.4  # seconds before and after a phrase in which it may begin or come to its end


@dataclass(frozen=True)
class Finding:
    """A claim of a phrase and what the clip shows.

    Attributes:
        phrase: the sentence.
        start, end: its seconds in the clip.
        claim: what it says.
        found: what the clip shows.
    """

    phrase: str
    start: float
    end: float
    claim: Claim
    found: str

    @property
    def right(self) -> bool:
        """Whether the clip shows what the phrase says."""
        return self.found == self.claim.expected

    def __str__(self) -> str:
        told = f"{self.claim.question}: {self.claim.expected}"
        return told if self.right else f"{told} (shows {self.found})"


def can_check(skeleton: Skeleton) -> bool:
    """Whether the probes know the joints."""
    return skeleton.name == HUMANML3D.name


def check_joints(motion: Motion) -> None:
    """Raise KinelexError for a clip of joints that the probes do not know."""
    if not can_check(motion.skeleton):
        raise KinelexError(
            f"a clip of the skeleton {motion.skeleton.name} cannot be looked at; retarget it to {HUMANML3D.name}"
        )


def check(motion: Motion) -> tuple[Finding, ...]:
    """Ask the probes whether a clip shows what its phrases say, each in the seconds of its phrase.

    Neighbouring phrases of the same words are one action that happens so often. What the probes cannot see is not
    claimed: a clip without findings may be right or wrong. How often the probes agree with people is measured
    (`kinelex probe --validate-only`).

    Args:
        motion: a clip of the 22 joints, with its phrases.

    Raises:
        KinelexError: the clip has no phrases, or one after its end, or other joints.
    """
    if not motion.segments:
        raise KinelexError("the clip has no phrases; say what it should show")
    check_joints(motion)
    for part in motion.segments:
        if part.start - _MARGIN >= motion.seconds:
            raise KinelexError(
                f"the phrase {part.text[:60]!r} starts at {part.start:g} s, after the end of the clip at "
                f"{motion.seconds:g} s; correct its times"
            )
    findings: list[Finding] = []
    for _, group in groupby(motion.segments, key=lambda part: part.text):
        parts = list(group)
        once = repeated(parts[0].text.lower())
        claims = claims_of(Repeated(once.text, once.count * len(parts)))
        if claims:
            start, end = parts[0].start, parts[-1].end
            body = Body.of(_cut(motion, start - _MARGIN, end + _MARGIN))
            found = (answer(claim.question, body) for claim in claims)
            findings += [
                Finding(parts[0].text, start, end, *pair) for pair in zip(claims, found, strict=True)
            ]
    return tuple(findings)


def _cut(motion: Motion, start: float, end: float) -> Motion:
    """The frames between two times."""
    first, last = max(0, round(start * motion.fps)), round(end * motion.fps)
    return motion.with_positions(motion.positions[first:last])
