"""Davidson's model against its own terms, and the tie parameter of simulated outcomes."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from plaudit.objectives import learned
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.davidson import Davidson
from tests.objectives.pairs import WIDE, Floats, losses, most_likely, outcomes


def probabilities(margin: Any, nu: float) -> tuple[Floats, Floats, Floats]:
    """Win, loss and tie in the worths of 1970: the tie's term is ν times their geometric mean."""
    chosen, rejected = np.exp(np.asarray(margin) + 0.3), np.exp(0.3)
    tie = nu * np.sqrt(chosen * rejected)
    whole = chosen + rejected + tie
    return chosen / whole, rejected / whole, tie / whole


@pytest.mark.parametrize("nu", [1e-3, 0.4, 1.0, 30.0])
def test_the_outcomes_are_davidson_s_and_add_up_to_one(nu: float) -> None:
    """Win, loss and tie at every margin, each by its formula; together 1."""
    objective = Davidson(nu)
    found = [torch.exp(-losses(objective, at, tie=tie)) for at, tie in ((WIDE, False), (-WIDE, False), (WIDE, True))]
    for ours, theirs in zip(found, probabilities(WIDE, nu), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-15)
    torch.testing.assert_close(sum(found), torch.ones_like(WIDE))


def test_where_ties_are_impossible_it_is_bradley_terry() -> None:
    """As ν goes to 0 the loss of a win goes to −log σ(Δ); and a winner's odds are always e^Δ."""
    torch.testing.assert_close(losses(Davidson(1e-12)), losses(BradleyTerry()), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses(Davidson(3.0)).flip(0) - losses(Davidson(3.0)), WIDE)


def test_the_tie_parameter_is_learned() -> None:
    """From 20,000 outcomes ν and the rewards' scale come back, and are SciPy's maximum likelihood."""
    margin = np.random.default_rng(1).normal(0, 1.5, 20_000)
    stated, labels = outcomes(margin, *probabilities(margin, 0.6)[:2], seed=2)
    scale, found = most_likely(Davidson(), stated, labels)
    tied = labels.tie.numpy()

    def mean_loss(at: Any) -> float:
        win, _, tie = probabilities(stated * at[0], at[1])
        return float(-np.log(np.where(tied, tie, win)).mean())

    theirs = minimize(mean_loss, [1.0, 1.0], bounds=[(0.1, 5), (0.01, 5)], tol=1e-12)
    assert (scale, found["nu"]) == pytest.approx(tuple(theirs.x), abs=1e-3)
    assert found["nu"] == pytest.approx(0.6, abs=0.04)
    assert scale == pytest.approx(1, abs=0.05)


def test_a_tie_is_likeliest_among_equals() -> None:
    """Its loss is least at margin 0, where ν / (2 + ν) of comparisons are ties, and grows by half of the margin."""
    tied = losses(Davidson(0.5), tie=True)
    assert int(tied.argmin()) == 30
    assert torch.exp(-tied[30]).item() == pytest.approx(0.2)
    assert (tied[60] - tied[58]).item() == pytest.approx(1, abs=1e-5)


def test_learning_begins_with_one_and_a_fixed_parameter_learns_nothing() -> None:
    """The start is ν = 1; a stated strength changes nothing."""
    assert learned(Davidson()) == {"nu": 1.0}
    assert learned(Davidson(1.0)) == {}
    torch.testing.assert_close(losses(Davidson()).detach(), losses(Davidson(1.0), strength=5.0))


@pytest.mark.parametrize("nu", [0.0, -1.0, float("inf"), float("nan"), "Learn"])
def test_a_wrong_parameter_is_told_the_range(nu: Any) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=f'nu must be a finite number above 0, or "learn", not {nu!r}'):
        Davidson(nu)
