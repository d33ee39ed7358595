"""Seconds from sentence to joints, text and foot lock included: `python benchmarks/latency.py [--model base]`.

`bundled` is the model that comes with Kinelex, `permissive` the smaller one, of recipe `small`; `base` has the
published sizes with random weights and the same text encoder: its joints are those of no real motion, and its memory
holds the bundled networks too. Models are warm.
Batches draw sentences from docs/prompts.txt. Peak memory is that of the process up to the row's end, Python and all
libraries included. Run it on a quiet machine: two threads that wait for a busy core make every figure several times
larger.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from kinelex.generators.model import MoMaskModel
from kinelex.hub import load_model
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.training.recipes import load_recipe
from kinelex.training.workshop import build_model

PROMPTS = Path(__file__).parents[1] / "docs" / "prompts.txt"
PARTS = ("text", "transformers", "decoder", "joints, feet")
SIZES = ((1, 6.0), (8, 6.0), (32, 9.8))  # clips, seconds of each

Made = TypeVar("Made")


@dataclass
class Spent:
    """Seconds of each part of one generation."""

    parts: dict[str, float]

    def on(self, part: str, work: Callable[[], Made]) -> Made:
        """Do the work and note its time."""
        start = time.perf_counter()
        made = work()
        self.parts[part] = time.perf_counter() - start
        return made

    def total(self) -> float:
        """Of all parts."""
        return sum(self.parts.values())


def bundled_model(name: str = "default") -> MoMaskModel:
    """A model that comes with Kinelex."""
    model = load_model(name)
    assert isinstance(model, MoMaskModel)
    return model


def base_model() -> MoMaskModel:
    """Untrained networks of the paper's sizes; skeleton, normaliser and text side are those of the bundled model."""
    torch.manual_seed(0)
    recipe, bundled = load_recipe("base"), bundled_model()
    networks = {
        name: build_model(recipe, name, bundled.encoder.dim) for name in ("tokenizer", "masked", "residual")
    }
    for layer in networks["tokenizer"].quantizer.codebooks:
        layer.codebook.normal_()
    made = replace(bundled, alignment=None, sampling=recipe.sampling, **networks).to("cpu")
    assert isinstance(made, MoMaskModel)
    return made


MODELS = {"bundled": bundled_model, "permissive": partial(bundled_model, "permissive"), "base": base_model}


@torch.inference_mode()
def generate(pipeline: Pipeline, prompts: list[Prompt]) -> Spent:
    """One batch, as `Pipeline.generate_batch` makes it, part by part; sentences are split anew."""
    model, spent = pipeline.model, Spent({})
    assert isinstance(model, MoMaskModel)
    plan = spent.on("text", lambda: pipeline.plan([replace(prompt) for prompt in prompts]))
    seeds = [prompt.seed for prompt in prompts]
    tokens = spent.on(
        "transformers",
        lambda: model.generator.generate(plan.condition, plan.lengths, seeds, pipeline.options),
    )
    features = spent.on(
        "decoder",
        lambda: model.mirrored_back(
            model.tokenizer.decode(tokens, pipeline.options.precision), plan.condition
        ),
    )
    spent.on("joints, feet", lambda: pipeline.motions(features, plan.lengths, plan.segments))
    return spent


def prompts_of(clips: int, seconds: float) -> list[Prompt]:
    """Different sentences, then the same with other seeds."""
    lines = [line.strip() for line in PROMPTS.read_text("utf-8").splitlines() if line.strip()]
    return [Prompt(lines[number % len(lines)], number, seconds) for number in range(clips)]


def peak_mebibytes() -> float:
    """Largest memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="bundled", help="which (default: bundled)")
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use")
    parser.add_argument("--repeats", type=int, default=5, help="the fastest of so many runs counts")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], choices=("fp32", "bf16"))
    parser.add_argument(
        "--option",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a sampling option, such as guided_share 0.5 or residual_guidance 1; may be given again",
    )
    arguments = parser.parse_args()
    options = {name: float(value) if "." in value else int(value) for name, value in arguments.option}
    torch.set_num_threads(arguments.threads)
    model = MODELS[arguments.model]()
    print(
        f"{arguments.model}, torch {torch.__version__}, {arguments.threads} threads, "
        f"load average {os.getloadavg()[0]:.1f}, {options or 'as the model draws'}"
    )
    print(f"| clips x s | numbers | {' | '.join(PARTS)} | total s | clips/s | peak MiB |")
    print("| --- | --- |" + " ---: |" * (len(PARTS) + 3))
    for clips, seconds in SIZES:
        prompts = prompts_of(clips, seconds)
        for precision in arguments.precision:
            pipeline = Pipeline(model).with_options(precision=precision, **options)
            best = min(
                [generate(pipeline, prompts) for _ in range(arguments.repeats + 1)][1:], key=Spent.total
            )
            parts = " | ".join(f"{best.parts[part]:.3f}" for part in PARTS)
            print(
                f"| {clips} x {seconds:g} | {precision} | {parts} | {best.total():.3f} | "
                f"{clips / best.total():.1f} | {peak_mebibytes():.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
