"""The benchmark of crowds measures what it says, on texts made up for the test."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ttest_rel
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from benchmarks.crowd.__main__ import main
from benchmarks.crowd.arms import ARMS, BEST, MAJORITY, METHODS, PLAIN, RAW, aggregations, right_labels
from benchmarks.crowd.measures import FIGURES, Asked, best_temperature
from benchmarks.crowd.settings import Regime, Settings, from_arguments
from benchmarks.crowd.summary import summarise, verdict
from benchmarks.crowd.training import comparisons, fit
from benchmarks.crowd.voting import gathered
from benchmarks.rated import Rated

SETTINGS = Settings(pairs=(100,), each=(3,), people=10, tested=2000, sets=200)
REGIME = Regime(100, 3)
TINY = "--base noise --limit 300 --pairs 50 --each 3 --people 6 --crowds 3 --tuning 1 --tested 200 --sets 40"


@pytest.fixture(scope="module")
def made_up() -> Rated:
    """400 texts whose rating is a linear function of ten features, each rated by fifteen people."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 10))
    means = features @ rng.normal(size=10)
    ratings = tuple(mean + rng.normal(0, 1, 15) for mean in means)
    return Rated(features, np.array([own.mean() for own in ratings]), ratings, tuple(f"text {at}" for at in range(400)))


def test_no_text_is_in_two_parts_and_guessers_guess(made_up: Rated) -> None:
    """Texts to train on, for the temperature and for the test are apart; who knows is mostly right, who guesses not."""
    crowd = gathered(made_up, SETTINGS, REGIME, 0)
    parts = [set(crowd.pairs.ravel()), set(crowd.fitting), set(crowd.test)]
    right = {True: [], False: []}
    for record, (one, other) in zip(crowd.votes, crowd.pairs, strict=True):
        for edge in record.comparisons:
            said = edge.chosen == int(made_up.means[one] < made_up.means[other])
            right[edge.annotator in crowd.knowing].append(said)

    assert sum(map(len, parts)) == len(set.union(*parts)) == 200 + 160
    assert np.mean(right[True]) > 0.8 and 0.3 < np.mean(right[False]) < 0.7
    assert len(crowd.knowing) == 7
    with pytest.raises(ValueError, match="no 300 pairs beside those held out"):
        gathered(made_up, SETTINGS, Regime(300, 3), 0)


def test_labels_are_counted_right(made_up: Rated) -> None:
    """The share for the majority is that of counting votes by hand."""
    crowd = gathered(made_up, SETTINGS, REGIME, 1)
    found = right_labels(crowd, aggregations(crowd), made_up.means)
    earned = []
    for record, (one, other) in zip(crowd.votes, crowd.pairs, strict=True):
        lead = sum(1 - 2 * edge.chosen for edge in record.comparisons if not edge.tie)
        earned.append((np.sign(lead * (made_up.means[one] - made_up.means[other])) + 1) / 2)

    assert not any(edge.tie for record in crowd.votes for edge in record.comparisons)
    assert found["majority"] == pytest.approx(np.mean(earned))
    assert set(found) == set(METHODS)


def test_raw_votes_are_fitted_as_logistic_regression_does(made_up: Rated) -> None:
    """Scikit-learn's weights under the same ridge; the mean loss times the number of pairs is what it adds up."""
    crowd = gathered(made_up, SETTINGS, REGIME, 2)
    held = comparisons(crowd.votes, crowd, made_up.features)
    weights, told = fit(held, PLAIN, 2.0)
    rows = (held.features[held.labels.chosen] - held.features[held.labels.rejected]).numpy()
    both = np.concatenate([rows, -rows])
    peer = LogisticRegression(C=1 / 2.0, fit_intercept=False, tol=1e-10, max_iter=2000)
    peer.fit(both, np.repeat([1, 0], len(rows)), np.full(len(both), 100 / len(rows) / 2))

    assert weights == pytest.approx(peer.coef_[0], abs=1e-4)
    assert told == {} and held.labels.annotator is not None and held.pairs == 100


def test_every_arm_learns_the_linear_truth(made_up: Rated) -> None:
    """Rewards of unseen texts go with their means, whatever the arm; crowd_bt says who can be trusted."""
    crowd = gathered(made_up, SETTINGS, REGIME, 3)
    asked = Asked.of(made_up, crowd, SETTINGS)
    made = aggregations(crowd)
    for prepare in ARMS.values():
        preferences, objective = prepare(crowd, made)
        weights, told = fit(comparisons(preferences, crowd, made_up.features), objective, 1.0)
        figures = asked.answered(made_up.features @ weights)
        assert figures["accuracy"] > 0.8 and figures["regret"] < 1.0
        if told:
            assert {name for name in told if name.startswith("p")} <= {f"p{at:02d}" for at in range(10)}


def test_figures_of_the_truth_and_of_its_opposite(made_up: Rated) -> None:
    """The truth is always right and regrets nothing; turned round it never is; a scale changes NLL alone."""
    crowd = gathered(made_up, SETTINGS, REGIME, 4)
    asked = Asked.of(made_up, crowd, SETTINGS)
    truth = made_up.means + np.random.default_rng(0).normal(0, 1, 400)
    plain, louder = asked.answered(truth), asked.answered(10 * truth)

    assert asked.answered(made_up.means)["accuracy"] == 1 and asked.answered(made_up.means)["regret"] == 0
    assert asked.answered(-made_up.means)["accuracy"] == 0
    assert (np.abs(asked.means[asked.test] @ [1, -1]) >= 0.5).all()
    assert louder["nll"] > plain["nll"]
    assert louder["nll_scaled"] == pytest.approx(plain["nll_scaled"], abs=1e-4)
    assert louder["temperature"] == pytest.approx(10 * plain["temperature"], rel=0.01)


def test_the_best_temperature_is_that_of_a_logistic_model() -> None:
    """Margins three times too great are divided by three."""
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, 50_000)
    signs = np.where(rng.random(50_000) < 1 / (1 + np.exp(-margins)), 1, -1)

    assert best_temperature(3 * margins * signs) == pytest.approx(3, rel=0.05)


def test_arms_are_set_beside_others_with_corrected_p() -> None:
    """P-values are SciPy's paired ones, corrected by statsmodels over all arms and regimes but the raw and the best."""
    rng = np.random.default_rng(0)
    names = (*FIGURES, "temperature")

    def crowd(shift: float) -> dict:
        return {
            "arms": {arm: {name: rng.normal(shift * (arm != RAW), 0.1) for name in names} for arm in ARMS},
            "labels": {name: rng.random() for name in METHODS},
            "reliability": {"guess": 0.5, "know": None},
        }

    runs = {regime: [crowd(shift) for _ in range(6)] for regime, shift in (("few", 0.0), ("many", 0.3))}
    found = summarise(runs)
    tested = [(regime, arm) for regime in runs for arm in ARMS if arm not in (RAW, BEST)]
    column = {(regime, arm): [one["arms"][arm]["accuracy"] for one in runs[regime]] for regime in runs for arm in ARMS}
    p = [ttest_rel(column[one], column[one[0], RAW]).pvalue for one in tested]

    assert [found[regime]["arms"][arm]["holm"] for regime, arm in tested] == pytest.approx(
        multipletests(p, method="holm")[1]
    )
    beside = found["many"]["arms"][MAJORITY]["beside"][RAW]["accuracy"]
    assert beside["value"] == pytest.approx(np.mean(column["many", MAJORITY]) - np.mean(column["many", RAW]))
    assert "- `crowd_bt`: better in 1, worse in 0" in verdict(found)
    assert set(found["few"]["reliability"]) == {"guess"}


@pytest.mark.slow
def test_a_whole_run_writes_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and a page; the same command gives the same figures."""
    threads = torch.get_num_threads()
    try:
        assert main([*TINY.split(), "--out", str(tmp_path / "one")]) == 0
    finally:
        torch.set_num_threads(threads)
    found, page = json.loads((tmp_path / "one.json").read_text()), (tmp_path / "one.md").read_text()

    assert page in capsys.readouterr().out
    assert set(found["ridges"]["50 pairs, 3 votes"]) == set(ARMS)
    assert len(found["runs"]["50 pairs, 3 votes"]) == found["crowds"] == 3
    assert "## 50 pairs, 3 votes" in page and "| crowd_bt |" in page


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--guessing", "1"], "--guessing must be 0 or more and below 1, not 1.0"),
        (["--each", "3", "31"], "--each must be from 1 to the 30 --people"),
        (["--crowds", "2"], "--crowds must be 3 to 100 to have an interval"),
    ],
)
def test_wrong_arguments_are_refused(given: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the argument and what it takes."""
    with pytest.raises(SystemExit):
        from_arguments(given)
    assert message in " ".join(capsys.readouterr().err.split())
