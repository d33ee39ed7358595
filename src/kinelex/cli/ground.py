"""`kinelex ground CLIP "sits down"`: when in a motion something happens."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.lines import sentences_in
from kinelex.cli.options import add_command, seconds_between
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.generators.model import MotionModel
    from kinelex.motion.motion import Motion

DESCRIPTION = """Find when a motion does what a phrase says, or which phrase says what it does.

  kinelex ground take.npz "a person sits down"
  kinelex ground take.bvh "a person waves" --model runs/segmo/model --json
  kinelex ground take.npz "a person turns left" --picture turn.png
  kinelex ground take.npz --choose phrases.txt --between 1.5:3

Windows of several lengths slide over the clip and are compared with the phrase in the space that segment
alignment learnt; the best are printed with start and end in seconds and their cosine. --choose reads one sentence a
line and ranks them by how well they say what the clip, or the part --between, does.
Something is always found: the cosine ranks windows and hardly says whether the phrase happens at all. Where the phrase
is about what kinelex check knows (sides, turns, steps, counts), ask that.
The model must have been trained with alignment, as the bundled one and those of the recipes segmo-...,
guided-cpu, bundled, small and finetune were."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "ground", "find when a motion does what a phrase says", DESCRIPTION)
    parser.add_argument("clip", metavar="CLIP", help="motion file")
    parser.add_argument("query", nargs="?", help="what to look for")
    parser.add_argument(
        "--model", default="default", metavar="DIR", help="model with alignment (default: the bundled model)"
    )
    parser.add_argument("--top", type=int, default=3, metavar="N", help="windows to print (default: 3)")
    parser.add_argument(
        "--json", action="store_true", help="print a list of start, end and score, best first"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the similarity over time (png)")
    parser.add_argument(
        "--choose", type=Path, metavar="FILE", help="rank the sentences of a text file instead"
    )
    parser.add_argument(
        "--between", metavar="START:END", help="with --choose: seconds of the part to describe"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Ground a query, or rank sentences."""
    if (options.query is None) == (options.choose is None):
        raise KinelexError(
            'give a phrase to look for, or --choose FILE with sentences, as in kinelex ground CLIP "waves"'
        )
    from kinelex.hub.folder import load_model
    from kinelex.motion.motion import Motion

    if options.between is not None and options.choose is None:
        raise KinelexError("--between goes with --choose; a phrase is looked for in the whole clip")
    motion = Motion.load(options.clip)
    model = load_model(options.model, options.device)
    if options.choose is not None:
        _choose(model, motion, options)
    else:
        _ground(model, motion, options)


def _ground(model: MotionModel, motion: Motion, options: argparse.Namespace) -> None:
    from kinelex.search.grounding import ground

    found = ground(model, motion, options.query, options.top)
    if options.picture is not None:
        from kinelex.search.picture import draw_similarity

        draw_similarity(found, options.picture)
    if options.json:
        rows = [{"start": part.start, "end": part.end, "score": part.score} for part in found.findings]
        print(json.dumps(rows))
        return
    for part in found.findings:
        print(f"{part.start:6.2f} to {part.end:6.2f} s   {part.score:+.3f}")


def _choose(model: MotionModel, motion: Motion, options: argparse.Namespace) -> None:
    from kinelex.search.grounding import describe

    start, end = seconds_between(options.between or ":", motion.seconds)
    ranked = describe(model, motion, sentences_in(options.choose), start, end)
    if options.json:
        print(json.dumps([{"text": text, "score": score} for text, score in ranked]))
        return
    for text, score in ranked:
        print(f"{score:+.3f}   {text}")
