"""A judge and a model without weights. They import little, so that other processes open them in no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinelex.data.captions import Caption
from kinelex.evaluation.samples import seed_of
from kinelex.motion.skeleton import HUMANML3D

WIDTH = 6


class TinyJudge:
    """Random projections of a motion's mean and deviation; a random vector for every text."""

    name, description = "tiny", "random projections"

    def embed_text(self, captions: Sequence[Caption]) -> Tensor:
        return torch.stack(
            [
                torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed_of(each.text)))
                for each in captions
            ]
        )

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        projection = torch.randn(2 * features.shape[-1], WIDTH, generator=torch.Generator().manual_seed(0))
        described = [
            torch.cat([own[:frames].mean(0), own[:frames].std(0)])
            for own, frames in zip(features.cpu(), lengths.tolist(), strict=True)
        ]
        return torch.stack(described) @ projection


@dataclass(frozen=True)
class TinyJudgeSource:
    """Opens the judge in any process."""

    name: str = "tiny"

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": self.name}

    def open(self) -> TinyJudge:
        return TinyJudge()


class NoiseModel:
    """Draws every motion from its seed alone."""

    skeleton, frames_per_token = HUMANML3D, 4

    def prepare(self, texts: Sequence[str]) -> None:
        assert texts

    def generate(self, texts: Sequence[str], tokens: Tensor, seeds: Sequence[int]) -> Tensor:
        made = torch.zeros(len(texts), 4 * int(tokens.max()), 263)
        for own, count, seed in zip(made, tokens.tolist(), seeds, strict=True):
            own[: 4 * count] = torch.randn(4 * count, 263, generator=torch.Generator().manual_seed(seed))
        return made

    def estimate(self, texts: Sequence[str]) -> Tensor:
        return torch.tensor([len(text) for text in texts])


@dataclass(frozen=True)
class NoiseModelSource:
    """Opens the model in any process."""

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": "noise"}

    def open(self) -> NoiseModel:
        return NoiseModel()
