"""MMM: masked motion model on one layer of tokens (Pinyoanuntapong et al., CVPR 2024)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition, words_of
from kinelex.generators.dropout import Dropout
from kinelex.generators.masked import TokenLoss
from kinelex.generators.sampling import SampleNoise, check_guidance, guided, lowest_ranked, mask_fraction
from kinelex.generators.transformer import Positions, TransformerConfig, check_heads, initialize
from kinelex.tokenizer.quantize import gumbel_noise
from kinelex.tokenizer.rvqvae import length_mask

PUBLISHED_TOKENS = 49  # a motion of 196 frames: the sampling schedule is shortened for shorter ones
_KEPT, _LEAST_MASKED = 0.5, 0.5  # of the training corruption
_SPECIAL = 3  # end, padding, mask


@dataclass(frozen=True)
class MMMConfig:
    """Architecture of MMM; the defaults are the published ones with CLIP.

    Attributes:
        text_width: of the sentence vector and of phrase vectors.
        word_width: of a word's state.
        codes, code_width: of the tokenizer's codebook.
        transformer: sizes; `layers` counts those after the words.
        word_layers: cross-attention blocks in front, in which every token reads the words.
        segments: phrases are read too, as tokens behind the sentence (SegMo, section 3.3); published without.
        condition_dropout: probability that a training sample loses its text; published without, and so without
            guidance.
    """

    text_width: int = 512
    word_width: int = 512
    codes: int = 8192
    code_width: int = 32
    transformer: TransformerConfig = field(default_factory=lambda: TransformerConfig(1024, 16, 16, 4096, 0.1))
    word_layers: int = 2
    segments: bool = False
    condition_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_heads("transformer", self.transformer)

    @property
    def end_id(self) -> int:
        """Id of the token after the last of a motion."""
        return self.codes

    @property
    def pad_id(self) -> int:
        """Id of padding."""
        return self.codes + 1

    @property
    def mask_id(self) -> int:
        """Id of a masked token."""
        return self.codes + 2


@dataclass(frozen=True)
class MMMSampling:
    """How tokens are drawn.

    Attributes:
        steps: unmasking steps of the longest motion; shorter ones settle earlier.
        temperature: of the Gumbel noise on the logits; 0 takes the likeliest token.
        guidance: scale of classifier-free guidance; 1 draws without.
    """

    steps: int = 10
    temperature: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.temperature < math.inf or not math.isfinite(self.guidance):
            raise KinelexError(
                f"steps {self.steps}, temperature {self.temperature} and guidance {self.guidance} cannot be sampled "
                "with; give at least one step, a temperature of 0 or more and a finite guidance"
            )


class TokenAttention(nn.Module):
    """Multi-head attention to the sequence itself or to words."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.probability = sizes.heads, sizes.dropout
        self.key = nn.Linear(sizes.latent, sizes.latent)
        self.query = nn.Linear(sizes.latent, sizes.latent)
        self.value = nn.Linear(sizes.latent, sizes.latent)
        self.proj = nn.Linear(sizes.latent, sizes.latent)
        self.dropout = Dropout(sizes.dropout)

    def forward(self, hidden: Tensor, memory: Tensor, keys: Tensor) -> Tensor:
        """(B, N, C) attending to memory (B, M, C) where keys (B, M) is True."""
        query, key, value = (
            layer(source).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, source in ((self.query, hidden), (self.key, memory), (self.value, memory))
        )
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=keys[:, None, None],
            dropout_p=self.probability if self.training else 0.0,
        )  # fmt: skip
        return self.dropout(self.proj(mixed.transpose(1, 2).flatten(2)))


class Block(nn.Module):
    """Pre-norm transformer block; with `words` it attends to the words of the text instead of to itself."""

    def __init__(self, sizes: TransformerConfig, *, words: bool = False) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(sizes.latent)
        self.ln2 = nn.LayerNorm(sizes.latent)
        self.ln3 = nn.LayerNorm(sizes.latent) if words else None
        self.attn = TokenAttention(sizes)
        self.mlp = nn.Sequential(
            nn.Linear(sizes.latent, sizes.feedforward), nn.GELU(),
            nn.Linear(sizes.feedforward, sizes.latent), Dropout(sizes.dropout),
        )  # fmt: skip

    def forward(self, hidden: Tensor, keys: Tensor, words: Tensor | None = None) -> Tensor:
        """(B, N, C) to (B, N, C); keys (B, N), or (B, L) of words (B, L, C), are True where there is one to read."""
        own = self.ln1(hidden)
        memory = own if self.ln3 is None else self.ln3(words)
        hidden = hidden + self.attn(own, memory, keys)
        return hidden + self.mlp(self.ln2(hidden))


class MMMTransformer(nn.Module):
    """Predicts token ids at masked positions from the words, the sentence, phrases and the other tokens."""

    codebook: Tensor

    def __init__(self, config: MMMConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.transformer
        self.special_embedding = nn.Embedding(_SPECIAL, config.code_width)
        self.token_projection = nn.Linear(config.code_width, sizes.latent)
        self.sentence_projection = nn.Linear(config.text_width, sizes.latent)
        self.word_projection = nn.Linear(config.word_width, sizes.latent)
        # Published without dropout here, although the layer exists.
        self.positions = Positions(sizes.latent, 0.0)
        self.word_blocks = nn.ModuleList(Block(sizes, words=True) for _ in range(config.word_layers))
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.latent)
        self.head = nn.Linear(sizes.latent, config.codes, bias=False)
        initialize(self)
        # The tokenizer's, which stays as it is: tokens are embedded as what they stand for.
        self.register_buffer("codebook", torch.zeros(config.codes, config.code_width))

    def forward(self, ids: Tensor, condition: TextCondition, lengths: Tensor) -> Tensor:
        """(B, L, codes) logits of ids (B, L), of which lengths (B,) count; masked ones have the mask id."""
        front, tokens, keys = self._embedded(ids, condition, lengths)
        hidden = torch.cat([front, tokens], dim=1)
        for block in self.blocks:
            hidden = block(hidden, keys)
        return self.head(self.norm(hidden[:, front.shape[1] : front.shape[1] + ids.shape[1]]))

    def _embedded(
        self, ids: Tensor, condition: TextCondition, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Text tokens (B, 1 + S, C), motion tokens with the end token (B, L + 1, C), and the keys of both."""
        framed = F.pad(ids, (0, 1), value=self.config.pad_id)
        valid, ended = (length_mask(lengths + more, framed.shape[1]) for more in (0, 1))
        framed = framed.where(valid, self.config.pad_id).where(valid | ~ended, self.config.end_id)
        table = torch.cat([self.codebook, self.special_embedding.weight])
        tokens = self.positions(self.token_projection(F.embedding(framed, table)))
        words = words_of(condition)
        projected = self.word_projection(words.states)
        for block in self.word_blocks:
            tokens = block(tokens, words.mask, projected)
        # Positions are added a second time, now counting the sentence; phrases are a set without positions.
        placed = self.positions(
            torch.cat([self.sentence_projection(condition.sentence)[:, None], tokens], dim=1)
        )
        if not self.config.segments:
            return placed[:, :1], placed[:, 1:], F.pad(ended, (1, 0), value=True)
        phrases = self.sentence_projection(condition.segments)
        keys = torch.cat([condition.mask, ended], dim=1)
        return torch.cat([placed[:, :1], phrases], dim=1), placed[:, 1:], keys

    @torch.no_grad()
    def generate(
        self,
        condition: TextCondition,
        lengths: Tensor,
        noise: SampleNoise,
        options: MMMSampling,
        known: Tensor | None = None,
    ) -> Tensor:
        """Draw ids (B, L), -1 in padding.

        Args:
            condition: text of B samples.
            lengths: (B,) tokens to draw.
            noise: the samples' noise.
            options: steps, temperature, guidance.
            known: (B, L) ids to keep, -1 where a token is to be drawn; None to draw all.

        Raises:
            KinelexError: guidance of a model that never saw a sample without its text.
        """
        check_guidance(options.guidance, self.config.condition_dropout)
        valid = length_mask(lengths, int(lengths.max()))
        if known is None:
            known = torch.full_like(valid, -1, dtype=torch.long)
        open_positions = valid & (known < 0)
        open_counts = open_positions.sum(1)
        ids, doubts = known, torch.zeros(valid.shape, device=valid.device)
        speed = (options.steps / PUBLISHED_TOKENS * lengths).round().clamp(min=1)
        for step in range(options.steps if bool(open_positions.any()) else 0):
            share = mask_fraction((step / speed).clamp(max=1))
            counts = (share * open_counts).long().clamp(min=1).minimum(open_counts)
            masked = lowest_ranked(-doubts, counts) if step else open_positions
            logits = self._guided(
                ids.masked_fill(masked, self.config.mask_id), condition, lengths, options.guidance
            )
            drawn = _drawn(logits, noise, lengths, options.temperature)
            ids = torch.where(masked, drawn, ids)
            confidence = logits.softmax(-1).gather(-1, drawn[..., None])[..., 0]
            doubts = torch.where(masked, 1 - confidence, -1.0)
        return ids.masked_fill(~valid, -1)

    def _guided(self, ids: Tensor, condition: TextCondition, lengths: Tensor, scale: float) -> Tensor:
        """(B, L, codes) float32 logits; with and without the text in one pass where they are guided."""
        if scale == 1:
            return self(ids, condition, lengths).float()
        twice = torch.cat([ids, ids]), condition.with_unconditional(), torch.cat([lengths, lengths])
        return guided(self(*twice).float(), scale)


def _drawn(logits: Tensor, noise: SampleNoise, lengths: Tensor, temperature: float) -> Tensor:
    """(B, L) ids by Gumbel-argmax, or the likeliest at temperature 0."""
    if temperature == 0:
        return logits.argmax(-1)
    uniform = noise.draw(lengths, logits.shape[-1])
    return (logits / temperature + gumbel_noise(uniform)).argmax(-1)


@dataclass(frozen=True)
class Corruption:
    """One draw of the training corruption.

    Attributes:
        kept: (B, L) True where a token stays; elsewhere it becomes a random one.
        random_ids: (B, L) the random ones.
        masked: (B, L) True where the mask id comes instead, whatever the rest says.
    """

    kept: Tensor
    random_ids: Tensor
    masked: Tensor

    @classmethod
    def draw(cls, lengths: Tensor, size: int, codes: int, generator: torch.Generator) -> Corruption:
        """Half of the tokens are replaced, then half to all of them masked."""
        shape, device = (len(lengths), size), lengths.device
        kept, order = torch.rand((2, *shape), generator=generator, device=device)
        share = torch.rand(len(lengths), generator=generator, device=device)
        counts = (lengths * (_LEAST_MASKED + (1 - _LEAST_MASKED) * share)).round().clamp(min=1)
        valid = length_mask(lengths, size)
        return cls(
            kept < _KEPT,
            torch.randint(codes, shape, generator=generator, device=device),
            lowest_ranked(order.masked_fill(~valid, torch.inf), counts),
        )

    def applied(self, ids: Tensor, mask_id: int) -> Tensor:
        """(B, L) what the network sees of ids."""
        return torch.where(self.kept, ids, self.random_ids).masked_fill(self.masked, mask_id)


def mmm_loss(logits: Tensor, ids: Tensor, lengths: Tensor) -> TokenLoss:
    """Cross-entropy of logits (B, L, codes) at all valid tokens, first averaged over each motion; and accuracy."""
    valid = length_mask(lengths, ids.shape[1])
    losses = F.cross_entropy(logits.float().transpose(1, 2), ids.where(valid, 0), reduction="none")
    accuracy = ((logits.argmax(-1) == ids) & valid).sum() / valid.sum()
    return TokenLoss(((losses * valid).sum(1) / lengths).mean(), accuracy)


def mmm_training_loss(
    model: MMMTransformer, ids: Tensor, lengths: Tensor, condition: TextCondition, generator: torch.Generator
) -> TokenLoss:
    """One training step's loss on ids (B, L)."""
    corruption = Corruption.draw(lengths, ids.shape[1], model.config.codes, generator)
    drop = torch.rand(len(ids), generator=generator, device=ids.device) < model.config.condition_dropout
    logits = model(corruption.applied(ids, model.config.mask_id), condition.dropped(drop), lengths)
    return mmm_loss(logits, ids, lengths)
