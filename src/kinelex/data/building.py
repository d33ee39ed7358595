"""A store is built beside its place, by one process at a time, and put there when it is complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from kinelex.errors import KinelexError

_BUILDING, _LOCK = ".building", ".lock"


@contextmanager
def built_beside(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; when the block succeeds it takes the place of what stood there.

    Raises:
        KinelexError: the place cannot be written, or another process is building the same store; what stood there is
            kept.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _remove(_leftovers(folder))
            building = Path(tempfile.mkdtemp(prefix=_prefix(folder), suffix=_BUILDING, dir=folder.parent))
            try:
                yield building
                building.chmod(0o755)
                if folder.exists():
                    shutil.rmtree(folder)
                os.replace(building, folder)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except Timeout as error:
        raise KinelexError(f"another kinelex prepare is writing {folder}; wait until it is done") from error
    except OSError as error:
        raise KinelexError(
            f"cannot write {folder}: {error.strerror or error}; free some space or choose another output folder"
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left beside a store, unless a process is at work there, which will do it."""
    if not _leftovers(folder):
        return
    # The store is complete and may lie where nothing can be written: what cannot be removed harms nobody.
    with suppress(Timeout, OSError), _alone(folder):
        _remove(_leftovers(folder))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a store's place; the system frees it when its holder is killed.

    Raises:
        Timeout: another process holds it.
    """
    path = folder.parent / f".{folder.name}{_LOCK}"
    with FileLock(path).acquire(timeout=0):
        try:
            yield
        finally:
            # While it is held, so that nobody loses a lock; Windows removes none that is open.
            with suppress(OSError):
                path.unlink()


def _leftovers(folder: Path) -> list[Path]:
    """Folders in which the store was being built; nobody builds there while one holds the lock."""
    prefix = _prefix(folder)
    if not folder.parent.is_dir():
        return []
    return [
        path
        for path in folder.parent.iterdir()
        if path.name.startswith(prefix)
        and path.name.endswith(_BUILDING)
        # Not those of the store NAME.other.
        and "." not in path.name[len(prefix) : -len(_BUILDING)]
    ]


def _prefix(folder: Path) -> str:
    return f".{folder.name}."


def _remove(folders: list[Path]) -> None:
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
