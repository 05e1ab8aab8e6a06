r"""Lengths: what a reward owes to the length of the response, and rewards without it.

The adjusted reward is :math:`r - \hat f(\ell) + \bar f`: :math:`\hat f` is a locally weighted regression (LOWESS:
local straight lines under tricube weights over the nearest share of the responses) of the reward on
:math:`\log(1 + \ell)`, with :math:`\ell` the length in characters, and :math:`\bar f` its mean, so that the mean
reward stays. Lengths are spread over orders of magnitude, and on their logarithm a neighbourhood is even.
:math:`\hat f` is kept at up to 64 lengths, with straight lines between them and its last values beyond; no more than
that has to be shipped.

It knows nothing of outcomes. So it takes out what length says rightly, too: where people prefer longer responses
for good reason, accuracy is lost, which is why `plaudit.calibration.debiasing` shows both.

`cross_adjusted` gives every response the adjustment of a fit on other groups, for judging; `fit` the one to ship.

Source: Cleveland, Robust Locally Weighted Regression and Smoothing Scatterplots, JASA 74 (1979), here without its
robustness steps; for rewards Huang et al., Post-hoc Reward Calibration: A Case Study on Length Bias (2024).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from statsmodels.nonparametric.smoothers_lowess import lowess

from plaudit.calibration.adjustment import ADJUSTED, LengthAdjustment
from plaudit.calibration.folds import check, deal
from plaudit.calibration.observed import Uncalibratable
from plaudit.predictions import Floats, Predictions

FOLDS = 5
"""Folds of groups where nobody says."""

KNOTS = 64
"""At most so many lengths are kept."""

SHARE = 0.5
"""Share of the responses in a neighbourhood where nobody says."""


def fit(predictions: Predictions, share: float = SHARE) -> LengthAdjustment:
    """Return the adjustment fitted to the rewards of responses that are compared; each response counts once.

    Args:
        predictions: responses that the model was not trained on.
        share: of the responses in a neighbourhood, above 0 and at most 1; less follows the data more closely.

    Raises:
        Uncalibratable: fewer than 20 responses, no lengths, or all of one length.
        ValueError: the share is not one.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of responses in a neighbourhood is above 0 and at most 1, not {share}")
    used = _used(predictions)
    return _fitted(predictions.rewards[used], predictions.lengths[used], share)


def cross_adjusted(predictions: Predictions, share: float = SHARE, folds: int = FOLDS, seed: int = 0) -> Predictions:
    """Return the predictions with each reward adjusted by a fit on the responses of other groups.

    Where responses are drawn, the two sides of a comparison may be of different folds; each is adjusted by a fit
    without its own group. A fit sees rewards and lengths and no outcome, so no outcome is judged by what has seen it.

    Args:
        predictions: of at least 20 groups.
        share: as in `fit`.
        folds: how many parts groups are dealt to.
        seed: of the dealing.

    Raises:
        Uncalibratable: too few groups or responses, no lengths, or all of one length.
        ValueError: the share is not one.
    """
    check(predictions, folds)
    fit(predictions, share)  # what cannot be fitted as a whole is refused in terms of the whole
    dealt, used = deal(predictions.response_group, folds, seed), _used(predictions)
    rewards = predictions.rewards.copy()
    for fold in range(folds):
        seen, unseen = used[dealt[used] != fold], dealt == fold
        own = _fitted(predictions.rewards[seen], predictions.lengths[seen], share)
        rewards[unseen] = own.adjusted(predictions.rewards[unseen], predictions.lengths[unseen])
    return replace(predictions, rewards=rewards, model=predictions.model + ADJUSTED)


def _used(predictions: Predictions) -> NDArray[np.int64]:
    """Return the responses in comparisons of positive weight, int64, ascending."""
    counted = predictions.weight > 0
    return np.unique(np.concatenate([predictions.chosen[counted], predictions.rejected[counted]]))


def _fitted(rewards: Floats, lengths: NDArray[np.int64], share: float) -> LengthAdjustment:
    if rewards.size < 20:
        raise Uncalibratable(f"{rewards.size} responses; a regression on length needs at least 20")
    if np.ptp(lengths) == 0:
        what = "no lengths are known" if not lengths[0] else f"every response is {lengths[0]} characters long"
        raise Uncalibratable(f"{what}; rewards cannot be adjusted for length")
    order = np.argsort(lengths, kind="stable")
    rewards, lengths = rewards[order], lengths[order]
    knots = np.unique(lengths[np.linspace(0, lengths.size - 1, KNOTS).round().astype(int)])
    heights = _lowess(rewards, np.log1p(lengths), np.log1p(knots), share)
    mean = np.interp(np.log1p(lengths), np.log1p(knots), heights).mean()
    return LengthAdjustment(knots.astype(np.float64), heights, float(mean))


def _lowess(rewards: Floats, places: Floats, knots: Floats, share: float) -> Floats:
    """Return the regression at the knots, float64 [K].

    Where more responses than a neighbourhood holds have exactly one length, it has no width; the mean of their
    rewards stands there.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray(lowess(rewards, places, frac=share, it=0, xvals=knots, is_sorted=True), dtype=np.float64)
    for place in np.flatnonzero(~np.isfinite(found)):
        found[place] = rewards[places == knots[place]].mean()
    return found
