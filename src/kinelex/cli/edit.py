"""`kinelex edit CLIP`: draw a part of a clip again, or go on after its end."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import (
    add_command,
    add_model_options,
    add_output_option,
    add_rig_options,
    check_outputs,
    load_pipeline,
    refuse_own_input,
    save_clip,
    seconds_between,
)
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.motion.motion import Motion
    from kinelex.pipeline import Pipeline

DESCRIPTION = """Draw a part of a clip again, or go on after its end. Say which part:

  kinelex edit walk.npz --phrase 2 --seed 7 --output take2.npz            the second phrase, drawn differently
  kinelex edit walk.npz "a person jumps" --phrase 2 --output jump.npz     something else in its place
  kinelex edit walk.npz --phrase 2 --duration 4 --output slow.npz         the second phrase, in four seconds
  kinelex edit take.bvh "a person waves" --between 1.5:3 --output wave.glb    what happens from 1.5 to 3 s
  kinelex edit walk.npz "a person runs" --between 2: --output run.npz     another ending, from 2 s on
  kinelex edit walk.npz "a person runs" --between :2 --output start.npz   another beginning, up to 2 s
  kinelex edit walk.npz "a person waves" --extend --output longer.npz         go on after the end

The frames outside the part are kept: those before it as they are, those after it moved over the floor to where
the new part leads. Without --duration, --phrase and --between keep the clip's length. Any motion file and any
length will do; only npz files carry phrases (kinelex inspect shows them), so other files need a text."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "edit", "draw a part of a clip again, or go on after its end", DESCRIPTION)
    parser.add_argument("clip", help="motion file to edit; it is not changed")
    parser.add_argument("text", nargs="?", help="what happens in the new part (default: what the clip says)")
    part = parser.add_mutually_exclusive_group(required=True)
    part.add_argument("--phrase", type=int, metavar="N", help="the clip's N-th phrase, counted from 1")
    part.add_argument("--between", metavar="START:END", help="seconds; either may be left out")
    part.add_argument("--extend", action="store_true", help="new frames after the end")
    parser.add_argument(
        "--duration",
        type=float,
        metavar="SECONDS",
        help="of the new part (default: as long as the old part; with --extend, estimated)",
    )
    add_output_option(parser)
    add_model_options(parser)
    add_rig_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Edit one clip."""
    from kinelex.motion.motion import Motion

    if options.extend and options.text is None:
        raise KinelexError('--extend needs a text that says what happens next, as in "a person waves"')
    refuse_own_input(options.clip, options.output)
    check_outputs(options.output, options)
    clip = Motion.load(options.clip)
    save_clip(_edited(clip, load_pipeline(options), options), options.output, options)


def _edited(clip: Motion, pipeline: Pipeline, options: argparse.Namespace) -> Motion:
    text, seed, foot_lock = options.text, options.seed, not options.no_foot_lock
    if options.extend:
        return pipeline.extend(clip, text, options.duration, seed=seed, foot_lock=foot_lock)
    if options.phrase is not None:
        return pipeline.regenerate(
            clip, options.phrase, text, duration=options.duration, seed=seed, foot_lock=foot_lock
        )
    start, end = seconds_between(options.between, clip.seconds)
    return pipeline.inbetween(
        clip, start, end, text, duration=options.duration, seed=seed, foot_lock=foot_lock
    )
