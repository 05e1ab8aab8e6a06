"""Every calibrator of the folder keeps the contract of calibrators; a new file is tested by being there."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from plaudit import members
from plaudit.calibration.calibrators import Fitted, Identity, choose, of_record
from plaudit.calibration.calibrators.histogram import Histogram
from plaudit.calibration.observed import Uncalibratable, observe
from plaudit.predictions import Predictions
from tests.scored import calibrated, predictions, without_prompts

NAMES = members.names("calibrators")
every_calibrator = pytest.mark.parametrize("name", NAMES)
GRID = np.concatenate([[0.0, 1e-9, 1e9], np.geomspace(1e-3, 50, 200)])
EVERYWHERE = np.sort(np.concatenate([-GRID, GRID]))


def fit(name: str, scored: Predictions) -> Fitted:
    return choose([name])[name].fit(scored)


def fittable(scored: Predictions) -> bool:
    try:
        observe(scored)
    except Uncalibratable:
        return False
    return True


def drawn(seed: int = 0, scale: float = 1.0, ties: float = 0.1) -> Predictions:
    """Comparisons whose outcome has the probability that a tenth-power of the margin's size claims, ties, weights."""
    rng = np.random.default_rng(seed)
    scored = calibrated(rng, 300)
    count = len(scored)
    tied = replace(scored, outcome=np.where(rng.random(count) < ties, 0.5, 1.0), weight=rng.uniform(0.2, 2, count))
    return replace(tied, rewards=scale * np.sign(tied.rewards) * np.abs(tied.rewards) ** 1.5)


def both_orders(scored: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins, labels and weights of every comparison in both orders, a tie as half of each label."""
    used = (scored.weight > 0) & (scored.margins != 0)
    margins, outcome, weight = scored.margins[used], scored.outcome[used], scored.weight[used]
    columns = [(margins, 1, outcome), (margins, 0, 1 - outcome), (-margins, 0, outcome), (-margins, 1, 1 - outcome)]
    stacked = [np.concatenate([part[0] for part in columns])]
    stacked += [np.concatenate([np.full(margins.size, part[1]) for part in columns])]
    return stacked[0], stacked[1], np.concatenate([weight * part[2] for part in columns])


def smoothed(scored: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, each label turned with the probability that Platt's prior gives: 1 in n + 2."""
    margins, labels, weights = both_orders(scored)
    own = scored.weight[(scored.weight > 0) & (scored.margins != 0)]
    doubt = 1 / (own.sum() ** 2 / (own**2).sum() + 2)
    return np.tile(margins, 2), np.append(labels, 1 - labels), np.append(weights * (1 - doubt), weights * doubt)


def by_logistic_regression(features: np.ndarray, scored: Predictions, intercept: bool = False) -> Any:
    _, labels, weights = smoothed(scored)
    model = LogisticRegression(C=1e12, fit_intercept=intercept, tol=1e-10, max_iter=5000)
    return model.fit(features, labels, sample_weight=weights)


def temperature_oracle(scored: Predictions) -> np.ndarray:
    """Logistic regression on the margin in both orders, with an intercept that comes out as 0."""
    model = by_logistic_regression(smoothed(scored)[0][:, None], scored, intercept=True)
    assert model.intercept_[0] == pytest.approx(0, abs=1e-6)
    return np.asarray(model.coef_[0, 0] * GRID)


def platt_oracle(scored: Predictions) -> np.ndarray:
    """Logistic regression on the margin and its sign, in both orders."""
    margins = smoothed(scored)[0]
    model = by_logistic_regression(np.stack([margins, np.sign(margins)], axis=1), scored)
    return np.asarray(model.coef_[0, 0] * GRID + model.coef_[0, 1])


def beta_oracle(scored: Predictions) -> np.ndarray:
    """Beta calibration by its formula, a ln s - b ln (1 - s) + c with midpoint one half, by a search without slopes."""
    margins, labels, weights = smoothed(scored)

    def log_odds(a: float, b: float, sizes: np.ndarray) -> np.ndarray:
        return np.asarray(a * log_expit(sizes) - b * log_expit(-sizes) + (a - b) * np.log(2))

    def loss(point: np.ndarray) -> float:
        z = np.sign(margins) * log_odds(*np.abs(point), np.abs(margins))
        return -float(weights @ np.where(labels == 1, log_expit(z), log_expit(-z)))

    best = minimize(loss, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000})
    return log_odds(*np.abs(best.x), GRID)


def isotonic_oracle(scored: Predictions) -> np.ndarray:
    """scikit-learn's isotonic regression on both orders, with the one tie beyond each end."""
    margins, labels, weights = both_orders(scored)
    far, average = np.abs(margins).max() + 1, weights.sum() / 2 / ((scored.weight > 0) & (scored.margins != 0)).sum()
    model = IsotonicRegression(out_of_bounds="clip")
    ends = (np.array([far, -far]), np.array([0.5, 0.5]), np.array([average, average]))
    model.fit(*(np.append(part, end) for part, end in zip((margins, labels, weights), ends, strict=True)))
    inside = np.minimum(GRID, np.abs(margins).max())
    found = np.asarray(model.predict(inside))
    return np.log(found / (1 - found))


def histogram_oracle(scored: Predictions) -> np.ndarray:
    """Counting by hand: bins of equal weight, one tie each, merged while a bin's share is below the one before it."""
    rows = sorted(
        (abs(m), y if m > 0 else 1 - y, w)
        for m, y, w in zip(scored.margins.tolist(), scored.outcome.tolist(), scored.weight.tolist(), strict=True)
        if w > 0 and m
    )
    total, bins, before = sum(w for _, _, w in rows), [[]], 0.0
    borders = [total * k / 15 for k in range(1, 15)]
    for row in rows:
        passed = [border for border in borders if before >= border * (1 - 1e-12)]
        borders = borders[len(passed) :]
        if passed:
            bins.append([])
        bins[-1].append(row)
        before += row[2]
    tie = total / len(rows)
    merged = [[part[0][0], sum(y * w for _, y, w in part) + tie / 2, sum(w for *_, w in part) + tie] for part in bins]
    place = 1
    while place < len(merged):
        if merged[place][1] / merged[place][2] < merged[place - 1][1] / merged[place - 1][2]:
            _, wins, weight = merged.pop(place)
            merged[place - 1][1] += wins
            merged[place - 1][2] += weight
            place = max(place - 1, 1)
        else:
            place += 1
    shares = [[max(w / n, 0.5) for edge, w, n in merged if edge <= size or edge == merged[0][0]][-1] for size in GRID]
    return np.log(np.array(shares) / (1 - np.array(shares)))


ORACLES: dict[str, Callable[[Predictions], np.ndarray]] = {
    "temperature": temperature_oracle,
    "platt": platt_oracle,
    "beta": beta_oracle,
    "isotonic": isotonic_oracle,
    "histogram": histogram_oracle,
}


def test_there_are_the_calibrators_that_are_promised() -> None:
    """The folder holds at least the five that documents name."""
    assert {"temperature", "platt", "beta", "isotonic", "histogram"} <= set(NAMES)


@every_calibrator
@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 3.0), (2, 0.3)])
def test_agrees_with_an_independent_oracle(name: str, seed: int, scale: float) -> None:
    """Probabilities are those of another implementation, with ties and uneven weights."""
    assert name in ORACLES, f"{name} has no oracle: add an independent implementation to ORACLES"
    scored = drawn(seed, scale)
    found, wanted = fit(name, scored).of_sizes(GRID), ORACLES[name](scored)

    assert (wanted >= -1e-9).all(), "the oracle's optimum lies outside the family; draw other data"
    np.testing.assert_allclose(expit(found), expit(wanted), atol=2e-5)


@every_calibrator
@settings(max_examples=25, deadline=None)
@given(scored=predictions(fewest=2))
def test_keeps_order_mirrors_itself_and_stays_a_probability(name: str, scored: Predictions) -> None:
    """Whatever it was fitted to: p(-m) = 1 - p(m), p(0) = 1/2, p never falls, within 0 and 1, finite log-odds."""
    assume(fittable(scored))
    fitted = fit(name, scored)
    found, odds = fitted.probability(EVERYWHERE), fitted.log_odds(EVERYWHERE)

    assert ((found >= 0) & (found <= 1)).all() and np.isfinite(odds).all()
    assert (np.diff(odds) >= 0).all()
    assert (odds == -odds[::-1]).all()
    np.testing.assert_allclose(found, 1 - found[::-1], atol=1e-15)
    assert fitted.probability([0.0])[0] == 0.5


@every_calibrator
@settings(max_examples=12, deadline=None)
@given(scored=predictions(fewest=2), data=st.data())
def test_nothing_hangs_on_which_side_is_called_chosen_or_on_order(
    name: str, scored: Predictions, data: st.DataObject
) -> None:
    """Ties turned round, comparisons in another order and all weights doubled give the same map."""
    assume(fittable(scored))
    tie = scored.outcome == 0.5
    turned = replace(
        scored,
        chosen=np.where(tie, scored.rejected, scored.chosen),
        rejected=np.where(tie, scored.chosen, scored.rejected),
        weight=2 * scored.weight,
    )
    other = turned.select(data.draw(st.permutations(range(len(turned)))))

    wanted = fit(name, scored).probability(EVERYWHERE)
    np.testing.assert_allclose(fit(name, other).probability(EVERYWHERE), wanted, atol=2e-4)


@every_calibrator
def test_a_weight_of_two_is_two_comparisons_and_of_zero_none(name: str) -> None:
    """Comparisons of weight 0 change nothing; doubled ones pull as two do, but for what a tie or the prior weigh."""
    scored = drawn(3)
    none = replace(scored, weight=np.where(np.arange(len(scored)) < 100, 0.0, 1.0))
    double = replace(scored, weight=np.where(np.arange(len(scored)) < 100, 2.0, 1.0))
    twice = replace(scored, weight=np.ones(len(scored))).select([*range(100), *range(len(scored))])

    left = fit(name, none).probability(GRID)
    np.testing.assert_allclose(left, fit(name, none.select(none.weight > 0)).probability(GRID), atol=1e-9)
    np.testing.assert_allclose(fit(name, double).probability(GRID), fit(name, twice).probability(GRID), atol=0.01)


def loss(fitted: Fitted, scored: Predictions, kind: str) -> float:
    """What a kind makes small: the loss on smoothed labels, or for isotonic with one tie beyond the largest margin."""
    if kind == "isotonic":
        margins, labels, weights = both_orders(scored)
        own = observe(scored)
        margins = np.append(margins, [margins.max()] * 2)
        labels = np.append(labels, [0, 1])
        weights = np.append(weights, [weights.sum() / len(own.sizes) / 2] * 2)
    else:
        margins, labels, weights = smoothed(scored)
    odds = fitted.log_odds(margins)
    return -float(weights @ np.where(labels == 1, log_expit(odds), log_expit(-odds)))


@pytest.mark.parametrize("name", [name for name in NAMES if members.load("calibrators", name).holds_identity])
@settings(max_examples=25, deadline=None)
@given(scored=predictions(fewest=2))
def test_a_family_that_holds_the_identity_is_never_worse_on_what_it_was_fitted_to(
    name: str, scored: Predictions
) -> None:
    """The loss that is fitted is at most that of the raw margins."""
    assume(fittable(scored))
    raw = loss(Identity(), scored, name)
    assert loss(fit(name, scored), scored, name) <= raw * (1 + 1e-9) + 1e-9


@every_calibrator
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_rewards_does_not_matter(name: str, unit: float) -> None:
    """Rewards a million times smaller or larger are calibrated: as good as in their own unit, or nearly, for beta."""
    scored = drawn(4)
    other = replace(scored, rewards=scored.rewards * unit)
    found = fit(name, other).probability(GRID[:50] * unit)

    if name != "beta":  # whose bend is at margins of about 1, in whatever unit
        np.testing.assert_allclose(found, fit(name, scored).probability(GRID[:50]), atol=1e-5)
    assert loss(fit(name, other), other, "platt") < loss(Identity(), other, "platt")


@every_calibrator
def test_one_that_is_always_right_is_believed_but_not_beyond_doubt(name: str) -> None:
    """50 comparisons, all right: p is high, below 1, and NLL on one more that is wrong is finite."""
    scored = Predictions.from_pairs(np.linspace(0.5, 3, 50), np.zeros(50))
    fitted = fit(name, scored)

    assert 0.85 < fitted.probability([3.0])[0] < 1
    assert fitted.log_odds([3.0])[0] < 30


@every_calibrator
def test_one_that_is_no_better_than_a_coin_gets_one_half(name: str) -> None:
    """Margins turned round are wrong more often than right: every probability is one half, order is not turned."""
    scored = drawn(5)
    turned = replace(scored, rewards=-scored.rewards)
    np.testing.assert_allclose(fit(name, turned).probability(EVERYWHERE[2:-2]), 0.5, atol=0.02)


@every_calibrator
def test_a_known_map_comes_back(name: str) -> None:
    """Margins stretched threefold: with 20,000 comparisons the true probabilities come back."""
    rng = np.random.default_rng(7)
    sizes = np.abs(rng.normal(0, 1.5, 20_000))
    won = rng.random(sizes.size) < expit(sizes)
    scored = Predictions.from_pairs(np.where(won, 3 * sizes, -3 * sizes), np.zeros(sizes.size))
    grid = np.linspace(0.2, 3, 30)

    gap = np.abs(fit(name, scored).probability(3 * grid) - expit(grid))
    assert gap.max() < (0.08 if name == "histogram" else 0.05)  # a bin is flat where the truth rises


@every_calibrator
def test_where_responses_are_drawn_it_is_fitted_too(name: str) -> None:
    """Comparisons that share responses are fitted like any other."""
    fitted = fit(name, without_prompts(np.random.default_rng(0), 60, "six a response"))
    assert fitted.probability([5.0])[0] > 0.7


@every_calibrator
def test_its_record_is_plain_and_comes_back(name: str) -> None:
    """Through JSON and back every log-odds is the same to the last bit."""
    fitted = fit(name, drawn(6))
    record = json.loads(json.dumps(fitted.record(), allow_nan=False))

    assert record["kind"] == name
    assert (of_record(record).log_odds(EVERYWHERE) == fitted.log_odds(EVERYWHERE)).all()


@every_calibrator
@pytest.mark.parametrize(
    ("scored", "complaint"),
    [
        (Predictions.from_pairs([], []), "0 comparisons, none of positive weight"),
        (Predictions.from_pairs([1.0, 2.0], [0.0, 0.0], weight=[0, 0]), "2 comparisons, none of positive weight"),
        (Predictions.from_pairs([1.0, 2.0], [0.0, 0.0], outcome=[0.5, 0.5]), "all 2 comparisons are ties"),
        (Predictions.from_pairs([1.0, 2.0], [1.0, 2.0]), "all 2 margins are 0"),
        (Predictions.from_pairs([1.0, 3.0], [3.0, 1.0]), "all 2 margins have the size 2"),
    ],
    ids=["nothing", "no weight", "ties", "equal rewards", "one size"],
)
def test_what_allows_no_fit_is_refused_in_words(name: str, scored: Predictions, complaint: str) -> None:
    """The message says what is wrong with the comparisons."""
    with pytest.raises(Uncalibratable, match=complaint):
        fit(name, scored)


@every_calibrator
@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
def test_a_margin_that_is_no_number_is_refused(name: str, wild: float) -> None:
    """NaN and infinity have no probability; the message says where they stand."""
    with pytest.raises(ValueError, match="margin 1 is"):
        fit(name, drawn()).probability([0.0, wild])


@every_calibrator
def test_a_broken_record_is_refused(name: str) -> None:
    """A field that is missing, one too many, or one that would turn order round."""
    record = fit(name, drawn()).record()
    first = next(key for key in record if key != "kind")
    with pytest.raises(ValueError, match=f"a record of '{name}' holds"):
        of_record({key: value for key, value in record.items() if key != first})
    with pytest.raises(ValueError, match=f"a record of '{name}' holds"):
        of_record(record | {"extra": 1})
    with pytest.raises(ValueError, match="must hold"):
        of_record(record | {first: [-1.0, -2.0] if isinstance(record[first], list) else -1.0})
    with pytest.raises(members.UnknownKind, match="'spline' is not one of the calibrators"):
        of_record({"kind": "spline"})


def test_the_identity_changes_nothing_and_has_a_record() -> None:
    """Log-odds are the margins themselves, to the last bit."""
    back = of_record(Identity().record())
    assert (back.log_odds(EVERYWHERE) == EVERYWHERE).all()


def test_bins_are_a_setting() -> None:
    """One bin is one probability; none at all is refused."""
    scored = drawn()
    assert len(Histogram(bins=1).fit(scored).probabilities) == 1
    assert len(Histogram(bins=4).fit(scored).probabilities) <= 4
    with pytest.raises(ValueError, match="bins must be 1 or more, not 0"):
        Histogram(bins=0)
