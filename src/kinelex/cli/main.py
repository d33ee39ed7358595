"""Entry point: builds the parser from the subcommands and turns KinelexError into one sentence and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from kinelex.cli import (
    check,
    compare,
    convert,
    describe,
    edit,
    evaluate,
    evaluate_retrieval,
    evaluate_segments,
    generate,
    ground,
    import_weights,
    index,
    inspect,
    prepare,
    probe,
    search,
    segment,
    serve,
    studio,
    train,
    words,
)
from kinelex.errors import KinelexError

COMMANDS = (
    generate,
    edit,
    segment,
    ground,
    check,
    describe,
    index,
    search,
    serve,
    studio,
    convert,
    inspect,
    prepare,
    train,
    evaluate,
    evaluate_retrieval,
    evaluate_segments,
    compare,
    probe,
    words,
    import_weights,
)

DESCRIPTION = """Kinelex turns a sentence into 3D human motion.

  kinelex generate "a person walks forward, then waves" --output walk.glb
  kinelex edit walk.npz "a person jumps" --phrase 2 --output jump.npz
  kinelex segment "a person sits down after walking"
  kinelex convert walk.bvh walk.glb
  kinelex prepare folder --source my_mocap --output stores/mine
  kinelex train cpu --store stores/mine --output runs/mine
  kinelex evaluate runs/mine/model --corpus stores/mine --judge runs/judge/model
  kinelex probe runs/mine/model
  kinelex ground take.npz "sits down" --model runs/segmo/model
  kinelex check take.npz
  kinelex describe take.bvh
  kinelex index stores/mine --model runs/find/model --output moves.index
  kinelex search moves.index "a person sits down"
  kinelex serve --port 8000
  kinelex studio

Each command explains itself: kinelex COMMAND --help"""


def build_parser() -> argparse.ArgumentParser:
    """The command-line parser with every subcommand."""
    parser = argparse.ArgumentParser(
        prog="kinelex", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"kinelex {metadata.version('kinelex')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 on success, 1 where the answer is no, 2 when the input is wrong (one sentence on stderr says what to do),
        130 when interrupted.
    """
    options = build_parser().parse_args(arguments)
    try:
        code = options.run(options) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, as in `kinelex ... | head`, has seen enough. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KinelexError as error:
        print(f"kinelex: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("kinelex: interrupted", file=sys.stderr)
        return 130
    return code
