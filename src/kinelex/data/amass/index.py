"""HumanML3D's index.csv: the clips that it cuts from each recording."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kinelex.data.source import read_table
from kinelex.errors import KinelexError

HUMANACT12 = "humanact12"
_COLUMNS = ("source_path", "start_frame", "end_frame", "new_name")


@dataclass(frozen=True)
class IndexedClip:
    """Frames [start, end) at 20 a second, after the subset's lead-in."""

    id: str
    start: int
    end: int


@dataclass(frozen=True)
class IndexedRecording:
    """A recording that clips are cut from.

    Attributes:
        subset: name of the AMASS sub-data-set as HumanML3D calls it, or HUMANACT12.
        folder: the folder within the subset, most often a person.
        stem: name of the file, without suffix.
        clips: in the order of the index.
    """

    subset: str
    folder: str
    stem: str
    clips: tuple[IndexedClip, ...]

    @property
    def name(self) -> str:
        """For reports: KIT/3/jump_left02_poses."""
        return f"{self.subset}/{self.folder}/{self.stem}"


def read_index(path: Path) -> list[IndexedRecording]:
    """The recordings of an index.csv, in the order in which it names them first.

    Raises:
        KinelexError: unreadable, or a row that is not of the published form.
    """
    clips: defaultdict[tuple[str, str, str], list[IndexedClip]] = defaultdict(list)
    for number, row in enumerate(read_table(path), 2):
        if any(not row.get(column) for column in _COLUMNS):
            raise KinelexError(f"{path}, line {number}: needs {', '.join(_COLUMNS)}; get the file again")
        parts = PurePosixPath(row["source_path"]).parts
        try:
            clip = IndexedClip(
                row["new_name"].removesuffix(".npy"), int(row["start_frame"]), int(row["end_frame"])
            )
        except ValueError:
            raise KinelexError(f"{path}, line {number}: frames must be whole numbers") from None
        if len(parts) != 4:
            raise KinelexError(
                f"{path}, line {number}: {row['source_path']!r} is not ./pose_data/SUBSET/FOLDER/FILE.npy"
            )
        clips[parts[1], parts[2], PurePosixPath(parts[3]).stem].append(clip)
    return [IndexedRecording(*source, tuple(own)) for source, own in clips.items()]
