"""Write a store: shards of a bounded size, then statistics, the list of skipped files, and the manifest."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kinelex.data.statistics import StatisticsSum
from kinelex.data.store import FORMAT, MANIFEST, SKIPPED, SPLITS, STATISTICS, StoredClip, shard_schema
from kinelex.errors import KinelexError
from kinelex.hashing import file_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton

SHARD_BYTES = 16_000_000
# Parts of which a person can mend what is left out: what is said of a motion, and the list of a split.
CAPTIONS, LIST = "captions", "list"


@dataclass(frozen=True)
class Skipped:
    """A file, or a part of one, that is not in the store; `part` is empty for a whole file.

    Where the part is CAPTIONS, the motion is in the store, and what is said of it is missing or left out.
    """

    file: str
    part: str
    reason: str


class StoreWriter:
    """Appends clips to a new store folder; `close` completes it.

    Args:
        folder: an existing empty folder.
        skeleton: whose features are stored.
        dtype: "float32", or "float16" for half the room.
    """

    def __init__(self, folder: Path, skeleton: Skeleton, dtype: str = "float32") -> None:
        if dtype not in ("float32", "float16"):
            raise KinelexError(f"unknown feature type {dtype!r}; choose float32 or float16")
        self.folder, self.skeleton, self.dtype = folder, skeleton, dtype
        self._schema = shard_schema(dtype)
        self._pending: list[StoredClip] = []
        self._bytes = 0
        self._shards: list[dict[str, Any]] = []
        self._statistics = StatisticsSum(skeleton)
        self._ids: set[str] = set()
        self._group_split: dict[str, str] = {}
        self.clips: Counter[str] = Counter()
        self.captions: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()

    def add(self, clip: StoredClip) -> None:
        """Append a clip.

        Raises:
            KinelexError: wrong shape, NaN, a repeated id, an unknown split, or a group of another split.
        """
        self._check(clip)
        self._pending.append(clip)
        self._bytes += clip.features.size * np.dtype(self.dtype).itemsize
        self.clips[clip.split] += 1
        self.captions[clip.split] += len(clip.captions)
        self.frames[clip.split] += len(clip.features)
        if clip.split == "train":
            self._statistics.add(clip.features)
        if self._bytes >= SHARD_BYTES:
            self._flush()

    def _check(self, clip: StoredClip) -> None:
        size = FeatureLayout.of(self.skeleton).size
        if clip.features.ndim != 2 or clip.features.shape[1] != size or not len(clip.features):
            raise KinelexError(
                f"clip {clip.id} has features of shape {clip.features.shape}, not (frames, {size})"
            )
        if not np.isfinite(clip.features).all():
            raise KinelexError(f"clip {clip.id} has NaN or infinite features; repair or leave out its source")
        if clip.id in self._ids:
            raise KinelexError(f"two clips are called {clip.id}; rename one of their files")
        if clip.split not in SPLITS:
            raise KinelexError(f"clip {clip.id} is in the unknown split {clip.split!r}")
        if self._group_split.setdefault(clip.group, clip.split) != clip.split:
            raise KinelexError(f"clips of {clip.group} are in two splits; a recording belongs to one")
        self._ids.add(clip.id)

    def _flush(self) -> None:
        if not self._pending:
            return
        path = self.folder / f"clips-{len(self._shards):05d}.arrow"
        batch = pa.record_batch([_column(name, self._pending, self._schema) for name in self._schema.names],
                                schema=self._schema)  # fmt: skip
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
            writer.write_batch(batch)
        self._shards.append({"file": path.name, "clips": len(self._pending), "sha256": file_hash(path)})
        self._pending, self._bytes = [], 0

    def close(self, about: Mapping[str, Any], skipped: Iterable[Skipped]) -> None:
        """Write the last shard, the statistics, the list of skipped files, and the manifest, which is last.

        Args:
            about: what the manifest says besides: corpus, options, licences, hashes of the input.
        """
        self._flush()
        self._write_statistics()
        with (self.folder / SKIPPED).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(field.name for field in fields(Skipped))
            table.writerows(astuple(row) for row in skipped)
        manifest = {
            "format": FORMAT, **about, "dtype": self.dtype,
            "skeleton": self.skeleton.name, "fps": self.skeleton.fps,
            "splits": {split: self._count(split) for split in SPLITS}, "shards": self._shards,
            "files": {name: file_hash(self.folder / name) for name in (STATISTICS, SKIPPED)},
        }  # fmt: skip
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True)
        (self.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def _count(self, split: str) -> dict[str, Any]:
        hours = round(self.frames[split] / self.skeleton.fps / 3600, 4)
        return {"clips": self.clips[split], "captions": self.captions[split], "hours": hours}

    def _write_statistics(self) -> None:
        """An npz by hand: NumPy's own puts the time of writing into the archive."""
        result = self._statistics.result()
        arrays = {"frames": np.array(result.frames), "mean": result.mean, "variance": result.variance}
        with zipfile.ZipFile(self.folder / STATISTICS, "w") as archive:
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue())


def _column(name: str, clips: list[StoredClip], schema: pa.Schema) -> pa.Array:
    kind = schema.field(name).type
    if name == "frames":
        return pa.array([len(clip.features) for clip in clips], kind)
    if name == "features":
        value = np.float16 if kind.value_type == pa.float16() else np.float32
        flat = np.concatenate([clip.features.ravel() for clip in clips]).astype(value)
        ends = np.cumsum([0, *(clip.features.size for clip in clips)])
        return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(flat), type=kind)
    if name in ("captions", "segments"):
        return pa.array([[asdict(item) for item in getattr(clip, name)] for clip in clips], kind)
    return pa.array([getattr(clip, name) for clip in clips], kind)
