"""Changes to how a model draws, whatever kind of model it is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

from kinelex.errors import KinelexError
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.mmm import MMMSampling
from kinelex.generators.sampling import SamplingOptions

Sampling = SamplingOptions | MMMSampling | DiffusionSampling
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
    """

    guidance: float | None = None
    steps: int | None = None
    sampler: str | None = None

    @property
    def changes(self) -> dict[str, float | int | str]:
        """What is asked, by name."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
