"""`kinelex evaluate-retrieval`: does a sentence find its motion, and a motion its sentence?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinelex.cli.options import add_command

DESCRIPTION = """Measure a retrieval model: recall at rank 1, 2, 3, 5, 10 and median rank, both ways.

  kinelex evaluate-retrieval runs/find/model --corpus stores/mine
  kinelex evaluate-retrieval runs/find/model --corpus stores/a --corpus stores/b --output retrieval.json

all           every sentence among all motions of the split
threshold     the same; the motion of a sentence that says nearly the same is right as well
dissimilar    among 100 sentences of which no two say nearly the same
small batches among 32 (mean over the split), as Guo et al. 2022 do it

The protocols are those of TMR (Petrovich et al. 2023); each clip has its first caption. Sentences are compared by the
language model of the retrieval model, so that the protocols threshold and dissimilar depend on it."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(
        commands, "evaluate-retrieval", "measure how texts find motions and motions texts", DESCRIPTION
    )
    parser.add_argument("model", type=Path, metavar="DIR", help="folder of a retrieval model")
    parser.add_argument(
        "--corpus", action="append", required=True, metavar="DIR", help="prepared data (repeatable)"
    )
    parser.add_argument(
        "--split", default="test", metavar="NAME", help="train, val, test or all (default: test)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write everything as json, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print the table and write the document."""
    from kinelex.data.store import Store
    from kinelex.evaluation.provenance import versions, write_json
    from kinelex.evaluation.retrieval import measure_retrieval, retrieval_table
    from kinelex.hub import load_retrieval

    model, store = load_retrieval(options.model), Store.open(options.corpus)
    scores = measure_retrieval(model, store, options.split)
    print(retrieval_table(scores))
    if options.output is not None:
        document = {
            "model": {"name": model.name, "sha256": model.weights_hash},
            "stores": [folder.name for folder in store.folders],
            "split": options.split,
            "protocols": {name: asdict(both) for name, both in scores.items()},
            "versions": versions(),
        }
        write_json(document, options.output)
