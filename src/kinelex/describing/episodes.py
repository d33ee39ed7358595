"""A clip cut into what the body does one thing after the other, as far as geometry can name it.

Actions (a kick, a jump, a raised hand) are found by the detectors of the probes and grown to where they begin and end.
Between them the body travels or stays: every frame gets a state by the speed, the direction and the turn of the pelvis,
and states that last less than a step go to a neighbour. A stretch that has no certain name stays unnamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from kinelex.describing.actions import actions
from kinelex.describing.episode import Episode
from kinelex.describing.going import TURNED, going
from kinelex.evaluation.probes.actions import walks
from kinelex.evaluation.probes.body import Body

# States of a frame; those from ACTION on stand for the actions in their order.
STAND, FORWARD, BACKWARD, LEFT, RIGHT, TURN_LEFT, TURN_RIGHT, ACTION = range(8)
_SIDEWAYS, _BACKWARDS = (
    torch.pi / 4,
    0.75 * torch.pi,
)  # radians between where the body goes and where it faces
_TURN_RATE, _TURN_SECONDS = torch.pi / 9, 0.6  # radians a second; what it is averaged over
_SHORTEST = 0.6  # seconds of a state


def episodes(body: Body) -> list[Episode]:
    """What a body does, in order and without gaps; without a name where geometry cannot tell."""
    acts = actions(body)
    shortest = round(_SHORTEST * body.fps)
    states = _settled(_states(body, acts), shortest)
    states = _settled(_without_slight_turns(body, states), shortest)
    found = [_episode(body, acts, *run) for run in _runs(states)]
    return [found[0], *(_stopped(before, each) for before, each in pairwise(found))]


def _states(body: Body, acts: Sequence[Episode]) -> Tensor:
    """(T,) what each frame is by itself."""
    velocity = body.smooth(body.velocity, 0.5)
    angle = torch.atan2(velocity[:, 1], velocity[:, 0])
    states = torch.full((len(velocity),), FORWARD)
    states[angle > _SIDEWAYS] = LEFT
    states[angle < -_SIDEWAYS] = RIGHT
    states[angle.abs() > _BACKWARDS] = BACKWARD
    states[~walks(body)] = STAND
    facing_ahead = (states == FORWARD) | (states == STAND)
    rate = body.speed(body.smooth(body.yaw, _TURN_SECONDS))
    states[facing_ahead & (rate > _TURN_RATE)] = TURN_LEFT
    states[facing_ahead & (rate < -_TURN_RATE)] = TURN_RIGHT
    for number, act in enumerate(acts):
        states[act.start : act.stop] = ACTION + number
    return states


def _without_slight_turns(body: Body, states: Tensor) -> Tensor:
    """States in which a turn that comes to less than one is what the body does otherwise."""
    moving = walks(body)
    for state, start, stop in _runs(states):
        if state in (TURN_LEFT, TURN_RIGHT) and abs(float(body.yaw[stop - 1] - body.yaw[start])) < TURNED:
            states[start:stop] = FORWARD if moving[start:stop].double().mean() > 0.5 else STAND
    return states


def _settled(states: Tensor, shortest: int) -> Tensor:
    """Runs of states, but actions, that are shorter than `shortest` go to the longer neighbour, the shortest first."""
    while True:
        runs = list(_runs(states))
        short = [run for run in runs if run[0] < ACTION and run[2] - run[1] < shortest]
        if not short or len(runs) == 1:
            return states
        place = runs.index(min(short, key=_length))
        neighbours = [runs[near] for near in (place - 1, place + 1) if 0 <= near < len(runs)]
        states[runs[place][1] : runs[place][2]] = max(neighbours, key=_length)[0]


def _runs(states: Tensor) -> Iterator[tuple[int, int, int]]:
    """State, first frame and the frame after the last of every run of equal states."""
    values, lengths = torch.unique_consecutive(states, return_counts=True)
    stops = lengths.cumsum(0)
    yield from zip(values.tolist(), (stops - lengths).tolist(), stops.tolist(), strict=True)


def _length(run: tuple[int, int, int]) -> int:
    return run[2] - run[1]


def _episode(body: Body, acts: Sequence[Episode], state: int, start: int, stop: int) -> Episode:
    if state >= ACTION:
        return replace(acts[state - ACTION], start=start, stop=stop)
    kind, side = going(Body(body.positions[start:stop], body.fps, body.skeleton))
    return Episode(kind, side, start, stop)


def _stopped(before: Episode, after: Episode) -> Episode:
    """Standing right after having gone somewhere is coming to a stop."""
    gone = before.kind.startswith(("walk", "run"))
    return replace(after, kind="stop") if gone and after.kind == "stand" else after
