"""Files appear whole or not at all, alone or several together: write under a temporary name, then rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from kinelex.errors import KinelexError

# Temporary files and their targets, of the `together` block that is open.
_waiting: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("waiting", default=None)


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path with the target's suffix; rename it to `target` when the block succeeds.

    An existing target stays untouched until the rename and after any failure.

    Raises:
        KinelexError: the folder is missing or cannot be written, or the disk is full.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
        )
        os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise KinelexError(f"cannot write {target}: {reason}; choose a writable output path") from error
    temporary, waiting = Path(name), _waiting.get()
    kept = False
    try:
        yield temporary
        temporary.chmod(0o644)
        if waiting is None:
            os.replace(temporary, target)
        else:
            waiting.append((temporary, target))
            kept = True
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if not kept:
            temporary.unlink(missing_ok=True)


@contextmanager
def together() -> Iterator[None]:
    """Every `atomic_path` in the block is renamed at its end, once all are whole, and none after any failure.

    Raises:
        KinelexError: a file that is whole cannot get its name.
    """
    files: list[tuple[Path, Path]] = []
    token = _waiting.set(files)
    try:
        yield
        for temporary, target in files:
            try:
                os.replace(temporary, target)
            except OSError as error:
                raise _unwritable(target, error) from error
    finally:
        _waiting.reset(token)
        for temporary, _ in files:
            temporary.unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> KinelexError:
    return KinelexError(
        f"cannot write {target}: {error.strerror or error}; free some space or choose another path"
    )
