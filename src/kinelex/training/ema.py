"""Moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of the trained parameters; buffers (codebooks) are left as they are.

    The decay grows as (1 + n) / (10 + n) up to its final value, so that early averages forget the random
    start.

    Args:
        model: whose parameters are averaged.
        decay: final decay; 0 follows the weights exactly.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights of now."""
        self.updates += 1
        decay = min(self.decay, self.updates / (9 + self.updates))
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
            self.average, [p.detach() for p in self.parameters], 1 - decay
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block, the model has the averaged weights."""
        own = [p.detach().clone() for p in self.parameters]
        self._copy(self.average)
        try:
            yield
        finally:
            self._copy(own)

    def state_dict(self) -> dict[str, object]:
        """Averages and their count."""
        return {"updates": self.updates, "average": self.average}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore what `state_dict` gave."""
        self.updates = int(state["updates"])  # type: ignore[call-overload]
        saved: list[Tensor] = state["average"]  # type: ignore[assignment]
        for average, values in zip(self.average, saved, strict=True):
            average.copy_(values)

    @torch.no_grad()
    def _copy(self, values: list[Tensor]) -> None:
        torch._foreach_copy_(  # pyright: ignore[reportPrivateImportUsage]
            [p.detach() for p in self.parameters], values
        )
