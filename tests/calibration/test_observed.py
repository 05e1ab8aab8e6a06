"""What counts as a margin when a map of margins is fitted."""

import numpy as np
import pytest

from plaudit.calibration.observed import SMALLEST, Uncalibratable, observe
from plaudit.predictions import Predictions


def test_what_fp32_cannot_hold_is_no_margin() -> None:
    """A margin below the smallest number of fp32 is left out as 0 is; alone it is nothing to fit to."""
    tiny = Predictions.from_pairs(np.array([1e-287, 2.0, -1.0]), np.zeros(3))

    assert observe(tiny).sizes.tolist() == [2.0, 1.0]
    assert observe(Predictions.from_pairs(np.array([SMALLEST, 1.0]), np.zeros(2))).sizes.tolist() == [SMALLEST, 1.0]
    with pytest.raises(Uncalibratable, match="all 2 margins are 0"):
        observe(Predictions.from_pairs(np.array([1e-287, -1e-290]), np.zeros(2)))
