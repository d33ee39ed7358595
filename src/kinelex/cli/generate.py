"""`kinelex generate "TEXT"`: a motion clip from a sentence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.lines import sentences_in
from kinelex.cli.options import (
    add_best_of_option,
    add_command,
    add_model_options,
    add_output_option,
    add_rig_options,
    add_timing_option,
    check_outputs,
    load_pipeline,
    print_findings,
    save_clip,
)
from kinelex.errors import KinelexError, found_in
from kinelex.progress import track

if TYPE_CHECKING:
    from kinelex.pipeline import Prompt

DESCRIPTION = """Generate a motion clip from a sentence.

  kinelex generate "a person walks forward, then waves" --output walk.glb --output walk.npz
  kinelex generate "a person waves" --seed 3 --duration 4 --output wave.bvh --names mixamo --unit cm
  kinelex generate --segments "a person walks forward | a person waves" --output plan.html
  kinelex generate "a person walks, then turns left, then waves" --durations "3, 1.5, 2" --output timed.glb
  kinelex generate "a person kicks with the left leg" --best-of 8 --output kick.glb
  kinelex generate --prompts prompts.txt --output "clips/{index:03d}.glb"

The same text, seed and model give the same motion. The sentence is split into phrases that follow one another (see
kinelex segment), and what it counts is done so often: "squats twice" is two phrases. With --segments you say yourself
what they are. How long each takes is predicted, or said with
--durations; what came of it is printed with the clip, and kept in npz files for kinelex edit.
What the probes of `kinelex probe` can see of the sentence (sides, directions, counts, actions) is looked for in the
clip, and printed; with --best-of N, N - 1 more clips are drawn if the first does not show it all, and the best is kept.
--prompts reads one prompt a line; empty lines and those that begin with # are none. {index} in --output counts the
prompts from 0, and each has its own seed: --seed for the first, one more for every next.
Time goes in steps of a motion token: .2 s for the bundled model. TEXT beside --segments is the sentence as a whole.
To change a part of a clip, or go on after its end, see kinelex edit --help."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "generate", "generate a motion clip from a sentence", DESCRIPTION)
    parser.add_argument("text", nargs="?", help="what the person does")
    add_output_option(parser)
    parser.add_argument(
        "--duration", type=float, metavar="SECONDS", help="length of the clip (default: estimated)"
    )
    parser.add_argument(
        "--max-duration", type=float, metavar="SECONDS", help="cut an estimated length to this"
    )
    parser.add_argument("--segments", metavar='"A | B"', help="the phrases in their order, separated by |")
    parser.add_argument("--durations", metavar='"S, S"', help="seconds of each phrase, separated by commas")
    add_timing_option(parser)
    add_best_of_option(parser)
    parser.add_argument("--prompts", type=Path, metavar="FILE", help="generate every line of a text file")
    add_model_options(parser)
    add_rig_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Generate one clip, or one for each line of --prompts."""
    from kinelex.best_of import best_of, check_number
    from kinelex.pipeline import BATCH_SIZE

    check_number(options.best_of)
    prompts = _prompts(options)
    outputs = [_expand(options.output, index) for index in range(len(prompts))]
    for names in outputs:
        check_outputs(names, options)
    _check_distinct(outputs)
    pipeline = load_pipeline(options)
    batches = range(0, len(prompts), BATCH_SIZE)
    for first in track(batches, "generating") if len(prompts) > BATCH_SIZE else batches:
        batch = prompts[first : first + BATCH_SIZE]
        best = best_of(pipeline, batch, options.best_of, foot_lock=not options.no_foot_lock)
        for place, (chosen, names) in enumerate(zip(best, outputs[first:], strict=False)):
            save_clip(chosen.motion, names, options)
            print_findings(chosen.findings)
            if chosen.floats:
                print(f"  FLOATS: above the floor without falling in {chosen.floating:.0%} of its frames")
            if chosen.seed != prompts[first + place].seed:
                print(f"  the best of {chosen.drawn}: --seed {chosen.seed} gives it again")
            if not chosen.flawless and options.best_of == 1:
                print("  --best-of 8 draws more clips and takes the one that shows most")


def _prompts(options: argparse.Namespace) -> list[Prompt]:
    from kinelex.pipeline import Prompt

    given = [source for source in (options.text, options.prompts, options.segments) if source is not None]
    if not given or (options.prompts is not None and len(given) > 1):
        raise KinelexError('give a text, --segments "A | B", or --prompts FILE')
    timing: dict[str, Any] = {"timing": options.timing}
    if options.max_duration is not None:
        timing["longest"] = options.max_duration
    phrases = tuple(phrase.strip() for phrase in options.segments.split("|")) if options.segments else None
    if options.prompts is None:
        durations = _seconds(options.durations)
        return [Prompt(options.text, options.seed, options.duration, phrases, durations, **timing)]
    if options.durations is not None:
        raise KinelexError("--durations is of one clip's phrases; it does not go with --prompts")
    prompts = []
    for index, line in enumerate(sentences_in(options.prompts)):
        with found_in(f"{options.prompts}, prompt {index}"):
            prompts.append(Prompt(line, options.seed + index, options.duration, **timing))
    return prompts


def _seconds(written: str | None) -> tuple[float, ...] | None:
    if written is None:
        return None
    try:
        return tuple(float(number) for number in written.split(","))
    except ValueError as error:
        raise KinelexError(f'--durations {written!r} is no list of seconds; write "2, 1.5"') from error


def _expand(templates: list[str], index: int) -> list[str]:
    try:
        return [template.format(index=index) for template in templates]
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        raise KinelexError(
            f"--output {templates}: only {{index}} may stand in braces, as in clips/{{index:03d}}.glb"
        ) from error


def _check_distinct(outputs: list[list[str]]) -> None:
    flat = [output for names in outputs for output in names]
    if len(set(flat)) < len(flat):
        raise KinelexError(
            'several prompts would be written to one file; put {index} into --output, as in "{index:03d}.glb"'
        )
