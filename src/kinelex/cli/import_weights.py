"""`kinelex import KIND SOURCE`: published checkpoints to a Kinelex model folder."""

from __future__ import annotations

import argparse
from typing import Any

from kinelex.cli.options import add_command

DESCRIPTION = """Convert published checkpoints that you have into a model folder for --model.

  kinelex import momask checkpoints/t2m --output models/momask
  kinelex generate "a person walks" --model models/momask --output walk.glb

SOURCE is the folder of one data set (t2m or kit) as the MoMask release unpacks it. The text encoder, CLIP
ViT-B/32, is taken from Hugging Face when the model is used."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "import", "convert published checkpoints", DESCRIPTION)
    parser.add_argument("kind", choices=("momask",), help="which release")
    parser.add_argument("source", help="folder of the checkpoints")
    parser.add_argument("--output", required=True, metavar="DIR", help="model folder to write")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Convert and say where the model is."""
    from kinelex.hub import import_momask

    import_momask(options.source, options.output)
    print(f"{options.output}: ready for --model")
