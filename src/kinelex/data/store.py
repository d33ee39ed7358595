"""The store: clips as memory-mapped Arrow IPC shards, with captions, splits, statistics and a manifest.

    STORE/manifest.json          what is inside, from what, under which licences, with hashes
    STORE/clips-00000.arrow ...  one row a clip; features as flat lists of float32 or float16
    STORE/statistics.npz         mean and variance of the training split
    STORE/skipped.csv            every file, or part of one, that was left out, and why

A store holds nothing that depends on the time or the machine: the same input gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinelex.data.caption_lines import Caption
from kinelex.data.statistics import FeatureStatistics, combined
from kinelex.errors import KinelexError
from kinelex.hashing import file_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import Skeleton, skeleton_named

SPLITS = ("train", "val", "test")
FORMAT = 1
MANIFEST, STATISTICS, SKIPPED = "manifest.json", "statistics.npz", "skipped.csv"
_KEYS = {"skeleton", "splits", "shards", "files"}

_WORDS = pa.list_(pa.string())
CAPTION_TYPE = pa.struct(
    [
        ("text", pa.string()),
        ("lemmas", _WORDS),
        ("pos", _WORDS),
        ("start", pa.float64()),
        ("end", pa.float64()),
    ]
)
SEGMENT_TYPE = pa.struct([("text", pa.string()), ("start", pa.float64()), ("end", pa.float64())])


def shard_schema(dtype: str) -> pa.Schema:
    """Columns of a shard; `dtype` is "float32" or "float16"."""
    value = pa.float16() if dtype == "float16" else pa.float32()
    return pa.schema(
        [
            ("id", pa.string()), ("split", pa.string()), ("group", pa.string()), ("source", pa.string()),
            ("licence", pa.string()), ("frames", pa.int32()), ("features", pa.list_(value)),
            ("captions", pa.list_(CAPTION_TYPE)), ("segments", pa.list_(SEGMENT_TYPE)),
        ]
    )  # fmt: skip


@dataclass(frozen=True)
class StoredClip:
    """One clip of a store.

    Attributes:
        id: unique within its store.
        split: "train", "val" or "test".
        group: the recording it was cut from; no group is in two splits.
        source: corpus and file.
        licence: short name of the licence of the motion.
        features: (T, D) float32; of a float32 store a read-only view into the file.
        captions: sentences about the clip, or about parts of it.
        segments: phrases with exact boundaries, for composed clips.
    """

    id: str
    split: str
    group: str
    source: str
    licence: str
    features: NDArray[np.float32]
    captions: tuple[Caption, ...] = ()
    segments: tuple[Segment, ...] = ()

    def motion(self, skeleton: Skeleton) -> Motion:
        """The clip as joints, to look at or export."""
        import torch

        from kinelex.motion.features import joints_from_features

        joints = joints_from_features(torch.from_numpy(np.array(self.features)), skeleton)
        return Motion(joints.numpy(), skeleton.fps, skeleton, self.segments)


class _Shard:
    """One memory-mapped file; columns are decoded when first asked for."""

    def __init__(self, path: Path, size: int) -> None:
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
            self.columns = {name: table.column(name).combine_chunks() for name in table.column_names}
            features = self.columns["features"]
            self._values = features.values.to_numpy(zero_copy_only=True).reshape(-1, size)
            self._offsets = features.offsets.to_numpy() // size
        except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
            raise KinelexError(f"cannot read {path}: {error}; prepare the store again") from error

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def features(self, row: int) -> NDArray[np.float32]:
        return self._values[self._offsets[row] : self._offsets[row + 1]].astype(np.float32, copy=False)

    def clip(self, row: int) -> StoredClip:
        text = {
            name: self.columns[name][row].as_py() for name in ("id", "split", "group", "source", "licence")
        }
        captions = tuple(
            Caption(item["text"], tuple(item["lemmas"]), tuple(item["pos"]), item["start"], item["end"])
            for item in self.columns["captions"][row].as_py()
        )
        segments = tuple(Segment(**item) for item in self.columns["segments"][row].as_py())
        return StoredClip(features=self.features(row), captions=captions, segments=segments, **text)


class Store(Sequence[StoredClip]):
    """Read access to one store folder, or to several as if they were one.

    Attributes:
        folders: the store folders, in the order given.
        manifests: their manifests.
        skeleton: whose features these are.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self.manifests = tuple(read_manifest(folder) for folder in folders)
        names = sorted({manifest["skeleton"] for manifest in self.manifests})
        if len(names) != 1:
            raise KinelexError(f"stores of different skeletons ({', '.join(names)}) cannot be read as one")
        self.skeleton = skeleton_named(names[0])
        size = FeatureLayout.of(self.skeleton).size
        per_folder = [
            [_Shard(folder / shard["file"], size) for shard in manifest["shards"]]
            for folder, manifest in zip(self.folders, self.manifests, strict=True)
        ]
        self._shards = [shard for shards in per_folder for shard in shards]
        self._firsts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        # Index of the folder that each clip comes from, for sampling that balances stores.
        self.store_of = np.repeat(np.arange(len(per_folder)), [sum(map(len, part)) for part in per_folder])

    @classmethod
    def open(cls, folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Store:
        """Open a store folder or several.

        Raises:
            KinelexError: a folder is no store, a shard is missing or broken, or the skeletons differ.
        """
        several = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
        if not several:
            raise KinelexError("no store given; name at least one folder made by kinelex prepare")
        return cls([Path(folder) for folder in several])

    def verify(self) -> None:
        """See that clips and statistics are as they were written. This reads every byte, which opening does not.

        Raises:
            KinelexError: a file is missing, or its hash is not that of the manifest.
        """
        for folder, manifest in zip(self.folders, self.manifests, strict=True):
            # The list of what was left out decides nothing.
            changed = [name for name in changed_files(folder, manifest) if name != SKIPPED]
            if changed:
                raise KinelexError(f"{folder / changed[0]} is not as it was written; prepare the store again")

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def _place(self, index: int) -> tuple[_Shard, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        index = index % len(self)
        shard = int(np.searchsorted(self._firsts, index, side="right")) - 1
        return self._shards[shard], index - int(self._firsts[shard])

    def __getitem__(self, index: int) -> StoredClip:  # type: ignore[override]
        shard, row = self._place(int(index))
        return shard.clip(row)

    def __iter__(self) -> Iterator[StoredClip]:
        return (shard.clip(row) for shard in self._shards for row in range(len(shard)))

    def features(self, index: int) -> NDArray[np.float32]:
        """(T, D) features of a clip, without decoding its captions."""
        shard, row = self._place(int(index))
        return shard.features(row)

    def column(self, name: str) -> list[Any]:
        """One column over all clips: id, split, group, source, licence, frames, captions or segments."""
        return [value for shard in self._shards for value in shard.columns[name].to_pylist()]

    def indices(self, split: str) -> list[int]:
        """Clips of a split; "all" for every clip.

        Raises:
            KinelexError: no such split.
        """
        if split not in (*SPLITS, "all"):
            raise KinelexError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}, all")
        return [index for index, own in enumerate(self.column("split")) if split in (own, "all")]

    @property
    def statistics(self) -> FeatureStatistics:
        """Mean and variance of the training split, over all folders."""
        return combined(_read_statistics(folder) for folder in self.folders)

    @property
    def normalization(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation (D,) of the training split, the deviation constant within a field."""
        return self.statistics.normalization(self.skeleton)


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest of a store folder.

    Raises:
        KinelexError: the folder is no store, or of another format version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise KinelexError(f"{folder} is not a store: it has no {MANIFEST}; make one with kinelex prepare")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KinelexError(
            f"cannot read {path}: {error}; make the store again with kinelex prepare --force"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not manifest.keys() >= _KEYS:
        raise KinelexError(f"{path} is of another version; make the store again with kinelex prepare --force")
    return manifest


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Names of the files of a store that are missing, or whose hashes are not those of its manifest."""
    hashes = {shard["file"]: shard["sha256"] for shard in manifest["shards"]} | manifest["files"]
    return [
        name
        for name, expected in hashes.items()
        if not (folder / name).is_file() or file_hash(folder / name) != expected
    ]


def _read_statistics(folder: Path) -> FeatureStatistics:
    try:
        with np.load(folder / STATISTICS) as file:
            return FeatureStatistics(int(file["frames"]), file["mean"], file["variance"])
    except (OSError, KeyError, ValueError) as error:
        raise KinelexError(f"cannot read {folder / STATISTICS}: {error}; prepare the store again") from error
