"""The detectable difference is detected as often as promised, and not more."""

import math

import numpy as np
import pytest
from statsmodels.stats.power import tt_ind_solve_power

from plaudit.evaluation.metrics import choose
from plaudit.evaluation.paired import Resamples, differences
from plaudit.evaluation.power import detectable, unpaired
from plaudit.predictions import Predictions

ACCURACY = choose(["accuracy"])


def test_agrees_with_the_power_of_a_t_test() -> None:
    """For two groups of numbers with known spread it is statsmodels' effect size, within a hundredth."""
    count = 400
    effect = tt_ind_solve_power(nobs1=count, alpha=0.05, power=0.8)
    assert detectable(math.sqrt(2 / count), 2 * count - 1) == pytest.approx(effect, rel=0.01)
    assert unpaired(3.0, 4.0) == 5.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((-1.0, 30), "0 or more"), ((0.1, 1), "two or more"), ((0.1, 30, 0.9, 0.8), "level"), ((0.1, 30, 0.05, 1.0), "1")],
)
def test_nonsense_is_refused(arguments: tuple[float, ...], message: str) -> None:
    """A negative error, one group, and levels that cannot be."""
    with pytest.raises(ValueError, match=message):
        detectable(*arguments)  # type: ignore[arg-type]


def two(
    rng: np.random.Generator, gain: float, prompts: int = 200, apart: bool = False
) -> tuple[Predictions, Predictions]:
    """Two models right in shares ``gain`` apart around 0.6, on two comparisons a prompt, whose luck they share."""

    def luck() -> np.ndarray:
        return np.repeat(rng.normal(size=prompts), 2) * 0.7 + rng.normal(size=2 * prompts) * math.sqrt(0.51)

    shared, group = luck(), np.repeat(np.arange(prompts), 2)
    levels = [rng.normal(size=2 * prompts) * 0.6 + (luck() if apart else shared) * 0.8 for _ in range(2)]
    from scipy.stats import norm

    margins = [level + norm.ppf(0.6 + share) for level, share in zip(levels, (gain / 2, -gain / 2), strict=True)]
    first, second = (Predictions.from_pairs(own, np.zeros(2 * prompts), group=group) for own in margins)
    return first, second


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True], ids=["paired", "unpaired"])
def test_it_is_found_four_times_in_five(apart: bool) -> None:
    """Of 300 sets with a true gain of the size promised, 80 % are found by the interval, give or take 7 points."""
    smallest = []
    for seed in range(20):
        first, second = two(np.random.default_rng(1000 + seed), 0.0, apart=apart)
        own = [Resamples.of(ACCURACY, one, 400, 0) for one in (first, second)]
        errors = [one.standard_errors()["accuracy"] for one in own]
        paired = own[0].less(own[1])["accuracy"].detectable
        smallest.append(detectable(unpaired(errors[0], errors[1]), 200) if apart else paired)
    gain, found = float(np.mean(smallest)), 0
    for seed in range(300):
        first, second = two(np.random.default_rng(seed), gain, apart=apart)
        found += differences(ACCURACY, first, second, 400)["accuracy"].verdict == "better"
    print(f"gain {gain:.4f}: found in {found / 300:.3f}")
    assert 0.73 <= found / 300 <= 0.87


def test_pairing_finds_smaller_differences() -> None:
    """What two models share cancels: on the same comparisons less can be told apart than on different ones."""
    first, second = two(np.random.default_rng(0), 0.0)
    own = [Resamples.of(ACCURACY, one, 400, 0) for one in (first, second)]
    errors = [one.standard_errors()["accuracy"] for one in own]
    assert own[0].less(own[1])["accuracy"].detectable < 0.9 * detectable(unpaired(errors[0], errors[1]), 200)
