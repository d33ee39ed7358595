"""`kinelex prepare CORPUS`: motion files and captions to a store that trainings read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kinelex.cli.options import add_command

DESCRIPTION = """Turn a corpus of motion files and captions into a store for training.

  kinelex prepare folder --source my_mocap --output stores/mine
  kinelex prepare bandai-namco --source packs --output stores/bandai
  kinelex prepare humanml3d --source HumanML3D --output stores/humanml3d
  kinelex prepare compose --source stores/bandai --source stores/cmu --output stores/composed --count 2000

`folder` takes any directory of BVH, AMC or npy files with a captions.csv (file,caption[,start,end]) or a .txt of
the same name beside each file, one caption a line. `compose` joins clips of finished stores into sequences of two
to five actions with known boundaries. The same command twice changes nothing."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "prepare", "prepare motion files for training", DESCRIPTION)
    parser.add_argument("corpus", help="folder, humanml3d, bandai-namco, cmu, acrnn, jump, hdm05 or compose")
    parser.add_argument("--source", action="append", required=True, metavar="DIR", help="where the files are")
    parser.add_argument("--output", required=True, metavar="STORE", help="store to write")
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "float16"), help="float16 takes half the room"
    )
    parser.add_argument(
        "--min-seconds", type=float, default=0.5, help="leave shorter clips out (default: 0.5)"
    )
    parser.add_argument("--max-seconds", type=float, default=9.8, help="cut longer takes (default: 9.8)")
    parser.add_argument(
        "--captions", type=int, default=6, help="captions of a clip that has labels only (default: 6)"
    )
    parser.add_argument(
        "--count", type=int, default=1000, help="sequences that compose makes (default: 1000)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of caption templates and of compose (default: 0)"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
    parser.add_argument("--force", action="store_true", help="prepare again even if nothing changed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prepare and print the report."""
    from kinelex.data.compose import ComposeOptions
    from kinelex.data.prepare import PrepareOptions, prepare
    from kinelex.errors import KinelexError

    sources = [Path(source) for source in options.source]
    if options.corpus == "compose":
        composing = ComposeOptions(sequences=options.count, seed=options.seed, dtype=options.dtype)
        report = prepare(
            "compose", sources, options.output, composing, workers=options.workers, force=options.force
        )
    elif len(sources) == 1:
        settings = PrepareOptions(
            dtype=options.dtype, min_seconds=options.min_seconds, max_seconds=options.max_seconds,
            captions=options.captions, seed=options.seed,
        )  # fmt: skip
        report = prepare(
            options.corpus, sources[0], options.output, settings, workers=options.workers, force=options.force
        )
    else:
        raise KinelexError(f"{options.corpus} takes one --source; only compose takes several")
    print(report.summary())
