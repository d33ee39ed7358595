"""Parameters of the hosts, and seconds that they take to draw a clip on this machine's processor.

    python benchmarks/hosts.py                      base sizes, 120 frames
    python benchmarks/hosts.py --size cpu --frames 196

Weights are random, which changes neither. The text encoder is left out, as it is the same for all. Of samplers with
many steps ten are timed, and count as often as they are taken. Run it on a quiet machine: two threads that wait for a
busy core make every figure several times larger.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from kinelex.generators.base import TextCondition, WordStates
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.generator import MotionDiffusion
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.mmm import MMMSampling, MMMTransformer
from kinelex.generators.momask import MoMask
from kinelex.generators.sampling import SampleNoise
from kinelex.tokenizer.rvqvae import TokenizedMotion
from kinelex.training.hosts import HostRecipe, Widths, load_generator_recipe
from kinelex.training.recipes import Recipe
from kinelex.training.workshop import build_model

WIDTHS = Widths(263, 384, 384)  # MiniLM
WORDS = 16  # of the sentence
SAMPLERS = (
    DiffusionSampling("ddpm", 1000), DiffusionSampling("ddpm", 50), DiffusionSampling("ddim", 50),
    DiffusionSampling("dpm++", 20), DiffusionSampling("dpm++", 10),
)  # fmt: skip
TIMED_STEPS = 10


def text() -> TextCondition:
    """A random sentence."""
    states = torch.randn(1, WORDS, WIDTHS.words)
    words = WordStates(states, torch.ones(1, WORDS, dtype=torch.bool), torch.tensor([WORDS - 1]))
    return replace(TextCondition.of_sentences(torch.randn(1, WIDTHS.sentence)), words=words)


@dataclass(frozen=True)
class Spent:
    """Seconds of wall time, and of processor time, which other programs do not lengthen."""

    wall: float
    processor: float

    def times(self, factor: int) -> Spent:
        """So many times as long."""
        return Spent(factor * self.wall, factor * self.processor)


def seconds(draw: Callable[[], object], repeats: int) -> Spent:
    """The fastest of some runs after a first one."""
    runs = []
    for _ in range(repeats + 1):
        wall, processor = time.perf_counter(), time.process_time()
        draw()
        runs.append(Spent(time.perf_counter() - wall, time.process_time() - processor))
    return min(runs[1:], key=lambda run: run.wall)


def built(recipe: Recipe | HostRecipe) -> dict[str, nn.Module]:
    """The networks of a recipe that drawing takes, untrained."""
    names = [name for name in recipe.stages if name not in ("length", "durations", "decoder")]
    build = recipe.build if isinstance(recipe, HostRecipe) else None
    networks = {
        name: build_model(recipe, name, WIDTHS.sentence) if build is None else build(name, WIDTHS)  # type: ignore[arg-type]
        for name in names
    }
    return {name: network.eval() for name, network in networks.items()}


def rows(host: str, recipe: Recipe | HostRecipe, frames: int, repeats: int) -> list[tuple[str, Spent]]:
    """(sampler, time a clip takes) of every way to draw."""
    networks, lengths = built(recipe), torch.tensor([frames // 4])
    noise = lambda: SampleNoise.of_seeds([0], torch.device("cpu"))  # noqa: E731
    if isinstance(recipe, Recipe):
        momask = MoMask(networks["masked"], networks["residual"])  # type: ignore[arg-type]
        tokenizer = networks["tokenizer"]
        draw = lambda: tokenizer.decode(momask.generate(text(), lengths, [0]))  # noqa: E731
        return [("10 steps", seconds(draw, repeats))]
    if host == "mmm":
        transformer, tokenizer = networks["transformer"], networks["tokenizer"]
        assert isinstance(transformer, MMMTransformer)

        def unmask() -> None:
            ids = transformer.generate(text(), lengths, noise(), MMMSampling())
            tokenizer.decode(TokenizedMotion(ids[..., None], lengths))

        return [("10 steps", seconds(unmask, repeats))]
    denoiser = networks["denoiser"]
    assert isinstance(denoiser, Denoiser)
    scale = 2.5 if denoiser.config.condition_dropout else 1.0
    generator = MotionDiffusion(denoiser, replace(recipe.denoiser.diffusion, steps=1000))  # type: ignore[attr-defined]
    found = []
    for options in SAMPLERS:
        timed = replace(options, steps=TIMED_STEPS, guidance=scale)
        draw = lambda how=timed: generator.generate(text(), lengths, [0], how)  # noqa: E731
        found.append(
            (f"{options.sampler} {options.steps}", seconds(draw, repeats).times(options.steps // TIMED_STEPS))
        )
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("base", "cpu"), default="base", help="whose sizes (default: base)")
    parser.add_argument("--frames", type=int, default=120, help="of the clip (default: 120)")
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use")
    parser.add_argument("--repeats", type=int, default=2, help="the fastest of so many runs counts")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {arguments.threads} threads, load average {os.getloadavg()[0]:.1f}")
    print("| host | parameters (M) | sampler | seconds a clip | processor seconds |")
    print("| --- | ---: | --- | ---: | ---: |")
    for host in ("momask", "mmm", "mdm", "motiondiffuse"):
        name = arguments.size if host == "momask" else f"{host}-{arguments.size}"
        recipe = load_generator_recipe(name)
        count = sum(p.numel() for network in built(recipe).values() for p in network.parameters()) / 1e6
        for sampler, taken in rows(host, recipe, arguments.frames, arguments.repeats):
            print(
                f"| {name} | {count:.1f} | {sampler} | {taken.wall:.2f} | {taken.processor:.2f} |", flush=True
            )


if __name__ == "__main__":
    main()
