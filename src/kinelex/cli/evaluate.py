"""`kinelex evaluate MODEL`: the standard protocol of text-to-motion, in one command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command, add_drawing_options, add_measured_model, drawing
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.evaluation.candidate import ModelCandidate
    from kinelex.evaluation.judges import Judge
    from kinelex.generators.drawing import Drawing, Sampling

JUDGES = ("official", "corpus", "retrieval")
BUNDLED = "bundled"
DESCRIPTION = """Evaluate a model: R-precision, MM-Dist, FID, Diversity, MultiModality, and quality without a judge.

  kinelex evaluate default --corpus stores/mine
  kinelex evaluate default --corpus stores/mine --judge runs/judge/model
  kinelex evaluate runs/mine/model --corpus stores/mine --judge official --judge corpus --output reports/mine
  kinelex evaluate runs/mine/model --corpus stores/mine --judge corpus --repeats 3 --limit 100 --multimodality 0

Each repeat draws a caption for every clip of the test split, generates motion of the clip's own length, and lets the
judge compare it with the captions and the recordings; the recordings themselves are judged beside it. OUTPUT gets
report.json, report.md and plots. A stopped evaluation goes on at the first missing repeat when the same command is
given again, and asking for more --repeats adds to those that are there.

A judge is an evaluator folder: kinelex train evaluator makes one on your data, kinelex import evaluator converts the
published one, and a small one comes with Kinelex and judges when no other is named. A retrieval
model (kinelex train retrieval-cpu) judges too, by cosines; its distances have another scale. official, corpus and
retrieval stand for the folders judges/official, judges/corpus and judges/retrieval of the current directory. The first
--judge leads the report. Two models are compared by the same judge only: see kinelex compare --help.

Most of the time goes into MultiModality, which generates 30 motions for each of 96 captions in every repeat;
--multimodality 0 leaves it out."""


@dataclass(frozen=True)
class ModelFolder:
    """A model folder and how to draw with it, which any process can open."""

    folder: str
    device: str
    drawing: Drawing

    @property
    def identity(self) -> dict[str, Any]:
        """Name, hash and sampling options."""
        from kinelex.hub.folder import model_identity

        return {**asdict(model_identity(self.folder)), "sampling": asdict(self._sampling)}

    @property
    def _sampling(self) -> Sampling:
        from kinelex.generators.drawing import changed
        from kinelex.hub.folder import model_folder, read_config

        return changed(read_config(model_folder(self.folder)).sampling, **self.drawing.changes)

    def open(self) -> ModelCandidate:
        """Load the model."""
        from kinelex.evaluation.candidate import ModelCandidate
        from kinelex.pipeline import load

        return ModelCandidate(load(self.folder, self.device).model, self._sampling)


@dataclass(frozen=True)
class JudgeFolder:
    """Folder of an evaluator or of a retrieval model, which any process can open."""

    folder: str
    device: str

    @property
    def identity(self) -> dict[str, Any]:
        """Name, hash, and what reads its captions."""
        from kinelex.hub import judge_identity

        return judge_identity(self.folder)

    def open(self) -> Judge:
        """Load the judge."""
        from kinelex.hub import load_judge

        return load_judge(self.folder, self.device)


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "evaluate", "measure a model by the standard protocol", DESCRIPTION)
    add_measured_model(parser)
    parser.add_argument(
        "--corpus", action="append", required=True, metavar="DIR", help="prepared data (repeatable)"
    )
    parser.add_argument(
        "--judge", action="append", metavar="NAME",
        help="bundled, official, corpus, retrieval, or a judge's folder (repeatable; default: bundled)",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument(
        "--output", type=Path, default=Path("report"), metavar="DIR", help="folder to write (default: report)"
    )
    parser.add_argument(
        "--split", default="test", metavar="NAME", help="train, val, test or all (default: test)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="so many clips from all over the split")
    parser.add_argument(
        "--multimodality", type=int, default=96, metavar="N",
        help="captions that are generated 30 times in each repeat (default: 96)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    add_drawing_options(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="share the repeats among N (default: 1)"
    )
    parser.add_argument("--no-plots", action="store_true", help="write no pictures (they need matplotlib)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the report and print its tables."""
    from kinelex.evaluation.plots import require_matplotlib, write_plots
    from kinelex.evaluation.protocol import ProtocolOptions
    from kinelex.evaluation.report import build_report, report_tables, write_report
    from kinelex.evaluation.runs import Setup
    from kinelex.evaluation.runs import run as run_repeats

    if not options.no_plots:
        require_matplotlib()  # now, and not after hours
    setup = Setup(
        ModelFolder(options.model, options.device, drawing(options)),
        _judges(options.judge or [BUNDLED], options.device),
        tuple(options.corpus),
        ProtocolOptions(options.seed, options.split, options.limit, options.multimodality),
    )
    results = run_repeats(setup, options.output, options.repeats, options.processes)
    report = build_report(setup, results)
    write_report(report, options.output)
    if not options.no_plots:
        write_plots(report, [error for each in results for error in each.duration_errors], options.output)
    print(report_tables(report))
    print(f"written to {options.output}")


def _judges(names: Sequence[str], device: str) -> tuple[JudgeFolder, ...]:
    judges = tuple(JudgeFolder(str(_judge_folder(name)), device) for name in names)
    known: dict[str, str] = {}
    for judge in judges:
        other = known.setdefault(judge.identity["name"], judge.folder)
        if other != judge.folder or len(set(judges)) < len(judges):
            raise KinelexError(
                f"{other} and {judge.folder} are judges of one name; give each judge once, and train or import "
                "them under different names"
            )
    return judges


def _judge_folder(name: str) -> Path:
    if name == BUNDLED:
        return Path(str(resources.files("kinelex"))) / "models" / "judge"
    folder = Path("judges") / name if name in JUDGES and not Path(name).is_dir() else Path(name)
    if not folder.is_dir():
        raise KinelexError(
            f"there is no judge {folder}; make one with kinelex train evaluator, or convert the published one "
            f"with kinelex import evaluator SOURCE --output {folder}"
        )
    return folder
