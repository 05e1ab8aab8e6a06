"""Votes become one label each, with strength and weight, and nothing else of the records changes."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_expit

from plaudit.labels import crowd as crowd_kit
from plaudit.labels.aggregate import aggregate
from plaudit.labels.aggregation import Aggregated
from plaudit.labels.aggregation.majority import Majority
from plaudit.labels.aggregation.noisy_bradley_terry import Likelihood, NoisyBradleyTerry
from plaudit.labels.balance import order_weights
from plaudit.labels.votes import NoVotes, Votes
from plaudit.preferences.confidence import agreement_strengths, agreement_weights
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.reading import read
from plaudit.preferences.saving import Unsaved, save
from tests.labels.crowds import crowd


def votes_on(*labels: int, weight: float = 1.0, **more: Any) -> Preference:
    """Return a record on whose two responses somebody each said ``labels``: 1 the first, -1 the second, 0 a tie."""
    edges = tuple(
        Comparison(chosen=int(label < 0), rejected=int(label >= 0), tie=label == 0, annotator=f"p{at}", weight=weight)
        for at, label in enumerate(labels)
    )
    return Preference(
        prompt="Hi.", responses=(Response(content="Hello!"), Response(content="What?")), comparisons=edges, **more
    )


def test_a_majority_is_weighed_as_agreement_is() -> None:
    """Strength and weight are those of `plaudit.preferences.confidence`, computed there from the counts."""
    said = [(1, 1, -1), (1, 1, 1), (-1, -1, 0), (1, -1, 1, 0, 1)]
    found = aggregate(Preferences.of(votes_on(*one, id=str(at)) for at, one in enumerate(said)), Majority())

    for preference, one in zip(found.preferences, said, strict=True):
        (edge,) = preference.comparisons
        winner = 1 if sum(one) > 0 else -1
        counts = [[one.count(winner)], [one.count(-winner)], [one.count(0)]]
        assert (edge.chosen, edge.rejected, edge.tie) == ((0, 1, False) if winner > 0 else (1, 0, False))
        assert edge.strength == pytest.approx(agreement_strengths(*counts)[0])
        assert edge.weight == pytest.approx(agreement_weights(*counts)[0])
        assert edge.extra["votes"] == [counts[0][0], counts[2][0], counts[1][0]] and edge.annotator == ""


def test_a_soft_label_costs_what_is_expected() -> None:
    """Its loss under Bradley-Terry is least at the log-odds of the first, ties half; its weights sum to a vote's."""
    said = [(1, 1, -1), (1, 0, 0, 1, 1, -1), (-1, -1)]
    records = Preferences.of(votes_on(*one, id=str(at), weight=2.0) for at, one in enumerate(said))
    found = aggregate(records, Majority(), form="soft")

    for preference, one in zip(found.preferences, said, strict=True):
        edges = preference.comparisons
        won, lost = (sum(edge.weight for edge in edges if not edge.tie and edge.chosen == side) for side in (0, 1))
        tied = sum(edge.weight for edge in edges if edge.tie)
        margins = np.linspace(-4, 4, 8001)
        costs = -(won + tied / 2) * log_expit(margins) - (lost + tied / 2) * log_expit(-margins)
        share = (one.count(1) + one.count(0) / 2 + 1) / (len(one) + 2)
        assert won + lost + tied == pytest.approx(2.0)
        assert margins[costs.argmin()] == pytest.approx(np.log(share / (1 - share)), abs=1e-3)
        assert all(edge.strength is None and not edge.annotator for edge in edges)
        assert edges[0].weight == max(edge.weight for edge in edges)


def test_a_soft_label_is_never_certain() -> None:
    """Whatever a method says, either answer keeps its hundredth; a tie that nobody believes in is no comparison."""

    def sure(votes: Votes) -> Aggregated:
        return Aggregated(probabilities=np.tile([0.9995, 0.0005, 0.0], (len(votes.items), 1)))

    def even(votes: Votes) -> Aggregated:
        return Aggregated(probabilities=np.tile([0.0, 1.0, 0.0], (len(votes.items), 1)))

    record = Preferences.of([votes_on(1)])
    soft = aggregate(record, sure, form="soft").preferences[0].comparisons
    tied = aggregate(record, even, form="soft").preferences[0].comparisons

    assert [edge.weight for edge in soft] == pytest.approx([0.99, 0.01]) and not any(edge.tie for edge in soft)
    assert [(edge.tie, edge.weight) for edge in tied] == [(True, 1.0)]
    with pytest.raises(ValueError, match="form must be 'soft' or 'hard', not 'firm'"):
        aggregate(record, even, form="firm")  # type: ignore[arg-type]


def test_ties_stay_and_weights_are_kept() -> None:
    """A tie has no strength and weighs its probability; votes' and sources' weights are multiplied in."""
    tied = votes_on(0, 0, 0, 1, weight=2.0, id="a")
    found = aggregate(Preferences.of([tied, votes_on(1, 1, id="b")], weight=3.0), Majority())
    (edge,) = found.preferences[0].comparisons

    assert edge.tie and edge.strength is None
    assert edge.weight == pytest.approx(3.0 * 2.0 * (3 + 2 / 3) / 6)
    assert found.ties == 1 and found.changed == 0


def test_other_comparisons_and_the_record_stay_as_they_are() -> None:
    """Unnamed comparisons, other objectives, ids, groups and extras are kept."""
    record = votes_on(1, 1, id="x", group="g", extra={"note": 1})
    brief = Comparison(chosen=1, rejected=0, annotator="p0", objective="brevity")
    unnamed = Comparison(chosen=1, rejected=0, reason="mine")
    full = Preference(**{name: getattr(record, name) for name in ("prompt", "responses", "id", "group", "extra")},
                      comparisons=(*record.comparisons, brief, unnamed))  # fmt: skip
    kept = aggregate(Preferences.of([full]), Majority()).preferences[0]

    assert (kept.id, kept.group, dict(kept.extra)) == ("x", "g", {"note": 1})
    assert kept.comparisons[0] == unnamed
    assert [(edge.objective, edge.chosen) for edge in kept.comparisons[1:]] == [("", 0), ("brevity", 1)]


def test_no_probability_is_believed_beyond_the_limit() -> None:
    """A method that is certain gives the strength of 99 in 100, and what it overrules is counted."""

    def sure(votes: Votes) -> Aggregated:
        rows = np.zeros((len(votes.items), 3))
        rows[:, 0 if votes.items.first[0] else 2] = 1.0  # the response that comes second in the record
        return Aggregated(probabilities=rows, skill=np.array([0.5] * len(votes.annotators)))

    found = aggregate(Preferences.of([votes_on(1, 1, -1)]), sure)
    (edge,) = found.preferences[0].comparisons

    assert edge.chosen == 1 and edge.strength == pytest.approx(math.log(99)) and edge.weight == pytest.approx(0.98)
    assert found.changed == 1 and found.to_json()["skill"] == {"p0": 0.5, "p1": 0.5, "p2": 0.5}
    with pytest.raises(ValueError, match="certain must be above 0.5 and below 1, not 1"):
        aggregate(Preferences.of([votes_on(1)]), sure, certain=1.0)
    with pytest.raises(NoVotes, match="annotator's name"):
        aggregate(Preferences.of([Preference(prompt="", responses=(Response(content="a"),))]), sure)


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.jsonl.gz"])
def test_what_is_saved_reads_back_the_same(name: str, tmp_path: Path) -> None:
    """Labels, strengths, weights and counts survive the file; an existing file is not overwritten unasked."""
    found = aggregate(Preferences.of([votes_on(1, 1, -1, id="a"), votes_on(0, 0, id="b")]), Majority()).preferences

    assert save(found, tmp_path / name) == 2
    again = read(tmp_path / name)
    assert [list(one.comparisons) for one in again] == [list(one.comparisons) for one in found]
    with pytest.raises(Unsaved, match="is there already"):
        save(found, tmp_path / name)
    assert save(found, tmp_path / name, overwrite=True) == 2


@pytest.mark.parametrize(
    ("name", "complaint"), [("labels.csv", "the name should end so"), ("deep/labels.jsonl", "there is no folder")]
)
def test_a_file_that_cannot_be_written_is_refused(name: str, complaint: str, tmp_path: Path) -> None:
    """The message says what is wrong with the name."""
    with pytest.raises(Unsaved, match=complaint):
        save([votes_on(1)], tmp_path / name)


def test_balanced_orders_cancel_what_a_side_is_worth() -> None:
    """Three of four who saw the first on the left chose the left: balanced, the item is even."""
    votes = Votes.from_arrays([0] * 4, list("abcd"), [1, 1, 1, -1], swapped=[0, 0, 0, 1])

    assert order_weights(votes).sum() == pytest.approx(4)
    first, _, second = Majority(balance="order")(votes).probabilities[0]
    assert first == pytest.approx(second)
    assert Majority()(votes).probabilities[0, 0] > 0.6
    assert order_weights(votes.select([0, 1])).tolist() == [1, 1]
    with pytest.raises(ValueError, match="balance must be"):
        Majority(balance="sides")  # type: ignore[arg-type]


def test_the_gradient_of_noisy_bradley_terry_is_that_of_its_density() -> None:
    """By finite differences, at random values; crowd-kit's would not pass."""
    likelihood = Likelihood.of(crowd(items=12).votes, 2.0)
    values = np.random.default_rng(0).normal(size=likelihood.start().size)

    assert check_grad(lambda x: likelihood(x)[0], lambda x: likelihood(x)[1], values) < 1e-4


def test_a_planted_side_is_told_from_skill() -> None:
    """Who always takes the left has no skill and a bias to the left; the others have no bias."""
    crowded = crowd(items=150, guessing=0, ties=0.0)
    votes = crowded.votes
    lefty = votes.annotator == 0
    label = np.where(lefty, 1 - 2 * votes.swapped, votes.label)
    names = [votes.annotators[person] for person in votes.annotator]
    found = NoisyBradleyTerry()(Votes.from_arrays(votes.item, names, label, swapped=votes.swapped))

    assert found.skill.argmin() == 0 and found.skill[0] < 0.3
    assert found.bias[0] > 0.9 and (np.abs(found.bias[1:] - 0.5) < 0.25).all()


def test_a_missing_crowd_kit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when a method of it is asked for."""
    monkeypatch.setitem(__import__("sys").modules, "crowdkit.aggregation", None)

    with pytest.raises(crowd_kit.MissingCrowdKit, match=r"pip install 'plaudit\[annotate\]'"):
        crowd_kit.dawid_skene(crowd(items=3).votes, 1, 1.0)


def test_json_of_an_aggregation_is_plain() -> None:
    """Skill and bias are by annotator, null where there is none."""
    found = aggregate(Preferences.of([votes_on(1, 1, -1)]), NoisyBradleyTerry(), sides=False)

    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["bias"] == {"p0": None, "p1": None, "p2": None}
