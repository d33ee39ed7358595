"""Length estimator: how many motion tokens a sentence takes (MoMask, after Guo et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.masked import TokenLoss


@dataclass(frozen=True)
class LengthEstimatorConfig:
    """Architecture of the estimator.

    Attributes:
        text_width: D of the sentence vector.
        classes: class k means k tokens.
    """

    text_width: int = 384
    classes: int = 50


class LengthEstimator(nn.Module):
    """Classifies sentence vectors (B, D) into token counts: logits (B, classes)."""

    def __init__(self, config: LengthEstimatorConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.text_width, 512, 256, 128)
        blocks: list[nn.Module] = []
        for before, after in pairwise(widths):
            blocks += [nn.Linear(before, after), nn.LayerNorm(after), nn.LeakyReLU(0.2), nn.Dropout(0.2)]
        self.output = nn.Sequential(*blocks[:-1], nn.Linear(128, config.classes))

    def forward(self, sentence: Tensor) -> Tensor:
        """(B, D) to (B, classes)."""
        return self.output(sentence)

    def median_tokens(self, sentence: Tensor) -> Tensor:
        """(B,) the median of the predicted length distribution, at least one token."""
        cumulative = self(sentence).softmax(-1).cumsum(-1)
        return (cumulative < 0.5).sum(-1).clamp(min=1)


def length_training_loss(model: LengthEstimator, sentence: Tensor, tokens: Tensor) -> TokenLoss:
    """Cross-entropy of the true token counts (B,)."""
    logits = model(sentence)
    labels = tokens.clamp(max=model.config.classes - 1)
    return TokenLoss(F.cross_entropy(logits, labels), (logits.argmax(-1) == labels).float().mean())
