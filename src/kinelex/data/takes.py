"""Motion files to make clips of: what is known of each, and what is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from kinelex.data.captions import Caption
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import Skipped
from kinelex.errors import KinelexError
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_rate


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
        if not 0 < self.min_seconds <= self.max_seconds < math.inf:
            raise KinelexError(
                f"clips of {self.min_seconds} to {self.max_seconds} s: give 0 < min <= max, a number"
            )
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
