"""The evaluator of Guo et al. 2022: text and motion in one space, where matching pairs lie close together.

"Generating Diverse and Natural 3D Human Motions from Text", CVPR 2022, section 5 and its supplement.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from kinelex.errors import KinelexError
from kinelex.evaluation.words import PARTS_OF_SPEECH

UNIT_FRAMES = 4
CONTACTS = 4
SLOPE = 0.2


@dataclass(frozen=True)
class EvaluatorConfig:
    """Sizes of the three networks; the defaults are the published ones for HumanML3D.

    Attributes:
        features: of a frame, the contacts among them, which the evaluator does not see.
        movement_hidden, movement: channels of the movement encoder and of its snippets.
        word: width of the word vectors.
        text_hidden, motion_hidden: of the recurrent networks, one direction.
        embedding: width of the common space.
        dropout: of the movement encoder.
    """

    features: int = 263
    movement_hidden: int = 512
    movement: int = 512
    word: int = 300
    text_hidden: int = 512
    motion_hidden: int = 1024
    embedding: int = 512
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("movement_hidden", "movement", "word", "text_hidden", "motion_hidden", "embedding"):
            if getattr(self, name) < 1:
                raise KinelexError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.features <= CONTACTS:
            raise KinelexError(f"features is {self.features}; give more than the {CONTACTS} contacts")
        if not 0 <= self.dropout < 1:
            raise KinelexError(f"dropout is {self.dropout}; give 0 to less than 1")


class MovementEncoder(nn.Module):
    """(B, T, D - 4) normalised features without contacts to snippets (B, T // 4, movement)."""

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(config.features - CONTACTS, config.movement_hidden, kernel_size=4, stride=2, padding=1),
            nn.Dropout(config.dropout),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(config.movement_hidden, config.movement, kernel_size=4, stride=2, padding=1),
            nn.Dropout(config.dropout),
            nn.LeakyReLU(SLOPE),
        )
        self.output = nn.Linear(config.movement, config.movement)

    def forward(self, features: Tensor) -> Tensor:
        return self.output(self.convolutions(features.transpose(1, 2)).transpose(1, 2))


class SequenceEncoder(nn.Module):
    """(B, L, input) with lengths (B,) to one vector (B, output) each: bidirectional GRU, learned start."""

    def __init__(self, width: int, hidden: int, output: int) -> None:
        super().__init__()
        self.input = nn.Linear(width, hidden)
        self.start = nn.Parameter(torch.randn(2, 1, hidden))
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(
            nn.Linear(2 * hidden, hidden),
            nn.LayerNorm(hidden),
            nn.LeakyReLU(SLOPE),
            nn.Linear(hidden, output),
        )

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.input(sequence), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        start = self.start.expand(-1, len(sequence), -1).contiguous()
        _, last = self.gru(packed, start)
        return self.head(torch.cat([last[0], last[1]], dim=-1))


class Evaluator(nn.Module):
    """Text and motion to vectors (B, E); results are in the order of the input."""

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        self.config = config
        self.movement = MovementEncoder(config)
        self.motion = SequenceEncoder(config.movement, config.motion_hidden, config.embedding)
        self.parts = nn.Linear(len(PARTS_OF_SPEECH), config.word)
        self.text = SequenceEncoder(config.word, config.text_hidden, config.embedding)

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) normalised features of at least 4 frames each, contacts last, to (B, E).

        The convolutions of the last snippet reach two frames beyond the length, so those frames count:
        `EvaluatorJudge` puts zeros there for every motion. The published evaluation has zeros there for
        data but leaves what the decoder made for generated motion.
        """
        return self.motion(self.movement(features[..., :-CONTACTS]), lengths // UNIT_FRAMES)

    def embed_text(self, words: Tensor, parts: Tensor, lengths: Tensor) -> Tensor:
        """Word vectors (B, W, word), one-hot parts of speech (B, W, 15) and words a caption (B,) to (B, E)."""
        return self.text(words + self.parts(parts), lengths)
