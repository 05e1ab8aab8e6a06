"""Trained calibration: what it equals, what it is least at, and that it does what its name says."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss  # type: ignore[import-untyped]

from plaudit.models.reward_model import Rewards
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.calibrated import Calibrated
from plaudit.testing import pair_labels

MARGINS = torch.linspace(-9, 9, 37, dtype=torch.float64)


def of_margins(margins: torch.Tensor) -> Rewards:
    return Rewards(torch.stack([margins, torch.zeros_like(margins)], 1).reshape(-1, 1))


def test_brier_is_the_score_of_that_name() -> None:
    """The mean is scikit-learn's Brier score of the probabilities that the chosen response wins."""
    found = Calibrated()(of_margins(MARGINS), pair_labels(37), BradleyTerry())
    assert found.mean().item() == pytest.approx(
        brier_score_loss(np.ones(37), expit(MARGINS.numpy()), labels=[0, 1]), rel=1e-9
    )


def test_entropy_is_the_divergence_from_a_coin() -> None:
    """The entropy that is lost, log 2 − H(σ(Δ)), by SciPy."""
    found = Calibrated(form="entropy")(of_margins(MARGINS), pair_labels(37), BradleyTerry())
    p = expit(MARGINS.numpy())
    expected = [entropy([q, 1 - q], [0.5, 0.5]) for q in p]
    assert found.tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("share", [0.6, 0.75, 0.95])
def test_brier_is_least_at_the_true_share(share: float) -> None:
    """With comparisons won in that share, weighed accordingly, the penalty's minimum is where σ(Δ) is it."""
    grid = torch.linspace(-6, 6, 2401, dtype=torch.float64)
    won = Calibrated()(of_margins(grid), pair_labels(len(grid)), BradleyTerry())
    lost = Calibrated()(of_margins(-grid), pair_labels(len(grid)), BradleyTerry())
    best = grid[(share * won + (1 - share) * lost).argmin()]
    assert torch.sigmoid(best).item() == pytest.approx(share, abs=2e-3)


def test_one_form_finds_the_truth_and_the_other_stays_short_of_it() -> None:
    """Margins three times too large are scaled back to the truth with ``brier``, and to less with ``entropy``."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=4000)
    margins = torch.from_numpy(np.where(rng.random(4000) < expit(true), true, -true) * 3)

    def fitted(objective: Regularised) -> float:
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([scale], max_iter=50)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = objective(of_margins(margins * scale), pair_labels(4000)).total() / 4000
            loss.backward()
            return loss

        optimizer.step(closure)
        return scale.item()

    plain, brier, flat = (
        fitted(Regularised(BradleyTerry(), parts))
        for parts in ([], [Calibrated(2.0)], [Calibrated(0.5, form="entropy")])
    )
    assert plain == pytest.approx(1 / 3, abs=0.03)
    assert brier == pytest.approx(1 / 3, abs=0.03), "both are proper, so their sum is least at the truth"
    assert flat < plain - 0.02, "what costs certainty shrinks the margins"


def test_forms_are_named() -> None:
    """An unknown form is refused with the known ones."""
    with pytest.raises(ValueError, match="form must be one of brier, entropy, not 'ece'"):
        Calibrated(form="ece")
