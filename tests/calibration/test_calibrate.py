"""Which map is taken, whether it helps, and what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, log_expit

from plaudit.calibration.calibrate import calibrate
from plaudit.calibration.calibrators import choose, of_record
from plaudit.calibration.folds import splits
from plaudit.calibration.observed import Uncalibratable
from plaudit.members import UnknownKind
from plaudit.predictions import Predictions
from tests.scored import calibrated, in_prompts, without_prompts

FEW = 200
"""Resamples: enough for what is asked here."""


def stretched(seed: int, groups: int, factor: float = 3.0) -> Predictions:
    """A model that claims ``factor`` times the log-odds there are."""
    scored = calibrated(np.random.default_rng(seed), groups)
    labels = np.array(["a", "b"], object)[np.arange(len(scored)) % 2]
    return replace(scored, rewards=factor * scored.rewards, slices={"source": labels})


@pytest.fixture(scope="module")
def overconfident() -> Predictions:
    return stretched(0, 500)


def test_an_overconfident_model_is_calibrated(overconfident: Predictions) -> None:
    """The map takes the stretch back; NLL, ECE and Brier fall on unseen groups, overall and in each slice."""
    found = calibrate(overconfident, resamples=FEW)

    assert found.kind != "identity" and found.trials[0].helps
    assert found.fitted.probability([3.0])[0] == pytest.approx(expit(1.0), abs=0.05)
    for part in (found.overall, *found.slices["source"].values()):
        assert all(part.after[name].value < part.before[name].value for name in ("nll", "ece", "brier"))
    assert found.overall.after["ece"].value < 0.05 < found.overall.before["ece"].value
    assert found.sentence.startswith(f"{found.kind} helps: NLL on unseen groups")


def test_a_calibrated_model_is_left_alone() -> None:
    """Nothing is clearly better than the truth: all stand aside, before is after, and the sentence says so."""
    scored = calibrated(np.random.default_rng(1), 400)
    found = calibrate(scored, resamples=FEW)

    assert found.kind == "identity" and not any(trial.helps for trial in found.trials)
    assert found.overall.after == found.overall.before
    assert (found.fitted.log_odds(scored.margins) == scored.margins).all()
    assert "no calibrator helps" in found.sentence and "all 5 kinds stand aside" in found.sentence


@pytest.mark.slow
def test_calibrated_models_are_rarely_touched() -> None:
    """Of 200 models that need nothing, at most 5 % get a map."""
    touched = [
        calibrate(calibrated(np.random.default_rng(seed), 100), slices=[], resamples=FEW).kind != "identity"
        for seed in range(200)
    ]
    print(f"\n{np.mean(touched):.1%} of calibrated models were given a map")
    assert np.mean(touched) <= 0.05


def test_the_figures_are_those_of_cross_fitted_probabilities(overconfident: Predictions) -> None:
    """NLL and change of a trial, by a loop over folds, fitting and judging by hand."""
    found = calibrate(overconfident, kinds=["temperature"], slices=[], resamples=FEW)
    total = raw = 0.0
    for fit, judged in splits(overconfident, 5, seed=0):
        fitted = choose(["temperature"])["temperature"].fit(overconfident.select(fit))
        total -= log_expit(fitted.log_odds(overconfident.margins[judged])).sum()
        raw -= log_expit(overconfident.margins[judged]).sum()

    count = len(overconfident)
    assert found.trials[0].nll == pytest.approx(total / count, rel=1e-9)
    assert found.overall.after["nll"].value == pytest.approx(total / count, rel=1e-9)
    assert found.trials[0].change.value == pytest.approx((total - raw) / count, rel=1e-9)
    assert found.fitted.record() == choose(["temperature"])["temperature"].fit(overconfident).record()


def test_where_responses_are_drawn_it_works_too() -> None:
    """Margins of responses compared six times each, stretched: some map helps, and no interval is missing."""
    scored = without_prompts(np.random.default_rng(2), 120, "six a response")
    found = calibrate(replace(scored, rewards=8 * scored.rewards), kinds=["temperature", "platt"], resamples=FEW)

    assert found.folds == 8
    assert found.trials[0].helps and found.overall.after["nll"].low is not None


def test_the_seed_decides(overconfident: Predictions) -> None:
    """The same seed gives the same figures, another one others, hardly different."""
    one, two, other = (
        calibrate(overconfident, kinds=["beta"], slices=[], resamples=FEW, seed=seed) for seed in (0, 0, 1)
    )
    assert one.to_json() == two.to_json()
    assert one.trials[0].nll != other.trials[0].nll
    assert one.trials[0].nll == pytest.approx(other.trials[0].nll, abs=0.01)


def test_it_can_be_written_and_read(overconfident: Predictions) -> None:
    """JSON without NaN holds all; the record gives the same probabilities; the text has every kind and slice."""
    found = calibrate(overconfident, resamples=FEW)
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    text = str(found)

    back = of_record(stored["record"])
    assert (back.probability(overconfident.margins) == found.fitted.probability(overconfident.margins)).all()
    assert [trial["kind"] for trial in stored["trials"]] == [trial.kind for trial in found.trials]
    assert stored["slices"]["source"]["a"]["comparisons"] == (len(overconfident) + 1) // 2
    assert all(word in text for word in ("temperature", "isotonic", "by source", "ECE", "before", "after"))


def test_small_slices_have_figures_without_intervals() -> None:
    """A slice of fewer than 20 groups says so instead of an interval."""
    scored = stretched(3, 100)
    labels = np.where(scored.comparison_groups[0] < 5, "rare", "usual").astype(object)
    found = calibrate(replace(scored, slices={"source": labels}), kinds=["temperature"], resamples=FEW)

    rare = found.slices["source"]["rare"]
    assert rare.groups == 5 and rare.after["nll"].low is None and "5 groups" in rare.after["nll"].reason
    assert "rare" in str(found)


@pytest.mark.parametrize(
    ("scored", "settings", "kind", "complaint"),
    [
        (in_prompts(np.random.default_rng(0), 19), {}, Uncalibratable, "19 groups"),
        (Predictions.from_pairs([], []), {}, Uncalibratable, "none of positive weight"),
        (Predictions.from_pairs(np.ones(30), np.zeros(30)), {}, Uncalibratable, "have the size 1"),
        (Predictions.from_pairs(np.ones(30), np.ones(30)), {}, Uncalibratable, "margins are 0"),
        (Predictions.from_pairs(np.arange(30.0), np.zeros(30), outcome=np.full(30, 0.5)), {}, Uncalibratable, "ties"),
        (in_prompts(np.random.default_rng(0), 30), {"kinds": []}, ValueError, "no kinds were named"),
        (in_prompts(np.random.default_rng(0), 30), {"kinds": ["spline"]}, UnknownKind, "'spline' is not one"),
        (in_prompts(np.random.default_rng(0), 30), {"slices": ["x"]}, ValueError, "no slice is called 'x'"),
        (in_prompts(np.random.default_rng(0), 30), {"folds": 1}, Uncalibratable, "folds must be from 2"),
        (in_prompts(np.random.default_rng(0), 30), {"resamples": 9}, ValueError, "at least 100 resamples"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    scored: Predictions, settings: dict[str, object], kind: type[Exception], complaint: str
) -> None:
    """The message says what is wrong."""
    with pytest.raises(kind, match=complaint):
        calibrate(scored, **settings)
