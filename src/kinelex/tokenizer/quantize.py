"""Residual vector quantization with EMA codebooks and code reset (MoMask, 3.1; EMA as in VQ-VAE-2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from kinelex.errors import KinelexError

TRAINING_TEMPERATURE = 0.5


@dataclass(frozen=True)
class Quantized:
    """Result of one quantizer layer or of the whole residual stack.

    Attributes:
        latent: (B, L, D) quantized vectors; gradients pass straight through.
        ids: (B, L) chosen codes of a layer, or (B, L, Q) of the stack with -1 for skipped layers.
        commitment: scalar, mean squared distance between input and code, averaged over active layers.
        perplexity: scalar, exp of the entropy of the code usage in this batch.
    """

    latent: Tensor
    ids: Tensor
    commitment: Tensor
    perplexity: Tensor


def gumbel_noise(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise from uniform numbers in [0, 1)."""
    return -torch.log((-torch.log(uniform.clamp(min=1e-20))).clamp(min=1e-20))


class Codebook(nn.Module):
    """One quantizer layer: K codes of width D, updated by exponential moving averages.

    The running sums and the initialised flag are buffers, so that resumed training continues exactly.

    Args:
        codes, width: K and D.
        decay: of the moving averages.
        least_use: latents a step below which, on average, a code becomes one of them.

    Raises:
        KinelexError: the least use is negative.
    """

    codebook: Tensor
    code_sum: Tensor
    code_count: Tensor
    initialized: Tensor

    def __init__(self, codes: int, width: int, decay: float, least_use: float = 1.0) -> None:
        super().__init__()
        if not least_use >= 0:
            raise KinelexError(
                f"tokenizer.model.least_use is {least_use}; give 0, by which no code is lost, or more"
            )
        self.decay, self.least_use = decay, least_use
        self.register_buffer("codebook", torch.zeros(codes, width))
        self.register_buffer("code_sum", torch.zeros(codes, width))
        self.register_buffer("code_count", torch.zeros(codes))
        self.register_buffer("initialized", torch.tensor(False))

    def distances(self, rows: Tensor) -> Tensor:
        """(N, K) squared distances from rows (N, D) to the codes."""
        return rows.square().sum(1, keepdim=True) - 2 * rows @ self.codebook.T + self.codebook.square().sum(1)

    def lookup(self, ids: Tensor) -> Tensor:
        """(..., D) codes of ids (...); id -1 gives the zero vector."""
        codes = nn.functional.embedding(ids.clamp(min=0), self.codebook)
        return codes.masked_fill((ids < 0)[..., None], 0.0)

    def forward(
        self, latent: Tensor, generator: torch.Generator | None = None, *, sample: bool = True
    ) -> Quantized:
        """Quantize (B, L, D).

        In training mode the codes are sampled with Gumbel noise at temperature 0.5 (unless `sample` is False)
        and the codebook is updated; in evaluation mode the nearest code wins.
        """
        rows = latent.detach().reshape(-1, latent.shape[-1]).float()
        if self.training and not bool(self.initialized):
            self._initialize(rows, generator)
        distances = self.distances(rows)
        if self.training and sample:
            uniform = torch.rand(distances.shape, generator=generator, device=distances.device)
            ids = (gumbel_noise(uniform) - distances / TRAINING_TEMPERATURE).argmax(1)
        else:
            ids = distances.argmin(1)
        codes = self.codebook[ids].reshape(latent.shape)
        counts = torch.bincount(ids, minlength=len(self.codebook)).to(rows.dtype)
        if self.training:
            self._update(rows, ids, counts, generator)
        commitment = (latent.float() - codes).square().mean()
        usage = counts / counts.sum()
        perplexity = torch.exp(-(usage * torch.log(usage + 1e-7)).sum())
        straight_through = latent + (codes - latent).detach()
        return Quantized(straight_through, ids.reshape(latent.shape[:-1]), commitment, perplexity)

    def _initialize(self, rows: Tensor, generator: torch.Generator | None) -> None:
        """Codes = first rows of the first training batch (of the first process)."""
        start = self.replacement_rows(rows, generator)
        if _distributed():
            distributed.broadcast(start, 0)
        self.codebook.copy_(start)
        self.code_sum.copy_(start)
        self.code_count.fill_(1.0)
        self.initialized.fill_(True)

    def _update(self, rows: Tensor, ids: Tensor, counts: Tensor, generator: torch.Generator | None) -> None:
        """EMA step: code = sum / count; a code whose count fell below the least use becomes an input vector."""
        sums = torch.zeros_like(self.code_sum).index_add_(0, ids, rows)
        replacements = self.replacement_rows(rows, generator)
        if _distributed():
            counts = counts.clone()
            distributed.all_reduce(sums)
            distributed.all_reduce(counts)
            distributed.broadcast(replacements, 0)
        self.code_sum.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        self.code_count.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        used = self._in_use()
        averages = self.code_sum / self.code_count.clamp(min=1e-9)[:, None]
        self.codebook.copy_(torch.where(used[:, None], averages, replacements))

    def _in_use(self) -> Tensor:
        """(K,) which codes stay; the others become input vectors."""
        return self.code_count >= self.least_use

    def replacement_rows(
        self, rows: Tensor, generator: torch.Generator | None, noise: Tensor | None = None
    ) -> Tensor:
        """(K, D) rows that replace unused codes: the batch's first, tiled with a little noise if too few."""
        codes, width = self.codebook.shape
        if len(rows) >= codes:
            return rows[:codes].clone()
        tiled = rows.repeat(math.ceil(codes / len(rows)), 1)
        if noise is None:
            noise = torch.randn(tiled.shape, generator=generator, device=rows.device) * (
                0.01 / math.sqrt(width)
            )
        return (tiled + noise)[:codes]


class ResidualQuantizer(nn.Module):
    """Q codebooks, each quantizing what the ones before left over (MoMask, Eq. 1)."""

    def __init__(
        self, layers: int, codes: int, width: int, decay: float, dropout: float, *, shared: bool,
        least_use: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.dropout = dropout
        first = Codebook(codes, width, decay, least_use)
        others = [first if shared else Codebook(codes, width, decay, least_use) for _ in range(layers - 1)]
        self.layers = nn.ModuleList([first, *others])

    @property
    def codebooks(self) -> list[Codebook]:
        """The quantizer layers in order."""
        return [layer for layer in self.layers if isinstance(layer, Codebook)]

    def forward(
        self, latent: Tensor, generator: torch.Generator | None = None, *, sample: bool = True
    ) -> Quantized:
        """Quantize (B, L, D) with all layers; in training, layers after a random one are dropped at times."""
        active = self._active_layers(generator, latent.device) if self.training else len(self.layers)
        return self.quantize(latent, active, generator, sample=sample)

    def quantize(
        self, latent: Tensor, active: int, generator: torch.Generator | None = None, *, sample: bool = True
    ) -> Quantized:
        """Quantize with the first `active` layers; the others report id -1."""
        residual, total, results = latent, torch.zeros_like(latent), []
        for layer in self.codebooks[:active]:
            result = layer(residual, generator, sample=sample)
            residual = residual - result.latent.detach()
            total = total + result.latent
            results.append(result)
        skipped = torch.full_like(results[0].ids, -1)
        ids = torch.stack(
            [result.ids for result in results] + [skipped] * (len(self.layers) - active), dim=-1
        )
        commitment = torch.stack([result.commitment for result in results]).mean()
        perplexity = torch.stack([result.perplexity for result in results]).mean()
        return Quantized(total, ids, commitment, perplexity)

    def lookup(self, ids: Tensor) -> Tensor:
        """(Q', B, L, D) codes of ids (B, L, Q') with Q' up to Q; id -1 gives zeros."""
        return torch.stack([self.codebooks[q].lookup(ids[..., q]) for q in range(ids.shape[-1])])

    def _active_layers(self, generator: torch.Generator | None, device: torch.device) -> int:
        draw = torch.rand(2, generator=generator, device=device)
        if _distributed():
            distributed.broadcast(draw, 0)
        drop, position = draw.tolist()
        return 1 + int(position * len(self.layers)) if drop < self.dropout else len(self.layers)


def _distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
