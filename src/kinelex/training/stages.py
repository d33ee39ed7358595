"""The stages of motion and tokens: what a step's loss is, and how good the model is on the validation split."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, smooth_l1_loss

from kinelex.alignment.spans import Spans, uniform_spans
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, masked_training_loss
from kinelex.generators.residual import ResidualTransformer, residual_training_loss
from kinelex.motion.features import joints_from_features
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton
from kinelex.tokenizer.losses import POSITION_WEIGHT, tokenizer_loss
from kinelex.tokenizer.rvqvae import RVQVAE, length_mask
from kinelex.training.aligned import AlignedMaskTransformer, aligned_training_loss
from kinelex.training.cache import Sequences
from kinelex.training.corpus import Corpus, Mirroring
from kinelex.training.sampler import BatchSampler, Rows

VALIDATION_SEED = 12345
VALIDATION_CLIPS = 128
VALIDATION_BATCH = 128
# On a GPU, sequences are padded to a multiple of this, so that a compiled network sees few different shapes.
COMPILED_LENGTH = 8
SQUARE_WEIGHT, DROPPED_LAYERS = 0.25, 0.2


class TokenizerStage:
    """Residual VQ-VAE on random windows; a clip is drawn as often as windows fit into it."""

    name = "tokenizer"
    criterion = "error_cm"

    def __init__(
        self, model: RVQVAE, corpus: Corpus, window: int, *, mirror: bool, device: torch.device
    ) -> None:
        self.model = model.to(device)
        self.window, self.mirror, self.device = window, mirror, device
        self.skeleton, self.data_hash = corpus.skeleton, corpus.data_hash
        self.normalizer = corpus.normalizer.to(device)
        self.bank = corpus.train.bank.to(device)
        self.mirroring = Mirroring.of(corpus.skeleton, self.bank.features.shape[1], device)
        self.validation = corpus.val.bank
        fits = corpus.train.bank.lengths // window
        self.clips = torch.arange(len(fits)).repeat_interleave(fits).to(device)
        self.lengths = torch.full((len(self.clips),), window)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss of one window of each clip of the batch."""
        features = self.normalizer(self.windows(self.clips[rows.index], generator))
        result = tokenizer_loss(self.model, features, self.skeleton, generator)
        return {
            "loss": result.loss,
            "reconstruction": result.reconstruction,
            "positions": result.positions,
            "commitment": result.commitment,
            "perplexity": result.perplexity,
        }

    def windows(self, clips: Tensor, generator: torch.Generator) -> Tensor:
        """(B, window, D) features at a random place of each clip (B,), half of them mirrored."""
        place, side = torch.rand(2, len(clips), generator=generator, device=self.device)
        room = self.bank.lengths[clips] - self.window + 1
        first = self.bank.starts[clips] + (place * room).long().clamp(max=room - 1)
        features = self.bank.features[first[:, None] + torch.arange(self.window, device=self.device)]
        return self.mirroring(features, side < 0.5) if self.mirror else features

    def validate(self) -> dict[str, float]:
        """Mean joint distance over whole clips in cm, root-aligned and not; perplexity of the codes."""
        chosen = _spread(len(self.validation.lengths), VALIDATION_CLIPS)
        errors, weights, ids = [], [], []
        for clip in chosen:
            start, length = int(self.validation.starts[clip]), int(self.validation.lengths[clip])
            frames = length - length % self.model.config.downsampling
            if frames == 0:
                continue
            features = self.validation.features[start : start + frames][None].to(self.device)
            tokens = self.model.encode(self.normalizer(features))
            decoded = self.normalizer.restore(self.model.decode(tokens).float())
            errors.append(_joint_errors(decoded, features, self.skeleton))
            weights.append(frames)
            ids.append(tokens.ids[0])
        share = torch.tensor(weights, device=self.device) / sum(weights)
        aligned, world = (torch.stack(errors) * share[:, None]).sum(0).tolist()
        perplexity = _perplexity(torch.cat(ids), self.model.config.codes)
        return {
            "error_cm": 100 * aligned,
            "world_error_cm": 100 * world,
            "perplexity": float(perplexity.mean()),
            "base_perplexity": float(perplexity[0]),
        }

    def compile(self) -> None:
        """The convolutions; the codebooks change in place and stay as they are."""
        self.model.encoder.compile()
        self.model.decoder.compile()


class DecoderStage(TokenizerStage):
    """The tokenizer's decoder alone, on windows of which rare actions are drawn more often.

    Encoder and codebooks stay as they are, and with them all tokens. Squares of the local positions join the
    tokenizer's loss: a foot at the height of a kick is a far outlier, to which smooth L1 is indifferent.
    """

    name = "decoder"

    def __init__(
        self,
        model: RVQVAE,
        corpus: Corpus,
        window: int,
        often: Tensor,
        *,
        mirror: bool,
        device: torch.device,
    ) -> None:
        super().__init__(model, corpus, window, mirror=mirror, device=device)
        model.encoder.requires_grad_(False)
        fits = (corpus.train.bank.lengths // window) * often
        self.clips = torch.arange(len(fits)).repeat_interleave(fits).to(device)
        self.lengths = torch.full((len(self.clips),), window)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss of the decoded window; a fifth of the batches lack upper layers, as in the tokenizer's training."""
        features = self.normalizer(self.windows(self.clips[rows.index], generator))
        decoded = self.model.decode_latent(self._latent(features, generator)).float()
        positions = FeatureLayout.of(self.skeleton).positions
        reconstruction = smooth_l1_loss(decoded, features)
        made, true = decoded[..., positions], features[..., positions]
        local, squares = smooth_l1_loss(made, true), mse_loss(made, true)
        return {
            "loss": reconstruction + POSITION_WEIGHT * local + SQUARE_WEIGHT * squares,
            "reconstruction": reconstruction,
            "positions": local,
            "squares": squares,
        }

    @torch.no_grad()
    def _latent(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """(B, L, code_width) codes of the windows; the loop trains the model as a whole, but not these parts."""
        self.model.encoder.eval()
        self.model.quantizer.eval()
        codes = self.model.quantizer.lookup(self.model.encode(features).ids)
        drop, place = torch.rand(2, generator=generator, device=self.device).tolist()
        layers = 1 + int(place * len(codes)) if drop < DROPPED_LAYERS else len(codes)
        return codes[:layers].sum(0)

    def compile(self) -> None:
        """The decoder's convolutions."""
        self.model.decoder.compile()


def _joint_errors(decoded: Tensor, features: Tensor, skeleton: Skeleton) -> Tensor:
    """(2,) mean joint distance in metres: with the roots put together in each frame, and in the world."""
    made, true = (joints_from_features(x, skeleton) for x in (decoded, features))
    world = (made - true).norm(dim=-1).mean()
    aligned = ((made - made[..., :1, :]) - (true - true[..., :1, :])).norm(dim=-1).mean()
    return torch.stack([aligned, world])


def _perplexity(ids: Tensor, codes: int) -> Tensor:
    """(Q,) exp of the entropy of the codes used in ids (K, Q)."""
    counts = torch.stack([torch.bincount(layer[layer >= 0], minlength=codes) for layer in ids.unbind(-1)])
    usage = counts / counts.sum(1, keepdim=True)
    return torch.exp(-(usage * torch.log(usage + 1e-10)).sum(1))


def _spread(count: int, limit: int) -> list[int]:
    """At most `limit` numbers spread evenly over 0 .. count - 1."""
    return sorted({int(i * count / min(count, limit)) for i in range(min(count, limit))})


TokenModel = MaskTransformer | ResidualTransformer | AlignedMaskTransformer


@dataclass(frozen=True)
class Crop:
    """A batch of sequences as the model reads them.

    Attributes:
        ids: (B, L, Q) with -1 in padding.
        lengths: (B,) tokens.
        first: (B,) the whole sequence's token at which each begins.
    """

    ids: Tensor
    lengths: Tensor
    first: Tensor


class TokenStage:
    """Mask or residual transformer, the former with segment alignment or without, on cached tokens and text.

    A sample is a captioned part of the data or its mirror image; each time it is drawn it comes with one of
    its sentences, from one of its first frames, at a random place if it is longer than the model reads, and
    at times one token shorter, as in the published training. `draws` (M,) numbers the samples of an epoch, rare
    ones more than once; None for each once.
    """

    criterion = "loss"

    def __init__(
        self,
        name: str,
        model: TokenModel,
        train: Sequences,
        val: Sequences,
        data_hash: str,
        *,
        max_tokens: int,
        segment_dropout: float,
        span_dropout: float,
        device: torch.device,
        draws: Tensor | None = None,
    ) -> None:
        self.name, self.data_hash, self.device = name, data_hash, device
        self.model = model.to(device)
        self.train, self.val = train.to(device), val.to(device)
        self.max_tokens, self.segment_dropout, self.span_dropout = max_tokens, segment_dropout, span_dropout
        self.draws = (torch.arange(len(train.lengths)) if draws is None else draws).to(device)
        self.lengths = train.lengths[self.draws.cpu(), 0].clamp(max=max_tokens)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss and accuracy of a batch; with alignment also its loss and the ISC."""
        drawn = Rows(self.draws[rows.index], rows.length)
        return self._losses(self.train, drawn, generator, training=True)

    def validate(self) -> dict[str, float]:
        """The means of `losses` over the validation split, with the same noise every time."""
        generator = torch.Generator(self.device).manual_seed(VALIDATION_SEED)
        lengths = self.val.lengths[:, 0].clamp(max=self.max_tokens)
        sampler = BatchSampler(lengths, VALIDATION_BATCH, VALIDATION_SEED, device=self.device)
        found = [
            self._losses(self.val, sampler.next(), generator, training=False) for _ in range(len(sampler))
        ]
        return {name: float(torch.stack([losses[name] for losses in found]).mean()) for name in found[0]}

    def compile(self) -> None:
        """The transformer stack, where nearly all the time goes."""
        model = self.model
        (model.transformer if isinstance(model, AlignedMaskTransformer) else model).encoder.compile()

    def _losses(
        self, data: Sequences, rows: Rows, generator: torch.Generator, *, training: bool
    ) -> dict[str, Tensor]:
        drawn = torch.rand(6, len(rows.index), generator=generator, device=self.device)
        crop = self.tokens(data, rows, drawn[:3])
        drop = drawn[4] < self.segment_dropout if training else None
        said = sentence_of(data, rows.index, drawn[3])
        condition = condition_of(data, said, drop)
        condition = condition.at(
            spans_of(data.known, said, crop, condition).where(drawn[5] >= self.span_dropout)
        )
        base, lengths, model = crop.ids[..., 0], crop.lengths, self.model
        if isinstance(model, AlignedMaskTransformer):
            spans = motion_spans(data, said, crop, condition)
            found = aligned_training_loss(model, base, lengths, condition, spans, generator)
            return {
                "loss": found.loss,
                "accuracy": found.accuracy,
                "alignment": found.alignment,
                "consistency": found.consistency,
            }
        if isinstance(model, MaskTransformer):
            result = masked_training_loss(model, base, lengths, condition, generator)
        else:
            result = residual_training_loss(model, crop.ids, lengths, condition, generator)
        return {"loss": result.loss, "accuracy": result.accuracy}

    def tokens(self, data: Sequences, rows: Rows, drawn: Tensor) -> Crop:
        """Tokens of the batch, chosen by uniform numbers drawn (3, B)."""
        variant = (drawn[0] * data.starts.shape[1]).long()
        whole = data.lengths[rows.index, variant]
        length = (whole.clamp(max=self.max_tokens) - (drawn[1] < 1 / 3).long()).clamp(min=1)
        first = (drawn[2] * (whole - length + 1)).long()
        size = rows.length
        if self.device.type == "cuda":
            size = min(-(-size // COMPILED_LENGTH) * COMPILED_LENGTH, self.max_tokens)
        steps = torch.arange(size, device=self.device)
        places = (data.starts[rows.index, variant] + first)[:, None] + torch.minimum(
            steps, length[:, None] - 1
        )
        valid = length_mask(length, size)
        return Crop(data.ids[places].long().masked_fill(~valid[..., None], -1), length, first)


def sentence_of(data: Sequences, index: Tensor, drawn: Tensor) -> Tensor:
    """(B,) row in `data.sentences` of one sentence of each sample index (B,), by uniform numbers drawn (B,)."""
    return data.first_sentence[index] + (drawn * data.sentence_count[index]).long()


def motion_spans(data: Sequences, said: Tensor, crop: Crop, condition: TextCondition) -> Spans:
    """Motion segments of a batch: as they were cut beforehand, else evenly over the crop."""
    if data.counts is None:
        return uniform_spans(crop.lengths, condition.segment_mask)
    return spans_of(data.counts, said, crop, condition)


def spans_of(counts: Tensor, said: Tensor, crop: Crop, condition: TextCondition) -> Spans:
    """What of the segments of sentences said (B,), of counts (C, 5) tokens in the whole, lies within the crop."""
    own = counts[said, : condition.segment_mask.shape[1]]
    return Spans.of_counts(own).cropped(crop.first, crop.lengths)


def condition_of(data: Sequences, said: Tensor, drop: Tensor | None) -> TextCondition:
    """The condition of sentences said (B,), rows in `data.sentences`.

    Args:
        data: the text side.
        said: see `sentence_of`.
        drop: (B,) samples that lose their phrases; None for none.
    """
    texts = data.sentences[said]
    present = texts[:, 1:] >= 0
    if drop is not None:
        present = present & ~drop[:, None]
    if said.device.type == "cpu":
        # No work on phrases that nobody in the batch has; a GPU would have to be waited for to know.
        present = present[:, : int(present.sum(1).max())]
    vectors = data.vectors[texts.clamp(min=0)[:, : 1 + present.shape[1]]]
    return TextCondition(vectors[:, 0], vectors[:, 1:] * present[..., None], present)
