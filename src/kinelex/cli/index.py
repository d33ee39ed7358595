"""`kinelex index STORE|DIR`: embed clips, so that kinelex search finds them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.search.index import MotionIndex
    from kinelex.search.update import Changes

DESCRIPTION = """Embed whole clips and windows of them with a retrieval model, so that kinelex search finds them.

  kinelex index stores/mine --model runs/find/model --output moves.index
  kinelex index my_mocap --output moves.index              add a folder of motion files; the same again adds what is new
  kinelex index my_mocap --prune --output moves.index      ... and takes out the clips that are no longer there
  kinelex index --remove "walk_*" --output moves.index     take out clips by their ids

A clip that is in the index and has not changed is not embedded again; a run that was stopped goes on where it was.
Findings are shown with the captions of the store, or of a folder's captions.csv and .txt files. The index belongs to
the model that made it. Past 100,000 vectors (some 7,000 clips of ten seconds) a graph over them is kept,
which needs pip install "kinelex[search]"."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "index", "embed clips, to search them by text or motion", DESCRIPTION)
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="prepared store, folder of motion files, or motion file"
    )
    parser.add_argument("--output", required=True, metavar="INDEX", help="folder of the index")
    parser.add_argument(
        "--model", metavar="DIR", help="folder of a retrieval model (default: the one that the index names)"
    )
    parser.add_argument(
        "--window", type=float, action="append", metavar="SECONDS",
        help="length of the parts that are embedded besides whole clips, of a new index (repeatable; default: 2 and 4)",
    )  # fmt: skip
    parser.add_argument("--prune", action="store_true", help="take out clips that are no longer in SOURCE")
    parser.add_argument(
        "--remove", metavar="PATTERN", help="take out the clips with such an id; * and ? allowed"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Create or change an index, and say what is in it."""
    if options.source is None and (options.prune or options.window is not None):
        raise KinelexError("--prune and --window go with a SOURCE; give a store or a folder")
    index = _index(options)
    if options.remove is not None:
        print(f"removed {index.remove(options.remove)} clips")
    if options.source is not None:
        from kinelex.search.sources import clip_source

        _report(index.add(clip_source(options.source), prune=options.prune))
    index.link()
    print(f"{options.output}: {len(index)} clips, {index.vectors} vectors")


def _index(options: argparse.Namespace) -> MotionIndex:
    """The index that is there, or a new one."""
    from kinelex.hub.motion_index import load_index
    from kinelex.hub.retrieval import load_retrieval
    from kinelex.search.index import MotionIndex
    from kinelex.search.index_files import HEADER
    from kinelex.search.windows import WINDOW_SECONDS

    if (Path(options.output) / HEADER).exists():
        if options.window is not None:
            raise KinelexError(f"{options.output} has its windows already; --window is for a new index")
        return load_index(options.output, options.model, options.device)
    if options.source is None:
        raise KinelexError(f"{options.output} is no index; give a SOURCE and --model to make it")
    if options.model is None:
        raise KinelexError(f"{options.output} is new; give --model, a folder of a retrieval model")
    model = load_retrieval(options.model, options.device)
    return MotionIndex.create(options.output, model, options.model, options.window or WINDOW_SECONDS)


def _report(changes: Changes) -> None:
    """Say what became of the clips, and on stderr which were left out."""
    for clip, reason in changes.skipped.items():
        print(f"kinelex: left out {clip}: {reason}", file=sys.stderr)
    counts = ("added", "replaced", "kept", "removed")
    facts = [f"{getattr(changes, name)} {name}" for name in counts if getattr(changes, name)]
    print(
        ", ".join([*facts, *([f"{len(changes.skipped)} left out"] if changes.skipped else [])]) or "no clips"
    )
