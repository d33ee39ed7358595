"""MDM: a transformer that predicts the clean motion (Tevet et al., "Human Motion Diffusion Model", ICLR 2023)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.base import TextCondition, words_of
from kinelex.generators.diffusion.denoiser import Denoiser, EncodedText
from kinelex.generators.transformer import DecoderLayer, Encoder, Positions, TransformerConfig, check_heads
from kinelex.tokenizer.rvqvae import length_mask


@dataclass(frozen=True)
class MDMConfig:
    """Architecture of MDM; the defaults are the published ones with CLIP.

    Attributes:
        features: width of a frame.
        text_width: of the sentence vector, or of a word's state.
        transformer: sizes.
        reads: the sentence, as one token before the frames (trans_enc), or its words, by cross-attention
            (trans_dec with DistilBERT).
        mask_frames: frames past the end of a motion are not attended to; published without in the 1000-step models.
        condition_dropout: probability that a training sample loses its text.
        max_frames: longest motion.
    """

    features: int = 263
    text_width: int = 512
    transformer: TransformerConfig = field(default_factory=lambda: TransformerConfig(512, 8, 4, 1024, 0.1))
    reads: Literal["sentence", "words"] = "sentence"
    mask_frames: bool = False
    condition_dropout: float = 0.1
    max_frames: int = 196

    def __post_init__(self) -> None:
        check_heads("transformer", self.transformer)

    @property
    def reads_words(self) -> bool:
        """Whether it needs the states of all words."""
        return self.reads == "words"


class MDM(Denoiser):
    """Frames attend to one another and to the text; the diffusion step is added to what is read of the text."""

    def __init__(self, config: MDMConfig) -> None:
        super().__init__()
        self.config: MDMConfig = config
        sizes = config.transformer
        self.frame_projection = nn.Linear(config.features, sizes.latent)
        self.text_projection = nn.Linear(config.text_width, sizes.latent)
        self.time = nn.Sequential(
            nn.Linear(sizes.latent, sizes.latent), nn.SiLU(), nn.Linear(sizes.latent, sizes.latent)
        )
        self.positions = Positions(sizes.latent, sizes.dropout)
        if config.reads_words:
            self.decoder = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.layers))
        else:
            self.encoder = Encoder(sizes)
        self.output = nn.Linear(sizes.latent, config.features)

    def read(self, condition: TextCondition) -> EncodedText:
        """The projected sentence vector, or the projected words."""
        if not self.config.reads_words:
            return EncodedText(vector=self.text_projection(condition.sentence))
        words = words_of(condition)
        return EncodedText(words=self.text_projection(words.states), mask=words.mask)

    def time_vector(self, times: Tensor) -> Tensor:
        """(B, C) of diffusion steps (B,), from the same sinusoids as the positions."""
        return self.time(self.positions.table[times])

    def forward(self, noised: Tensor, times: Tensor, text: EncodedText, lengths: Tensor) -> Tensor:
        """(B, T, D) clean motion from noised motion (B, T, D) at steps times (B,), of lengths (B,) frames."""
        frames, time = self.frame_projection(noised), self.time_vector(times)
        inside = length_mask(lengths, noised.shape[1]) if self.config.mask_frames else None
        if text.vector is not None:
            front = (text.vector + time)[:, None]
            keys = None if inside is None else F.pad(inside, (1, 0), value=True)
            hidden = self.encoder(self.positions(torch.cat([front, frames], dim=1)), keys)[:, 1:]
        else:
            hidden = self._attend(self.positions(frames), time, text, inside)
        return self.output(hidden)

    def _attend(self, frames: Tensor, time: Tensor, text: EncodedText, inside: Tensor | None) -> Tensor:
        assert text.words is not None
        assert text.mask is not None
        keys = None if inside is None else inside[:, None, None]
        for layer in self.decoder:
            frames = layer(frames, keys, text.words + time[:, None], text.mask[:, None, None])
        return frames
