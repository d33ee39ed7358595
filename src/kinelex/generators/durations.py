"""How long things take: the length estimator of a sentence, and the durations of its phrases."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.base import MAX_SEGMENTS
from kinelex.generators.masked import IGNORED, TokenLoss, token_loss


@dataclass(frozen=True)
class LengthEstimatorConfig:
    """Architecture of the estimator.

    Attributes:
        text_width: D of the sentence vector.
        classes: class k means k tokens.
    """

    text_width: int = 384
    classes: int = 50

    @property
    def longest(self) -> int:
        """Tokens of the last class: so many or more, as longer motion is cropped in training."""
        return self.classes - 1


class LengthEstimator(nn.Module):
    """Classifies sentence vectors (B, D) into token counts: logits (B, classes) (MoMask, after Guo et al. 2022)."""

    def __init__(self, config: LengthEstimatorConfig) -> None:
        super().__init__()
        self.config = config
        self.output = _classifier(config.text_width, config.classes)

    def forward(self, sentence: Tensor) -> Tensor:
        """(B, D) to (B, classes)."""
        return self.output(sentence)

    def median_tokens(self, sentence: Tensor) -> Tensor:
        """(B,) the median of the predicted length distribution, at least one token."""
        return median_class(self(sentence))


@dataclass(frozen=True)
class PhraseDurationsConfig:
    """Architecture of the duration model.

    Attributes:
        text_width: D of a phrase vector.
        classes: class k means k tokens.
    """

    text_width: int = 384
    classes: int = 50


class PhraseDurations(nn.Module):
    """Classifies the phrases of a sentence into token counts, each by what it says and its place among the others."""

    def __init__(self, config: PhraseDurationsConfig) -> None:
        super().__init__()
        self.config = config
        self.output = _classifier(config.text_width + 2 * MAX_SEGMENTS, config.classes)

    def forward(self, phrases: Tensor, present: Tensor) -> Tensor:
        """Logits (B, S, classes) of phrases (B, S, D), of which present (B, S) count."""
        place = (present.long().cumsum(1) - 1).clamp(min=0)
        others = (present.sum(1, keepdim=True) - 1).clamp(min=0).expand_as(place)
        context = [F.one_hot(index, MAX_SEGMENTS).to(phrases.dtype) for index in (place, others)]
        return self.output(torch.cat([phrases, *context], dim=-1))

    def median_tokens(self, phrases: Tensor, present: Tensor) -> Tensor:
        """(B, S) the medians of the predicted distributions, at least one token; 0 where there is no phrase."""
        return median_class(self(phrases, present)) * present


def median_class(logits: Tensor) -> Tensor:
    """(...) the median of the distributions with logits (..., classes), at least 1."""
    return (logits.softmax(-1).cumsum(-1) < 0.5).sum(-1).clamp(min=1)


def _classifier(inputs: int, classes: int) -> nn.Sequential:
    widths = (inputs, 512, 256, 128)
    blocks: list[nn.Module] = []
    for before, after in pairwise(widths):
        blocks += [nn.Linear(before, after), nn.LayerNorm(after), nn.LeakyReLU(0.2), nn.Dropout(0.2)]
    return nn.Sequential(*blocks[:-1], nn.Linear(128, classes))


def length_training_loss(model: LengthEstimator, sentence: Tensor, tokens: Tensor) -> TokenLoss:
    """Cross-entropy of the true token counts (B,)."""
    logits = model(sentence)
    labels = tokens.clamp(max=model.config.classes - 1)
    return TokenLoss(F.cross_entropy(logits, labels), (logits.argmax(-1) == labels).float().mean())


def durations_training_loss(
    model: PhraseDurations, phrases: Tensor, present: Tensor, tokens: Tensor
) -> TokenLoss:
    """Cross-entropy of the true token counts (B, S); phrases whose count is 0 are of unknown duration."""
    known = present & (tokens > 0)
    labels = tokens.clamp(max=model.config.classes - 1).masked_fill(~known, IGNORED)
    return token_loss(model(phrases, present), labels)
