"""From one motion file to the clips of a store: read, find glitches, cut, retarget, compute features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.data.captions import Caption, template_captions
from kinelex.data.published import read_published
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import CAPTIONS, Skipped
from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.features import joints_from_features, process_joints
from kinelex.motion.flight import floating
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_rate
from kinelex.motion.motion import Segment
from kinelex.motion.resample import resample_animation
from kinelex.motion.retarget import retarget
from kinelex.motion.skeleton import HUMANML3D, Skeleton

# A calm moment this near an even cut is a better place to cut a long take.
_CALM_SEARCH = 20
# Captions of a whole clip still hold when a glitch costs this much of it.
_ENOUGH = 0.8
# A shorter part of a take may well be its idle beginning or end, so what is said of the take need not show.
_SHOWS_SECONDS = 4.0
# Between two glitches closer than this the pose is not trusted either: a leg flips over and back.
_FLIP_SECONDS = 0.3
# Shorter glitches are bridged: the joints go straight from the last sound pose to the next.
_BRIDGED_SECONDS = 0.25
# Phrases that leave less than this many seconds without one say what happens in all of a clip.
_GAP = 0.25


@dataclass(frozen=True)
class PrepareOptions:
    """What decides the content of a store.

    Attributes:
        dtype: "float32", or "float16" for half the room.
        min_seconds: shorter clips are left out.
        max_seconds: longer takes are cut; 9.8 s are 196 frames at 20 a second.
        max_speed: metres a second of any joint above which a frame is a glitch.
        max_floating: share of frames in which the body may be above the floor without falling; what climbs stairs,
            ladders or rocks has more, and a model that is told of no stairs learns from it to hover.
        captions: template captions a labelled clip.
        seed: of the choice of templates and of composed clips.
        amc_fps: frame rate of the AMC files of a folder, which do not say it.
        keep_mirrored: keep the M* clips of a HumanML3D folder; clips are mirrored in training anyway.
    """

    dtype: str = "float32"
    min_seconds: float = 0.5
    max_seconds: float = 9.8
    max_speed: float = 15.0
    max_floating: float = 1.0
    captions: int = 6
    seed: int = 0
    amc_fps: float = 120.0
    keep_mirrored: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float16"):
            raise KinelexError(f"unknown feature type {self.dtype!r}; choose float32 or float16")
        if not 0 < self.min_seconds <= self.max_seconds:
            raise KinelexError(f"clips of {self.min_seconds} to {self.max_seconds} s: give 0 < min <= max")
        if self.captions < 1:
            raise KinelexError(f"{self.captions} captions say nothing; ask for at least one")
        if not self.max_speed > 0:
            raise KinelexError(f"no joint moves at {self.max_speed:g} m/s; give a positive greatest speed")
        if not is_frame_rate(self.amc_fps):
            raise KinelexError(
                f"AMC files are not recorded at {self.amc_fps:g} frames a second; give {SLOWEST:g} to {FASTEST:g}"
            )
        if not 0 <= self.max_floating <= 1:
            raise KinelexError(f"a share of floating frames is between 0 and 1, not {self.max_floating:g}")


@dataclass(frozen=True)
class Labels:
    """Labels that templates turn into captions.

    Attributes:
        corpus: whose templates.
        values: content and style, or label, or description.
        part_is_enough: the captions also hold for a part of the take ("a person dances salsa").
    """

    corpus: str
    values: Mapping[str, str]
    part_is_enough: bool = True


@dataclass(frozen=True)
class Cut:
    """A clip that the corpus itself defines: frames [start, stop) at the skeleton's rate."""

    id: str
    start: int
    stop: int
    captions: tuple[Caption, ...]


@dataclass(frozen=True)
class Take:
    """One motion file and what to make of it.

    Attributes:
        id: of its clips; numbered when there are several.
        path: the file.
        file: its name in reports.
        group: the recording; stays in one split.
        split: of all its clips.
        licence: of the motion.
        corpus: where it is from.
        asf: the subject's skeleton file.
        fps: frame rate, where the file's own is wrong or missing.
        first_row: rows before it are no motion (an added T-pose).
        settle: seconds after the first row that are no natural motion either.
        cuts: clips that the corpus defines.
        rest: also use what lies outside the cuts.
        captions: of the whole take.
        labels: for template captions of the rest.
        ready: the file is an array of processed features or joints, used whole and as it is.
        mirrored: of a ready file, left and right are exchanged.
        taken: ids of other takes, which look like those of its numbered clips and are left to them.
    """

    id: str
    path: Path
    file: str
    group: str
    split: str
    licence: str
    corpus: str
    asf: Path | None = None
    fps: float | None = None
    first_row: int = 0
    settle: float = 0.0
    cuts: tuple[Cut, ...] = ()
    rest: bool = True
    captions: tuple[Caption, ...] = ()
    labels: Labels | None = None
    ready: bool = False
    mirrored: bool = False
    taken: frozenset[str] = frozenset()

    def clip_ids(self) -> Iterator[str]:
        """Ids of its clips where there are several: TAKE_00, TAKE_01, ..."""
        ids = (f"{self.id}_{number:02d}" for number in count())
        return (own for own in ids if own not in self.taken)


@dataclass
class TakeResult:
    """Clips of a take, and what was left out."""

    clips: list[StoredClip] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def process_take(take: Take, options: PrepareOptions) -> TakeResult:
    """Everything for one file; a file that cannot be used comes back as skipped, with the reason."""
    result = TakeResult()
    try:
        if take.ready:
            result.clips.append(_ready_clip(take, options))
        else:
            joints, good = _joints(take, options)
            _report_takes(take, result)
            _report_glitches(take, good, options, result)
            _bridge(joints, good)
            cut_take(take, joints, good, options, result)
            if take.path.suffix.lower() == ".npz":
                result.clips = _with_phrases(take, result.clips, len(joints) - 1)
        _leave_out_floating(take, options, result)
    except KinelexError as error:
        result.clips.clear()
        result.skipped.append(Skipped(take.file, "", str(error)))
    return result


def _with_phrases(take: Take, clips: list[StoredClip], frames: int) -> list[StoredClip]:
    """A Kinelex clip that was used whole with its phrases as exact segments, and as the sentence where it has none."""
    from kinelex.motion.formats.npz import read_npz

    segments = read_npz(take.path).segments
    if not segments or [len(clip.features) for clip in clips] != [frames]:
        return clips
    (clip,) = clips
    end = frames / HUMANML3D.fps
    kept = tuple(Segment(part.text, part.start, min(part.end, end)) for part in segments if part.start < end)
    if not kept:
        return clips
    gaps = any(right.start - left.end > _GAP for left, right in pairwise(kept))
    if gaps or kept[0].start > _GAP or end - kept[-1].end > _GAP:
        return clips
    whole = [caption for caption in clip.captions if caption.whole]
    sentence = () if whole else (Caption.of(", then ".join(part.text for part in kept)),)
    return [replace(clip, segments=kept, captions=(*sentence, *clip.captions))]


def _leave_out_floating(take: Take, options: PrepareOptions, result: TakeResult) -> None:
    """Move clips that are in the air too long, and not falling, to what was skipped."""
    if options.max_floating == 1:
        return
    clips, result.clips = result.clips, []
    for clip in clips:
        if clip.features.shape[-1] != FeatureLayout.of(HUMANML3D).size:
            raise KinelexError(f"{take.file}: floating is measured on the joints of humanml3d only; allow it")
        joints = joints_from_features(torch.from_numpy(np.array(clip.features)), HUMANML3D)
        share = float(floating(joints, HUMANML3D.fps, HUMANML3D).float().mean())
        if share <= options.max_floating:
            result.clips.append(clip)
        else:
            reason = f"above the floor without falling in {share:.0%} of its frames"
            result.skipped.append(Skipped(take.file, clip.id, reason))


def _ready_clip(take: Take, options: PrepareOptions) -> StoredClip:
    """A published array as it is: features, or joints of which features are computed."""
    array = read_published(take.path, take.mirrored)
    features = array.features
    seconds = len(features) / array.skeleton.fps
    if seconds < options.min_seconds:
        raise KinelexError(f"{take.file} lasts {seconds:.2f} s, less than {options.min_seconds:g} s")
    source = f"{take.corpus}/{take.file}"
    return StoredClip(take.id, take.split, take.group, source, take.licence, features, take.captions)


def _joints(take: Take, options: PrepareOptions) -> tuple[Tensor, NDArray[np.bool_]]:
    """Joints (T, 22, 3) at the skeleton's rate from the first row on, and which frames are sound (T,)."""
    if take.path.suffix.lower() in (".npy", ".npz"):
        return _joints_of_arrays(take, options)
    animation = read_animation(take.path, take.asf)
    if take.fps is not None:
        animation = replace(animation, fps=take.fps)
    if take.first_row >= len(animation):
        raise KinelexError(f"{take.file} has {len(animation)} rows, of which none is motion")
    animation = animation.frames(take.first_row, len(animation))
    fps = HUMANML3D.fps
    joints = retarget(resample_animation(animation, fps))
    good = _sound_frames(retarget(animation), animation.fps, len(joints), fps, options.max_speed)
    good[: round(take.settle * fps)] = False
    return joints, good


def _joints_of_arrays(take: Take, options: PrepareOptions) -> tuple[Tensor, NDArray[np.bool_]]:
    from kinelex.motion.formats import read_motion
    from kinelex.motion.resample import resample_joints

    motion = read_motion(take.path)
    if motion.skeleton.name != HUMANML3D.name:
        raise KinelexError(f"{take.file} has the joints of {motion.skeleton.name}; give those of humanml3d")
    fps = HUMANML3D.fps
    raw = torch.from_numpy(np.array(motion.positions))
    joints = resample_joints(raw, motion.fps, fps)
    return joints, _sound_frames(raw, motion.fps, len(joints), fps, options.max_speed)


def read_animation(path: Path, asf: Path | None = None) -> Animation:
    """Read a BVH, FBX, AMC or DeepMimic file.

    Raises:
        KinelexError: unknown suffix, or the reader's complaint.
    """
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        from kinelex.motion.formats.bvh import read_bvh

        return read_bvh(path, asf=asf)
    if suffix == ".fbx":
        from kinelex.motion.formats.fbx import read_fbx

        return read_fbx(path)
    if suffix == ".amc":
        from kinelex.motion.formats.amc import read_amc

        return read_amc(path, asf)
    if suffix == ".json":
        from kinelex.motion.formats.deepmimic import read_deepmimic

        return read_deepmimic(path)
    raise KinelexError(f"{path} is no motion file; give .bvh, .fbx, .amc, .json, .npy or .npz")


def _sound_frames(
    joints: Tensor, fps: float, frames: int, target_fps: float, max_speed: float
) -> NDArray[np.bool_]:
    """(frames,) False around source frames where a joint jumps, and between a jump and the jump back."""
    good = np.ones(frames, dtype=bool)
    if len(joints) < 2:
        return good
    speed = (joints[1:] - joints[:-1]).norm(dim=-1).amax(-1) * fps
    jumps = (speed > max_speed).nonzero()[:, 0].numpy() / fps
    for start, stop in _merged(jumps, _FLIP_SECONDS):
        first, last = int(np.floor(start * target_fps)), int(np.ceil(stop * target_fps)) + 1
        good[max(first, 0) : last + 1] = False
    return good


def _merged(times: NDArray[np.float64], gap: float) -> list[tuple[float, float]]:
    """Times closer than `gap` as one interval."""
    if not len(times):
        return []
    breaks = np.flatnonzero(np.diff(times) > gap)
    starts = times[np.concatenate([[0], breaks + 1])]
    stops = times[np.concatenate([breaks, [len(times) - 1]])]
    return [(float(start), float(stop)) for start, stop in zip(starts, stops, strict=True)]


def _report_takes(take: Take, result: TakeResult) -> None:
    """Name the animations of a file that are not used: what is said of the file is not said of each."""
    if take.path.suffix.lower() != ".fbx":
        return
    from kinelex.motion.formats.fbx import fbx_takes, longest_take

    takes = fbx_takes(take.path)
    used = longest_take(takes)
    reason = f"only the longest take, {used.name}, is used; make files of all with kinelex convert"
    result.skipped += [Skipped(take.file, other.name, reason) for other in takes if other is not used]


def _report_glitches(
    take: Take, good: NDArray[np.bool_], options: PrepareOptions, result: TakeResult
) -> None:
    settled = round(take.settle * HUMANML3D.fps)
    bad = [run[1] - run[0] for run in _runs(~good[settled:])]
    bridged = sum(frames for frames in bad if frames <= _BRIDGED_SECONDS * HUMANML3D.fps)
    if bad:
        reason = (
            f"a joint is faster than {options.max_speed:g} m/s: {sum(bad) - bridged} frames left out, "
            f"{bridged} bridged from the pose before to the pose after"
        )
        result.skipped.append(Skipped(take.file, "glitches", reason))


def _bridge(joints: Tensor, good: NDArray[np.bool_]) -> None:
    """Fill short runs of bad frames between good ones, in place."""
    for start, stop in _runs(~good):
        inside = start > 0 and stop < len(good)
        if inside and stop - start <= _BRIDGED_SECONDS * HUMANML3D.fps:
            weight = torch.linspace(0, 1, stop - start + 2)[1:-1].view(-1, 1, 1)
            joints[start:stop] = torch.lerp(joints[start - 1], joints[stop], weight)
            good[start:stop] = True


def cut_take(
    take: Take, joints: Tensor, good: NDArray[np.bool_], options: PrepareOptions, result: TakeResult
) -> None:
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
    pieces = [piece for run in _runs(free) for piece in _pieces(joints, *run, longest)]
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


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _longest_run(good: NDArray[np.bool_], start: int, stop: int) -> tuple[int, int]:
    runs = _runs(good[start:stop])
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
