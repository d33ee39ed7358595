"""`prepare`: a corpus of motion files to a store. The same input and options give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.data.building import built_beside, remove_leftovers
from kinelex.data.corpora import CORPORA, LICENCES, Plan
from kinelex.data.processing import process_take
from kinelex.data.source import open_source, read_table
from kinelex.data.store import MANIFEST, SKIPPED, SPLITS, changed_files, read_manifest
from kinelex.data.store_writer import CAPTIONS, LIST, Skipped, StoreWriter
from kinelex.data.takes import PrepareOptions, TakeResult
from kinelex.errors import KinelexError
from kinelex.motion.skeleton import Skeleton
from kinelex.processes import process_pool
from kinelex.progress import track

if TYPE_CHECKING:
    from kinelex.data.compose import ComposeOptions

# Raised whenever the same input would give another store; part of the fingerprint.
PROCESSING = 6
COMPOSE = "compose"
_CHUNK = 4
# Reasons that the summary names, the most frequent first.
_REASONS = 6


@dataclass(frozen=True)
class PrepareReport:
    """What `prepare` did.

    Attributes:
        output: the store.
        changed: False when the store was already there, of the same input and options.
        splits: for each split, counts of clips and captions, and hours.
        skipped: what was left out; also in the store's skipped.csv.
        seconds: wall time.
    """

    output: Path
    changed: bool
    splits: Mapping[str, Mapping[str, float]]
    skipped: tuple[Skipped, ...]
    seconds: float

    def total(self, what: str) -> float:
        """Clips, captions or hours over all splits."""
        return sum(self.splits[split][what] for split in SPLITS)

    def summary(self) -> str:
        """A few lines for the terminal."""
        lines = [
            f"{self.output}: "
            + ("prepared" if self.changed else "already prepared from the same input; nothing changed")
        ]
        for split in SPLITS:
            count = self.splits[split]
            lines.append(
                f"  {split:5} {count['clips']:6.0f} clips  {count['captions']:6.0f} captions"
                f"  {count['hours']:7.3f} h"
            )
        lines.append(f"  {len(self.skipped)} files or parts left out, see {SKIPPED}; {self.seconds:.1f} s")
        return "\n".join([*lines, *(f"    {count} x {reason}" for reason, count in self._reasons())])

    def _reasons(self) -> list[tuple[str, int]]:
        """The most frequent reasons, and of what a person can mend all, with how often each occurs."""
        counts = Counter(each.reason for each in self.skipped)
        mendable = {each.reason for each in self.skipped if each.part in (CAPTIONS, LIST)}
        frequent = {reason for reason, count in counts.most_common(_REASONS) if count > 1}
        return [(reason, count) for reason, count in counts.most_common() if reason in frequent | mendable]


def prepare(
    corpus: str,
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    options: PrepareOptions | ComposeOptions | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
) -> PrepareReport:
    """Turn a corpus into a store.

    Args:
        corpus: a name of CORPORA, or "compose". (`describing.store.describe_store` makes described stores.)
        source: the folder that holds the data: unpacked packs or their .tar.xz archives, and the csv indexes.
            For "compose" the stores to compose from.
        output: the store's folder, made or replaced as a whole.
        options: what decides the content; ComposeOptions for "compose".
        workers: processes; all cores when not given. Does not change the result.
        force: prepare again even when nothing changed.

    Raises:
        KinelexError: unknown corpus, missing data, nothing usable in it, or an output that is no store.
    """
    if corpus == COMPOSE:
        return _compose(source, output, options, workers, force)
    if corpus not in CORPORA:
        raise KinelexError(f"unknown corpus {corpus!r}; choose one of {', '.join(CORPORA)}, {COMPOSE}")
    began = time.monotonic()
    options = options or PrepareOptions()
    if not isinstance(options, PrepareOptions) or not isinstance(source, (str, os.PathLike)):
        raise KinelexError(f"corpus {corpus} takes one source folder and PrepareOptions")
    folder = Path(output)
    check_output(folder)
    with open_source(Path(source)) as data:
        plan = CORPORA[corpus].plan(data, options)
        about = manifest_of(corpus, asdict(options), data.hashes(), CORPORA[corpus].licences)
        return carry_out(plan, about, folder, options, workers, force, began)


def carry_out(
    plan: Plan, about: Mapping[str, Any], folder: Path, options: PrepareOptions,
    workers: int | None, force: bool, began: float,
) -> PrepareReport:  # fmt: skip
    """Make the store that a plan describes, unless it is there already."""
    if not force and is_prepared(folder, about["fingerprint"]):
        remove_leftovers(folder)
        return report(folder, False, began)
    work = partial(process_take, options=options)
    results = run_parallel(work, plan.takes, workers, f"preparing {about['corpus']}")
    write_store(folder, plan.skeleton, options.dtype, about, results, plan.skipped)
    return report(folder, True, began)


def _compose(source: Any, output: Any, options: Any, workers: int | None, force: bool) -> PrepareReport:
    from kinelex.data.compose import ComposeOptions, compose

    if options is not None and not isinstance(options, ComposeOptions):
        raise KinelexError("compose takes ComposeOptions")
    stores = [source] if isinstance(source, (str, os.PathLike)) else source
    return compose(stores, output, options, workers=workers, force=force)


def manifest_of(
    corpus: str, options: Mapping[str, Any], inputs: Mapping[str, str], licences: Iterable[str]
) -> dict[str, Any]:
    """What the manifest says of a store's origin; `fingerprint` sums up all that decides its content."""
    about = {
        "corpus": corpus, "options": dict(options), "inputs": dict(inputs), "processing": PROCESSING,
        "kinelex": version("kinelex"), "licences": {name: LICENCES.get(name, name) for name in licences},
    }  # fmt: skip
    text = json.dumps(about, sort_keys=True)
    return {**about, "fingerprint": hashlib.sha256(text.encode()).hexdigest()}


def check_output(folder: Path) -> None:
    """Refuse to replace what is no store.

    Raises:
        KinelexError: the output exists and is neither a store nor an empty folder.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise KinelexError(f"{folder} is not empty and no store; choose another output folder")
    if folder.exists() and not folder.is_dir():
        raise KinelexError(f"{folder} is a file; choose a folder for the store")


def is_prepared(folder: Path, fingerprint: str) -> bool:
    """Whether the folder is a store with this fingerprint, and all of its files are as they were written."""
    if not (folder / MANIFEST).is_file():
        return False
    manifest = read_manifest(folder)
    return manifest.get("fingerprint") == fingerprint and not changed_files(folder, manifest)


def run_parallel(work: Any, items: Sequence[Any], workers: int | None, description: str) -> Iterator[Any]:
    """Results of `work` in the order of the items, from several processes with one torch thread each.

    Raises:
        KinelexError: fewer than one process is asked for, or a process was killed.
    """
    if workers is not None and workers < 1:
        raise KinelexError(f"{workers} worker processes cannot work; give at least one")
    count = min(workers or os.cpu_count() or 1, max(len(items) // _CHUNK, 1))
    if count == 1:
        yield from track((work(item) for item in items), description, total=len(items))
        return
    with process_pool(count, "kinelex.data.takes", remedy="give fewer --workers") as pool:
        yield from track(pool.map(work, items, chunksize=_CHUNK), description, total=len(items))


def write_store(
    folder: Path, skeleton: Skeleton, dtype: str, about: Mapping[str, Any],
    results: Iterable[TakeResult], skipped: Iterable[Skipped],
) -> None:  # fmt: skip
    """Write a store beside `folder` and put it in its place when it is complete.

    Raises:
        KinelexError: the place cannot be written, another process writes there, or no clip was usable; what stood
            there is kept.
    """
    with built_beside(folder) as building:
        writer = StoreWriter(building, skeleton, dtype)
        left_out, kept = list(skipped), set[str]()
        for result in results:
            left_out += result.skipped
            for clip in result.clips:
                writer.add(clip)
                kept.add(clip.source.partition("/")[2])
        # What is said of a motion matters only if it is there.
        told = [each for each in left_out if each.part != CAPTIONS or each.file in kept]
        if not writer.clips:
            first = next((f" ({each.file}: {each.reason})" for each in told if each.part != LIST), "")
            raise KinelexError(f"no usable clip for {folder}{first}; check the source")
        writer.close(about, told)


def report(folder: Path, changed: bool, began: float) -> PrepareReport:
    """The report of a store that is in place."""
    skipped = tuple(Skipped(**row) for row in read_table(folder / SKIPPED))
    return PrepareReport(folder, changed, read_manifest(folder)["splits"], skipped, time.monotonic() - began)


__all__ = ["COMPOSE", "PrepareOptions", "PrepareReport", "prepare"]
