"""Recipes that leave the arithmetic open get the one that the device is made for."""

import pytest
import torch

from kinelex.training.loop import make_fabric
from kinelex.training.precision import computes_in_bf16, fabric_precision


@pytest.mark.parametrize("unit", ["amx_bf16", "avx512_bf16", "sve_bf16"])
def test_auto_is_bf16_on_processors_with_a_unit_for_it(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, unit: True}, raising=False)
    assert fabric_precision("auto", "cpu") == "bf16-mixed"


@pytest.mark.parametrize(
    "capabilities", [{}, {"avx2": True, "avx512_f": True, "amx_bf16": False}, {"neon": True, "bf16": True}]
)
def test_auto_is_fp32_on_processors_that_would_emulate_bf16(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool]
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert fabric_precision("auto", "cpu") == "32-true"


def test_auto_is_fp32_where_torch_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_in_bf16("cpu")


@pytest.mark.parametrize(("native", "name"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_asks_a_gpu_for_arithmetic_of_its_own(
    monkeypatch: pytest.MonkeyPatch, native: bool, name: str
) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation
    )
    assert fabric_precision("auto", "cuda") == name


def test_what_a_recipe_asks_for_is_what_it_gets() -> None:
    assert fabric_precision("bf16", "cpu") == "bf16-mixed"
    assert fabric_precision("fp32", "cpu") == "32-true"


def test_the_loop_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    with make_fabric("cpu", "auto").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    with make_fabric("cpu", "auto").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
