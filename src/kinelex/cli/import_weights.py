"""`kinelex import KIND SOURCE`: published checkpoints to a Kinelex model folder."""

from __future__ import annotations

import argparse
from typing import Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError

DESCRIPTION = """Convert published checkpoints that you have into a folder of Kinelex.

  kinelex import momask checkpoints/t2m --output models/momask
  kinelex generate "a person walks" --model models/momask --output walk.glb

  kinelex import length checkpoints/t2m --output models/mine

  kinelex import evaluator checkpoints/t2m --output judges/official
  kinelex import evaluator checkpoints/t2m --glove glove --output judges/official

SOURCE is the folder of one data set (t2m or kit) as the MoMask release unpacks it. The text encoder of momask, CLIP
ViT-B/32, is taken from Hugging Face when the model is used, or from the folder that --text-encoder names. length
puts the published length estimator into a model folder that is there and reads CLIP. The evaluator needs
text_mot_match, Comp_v6_KLD005 and the word vectors, which are looked for in a folder glove beside them or up to two
folders above."""

# Options that one kind alone reads.
_ONLY_FOR = {"--glove": "evaluator", "--text-encoder": "momask"}


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "import", "convert published checkpoints", DESCRIPTION)
    parser.add_argument(
        "kind",
        choices=("momask", "length", "evaluator"),
        help="a generator, its length estimator, or the judge",
    )
    parser.add_argument("source", help="folder of the checkpoints")
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder to write; of length, the model"
    )
    parser.add_argument(
        "--glove", metavar="DIR", help="word vectors of the evaluator, when they lie elsewhere"
    )
    parser.add_argument(
        "--text-encoder", metavar="DIR", help="folder of CLIP ViT-B/32, in place of the one on Hugging Face"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Convert and say where the result is."""
    from kinelex.hub import import_evaluator, import_length, import_momask

    for name, kind in _ONLY_FOR.items():
        if options.kind != kind and getattr(options, name.lstrip("-").replace("-", "_")) is not None:
            raise KinelexError(f"{name} is for kinelex import {kind}; leave it out")
    if options.kind == "evaluator":
        import_evaluator(options.source, options.output, options.glove)
        print(f"{options.output}: ready to judge")
    elif options.kind == "length":
        import_length(options.source, options.output)
        print(f"{options.output}: estimates lengths as published")
    else:
        encoder = {} if options.text_encoder is None else {"text_encoder": options.text_encoder}
        import_momask(options.source, options.output, **encoder)
        print(f"{options.output}: ready for --model")
