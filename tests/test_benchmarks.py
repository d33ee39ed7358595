"""Benchmarks are not timed here, but they must not fall behind the code that they time."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A benchmark as a module, not run."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_finds_all_that_it_imports_and_says_how_to_run_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"python benchmarks/{path.name}" in (load(path, monkeypatch).__doc__ or "")


def test_the_training_benchmark_takes_steps_of_every_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load(ROOT / "benchmarks" / "training.py", monkeypatch)
    options = ["--recipe", "cpu-debug", "--batch-size", "8", "--seconds", "0"]
    monkeypatch.setattr(sys, "argv", ["training.py", *options])
    module.main()
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in module.STAGES)
