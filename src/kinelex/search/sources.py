"""What can be indexed: prepared stores, folders of motion files, single files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kinelex.data.corpora.folder import folder_captions
from kinelex.data.store import MANIFEST, Store
from kinelex.errors import KinelexError
from kinelex.hashing import file_hash
from kinelex.motion.formats import READABLE
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import Skeleton
from kinelex.search.features import motion_features


@dataclass(frozen=True)
class SourceClip:
    """A clip that may be indexed.

    Attributes:
        id: unique within its source: the clip's id in a store, a file's path within the folder.
        caption: what is said about it first; empty when nothing is.
        sha256: of its content.
        features: reads (T, D) un-normalised features, of the skeleton it is given; raises KinelexError.
    """

    id: str
    caption: str
    sha256: str
    features: Callable[[Skeleton], Tensor]


class ClipSource(Protocol):
    """Somewhere that clips are.

    Attributes:
        root: of the ids; absolute.
    """

    root: Path

    def __len__(self) -> int:
        """How many clips."""
        ...

    def __iter__(self) -> Iterator[SourceClip]:
        """Every clip; nothing of its motion is read but what its hash needs."""
        ...

    def motion(self, clip: str) -> Motion:
        """One clip to look at, by its id.

        Raises:
            KinelexError: it is no longer there.
        """
        ...


class StoreSource:
    """The clips of a prepared store."""

    def __init__(self, root: Path) -> None:
        self.root, self._store = root, Store.open(root)
        self._rows = {name: row for row, name in enumerate(self._store.column("id"))}

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[SourceClip]:
        for row, clip in enumerate(self._store):
            caption = clip.captions[0].text if clip.captions else ""
            yield SourceClip(
                clip.id, caption, hashlib.sha256(clip.features.tobytes()).hexdigest(), self._reader(row)
            )

    def _reader(self, row: int) -> Callable[[Skeleton], Tensor]:
        def features(skeleton: Skeleton) -> Tensor:
            if skeleton != self._store.skeleton:
                raise KinelexError(
                    f"{self.root} has features of {self._store.skeleton.name}, the model reads {skeleton.name}"
                )
            return torch.from_numpy(np.array(self._store.features(row)))

        return features

    def motion(self, clip: str) -> Motion:
        """See `ClipSource`."""
        if clip not in self._rows:
            raise _gone(clip, self.root)
        return self._store[self._rows[clip]].motion(self._store.skeleton)


class FileSource:
    """Motion files of a folder, at any depth, with the captions that a captions.csv or their side-cars hold."""

    def __init__(self, root: Path, files: list[Path]) -> None:
        self.root, self._files = root, files

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[SourceClip]:
        captions = folder_captions(self.root, self._files)
        for path in self._files:
            caption = next((caption.text for caption in captions[path]), "")
            yield SourceClip(
                path.relative_to(self.root).as_posix(), caption, file_hash(path), self._reader(path)
            )

    @staticmethod
    def _reader(path: Path) -> Callable[[Skeleton], Tensor]:
        return lambda skeleton: motion_features(Motion.load(path), skeleton)

    def motion(self, clip: str) -> Motion:
        """See `ClipSource`."""
        path = self.root / clip
        if not path.is_file():
            raise _gone(clip, self.root)
        return Motion.load(path)


def clip_source(path: str | os.PathLike[str]) -> ClipSource:
    """A store, a folder of motion files, or one motion file.

    Raises:
        KinelexError: there is nothing to index.
    """
    path = Path(path).resolve()
    if path.is_file():
        return FileSource(path.parent, [path])
    if (path / MANIFEST).is_file():
        return StoreSource(path)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in READABLE)
    if not files:
        raise KinelexError(
            f"{path} is no store and has no motion files; give a store made by kinelex prepare, or a folder with "
            f"{' '.join(READABLE)} files"
        )
    return FileSource(path, files)


def _gone(clip: str, root: Path) -> KinelexError:
    return KinelexError(f"{clip} is no longer in {root}; index it again with kinelex index")
