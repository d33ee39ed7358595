"""Options that several commands share, and what follows from them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.errors import KinelexError
from kinelex.motion.formats import check_writable, write_all

if TYPE_CHECKING:
    from kinelex.checking.check import Finding
    from kinelex.generators.drawing import Drawing
    from kinelex.motion.motion import Motion
    from kinelex.pipeline import Pipeline


def add_command(commands: Any, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    """A subcommand whose --help shows `description` as it is written, and `kinelex --help` its `summary`."""
    return commands.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_output_option(parser: argparse.ArgumentParser) -> None:
    """Where commands that make clips write them."""
    parser.add_argument(
        "--output", action="append", required=True, metavar="FILE", help="file to write (repeatable)"
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model draws, and how."""
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    add_pipeline_options(parser)
    parser.add_argument(
        "--no-foot-lock",
        action="store_true",
        help="keep planted feet, and jumps that hang in the air, as the model moves them",
    )


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """What `load_pipeline` reads."""
    parser.add_argument(
        "--model",
        default="default",
        metavar="DIR",
        help="model folder, or permissive: the smaller bundled model, of no non-commercial data (default: default)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    add_drawing_options(parser)
    add_text_encoder_option(parser)


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    """How the model draws."""
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the model's)")
    parser.add_argument("--steps", type=int, help="drawing steps (default: the model's)")
    parser.add_argument(
        "--sampler", choices=("ddpm", "ddim", "dpm++"), help="of models that diffuse (default: the model's)"
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"),
        help="arithmetic: bf16 saves a quarter (one clip) to a half (many) of the time on processors with AVX512-BF16, "
        "but takes twice as long on others; the same seed may give another motion (default: the model's, fp32)",
    )  # fmt: skip


def add_text_encoder_option(parser: argparse.ArgumentParser) -> None:
    """Which encoder reads the text."""
    parser.add_argument(
        "--text-encoder", metavar="DIR",
        help="read the text with this encoder (folder, hub id or minilm) instead of the model's own; "
        "the model must have been trained with it",
    )  # fmt: skip


def add_measured_model(parser: argparse.ArgumentParser) -> None:
    """The model that a measuring command is about."""
    parser.add_argument(
        "model", nargs="?", default="default", metavar="MODEL",
        help="model folder (default: the bundled model)",
    )  # fmt: skip


def add_rig_options(parser: argparse.ArgumentParser) -> None:
    """How commands that write rigs name and measure them."""
    parser.add_argument(
        "--names", default="smpl", metavar="PRESET",
        help="joint names in bvh and glb: smpl, mixamo, unreal, unity or vrm (default: smpl)",
    )  # fmt: skip
    parser.add_argument(
        "--unit", default="m", choices=("m", "cm"), help="length unit of bvh files (default: m)"
    )


def check_outputs(outputs: list[str], options: argparse.Namespace) -> None:
    """Fail before the work is done when a file cannot be written.

    Raises:
        KinelexError: what `check_writable` says, or a file is named twice.
    """
    for output in outputs:
        if outputs.count(output) > 1:
            raise KinelexError(f"--output {output} is given twice; give it once")
        check_writable(output, names=options.names, unit=options.unit)


def refuse_own_input(clip: str | Path, outputs: Sequence[str | Path]) -> None:
    """Refuse an output that is the file that is read: what was recorded would be lost.

    Raises:
        KinelexError: so it is.
    """
    for output in outputs:
        if Path(output).resolve() == Path(clip).resolve():
            raise KinelexError(f"{output} is the clip that is read, and would be lost; give another --output")


def load_pipeline(options: argparse.Namespace) -> Pipeline:
    """The model of --model, on --device, drawing as asked, with --text-encoder."""
    # Imported here: torch takes seconds, which --help need not wait for.
    from kinelex.hub.folder import with_text_encoder
    from kinelex.pipeline import Pipeline, load

    asked = drawing(options)
    model = load(options.model, device=options.device)
    if options.text_encoder is not None:
        model = Pipeline(with_text_encoder(model.model, options.text_encoder), model.options)
    return model.with_options(**asked.changes)


def drawing(options: argparse.Namespace) -> Drawing:
    """What --guidance, --steps, --sampler and --precision ask for."""
    from kinelex.generators.drawing import Drawing

    return Drawing(options.guidance, options.steps, options.sampler, options.precision)


def add_timing_option(parser: argparse.ArgumentParser) -> None:
    """How phrases share the time of a clip."""
    parser.add_argument(
        "--timing",
        choices=("predicted", "even"),
        default="predicted",
        help="how phrases share the time: by how long each takes, or evenly (default: predicted)",
    )


def add_best_of_option(parser: argparse.ArgumentParser) -> None:
    """Among how many clips to choose."""
    parser.add_argument(
        "--best-of", type=int, default=1, metavar="N",
        help="draw up to N clips and take the one that shows most of what the sentence says (default: 1)",
    )  # fmt: skip


def save_clip(motion: Motion, outputs: list[str], options: argparse.Namespace) -> None:
    """Write every output, all or none, and say what is in them."""
    write_all(motion, outputs, names=options.names, unit=options.unit)
    spans = "; ".join(f"{part.start:.1f}-{part.end:.1f} s {part.text}" for part in motion.segments)
    print(f"{', '.join(outputs)}: {motion.seconds:.2f} s ({spans})")


def print_findings(findings: Sequence[Finding]) -> None:
    """A line for what a clip shows of its phrases, and one for what it does not."""
    for label, wanted in (("shows", True), ("DOES NOT SHOW", False)):
        told = [str(finding) for finding in findings if finding.right is wanted]
        if told:
            print(f"  {label}: {'; '.join(told)}")


def seconds_between(written: str, seconds: float) -> tuple[float, float]:
    """Start and end of START:END in a clip of `seconds`; either may be left out.

    Raises:
        KinelexError: it says something else.
    """
    start, colon, end = written.partition(":")
    try:
        part = float(start or 0), float(end or seconds)
    except ValueError:
        part = math.nan, math.nan
    if not colon or not all(map(math.isfinite, part)):
        raise KinelexError(f"--between {written} is no part of a clip; write seconds as in 1.5:3, 2: or :2")
    return part
