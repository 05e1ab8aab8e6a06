"""What every way of making labels of votes must keep."""

from functools import cache

import numpy as np
import pytest

from plaudit import config, members
from plaudit.labels.aggregation import Aggregated
from plaudit.labels.votes import Votes
from tests.labels.crowds import Crowd, crowd

NAMES = members.names("aggregation")
SETTINGS = {"mace": {"restarts": 2, "iterations": 25}, "glad": {"iterations": 4}, "dawid_skene": {"iterations": 15}}
SLOW = {"mace", "glad"}
EVERY = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in NAMES]
SAME = {"mace": 0.05, "glad": 0.02}
"""How far apart two fits of the same votes may be that begin or end elsewhere."""


@cache
def people() -> Crowd:
    return crowd()


def aggregated(name: str, votes: Votes) -> Aggregated:
    method = config.build_kind("aggregation", {"name": name, **SETTINGS.get(name, {})}, "aggregation")
    found = method(votes)
    assert isinstance(found, Aggregated)
    return found


@cache
def of_the_crowd(name: str) -> Aggregated:
    return aggregated(name, people().votes)


def renamed(votes: Votes, order: np.ndarray, sign: np.ndarray) -> Votes:
    """Return the votes in another order, each item turned by ``sign`` [I]."""
    names = [votes.annotators[person] for person in votes.annotator[order]]
    turned = sign[votes.item[order]]
    swapped = np.where(turned < 0, 1 - votes.swapped[order], votes.swapped[order])
    return Votes.from_arrays(votes.item[order], names, votes.label[order] * turned, swapped=swapped)


@pytest.mark.parametrize("name", EVERY)
def test_rows_are_probabilities_and_skills_shares(name: str) -> None:
    """Each item has three numbers from 0 to 1 that add up to 1; skills are from 0 to 1, one an annotator."""
    found, votes = of_the_crowd(name), people().votes

    assert found.probabilities.shape == (len(votes.items), 3)
    assert (found.probabilities >= 0).all() and np.allclose(found.probabilities.sum(1), 1)
    for values in (found.skill, found.bias):
        assert values is None or (values.shape == (7,) and ((values >= 0) & (values <= 1)).all())


@pytest.mark.parametrize("name", EVERY)
def test_the_truth_is_found_and_who_guesses_is_trusted_least(name: str) -> None:
    """Five votes an item, two of seven people at random: nearly all labels are right, both have the least skill."""
    found, crowded = of_the_crowd(name), people()
    right = (1 - found.probabilities.argmax(1)) == crowded.truth

    assert right.mean() >= 0.9
    if found.skill is not None:
        least = {crowded.votes.annotators[place] for place in np.argsort(found.skill)[:2]}
        assert least == set(crowded.guessing)


@pytest.mark.parametrize("name", EVERY)
def test_order_and_orientation_do_not_matter(name: str) -> None:
    """Votes in another order, half of the items turned round: the same probabilities, turned round with them."""
    rng = np.random.default_rng(1)
    votes = people().votes
    sign = rng.choice([1, -1], len(votes.items))
    other = aggregated(name, renamed(votes, rng.permutation(len(votes)), sign)).probabilities
    other = np.where(sign[:, None] < 0, other[:, ::-1], other)

    assert np.abs(other - of_the_crowd(name).probabilities).max() < SAME.get(name, 1e-3)


@pytest.mark.parametrize("name", EVERY)
def test_small_and_onesided_votes_have_labels_too(name: str) -> None:
    """One vote, all ties, everybody of one mind: finite, and the label is what was said."""
    for said in ([1], [0, 0, 0], [-1, -1, -1, -1]):
        votes = Votes.from_arrays([at // 2 for at in range(len(said))], [f"p{at % 2}" for at in range(len(said))], said)
        found = aggregated(name, votes).probabilities

        assert np.isfinite(found).all() and np.allclose(found.sum(1), 1)
        assert (1 - found.argmax(1) == said[0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_checked(name: str) -> None:
    """A number of 0 where it makes no sense is refused with what would be right."""
    first = next(iter(config.settings(members.load("aggregation", name)).model_fields))

    with pytest.raises(config.BadConfiguration, match=f"{first} must be a finite number above 0, not 0"):
        config.build_kind("aggregation", {"name": name, first: 0}, "aggregation")
