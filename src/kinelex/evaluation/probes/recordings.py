"""Labelled recordings that the probes' limits were not set on, bundled to measure the probes wherever they run.

They are the clips of the validation and test splits of Bandai-Namco and HDM05, and all HDM05 clips of the actors mm
and tr; the limits in `actions` and `verdicts` were set on the other clips. Licences: recordings/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from kinelex.atomic import atomic_path
from kinelex.data.store import Store, StoredClip
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion
from kinelex.progress import track

BUNDLED = "recordings/heldout.npz"
_LABEL = {
    "bandai-namco": re.compile(r"dataset-\d_(?P<label>.+)_[^_]+_\d+\.bvh$"),
    "hdm05": re.compile(r"amc/(?P<label>[^/]+)/HDM_(?P<actor>[^_]+)_"),
}
_PROBE_ACTORS = ("mm", "tr")


@dataclass(frozen=True)
class Recording:
    """A recorded clip and what its corpus calls it.

    Attributes:
        id: of the clip in its store.
        label: the corpus' content label, as in `labels.yaml`.
        motion: the clip.
    """

    id: str
    label: str
    motion: Motion


def held_out(stores: Sequence[Path]) -> list[Recording]:
    """The labelled clips of prepared stores that the probes' limits were not set on.

    Raises:
        KinelexError: a folder is no store.
    """
    store = Store.open(list(stores))
    found = []
    for index in track(range(len(store)), "reading labelled clips"):
        clip = store[index]
        label = label_of(clip)
        if label is not None:
            found.append(Recording(clip.id, label, clip.motion(store.skeleton)))
    return found


def label_of(clip: StoredClip) -> str | None:
    """The label of a clip that may measure the probes; None for all others."""
    match = next((found for pattern in _LABEL.values() if (found := pattern.search(clip.source))), None)
    if match is None:
        return None
    spare = match.groupdict().get("actor") in _PROBE_ACTORS
    return match["label"] if clip.split != "train" or spare else None


def save_recordings(recordings: Iterable[Recording], path: Path) -> None:
    """Write recordings to one npz: joints to the millimetre, as differences in time, which compress well."""
    clips = list(recordings)
    joints = [np.rint(clip.motion.positions * 1000).astype(np.int16) for clip in clips]
    with atomic_path(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(
            file,
            ids=np.array([clip.id for clip in clips]),
            labels=np.array([clip.label for clip in clips]),
            frames=np.array([len(clip.motion) for clip in clips], np.int32),
            fps=np.array([clip.motion.fps for clip in clips]),
            steps=np.concatenate([np.diff(clip, axis=0, prepend=np.int16(0)) for clip in joints]),
        )


def load_recordings(path: Path | None = None) -> list[Recording]:
    """Read recordings; the bundled ones without a path.

    Raises:
        KinelexError: the file is missing or broken.
    """
    source = path or Path(str(resources.files("kinelex.evaluation.probes") / BUNDLED))
    try:
        with np.load(source) as arrays:
            ends = np.cumsum(arrays["frames"])
            parts = np.split(arrays["steps"], ends[:-1])
            return [
                Recording(
                    str(name),
                    str(label),
                    Motion((np.cumsum(part, axis=0) / 1000).astype(np.float32), float(fps)),
                )
                for name, label, fps, part in zip(
                    arrays["ids"], arrays["labels"], arrays["fps"], parts, strict=True
                )
            ]
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise KinelexError(f"cannot read the recordings {source}: {error}; install Kinelex again") from error
