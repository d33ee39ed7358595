"""The training losses of text-motion retrieval (TMR, section 3.2; weights and details of the published code)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.errors import KinelexError
from kinelex.retrieval.networks import Latents, RetrievalNetworks


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms, and what the contrastive one compares.

    Attributes:
        reconstruction, kl, latent, contrastive: weights.
        temperature: of the softmax.
        threshold: captions more alike than this, on the scale (1 + cosine) / 2, are no negatives of one another.
        sampled: draw the latents of all terms from their distributions, as published, instead of taking the means,
            which are what retrieval compares: a short training learns more from them.
    """

    reconstruction: float = 1.0
    kl: float = 1e-5
    latent: float = 1e-5
    contrastive: float = 0.1
    temperature: float = 0.1
    threshold: float = 0.8
    sampled: bool = True

    def __post_init__(self) -> None:
        for name in ("reconstruction", "kl", "latent", "contrastive"):
            if not getattr(self, name) >= 0:
                raise KinelexError(f"{name} is {getattr(self, name)}; give 0 or more")
        if not self.temperature > 0:
            raise KinelexError(f"temperature is {self.temperature}; give more than 0")
        if not 0 <= self.threshold <= 1:
            raise KinelexError(f"threshold is {self.threshold}; give 0 to 1")


def near_identical(sentences: Tensor, threshold: float) -> Tensor:
    """(B, B) True where two different samples have captions of nearly the same meaning.

    Args:
        sentences: (B, S) unit vectors of the captions.
        threshold: on the scale (1 + cosine) / 2; 0.8 is a cosine of 0.6.
    """
    alike = sentences @ sentences.T > 2 * threshold - 1
    return alike & ~torch.eye(len(sentences), dtype=torch.bool, device=sentences.device)


def contrastive_loss(texts: Tensor, motions: Tensor, ignored: Tensor, temperature: float) -> Tensor:
    """InfoNCE with filtering (TMR, Eq. 1): mean of the cross-entropies of both directions.

    Args:
        texts, motions: (B, D) latents; row i of both belongs together.
        ignored: (B, B) True at pairs that do not count as negatives, symmetric, False on the diagonal.
        temperature: of the softmax.
    """
    cosines = functional.normalize(texts, dim=-1) @ functional.normalize(motions, dim=-1).T
    logits = (cosines / temperature).masked_fill(ignored, -torch.inf)
    own = torch.arange(len(texts), device=texts.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


def divergence(first: Latents, second: Latents) -> Tensor:
    """Mean over batch and latent of the Kullback-Leibler divergence of `first` from `second`."""
    shift = (first.mu - second.mu).square()
    ratio = second.logvar - first.logvar
    return 0.5 * (ratio + (first.logvar.exp() + shift) / second.logvar.exp() - 1).mean()


def kl_loss(texts: Latents, motions: Latents) -> Tensor:
    """The four divergences of TEMOS: text and motion from each other, and both from the standard normal."""
    zeros = torch.zeros_like(texts.mu)
    standard = Latents(zeros, zeros)
    pairs = ((texts, motions), (motions, texts), (motions, standard), (texts, standard))
    return torch.stack([divergence(*pair) for pair in pairs]).sum()


@dataclass(frozen=True)
class RetrievalBatch:
    """Pairs of text and motion.

    Attributes:
        motions: (B, T, F) normalised features, zero beyond the lengths; T is the longest length.
        frames: (B,) lengths in frames.
        tokens: (B, L, W) token features of the language model.
        words: (B,) their counts.
        ignored: (B, B) see `contrastive_loss`.
    """

    motions: Tensor
    frames: Tensor
    tokens: Tensor
    words: Tensor
    ignored: Tensor


@dataclass(frozen=True)
class Noise:
    """(B, D) standard normal noise of the latents of texts and motions; zeros for the means."""

    text: Tensor
    motion: Tensor


@dataclass(frozen=True)
class RetrievalLoss:
    """The terms, unweighted, and their weighted sum `loss`."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    latent: Tensor
    contrastive: Tensor


def retrieval_loss(
    networks: RetrievalNetworks, batch: RetrievalBatch, noise: Noise, weights: LossWeights
) -> RetrievalLoss:
    """All terms on latents that are drawn from their distributions, as published.

    The reconstruction averages over the frames beyond the lengths too: both sides are zero there.
    """
    text, motion = networks.text(batch.tokens, batch.words), networks.motion(batch.motions, batch.frames)
    drawn_text, drawn_motion = text.sample(noise.text), motion.sample(noise.motion)
    decoded = networks.decoder(torch.cat([drawn_text, drawn_motion]), batch.frames.repeat(2))
    # The mean over twice the batch is half the sum of the two published means.
    reconstruction = 2 * functional.smooth_l1_loss(decoded, batch.motions.repeat(2, 1, 1))
    kl = kl_loss(text, motion)
    latent = functional.smooth_l1_loss(drawn_text, drawn_motion)
    contrastive = contrastive_loss(drawn_text, drawn_motion, batch.ignored, weights.temperature)
    loss = (
        weights.reconstruction * reconstruction
        + weights.kl * kl
        + weights.latent * latent
        + weights.contrastive * contrastive
    )
    return RetrievalLoss(loss, reconstruction, kl, latent, contrastive)
