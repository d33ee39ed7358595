"""What a result was measured with, and how results are written."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from kinelex.atomic import atomic_path


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    packages = {package: metadata.version(package) for package in ("kinelex", "torch", "numpy")}
    return {**packages, "python": platform.python_version()}


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write a document, whole or not at all.

    Raises:
        KinelexError: the file cannot be written.
    """
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
