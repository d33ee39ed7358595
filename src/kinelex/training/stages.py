"""The four stages: what a step's loss is, and how good the model is on the validation split."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.generators.base import TextCondition
from kinelex.generators.durations import LengthEstimator, length_training_loss
from kinelex.generators.masked import MaskTransformer, TokenLoss, masked_training_loss
from kinelex.generators.residual import ResidualTransformer, residual_training_loss
from kinelex.motion.features import joints_from_features
from kinelex.motion.skeleton import Skeleton
from kinelex.tokenizer.losses import tokenizer_loss
from kinelex.tokenizer.rvqvae import RVQVAE, length_mask
from kinelex.training.cache import Sequences
from kinelex.training.corpus import Corpus, Mirroring
from kinelex.training.sampler import BatchSampler, Rows

VALIDATION_SEED = 12345
VALIDATION_CLIPS = 128
VALIDATION_BATCH = 128
# On a GPU, sequences are padded to a multiple of this, so that a compiled network sees few different shapes.
COMPILED_LENGTH = 8


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


TokenModel = MaskTransformer | ResidualTransformer


class TokenStage:
    """Mask or residual transformer on cached tokens and text vectors.

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
        device: torch.device,
        draws: Tensor | None = None,
    ) -> None:
        self.name, self.data_hash, self.device = name, data_hash, device
        self.model = model.to(device)
        self.train, self.val = train.to(device), val.to(device)
        self.max_tokens, self.segment_dropout = max_tokens, segment_dropout
        self.draws = (torch.arange(len(train.lengths)) if draws is None else draws).to(device)
        self.lengths = train.lengths[self.draws.cpu(), 0].clamp(max=max_tokens)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy and accuracy of a batch."""
        drawn = Rows(self.draws[rows.index], rows.length)
        result = self._loss(self.train, drawn, generator, training=True)
        return {"loss": result.loss, "accuracy": result.accuracy}

    def validate(self) -> dict[str, float]:
        """Cross-entropy and accuracy over the validation split, with the same noise every time."""
        generator = torch.Generator(self.device).manual_seed(VALIDATION_SEED)
        lengths = self.val.lengths[:, 0].clamp(max=self.max_tokens)
        sampler = BatchSampler(lengths, VALIDATION_BATCH, VALIDATION_SEED, device=self.device)
        totals, count = torch.zeros(2, device=self.device), 0
        for _ in range(len(sampler)):
            result = self._loss(self.val, sampler.next(), generator, training=False)
            totals += torch.stack([result.loss, result.accuracy])
            count += 1
        loss, accuracy = (totals / count).tolist()
        return {"loss": loss, "accuracy": accuracy}

    def compile(self) -> None:
        """The transformer stack, where nearly all the time goes."""
        self.model.encoder.compile()

    def _loss(self, data: Sequences, rows: Rows, generator: torch.Generator, *, training: bool) -> TokenLoss:
        drawn = torch.rand(5, len(rows.index), generator=generator, device=self.device)
        ids, lengths = self.tokens(data, rows, drawn[:3])
        drop = drawn[4] < self.segment_dropout if training else None
        condition = condition_of(data, rows.index, drawn[3], drop)
        if isinstance(self.model, MaskTransformer):
            return masked_training_loss(self.model, ids[..., 0], lengths, condition, generator)
        return residual_training_loss(self.model, ids, lengths, condition, generator)

    def tokens(self, data: Sequences, rows: Rows, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (B, L, Q) with -1 in padding, and lengths (B,), chosen by uniform numbers drawn (3, B)."""
        variant = (drawn[0] * data.starts.shape[1]).long()
        whole = data.lengths[rows.index, variant]
        length = (whole.clamp(max=self.max_tokens) - (drawn[1] < 1 / 3).long()).clamp(min=1)
        first = data.starts[rows.index, variant] + (drawn[2] * (whole - length + 1)).long()
        size = rows.length
        if self.device.type == "cuda":
            size = min(-(-size // COMPILED_LENGTH) * COMPILED_LENGTH, self.max_tokens)
        steps = torch.arange(size, device=self.device)
        places = first[:, None] + torch.minimum(steps, length[:, None] - 1)
        valid = length_mask(length, size)
        return data.ids[places].long().masked_fill(~valid[..., None], -1), length


def condition_of(data: Sequences, index: Tensor, drawn: Tensor, drop: Tensor | None) -> TextCondition:
    """The condition of samples index (B,).

    Args:
        data: the text side.
        index: samples.
        drawn: (B,) uniform numbers that choose one sentence of each.
        drop: (B,) samples that lose their phrases; None for none.
    """
    row = data.first_sentence[index] + (drawn * data.sentence_count[index]).long()
    texts = data.sentences[row]
    present = texts[:, 1:] >= 0
    if drop is not None:
        present = present & ~drop[:, None]
    if index.device.type == "cpu":
        # No work on phrases that nobody in the batch has; a GPU would have to be waited for to know.
        present = present[:, : int(present.sum(1).max())]
    vectors = data.vectors[texts.clamp(min=0)[:, : 1 + present.shape[1]]]
    return TextCondition(vectors[:, 0], vectors[:, 1:] * present[..., None], present)


class LengthStage:
    """Length estimator: whitened sentence vectors to token counts."""

    name = "length"
    criterion = "loss"

    def __init__(
        self,
        model: LengthEstimator,
        train: Sequences,
        val: Sequences,
        data_hash: str,
        *,
        max_tokens: int,
        device: torch.device,
    ) -> None:
        self.model, self.data_hash, self.device = model.to(device), data_hash, device
        self.train, self.val, self.max_tokens = train.to(device), val.to(device), max_tokens
        # Batches need not be sorted by length: nothing is padded.
        self.lengths = torch.ones(len(train.lengths), dtype=torch.long)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy of the token counts."""
        drawn = torch.rand(len(rows.index), generator=generator, device=self.device)
        sentence = condition_of(self.train, rows.index, drawn, None).sentence
        result = length_training_loss(self.model, sentence, self._tokens(self.train)[rows.index])
        return {"loss": result.loss, "accuracy": result.accuracy}

    def validate(self) -> dict[str, float]:
        """Cross-entropy, accuracy and median absolute error in tokens over all sentences of the split."""
        count = self.val.sentence_count
        owner = torch.arange(len(count), device=self.device).repeat_interleave(count)
        sentence = self.val.vectors[self.val.sentences[:, 0]]
        tokens = self._tokens(self.val)[owner]
        result = length_training_loss(self.model, sentence, tokens)
        error = (self.model.median_tokens(sentence) - tokens).abs().float().median()
        return {"loss": float(result.loss), "accuracy": float(result.accuracy), "error_tokens": float(error)}

    def compile(self) -> None:
        """Too small to gain from it."""

    def _tokens(self, data: Sequences) -> Tensor:
        return data.lengths[:, 0].clamp(max=self.max_tokens)
