"""What decoding in bf16 changes: `python benchmarks/precision.py`.

The bundled model draws docs/prompts.txt once; the same tokens are decoded in fp32 and in bf16. Distances are those of
joints before the foot lock, between the two bodies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

import kinelex
from kinelex.generators.model import MoMaskModel
from kinelex.motion.motion import Motion
from kinelex.motion.quality import motion_quality
from kinelex.prompts import Prompt

PROMPTS = Path(__file__).parents[1] / "docs" / "prompts.txt"
MILLIMETRES = 1000.0


@torch.inference_mode()
def decoded(clips: int, seconds: float) -> dict[str, list[Motion]]:
    """The same tokens in both precisions, feet not locked."""
    lines = [line for line in PROMPTS.read_text("utf-8").splitlines() if line][:clips]
    pipeline = kinelex.load("default")
    model, plan = pipeline.model, pipeline.plan([Prompt(line, 0, seconds) for line in lines])
    assert isinstance(model, MoMaskModel)
    tokens = model.generator.generate(plan.condition, plan.lengths, [0] * len(lines), pipeline.options)
    return {
        precision: pipeline.motions(
            model.mirrored_back(model.tokenizer.decode(tokens, precision), plan.condition),
            plan.lengths,
            plan.segments,
            foot_lock=False,
        )
        for precision in ("fp32", "bf16")
    }


def joints(motions: list[Motion]) -> Tensor:
    """(B, T, J, 3) in metres."""
    return torch.stack([torch.from_numpy(motion.positions) for motion in motions])


def jerk(motions: list[Motion]) -> float:
    """Mean in m/s^3."""
    each = [
        motion_quality(torch.from_numpy(motion.positions), motion.fps, motion.skeleton) for motion in motions
    ]
    return sum(quality.jerk_m_s3 for quality in each) / len(each)


def main() -> None:
    """Print the distances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=28, help="prompts, from the first on")
    parser.add_argument("--seconds", type=float, default=9.8, help="of each")
    arguments = parser.parse_args()
    motions = decoded(arguments.clips, arguments.seconds)
    exact, rounded = joints(motions["fp32"]), joints(motions["bf16"])
    body = ((exact - exact[..., :1, :]) - (rounded - rounded[..., :1, :])).norm(dim=-1) * MILLIMETRES
    path = (exact - rounded)[:, -1, 0].norm(dim=-1) * MILLIMETRES
    print(f"joints seen from the root: {body.mean():.1f} mm on average, {body.max():.0f} mm at most")
    print(f"root after {arguments.seconds:g} s: {path.mean():.1f} mm on average, {path.max():.0f} mm at most")
    print(f"jerk: {jerk(motions['fp32']):.1f} m/s^3 in fp32, {jerk(motions['bf16']):.1f} in bf16")


if __name__ == "__main__":
    main()
