"""BABEL's annotations of AMASS (Punnakkal et al., CVPR 2021), read when the user has them.

Each file maps a sequence's number to `feat_p` (the AMASS file), `dur` (seconds), `seq_ann` (labels of the whole) and
`frame_ann` (labels with `start_t` and `end_t`, or null). A label has `raw_label`, `proc_label` and `act_cat`. The
`extra_` files hold several annotators' lists under `seq_anns` and `frame_anns`; the first annotator counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from kinelex.data.cutting import features_of
from kinelex.errors import KinelexError
from kinelex.evaluation.segmentation import LabelledMotion
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.resample import resample_joints

TRANSITION = "transition"
_SUFFIXES = (".npz", ".npy")


@dataclass(frozen=True)
class BabelLabel:
    """What somebody saw from `start` to `end` seconds.

    Attributes:
        text: the label as BABEL cleaned it (`proc_label`).
        categories: its action categories.
        start, end: seconds; the whole sequence for a label of `seq_ann`.
    """

    text: str
    categories: tuple[str, ...]
    start: float
    end: float


@dataclass(frozen=True)
class BabelSequence:
    """One annotated AMASS file: its path in BABEL, its seconds, and its labels in order of start.

    Labels with times where there are any, else those of the whole sequence.
    """

    name: str
    path: PurePosixPath
    seconds: float
    labels: tuple[BabelLabel, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Consecutive actions: no transitions, and no label that begins before the one before it is half over.

        BABEL lets labels overlap and leaves transitions between them; the boundary is the middle of either.
        """
        actions: list[BabelLabel] = []
        for label in self.labels:
            if TRANSITION in label.categories or label.text == TRANSITION:
                continue
            if not actions or label.start >= (actions[-1].start + actions[-1].end) / 2:
                actions.append(label)
        inner = [(a.end + b.start) / 2 for a, b in pairwise(actions)]
        bounds = [0.0, *inner, self.seconds]
        return tuple(
            Segment(each.text, start, end)
            for each, (start, end) in zip(actions, pairwise(bounds), strict=False)
        )


def read_babel(path: Path) -> list[BabelSequence]:
    """Every sequence of a BABEL file that has labels.

    Raises:
        KinelexError: the file cannot be read or is not laid out like BABEL's.
    """
    try:
        tree = json.loads(path.read_text("utf-8"))
        sequences = [_sequence(name, entry) for name, entry in tree.items()]
    except (OSError, ValueError) as error:
        raise KinelexError(f"cannot read {path}: {error}; give BABEL's train.json or val.json") from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise KinelexError(
            f"{path} is not laid out like BABEL's files ({type(error).__name__}: {error}); give train.json or val.json"
        ) from error
    return [sequence for sequence in sequences if sequence.labels]


def _sequence(name: str, entry: Mapping[str, Any]) -> BabelSequence:
    seconds = float(entry["dur"])
    timed = _annotation(entry, "frame_ann")
    whole = _annotation(entry, "seq_ann")
    labels = [
        BabelLabel(
            str(label["proc_label"]),
            tuple(label.get("act_cat") or ()),
            float(label.get("start_t", 0.0)),
            float(label.get("end_t", seconds)),
        )
        for label in timed or whole
    ]
    ordered = tuple(sorted(labels, key=lambda label: (label.start, label.end)))
    return BabelSequence(name, PurePosixPath(entry["feat_p"]), seconds, ordered)


def _annotation(entry: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Labels of an annotation; of the first annotator where there are several, none where there is none."""
    annotation = entry.get(name) or next(iter(entry.get(f"{name}s") or ()), None)
    return annotation["labels"] if annotation else ()


def babel_motions(sequences: Iterable[BabelSequence], motions: Path) -> list[LabelledMotion]:
    """The sequences of two or more actions whose motion lies in a folder.

    Args:
        sequences: from `read_babel`.
        motions: folder of .npz or .npy clips named as AMASS names its files, as HumanML3D's pose_data is: the
            path is `feat_p`, with or without its first part, which BABEL doubles.

    Raises:
        KinelexError: a clip is broken, or no sequence of several actions has one.
    """
    found: list[LabelledMotion] = []
    for sequence in sequences:
        path = _motion_file(sequence.path, motions)
        if path is None or len(sequence.segments) < 2:
            continue
        motion = Motion.load(path)
        fps, skeleton = motion.skeleton.fps, motion.skeleton
        joints = resample_joints(torch.from_numpy(motion.positions), motion.fps, fps)
        features = torch.from_numpy(features_of(joints, skeleton))
        bounds = [segment.start * fps for segment in sequence.segments] + [float(len(features))]
        if bounds == sorted(set(bounds)):  # else the clip is shorter than what was annotated
            phrases = tuple(segment.text for segment in sequence.segments)
            found.append(LabelledMotion(sequence.name, features, phrases, tuple(bounds), fps))
    if not found:
        raise KinelexError(
            f"{motions} holds no motion of a BABEL sequence with several actions; give the folder that holds "
            "clips as AMASS names them, such as KIT/3/kick_high_left02_poses.npy"
        )
    return found


def _motion_file(path: PurePosixPath, motions: Path) -> Path | None:
    places = (motions / path, motions / PurePosixPath(*path.parts[1:]))
    files = (place.with_suffix(suffix) for place in places for suffix in _SUFFIXES)
    return next((file for file in files if file.is_file()), None)
