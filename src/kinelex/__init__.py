"""Kinelex: 3D human motion from a sentence.

`kinelex.load("default")("a person walks forward", seed=0).save("walk.glb")`
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinelex.errors import KinelexError
    from kinelex.hub.motion_index import load_index
    from kinelex.motion.motion import Motion, Segment
    from kinelex.pipeline import Pipeline, Prompt, load
    from kinelex.text.segmenter import segment

__all__ = ["KinelexError", "Motion", "Pipeline", "Prompt", "Segment", "load", "load_index", "segment"]

_HOMES = {
    "KinelexError": "errors", "Motion": "motion.motion", "Segment": "motion.motion",
    "Pipeline": "pipeline", "Prompt": "pipeline", "load": "pipeline",
    "load_index": "hub.motion_index", "segment": "text.segmenter",
}  # fmt: skip


def __dir__() -> list[str]:
    """For completion in notebooks."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: reading a file does not wait for the generators."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kinelex' has no attribute {name!r}")
    return getattr(import_module(f"kinelex.{_HOMES[name]}"), name)
