"""Training speed of each stage: `python benchmarks/training.py [--recipe base] [--device cpu]`.

On made-up data of the real sizes: windows of 64 frames; for the transformers sequences of 10 to 49 tokens,
evenly, with a sentence and one to five phrases each. `--longest` makes all of them 49 tokens with five
phrases, the size to which the published SegMo step pads everything: that step (batch 64, official sizes,
tokenizer and text encoder in the loop) takes 2.7 s on two cores.
"""

from __future__ import annotations

import argparse
import time

import torch
from rich.console import Console
from rich.table import Table

from kinelex.motion.skeleton import HUMANML3D
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.cache import Sequences
from kinelex.training.corpus import Corpus, FrameBank, Split
from kinelex.training.durations import LengthStage
from kinelex.training.loop import Stage, Training, make_fabric
from kinelex.training.recipes import Recipe, load_recipe
from kinelex.training.stages import TokenizerStage, TokenStage
from kinelex.training.workshop import build_model

STAGES = ("tokenizer", "length", "masked", "residual")
TEXT_WIDTH, TOKENS, CLIPS, PUBLISHED_SECONDS = 384, 49, 2048, 2.7


def made_up_corpus(recipe: Recipe) -> Corpus:
    """Noise in place of motion."""
    generator = torch.Generator().manual_seed(0)
    frames = CLIPS * TOKENS
    features = torch.randn(frames, recipe.tokenizer.model.features, generator=generator)
    starts = torch.arange(0, frames, 4 * TOKENS)
    bank = FrameBank(features, starts, torch.full_like(starts, 4 * TOKENS))
    split = Split(bank, ())
    return Corpus(HUMANML3D, FeatureNormalizer(features.shape[1]), split, split, "noise")


def made_up_sequences(recipe: Recipe, longest: bool) -> Sequences:
    """Random tokens and text vectors."""
    generator = torch.Generator().manual_seed(0)
    model = recipe.tokenizer.model
    starts = torch.arange(0, CLIPS * TOKENS, TOKENS)[:, None]
    rows = torch.arange(CLIPS)
    lengths = (
        torch.full((CLIPS, 1), TOKENS)
        if longest
        else torch.randint(10, TOKENS + 1, (CLIPS, 1), generator=generator)
    )
    sentences = torch.randint(CLIPS, (CLIPS, 6), generator=generator)
    if not longest:
        phrases = torch.randint(1, 6, (CLIPS, 1), generator=generator)
        sentences[torch.arange(6) > phrases] = -1
    return Sequences(
        ids=torch.randint(model.codes, (CLIPS * TOKENS, model.quantizers), generator=generator).to(
            torch.int16
        ),
        starts=starts,
        lengths=lengths,
        first_sentence=rows,
        sentence_count=torch.ones_like(rows),
        sentences=sentences,
        vectors=torch.randn(CLIPS, TEXT_WIDTH, generator=generator),
        known=torch.zeros(CLIPS, 5, dtype=torch.long),
    )


def build_stage(name: str, recipe: Recipe, device: torch.device, longest: bool = False) -> Stage:
    """A stage on made-up data."""
    model = build_model(recipe, name, TEXT_WIDTH)
    if name == "tokenizer":
        return TokenizerStage(model, made_up_corpus(recipe), recipe.data.window, mirror=True, device=device)
    data = made_up_sequences(recipe, longest)
    if name == "length":
        return LengthStage(model, data, data, "noise", max_tokens=TOKENS, device=device)
    return TokenStage(
        name,
        model,
        data,
        data,
        "noise",
        max_tokens=TOKENS,
        segment_dropout=0.1,
        span_dropout=0.3,
        device=device,
    )


def seconds_per_step(training: Training, device: torch.device, budget: float) -> float:
    """Median of repeated steps within `budget` seconds, after a warm-up."""
    for _ in range(3):
        training.take_step()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - began < budget:
        start = time.perf_counter()
        for _ in range(20 if device.type == "cuda" else 1):
            training.take_step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / (20 if device.type == "cuda" else 1))
    return sorted(times)[len(times) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="base")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument(
        "--batch-size", type=int, help="of all stages; default: 64 on a CPU, the recipe's on a GPU"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="measuring time of a stage")
    parser.add_argument(
        "--precision", choices=("auto", "bf16", "fp32"), help="of all stages; default: the recipe's"
    )
    parser.add_argument("--longest", action="store_true", help="no short sequences")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    arguments = parser.parse_args()
    batch_size = arguments.batch_size or (64 if arguments.device == "cpu" else None)
    wanted = {"batch_size": batch_size, "precision": arguments.precision}
    changes = [
        f"{stage}.train.{key}={value}"
        for stage in STAGES
        for key, value in wanted.items()
        if value is not None
    ]
    recipe = load_recipe(arguments.recipe, changes)
    table = Table(
        f"recipe {recipe.name} on {arguments.device}",
        "batch",
        "s a step",
        "steps/s",
        "samples/s",
        "published / ours",
    )
    for name in arguments.stages:
        config = recipe.training(name)
        fabric = make_fabric(arguments.device, config.precision)
        training = Training(build_stage(name, recipe, fabric.device, arguments.longest), config, fabric)
        spent = seconds_per_step(training, fabric.device, arguments.seconds)
        comparable = name == "masked" and recipe.name == "base" and config.batch_size == 64
        table.add_row(
            name, str(config.batch_size), f"{spent:.4f}", f"{1 / spent:.2f}",
            f"{config.batch_size / spent:.0f}",
            f"{PUBLISHED_SECONDS / spent:.1f} x" if comparable else "",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
