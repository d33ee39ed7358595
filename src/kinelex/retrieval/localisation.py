"""Which part of a motion does which phrase of its caption: the boundaries of MATE, Eq. 1, by dynamic programming.

The search minimises sum_n 1 - cos(E_t(t^n), E_m(m[s_n:e_n])) over all boundaries with s_{n+1} = e_n. The sum is
additive over the segments, so the best boundaries of the first n segments that end at a place do not depend on what
follows, and dynamic programming finds the optimum of the exhaustive search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kinelex.alignment.motion_segments import uniform_cuts
from kinelex.errors import KinelexError
from kinelex.retrieval.model import SHORTEST, RetrievalModel

PriorKind = Literal["none", "binary", "gaussian_inside", "gaussian"]


@dataclass(frozen=True)
class Localisation:
    """The boundaries of B motions of N phrases.

    Attributes:
        bounds: (B, N + 1) places on the grid, from 0 to the end of each motion.
        costs: (B,) the sums that they have.
    """

    bounds: Tensor
    costs: Tensor


def best_bounds(costs: Tensor, ends: Tensor) -> Localisation:
    """Cut B motions into N consecutive segments each, at the least total cost; exact.

    best_n(j) = min over i of best_{n-1}(i) + cost of phrase n from place i to place j. Of equal sums, the one with the
    earlier last boundaries is taken.

    Args:
        costs: (B, N, G, G) of each phrase from place i to place j of a grid of G, infinite where that is no segment.
        ends: (B,) place at which each motion ends.

    Raises:
        KinelexError: a motion cannot be cut into so many segments.
    """
    batch = torch.arange(len(costs), device=costs.device)
    best, origins = costs[:, 0, 0], []
    for number in range(1, costs.shape[1]):
        best, origin = (best[:, :, None] + costs[:, number]).min(1)
        origins.append(origin)
    bounds = [ends]
    for origin in reversed(origins):
        bounds.append(origin[batch, bounds[-1]])
    bounds.append(torch.zeros_like(ends))
    found = best[batch, ends]
    if not found.isfinite().all():
        raise KinelexError(
            f"a motion is too short for {costs.shape[1]} segments; allow shorter segments or give fewer phrases"
        )
    return Localisation(torch.stack(bounds[::-1], dim=1), found)


def grid_places(frames: int, step: int) -> Tensor:
    """(G,) frames 0, step, 2 step ... at which segments may begin or end, the last being the end of the motion."""
    return torch.cat([torch.arange(0, frames, step)[: max(1, frames // step)], torch.tensor([frames])])


def useful_windows(places: Tensor, count: int, shortest: int) -> Tensor:
    """(G, G) True where a segment from place i to place j can be one of `count` that fill the motion.

    Args:
        places: (G,) frames, from `grid_places`.
        count: segments.
        shortest: frames that a segment has at least.
    """
    starts, ends, total = places[:, None], places, int(places[-1])
    first, last = starts == 0, ends == total
    room_before, room_behind = first | (starts >= shortest), last | (total - ends >= shortest)
    position = {1: first & last, 2: first ^ last}.get(count, ~(first & last))
    lengths = ends - starts
    fits = (lengths >= shortest) & (lengths <= total - (count - 1) * shortest)
    return fits & room_before & room_behind & position


def segment_costs(phrases: Tensor, windows: Tensor, useful: Tensor) -> Tensor:
    """(N, G, G) on the CPU: 1 - cosine of every phrase with every useful window, infinite elsewhere.

    Args:
        phrases: (N, D) unit vectors.
        windows: (W, D) unit vectors of the useful windows, in the order of `useful.nonzero()`.
        useful: (G, G), from `useful_windows`.
    """
    first, last = useful.nonzero().unbind(1)
    costs = torch.full((len(phrases), *useful.shape), torch.inf)
    costs[:, first, last] = 1 - (phrases @ windows.T).float().cpu()
    return costs


@dataclass(frozen=True)
class RetrievalSegmenter:
    """Cuts a motion where a retrieval model finds the phrases of its caption (MATE, Eq. 1).

    Attributes:
        model: frozen.
        step: frames between the places at which segments may begin.
        shortest: frames that a segment has at least.
    """

    model: RetrievalModel
    step: int = 4
    shortest: int = 16

    def __post_init__(self) -> None:
        if self.step < 1:
            raise KinelexError(f"step is {self.step}; give at least 1 frame")
        if self.shortest < SHORTEST:
            raise KinelexError(f"shortest is {self.shortest}; give at least {SHORTEST} frames")

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        """See `MotionSegmenter`; clips too short for so many segments are cut evenly.

        Raises:
            KinelexError: fewer frames than phrases, an empty phrase, or features that are not finite.
        """
        frames, count = len(features), len(phrases)
        places = grid_places(frames, self.step)
        # Every segment may have to give up almost a step of its length to the grid.
        if count == 1 or frames < count * (self.shortest + self.step):
            return uniform_cuts(features, phrases)
        costs = self.costs(features, phrases, places)
        found = best_bounds(costs[None], torch.tensor([len(places) - 1]))
        return tuple(places[found.bounds[0, 1:-1]].tolist())

    def costs(self, features: Tensor, phrases: Sequence[str], places: Tensor) -> Tensor:
        """(N, G, G) 1 - cosine of every phrase with features (T, F) from place i to place j, on the CPU.

        Infinite where there can be no segment.
        """
        useful = useful_windows(places, len(phrases), self.shortest)
        first, last = useful.nonzero().unbind(1)
        windows = self.model.embed_windows(features, places[first], places[last])
        return segment_costs(self.model.embed_texts(phrases), windows, useful)


def frame_prior(starts: Tensor, ends: Tensor, frames: int, kind: PriorKind) -> Tensor:
    """(B, T) weight of each frame for what is done from starts (B,) to ends (B,) - 1 (MATE, Eq. 4 and Table 6).

    Args:
        starts, ends: of the segments, in frames.
        frames: T.
        kind: "gaussian": exp(-(t - c)^2 / (2 sigma^2)) with c the middle of the segment and sigma half its length, over
            the whole sequence; "gaussian_inside": the same, zero outside the segment; "binary": one inside, zero
            outside; "none": zero everywhere, so that keys (1 + lambda prior) F stay as they are.

    Raises:
        KinelexError: unknown kind, or an empty segment.
    """
    if not bool((ends > starts).all()):
        raise KinelexError("a segment has no frames; give ends that lie behind the starts")
    time = torch.arange(frames, device=starts.device)
    inside = ((time >= starts[:, None]) & (time < ends[:, None])).float()
    centre, deviation = ((starts + ends) / 2)[:, None], ((ends - starts) / 2)[:, None]
    gaussian = torch.exp(-(time - centre).square() / (2 * deviation.square()))
    priors = {
        "none": torch.zeros_like(inside),
        "binary": inside,
        "gaussian_inside": gaussian * inside,
        "gaussian": gaussian,
    }
    if kind not in priors:
        raise KinelexError(f"unknown prior {kind!r}; choose one of {', '.join(priors)}")
    return priors[kind]
