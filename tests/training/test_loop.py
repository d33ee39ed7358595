"""Stopping and going on, in any way, gives what never stopping gives."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy import TRAIN, ToyStage, run

from kinelex.errors import KinelexError
from kinelex.training.loop import CHECKPOINT, WEIGHTS, fit, make_fabric

TOY = Path(__file__).with_name("toy.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def start(*arguments: str | Path, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    command = [sys.executable, *launcher, str(TOY), *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def state(folder: Path) -> dict:
    return torch.load(folder / CHECKPOINT, weights_only=True)


def assert_equal(one, other, path: str = "") -> None:
    """Nested states, bit for bit."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_equal(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{path}[{i}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    else:
        assert one == other, path


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after 40 steps without a stop."""
    folder = tmp_path_factory.mktemp("straight")
    run(folder)
    return folder


def test_killed_and_resumed_is_bit_for_bit_the_same(straight: Path, tmp_path: Path) -> None:
    killed = start(tmp_path, 20)
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert state(tmp_path)["step"] == 20
    run(tmp_path)
    assert_equal(state(straight), state(tmp_path))
    assert_equal(load_file(straight / WEIGHTS), load_file(tmp_path / WEIGHTS))
    logs = [(folder / "log.jsonl").read_text().splitlines() for folder in (straight, tmp_path)]
    kept = [[entry for line in log if (entry := json.loads(line))["kind"] == "val"] for log in logs]
    assert kept[0] == kept[1]
    assert [entry["step"] for entry in kept[0]] == [15, 30, 40]


def test_sigterm_saves_and_the_rest_can_follow(straight: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(TRAIN, checkpoint_minutes=100)
    _, result = run(tmp_path, config, signals={12: signal.SIGTERM})
    assert (result.steps, result.finished) == (13, False)
    assert state(tmp_path)["step"] == 13
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    run(tmp_path, config)
    assert_equal(state(straight), state(tmp_path))


def test_a_deadline_ends_cleanly_with_a_checkpoint(straight: Path, tmp_path: Path) -> None:
    _, result = run(tmp_path, deadline=time.monotonic())
    assert (result.steps, result.finished) == (1, False)
    assert state(tmp_path)["step"] == 1
    _, result = run(tmp_path)
    assert (result.steps, result.finished) == (40, True)
    assert_equal(load_file(straight / WEIGHTS), load_file(tmp_path / WEIGHTS))


def test_a_finished_training_is_not_trained_again(straight: Path) -> None:
    before = (straight / CHECKPOINT).stat().st_mtime_ns
    toy, result = run(straight, signals={0: signal.SIGKILL})
    assert result.finished
    assert_equal(dict(toy.model.state_dict()), load_file(straight / WEIGHTS))
    assert (straight / CHECKPOINT).stat().st_mtime_ns == before


def test_the_loss_falls_and_the_log_says_so(tmp_path: Path) -> None:
    config = dataclasses.replace(
        TRAIN, steps=200, milestones=(), lr=3e-3, checkpoint_minutes=5, precision="fp32"
    )
    _, result = run(tmp_path, config)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if entry["kind"] == "train"]
    assert [entry["step"] for entry in entries if entry["kind"] == "train"] == [50, 100, 150, 200]
    assert losses[-1] < 0.95 * losses[0]
    assert result.metrics["error"] == pytest.approx(entries[-1]["error"])
    assert list((tmp_path / "tensorboard").iterdir())


def test_keep_best_keeps_the_weights_of_the_best_validation(tmp_path: Path) -> None:
    class Worsening(ToyStage):
        def validate(self) -> dict[str, float]:
            self.snapshots = [
                *getattr(self, "snapshots", []),
                {k: v.clone() for k, v in self.model.state_dict().items()},
            ]
            return {"error": {1: 3.0, 2: 1.0}.get(len(self.snapshots), 2.0)}

    toy = Worsening()
    config = dataclasses.replace(TRAIN, keep="best")
    result = fit(toy, config, tmp_path, make_fabric("cpu", "fp32"))
    assert result.metrics["kept_error"] == 1.0
    assert_equal(dict(toy.model.state_dict()), dict(toy.snapshots[1]))


def test_other_recipes_and_broken_checkpoints_are_refused(straight: Path, tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="another recipe"):
        run(straight, dataclasses.replace(TRAIN, lr=5e-4))
    (tmp_path / CHECKPOINT).write_bytes((straight / CHECKPOINT).read_bytes()[:1000])
    with pytest.raises(KinelexError, match=r"cannot read the checkpoint .*checkpoint\.pt"):
        run(tmp_path)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    class Exploding(ToyStage):
        def losses(self, rows, generator):
            return {name: loss * torch.nan for name, loss in super().losses(rows, generator).items()}

    with pytest.raises(KinelexError, match=r"lower toy\.train\.lr"):
        fit(Exploding(), TRAIN, tmp_path, make_fabric("cpu", "fp32"))


def test_two_processes_train_one_model(tmp_path: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone")
    process = start(tmp_path, launcher=launcher)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    both = state(tmp_path)
    assert both["step"] == 40
    assert len(both["random"]) == 2
    assert not torch.equal(both["random"][0]["stage"], both["random"][1]["stage"])
    with pytest.raises(KinelexError, match="is of 2 processes and there are 1"):
        run(tmp_path)
