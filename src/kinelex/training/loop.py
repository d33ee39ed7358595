"""The one training loop, on Lightning Fabric: every stage of every model runs in it.

A stage says what a step's loss is and how good the model is; the loop does the rest: mixed precision,
processes, gradient clipping, learning rate, averaged weights, validation, checkpoints, exact resumption.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.distributed as distributed
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.training.checkpoint import (
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
    save_weights,
)
from kinelex.training.ema import WeightAverage
from kinelex.training.monitor import Monitor
from kinelex.training.optim import (
    average_gradients,
    build_optimizer,
    clip_gradients,
    learning_rate,
    set_learning_rate,
)
from kinelex.training.precision import fabric_precision
from kinelex.training.recipes import TrainConfig
from kinelex.training.sampler import BatchSampler, Rows

if TYPE_CHECKING:
    from lightning.fabric import Fabric

CHECKPOINT, WEIGHTS = "checkpoint.pt", "weights.safetensors"
REPORT_EVERY = 50
# What may change between two runs of the same training.
_FREE_SETTINGS = ("steps", "compile", "validate_every", "checkpoint_minutes", "milestones", "gamma")
_GO_ON, _SAVE, _STOP = 0, 1, 2


class Stage(Protocol):
    """What the loop needs to know of a stage.

    Attributes:
        name: of the stage and its folder.
        model: the network, on the device.
        lengths: (N,) length of every training sample; batches hold samples of similar length.
        criterion: the metric by which `keep: best` chooses; smaller is better.
        data_hash: of the training data.
    """

    name: str
    lengths: Tensor
    criterion: str
    data_hash: str

    @property
    def model(self) -> nn.Module: ...

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of a batch by name; "loss" is minimised."""
        ...

    def validate(self) -> dict[str, float]:
        """Metrics of the model in evaluation mode, the same for the same weights."""
        ...

    def compile(self) -> None:
        """Compile the parts of the model that gain from it."""
        ...


@dataclass(frozen=True)
class FitResult:
    """How a training ended.

    Attributes:
        steps: taken in all, earlier runs included.
        finished: all steps of the recipe are done, and the kept weights are in the model and on disk.
        metrics: of the kept weights; empty when not finished.
    """

    steps: int
    finished: bool
    metrics: dict[str, float]


def make_fabric(device: str, precision: str) -> Fabric:
    """Fabric for this process; under torchrun, for all processes of this machine.

    Args:
        device: "cpu", "cuda" or "auto".
        precision: "auto", "bf16" or "fp32".

    Raises:
        KinelexError: there is no such device.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise KinelexError(f"unknown device {device!r}; choose cpu, cuda or auto")
    if device == "cuda" and not torch.cuda.is_available():
        raise KinelexError("there is no CUDA device here; choose the device cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    # Imported here: it takes seconds, which nothing but training need wait for.
    from lightning.fabric import Fabric

    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=device,
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        precision=fabric_precision(precision, device),
    )
    fabric.launch()
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    return fabric


def fit(
    stage: Stage, config: TrainConfig, folder: Path, fabric: Fabric, deadline: float | None = None
) -> FitResult:
    """Train a stage, from its checkpoint if there is one.

    Args:
        stage: what is trained.
        config: how.
        folder: of the stage's checkpoint, weights and logs.
        fabric: from `make_fabric`.
        deadline: `time.monotonic()` at which to save and return; None for no limit.

    Raises:
        KinelexError: the checkpoint is of another recipe, the loss is not finite, or the folder cannot be
            written.
    """
    training = Training(stage, config, fabric)
    if (folder / CHECKPOINT).is_file():
        training.load(folder / CHECKPOINT)
        if training.step >= config.steps and (folder / WEIGHTS).is_file():
            return FitResult(training.step, True, training.finish({}, folder))
    monitor = Monitor(stage.name, folder, config.steps, training.step, active=fabric.is_global_zero)
    try:
        return training.run(monitor, folder, deadline)
    finally:
        monitor.close()


class Training:
    """One stage's training in this process, with all its state.

    Compiles the stage where the recipe asks for it and the device is a GPU.
    """

    def __init__(self, stage: Stage, config: TrainConfig, fabric: Fabric) -> None:
        self.stage, self.config, self.fabric = stage, config, fabric
        self.step, self.best = 0, math.inf
        self._same_start()
        self.parameters = [p for p in stage.model.parameters() if p.requires_grad]
        self.optimizer = build_optimizer(self.parameters, config)
        self.average = WeightAverage(stage.model, config.ema)
        self.sampler = BatchSampler(
            stage.lengths, config.batch_size, config.seed,
            rank=fabric.global_rank, processes=fabric.world_size, device=fabric.device,
        )  # fmt: skip
        own_seed = config.seed * 1009 + fabric.global_rank
        torch.manual_seed(own_seed)
        self.generator = torch.Generator(fabric.device).manual_seed(own_seed)
        settings = {key: value for key, value in asdict(config).items() if key not in _FREE_SETTINGS}
        description = f"{stage.name} {getattr(stage.model, 'config', '')} {settings} {stage.data_hash}"
        self.fingerprint = sha256(description.encode()).hexdigest()
        self.compiled = config.compile and fabric.device.type == "cuda"
        if self.compiled:
            stage.compile()
        stage.model.train()

    def _same_start(self) -> None:
        """Every process begins with the first one's weights."""
        if self.fabric.world_size > 1:
            for tensor in self.stage.model.state_dict().values():
                distributed.broadcast(tensor, 0)

    def run(self, monitor: Monitor, folder: Path, deadline: float | None) -> FitResult:
        """All steps that are left, or as many as the deadline and SIGTERM allow."""
        config, last_save = self.config, time.monotonic()
        with _termination() as terminated:
            while self.step < config.steps:
                monitor.add(self.take_step())
                if self.step % REPORT_EVERY == 0 or self.step == config.steps:
                    monitor.report(self.step, self.optimizer.param_groups[0]["lr"])
                if self.step % config.validate_every == 0 and self.step < config.steps:
                    self.validate(monitor, folder)
                order = self._agree(_order(terminated(), deadline, last_save, config))
                if order != _GO_ON:
                    self.save(folder / CHECKPOINT)
                    last_save = time.monotonic()
                if order == _STOP and self.step < config.steps:
                    return FitResult(self.step, False, {})
            metrics = self.validate(monitor, folder)
            self.save(folder / CHECKPOINT)
            return FitResult(self.step, True, self.finish(metrics, folder))

    def take_step(self) -> dict[str, Tensor]:
        """One optimiser step; its losses."""
        rate = learning_rate(self.step, self.config)
        set_learning_rate(self.optimizer, rate)
        with self.fabric.autocast():
            losses = self.stage.losses(self.sampler.next(), self.generator)
        self.fabric.backward(losses["loss"])
        average_gradients(self.parameters)
        clip_gradients(self.parameters, self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update()
        self.step += 1
        return losses

    @torch.no_grad()
    def validate(self, monitor: Monitor, folder: Path) -> dict[str, float]:
        """Metrics of the averaged weights; they are written out when they are the best so far."""
        self.stage.model.eval()
        with self.average.applied():
            with self.fabric.autocast(), self._eager():
                metrics = self.stage.validate()
            monitor.validated(self.step, metrics)
            if self.config.keep == "last" or metrics[self.stage.criterion] <= self.best:
                self.best = metrics[self.stage.criterion]
                self._on_first(lambda: save_weights(self.stage.model, folder / WEIGHTS))
        self.stage.model.train()
        return metrics

    def finish(self, metrics: dict[str, float], folder: Path) -> dict[str, float]:
        """Put the kept weights into the model."""
        load_weights(self.stage.model, folder / WEIGHTS)
        self.stage.model.eval()
        return {**metrics, f"kept_{self.stage.criterion}": self.best}

    def save(self, path: Path) -> None:
        """Write the checkpoint: everything that the next step depends on."""
        ranks = [self._process_state()]
        if self.fabric.world_size > 1:
            ranks = [{} for _ in range(self.fabric.world_size)]
            distributed.all_gather_object(ranks, self._process_state())
        state = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "best": self.best,
            "model": self.stage.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "sampler": self.sampler.state_dict(),
            "random": ranks,
        }
        self._on_first(lambda: save_checkpoint(state, path))

    def load(self, path: Path) -> None:
        """Continue from the checkpoint."""
        state = load_checkpoint(path, self.fingerprint, self.fabric.world_size)
        self.step, self.best = state["step"], state["best"]
        try:
            self.stage.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise KinelexError(
                f"the checkpoint {path} is of another version of the network; delete it to start this stage anew"
            ) from error
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.sampler.load_state_dict(state["sampler"])
        own = state["random"][self.fabric.global_rank]
        restore_random_state(own, self.fabric.device)
        self.generator.set_state(own["stage"])

    def _eager(self) -> AbstractContextManager[None]:
        """Validation sees too many shapes for compiling to pay."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def _process_state(self) -> dict[str, Tensor]:
        return {**random_state(self.fabric.device), "stage": self.generator.get_state()}

    def _agree(self, order: int) -> int:
        """The strongest order of any process: clocks and signals differ between them."""
        if self.fabric.world_size == 1:
            return order
        strongest = torch.tensor(order, device=self.fabric.device)
        distributed.all_reduce(strongest, distributed.ReduceOp.MAX)
        return int(strongest)

    def _on_first(self, write: Callable[[], Any]) -> None:
        if self.fabric.is_global_zero:
            write()
        self.fabric.barrier()


def load_weights(model: nn.Module, path: Path) -> None:
    """Read safetensors into a model.

    Raises:
        KinelexError: the file is missing, broken or of another model.
    """
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise KinelexError(f"{path} does not hold this recipe's weights; train the stage again") from error


def _order(terminated: bool, deadline: float | None, last_save: float, config: TrainConfig) -> int:
    now = time.monotonic()
    if terminated or (deadline is not None and now >= deadline):
        return _STOP
    return _SAVE if now - last_save >= config.checkpoint_minutes * 60 else _GO_ON


@contextmanager
def _termination() -> Iterator[Callable[[], bool]]:
    """Within the block, SIGTERM is remembered instead of obeyed; yields whether one came."""
    arrived = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set signal handlers; elsewhere the host program decides about signals.
        yield arrived.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: arrived.set())
    try:
        yield arrived.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
