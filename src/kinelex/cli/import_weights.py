"""`kinelex import KIND SOURCE`: published checkpoints to a Kinelex model folder."""

from __future__ import annotations

import argparse
from typing import Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError

DESCRIPTION = """Convert published checkpoints that you have into a folder of Kinelex.

  kinelex import momask checkpoints/t2m --output models/momask
  kinelex generate "a person walks" --model models/momask --output walk.glb

  kinelex import mdm save/humanml_trans_enc_512 --statistics dataset/HumanML3D --output models/mdm
  kinelex generate "a person walks" --model models/mdm --duration 4 --sampler dpm++ --steps 20 --output walk.glb
  kinelex import motiondiffuse checkpoints/t2m/t2m_motiondiffuse --output models/motiondiffuse
  kinelex import mmm output --output models/mmm
  kinelex import length checkpoints/t2m --output models/mmm

  kinelex import evaluator checkpoints/t2m --output judges/official
  kinelex import evaluator checkpoints/t2m --glove glove --output judges/official

SOURCE of momask, length and evaluator is the folder of one data set (t2m or kit) as the MoMask release unpacks it;
of the others, the checkpoint file or a folder with it: model*.pt and args.json of MDM, model/latest.tar and meta of
MotionDiffuse, the transformer's net_last.pth of MMM. Mean and deviation of the features are looked for beside the
checkpoint, or in --statistics. The text encoder (CLIP ViT-B/32, DistilBERT for the variant of MDM) is taken from
Hugging Face when the model is used, or from the folder that --text-encoder names. These three do not say how long a
sentence takes: generate with --duration, or let length put the published length estimator into their folders, as into
that of any model that reads CLIP.
The evaluator needs text_mot_match, Comp_v6_KLD005 and the word vectors, which are looked for in a folder glove beside
them or up to two folders above."""

HOSTS = ("mdm", "motiondiffuse", "mmm")
# Which kinds take which option.
OPTIONS = {"--glove": ("evaluator",), "--statistics": HOSTS, "--text-encoder": ("momask", *HOSTS)}


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "import", "convert published checkpoints", DESCRIPTION)
    parser.add_argument(
        "kind",
        choices=("momask", *HOSTS, "length", "evaluator"),
        help="a generator, the length estimator, or the judge",
    )
    parser.add_argument("source", help="folder of the checkpoints")
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder to write; of length, the model"
    )
    parser.add_argument(
        "--glove", metavar="DIR", help="word vectors of the evaluator, when they lie elsewhere"
    )
    parser.add_argument(
        "--statistics", metavar="DIR", help="mean and deviation of the features, when they lie elsewhere"
    )
    parser.add_argument(
        "--text-encoder", metavar="DIR", help="Hugging Face folder or hub id of the text encoder"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Convert and say where the result is."""
    from kinelex import hub

    for name, kinds in OPTIONS.items():
        given = getattr(options, name.lstrip("-").replace("-", "_")) is not None
        if given and options.kind not in kinds:
            raise KinelexError(f"{name} is for kinelex import {', '.join(kinds)}; leave it out")
    if options.kind == "evaluator":
        hub.import_evaluator(options.source, options.output, options.glove)
        print(f"{options.output}: ready to judge")
    elif options.kind == "length":
        hub.import_length(options.source, options.output)
        print(f"{options.output}: estimates lengths as published")
    else:
        _import_generator(options)
        print(f"{options.output}: ready for --model")


def _import_generator(options: argparse.Namespace) -> None:
    from kinelex import hub

    if options.kind == "momask":
        encoder = {} if options.text_encoder is None else {"text_encoder": options.text_encoder}
        hub.import_momask(options.source, options.output, **encoder)
        return
    importers = {"mdm": hub.import_mdm, "motiondiffuse": hub.import_motiondiffuse, "mmm": hub.import_mmm}
    companions = hub.Companions(options.statistics, options.text_encoder)
    importers[options.kind](options.source, options.output, companions)
