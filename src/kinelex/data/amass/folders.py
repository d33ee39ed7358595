"""Where the recordings, body models and captions lie that people have unpacked, under old names or new."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kinelex.data.amass.index import HUMANACT12, IndexedRecording
from kinelex.errors import KinelexError

# The sub-data-sets as HumanML3D calls them, and the folders that AMASS has unpacked to at other times.
SUBSETS: dict[str, tuple[str, ...]] = {
    "ACCAD": (),
    "BMLhandball": (),
    "BMLmovi": (),
    "BioMotionLab_NTroje": ("BMLrub",),
    "CMU": (),
    "DFaust_67": ("DFaust",),
    "EKUT": (),
    "Eyes_Japan_Dataset": ("Eyes_Janpan_Dataset",),
    "HumanEva": (),
    "KIT": (),
    "MPI_HDM05": ("HDM05",),
    "MPI_Limits": ("PosePrior",),
    "MPI_mosh": ("MoSh", "Mosh"),
    "SFU": (),
    "SSM_synced": ("SSM",),
    "TotalCapture": (),
    "Transitions_mocap": ("Transitions",),
}
GENDERS = ("male", "female")


@dataclass
class RecordingFolder:
    """A folder of recordings, found by folder and name whatever stands for a blank: older AMASS files have
    "A3 - Swing t2_poses", newer ones underscores.

    Attributes:
        path: None when the person does not have it.
        missing: the reason to give then.
        suffix: of its files.
    """

    path: Path | None
    missing: str
    suffix: str

    @cached_property
    def _files(self) -> dict[tuple[str, str], list[Path]]:
        files: defaultdict[tuple[str, str], list[Path]] = defaultdict(list)
        for path in sorted(self.path.rglob(f"*{self.suffix}")) if self.path is not None else ():
            files[_plain(path.parent.name), _plain(path.stem)].append(path)
        return files

    def find(self, recording: IndexedRecording) -> Path:
        """The file of a recording.

        Raises:
            KinelexError: it is not there, or several files could be it.
        """
        if self.path is None:
            raise KinelexError(self.missing)
        files = self._files.get((_plain(recording.folder), _plain(recording.stem)), [])
        if not files:
            raise KinelexError(f"{recording.name} is not in {self.path}; unpack this sub-data-set again")
        if len(files) > 1:
            raise KinelexError(
                f"{recording.name}: {len(files)} files in {self.path} could be it; remove the copies"
            )
        return files[0]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip()


def recording_folders(amass: Path, humanact12: Path) -> dict[str, RecordingFolder]:
    """The folder of every sub-data-set, and of HumanAct12.

    Raises:
        KinelexError: `amass` holds none of the sub-data-sets.
    """
    if not amass.is_dir():
        raise KinelexError(f"{amass} is not a folder; give the folder that holds CMU, KIT and so on")
    folders = {}
    for name, others in SUBSETS.items():
        path = next((amass / own for own in (name, *others) if (amass / own).is_dir()), None)
        called = " or ".join((name, *others))
        folders[name] = RecordingFolder(path, f"AMASS sub-data-set {called} is missing", ".npz")
    if all(folder.path is None for folder in folders.values()):
        raise KinelexError(
            f"{amass} holds no sub-data-set of AMASS; HumanML3D needs {', '.join(SUBSETS)}, a folder each"
        )
    own = humanact12 if humanact12.is_dir() else None
    folders[HUMANACT12] = RecordingFolder(
        own, "HumanAct12 is missing (unpack pose_data/humanact12.zip)", ".npy"
    )
    return folders


def body_model_files(folder: Path) -> dict[str, Path]:
    """The model.npz of each gender: FOLDER/smplh/male/model.npz, or FOLDER/male/model.npz.

    Raises:
        KinelexError: one is missing. HumanML3D needs both.
    """
    files = {}
    for gender in GENDERS:
        places = [root / gender / "model.npz" for root in (folder / "smplh", folder)]
        files[gender] = next((path for path in places if path.is_file()), places[0])
        if not files[gender].is_file():
            raise KinelexError(
                f"{files[gender]} is missing; unpack the extended SMPL+H model for AMASS (smplh.tar.xz) there"
            )
    return files


@dataclass(frozen=True)
class CaptionFolder:
    """HumanML3D's own files: index.csv, the folder with texts and split lists, and the joints of HumanAct12."""

    index: Path
    texts: Path
    humanact12: Path


def caption_folder(folder: Path) -> CaptionFolder:
    """HumanML3D's repository, or any folder that has index.csv, texts and the split lists.

    Raises:
        KinelexError: something is missing.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise KinelexError(f"{folder} has no index.csv; give the folder of HumanML3D's repository")
    texts = next((root for root in (folder / "HumanML3D", folder) if (root / "texts").is_dir()), None)
    if texts is None:
        packed = next((path for path in sorted(folder.rglob("texts.zip"))), None)
        remedy = (
            f"unpack {packed} in its folder" if packed else "get texts.zip of HumanML3D and unpack it there"
        )
        raise KinelexError(f"{folder} has no folder texts; {remedy}")
    act12 = next(
        (root / HUMANACT12 for root in (folder / "pose_data", folder) if (root / HUMANACT12).is_dir()),
        folder / "pose_data" / HUMANACT12,
    )
    return CaptionFolder(index, texts, act12)
