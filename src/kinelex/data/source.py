"""Where a corpus lies: a folder with packs, unpacked or as .tar.xz archives, and their csv indexes."""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kinelex.errors import KinelexError
from kinelex.hashing import file_hash
from kinelex.progress import track


class SourceFolder:
    """The `--source` of a corpus; what is read from it is remembered for the hash of the input."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        if not folder.is_dir():
            raise KinelexError(f"{folder} is not a folder; give the folder that holds the data")
        self.folder = folder
        self._stack = stack
        self._packs: dict[str, Path] = {}
        self._read: dict[str, Path] = {}

    def pack(self, name: str, needed: bool = True) -> Path | None:
        """The unpacked folder of a pack: SOURCE/NAME, SOURCE itself when it is called so, or NAME.tar.xz.

        Raises:
            KinelexError: it is needed and there is none, or the archive is broken.
        """
        if name not in self._packs:
            found = next((path for path in (self.folder / name, self.folder) if _is_pack(path, name)), None)
            archive = next((path for path in sorted(self.folder.glob(f"{name}.tar*"))), None)
            if found is None and archive is not None:
                found = self._unpack(archive, name)
            if found is None:
                if needed:
                    raise KinelexError(
                        f"{self.folder} has neither the folder {name} nor {name}.tar.xz; put one there"
                    )
                return None
            self._packs[name] = found
        return self._packs[name]

    def _unpack(self, archive: Path, name: str) -> Path:
        target = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kinelex-")))
        try:
            with tarfile.open(archive) as tar:
                for member in track(tar, f"unpacking {archive.name}"):
                    tar.extract(member, target, filter="data")
        except (OSError, EOFError, tarfile.TarError) as error:
            raise KinelexError(
                f"cannot unpack {archive}: {error}; give a whole copy of the archive"
            ) from error
        return target / name if (target / name).is_dir() else target

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of SOURCE/NAME, or of the file of that name beside or inside a pack.

        Raises:
            KinelexError: it is missing or no csv.
        """
        places = [self.folder, self.folder.parent, *self._packs.values()]
        path = next((place / name for place in places if (place / name).is_file()), None)
        if path is None:
            raise KinelexError(
                f"{self.folder} has no {name}, the index of the corpus; put it beside the data"
            )
        return read_table(self.use(path, name))

    def use(self, path: Path, name: str) -> Path:
        """Remember a file that decides the result, under a name that no machine's folders are part of."""
        self._read[name] = path
        return path

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file that was used, by name."""
        names = sorted(self._read)
        return {name: file_hash(self._read[name]) for name in track(names, "hashing the input")}


@contextmanager
def open_source(folder: Path) -> Iterator[SourceFolder]:
    """A source folder whose temporary files go away at the end."""
    with ExitStack() as stack:
        yield SourceFolder(folder, stack)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a csv file with a header.

    Raises:
        KinelexError: it cannot be read, or has rows of another width than its header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise KinelexError(f"cannot read {path}: {error}; give a UTF-8 csv file with a header") from error
    for number, row in enumerate(rows, 2):
        if None in row:
            raise KinelexError(
                f"{path}, line {number}: more fields than the header; put quotes around commas"
            )
    return [{key: value or "" for key, value in row.items()} for row in rows]


def _is_pack(path: Path, name: str) -> bool:
    return path.is_dir() and path.name == name
