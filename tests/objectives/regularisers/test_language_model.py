"""The language-model penalty: its forms, ties, and what it asks for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_expit

from plaudit.models.reward_model import Rewards
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised, Unsuited
from plaudit.objectives.regularisers.language_model import LanguageModel
from plaudit.testing import pair_labels

LIKELIHOODS = torch.tensor([-2.0, -3.5, -0.1, -7.0, -5.0, -1.0])
REWARDS = Rewards(torch.zeros(6, 1), log_likelihood=LIKELIHOODS)
WON, LOST = LIKELIHOODS[::2].double().numpy(), LIKELIHOODS[1::2].double().numpy()
EXPECTED = {
    "likelihood": lambda won, lost: -won,
    "sigmoid": lambda won, lost: -log_expit(0.3 * won),
    "preference": lambda won, lost: -log_expit(0.3 * (won - lost)),
}


@pytest.mark.parametrize("form", EXPECTED)
def test_each_form_is_what_it_says(form: str) -> None:
    """By SciPy; and a tie costs the mean of both sides."""
    penalise = LanguageModel(form=form, beta=0.3)
    tied = replace(pair_labels(3), tie=torch.ones(3, dtype=torch.bool))
    expected = EXPECTED[form]
    both = (expected(WON, LOST) + expected(LOST, WON)) / 2

    assert penalise(REWARDS, pair_labels(3), BradleyTerry()).tolist() == pytest.approx(expected(WON, LOST), rel=1e-6)
    assert penalise(REWARDS, tied, BradleyTerry()).tolist() == pytest.approx(both, rel=1e-6)
    assert np.ptp(expected(WON, LOST)) > 0.01


def test_rewards_without_likelihoods_are_refused() -> None:
    """The message names the setting that keeps the head, and it comes before anything is computed of it."""
    with pytest.raises(Unsuited, match=r"model\.keep_language_model to 'frozen' or 'trained'"):
        Regularised(BradleyTerry(), [LanguageModel()])(Rewards(torch.zeros(2, 1)), pair_labels(1))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"form": "sft"}, "form must be one of likelihood, sigmoid, preference, not 'sft'"),
        ({"beta": 0.0}, "beta must be a finite number above 0, not 0.0"),
        ({"beta": float("nan")}, "beta must be a finite number above 0, not nan"),
        ({"beta": float("inf")}, "beta must be a finite number above 0, not inf"),
    ],
)
def test_a_bad_setting_is_named_with_its_range(settings: dict[str, object], says: str) -> None:
    """The message says which setting, what it was and what it may be."""
    with pytest.raises(ValueError, match=says):
        LanguageModel(**settings)
