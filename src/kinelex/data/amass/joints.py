"""A recording to the joints of HumanML3D's clips: 20 frames a second, Y up, cut as the index says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.data.amass.index import HUMANACT12, IndexedClip, IndexedRecording
from kinelex.data.store_writer import Skipped
from kinelex.errors import KinelexError
from kinelex.motion.formats.amass import read_amass
from kinelex.motion.formats.array_file import read_array, real_numbers
from kinelex.motion.skeleton import HUMANML3D
from kinelex.motion.smplh import SmplhBody

_FPS = int(HUMANML3D.fps)
# Seconds at the start of every recording of these sub-data-sets that the frames of the index do not count.
LEAD_IN = {
    "Eyes_Japan_Dataset": 3.0,
    "MPI_HDM05": 3.0,
    "TotalCapture": 1.0,
    "MPI_Limits": 1.0,
    "Transitions_mocap": 0.5,
}
_SHORTEST = 2  # frames that features need


@dataclass(frozen=True)
class Job:
    """A recording, its file, and those of its clips that are wanted."""

    recording: IndexedRecording
    path: Path
    clips: tuple[IndexedClip, ...]


def write_clips(job: Job, bodies: Mapping[str, SmplhBody], folder: Path) -> list[Skipped]:
    """Write the joints (T, 22, 3) of every clip as FOLDER/ID.npy; what cannot be used comes back with the reason.

    Raises:
        KinelexError: the folder cannot be written.
    """
    try:
        joints = recording_joints(job, bodies)
    except KinelexError as error:
        return [Skipped(job.recording.name, clip.id, str(error)) for clip in job.clips]
    skipped = []
    for clip in job.clips:
        cut = cut_clip(joints, clip, job.recording.subset)
        if len(cut) < _SHORTEST:
            reason = f"frames {clip.start} to {clip.end} are not in the recording of {len(joints)}"
        elif not np.isfinite(cut).all():
            reason = "NaN or infinite poses in this part"
        else:
            _write(folder / f"{clip.id}.npy", cut)
            continue
        skipped.append(Skipped(job.recording.name, clip.id, reason))
    return skipped


def recording_joints(job: Job, bodies: Mapping[str, SmplhBody]) -> NDArray[np.float32]:
    """(T, 22, 3) joints of a whole recording, metres, Y up, 20 frames a second.

    Every int(fps / 20)-th frame is taken, as published, so that recordings whose rate is no multiple of 20 come
    out a little fast or slow; and whoever is not male has the female body.

    Raises:
        KinelexError: the file is damaged or of another kind.
    """
    if job.recording.subset == HUMANACT12:
        return _humanact12_joints(job.path)
    recording = read_amass(job.path)
    step = int(recording.fps / _FPS) if np.isfinite(recording.fps) else 0
    if step < 1:
        raise KinelexError(f"{recording.fps:g} frames a second; HumanML3D needs at least {_FPS}")
    recording = recording.every(step)
    body = bodies["male" if recording.gender == "male" else "female"]
    arrays = (recording.poses, recording.betas, recording.translations)
    x, y, z = body.joints(*map(torch.from_numpy, arrays)).unbind(-1)
    # From Z up to Y up, and half a turn about the vertical, as published.
    return torch.stack((-x, z, y), dim=-1).numpy()


def _humanact12_joints(path: Path) -> NDArray[np.float32]:
    try:
        with path.open("rb") as stream:
            joints = real_numbers(read_array(stream, path.stat().st_size, path.name), path.name)
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    if joints.ndim != 3 or joints.shape[1] < len(HUMANML3D) or joints.shape[2] != 3:
        raise KinelexError(f"joints of shape {joints.shape}, not (frames, 24, 3); get the file again")
    return joints[:, : len(HUMANML3D)]


def cut_clip(joints: NDArray[np.float32], clip: IndexedClip, subset: str) -> NDArray[np.float32]:
    """The frames of a clip; HumanAct12's recordings are clips as they are."""
    if subset == HUMANACT12:
        return joints
    lead_in = int(LEAD_IN.get(subset, 0.0) * _FPS)
    return joints[lead_in:][clip.start : clip.end]


def _write(path: Path, joints: NDArray[np.float32]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(joints, dtype=np.float32), allow_pickle=False)
