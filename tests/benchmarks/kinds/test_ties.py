"""Three outcomes: who knows them is found by sums, fits recover what was drawn, costs are those of scipy."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import logistic

from benchmarks.kinds import ties
from benchmarks.kinds.figures import mean_of
from benchmarks.kinds.setups import DROPPED
from benchmarks.kinds.tie_table import compare, keep, kept
from plaudit import members
from plaudit.evaluation.metrics.log_likelihood import LogLikelihood
from plaudit.objectives.davidson import Davidson
from plaudit.objectives.rao_kupper import RaoKupper
from plaudit.predictions import Predictions


def drawn(chances: ties.Chances, count: int, seed: int) -> Predictions:
    """Return pairs of random margins whose outcomes are drawn from ``chances``, as predictions of the true margins."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(0, 1.5, count)
    outcome = [rng.choice(3, p=row / row.sum()) for row in np.exp(chances(margins))]
    turned = np.where(np.array(outcome) == ties.LOST, -margins, margins)
    tied = np.array(outcome) == ties.TIED
    return Predictions.from_pairs(turned, np.zeros(count), outcome=np.where(tied, 0.5, 1.0))


def made(name: str) -> object:
    kind = members.load("objectives", name)
    try:
        return kind()
    except TypeError:
        return kind(attributes=("rating",))


def test_who_knows_ties_is_found_among_all_objectives():
    """Exactly those whose losses of win, loss and tie are the negative logarithms of a distribution."""
    found = {name for name in members.names("objectives") if ties.three_way(made(name)) is not None}

    assert found == {"davidson", "rao_kupper"}


@pytest.mark.parametrize(
    ("objective", "stated"),
    [(Davidson(nu=0.7), ties.davidson(float(np.log(0.7)))), (RaoKupper(theta=2.0), ties.rao_kupper(float(np.log(2))))],
)
def test_chances_are_read_off_the_losses(objective, stated):
    """The objective's own chances are the model's, written down here a second time, and sum to 1."""
    own = ties.three_way(objective)
    assert own is not None
    margins = np.linspace(-5, 5, 11)

    assert own(margins) == pytest.approx(stated(margins), abs=1e-4)
    assert np.exp(own(margins)).sum(1) == pytest.approx(1, abs=1e-5)


def test_rao_kupper_is_a_threshold_under_logistic_noise():
    """A win is noise that carries the difference over η, by scipy's logistic distribution."""
    margins = np.linspace(-3, 3, 7)
    chances = np.exp(ties.rao_kupper(0.8)(margins))

    assert chances[:, ties.WON] == pytest.approx(logistic.sf(0.8 - margins))
    assert chances[:, ties.TIED] == pytest.approx(logistic.cdf(0.8 - margins) - logistic.cdf(-0.8 - margins))


def test_a_fitted_tie_is_the_one_that_was_drawn():
    """Of margins twice as wide as they should be, the scale is a half, and ν is what it was."""
    true = drawn(ties.davidson(float(np.log(1.2))), 20_000, 0)
    wide = Predictions.from_pairs(2 * true.margins, np.zeros(len(true)), outcome=true.outcome)

    _, found = ties.fitted(wide)

    assert found["scale"] == pytest.approx(0.5, rel=0.05)
    assert found["nu"] == pytest.approx(1.2, rel=0.05)


def test_a_constant_share_is_the_share():
    """The tie is as probable everywhere as in the stopping part, and the rest is Bradley-Terry's."""
    stop = Predictions.from_pairs(np.ones(4), np.zeros(4), outcome=[1, 1, 1, 0.5])
    chances = np.exp(ties.constant_share(stop)(np.array([-1.0, 2.0])))

    assert chances[:, ties.TIED] == pytest.approx([0.25, 0.25])
    assert chances[:, ties.WON] == pytest.approx(0.75 * expit([-1.0, 2.0]))


def test_costs_by_hand():
    """Two comparisons with chances 0.5, 0.3 and 0.2: a win costs -log 0.5, or -log 0.625 as decided; a tie -log 0.2."""
    test = Predictions.from_pairs([1.0, 1.0], [0.0, 0.0], outcome=[1, 0.5])

    three, two = ties.likelihoods(np.log([[0.5, 0.3, 0.2]] * 2), test)

    assert three == pytest.approx(-np.log([0.5, 0.2]))
    assert two[0] == pytest.approx(-np.log(0.625))
    assert np.isnan(two[1])


def test_decided_costs_of_bradley_terry_are_the_products():
    """Whichever way a tie is given, who won costs what the product's likelihood says."""
    test = drawn(ties.davidson(0.0), 300, 1)
    costs, fitted = ties.costs(None, test, drawn(ties.davidson(0.0), 300, 2))

    decided = test.select(test.outcome == 1)
    assert np.nanmean(costs["decided"]) == pytest.approx(-LogLikelihood()(decided))
    assert set(costs) == {"constant share", "fitted", "decided"}
    assert set(fitted) == {"scale", "nu"}


def row(name: str, key: str, variant: str = "", **more) -> dict[str, object]:
    return {
        "set": "objectives", "kind": name, "name": name, "variant": variant, "data": "synthetic", "seed": 0,
        "key": key, "status": "done", "ties": {"kept": key, "fitted": {}}, **more,
    }  # fmt: skip


def test_the_truth_beats_bradley_terry_where_ties_depend_on_the_margin(tmp_path):
    """Differences are paired: their mean is the difference of the means, above the share with its whole interval."""
    chances = ties.rao_kupper(0.8)
    test, stop = drawn(chances, 2000, 3), drawn(chances, 2000, 4)
    keep(tmp_path, "bt", test, ties.costs(None, test, stop)[0])
    keep(tmp_path, "rk", test, ties.costs(chances, test, stop)[0])

    reference, own = compare(tmp_path, [row("bradley_terry", "bt", DROPPED), row("rao_kupper", "rk")], 200)

    assert reference["less"] == {}
    less = own["less"]["constant share"]
    assert less["value"] == pytest.approx(reference["nll"]["constant share"]["value"] - own["nll"]["own"]["value"])
    assert less["low"] > 0
    assert own["less"]["fitted"]["low"] < less["low"]


def test_without_its_reference_a_line_has_no_differences(tmp_path):
    """And a line whose costs are gone, or that failed, is not compared at all."""
    test = drawn(ties.davidson(0.0), 100, 5)
    keep(tmp_path, "a", test, ties.costs(ties.davidson(0.0), test, test)[0])

    found = compare(tmp_path, [row("davidson", "a"), row("gone", "b"), row("bad", "a", status="failed")], 100)

    assert [one["name"] for one in found] == ["davidson"]
    assert found[0]["less"] == {}
    assert found[0]["ties"] == pytest.approx(np.mean(test.outcome == 0.5))
    assert kept(tmp_path, "a")
    assert not kept(tmp_path, "b")


def test_a_mean_leaves_out_what_is_not_known():
    """NaN is of no comparison; the others' mean is as it is."""
    predictions = Predictions.from_pairs(np.ones(50), np.zeros(50))
    values = np.where(np.arange(50) < 40, np.arange(50.0), np.nan)

    assert mean_of(values, predictions, 100).value == pytest.approx(19.5)


def test_an_objective_that_fails_on_margins_alone_knows_no_ties():
    """Ratings are asked for and not there: no chances, and no error."""

    class Rated:
        def __call__(self, rewards, labels):
            raise ValueError("no ratings")

    assert ties.three_way(Rated()) is None
    assert torch.is_grad_enabled()
