"""What a repeat's embeddings say: the metrics of generated motion, and of recorded motion beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.evaluation.metrics import FEW_DIVERSITY_PAIRS, diversity, fid, matching, multimodality

METRICS = ("top1", "top2", "top3", "mm_dist", "fid", "diversity", "multimodality")
Scores = dict[str, float | None]


@dataclass(frozen=True)
class JudgeScores:
    """Metrics by their name, None where there is no such number.

    Attributes:
        metrics: of the generated motion.
        ground_truth: of the recorded motion; its FID is that of a random half against the other.
    """

    metrics: Scores
    ground_truth: Scores


def judge_scores(
    texts: Tensor,
    real: Tensor,
    made: Tensor,
    copies: Tensor | None,
    generator: Callable[[str], torch.Generator],
) -> JudgeScores:
    """Metrics of a repeat.

    Recorded and generated motion get the same pools and pairs, so that their difference is not that of the draws.

    Args:
        texts, real, made: (N, D) embeddings of captions, recorded and generated motion, row by row.
        copies: (M, R, D) of R motions generated from each of M captions; None leaves MultiModality out.
        generator: a fresh generator for a purpose.
    """
    order = torch.randperm(len(real), generator=generator("halves"))
    first, second = real[order[: len(real) // 2]], real[order[len(real) // 2 :]]
    spread = multimodality(copies, generator("copies")) if copies is not None else None
    return JudgeScores(
        {**_alone(texts, made, generator), "fid": fid(real, made), "multimodality": spread},
        {**_alone(texts, real, generator), "fid": fid(first, second), "multimodality": None},
    )


def _alone(texts: Tensor, motions: Tensor, generator: Callable[[str], torch.Generator]) -> Scores:
    """What needs no other motion to compare with; diversity only of enough motions to draw pairs from."""
    found = matching(texts, motions, generator("pools"))
    enough = len(motions) >= FEW_DIVERSITY_PAIRS
    return {
        **{f"top{k}": share for k, share in enumerate(found.r_precision, 1)},
        "mm_dist": found.distance,
        "diversity": diversity(motions, generator("pairs")) if enough else None,
    }
