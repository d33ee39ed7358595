"""The questions that can be asked of a clip, by name, with their possible answers.

A question is a name of `QUESTIONS` ("turn", "hand"), the name of an action of `ACTIONS` (answered yes or no),
"count ACTION" (a number) or "order ACTION ACTION" (the one that comes first). "pace" compares two clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.evaluation.probes import actions, verdicts
from kinelex.evaluation.probes.body import Body
from kinelex.motion.contacts import run_ids

QUESTIONS: Mapping[str, Callable[[Body], str]] = {
    "turn": verdicts.turn,
    "winding": verdicts.winding,
    "direction": verdicts.direction,
    "travel": verdicts.travel,
    "gait": verdicts.gait,
    "stop": verdicts.stops,
    "hand": verdicts.hand,
    "raise": verdicts.raised,
    "foot": verdicts.foot,
    "squat": verdicts.squat,
    "sit": verdicts.sit,
}
ACTIONS: Mapping[str, actions.Detector] = {
    "wave": actions.waves,
    "kick": actions.kicks,
    "jump": actions.jumps,
    "lie": actions.lies,
    "walk": actions.walks,
    "raise": actions.raises,
    "squat": actions.squats,
    "turn": actions.turns,
}
PACE = "pace"
_SHORTEST = 0.1  # seconds
_FASTER = 1.1


def answer(question: str, body: Body) -> str:
    """What a clip answers to a question.

    Raises:
        KinelexError: there is no such question.
    """
    match question.split():
        case ["count", action]:
            return str(count(body, _detector(action)))
        case ["order", one, other]:
            return first(body, one, other)
        case [name] if name in QUESTIONS:
            return QUESTIONS[name](body)
    return "yes" if episodes(_detector(question)(body), body.fps) else "no"


def faster(first_body: Body, second_body: Body) -> bool:
    """Whether the first of two clips is clearly faster than the second."""
    return verdicts.pace(first_body) > _FASTER * verdicts.pace(second_body)


def count(body: Body, detector: actions.Detector) -> int:
    """How often an action happens."""
    return len(episodes(detector(body), body.fps))


def first(body: Body, one: str, other: str) -> str:
    """Which of two actions comes first, by the middle of its longest episode; none when one does not happen."""
    times: dict[str, float] = {}
    for name in (one, other):
        found = episodes(_detector(name)(body), body.fps)
        if not found:
            return "none"
        start, end = max(found, key=lambda episode: episode[1] - episode[0])
        times[name] = (start + end) / 2
    return min(times, key=times.__getitem__)


def episodes(active: Tensor, fps: float) -> list[tuple[int, int]]:
    """First and last frame of every run of True in (T,) that lasts long enough to be an action."""
    runs = run_ids(active)
    spans = [torch.nonzero(runs == run).flatten() for run in range(1, int(runs.max()) + 1)]
    return [(int(span[0]), int(span[-1])) for span in spans if len(span) >= _SHORTEST * fps]


def _detector(name: str) -> actions.Detector:
    side, _, action = name.rpartition("-")
    if side in ("left", "right") and action == "kick":
        return partial(actions.kicks, side=("left", "right").index(side))
    if name not in ACTIONS:
        known = ", ".join(sorted({*QUESTIONS, *ACTIONS}))
        raise KinelexError(f"no probe is called {name!r}; choose from {known}")
    return ACTIONS[name]
