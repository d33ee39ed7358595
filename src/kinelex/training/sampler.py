"""Batches in a random order that can be resumed, of samples of similar length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

POOL_BATCHES = 16


@dataclass(frozen=True)
class Rows:
    """One batch: `index` (B,) sample numbers on the device, and the longest sample's `length`."""

    index: Tensor
    length: int


class BatchSampler:
    """Walks through the samples epoch by epoch; an epoch's order depends on the seed and its number alone.

    Samples are shuffled, sorted by length within pools of sixteen batches, cut into batches, and the batches
    are
    shuffled: little padding, yet ever new company. The last incomplete batch of an epoch is dropped, unless
        it is the only one. Every process gets its share of each batch.

    Args:
        lengths: (N,) length of every sample.
        batch_size: samples of a batch, of all processes together.
        seed: of the order.
        rank: number of this process.
        processes: their count.
        device: where the batches' indices lie.
    """

    def __init__(
        self,
        lengths: Tensor,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        processes: int = 1,
        device: str | torch.device = "cpu",
    ) -> None:
        self.lengths = lengths.cpu()
        size = min(batch_size, len(lengths))
        self.batch_size = size - size % processes if size >= processes else size
        self.seed, self.rank, self.processes, self.device = seed, rank, processes, device
        self.epoch, self.position = 0, 0
        self._plan()

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._longest)

    def next(self) -> Rows:
        """The next batch (this process's share)."""
        if self.position == len(self):
            self.epoch, self.position = self.epoch + 1, 0
            self._plan()
        batch = self._batches[self.position]
        length = self._longest[self.position]
        self.position += 1
        return Rows(batch, length)

    def state_dict(self) -> dict[str, int]:
        """Where the walk stands."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to where `state_dict` was taken."""
        self.epoch, self.position = state["epoch"], state["position"]
        self._plan()

    def _plan(self) -> None:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        pools = order.split(self.batch_size * POOL_BATCHES)
        order = torch.cat([pool[self.lengths[pool].argsort(stable=True)] for pool in pools])
        count = len(order) // self.batch_size
        batches = order[: count * self.batch_size].view(count, self.batch_size)
        batches = batches[torch.randperm(count, generator=generator)]
        self._longest = self.lengths[batches].amax(1).tolist()
        self._batches = batches[:, self.rank :: self.processes].to(self.device)
