"""`kinelex probe MODEL`: does a model do what single words say, measured without a learned judge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import (
    add_best_of_option,
    add_command,
    add_drawing_options,
    add_measured_model,
    add_text_encoder_option,
    add_timing_option,
    load_pipeline,
)
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.evaluation.probes.suite import MinimalPair
    from kinelex.motion.motion import Motion
    from kinelex.pipeline import Pipeline

DESCRIPTION = """Probe which words a model obeys.

  kinelex probe
  kinelex probe runs/mine/model --seeds 5 --output probes.json
  kinelex probe default --family "turn side" --family winding
  kinelex probe --validate-only --picture confusions.png

The suite holds pairs of sentences that differ in one word ("raises the left hand", "raises the right hand").
Both are generated, and geometry alone decides whether each did what it says: how far the pelvis turned, which
wrist went up, how often both feet left the ground. A pair is right when both of its members are.
Before that, every probe is asked about recordings with labels that its limits were not set on; its accuracy is
printed, and one below 0.95 on any answer does not score the model.
With --best-of N the same probes choose among N clips before they judge: that tells what `kinelex generate --best-of N`
delivers, not how well the model knows the words."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "probe", "measure which words a model obeys", DESCRIPTION)
    add_measured_model(parser)
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="clips of every sentence (default: 3)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write everything as json, too")
    parser.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="only this family of words (repeatable; default: all)",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the probes' confusions (png)")
    parser.add_argument("--validate-only", action="store_true", help="ask the recordings and no model")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    add_drawing_options(parser)
    add_text_encoder_option(parser)
    add_timing_option(parser)
    add_best_of_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Validate the probes, run the suite, print both tables and write the document."""
    from kinelex.best_of import check_number
    from kinelex.evaluation.probes.picture import draw_confusions
    from kinelex.evaluation.probes.recordings import load_recordings
    from kinelex.evaluation.probes.report import family_table, probe_document, validation_table
    from kinelex.evaluation.probes.scoring import run_suite, score_families
    from kinelex.evaluation.probes.validation import validate
    from kinelex.evaluation.provenance import versions, write_json
    from kinelex.hub.folder import model_identity

    check_number(options.best_of)
    if options.seeds < 1:
        raise KinelexError(f"--seeds is {options.seeds}; give 1 or more")
    pairs = () if options.validate_only else _pairs(options.family)
    validation = validate(load_recordings())
    print(validation_table(validation))
    if options.picture is not None:
        draw_confusions(validation, options.picture)
    verdicts, facts = [], {}
    if not options.validate_only:
        pipeline = load_pipeline(options)
        verdicts = run_suite(
            pairs, lambda texts, seed: _clips(pipeline, texts, seed, options), range(options.seeds)
        )
        facts = {
            "model": asdict(model_identity(options.model)),
            "versions": versions(),
            "seeds": options.seeds,
            "sampling": asdict(pipeline.options),
            "timing": options.timing,
            "best_of": options.best_of,
            "text_encoder": options.text_encoder or "the model's own",
        }
        print("\n" + family_table(score_families(verdicts, validation)))
    if options.output is not None:
        document = {**facts, **probe_document(verdicts, score_families(verdicts, validation), validation)}
        write_json(document, options.output)


def _pairs(families: Sequence[str] | None) -> tuple[MinimalPair, ...]:
    from kinelex.evaluation.probes.suite import minimal_pairs

    pairs = minimal_pairs()
    known = list(dict.fromkeys(pair.family for pair in pairs))
    for family in families or ():
        if family not in known:
            raise KinelexError(f"no family of words is called {family!r}; choose from {', '.join(known)}")
    return tuple(pair for pair in pairs if not families or pair.family in families)


def _clips(pipeline: Pipeline, texts: Sequence[str], seed: int, options: argparse.Namespace) -> list[Motion]:
    """A clip for each text, in batches."""
    from kinelex.best_of import best_of
    from kinelex.pipeline import BATCH_SIZE, Prompt
    from kinelex.progress import track

    prompts = [Prompt(text, seed, timing=options.timing) for text in texts]
    batches = range(0, len(prompts), BATCH_SIZE)
    return [
        chosen.motion
        for first in track(batches, f"generating with seed {seed}")
        for chosen in best_of(pipeline, prompts[first : first + BATCH_SIZE], options.best_of)
    ]
