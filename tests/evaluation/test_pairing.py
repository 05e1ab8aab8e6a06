"""Models are lined up by what is compared, and what is not the same comparison is named."""

from dataclasses import replace

import numpy as np
import pytest

from plaudit.evaluation.pairing import NotPaired, pair
from plaudit.predictions import Predictions


def scored(seed: int = 0, prompts: int = 30, **changed: object) -> Predictions:
    """Two comparisons of three responses a prompt, each response with an id, a length and a margin variance."""
    rng = np.random.default_rng(seed)
    count = 3 * prompts
    first = 3 * np.arange(prompts)
    same = np.random.default_rng(99)
    plain = Predictions(
        rewards=rng.normal(size=count),
        chosen=np.concatenate([first, first]),
        rejected=np.concatenate([first + 1, first + 2]),
        outcome=np.where(np.arange(2 * prompts) % 7 == 0, 0.5, 1.0),
        weight=np.ones(2 * prompts),
        strength=np.full(2 * prompts, np.nan),
        margin_variance=rng.random(2 * prompts),
        response_group=np.arange(count) // 3,
        lengths=same.integers(1, 99, count),
        ids=tuple(f"r{number}" for number in range(count)),
        parts={"humor": rng.normal(size=count)},
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def shuffled(predictions: Predictions, seed: int = 0) -> Predictions:
    """The same comparisons in another order, their responses and groups numbered anew, ties the other way round."""
    rng = np.random.default_rng(seed)
    moved = predictions.select(rng.permutation(len(predictions)))
    places = rng.permutation(moved.rewards.size)
    back = np.argsort(places)
    turned = (moved.outcome == 0.5) & (rng.random(len(moved)) < 0.5)
    chosen, rejected = back[moved.chosen], back[moved.rejected]
    return replace(
        moved,
        rewards=moved.rewards[places],
        variance=moved.variance[places],
        lengths=moved.lengths[places],
        response_group=1000 - moved.response_group[places],
        ids=tuple(moved.ids[place] for place in places),
        parts={name: column[places] for name, column in moved.parts.items()},
        chosen=np.where(turned, rejected, chosen),
        rejected=np.where(turned, chosen, rejected),
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_order_is_lined_up_exactly(seed: int) -> None:
    """Whatever the order and numbering, every number of every comparison comes back to its place."""
    one, other = scored(0), scored(1)
    paired = pair({"a": one, "b": shuffled(other, seed)})
    found = paired.models["b"]

    assert (paired.by, dict(paired.left_out)) == ("ids", {"a": 0, "b": 0})
    for name in ("rewards", "chosen", "rejected", "outcome", "response_group", "lengths", "margin_variance"):
        np.testing.assert_array_equal(getattr(found, name), getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(found.parts["humor"], other.parts["humor"])
    np.testing.assert_array_equal(paired.models["a"].rewards, one.rewards)


def test_what_one_lacks_is_named_or_left_out_and_counted() -> None:
    """A missing comparison is refused by the ids of its sides; on request the shared ones are kept and counted."""
    one, other = scored(0), shuffled(scored(1).select(np.arange(5, 60)))
    with pytest.raises(NotPaired, match="a has 'r0' tied with 'r1' and b has not; 55 comparisons are shared"):
        pair({"a": one, "b": other})
    paired = pair({"a": one, "b": other, "c": scored(2).select(np.arange(50))}, shared_only=True)

    assert {name: len(own) for name, own in paired.models.items()} == {"a": 45, "b": 45, "c": 45}
    assert dict(paired.left_out) == {"a": 15, "b": 10, "c": 5}
    np.testing.assert_array_equal(paired.models["b"].margins, scored(1).select(np.arange(5, 50)).margins)


def test_nothing_shared_is_refused() -> None:
    """Without one comparison in common there is nothing to compare."""
    with pytest.raises(NotPaired, match="no comparison is in all of a, b"):
        pair({"a": scored().select([1, 2]), "b": scored().select([3, 4])}, shared_only=True)


def test_opposite_labels_are_not_the_same_comparison() -> None:
    """Where one file says the other response won, the message says so."""
    turned = scored(1, chosen=np.r_[scored().chosen[:-1], 89], rejected=np.r_[scored().rejected[:-1], 87])
    with pytest.raises(NotPaired, match="a has 'r87' over 'r89' and b has it the other way round"):
        pair({"a": scored(), "b": turned})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"weight": np.full(60, 2.0)}, "weight"),
        ({"lengths": np.arange(1, 91)}, "lengths of the same ids, such as 'r0'"),
        ({"response_group": np.arange(90) // 6}, "response_group"),
        ({"by_response": True}, "by_response"),
    ],
)
def test_what_disagrees_about_the_same_ids_is_named(changed: dict[str, object], named: str) -> None:
    """Weights, lengths, groups and the unit must agree; which of them does not is said."""
    with pytest.raises(NotPaired, match=f"a and b differ in {named}"):
        pair({"a": scored(), "b": scored(1, **changed)})


def test_without_ids_the_order_is_what_there_is() -> None:
    """The same numbers in the same order are taken for the same comparisons and it is said; other lengths are not."""
    one, other = scored(0, ids=()), scored(1)
    assert pair({"a": one, "b": other}).by == "position"
    with pytest.raises(NotPaired, match="a and b differ in chosen, and a has no ids to match comparisons by"):
        pair({"a": one, "b": other.select(np.arange(59))})
    with pytest.raises(NotPaired, match="differ in lengths"):
        pair({"a": one, "b": replace(other, lengths=other.lengths + 1)})
    assert pair({"a": one, "b": replace(other, lengths=np.zeros(90, int))}).by == "position"


def test_ids_that_repeat_do_not_match_anything() -> None:
    """An id of several responses cannot tell comparisons apart, so another order is refused, the same one is not."""
    names = ("r1", *scored().ids[1:])
    one, other = scored(0, ids=names), scored(1, ids=names)
    assert pair({"a": one, "b": other}).by == "ids"
    with pytest.raises(NotPaired, match="a calls several responses 'r1'"):
        pair({"a": one, "b": other.select(np.arange(59, -1, -1))})


def test_votes_on_the_same_responses_are_matched_in_order() -> None:
    """Three votes on the same two responses stay three, and a fourth is one too many."""
    places = np.repeat(np.arange(60), 3)
    one, other = scored(0).select(places), scored(1).select(places)
    paired = pair({"a": one, "b": shuffled(other)})
    np.testing.assert_array_equal(paired.models["b"].margins, other.margins)
    with pytest.raises(NotPaired, match="180 comparisons are shared"):
        pair({"a": one, "b": other.select([*range(180), 0])})


def test_one_model_is_no_comparison() -> None:
    """There must be two."""
    with pytest.raises(NotPaired, match="two models or more can be compared, not 1"):
        pair({"a": scored()})
