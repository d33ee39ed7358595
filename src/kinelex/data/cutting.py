"""A take cut into clips, where its corpus says so or at calm moments, each with the captions that it shows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kinelex.data.captions import Caption, template_captions
from kinelex.data.recorded_joints import runs_of
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import CAPTIONS, Skipped
from kinelex.data.takes import PrepareOptions, Take, TakeResult
from kinelex.motion.features import process_joints
from kinelex.motion.skeleton import HUMANML3D, Skeleton

# A calm moment this near an even cut is a better place to cut a long take.
_CALM_SEARCH = 20
# Captions of a whole clip still hold when a glitch costs this much of it.
_ENOUGH = 0.8
# A shorter part of a take may well be its idle beginning or end, so what is said of the take need not show.
_SHOWS_SECONDS = 4.0


def cut_take(
    take: Take, joints: Tensor, good: NDArray[np.bool_], options: PrepareOptions, result: TakeResult
) -> None:
    """Add the clips of a take to its result: those that its corpus defines, and those of the rest.

    Args:
        joints: (T, 22, 3) of the take.
        good: (T,) which frames are free of glitches.
    """
    fps = HUMANML3D.fps
    free = good.copy()
    for cut in take.cuts:
        run = _longest_run(good, cut.start, min(cut.stop, len(joints)))
        if run[1] - run[0] < _ENOUGH * (cut.stop - cut.start):
            wanted = cut.stop - cut.start
            reason = f"only {run[1] - run[0]} of its {wanted} frames are recorded and free of glitches"
            result.skipped.append(Skipped(take.file, cut.id, reason))
            continue
        free[cut.start : cut.stop] = False
        captions = _shifted(cut.captions, cut.start - run[0], run[1] - run[0], fps)
        result.clips.append(_clip(take, cut.id, joints[run[0] : run[1]], captions))
    if take.rest or not take.cuts:
        _cut_rest(take, joints, good, free, options, result)


def _cut_rest(
    take: Take, joints: Tensor, good: NDArray[np.bool_], free: NDArray[np.bool_],
    options: PrepareOptions, result: TakeResult,
) -> None:  # fmt: skip
    """Clips from the frames that no cut uses, captioned by what is known of the take."""
    fps = HUMANML3D.fps
    shortest = max(round(options.min_seconds * fps), 2)
    longest = round(options.max_seconds * fps) + 1
    pieces = [piece for run in runs_of(free) for piece in _pieces(joints, *run, longest)]
    usable = [piece for piece in pieces if piece[1] - piece[0] > shortest]
    for start, stop in (piece for piece in pieces if piece not in usable):
        # A frame or two between cuts is no loss worth a line.
        if not take.cuts or stop - start > 2:
            reason = f"shorter than {options.min_seconds:g} s"
            result.skipped.append(Skipped(take.file, f"{start / fps:.2f}-{stop / fps:.2f} s", reason))
    whole = len(usable) == 1 and usable[0][1] - usable[0][0] >= _ENOUGH * len(joints)
    alone = len(usable) == 1 and not take.cuts
    for name, (start, stop) in zip([take.id] if alone else take.clip_ids(), usable, strict=False):
        shows = whole or stop - start > _SHOWS_SECONDS * fps
        captions = _rest_captions(take, whole, shows, options)
        own = _shifted(captions, -start, stop - start, fps)
        result.clips.append(_clip(take, name, joints[start:stop], own))
    if usable:
        _report_captions(take, whole, usable, result)


def _report_captions(take: Take, whole: bool, usable: list[tuple[int, int]], result: TakeResult) -> None:
    """Say how many captions of the take no clip has, since none shows what they tell."""
    fps = HUMANML3D.fps
    clips = [(-start, stop - start) for start, stop in usable]
    lost = {
        "about all of the take, which no clip shows; give start and end in captions.csv, or describe the store": [
            caption for caption in take.captions if caption.whole and not whole
        ],
        "about a part that no clip shows; tell of parts of one clip, or allow longer clips": [
            caption
            for caption in take.captions
            if not any(_shifted((caption,), *clip, fps) for clip in clips)
        ],
    }
    for what, captions in lost.items():
        if captions:
            several = "1 caption" if len(captions) == 1 else f"{len(captions)} captions"
            result.skipped.append(Skipped(take.file, CAPTIONS, f"{several} left out: {what}"))


def _rest_captions(take: Take, whole: bool, shows: bool, options: PrepareOptions) -> tuple[Caption, ...]:
    """The take's captions; those about the whole of it only for a clip that is (nearly) the whole.

    Labels of an ongoing activity also caption a part that is long enough to show it.
    """
    captions = tuple(caption for caption in take.captions if whole or not caption.whole)
    if take.labels is not None and (whole or (shows and take.labels.part_is_enough)):
        seed = f"{options.seed}|{take.id}"
        captions += template_captions(take.labels.corpus, take.labels.values, seed, options.captions)
    return captions


def _shifted(captions: tuple[Caption, ...], frames: int, length: int, fps: float) -> tuple[Caption, ...]:
    """Captions of a clip that starts `-frames` frames later and has `length` joint frames.

    A caption about a part stays when most of that part is inside.
    """
    kept = []
    seconds = (length - 1) / fps
    for caption in captions:
        if caption.whole:
            kept.append(caption)
            continue
        start, end = caption.start + frames / fps, caption.end + frames / fps
        inside = min(end, seconds) - max(start, 0.0)
        if inside >= _ENOUGH * (end - start):
            kept.append(replace(caption, start=max(start, 0.0), end=min(end, seconds)))
    return tuple(kept)


def _clip(take: Take, name: str, joints: Tensor, captions: tuple[Caption, ...]) -> StoredClip:
    features = features_of(joints, HUMANML3D)
    return StoredClip(
        name, take.split, take.group, f"{take.corpus}/{take.file}", take.licence, features, captions
    )


def features_of(joints: Tensor, skeleton: Skeleton) -> NDArray[np.float32]:
    """(T - 1, D) features of raw joints (T, J, 3)."""
    return process_joints(joints, skeleton).float().numpy()


def _longest_run(good: NDArray[np.bool_], start: int, stop: int) -> tuple[int, int]:
    runs = runs_of(good[start:stop])
    if not runs:
        return start, start
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return start + first, start + last


def _pieces(joints: Tensor, start: int, stop: int, longest: int) -> list[tuple[int, int]]:
    """Cut [start, stop) into pieces of at most `longest` joint frames, at calm moments near even cuts.

    Neighbours share a joint frame, since features have one frame less than joints.
    """
    steps = stop - start - 1
    count = -(-steps // (longest - 1)) if steps > 0 else 1
    if count == 1:
        return [(start, stop)]
    even = steps / count
    reach = min(_CALM_SEARCH, int((longest - 1 - even) / 2))
    speed = (joints[1:] - joints[:-1]).norm(dim=-1).mean(-1)
    edges = [start]
    for number in range(1, count):
        middle = start + round(number * even)
        window = speed[middle - reach : middle + reach + 1]
        edges.append(middle - reach + int(window.argmin()))
    edges.append(stop - 1)
    return [(first, last + 1) for first, last in pairwise(edges)]
