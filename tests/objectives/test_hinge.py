"""The hinge against scikit-learn's, and its ties against what they are said to be."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import hinge_loss  # type: ignore[import-untyped]

from plaudit.objectives.hinge import Hinge
from tests.objectives.pairs import WIDE, losses


def test_equal_to_the_hinge_of_a_classifier() -> None:
    """The mean over both orders of every pair is scikit-learn's for margin 1."""
    margins = WIDE.numpy()
    expected = hinge_loss([1] * 61 + [-1] * 61, np.concatenate([margins, -margins]))
    assert losses(Hinge()).mean().item() == pytest.approx(expected)


@pytest.mark.parametrize("margin", [0.25, 3.0])
def test_squared_is_the_square(margin: float) -> None:
    """max(0, κ − Δ)² by NumPy, κ the larger by the stated strength, if it is used."""
    short = np.maximum(0, margin - WIDE.numpy())
    np.testing.assert_allclose(losses(Hinge(margin, power=2)), short**2)
    np.testing.assert_allclose(losses(Hinge(margin), strength=2.0), np.maximum(0, margin + 2 - WIDE.numpy()))
    np.testing.assert_allclose(losses(Hinge(margin, use_strength=False), strength=2.0), short)


def test_a_tie_may_differ_by_less_than_a_win_must() -> None:
    """Power 1: κ inside ±κ, and half of what is beyond more; power 2: least at 0 alone."""
    expected = 2 + np.maximum(0, np.abs(WIDE.numpy()) - 2) / 2
    np.testing.assert_allclose(losses(Hinge(2.0), tie=True, strength=1.0), expected)
    squared = losses(Hinge(2.0, power=2), tie=True)
    assert int(squared.argmin()) == 30
    assert squared[30] < squared[29]


@pytest.mark.parametrize("power", [1, 2])
def test_a_reached_margin_pulls_no_more(power: Any) -> None:
    """No loss and no gradient beyond κ; −1 or −2(κ − Δ) before it."""
    margin = torch.tensor([1.5, -1e4], requires_grad=True)
    loss = losses(Hinge(power=power), margin)
    (pull,) = torch.autograd.grad(loss.sum(), margin)
    assert loss.tolist() == pytest.approx([0.0, 10001.0**power], rel=1e-7)
    assert pull.tolist() == [0.0, -1.0 if power == 1 else -20002.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": 0.0}, "margin must be a finite number above 0, not 0.0"),
        ({"margin": float("nan")}, "above 0, not nan"),
        ({"margin": float("inf")}, "above 0, not inf"),
        ({"power": 3}, "power must be 1 or 2, not 3"),
    ],
)
def test_wrong_settings_are_told_the_range(settings: dict[str, Any], message: str) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=message):
        Hinge(**settings)
