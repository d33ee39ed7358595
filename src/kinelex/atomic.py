"""Files appear whole or not at all: write under a temporary name beside the target, then rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelex.errors import KinelexError


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
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise KinelexError(
            f"cannot write {target}: {error.strerror or error}; free some space or choose another path"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
