"""A trained retrieval model: captions and motion to unit vectors whose products are cosines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinelex.errors import KinelexError
from kinelex.hashing import weights_hash
from kinelex.retrieval.networks import RetrievalNetworks
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer

TEXTS, MOTIONS, FRAMES = 256, 128, 16384
SHORTEST = 4  # frames


class RetrievalModel(nn.Module):
    """Retrieval networks with their own normalisation and the frozen language model whose features they read.

    Args:
        name: short, for tables.
        networks: the three networks.
        normalizer: by the model's own statistics.
        encoder: whose token features the text encoder was trained on.

    Raises:
        KinelexError: the parts are of different widths.
    """

    def __init__(
        self, name: str, networks: RetrievalNetworks, normalizer: FeatureNormalizer, encoder: TextEncoder
    ) -> None:
        super().__init__()
        self.name = name
        self.networks, self.normalizer, self.encoder = networks, normalizer, encoder
        config, width = networks.config, encoder.model.config.hidden_size
        if (len(normalizer.mean), width) != (config.features, config.text_width):
            raise KinelexError(
                f"networks of {config.features} features and token features of {config.text_width} numbers got "
                f"statistics of {len(normalizer.mean)} and a text encoder of {width}; take all from one model"
            )

    @property
    def device(self) -> torch.device:
        return self.normalizer.mean.device

    @property
    def width(self) -> int:
        """D of the common space."""
        return self.networks.config.transformer.latent

    @property
    def weights_hash(self) -> str:
        """SHA-256 of every number that the model depends on."""
        return weights_hash(self)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """(N, D) unit vectors of N sentences.

        Raises:
            KinelexError: no texts, or an empty one.
        """
        parts = []
        for start in range(0, max(1, len(texts)), TEXTS):
            read = self.encoder.encode(texts[start : start + TEXTS])
            parts.append(self.embed_tokens(read.tokens, read.mask.sum(1)))
        return torch.cat(parts)

    @torch.no_grad()
    def embed_tokens(self, tokens: Tensor, words: Tensor) -> Tensor:
        """Token features (N, L, W) of the language model, words (N,) of them real, to unit vectors (N, D)."""
        return functional.normalize(self.networks.text(tokens, words).mu, dim=-1)

    @torch.no_grad()
    def embed_motions(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, T, F) un-normalised features with lengths (N,) in frames to unit vectors (N, D), in their order.

        Frames beyond a length are not seen.

        Raises:
            KinelexError: wrong shapes, a length that is too short or too long, or features that are not finite.
        """
        lengths = lengths.to(features.device)
        self._check(features, lengths)
        result = torch.empty(len(features), self.width, device=self.device)
        for rows in similar_lengths(lengths.cpu()):
            longest = int(lengths[rows].max())
            batch = features[rows.to(features.device), :longest].to(self.device, torch.float32)
            result[rows.to(self.device)] = self._embed(batch, lengths[rows].to(self.device))
        return result

    def _embed(self, features: Tensor, lengths: Tensor) -> Tensor:
        """One batch, whose T is its longest length."""
        inside = torch.arange(features.shape[1], device=features.device) < lengths[:, None]
        normalized = self.normalizer(features).masked_fill(~inside[..., None], 0.0)
        return functional.normalize(self.networks.motion(normalized, lengths).mu, dim=-1)

    @torch.no_grad()
    def embed_windows(self, features: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """Unit vectors (W, D) of frames starts (W,) .. ends (W,) - 1 of features (T, F), un-normalised.

        Raises:
            KinelexError: features that are not finite, or a window that is too short.
        """
        lengths = ends - starts
        self._check(features[None], torch.tensor([len(features)]))
        if len(lengths) and int(lengths.min()) < SHORTEST:
            raise KinelexError(f"a window has {int(lengths.min())} frames; give at least {SHORTEST}")
        features, result = features.to(self.device), torch.empty(len(starts), self.width, device=self.device)
        for rows in similar_lengths(lengths):
            steps = torch.arange(int(lengths[rows].max()))
            places = (starts[rows, None] + steps).clamp(max=len(features) - 1).to(self.device)
            result[rows.to(self.device)] = self._embed(features[places], lengths[rows].to(self.device))
        return result

    def _check(self, features: Tensor, lengths: Tensor) -> None:
        width = self.networks.config.features
        if features.ndim != 3 or features.shape[-1] != width or lengths.shape != features.shape[:1]:
            raise KinelexError(
                f"motion of shape {tuple(features.shape)} with lengths of shape {tuple(lengths.shape)} cannot be "
                f"embedded; give (N, T, {width}) and (N,)"
            )
        if len(lengths) == 0:
            raise KinelexError("there is no motion to embed; give at least one clip")
        if lengths.min() < SHORTEST or lengths.max() > features.shape[1]:
            raise KinelexError(
                f"motion lengths go from {int(lengths.min())} to {int(lengths.max())} frames; "
                f"they must lie between {SHORTEST} and the {features.shape[1]} frames given"
            )
        inside = (
            torch.arange(features.shape[1], device=features.device) < lengths.to(features.device)[:, None]
        )
        if not (features.isfinite().all(-1) | ~inside).all():
            raise KinelexError(
                "the motion has features that are NaN or infinite; leave the broken clip out or make it again"
            )


def similar_lengths(lengths: Tensor) -> Iterator[Tensor]:
    """Row numbers in batches of similar length, of a bounded number of frames; lengths (N,) on the CPU."""
    order = lengths.argsort(stable=True)
    start = 0
    while start < len(order):
        stop = min(start + MOTIONS, len(order))
        while stop > start + 1 and (stop - start) * int(lengths[order[stop - 1]]) > FRAMES:
            stop -= 1
        yield order[start:stop]
        start = stop
