"""The fast dropout is dropout."""

import pytest
import torch

from kinelex.generators.dropout import Dropout


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.5])
def test_the_right_share_is_dropped_and_the_mean_stays(probability: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(probability)(torch.ones(401, 997))
    zeros = dropped == 0
    assert float(zeros.float().mean()) == pytest.approx(probability, abs=0.004)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.004)
    assert len(dropped.unique()) == 2
    # Neighbours, and bytes of one draw, do not depend on each other.
    for lag in range(1, 9):
        both = (zeros[:, lag:] & zeros[:, :-lag]).float().mean()
        assert float(both) == pytest.approx(probability**2, abs=0.005)


def test_the_gradient_goes_through_what_was_kept() -> None:
    values = torch.randn(300, requires_grad=True)
    dropped = Dropout(0.2)(values)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), dropped.detach())


def test_it_repeats_with_the_seed_and_rests_in_evaluation() -> None:
    dropout, values = Dropout(0.3), torch.randn(5, 7).bfloat16()
    torch.manual_seed(1)
    first = dropout(values)
    torch.manual_seed(1)
    assert torch.equal(first, dropout(values))
    assert first.dtype == torch.bfloat16
    assert dropout.eval()(values) is values
    assert Dropout(0.0)(values) is values
