"""Reference vectors: computed with the official implementations, compared as their json says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

FOLDER = Path(__file__).parent / "data" / "reference"


@dataclass(frozen=True)
class Case:
    """One case: official weights, inputs, expected outputs, facts."""

    weights: dict[str, Tensor]
    inputs: dict[str, Tensor]
    expected: dict[str, Tensor]
    facts: dict

    @classmethod
    def load(cls, name: str) -> Case:
        arrays = load_file(FOLDER / f"{name}.safetensors")
        parts = [
            {k[len(p) :]: v for k, v in arrays.items() if k.startswith(p)} for p in ("w.", "in.", "out.")
        ]
        return cls(*parts, json.loads((FOLDER / f"{name}.json").read_text()))

    def check(self, name: str, value: Tensor, where: Tensor | None = None) -> None:
        """Compare with the expected output within the tolerance of the json, at `where` if given."""
        expected, tolerance = self.expected[name], self.facts["outputs"][name]["tolerance"]
        assert value.shape == expected.shape, (
            f"{name}: {tuple(value.shape)}, expected {tuple(expected.shape)}"
        )
        if where is not None:
            value, expected = value[where], expected[where]
        if tolerance["compare"] == "exact":
            assert torch.equal(value, expected), name
        else:
            torch.testing.assert_close(
                value,
                expected,
                atol=tolerance["atol"],
                rtol=tolerance["rtol"],
                msg=lambda text: f"{name}: {text}",
            )


def agree(case: Case, name: str, value: Tensor, kind: str | None = None) -> None:
    """Within the tolerance of the case, or of one kind of its outputs."""
    tolerance = case.facts["tolerance"]
    tolerance = tolerance if kind is None else tolerance[kind]
    torch.testing.assert_close(
        value,
        case.expected[name],
        atol=tolerance["atol"],
        rtol=tolerance["rtol"],
        msg=lambda text: f"{name}: {text}",
    )


def load_weights(model: nn.Module, weights: dict[str, Tensor], not_stored: tuple[str, ...] = ()) -> nn.Module:
    """Load renamed official weights: all must fit, only keys that end with `not_stored` may be absent."""
    result = model.load_state_dict(weights, strict=False)
    assert not result.unexpected_keys
    assert [key for key in result.missing_keys if not key.endswith(not_stored)] == []
    return model.eval()
