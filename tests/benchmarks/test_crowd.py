"""The benchmark of crowds measures what it says, on reviews made up for the test."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks.crowd import Reviews, Setting, beside, credited, measured, trained, voted


@pytest.fixture(scope="module")
def made_up() -> Reviews:
    """400 reviews whose rating is a linear function of ten features, each rated by fifteen people."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 10))
    means = features @ rng.normal(size=10)
    ratings = tuple(mean + rng.normal(0, 1, 15) for mean in means)
    return Reviews(
        tuple(f"r{at}" for at in range(400)), ratings, csr_matrix(features), np.arange(300), np.arange(300, 400)
    )


def test_credits_are_those_of_the_true_order(made_up: Reviews) -> None:
    """Without guessing, single votes are mostly right; turned truth turns the credits."""
    votes, pairs = voted(made_up, Setting(pairs=100, guessing=0.0, each=1), 0)
    truth = made_up.means[pairs[:, 0]] - made_up.means[pairs[:, 1]]

    assert credited(votes, truth).mean() > 0.85
    assert credited(votes, -truth) == pytest.approx(1 - credited(votes, truth))
    assert np.intersect1d(pairs, made_up.test).size == 0


def test_a_model_of_votes_orders_what_it_has_not_seen(made_up: Reviews) -> None:
    """The linear truth is learned from pairs of other reviews."""
    votes, pairs = voted(made_up, Setting(pairs=150, guessing=0.3), 1)
    rewards = trained(made_up, votes, pairs)

    assert np.corrcoef(rewards[made_up.test], made_up.means[made_up.test])[0, 1] > 0.9


def test_arms_are_set_beside_their_references(made_up: Reviews) -> None:
    """Every arm has its share of right answers, all but the reference what they gain, with intervals."""
    labels, rewards = measured(made_up, Setting(pairs=100), 0, ("noisy_bradley_terry",))
    found = beside(labels, "majority")

    assert set(rewards) == {"votes", "majority", "noisy_bradley_terry"}
    assert set(found["majority"]) == {"right"} and set(found["noisy_bradley_terry"]) == {"right", "gained"}
    assert found["majority"]["right"].value == labels["majority"].mean()
    gained = found["noisy_bradley_terry"]["gained"]
    assert gained.low <= gained.value <= gained.high
