"""`kinelex convert A B`: between motion formats and rigs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from kinelex.cli.options import add_command, add_rig_options
from kinelex.errors import KinelexError

DESCRIPTION = """Convert a motion file; the suffixes say from what to what.

  kinelex convert take.bvh take.glb --names mixamo     a rigged, animated figure for game engines
  kinelex convert 02_01.amc walk.npz                   the ASF skeleton is looked for beside the AMC file
  kinelex convert take.fbx take.npz                    mocap as studios and Mixamo deliver it
  kinelex convert take.amc take.bvh --recorded-at 60   AMC and npy files do not say; 120 and 20 are assumed
  kinelex convert walk.npz walk.png                    a film strip to look at
  kinelex convert walk.npz walk.html                   a player that opens in any browser

Every frame is kept unless --fps says otherwise; npy files, which hold no rate, get the 20 a second that models know.
Figures from bvh, fbx, amc and json files are put on the floor at x = z = 0, facing +Z at frame 0; --keep-placement
leaves them where they were recorded.
A file of the kind that is read is not overwritten without --force: `kinelex convert *.bvh` would else write the first
clip into all the others.
Reads bvh, fbx (needs pip install "kinelex[fbx]"), amc, json (DeepMimic), npz, npy. Writes npz, npy, bvh, glb, mp4,
png, html."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "convert", "convert a motion file to another format or rig", DESCRIPTION)
    parser.add_argument("input", help="motion file to read")
    parser.add_argument("output", nargs="+", help="motion file to write; several are allowed")
    parser.add_argument("--fps", type=float, help="frames a second to write (default: those of the input)")
    parser.add_argument(
        "--recorded-at",
        type=float,
        metavar="FPS",
        help="frames a second of the recording, where the file does not say (amc, npy) or is wrong",
    )
    parser.add_argument(
        "--keep-placement",
        action="store_true",
        help="leave the figure where it was recorded (bvh, fbx, amc, json)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files of the kind that is read")
    add_rig_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read once, write each output."""
    from kinelex.motion.formats import FILE_RATE
    from kinelex.motion.motion import Motion

    for output in map(Path, options.output):
        if (
            not options.force
            and os.path.exists(output)
            and output.suffix.lower() == Path(options.input).suffix.lower()
        ):
            raise KinelexError(
                f"{output} is there already; add --force to overwrite it, or name another file"
            )
    fps = FILE_RATE if options.fps is None else options.fps
    motion = Motion.load(
        options.input,
        fps=fps,
        keep_placement=options.keep_placement,
        recorded_at=options.recorded_at,
    )
    for output in options.output:
        written = motion
        if Path(output).suffix.lower() == ".npy" and options.fps is None:
            # Such a file holds no rate: it is read with the one that its joints are published at.
            written = motion.resampled(motion.skeleton.fps)
        written.save(output, names=options.names, unit=options.unit)
        print(f"{output}: {len(written)} frames, {written.seconds:.2f} s at {written.fps:g} fps")
