"""The files of an index. They only grow; the header, renamed into place, says how much of them counts.

INDEX/index.json      which model, which windows, how many clips and vectors count, which clips were removed
INDEX/clips.jsonl     one clip a line
INDEX/spans.i32       (N, 3) number of the clip, first frame and end of every vector
INDEX/vectors.f32     (N, D) unit vectors, memory-mapped
INDEX/graph.faiss     the graph over the first of them, once there are many

A change that was killed leaves bytes that nobody counts; the next one writes over them. Readers that opened the index
before a change keep seeing what they opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError

FORMAT = 1
HEADER, CLIPS, SPANS, VECTORS, GRAPH = "index.json", "clips.jsonl", "spans.i32", "vectors.f32", "graph.faiss"
_LOCK = ".lock"


@dataclass(frozen=True)
class Header:
    """index.json.

    Attributes:
        format: version of the layout.
        model: name of the retrieval model.
        model_sha256: its `weights_hash`; vectors of different models cannot be compared.
        model_folder: where it was when the index was made.
        skeleton: whose features were embedded.
        windows: lengths in seconds of what was embedded besides whole clips.
        width: D.
        vectors: N that count.
        clip_bytes: of clips.jsonl that count.
        removed: numbers of the clips that were taken out.
    """

    format: int
    model: str
    model_sha256: str
    model_folder: str
    skeleton: str
    windows: tuple[float, ...]
    width: int
    vectors: int = 0
    clip_bytes: int = 0
    removed: tuple[int, ...] = ()


@dataclass(frozen=True)
class IndexedClip:
    """A line of clips.jsonl.

    Attributes:
        source: the store, or the folder of the file.
        id: unique within its source.
        caption: what is said about it first; empty when nothing is.
        sha256: of its content.
        frames: of its features.
    """

    source: str
    id: str
    caption: str
    sha256: str
    frames: int


class IndexFiles:
    """An index folder: what is in it, and the two ways in which it changes.

    Attributes:
        folder: of the index.
        header: what counts.
        clips: every clip that was ever added, by number.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open an index.

        Raises:
            KinelexError: there is none, it is damaged, or of another version.
        """
        self.folder = Path(folder)
        self.reload()

    @classmethod
    def create(cls, folder: str | os.PathLike[str], header: Header) -> IndexFiles:
        """A new, empty index.

        Raises:
            KinelexError: something is there already, or the folder cannot be written.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise KinelexError(f"{folder} exists and is no index; choose another --output")
        _write_header(folder, header)
        return cls(folder)

    def reload(self) -> None:
        """See what others have changed since."""
        header = _read_header(self.folder)
        self.clips = self._read_clips(header.clip_bytes)
        self._count(header)

    def _count(self, header: Header) -> None:
        """Map what a header counts."""
        self.header = header
        count, width = header.vectors, header.width
        self.vectors: NDArray[np.float32] = self._mapped(VECTORS, np.dtype("<f4"), (count, width))
        self.spans: NDArray[np.int32] = self._mapped(SPANS, np.dtype("<i4"), (count, 3))

    @property
    def graph(self) -> Path:
        """Where the graph is, or will be."""
        return self.folder / GRAPH

    def live(self) -> NDArray[np.bool_]:
        """(N,) False for the vectors of removed clips."""
        return ~np.isin(self.spans[:, 0], self.header.removed)

    def present(self) -> dict[tuple[str, str], int]:
        """Numbers of the clips that were not removed, by source and id."""
        removed = set(self.header.removed)
        return {
            (clip.source, clip.id): number for number, clip in enumerate(self.clips) if number not in removed
        }

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes from changing the index meanwhile.

        Raises:
            KinelexError: one is doing so.
        """
        lock = FileLock(self.folder / _LOCK)
        try:
            with lock.acquire(timeout=0):
                self.reload()
                yield
        except Timeout as error:
            raise KinelexError(f"another command is changing {self.folder}; wait until it is done") from error

    def append(
        self,
        clips: Sequence[IndexedClip],
        spans: NDArray[np.int32],
        vectors: NDArray[np.float32],
        replaced: Sequence[int] = (),
    ) -> None:
        """Add clips; they are in the index when this returns.

        Args:
            clips: C of them.
            spans: (W, 3), the clips counted from 0.
            vectors: (W, D) unit vectors of the spans.
            replaced: numbers of clips that are taken out at the same moment.

        Raises:
            KinelexError: the disk is full.
        """
        numbered = spans + np.array([len(self.clips), 0, 0], dtype=np.int32)
        lines = "".join(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips).encode()
        header = self.header
        self._write_behind(VECTORS, header.vectors * header.width * 4, vectors.astype("<f4").tobytes())
        self._write_behind(SPANS, header.vectors * 3 * 4, numbered.astype("<i4").tobytes())
        self._write_behind(CLIPS, header.clip_bytes, lines)
        counted = replace(
            header,
            vectors=header.vectors + len(vectors),
            clip_bytes=header.clip_bytes + len(lines),
            removed=tuple(sorted({*header.removed, *replaced})),
        )
        _write_header(self.folder, counted)
        self.clips += clips
        self._count(counted)

    def remove(self, numbers: Sequence[int]) -> None:
        """Take clips out; their bytes stay."""
        if numbers:
            counted = replace(self.header, removed=tuple(sorted({*self.header.removed, *numbers})))
            _write_header(self.folder, counted)
            self._count(counted)

    def _write_behind(self, name: str, counted: int, content: bytes) -> None:
        """Write after the bytes that count; a crash before the header changes undoes it."""
        path = self.folder / name
        try:
            with path.open("ab") as stream:
                stream.truncate(counted)
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise KinelexError(
                f"cannot write {path}: {error.strerror}; free some space and run the command again"
            ) from error

    def _mapped(self, name: str, kind: np.dtype[Any], shape: tuple[int, int]) -> NDArray[Any]:
        """A file as an array that is read when it is used; changes to the array do not reach the file."""
        if not shape[0]:
            return np.zeros(shape, kind)
        try:
            return np.memmap(self.folder / name, dtype=kind, mode="c", shape=shape)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder / name, error) from error

    def _read_clips(self, size: int) -> list[IndexedClip]:
        if not size:
            return []
        path = self.folder / CLIPS
        try:
            with path.open("rb") as stream:
                lines = stream.read(size).splitlines()
            return [IndexedClip(**json.loads(line)) for line in lines]
        except (OSError, ValueError, TypeError) as error:
            raise _damaged(path, error) from error


def _write_header(folder: Path, header: Header) -> None:
    with atomic_path(folder / HEADER) as temporary:
        temporary.write_text(json.dumps(asdict(header), indent=1) + "\n", encoding="utf-8")


def _read_header(folder: Path) -> Header:
    path = folder / HEADER
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise KinelexError(
            f"{folder} is no index: it has no {HEADER}; make one with kinelex index"
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise KinelexError(f"{folder} is an index of another version; make it again with kinelex index")
    try:
        header = Header(**values)
        return replace(header, windows=tuple(header.windows), removed=tuple(header.removed))
    except TypeError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> KinelexError:
    return KinelexError(f"{path} is damaged ({error}); make the index again with kinelex index")
