"""`kinelex convert A B`: between motion formats and rigs."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinelex.atomic import together
from kinelex.cli.options import add_command, add_rig_options
from kinelex.errors import KinelexError

DESCRIPTION = """Convert a motion file; the suffixes say from what to what.

  kinelex convert take.bvh take.glb --names mixamo     a rigged, animated figure for game engines
  kinelex convert 02_01.amc walk.npz                   the ASF skeleton is looked for beside the AMC file
  kinelex convert take.fbx take.npz                    mocap as studios and Mixamo deliver it
  kinelex convert pack.fbx walk.glb --take walk        one animation of a file that holds several
  kinelex convert pack.fbx 'clips/{take}.npz'          all of them, a file each
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

# Stands for the name of each take in the name of an output.
_TAKE = "{take}"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "convert", "convert a motion file to another format or rig", DESCRIPTION)
    parser.add_argument("input", help="motion file to read")
    parser.add_argument("output", nargs="+", help="motion file to write; several are allowed")
    parser.add_argument(
        "--take",
        metavar="NAME",
        help="animation to read, of an fbx file that holds several (default: the longest)",
    )
    parser.add_argument("--fps", type=float, help="frames a second to write (default: those of the input)")
    parser.add_argument(
        "--recorded-at",
        type=float,
        metavar="FPS",
        help="frames a second of the recording, where the file does not say (amc, npy) or is wrong",
    )
    parser.add_argument(
        "--recorded-in",
        type=float,
        metavar="METRES",
        help="metres of one unit of a bvh or fbx file, where its size does not tell (0.3048 for feet)",
    )
    parser.add_argument(
        "--asf",
        metavar="FILE",
        help="skeleton of an amc file (default: the one beside it), or the recorded one of a cgspeed bvh",
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
    """Read each take once, write all outputs or none."""
    from kinelex.motion.formats import check_writable

    work = _work(options)
    for _, outputs in work:
        _check_kept(options.input, outputs, options.force)
        for output in outputs:
            check_writable(output, names=options.names, unit=options.unit)
    with together():
        told = [_convert(options, take, outputs) for take, outputs in work]
    for lines in told:
        print(lines)


def _work(options: argparse.Namespace) -> list[tuple[str | None, list[Path]]]:
    """The takes to read, None for the file's only or longest, and the files that each is written to.

    Raises:
        KinelexError: the outputs name takes of a file that cannot have several, or one file for several takes.
    """
    each = [_TAKE in output for output in options.output]
    if not any(each):
        _tell_of_takes(options)
        return [(options.take, list(map(Path, options.output)))]
    if not all(each):
        raise KinelexError(f"put {_TAKE} into the name of every output, or of none")
    if not _is_fbx(options.input):
        raise KinelexError(f"{options.input} holds one clip; leave {_TAKE} out of the output's name")
    from kinelex.motion.formats.fbx import fbx_takes

    names = [take.name for take in fbx_takes(options.input)] if options.take is None else [options.take]
    return [
        (name, [Path(output.replace(_TAKE, stem)) for output in options.output])
        for name, stem in zip(names, _file_names(names), strict=True)
    ]


def _is_fbx(path: str) -> bool:
    return Path(path).suffix.lower() == ".fbx"


def _tell_of_takes(options: argparse.Namespace) -> None:
    """Say which of several takes is read where none is named."""
    if options.take is not None or not _is_fbx(options.input):
        return
    from kinelex.motion.formats.fbx import fbx_takes, longest_take

    takes = fbx_takes(options.input)
    if len(takes) > 1:
        names = ", ".join(f"{take.name} ({take.seconds:.1f} s)" for take in takes)
        print(f"{options.input} holds {len(takes)} takes: {names}; this is {longest_take(takes).name}")


def _file_names(takes: Sequence[str]) -> list[str]:
    """Names of takes as files can have them, none twice."""
    stems: list[str] = []
    for take in takes:
        stem = re.sub(r"[^\w.-]+", "_", take).strip("_.") or "take"
        while stem.lower() in map(str.lower, stems):
            stem += "_"
        stems.append(stem)
    return stems


def _check_kept(source: str, outputs: Sequence[Path], force: bool) -> None:
    """Refuse to overwrite a file of the kind that is read."""
    for output in outputs:
        if not force and os.path.exists(output) and output.suffix.lower() == Path(source).suffix.lower():
            raise KinelexError(
                f"{output} is there already; add --force to overwrite it, or name another file"
            )


def _convert(options: argparse.Namespace, take: str | None, outputs: Sequence[Path]) -> str:
    """Write the outputs of a take; a line on each."""
    from kinelex.motion.formats import FILE_RATE
    from kinelex.motion.motion import Motion

    motion = Motion.load(
        options.input,
        fps=FILE_RATE if options.fps is None else options.fps,
        keep_placement=options.keep_placement,
        recorded_at=options.recorded_at,
        take=take,
        unit=options.recorded_in,
        asf=options.asf,
    )
    lines = []
    for output in outputs:
        written = motion
        if output.suffix.lower() == ".npy" and options.fps is None:
            # Such a file holds no rate: it is read with the one that its joints are published at.
            written = motion.resampled(motion.skeleton.fps)
        written.save(output, names=options.names, unit=options.unit)
        lines.append(f"{output}: {len(written)} frames, {written.seconds:.2f} s at {written.fps:g} fps")
    return "\n".join(lines)
