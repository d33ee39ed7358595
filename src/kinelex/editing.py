"""Which part of a clip is drawn again, and what of the rest the generator sees meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.generators.editing import context_around
from kinelex.generators.model import MotionModel
from kinelex.motion.features import process_joints
from kinelex.motion.mirror import mirror_features
from kinelex.motion.motion import Motion, Segment


@dataclass(frozen=True)
class Gap:
    """Where new frames go.

    Attributes:
        start, end: frames of the clip that are replaced; start = end to add frames after the last one.
        size: frames that replace them.
        tokens: tokens to draw for them.
        lead, trail: tokens before and after them that the generator sees.
    """

    start: int
    end: int
    size: int
    tokens: int
    lead: int
    trail: int

    @classmethod
    def between(cls, frames: int, start: int, end: int, step: int, size: int | None = None) -> Gap:
        """Frames start..end-1, to be replaced by `size` frames (as many as they are), in whole tokens of `step` frames.

        The end moves to the nearest whole token from `start`; a rest that is too short for a token is drawn too.
        """
        start = start if start >= step else 0
        tokens = max(1, round((end - start) / step))
        if start + tokens * step <= frames - step:
            end = start + tokens * step
        else:
            end, tokens = frames, -((start - frames) // step)
        drawn = end - start
        if size is not None:
            tokens = max(1, int(size / step + 0.5))  # rounded as durations of clips are
            drawn = tokens * step
        lead, trail = context_around(start // step, tokens, (frames - end) // step)
        return cls(start, end, drawn, tokens, lead, trail)

    @classmethod
    def after(cls, frames: int, tokens: int, step: int) -> Gap:
        """New tokens after the last frame."""
        lead, _ = context_around(frames // step, tokens, 0)
        return cls(frames, frames, tokens * step, tokens, lead, 0)


def at_model_rate(motion: Motion, model: MotionModel) -> Motion:
    """The clip at the model's frame rate.

    Raises:
        KinelexError: another skeleton than the model's.
    """
    skeleton = model.skeleton
    if motion.skeleton != skeleton:
        raise KinelexError(
            f"the clip has the skeleton {motion.skeleton.name}, the model makes {skeleton.name}; "
            "edit it with a model of its own skeleton"
        )
    return motion if motion.fps == skeleton.fps else motion.resampled(skeleton.fps)


def known_tokens(motion: Motion, gap: Gap, model: MotionModel, mirrored: bool) -> Tensor:
    """What the model is to keep around the gap (one sample, (1, L, C)), or its mirror image.

    Raises:
        KinelexError: the gap leaves nothing of the clip.
    """
    step = model.frames_per_token
    if not gap.lead and not gap.trail:
        raise KinelexError(
            f"what is kept of the clip of {motion.seconds:.2f} s is too short to go on from; "
            f"keep at least {step / motion.fps:g} s of it"
        )
    joints = torch.from_numpy(motion.positions)
    # Features look one frame ahead; after the last frame the body goes on as it moved.
    onward = joints[-1:] + (joints[-1:] - joints[-2:][:1])
    features = process_joints(torch.cat((joints, onward)), model.skeleton)
    features = mirror_features(features, model.skeleton) if mirrored else features
    stop = gap.end + gap.trail * step if gap.trail else gap.start
    rows = features[gap.start - gap.lead * step : stop].to(model.device)
    return model.keep(model.normalizer(rows)[None], gap.lead, gap.trail, gap.tokens)


def overwrite(
    segments: Sequence[Segment], start: float, end: float, new: Sequence[Segment], shortest: float
) -> tuple[Segment, ...]:
    """The phrases with those of start..end (seconds) replaced; pieces below `shortest` seconds are dropped."""
    kept = [Segment(part.text, part.start, min(part.end, start)) for part in segments]
    kept += [Segment(part.text, max(part.start, end), part.end) for part in segments]
    kept = [part for part in kept if part.end - part.start >= shortest]
    return tuple(sorted((*kept, *new), key=lambda part: part.start))


def stretched(segments: Sequence[Segment], start: float, end: float, seconds: float) -> tuple[Segment, ...]:
    """The phrases when what happens from `start` to `end` takes `seconds` instead: those after it move."""

    def moved(time: float) -> float:
        if time >= end:
            return time + seconds - (end - start)
        return time if time <= start else start + (time - start) * seconds / (end - start)

    return tuple(Segment(part.text, moved(part.start), moved(part.end)) for part in segments)


def phrases_in_view(segments: Sequence[Segment], motion: Motion, gap: Gap, step: int) -> tuple[Segment, ...]:
    """What the generator is told: the phrases of the frames that it sees, the nearest to the gap if too many.

    Their times are in tokens from the first that it sees.

    Raises:
        KinelexError: there are none.
    """
    first = (gap.start - gap.lead * step) / motion.fps
    last = (gap.start + gap.size + gap.trail * step) / motion.fps
    middle = (gap.start + gap.size / 2) / motion.fps
    seen = [part for part in segments if part.start < last and part.end > first]
    if not seen:
        raise KinelexError("the clip has no phrases that say what happens there; give a text")
    nearest = sorted(seen, key=lambda part: abs((part.start + part.end) / 2 - middle))[:MAX_SEGMENTS]
    tokens = motion.fps / step
    return tuple(
        Segment(part.text, max(part.start - first, 0) * tokens, (min(part.end, last) - first) * tokens)
        for part in seen
        if part in nearest
    )


def spans_in_view(phrases: Sequence[Segment], device: torch.device) -> Spans:
    """The nearest whole tokens of phrases whose times are in tokens (one sample)."""
    times = torch.tensor([[(part.start, part.end) for part in phrases]], device=device).round().long()
    return Spans(times[..., 0], times[..., 1])
