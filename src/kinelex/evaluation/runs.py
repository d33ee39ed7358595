"""An evaluation on disk: one file a repeat, so that it can be stopped, continued, and shared by processes.

FOLDER/settings.json         hashes of model, judges and corpus, and the options: what the repeats belong to
FOLDER/repeats/000.json ...  the result of each repeat
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from kinelex.data.store import MANIFEST, Store
from kinelex.errors import KinelexError
from kinelex.evaluation.candidate import Candidate
from kinelex.evaluation.judges import Judge
from kinelex.evaluation.protocol import Evaluation, ProtocolOptions, RepeatResult
from kinelex.evaluation.provenance import write_json
from kinelex.evaluation.scores import JudgeScores
from kinelex.motion.quality import MotionQuality
from kinelex.processes import process_pool
from kinelex.progress import track

SETTINGS, REPEATS = "settings.json", "repeats"
T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """Where a model or a judge comes from: a hashable value that opens it in any process.

    Attributes:
        identity: name, hash of the weights and whatever else decides what it does, for json.
    """

    @property
    def identity(self) -> dict[str, Any]: ...

    def open(self) -> T_co: ...


@dataclass(frozen=True)
class Setup:
    """Everything that an evaluation depends on.

    Attributes:
        candidate: the model.
        judges: at least one, of different names.
        stores: prepared data.
        options: of the protocol.
    """

    candidate: Source[Candidate]
    judges: tuple[Source[Judge], ...]
    stores: tuple[str, ...]
    options: ProtocolOptions

    def open(self) -> Evaluation:
        """Load all of it.

        Raises:
            KinelexError: something cannot be loaded or does not fit together.
        """
        judges = [source.open() for source in self.judges]
        return Evaluation(self.candidate.open(), judges, Store.open(self.stores), self.options)

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for two repeats to belong to one evaluation.

        Raises:
            KinelexError: a store, the model or a judge is missing.
        """
        corpus = sha256()
        for folder in Store.open(self.stores).folders:
            corpus.update((folder / MANIFEST).read_bytes())
        return {
            "model": self.candidate.identity,
            "judges": [judge.identity for judge in self.judges],
            "corpus": corpus.hexdigest(),
            "options": asdict(self.options),
        }


def run(setup: Setup, folder: Path, repeats: int, processes: int = 1) -> list[RepeatResult]:
    """Run the repeats that the folder does not hold yet; return all of them in their order.

    Processes share nothing but the repeats' numbers. What they find is what one process finds: exactly with the
    same number of torch threads each, up to rounding otherwise.

    Args:
        setup: what is evaluated.
        folder: where results are kept; made when it is not there.
        repeats: how many in all.
        processes: among which to share the repeats.

    Raises:
        KinelexError: the folder cannot be written or holds another evaluation, or the setup is broken.
    """
    if repeats < 1 or processes < 1:
        raise KinelexError(f"{repeats} repeats in {processes} processes: give at least 1 of each")
    claim(folder, setup.settings)
    missing = [number for number in range(repeats) if not _path(folder, number).is_file()]
    several = min(processes, len(missing))
    results = _in_processes(setup, missing, several) if several > 1 else _here(setup, missing, repeats)
    for result in results:
        write_json(asdict(result), _path(folder, result.repeat))
    return [read_repeat(_path(folder, number)) for number in range(repeats)]


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Mark a folder as that of an evaluation with these settings, unless it holds repeats of another one.

    Raises:
        KinelexError: it does, or cannot be written.
    """
    path = folder / SETTINGS
    if any((folder / REPEATS).glob("*.json")):
        found, wanted = _read(path), json.loads(json.dumps(settings))
        different = [name for name in wanted if found.get(name) != wanted[name]]
        if different:
            raise KinelexError(
                f"{folder} holds an evaluation with other {' and other '.join(different)}; "
                "choose another --output, or delete that folder"
            )
    write_json(settings, path)


def _path(folder: Path, number: int) -> Path:
    return folder / REPEATS / f"{number:03d}.json"


def _here(setup: Setup, missing: Sequence[int], repeats: int) -> Iterator[RepeatResult]:
    """One repeat after the other in this process; nothing is loaded when none is missing."""
    if not missing:
        return
    evaluation = setup.open()
    for number in missing:
        yield evaluation.repeat(number, partial(track, description=f"repeat {number + 1} of {repeats}"))


def _in_processes(setup: Setup, missing: Sequence[int], processes: int) -> Iterator[RepeatResult]:
    """Repeats in the order in which processes finish them."""
    threads = max(1, torch.get_num_threads() // processes)
    remedy = "give fewer --processes, and the finished repeats are kept"
    with process_pool(processes, __name__, threads=threads, remedy=remedy) as pool:
        futures: list[Future[RepeatResult]] = [pool.submit(_repeat, setup, number) for number in missing]
        for future in track(as_completed(futures), f"repeats in {processes} processes", total=len(futures)):
            yield future.result()


@lru_cache(maxsize=1)
def _opened(setup: Setup) -> Evaluation:
    return setup.open()


def _repeat(setup: Setup, number: int) -> RepeatResult:
    return _opened(setup).repeat(number)


def read_repeat(path: Path) -> RepeatResult:
    """A repeat as `run` wrote it.

    Raises:
        KinelexError: the file is damaged.
    """
    tree = _read(path)
    try:
        judges = {name: JudgeScores(**scores) for name, scores in tree.pop("judges").items()}
        quality, real = (MotionQuality(**tree.pop(name)) for name in ("quality", "real_quality"))
        return RepeatResult(judges=judges, quality=quality, real_quality=real, **tree)
    except (KeyError, TypeError, AttributeError) as error:
        raise KinelexError(f"{path} is no result of a repeat; delete it and evaluate again") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KinelexError(f"cannot read {path}: {error}; delete it and evaluate again") from error
