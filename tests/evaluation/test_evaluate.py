"""An evaluation shows every metric with its interval, beside the baselines, per slice, and flags what matters."""

import json
from dataclasses import replace

import numpy as np
import pytest

from plaudit import members
from plaudit.evaluation.evaluate import Evaluation, evaluate
from plaudit.evaluation.intervals import interval
from plaudit.evaluation.metrics import choose
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions


def scored(pairs: int = 120, skill: float = 1.0, ties: float = 0.0) -> Predictions:
    rng = np.random.default_rng(4)
    return Predictions.from_pairs(
        rng.normal(skill, 1, pairs),
        rng.normal(0, 1, pairs),
        outcome=np.where(rng.random(pairs) < ties, 0.5, 1.0),
        lengths=(rng.integers(0, 30, pairs), rng.integers(0, 30, pairs)),
        slices={"source": ["hh" if pair % 10 == 0 else "oasst" for pair in range(pairs)]},
    )


def codes(evaluation: Evaluation) -> set[str]:
    return {flag.code for flag in evaluation.flags}


def test_every_metric_of_the_folder_is_there_with_its_interval() -> None:
    """A new metric shows up by its file; numbers are those of the metric and of `interval`."""
    found = evaluate(scored(), resamples=200)
    assert list(found.overall.metrics) == members.names("metrics")
    for name, metric in choose().items():
        assert found.overall.metrics[name] == interval(metric, scored(), 200)
    assert (found.overall.comparisons, found.overall.groups, found.unit) == (120, 120, "prompts")


def test_baselines_stand_beside() -> None:
    """Chance is exactly one half; longer and shorter add up to one; both have intervals."""
    section = evaluate(scored(), ["accuracy"], resamples=200).overall
    assert list(section.baselines) == ["chance", "longer_wins", "shorter_wins"]
    assert (section.baselines["chance"].low, section.baselines["chance"].value) == (0.5, 0.5)
    longer, shorter = section.baselines["longer_wins"], section.baselines["shorter_wins"]
    assert longer.value + shorter.value == pytest.approx(1)
    lengths = scored().length_differences
    assert longer.value == pytest.approx(np.mean(np.where(lengths == 0, 0.5, lengths > 0)))
    assert longer.low is not None and longer.high is not None and longer.low < longer.value < longer.high


def test_slices_are_the_metrics_of_their_part() -> None:
    """Every slice the predictions carry is broken down, and the length of the chosen one is added."""
    found = evaluate(scored(), resamples=200)
    assert list(found.slices) == ["source", "chosen_is"]
    assert list(found.slices["source"]) == ["hh", "oasst"]
    assert {"longer", "shorter"} <= set(found.slices["chosen_is"])
    part = scored().select(np.arange(120) % 10 == 0)
    hh = found.slices["source"]["hh"]
    assert hh.comparisons == 12
    assert hh.metrics["accuracy"].value == Accuracy()(part)
    assert hh.metrics["accuracy"].reason == "12 groups; an interval needs at least 20"


def test_slices_can_be_chosen() -> None:
    """Only the slices asked for; an unknown one is refused with those there are."""
    assert list(evaluate(scored(), slices=[], resamples=100).slices) == []
    assert list(evaluate(scored(), slices=["chosen_is"], resamples=100).slices) == ["chosen_is"]
    with pytest.raises(ValueError, match="no slice is called 'sauce'; there are: source, chosen_is"):
        evaluate(scored(), slices=["sauce"], resamples=100)


def test_json_is_plain_and_has_the_usual_numbers_on_top() -> None:
    """The dict is valid JSON without NaN; its headline repeats the overall numbers, NLL with its own sign."""
    found = evaluate(scored(), resamples=200)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    overall = plain["overall"]["metrics"]
    assert plain["accuracy"] == overall["accuracy"]["value"]
    assert plain["interval"] == [overall["accuracy"]["low"], overall["accuracy"]["high"]]
    assert plain["nll"] == -overall["log_likelihood"]["value"]
    assert plain["ece"] == overall["expected_calibration_error"]["value"]
    assert plain["brier"] == overall["brier"]["value"]
    assert plain["n"] == 120
    few = evaluate(scored(12), resamples=100).to_json()
    assert few["interval"] is None


def test_people_can_read_it() -> None:
    """The text names every metric by its label, shows intervals, slices and flags, and fits the terminal."""
    written = str(evaluate(scored(ties=0.2), resamples=200))
    for metric in choose().values():
        assert metric.label in written  # type: ignore[attr-defined]
    assert "accuracy of longer wins" in written
    assert "by source" in written
    assert "! ties: " in written
    assert "200 resamples of prompts, seed 0" in written
    assert max(map(len, written.splitlines())) <= 110


@pytest.mark.parametrize("spread", [0.0, 1e-4])
def test_a_collapsed_model_is_flagged(spread: float) -> None:
    """A loss near log 2 is flagged, with equal rewards or barely different ones; a trained model is not."""
    flat = replace(scored(), rewards=scored().rewards * spread)
    assert "collapsed" in codes(evaluate(flat, resamples=100))
    assert "collapsed" not in codes(evaluate(scored(), resamples=100))
    assert ("equal_rewards" in codes(evaluate(flat, resamples=100))) == (spread == 0)


def test_an_overconfident_model_with_the_loss_of_a_constant_is_flagged_as_such() -> None:
    """Wide margins whose loss is still log 2 are called overconfident."""
    from scipy.optimize import brentq

    likelihood = choose()["log_likelihood"]
    scale = brentq(lambda s: likelihood(replace(scored(), rewards=scored().rewards * s)) + np.log(2), 1, 100)
    found = evaluate(replace(scored(), rewards=scored().rewards * scale), resamples=100)
    assert "overconfident" in next(flag.sentence for flag in found.flags if flag.code == "collapsed")


def test_what_is_not_above_chance_or_length_is_flagged() -> None:
    """Noise is not above chance; a model that is its length is not above length; a good one is above both."""
    assert "not_above_chance" in codes(evaluate(scored(skill=0.0), resamples=200))
    rng = np.random.default_rng(0)
    sizes = (rng.integers(40, 90, 300), rng.integers(20, 70, 300))
    length = Predictions.from_pairs(sizes[0] / 10, sizes[1] / 10, lengths=sizes)
    assert "not_above_length" in codes(evaluate(length, resamples=200))
    assert not {"not_above_chance", "not_above_length"} & codes(evaluate(scored(300, 1.5), resamples=200))


def test_ties_identical_sides_and_few_groups_are_flagged() -> None:
    """Each is said with its figure, and none where there is nothing to say."""
    assert codes(evaluate(scored(300, 1.5), resamples=100)) == set()
    assert "ties" in codes(evaluate(scored(ties=0.3), resamples=100))
    same = replace(scored(), rejected=np.where(np.arange(120) < 2, scored().chosen, scored().rejected))
    sentences = {flag.code: flag.sentence for flag in evaluate(same, resamples=100).flags}
    assert sentences["identical_sides"] == "2 comparisons compare a response with itself"
    few = {flag.code: flag.sentence for flag in evaluate(scored(12), resamples=100).flags}
    assert few["few_groups"] == "no interval: 12 groups; an interval needs at least 20"


def test_a_metric_from_elsewhere_can_be_asked_for() -> None:
    """Metrics may be given by name or as functions, and tables show the name of an unknown one."""
    found = evaluate(scored(), {"largest": lambda part: float(part.rewards.max())}, slices=["source"], resamples=100)
    assert found.overall.metrics["largest"].value == scored().rewards.max()
    assert "largest" in str(found)
    assert "accuracy" not in found.to_json()
    with pytest.raises(members.UnknownKind, match="'acuracy' is not one of the metrics"):
        evaluate(scored(), ["acuracy"])


def test_nothing_to_evaluate_is_an_error() -> None:
    """No comparisons, or none that counts."""
    for empty in (scored().select([]), replace(scored(), weight=np.zeros(120))):
        with pytest.raises(ValueError, match="nothing to evaluate"):
            evaluate(empty)
