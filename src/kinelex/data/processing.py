"""From one motion file to the clips of a store: read, find glitches, cut, retarget, compute features."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from kinelex.data.captions import Caption
from kinelex.data.cutting import cut_take
from kinelex.data.published import read_published
from kinelex.data.recorded_joints import bridge, read_joints, report_glitches
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import Skipped
from kinelex.data.takes import PrepareOptions, Take, TakeResult
from kinelex.errors import KinelexError
from kinelex.motion.features import joints_from_features
from kinelex.motion.flight import floating
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D

# Phrases that leave less than this many seconds without one say what happens in all of a clip.
_GAP = 0.25


def process_take(take: Take, options: PrepareOptions) -> TakeResult:
    """Everything for one file; a file that cannot be used comes back as skipped, with the reason."""
    result = TakeResult()
    try:
        if take.ready:
            result.clips.append(_ready_clip(take, options))
        else:
            joints, good = read_joints(take, options)
            _report_takes(take, result)
            report_glitches(take, good, options, result)
            bridge(joints, good)
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


def _report_takes(take: Take, result: TakeResult) -> None:
    """Name the animations of a file that are not used: what is said of the file is not said of each."""
    if take.path.suffix.lower() != ".fbx":
        return
    from kinelex.motion.formats.fbx import fbx_takes, longest_take

    takes = fbx_takes(take.path)
    used = longest_take(takes)
    reason = f"only the longest take, {used.name}, is used; make files of all with kinelex convert"
    result.skipped += [Skipped(take.file, other.name, reason) for other in takes if other is not used]
