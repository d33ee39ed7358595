"""Stores made from finished stores: what is common to composing and describing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from kinelex.data.building import remove_leftovers
from kinelex.data.prepare import (
    PrepareReport,
    check_output,
    is_prepared,
    manifest_of,
    report,
    run_parallel,
    write_store,
)  # fmt: skip
from kinelex.data.store import MANIFEST, Store
from kinelex.data.takes import TakeResult
from kinelex.errors import KinelexError
from kinelex.hashing import file_hash


@dataclass(frozen=True, kw_only=True)
class DerivedOptions:
    """What decides the content of a derived store, whatever is derived.

    Attributes:
        captions: sentences a clip.
        seed: of everything that is drawn.
        dtype: "float32" or "float16".
    """

    captions: int = 3
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.captions < 1:
            raise KinelexError(f"{self.captions} captions say nothing; ask for at least one")


_Item = TypeVar("_Item")
_Options = TypeVar("_Options", bound=DerivedOptions)


def derive(
    kind: str, stores: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], options: _Options,
    plan: Callable[[Store, _Options], Sequence[_Item]],
    make: Callable[[tuple[str, ...], _Options, _Item], TakeResult],
    *, workers: int | None, force: bool,
) -> PrepareReport:  # fmt: skip
    """Make a store from others, unless it is there already from the same input and options.

    Args:
        kind: its name in the manifest.
        stores: folders of the sources.
        output: the store's folder, made or replaced as a whole.
        options: what decides the content.
        plan: the items to make.
        make: an item to clips, in a process of its own; it gets the folders to open (`opened`) and the options first.
        workers, force: as for `prepare`.

    Raises:
        KinelexError: a source is no store or damaged, nothing came of them, or the output is no store.
    """
    began = time.monotonic()
    folder, folders = Path(output), tuple(str(Path(store)) for store in stores)
    check_output(folder)
    store = Store.open(folders)
    inputs = {
        f"{number}/{Path(path).name}": file_hash(Path(path) / MANIFEST) for number, path in enumerate(folders)
    }
    licences = sorted({name for manifest in store.manifests for name in manifest["licences"]})
    about = manifest_of(kind, asdict(options), inputs, licences)
    if not force and is_prepared(folder, about["fingerprint"]):
        remove_leftovers(folder)
        return report(folder, False, began)
    store.verify()
    work = partial(make, folders, options)
    results = run_parallel(work, plan(store, options), workers, f"making {kind}")
    write_store(folder, store.skeleton, options.dtype, about, results, ())
    return report(folder, True, began)


@lru_cache(maxsize=2)
def opened(folders: tuple[str, ...]) -> Store:
    """The stores that the items of a worker are made from."""
    return Store.open(folders)
