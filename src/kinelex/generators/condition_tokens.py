"""What a transformer reads of a text, in its own width: the same in every step of a generation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ConditionTokens:
    """The text of B samples for a transformer of width C, or 4C where it is widened.

    Attributes:
        tokens: (B, 1 + S, C) of the sentence and the phrases, which stand before the motion tokens.
        mask: (B, 1 + S) True where there is one.
        guide: (B, L, C) what is added to the motion tokens, None for nothing; where they are widened, their places are
            in it too.
    """

    tokens: Tensor
    mask: Tensor
    guide: Tensor | None

    def __getitem__(self, rows: Tensor | slice) -> ConditionTokens:
        return ConditionTokens(
            self.tokens[rows], self.mask[rows], None if self.guide is None else self.guide[rows]
        )

    def guided(self, motion: Tensor) -> Tensor:
        """(B, L, C) motion tokens that know their phrase."""
        return motion if self.guide is None else motion + self.guide
