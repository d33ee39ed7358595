"""A tokenizer stage on random walks, also as a process: `python toy.py FOLDER [STEP TO DIE AT]`."""

import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as distributed

from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig
from kinelex.training.loop import FitResult, fit, make_fabric
from kinelex.training.recipes import TrainConfig
from kinelex.training.sampler import Rows

CONFIG = RVQVAEConfig(features=6, width=16, code_width=8, codes=16, quantizers=3, depth=1)
TRAIN = TrainConfig(
    steps=40,
    batch_size=8,
    lr=1e-3,
    warmup=5,
    milestones=(30,),
    validate_every=15,
    checkpoint_minutes=1e-9,
    ema=0.9,
)


class ToyStage:
    """Dropout, Gumbel noise, quantizer dropout and codebook averages: all that a resumption can get wrong."""

    name = "toy"
    criterion = "error"
    data_hash = "random walks"

    def __init__(self, signals: dict[int, signal.Signals] | None = None) -> None:
        torch.manual_seed(0)
        self.model = RVQVAE(CONFIG)
        self.data = torch.randn(50, 16, 6, generator=torch.Generator().manual_seed(1)).cumsum(1)
        self.lengths = torch.full((50,), 16)
        self.signals, self.calls = signals or {}, 0

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, torch.Tensor]:
        if self.calls in self.signals:
            os.kill(os.getpid(), self.signals[self.calls])
        self.calls += 1
        assert_processes_agree(self.model)
        features = self.data[rows.index]
        result = self.model(features, generator)
        error = (result.features.float() - features).abs().mean()
        return {"loss": error + result.quantized.commitment, "error": error}

    def validate(self) -> dict[str, float]:
        return {"error": float((self.model(self.data).features - self.data).abs().mean())}

    def compile(self) -> None:
        """Nothing gains from it."""


def assert_processes_agree(model: torch.nn.Module) -> None:
    """Weights and codebooks are the same in every process."""
    if distributed.is_initialized():
        for name, tensor in model.state_dict().items():
            first = tensor.clone()
            distributed.broadcast(first, 0)
            assert torch.equal(tensor, first), name


def run(
    folder: Path, config: TrainConfig = TRAIN, deadline: float | None = None, **stage
) -> tuple[ToyStage, FitResult]:
    torch.set_num_threads(1)
    toy = ToyStage(**stage)
    return toy, fit(toy, config, folder, make_fabric("cpu", config.precision), deadline)


if __name__ == "__main__":
    death = {int(step): signal.SIGKILL for step in sys.argv[2:]}
    run(Path(sys.argv[1]), signals=death)
