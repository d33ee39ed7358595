"""Time of generation at the published sizes with random weights: `python benchmarks/generation.py [--device cuda]`.

Text features are given; the clock runs over both transformers and decoding. The published
MoMask code takes 0.35 s for 120 frames and 17.6 s for 32 clips of 196 frames on a 2-core machine; other devices are
compared with it all the same.
Run it on a quiet machine: two threads that wait for a busy core make every figure several times larger.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass

import torch

from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.momask import MoMask
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.sampling import SamplingOptions
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig

TEXT_WIDTH = 512  # CLIP, as in the published models
PUBLISHED = {(1, 120): 0.35, (32, 196): 17.6}  # (clips, frames): seconds


@dataclass(frozen=True)
class Models:
    """The generator and the tokenizer."""

    generator: MoMask
    tokenizer: RVQVAE


@dataclass
class Clock:
    """Seconds of wall time and processor time spent in each named part."""

    wall: dict[str, float]
    processor: dict[str, float]

    def total(self) -> float:
        """Wall time of all parts."""
        return sum(self.wall.values())


def wait_for(device: str) -> None:
    """A processor is never behind."""
    if device == "cuda":
        torch.cuda.synchronize()


class Timed:
    """Adds the time of a `with` block to a clock; a GPU has finished its work at both ends."""

    def __init__(self, clock: Clock, part: str, device: str) -> None:
        self.clock, self.part, self.device = clock, part, device

    def __enter__(self) -> None:
        wait_for(self.device)
        self.start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wait_for(self.device)
        for spent, start, now in zip(
            (self.clock.wall, self.clock.processor),
            self.start,
            (time.perf_counter(), time.process_time()),
            strict=True,
        ):
            spent[self.part] = spent.get(self.part, 0.0) + now - start


def random_models(device: str) -> Models:
    """Networks of the paper's sizes."""
    torch.manual_seed(0)
    masked = MaskTransformer(MaskTransformerConfig(text_width=TEXT_WIDTH)).eval()
    residual = ResidualTransformer(ResidualTransformerConfig(text_width=TEXT_WIDTH)).eval()
    tokenizer = RVQVAE(RVQVAEConfig()).eval()
    for layer in tokenizer.quantizer.codebooks:
        layer.codebook.normal_()
    return Models(MoMask(masked.to(device), residual.to(device)), tokenizer.to(device))


def time_parts(generator: MoMask, clock: Clock, device: str) -> None:
    """Put the clock around both transformers' generation."""
    for part, network in (("mask", generator.masked), ("residual", generator.residual)):

        def timed(*arguments: object, original=network.generate, part: str = part) -> torch.Tensor:
            with Timed(clock, part, device):
                return original(*arguments)

        network.generate = timed


@torch.inference_mode()
def measure(models: Models, clips: int, frames: int, precision: str, device: str) -> Clock:
    """One generation of a batch."""
    tokens = frames // models.tokenizer.config.downsampling
    condition = TextCondition.of_sentences(torch.randn(clips, TEXT_WIDTH, device=device))
    lengths, options = torch.full((clips,), tokens, device=device), SamplingOptions(precision=precision)
    clock = Clock({}, {})
    networks = models.generator.at_precision(precision)
    plain = networks.masked.generate, networks.residual.generate
    time_parts(networks, clock, device)
    motion = models.generator.generate(condition, lengths, range(clips), options)
    networks.masked.generate, networks.residual.generate = plain
    with Timed(clock, "decode", device):
        models.tokenizer.decode(motion, precision)
    return clock


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    models = random_models(arguments.device)
    load = os.getloadavg()[0]
    print(
        f"{arguments.device}, torch {torch.__version__}, {arguments.threads} threads, load average {load:.1f}"
    )
    print("| clips x frames | numbers | mask | residual | decode | total s | cpu s | times faster |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for (clips, frames), published in PUBLISHED.items():
        for precision in ("fp32", "bf16"):
            runs = [
                measure(models, clips, frames, precision, arguments.device)
                for _ in range(arguments.repeats + 1)
            ][1:]
            best = min(runs, key=Clock.total)
            parts = " | ".join(f"{best.wall[part]:.3f}" for part in ("mask", "residual", "decode"))
            total, processor = best.total(), sum(best.processor.values())
            head = f"| {clips} x {frames} | {precision} | {parts}"
            print(f"{head} | {total:.3f} | {processor:.2f} | {published / total:.1f} |", flush=True)


if __name__ == "__main__":
    main()
