"""VQ-VAE with one codebook, as MMM takes it over from T2M-GPT (Zhang et al., CVPR 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.tokenizer.quantize import Codebook, Quantized
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig

_PATIENCE = 21  # every so many batches, codes that were never in use are replaced


class PatientCodebook(Codebook):
    """Always takes the nearest code, and replaces a code only if it was never in use, and not in every batch."""

    batches: Tensor
    ever_used: Tensor

    def __init__(self, codes: int, width: int, decay: float, least_use: float = 1.0) -> None:
        super().__init__(codes, width, decay, least_use)
        self.register_buffer("batches", torch.tensor(0))
        self.register_buffer("ever_used", torch.zeros(codes, dtype=torch.bool))

    def forward(
        self, latent: Tensor, generator: torch.Generator | None = None, *, sample: bool = True
    ) -> Quantized:
        """Quantize (B, L, D) by the nearest code; `sample` has no effect."""
        return super().forward(latent, generator, sample=False)

    def _in_use(self) -> Tensor:
        self.batches += 1
        self.ever_used |= self.code_count >= self.least_use
        waiting = self.batches % _PATIENCE != 0
        return self.ever_used | waiting


class VQVAE(RVQVAE):
    """Motion tokenizer with one codebook; its tokens have ids (B, L, 1).

    Raises:
        KinelexError: the configuration asks for residual layers.
    """

    def __init__(self, config: RVQVAEConfig) -> None:
        if config.quantizers != 1:
            raise KinelexError(f"tokenizer.model.quantizers is {config.quantizers}; MMM has 1")
        super().__init__(config)
        self.quantizer.layers = nn.ModuleList(
            [PatientCodebook(config.codes, config.code_width, config.decay, config.least_use)]
        )

    @property
    def codebook(self) -> Tensor:
        """(K, code_width) the codes."""
        return self.quantizer.codebooks[0].codebook
