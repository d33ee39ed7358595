"""MATE: a language model whose words are drawn to what they do to a body (Han et al., section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.mate.disentanglement import WordAttention, all_pairs
from kinelex.mate.losses import contrastive_loss, cross_loss, reconstruction_loss, self_loss
from kinelex.mate.motion import MotionDecoder, MotionEncoder, MotionSideConfig
from kinelex.mate.sentences import pooled_sentences
from kinelex.mate.trainable import TrainableEncoder
from kinelex.mate.words import Lexicon
from kinelex.text.encoders import Tokens
from kinelex.text.whole_words import mean_of_pieces
from kinelex.tokenizer.rvqvae import length_mask


@dataclass(frozen=True)
class MateLosses:
    """Which losses there are, and their weights (Eq. 8, Table 3); the paper does not give the weights.

    Attributes:
        reconstruction, own, cross, align, sentence: switches of L_rec, L_self, L_cross, L_align and L_sent.
        word_weight: l1, of the three losses of words.
        sentence_weight: l2.
    """

    reconstruction: bool = True
    own: bool = True
    cross: bool = True
    align: bool = True
    sentence: bool = True
    word_weight: float = 0.1
    sentence_weight: float = 0.1

    def __post_init__(self) -> None:
        if not (self.reconstruction or self.own or self.cross or self.align or self.sentence):
            raise KinelexError("every loss is switched off; leave one on")
        if not (self.word_weight >= 0 and self.sentence_weight >= 0):
            raise KinelexError("word_weight and sentence_weight must not be negative")


@dataclass(frozen=True)
class MateConfig:
    """Architecture and losses.

    Attributes:
        motion: sizes of the motion side; its width is D.
        heads: of the attention from words to frames.
        prior_strength: lambda of Eq. 2.
        temperature: of all softmaxes.
        losses: see there.
    """

    motion: MotionSideConfig = field(default_factory=MotionSideConfig)
    heads: int = 4
    prior_strength: float = 1.0
    temperature: float = 0.1
    losses: MateLosses = field(default_factory=MateLosses)


@dataclass(frozen=True)
class MateBatch:
    """B triplets of sentence, motion and word (section 3.1).

    Attributes:
        sentences: token ids.
        sentence: (B,) equal numbers for equal sentences.
        motions: (B, T, F) normalised features.
        lengths: (B,) frames.
        words: (B,) rows of the lexicon.
        prior: (B, L) where the word's phrase happens, at the stride of the motion side; None without localisation.
        contains: (B, B) True where a caption of motion i has the lemma of word j.
        weights: (B,) of the words, with a mean of about 1.
    """

    sentences: Tokens
    sentence: Tensor
    motions: Tensor
    lengths: Tensor
    words: Tensor
    prior: Tensor | None
    contains: Tensor
    weights: Tensor


class Mate(nn.Module):
    """Text encoder with a trainable part, motion side, projections, attention and prototypes."""

    pieces: Tensor
    lemma: Tensor

    def __init__(self, config: MateConfig, encoder: TrainableEncoder, lexicon: Lexicon) -> None:
        super().__init__()
        self.config, self.encoder = config, encoder
        width = config.motion.transformer.latent
        self.motion_encoder = MotionEncoder(config.motion)
        self.motion_decoder = MotionDecoder(config.motion)
        self.word_projection = nn.Linear(encoder.word_embeddings.embedding_dim, width)
        self.sentence_projection = nn.Linear(encoder.dim, width)
        self.attention = WordAttention(width, config.heads, config.prior_strength)
        self.register_buffer("pieces", lexicon.pieces)
        self.register_buffer("lemma", lexicon.lemma)
        with torch.no_grad():
            self.prototypes = nn.Parameter(self.projected(lexicon.lemma_words).clone())

    def projected(self, words: Tensor) -> Tensor:
        """(N, D) Proj(WE(w)) of rows of the lexicon."""
        return self.word_projection(mean_of_pieces(self.encoder.word_embeddings, self.pieces[words]))

    def losses(self, batch: MateBatch) -> dict[str, Tensor]:
        """Every loss that is switched on by name, and their weighted sum as "loss"."""
        wanted, temperature = self.config.losses, self.config.temperature
        motion = self.motion_encoder(batch.motions, batch.lengths)
        found: dict[str, Tensor] = {}
        if wanted.reconstruction:
            decoded = self.motion_decoder(motion.whole, motion.lengths)
            frames = length_mask(motion.lengths * self.config.motion.stride, decoded.shape[1])
            found["reconstruction"] = reconstruction_loss(
                decoded, batch.motions[:, : decoded.shape[1]], frames
            )
        if wanted.sentence:
            pooled = pooled_sentences(self.encoder, batch.sentences, batch.sentence)
            sentences = self.sentence_projection(pooled)
            same = batch.sentence[:, None] == batch.sentence
            found["sentence"] = contrastive_loss(sentences, motion.whole, same, temperature)
        if wanted.own or wanted.cross or wanted.align:
            words = self.projected(batch.words)
            prior = None if batch.prior is None else batch.prior[:, None]
            own = self.attention(words[:, None], motion.frames, motion.mask, prior)[:, 0]
            lemmas = self.lemma[batch.words]
            if wanted.own:
                found["own"] = self_loss(own, self.prototypes, lemmas, temperature, batch.weights)
            if wanted.cross:
                pairs = all_pairs(self.attention, words, motion.frames, motion.mask)
                found["cross"] = cross_loss(own, pairs, batch.contains)
            if wanted.align:
                same = lemmas[:, None] == lemmas
                found["align"] = contrastive_loss(words, own, same, temperature, batch.weights)
        return {"loss": self._total(found), **found}

    def _total(self, found: dict[str, Tensor]) -> Tensor:
        """Eq. 8."""
        weights = self.config.losses
        scale = {
            "reconstruction": 1.0,
            "sentence": weights.sentence_weight,
            "own": weights.word_weight,
            "cross": weights.word_weight,
            "align": weights.word_weight,
        }
        return torch.stack([scale[name] * loss for name, loss in found.items()]).sum()
