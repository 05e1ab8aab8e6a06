"""What a shipped calibration is worth on other comparisons, as figures and as text."""

import numpy as np
import pytest
from scipy.special import expit

from plaudit.calibration.calibrators import Identity
from plaudit.calibration.calibrators.temperature import Scaled
from plaudit.calibration.conformal import Abstention
from plaudit.calibration.shipped import Meaning
from plaudit.predictions import Predictions
from plaudit.workflows.evaluation import _carried


def test_figures_are_of_the_shipped_map_and_rule() -> None:
    """NLL before and after by their definition; shares decided and wrong counted; the text has all of them."""
    rng = np.random.default_rng(0)
    margins = rng.normal(1, 4, 300)
    scored = Predictions.from_pairs(margins, np.zeros(300))
    found = _carried(Meaning(calibrator=Scaled(0.5), abstention=Abstention(0.1, 2.0, 99)), scored, 100)

    assert found.figures.before["nll"].value == pytest.approx(-np.log(expit(margins)).mean())
    assert found.figures.after["nll"].value == pytest.approx(-np.log(expit(margins / 2)).mean())
    assert found.abstaining["decided"].value == pytest.approx((abs(margins) > 2).mean())
    assert found.abstaining["wrong"].value == pytest.approx((margins < -2).mean())
    text = str(found)
    assert "the calibration that the model carries (temperature)" in text and "for at most 10.0% errors" in text
    assert found.to_json()["probabilities"] == "calibrated (temperature)"
    assert "abstaining" not in str(_carried(Meaning(calibrator=Identity()), scored, 100))
