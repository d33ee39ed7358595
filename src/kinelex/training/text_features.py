"""What a frozen language model reads in the captions, word by word, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.hashing import weights_hash
from kinelex.progress import track
from kinelex.text.encoders import TextEncoder

BATCH = 256


@dataclass(frozen=True)
class TextFeatureTable:
    """Token features of C different texts, one text after the other, in half precision.

    Attributes:
        tokens: (K, W) float16.
        first: (C,) row of each text's first token.
        count: (C,) its tokens, the special ones among them.
        sentences: (C, D) unit sentence vectors.
    """

    tokens: Tensor
    first: Tensor
    count: Tensor
    sentences: Tensor

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, W) float32 token features of texts `rows` (B,), other texts' behind them, and counts (B,)."""
        count = self.count[rows]
        steps = torch.arange(int(count.max()), device=rows.device)
        places = (self.first[rows, None] + steps).clamp(max=len(self.tokens) - 1)
        return self.tokens[places].float(), count

    def to(self, device: torch.device | str) -> TextFeatureTable:
        """The same on another device."""
        return TextFeatureTable(*(value.to(device) for value in vars(self).values()))


def text_features(texts: Sequence[str], encoder: TextEncoder, folder: Path) -> TextFeatureTable:
    """The table of these texts in their order, read from the cache folder where it has it.

    Raises:
        KinelexError: no texts, an empty one, a broken cache file, or a folder that cannot be written.
    """
    key = sha256("\0".join((weights_hash(encoder), *texts)).encode()).hexdigest()
    path = folder / f"text-features-{key[:16]}.safetensors"
    if path.is_file():
        try:
            stored = load_file(path)
            return TextFeatureTable(*(stored[name] for name in ("tokens", "first", "count", "sentences")))
        except (OSError, SafetensorError, KeyError) as error:
            raise KinelexError(f"cannot read the cache {path}; delete it and it is made again") from error
    table = _read(texts, encoder)
    with atomic_path(path) as temporary:
        save_file(vars(table), temporary)
    return table


def _read(texts: Sequence[str], encoder: TextEncoder) -> TextFeatureTable:
    tokens, counts, sentences = [], [], []
    for start in track(range(0, len(texts), BATCH), "reading captions"):
        read = encoder.encode(texts[start : start + BATCH])
        tokens.append(read.tokens[read.mask].half().cpu())
        counts.append(read.mask.sum(1).cpu())
        sentences.append(functional.normalize(read.pooled, dim=-1).cpu())
    count = torch.cat(counts)
    return TextFeatureTable(torch.cat(tokens), count.cumsum(0) - count, count, torch.cat(sentences))
