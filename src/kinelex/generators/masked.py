"""Mask transformer: base-layer tokens from text by iterative unmasking (MoMask, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.base import TextCondition
from kinelex.generators.condition_tokens import ConditionTokens
from kinelex.generators.phrase_guide import PhraseGuide
from kinelex.generators.sampling import (
    NEVER_MASK_AGAIN,
    SampleNoise,
    SamplingOptions,
    guided,
    lowest_ranked,
    masked_counts,
    sample_ids,
)
from kinelex.generators.token_transformer import TokenTransformer
from kinelex.generators.transformer import (
    Encoder,
    OutputHead,
    Positions,
    TransformerConfig,
    initialize,
    key_mask,
)
from kinelex.generators.widening import Widening
from kinelex.tokenizer.rvqvae import length_mask

IGNORED = -100


@dataclass(frozen=True)
class MaskTransformerConfig:
    """Architecture of the mask transformer; the defaults are the paper's with a 384-wide text vector.

    Attributes:
        text_width: D of the condition vectors.
        codes: classes of the base layer.
        code_width: width of a token's embedding.
        transformer: sizes of the encoder.
        condition_dropout: probability that a training sample loses its text.
        phrase_guide: every token reads the phrase of its segment; the paper's does not.
        segments: phrases are read too, as tokens behind the sentence (SegMo, section 3.3); MoMask reads the sentence.
    """

    text_width: int = 384
    codes: int = 512
    code_width: int = 512
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    condition_dropout: float = 0.1
    phrase_guide: bool = False
    segments: bool = True

    @property
    def mask_id(self) -> int:
        """Id of a masked token."""
        return self.codes

    @property
    def pad_id(self) -> int:
        """Id of padding."""
        return self.codes + 1


class MaskTransformer(TokenTransformer):
    """Predicts base-layer ids at masked positions from [sentence, phrases, motion tokens]."""

    config: MaskTransformerConfig
    wide_tokens: Tensor

    def __init__(self, config: MaskTransformerConfig) -> None:
        super().__init__()
        self.config = config
        latent = config.transformer.latent
        self.token_embedding = nn.Embedding(config.codes + 2, config.code_width)
        self.token_projection = nn.Linear(config.code_width, latent)
        self.positions = Positions(latent, config.transformer.dropout)
        self.condition_projection = nn.Linear(config.text_width, latent)
        self.guide = PhraseGuide(config.text_width, latent) if config.phrase_guide else None
        self.encoder = Encoder(config.transformer)
        self.head = OutputHead(latent, config.codes)
        initialize(self)

    def _widen(self, widening: Widening) -> None:
        embedded = F.linear(self.token_embedding.weight, self.token_projection.weight)
        self.wide_tokens = widening.summand(embedded.detach())

    def hidden(
        self, ids: Tensor, text: ConditionTokens, lengths: Tensor, positions: Tensor | None = None
    ) -> Tensor:
        """(B, 1 + S + L, C) encoder outputs at the sentence, the phrases, if they are read, and the motion positions.

        Args:
            ids: (B, L) with mask id; padding is recognised by `lengths`.
            text: what `read` makes of the condition.
            lengths: (B,) valid tokens.
            positions: (B, P) motion positions to compute alone; the result is then (B, P, C).
        """
        valid = length_mask(lengths, ids.shape[1])
        ids = ids.where(valid, self.config.pad_id)
        if self.widening is None:
            tokens = self.projected(self.token_embedding(ids), text)
        else:
            tokens = text.guided(F.embedding(ids, self.wide_tokens))
        wanted = None if positions is None else positions + text.tokens.shape[1]
        return self.encoded(torch.cat([text.tokens, tokens], dim=1), key_mask(text.mask, valid), wanted)

    def forward(
        self, ids: Tensor, condition: TextCondition, lengths: Tensor, positions: Tensor | None = None
    ) -> Tensor:
        """(B, L, codes) logits of ids (B, L), or (B, P, codes) at motion positions (B, P)."""
        return self.logits(ids, self.read(condition, ids.shape[1]), lengths, positions)

    def logits(
        self, ids: Tensor, text: ConditionTokens, lengths: Tensor, positions: Tensor | None = None
    ) -> Tensor:
        """The logits of `forward`, for a text that was read before."""
        hidden = self.hidden(ids, text, lengths, positions)
        return self.head(hidden if positions is not None else hidden[:, hidden.shape[1] - ids.shape[1] :])

    @torch.no_grad()
    def generate(
        self,
        condition: TextCondition,
        lengths: Tensor,
        noise: SampleNoise,
        options: SamplingOptions,
        known: Tensor | None = None,
    ) -> Tensor:
        """Draw base-layer ids (B, L), -1 in padding.

        Args:
            condition: text vectors of B samples.
            lengths: (B,) tokens to draw.
            noise: the samples' noise.
            options: steps, guidance, temperature, top-k.
            known: (B, L) ids to keep, -1 where a token is to be drawn; None to draw all.
        """
        valid = length_mask(lengths, int(lengths.max()))
        if known is None:
            known = torch.full_like(valid, -1, dtype=torch.long)
        open_positions = valid & (known < 0)
        open_counts = open_positions.sum(1)
        ids = known.where(~open_positions, self.config.mask_id)
        text = self.read(condition.with_unconditional(), valid.shape[1])
        shapes = torch.cat([lengths[:, None], condition.segment_mask.long()], dim=1)
        scores = torch.zeros(valid.shape, device=valid.device).masked_fill(~open_positions, NEVER_MASK_AGAIN)
        for step, time in enumerate(torch.linspace(0, 1, options.steps)):
            counts = masked_counts(time.to(lengths.device), open_counts).minimum(open_counts)
            if int(counts.max()) == 0:
                break
            masked = lowest_ranked(scores, counts)
            ids = ids.masked_fill(masked, self.config.mask_id)
            # Logits are needed at masked positions alone: (B, P), a row's own positions first.
            where = masked.int().argsort(dim=1, descending=True, stable=True)[:, : int(counts.max())]
            logits = self._guided(ids, text, shapes, lengths, where, options.guidance_at(step))
            drawn = sample_ids(logits, noise.draw(counts, logits.shape[-1]), options)
            chosen = masked.gather(1, where)
            ids = ids.scatter(1, where, drawn.where(chosen, ids.gather(1, where)))
            confidence = logits.softmax(-1).gather(-1, drawn[..., None])[..., 0]
            scores = torch.full_like(scores, NEVER_MASK_AGAIN)
            scores.scatter_(1, where, confidence.where(chosen, NEVER_MASK_AGAIN))
        return ids.masked_fill(~valid, -1)

    def _guided(
        self,
        ids: Tensor,
        text: ConditionTokens,
        shapes: Tensor,
        lengths: Tensor,
        positions: Tensor,
        scale: float,
    ) -> Tensor:
        """(B, P, codes) guided float32 logits at positions (B, P), from one pass.

        Samples that differ in their text alone share their unconditional logits, which are computed once:
        in the first step, when all tokens are masked, those are all samples of a length.

        Args:
            ids: (B, L).
            text: of the B samples, then of their unconditional twins.
            shapes: (B, X) all but the ids that the unconditional pass of a sample depends on.
            lengths: (B,) valid tokens.
            positions: (B, P).
            scale: of guidance; 1 needs no unconditional pass.
        """
        batch = len(ids)
        if scale == 1:
            return self.logits(ids, text[:batch], lengths, positions).float()
        first, twin = distinct_rows(torch.cat([ids, shapes], dim=1))
        if len(first) == batch:
            both = self.logits(ids.repeat(2, 1), text, lengths.repeat(2), positions.repeat(2, 1))
            return guided(both.float(), scale)
        rows = torch.cat([torch.arange(batch, device=ids.device), first])
        read = text[torch.cat([rows[:batch], batch + first])]
        logits = self.logits(ids[rows], read, lengths[rows], positions[rows]).float()
        return guided(torch.cat([logits[:batch], logits[batch:][twin]]), scale)


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Where each of the D different rows of (B, X) is first, (D,), and which of them every row is, (B,)."""
    everyone = torch.arange(len(rows), device=rows.device)
    if len(rows) == 1:
        return everyone, everyone
    distinct, twin = rows.unique(dim=0, return_inverse=True)
    first = everyone.new_full((len(distinct),), len(rows))
    return first.scatter_reduce(0, twin, everyone, "amin"), twin


@dataclass(frozen=True)
class MaskedTargets:
    """One draw of the training corruption: network input and labels, both (B, L); label -100 is ignored."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class TokenLoss:
    """Mean cross-entropy and top-1 accuracy over the predicted positions."""

    loss: Tensor
    accuracy: Tensor


def chosen_positions(time: Tensor, order: Tensor, valid: Tensor, counted: Tensor) -> Tensor:
    """(B, L) True at the positions to predict: gamma(time) of `counted` (B,) tokens, in random order (B, L).

    `counted` is the true length here. The published code counts from the padded length, which masks short
    motions less than the schedule says; with that count and its permutation this gives its mask.
    """
    return lowest_ranked(order, masked_counts(time, counted)) & valid


def corrupt(
    ids: Tensor, lengths: Tensor, config: MaskTransformerConfig, generator: torch.Generator
) -> MaskedTargets:
    """Mask base-layer ids (B, L) for training.

    gamma(u) of the valid tokens are chosen; of those 10 % become random codes, 88 % of the rest the mask id.
    """
    device, shape = ids.device, ids.shape
    time = torch.rand(shape[0], generator=generator, device=device)
    valid = length_mask(lengths, shape[1])
    order = torch.rand(shape, generator=generator, device=device).masked_fill(~valid, torch.inf)
    chosen = chosen_positions(time, order, valid, lengths)
    fate = torch.rand(shape, generator=generator, device=device)
    replace = torch.rand(shape, generator=generator, device=device)
    random_ids = torch.randint(config.codes, shape, generator=generator, device=device)
    inputs = torch.where(chosen & (fate >= 0.1) & (replace < 0.88), config.mask_id, ids)
    inputs = torch.where(chosen & (fate < 0.1), random_ids, inputs)
    return MaskedTargets(inputs, ids.where(chosen, IGNORED))


def token_loss(logits: Tensor, labels: Tensor) -> TokenLoss:
    """Cross-entropy of logits (B, L, V) and accuracy at the labels (B, L) that are not ignored."""
    loss = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    counted = labels != IGNORED
    accuracy = ((logits.argmax(-1) == labels) & counted).sum() / counted.sum().clamp(min=1)
    return TokenLoss(loss, accuracy)


def masked_training_loss(
    model: MaskTransformer, ids: Tensor, lengths: Tensor, condition: TextCondition, generator: torch.Generator
) -> TokenLoss:
    """One training step's loss on base-layer ids (B, L) (MoMask, Eq. 4)."""
    targets = corrupt(ids, lengths, model.config, generator)
    drop = torch.rand(len(ids), generator=generator, device=ids.device) < model.config.condition_dropout
    return token_loss(model(targets.inputs, condition.dropped(drop), lengths), targets.labels)
