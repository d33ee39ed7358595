"""Judges: what maps captions and motion into one space, so that metrics need not know how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from kinelex.data.captions import Caption
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import UNIT_FRAMES, Evaluator
from kinelex.evaluation.words import WordVectorizer
from kinelex.hashing import weights_hash
from kinelex.retrieval.model import RetrievalModel
from kinelex.tokenizer.normalization import FeatureNormalizer

BATCH = 128
MAX_FRAMES = 196


class Judge(Protocol):
    """A learned judge of text and motion.

    Attributes:
        name: short, for tables.
        description: what it is, whose word vectors it reads, and the hash of its weights; for reports.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def embed_text(self, captions: Sequence[Caption]) -> Tensor:
        """(N, D) float32, in the order of the captions."""
        ...

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, T, F) un-normalised features with lengths (N,) in frames to (N, D) float32, in their order."""
        ...


class EvaluatorJudge(nn.Module):
    """The evaluator of Guo et al. 2022 with its own normalisation and word vectors, frozen.

    Frames beyond a motion's length are zero in normalised space, for data and for generated motion alike. The
    published evaluation leaves there what the decoder made, so that its generated motions are judged by up to
    two frames that nobody sees.

    Args:
        name: short, for tables.
        evaluator: the networks.
        normalizer: by the evaluator's own statistics, not those of the model that is judged.
        vectorizer: the vocabulary it was trained with.

    Raises:
        KinelexError: the parts are of different widths.
    """

    def __init__(
        self, name: str, evaluator: Evaluator, normalizer: FeatureNormalizer, vectorizer: WordVectorizer
    ) -> None:
        super().__init__()
        self.name = name
        self.evaluator, self.normalizer, self.vectorizer = evaluator, normalizer, vectorizer
        config = evaluator.config
        if (len(normalizer.mean), vectorizer.dim) != (config.features, config.word):
            raise KinelexError(
                f"an evaluator of {config.features} features and word vectors of {config.word} numbers got "
                f"statistics of {len(normalizer.mean)} and vectors of {vectorizer.dim}; take all from one release"
            )
        self.eval().requires_grad_(False)

    @property
    def description(self) -> str:
        """What it is, the source of its word vectors, and the hash of networks, statistics and vectors."""
        return (
            f"evaluator of Guo et al. 2022; words: {self.vectorizer.source}; "
            f"weights sha256 {self.weights_hash[:16]}"
        )

    @property
    def weights_hash(self) -> str:
        """SHA-256 of every number that the judge depends on."""
        return weights_hash(self)

    @torch.no_grad()
    def embed_text(self, captions: Sequence[Caption]) -> Tensor:
        """(N, E) on the judge's device, in the order of the captions.

        Raises:
            KinelexError: no captions, or one without tagged words.
        """
        encoded = self.vectorizer.encode(captions)
        result = torch.empty(len(captions), self.evaluator.config.embedding, device=self.device)
        for rows in _batches(encoded.lengths):
            batch = encoded.rows(rows).to(self.device)
            words, parts = self.vectorizer(batch)
            result[rows.to(self.device)] = self.evaluator.embed_text(words, parts, batch.lengths)
        return result

    @torch.no_grad()
    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, T, F) un-normalised features with lengths (N,) in frames to (N, E), in their order.

        A length counts in whole units of 4 frames; what is left over is not seen.

        Raises:
            KinelexError: wrong shapes, a length that is too short or too long, or features that are not finite.
        """
        lengths = lengths.cpu()
        _check_motion(features, lengths, self.evaluator.config.features)
        result = torch.empty(len(features), self.evaluator.config.embedding, device=self.device)
        for rows in _batches(lengths):
            whole = lengths[rows] // UNIT_FRAMES * UNIT_FRAMES
            normalized = self.normalized(features[rows.to(features.device)], whole)
            result[rows.to(self.device)] = self.evaluator.embed_motion(normalized, whole)
        return result

    def normalized(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, T', F) normalised, zero beyond the lengths, whatever the features hold there.

        T' is one unit beyond the longest, so that every last snippet sees zeros and a motion's vector does not
        depend on its company; but not beyond 196, where the published padding ends too.
        """
        longest = int(lengths.max())
        normalized = self.normalizer(features[:, :longest].to(self.device, torch.float32))
        inside = torch.arange(longest) < lengths[:, None]
        normalized = normalized.masked_fill(~inside.to(self.device)[..., None], 0.0)
        return nn.functional.pad(normalized, (0, 0, 0, max(0, min(UNIT_FRAMES, MAX_FRAMES - longest))))

    @property
    def device(self) -> torch.device:
        return self.normalizer.mean.device


class RetrievalJudge:
    """A retrieval model as a judge: captions and motion are unit vectors, so that distance is sqrt(2 - 2 cosine).

    R-precision ranks by cosine therefore. Distances and FID have another scale than an evaluator's.

    Args:
        model: frozen.
    """

    def __init__(self, model: RetrievalModel) -> None:
        self.model = model

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    @property
    def description(self) -> str:
        """What it is, and the hash of networks, statistics and language model."""
        return f"retrieval model of Petrovich et al. 2023; weights sha256 {self.model.weights_hash[:16]}"

    def embed_text(self, captions: Sequence[Caption]) -> Tensor:
        """(N, D) on the model's device, in the order of the captions.

        Raises:
            KinelexError: no captions, or an empty one.
        """
        return self.model.embed_texts([caption.text for caption in captions])

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, T, F) un-normalised features with lengths (N,) in frames to (N, D), in their order.

        Raises:
            KinelexError: see `RetrievalModel.embed_motions`.
        """
        return self.model.embed_motions(features, lengths)


def _batches(lengths: Tensor) -> Iterator[Tensor]:
    """Row numbers in batches of similar length."""
    yield from lengths.argsort(stable=True).split(BATCH)


def _check_motion(features: Tensor, lengths: Tensor, width: int) -> None:
    if features.ndim != 3 or features.shape[-1] != width or lengths.shape != features.shape[:1]:
        raise KinelexError(
            f"motion of shape {tuple(features.shape)} with lengths of shape {tuple(lengths.shape)} cannot be "
            f"judged; give (N, T, {width}) and (N,)"
        )
    if len(lengths) == 0:
        raise KinelexError("there is no motion to judge; give at least one clip")
    if lengths.min() < UNIT_FRAMES or lengths.max() > features.shape[1]:
        raise KinelexError(
            f"motion lengths go from {int(lengths.min())} to {int(lengths.max())} frames; "
            f"they must lie between {UNIT_FRAMES} and the {features.shape[1]} frames given"
        )
    inside = torch.arange(features.shape[1]) < lengths[:, None]
    if not (features.isfinite().all(-1) | ~inside.to(features.device)).all():
        raise KinelexError(
            "the motion has features that are NaN or infinite; leave the broken clip out or generate it again"
        )
