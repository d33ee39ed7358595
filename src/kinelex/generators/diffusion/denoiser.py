"""What every network that denoises motion has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from kinelex.generators.base import TextCondition


@dataclass(frozen=True)
class EncodedText:
    """A text as a denoiser reads it, made once for all steps of a drawing.

    Attributes:
        vector: (B, C) of the sentence; None for networks that read words alone.
        words: (B, L, C) of its tokens; None for networks that read the sentence alone.
        mask: (B, L) True where there is a token to read.
    """

    vector: Tensor | None = None
    words: Tensor | None = None
    mask: Tensor | None = None


class DenoiserConfig(Protocol):
    """What the sampler and the training must know of a network.

    Attributes:
        features: width of a frame.
        max_frames: longest motion that it draws at once.
        mask_frames: whether it sees where a motion ends; if not, it always draws `max_frames` frames.
        reads_words: whether it needs `TextCondition.words`.
        condition_dropout: probability that a training sample loses its text; 0 rules out guidance.
    """

    @property
    def features(self) -> int: ...
    @property
    def max_frames(self) -> int: ...
    @property
    def mask_frames(self) -> bool: ...
    @property
    def reads_words(self) -> bool: ...
    @property
    def condition_dropout(self) -> float: ...


class Denoiser(nn.Module, ABC):
    """Predicts the clean motion, or the noise, from a noised motion and a text."""

    config: DenoiserConfig

    @abstractmethod
    def read(self, condition: TextCondition) -> EncodedText:
        """What of a text does not depend on the diffusion step."""

    @abstractmethod
    def forward(self, noised: Tensor, times: Tensor, text: EncodedText, lengths: Tensor) -> Tensor:
        """(B, T, D) from noised motion (B, T, D) at steps times (B,), of lengths (B,) frames."""
