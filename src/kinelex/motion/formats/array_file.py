"""Read NumPy arrays from files nobody vouches for: no pickles, no sizes that the file does not have."""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from kinelex.errors import KinelexError

# What numpy and zipfile raise for damaged files (seen in fuzzing): RuntimeError is an encrypted member,
# SyntaxError and TokenError come from the header's Python literal.
DAMAGE = (
    ValueError, TypeError, KeyError, OverflowError, EOFError, OSError, MemoryError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_array(stream: IO[bytes], size: int, name: str) -> NDArray[Any]:
    """The array of one .npy stream of `size` bytes.

    The header is held against the size before anything is allocated: a damaged one may claim terabytes.

    Raises:
        KinelexError: not an .npy stream, a pickle, or cut off; `name` says of what.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy comments on odd headers; they are judged below
            shape, fortran, dtype = _read_header(stream)
        if dtype.hasobject:
            raise KinelexError(
                f"{name} holds Python objects (a pickle), which may run code; save plain numbers instead"
            )
        if math.prod(shape) * dtype.itemsize != size - stream.tell():
            raise KinelexError(
                f"{name} is cut off or damaged: its size is not what its header says; copy it again"
            )
        values = np.frombuffer(stream.read(), dtype=dtype)
        return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
    except DAMAGE as error:
        raise KinelexError(
            f"{name} is not a readable NumPy array ({error}); export or copy it again"
        ) from error


def read_archive(
    archived: Path | IO[bytes], names: Iterable[str], source: str | None = None
) -> dict[str, NDArray[Any]]:
    """Those of the arrays called `names` that an .npz file has; others are not looked at.

    Args:
        archived: the file, or its content in memory.
        names: of the arrays.
        source: what messages call the file, if not by its path.

    Raises:
        KinelexError: no readable archive, or one of these arrays is a pickle or cut off.
    """
    called = source or str(archived)
    try:
        with zipfile.ZipFile(archived) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            arrays = {}
            for name in names:
                if name in members:
                    with archive.open(members[name]) as stream:
                        arrays[name] = read_array(stream, members[name].file_size, f"{called}: {name}")
            return arrays
    except DAMAGE as error:
        raise KinelexError(
            f"{called} is not a readable .npz file ({error}); export or copy it again"
        ) from error


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        return npy_format.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy_format.read_array_header_2_0(stream)
    raise ValueError(f"npy version {version[0]}.{version[1]}")


def one_number(values: NDArray[Any], name: str) -> float:
    """The value of an array that holds one.

    Raises:
        KinelexError: several values, or no real number.
    """
    if values.size != 1 or values.dtype.kind not in "fiu":
        raise KinelexError(f"{name} has shape {values.shape} and type {values.dtype}; give one number")
    return float(values.reshape(()))


def real_numbers(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """A writable float32 copy.

    Raises:
        KinelexError: not integers or real floating-point numbers.
    """
    if values.dtype.kind not in "fiu":
        raise KinelexError(f"{name} holds {values.dtype} values; give real numbers such as float32")
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # what overflows becomes infinite, which Motion refuses
        return np.array(values, dtype=np.float32, order="C")
