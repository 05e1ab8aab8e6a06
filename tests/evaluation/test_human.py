"""A person beside the model: a sample that tells nothing, answers that come back, agreement that is right."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.evaluation.human import (
    KIND,
    BadJudgements,
    Judgement,
    agreement,
    blind,
    identity,
    read_judgements,
)
from plaudit.predictions import Predictions


def pairs(count: int = 60, seed: int = 0) -> Predictions:
    """``count`` prompts with a pair each; odd ones the model gets wrong."""
    rng = np.random.default_rng(seed)
    margins = rng.uniform(0.1, 2, count) * np.where(np.arange(count) % 2, -1, 1)
    own = Predictions.from_pairs(margins, np.zeros(count), group=np.arange(count))
    names = tuple([f"c{place}" for place in range(count)] + [f"r{place}" for place in range(count)])
    return replace(own, ids=names)


def test_a_sample_is_of_distinct_groups_in_random_order() -> None:
    """One pair a group while there are groups; about half of them with the chosen response first."""
    sample = blind(pairs(400), 200, seed=1, known=range(800))

    assert len({min(pair) for pair in sample}) == 200
    assert all(abs(first - second) == 400 for first, second in sample)
    chosen_first = sum(first < 400 for first, _ in sample)
    assert 70 < chosen_first < 130  # over four standard deviations either way
    assert sample == blind(pairs(400), 200, seed=1, known=range(800))
    assert sample != blind(pairs(400), 200, seed=2, known=range(800))


def test_a_sample_holds_only_what_can_be_shown() -> None:
    """Pairs with a side whose text is unknown are not drawn, and there are no more pairs than there are."""
    assert sorted(map(sorted, blind(pairs(5), 10, known=[0, 5, 1, 2, 7]))) == [[0, 5], [2, 7]]
    assert blind(pairs(5), 10, known=[]) == []


def test_the_same_sample_has_the_same_name() -> None:
    """Another order is another sample: its answers are kept apart."""
    assert identity([("a", "b")]) == identity([("a", "b")]) != identity([("b", "a")])


def test_agreement_counts_by_hand() -> None:
    """Half of the model's verdicts are wrong; a person who always names the chosen one agrees with half of them."""
    said = [Judgement(f"r{place}", f"c{place}", "second") for place in range(60)]
    found = agreement("Ada", said, pairs())

    assert found.with_labels.value == 1.0
    assert found.with_model.value == found.model_with_labels.value == 0.5
    assert found.with_model.low < 0.5 < found.with_model.high
    assert found.with_labels.low < 1.0  # a person who was always right has not shown to be always right
    assert (found.judged, found.ties, found.skipped, found.unknown) == (60, 0, 0, 0)


@settings(deadline=None, max_examples=15)
@given(verdicts=st.lists(st.sampled_from(["first", "second", "tie", "skip"]), min_size=40, max_size=40))
def test_agreement_does_not_know_the_order(verdicts) -> None:
    """Shown the other way round with the verdict turned, everything is the same; ties count one half."""
    turned = {"first": "second", "second": "first"}
    said = [Judgement(f"c{place}", f"r{place}", one) for place, one in enumerate(verdicts)]
    other = [Judgement(one.second, one.first, turned.get(one.verdict, one.verdict)) for one in said]
    if all(one == "skip" for one in verdicts):
        return
    found, again = (agreement("Ada", own, pairs(), resamples=100) for own in (said, other))

    assert found == again
    spoken = [one for one in verdicts if one != "skip"]
    credit = sum({"first": 1.0, "second": 0.0, "tie": 0.5}[one] for one in spoken) / len(spoken)
    assert found.with_labels.value == pytest.approx(credit)


def test_labels_are_shares_of_votes() -> None:
    """Where three people judged two responses, agreeing with the labels is agreeing with one of them at random."""
    votes = Predictions(
        rewards=np.array([1.0, 0.0]),
        chosen=np.array([0, 0, 1]),
        rejected=np.array([1, 1, 0]),
        outcome=np.ones(3),
        weight=np.ones(3),
        strength=np.full(3, np.nan),
        response_group=np.zeros(2, int),
        lengths=np.zeros(2, int),
        ids=("a", "b"),
    )
    found = agreement("Ada", [Judgement("b", "a", "second")], votes)

    assert found.with_labels.value == pytest.approx(2 / 3)
    assert found.with_model.value == 1.0
    assert found.with_model.low is None
    assert "groups" in found.with_model.reason


def test_unknown_pairs_are_counted_and_not_guessed() -> None:
    """A pair that was not compared, or ids that two responses share, are unknown; nothing known is an error."""
    said = [Judgement("c0", "r0", "first"), Judgement("c0", "r1", "first"), Judgement("x", "r1", "tie")]

    assert agreement("Ada", said, pairs()).unknown == 2
    with pytest.raises(BadJudgements, match="none of the pairs"):
        agreement("Ada", said[1:], pairs())
    with pytest.raises(BadJudgements, match="every pair was skipped"):
        agreement("Ada", [Judgement("c0", "r0", "skip")], pairs())


def test_answers_come_back(tmp_path) -> None:
    """What the page saves is read."""
    path = tmp_path / "ada.json"
    entry = {"first": "a", "second": "b", "verdict": "tie"}
    path.write_text(json.dumps({"kind": KIND, "sample": "x", "judgements": [entry]}), encoding="utf-8")

    assert read_judgements(path) == (Judgement("a", "b", "tie"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "does not say kind"),
        ('{"kind": "other"}', "does not say kind"),
        (f'{{"kind": "{KIND}"}}', "no judgements"),
        (f'{{"kind": "{KIND}", "judgements": [3]}}', "entry 1 is no object"),
        (f'{{"kind": "{KIND}", "judgements": [{{"first": 3}}]}}', "entry 1: first is 3"),
        (f'{{"kind": "{KIND}", "judgements": [{{"first": "a", "second": "b"}}]}}', "entry 1: verdict is None"),
    ],
)
def test_what_is_no_file_of_answers_is_refused(content, words, tmp_path) -> None:
    """The error names the file and the entry."""
    path = tmp_path / "ada.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(BadJudgements) as caught:
        read_judgements(path)

    assert str(path) in str(caught.value)
    assert words in str(caught.value)
