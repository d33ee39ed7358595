"""Training loss of the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton
from kinelex.tokenizer.rvqvae import RVQVAE

POSITION_WEIGHT, COMMITMENT_WEIGHT = 0.5, 0.02


@dataclass(frozen=True)
class TokenizerLoss:
    """Total loss and its parts (scalars), and the codebooks' mean perplexity."""

    loss: Tensor
    reconstruction: Tensor
    positions: Tensor
    commitment: Tensor
    perplexity: Tensor


def tokenizer_loss(
    model: RVQVAE, features: Tensor, skeleton: Skeleton, generator: torch.Generator
) -> TokenizerLoss:
    """Smooth L1 of all features + 0.5 of the local joint positions + 0.02 commitment (MoMask, Eq. 2).

    Args:
        model: in training mode.
        features: (B, T, D) normalised.
        skeleton: what the features describe.
        generator: noise of the code choice.
    """
    result = model(features, generator)
    decoded = result.features.float()
    positions = FeatureLayout.of(skeleton).positions
    reconstruction = F.smooth_l1_loss(decoded, features)
    local = F.smooth_l1_loss(decoded[..., positions], features[..., positions])
    commitment = result.quantized.commitment
    total = reconstruction + POSITION_WEIGHT * local + COMMITMENT_WEIGHT * commitment
    return TokenizerLoss(total, reconstruction, local, commitment, result.quantized.perplexity)
