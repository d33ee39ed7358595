"""Changes to how a model draws, whatever kind of model it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from kinelex.errors import KinelexError
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.mmm import MMMSampling
from kinelex.generators.sampling import SamplingOptions

Sampling = SamplingOptions | MMMSampling | DiffusionSampling
# As many as MotionDiffuse and MDM were trained with.
_MOST_STEPS = 1000
AnySampling = TypeVar("AnySampling", SamplingOptions, MMMSampling, DiffusionSampling)


def changed(sampling: AnySampling, **changes: float | int | str) -> AnySampling:
    """The sampling options with some of them replaced.

    Raises:
        KinelexError: this kind of model has no such option, or not with this value.
    """
    known = [option.name for option in fields(sampling)]
    for name in changes:
        if name not in known:
            raise KinelexError(f"this model has no option {name}; it has {', '.join(known)}")
    return replace(sampling, **changes)


@dataclass(frozen=True)
class Drawing:
    """What a user asks of a model's drawing; None leaves the model's own.

    Attributes:
        guidance: guidance scale.
        steps: drawing steps.
        sampler: of models that diffuse: ddpm, ddim or dpm++.
        precision: of models of tokens in layers: fp32 or bf16.

    Raises:
        KinelexError: no model can draw so.
    """

    guidance: float | None = None
    steps: int | None = None
    sampler: str | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= _MOST_STEPS:
            raise KinelexError(f"a clip is drawn in 1 to {_MOST_STEPS} steps, not in {self.steps}")
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise KinelexError(f"the guidance scale is a number such as 2, not {self.guidance}")

    @property
    def changes(self) -> dict[str, float | int | str]:
        """What is asked, by name."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
