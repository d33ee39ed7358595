"""`kinelex inspect FILE`: what is in a motion file, and how good the motion is."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinelex.cli.options import add_command

if TYPE_CHECKING:
    from kinelex.motion.formats.fbx import FbxTake

DESCRIPTION = """Show what a motion file holds: frames, duration, phrases, and measures of its quality
(foot skating, floor penetration, bone-length deviation, jerk, floating: above the floor and not falling).
Of an fbx file that holds several takes, all are named and the longest is measured.

  kinelex inspect walk.npz"""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "inspect", "show what a motion file holds", DESCRIPTION)
    parser.add_argument("file", help="motion file to read")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the facts of one file as a table."""
    from kinelex.motion.formats import FILE_RATE
    from kinelex.motion.motion import Motion

    motion = Motion.load(options.file, fps=FILE_RATE)
    table = Table(title=escape(options.file), show_header=False)
    table.add_row("frames", str(len(motion)))
    table.add_row("duration", f"{motion.seconds:.2f} s at {motion.fps:g} fps")
    table.add_row("skeleton", motion.skeleton.name)
    for take in _takes(Path(options.file)):
        table.add_row("take", f"{escape(take.name)}, {take.seconds:.2f} s")
    for segment in motion.segments:
        table.add_row(f"{segment.start:.2f} - {segment.end:.2f} s", escape(segment.text))
    for name, value in asdict(motion.quality()).items():
        table.add_row(name.replace("_", " "), f"{value:.4g}")
    Console().print(table)


def _takes(path: Path) -> tuple[FbxTake, ...]:
    """The animations of a file that can hold several; the facts are of the longest."""
    if path.suffix.lower() != ".fbx":
        return ()
    from kinelex.motion.formats.fbx import fbx_takes

    return fbx_takes(path)
