"""`kinelex evaluate-segments`: how well is a motion cut into its actions?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError
from kinelex.progress import track

if TYPE_CHECKING:
    from kinelex.alignment.motion_segments import MotionSegmenter
    from kinelex.data.store import Store
    from kinelex.evaluation.segmentation import Grounder, LabelledMotion

SEGMENTERS = ("uniform", "change-points", "primitives")
DESCRIPTION = """Measure how well motion is cut into its actions, where the true boundaries are known.

  kinelex prepare compose --source stores/mine --output stores/composed
  kinelex evaluate-segments --corpus stores/composed
  kinelex evaluate-segments --corpus stores/composed --segmenter uniform --segmenter primitives --output segments.json
  kinelex evaluate-segments --corpus stores/composed --retrieval runs/find/model
  kinelex evaluate-segments --corpus stores/composed --babel babel/val.json --motions pose_data

The segmenter is told how many actions there are; retrieval reads what they are. Printed are the distance of its
boundaries from the true ones in seconds and in motion tokens (4 frames), and how many phrases lie in time where they
should (recall at an intersection over union of .3, .5 and .7, the k-th segment being that of the k-th phrase).

uniform       segments of equal length: what everything else must beat
change-points where the statistics of the motion change (kernel change-point detection)
primitives    segments that stay close to one motion primitive, fitted to the training split
retrieval     where a retrieval model finds the phrases; measured when --retrieval names one
grounding     the best window for each phrase on its own, its order and the others not known, found by a generator that
              was trained with alignment; measured when --model names one

With --babel the clips are those of BABEL's annotations, whose motion lies in --motions under its AMASS name;
--corpus then only says what motion looks like on average."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(
        commands, "evaluate-segments", "measure how well motion is cut into its actions", DESCRIPTION
    )
    parser.add_argument(
        "--corpus", action="append", required=True, metavar="DIR", help="store of composed clips (repeatable)"
    )
    parser.add_argument(
        "--split", default="test", metavar="NAME", help="train, val, test or all (default: test)"
    )
    parser.add_argument(
        "--segmenter", action="append", choices=SEGMENTERS, help="which to measure (repeatable; default: all)"
    )
    parser.add_argument("--retrieval", metavar="DIR", help="folder of a retrieval model")
    parser.add_argument("--model", metavar="DIR", help="folder of a generator trained with alignment")
    parser.add_argument("--babel", type=Path, metavar="FILE", help="BABEL's train.json or val.json")
    parser.add_argument("--motions", type=Path, metavar="DIR", help="clips of BABEL's sequences")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write everything as json, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print the table and write the document."""
    from kinelex.data.store import Store
    from kinelex.evaluation.provenance import versions, write_json
    from kinelex.evaluation.segmentation import measure_grounder, measure_segmenter, segment_table

    store = Store.open(options.corpus)
    motions = _motions(options, store)
    segmenters = {name: _segmenter(name, store) for name in options.segmenter or SEGMENTERS}
    if options.retrieval is not None:
        segmenters["retrieval"] = _retrieval_segmenter(options.retrieval)
    scores = {name: measure_segmenter(segmenter, motions) for name, segmenter in segmenters.items()}
    if options.model is not None:
        scores["grounding"] = measure_grounder(_grounder(options.model), motions)
    print(segment_table(scores))
    if options.output is not None:
        document = {
            "stores": [folder.name for folder in store.folders],
            "split": options.split,
            "babel": str(options.babel) if options.babel else None,
            "segmenters": {name: asdict(score) for name, score in scores.items()},
            "versions": versions(),
        }
        write_json(document, options.output)


def _motions(options: argparse.Namespace, store: Store) -> list[LabelledMotion]:
    from kinelex.evaluation.babel import babel_motions, read_babel
    from kinelex.evaluation.segmentation import composed_motions

    if (options.babel is None) != (options.motions is None):
        raise KinelexError("--babel names the annotations and --motions the clips; give both or neither")
    if options.babel is None:
        return composed_motions(store, options.split)
    return babel_motions(read_babel(options.babel), options.motions)


def _retrieval_segmenter(folder: str) -> MotionSegmenter:
    from kinelex.hub import load_retrieval
    from kinelex.retrieval.localisation import RetrievalSegmenter

    return RetrievalSegmenter(load_retrieval(folder))


def _grounder(folder: str) -> Grounder:
    from kinelex.hub import load_model
    from kinelex.search.embedding import aligned_model
    from kinelex.search.grounding import ModelGrounder

    return ModelGrounder(aligned_model(load_model(folder)))


def _segmenter(name: str, store: Store) -> MotionSegmenter:
    import torch

    from kinelex.alignment.motion_segments import ChangePoints, MotionPrimitives, Scale, uniform_cuts

    if name == "uniform":
        return uniform_cuts
    scale = Scale(*map(torch.from_numpy, store.normalization))
    if name == "change-points":
        return ChangePoints(scale)
    indices = store.indices("train")
    clips = (torch.from_numpy(store.features(index).copy()) for index in track(indices, "reading clips"))
    return MotionPrimitives.fit(clips, scale)
