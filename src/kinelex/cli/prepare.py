"""`kinelex prepare CORPUS`: motion files and captions to a store that trainings read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.data.amass.prepare import AmassSources

DESCRIPTION = """Turn a corpus of motion files and captions into a store for training.

  kinelex prepare folder --source my_mocap --output stores/mine
  kinelex prepare bandai-namco --source packs --output stores/bandai
  kinelex prepare humanml3d --source HumanML3D --output stores/humanml3d
  kinelex prepare humanml3d --amass AMASS --body-models body_models --captions HumanML3D --output stores/humanml3d
  kinelex prepare kit --source KIT-ML --output stores/kit
  kinelex prepare compose --source stores/bandai --source stores/cmu --output stores/composed --count 2000
  kinelex prepare describe --source stores/bandai --source stores/cmu --output stores/described

`folder` takes any directory of BVH, FBX, AMC, npy or DeepMimic json files with a captions.csv
(file,caption[,start,end]) or a .txt of the same name beside each file, one caption a line; npz clips of Kinelex bring
their phrases. AMC files do not say how fast they were recorded: 120 frames a second are assumed, unless --recorded-at
says otherwise.
`humanml3d` and `kit` take a folder laid out as published (texts, new_joint_vecs or new_joints, train.txt, val.txt,
test.txt); with --amass, HumanML3D is made from AMASS recordings, SMPL-H body models and HumanML3D's repository
(docs/official-data.md), and a run that was killed goes on when it is typed again. `compose` joins clips of finished
stores into sequences with known boundaries, of two to five actions or of one that goes on; `describe` cuts clips where
geometry sees one thing end and the next begin, and makes captions of that (kinelex describe tells of one clip). The
same command twice changes nothing."""


_HOW_MANY: dict[str, str] = dict.fromkeys(("compose", "describe"), "one --source or several: finished stores")


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "prepare", "prepare motion files for training", DESCRIPTION)
    parser.add_argument(
        "corpus", help="folder, humanml3d, kit, bandai-namco, cmu, acrnn, jump, hdm05, compose or describe"
    )
    parser.add_argument("--source", action="append", metavar="DIR", help="where the files are")
    _add_humanml3d(parser)
    parser.add_argument("--output", required=True, metavar="STORE", help="store to write")
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "float16"), help="float16 takes half the room"
    )
    parser.add_argument(
        "--min-seconds", type=float, help="leave shorter clips out (default: 0.5; describe: 1)"
    )
    parser.add_argument("--max-seconds", type=float, help="cut longer takes (default: 9.8)")
    parser.add_argument(
        "--recorded-at", type=float, metavar="FPS",
        help="folder: frames a second of its AMC files, which do not say it (default: 120)",
    )  # fmt: skip
    parser.add_argument(
        "--max-floating", type=float, default=1.0, metavar="SHARE",
        help="leave out clips that are above the floor, and not falling, for more of their frames, such as climbs: of "
        "those a model learns to hover (default: 1, all are kept)",
    )  # fmt: skip
    parser.add_argument(
        "--made-captions", type=int, default=6, metavar="COUNT",
        help="captions made for a clip that has labels only, or is described (default: 6)",
    )  # fmt: skip
    parser.add_argument(
        "--keep-mirrored", action="store_true",
        help="humanml3d, kit: keep the mirrored clips, which published results count; training mirrors by itself",
    )  # fmt: skip
    _add_derived(parser)
    parser.add_argument(
        "--seed", type=int, default=0, help="of caption templates and of compose (default: 0)"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
    parser.add_argument("--force", action="store_true", help="prepare again even if nothing changed")
    parser.set_defaults(run=run)


def _add_humanml3d(parser: argparse.ArgumentParser) -> None:
    """What HumanML3D is made from."""
    parser.add_argument(
        "--amass", type=Path, metavar="DIR", help="humanml3d: AMASS, its sub-data-sets a folder each"
    )
    parser.add_argument(
        "--body-models",
        type=Path,
        metavar="DIR",
        help="humanml3d: has smplh/male and smplh/female, model.npz in each",
    )
    parser.add_argument(
        "--captions",
        type=Path,
        metavar="DIR",
        help="humanml3d: HumanML3D's repository (index.csv, texts, lists)",
    )


def _add_derived(parser: argparse.ArgumentParser) -> None:
    """Options of the stores that are made from finished ones."""
    parser.add_argument(
        "--count", type=int, default=1000,
        help="training sequences that compose makes, less the few that do not fit together; val and test get as many "
        "in proportion to their actions (default: 1000)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=float, default=0.0, metavar="SHARE",
        help="share of composed sequences in which actions happen twice or three times (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--going-on", type=float, default=0.0, metavar="SHARE",
        help="share of composed sequences that show a walk or a run, longer than recorded, that goes on (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--in-place", type=float, default=0.25, metavar="SHARE",
        help="describe: share of straight walks and runs that are stored a second time, made into steps on the spot, "
        "which hardly any recording shows (default: 0.25)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Prepare and print the report."""
    from kinelex.data.compose import ComposeOptions
    from kinelex.data.corpora import CORPORA
    from kinelex.data.prepare import PrepareOptions, prepare

    processes = {"workers": options.workers, "force": options.force}
    amass = _amass_sources(options)
    sources = [Path(source) for source in options.source or ()]
    if options.corpus not in (*CORPORA, *_HOW_MANY):
        known = ", ".join((*CORPORA, *_HOW_MANY))
        raise KinelexError(f"unknown corpus {options.corpus!r}; choose one of {known}")
    if options.corpus in _HOW_MANY and options.max_floating != 1:
        raise KinelexError("--max-floating is for recordings; give it when the sources are prepared")
    if options.recorded_at is not None and options.corpus != "folder":
        raise KinelexError("--recorded-at is for the AMC files of kinelex prepare folder; leave it out")
    if options.corpus == "describe" and sources:
        from kinelex.describing.store import DescribeOptions, describe_store

        describing = DescribeOptions(
            captions=options.made_captions,
            in_place=options.in_place,
            seed=options.seed,
            dtype=options.dtype,
            **_lengths(options),
        )
        print(describe_store(sources, options.output, describing, **processes).summary())
        return
    if options.corpus == "compose" and sources:
        composing = ComposeOptions(
            sequences=options.count,
            repeats=options.repeats,
            going_on=options.going_on,
            seed=options.seed,
            dtype=options.dtype,
        )
        print(prepare("compose", sources, options.output, composing, **processes).summary())
        return
    settings = PrepareOptions(
        dtype=options.dtype, max_floating=options.max_floating, **_lengths(options),
        captions=options.made_captions, seed=options.seed, keep_mirrored=options.keep_mirrored,
        **({} if options.recorded_at is None else {"amc_fps": options.recorded_at}),
    )  # fmt: skip
    if amass is not None:
        from kinelex.data.amass.prepare import prepare_from_amass

        report = prepare_from_amass(amass, Path(options.output), settings, **processes)
    elif len(sources) == 1:
        report = prepare(options.corpus, sources[0], options.output, settings, **processes)
    else:
        raise KinelexError(f"{options.corpus} takes {_HOW_MANY.get(options.corpus, 'one --source')}")
    print(report.summary())


def _lengths(options: argparse.Namespace) -> dict[str, float]:
    """The lengths that are asked for; each corpus has its own for the others."""
    lengths = {"min_seconds": options.min_seconds, "max_seconds": options.max_seconds}
    return {name: value for name, value in lengths.items() if value is not None}


def _amass_sources(options: argparse.Namespace) -> AmassSources | None:
    """The folders that HumanML3D is made from, where they are given.

    Raises:
        KinelexError: not all of them, or not for HumanML3D.
    """
    given = {name: getattr(options, name) for name in ("amass", "body_models", "captions")}
    if not any(given.values()):
        return None
    if options.corpus != "humanml3d" or options.source:
        raise KinelexError(
            "--amass, --body-models and --captions are for kinelex prepare humanml3d, without --source"
        )
    missing = [f"--{name.replace('_', '-')}" for name, folder in given.items() if folder is None]
    if missing:
        raise KinelexError(
            f"HumanML3D from AMASS also needs {' and '.join(missing)}; see docs/official-data.md"
        )
    from kinelex.data.amass.prepare import AmassSources

    return AmassSources(**given)
