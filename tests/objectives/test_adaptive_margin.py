"""Adaptive margins against the formula in fp64 NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import logistic

from plaudit.objectives.adaptive_margin import AdaptiveMargin
from plaudit.objectives.bradley_terry import BradleyTerry
from tests.objectives.pairs import WIDE, losses


@pytest.mark.parametrize("strength", [0.0, 0.5, 4.0])
def test_the_margin_is_in_proportion_to_the_strength(strength: float) -> None:
    """−log σ(Δ − min(λs, b))."""
    expected = -logistic.logcdf(WIDE.numpy() - min(2 * strength, 3))
    np.testing.assert_allclose(losses(AdaptiveMargin(2.0, limit=3.0), strength=strength), expected, rtol=1e-7)


@pytest.mark.parametrize("strength", [-0.5, -4.0])
def test_a_doubted_label_is_soft_and_asks_for_less(strength: float) -> None:
    """A negative mean margin shifts the other way, within the limit, and the label is flipped with the doubt."""
    shifted = WIDE.numpy() - max(2 * strength, -3)
    expected = -0.7 * logistic.logcdf(shifted) - 0.3 * logistic.logcdf(-shifted)
    found = losses(AdaptiveMargin(2.0, limit=3.0, doubt=0.3), strength=strength)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("strength", [-2.0, 0.0, 2.0])
def test_a_tie_has_no_margin(strength: float) -> None:
    """Half a win each way, whatever its strength."""
    torch.testing.assert_close(losses(AdaptiveMargin(), tie=True, strength=strength), losses(BradleyTerry(), tie=True))


def test_scale_one_without_limit_is_bradley_terry_s_margin() -> None:
    """And scale 0 is Bradley-Terry without strengths."""
    torch.testing.assert_close(losses(AdaptiveMargin(), strength=1.5), losses(BradleyTerry(), strength=1.5))
    torch.testing.assert_close(losses(AdaptiveMargin(0.0), strength=1.5), losses(BradleyTerry()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": -1.0}, "scale must be a finite number, 0 or more, not -1.0"),
        ({"scale": float("nan")}, "0 or more, not nan"),
        ({"limit": 0.0}, "limit must be above 0, not 0.0"),
        ({"limit": float("nan")}, "limit must be above 0, not nan"),
        ({"doubt": 0.6}, r"doubt must be in \[0, 0.5\], not 0.6"),
        ({"doubt": float("nan")}, r"doubt must be in \[0, 0.5\], not nan"),
    ],
)
def test_wrong_settings_are_told_the_range(settings: dict[str, Any], message: str) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=message):
        AdaptiveMargin(**settings)
