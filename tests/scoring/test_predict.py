"""Predictions from any scoring function: each distinct response once, grouped and sliced as the records say."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import NoReward, Unscored, predict


def _record(prompt: str, *texts: str, edges: Sequence[Comparison] = (), **more: object) -> Preference:
    responses = tuple(Response(content=text, id=text if not prompt else "") for text in texts)
    edges = edges or [Comparison(chosen=0, rejected=1)]
    return Preference(prompt=prompt, responses=responses, comparisons=tuple(edges), **more)  # type: ignore[arg-type]


def _length(pairs: Sequence[Pair]) -> list[float]:
    return [float(len(response)) for _, response in pairs]


def test_each_distinct_pair_is_scored_once() -> None:
    """A response that is compared often is asked for once; margins are those of its texts' rewards."""
    asked: list[Pair] = []
    records = [_record("p", "aaa", "b"), _record("p", "aaa", "cc"), _record("q", "aaa", "b")]

    def asking(pairs: Sequence[Pair]) -> list[float]:
        asked.extend(pairs)
        return _length(pairs)

    found = predict(asking, records)

    assert asked == [("p", "aaa"), ("p", "b"), ("p", "cc"), ("q", "aaa"), ("q", "b")]
    assert found.margins.tolist() == [2.0, 1.0, 2.0]
    assert found.lengths.tolist() == [3, 1, 2, 3, 1]
    assert found.rewards.dtype == np.float64


def test_a_variance_comes_along() -> None:
    """Where what scores says how sure it is, the predictions hold that of each response, else NaN."""
    variances = [0.5, None, 2.0, 0.0]

    def unsure(pairs: Sequence[Pair]) -> list[Score]:
        return [Score(float(len(r)), variance=v) for (_, r), v in zip(pairs, variances, strict=True)]

    records = [_record("p", "aaa", "b"), _record("q", "cc", "dddd")]
    found = predict(unsure, records)

    np.testing.assert_array_equal(found.variance, [0.5, math.nan, 2.0, 0.0])
    assert found.rewards.tolist() == [3.0, 1.0, 2.0, 4.0]
    np.testing.assert_array_equal(found.select([1]).variance, [2.0, 0.0])
    assert np.isnan(predict(_length, records).variance).all()


def test_groups_are_prompts_or_given() -> None:
    """The unit is the record's group, else its prompt; both sides of a comparison share it."""
    found = predict(_length, [_record("p", "a", "b"), _record("p", "a", "c"), _record("q", "a", "b")])
    given = predict(_length, [_record("p", "a", "b", group="g"), _record("q", "a", "b", group="g")])

    assert found.response_group[found.chosen].tolist() == found.response_group[found.rejected].tolist() == [0, 0, 1]
    assert set(given.response_group) == {0}
    assert not found.by_response


def test_without_prompts_the_unit_is_the_response() -> None:
    """Where nothing has a prompt, a response is its own group, however many records it is in."""
    found = predict(_length, [_record("", "aaa", "b"), _record("", "aaa", "cc")])

    assert found.by_response
    assert len(found.rewards) == 3
    assert found.response_group.tolist() == [0, 1, 2]
    assert found.ids == ("aaa", "b", "cc")


def test_labels_and_slices_travel() -> None:
    """Ties count one half; weights, strengths, source, subset and objective are kept, "" where one has none."""
    edges = [Comparison(chosen=0, rejected=1, tie=True, weight=3.0), Comparison(chosen=1, rejected=0, strength=0.5)]
    records = [
        _record("p", "a", "b", edges=edges, source="one", extra={"subset": "chat", "rows": 4}),
        _record("q", "a", "b", edges=[Comparison(chosen=0, rejected=1, objective="harm")], source="two"),
    ]

    found = predict(_length, records)

    assert found.outcome.tolist() == [0.5, 1.0, 1.0]
    assert found.weight.tolist() == [3.0, 1.0, 1.0]
    assert found.strength[1] == 0.5
    assert np.isnan(found.strength[[0, 2]]).all()
    assert {name: labels.tolist() for name, labels in found.slices.items()} == {
        "source": ["one", "one", "two"],
        "subset": ["chat", "chat", ""],
        "objective": ["", "", "harm"],
    }


def test_missing_rewards_stop_or_are_counted() -> None:
    """NaN names its response; on request its comparisons are left out with a count, the others kept."""

    def no_b(pairs: Sequence[Pair]) -> list[float]:
        return [math.nan if response == "b" else 1.0 for _, response in pairs]

    records = [_record("p", "a", "b", id="first"), _record("p", "a", "c"), _record("q", "c", "d")]

    with pytest.raises(NoReward, match="response first#1 has no reward"):
        predict(no_b, records)
    with pytest.warns(Unscored, match="1 of 5 responses have no reward; 1 of 3 comparisons left out"):
        found = predict(no_b, records, "drop")
    assert len(found.chosen) == 2
    assert np.isfinite(found.rewards).all()
    with pytest.raises(NoReward, match="no comparison"), pytest.warns(Unscored):
        predict(no_b, records[:1], "drop")


def test_wrong_number_of_rewards_is_refused() -> None:
    """A scoring function that loses a response is found out; nothing to judge is an error too."""
    with pytest.raises(NoReward, match="2 responses"):
        predict(lambda pairs: [1.0], [_record("p", "a", "b")])
    with pytest.raises(NoReward, match="no comparison"):
        predict(_length, [])
