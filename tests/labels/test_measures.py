"""Measures of agreement are those of other people's code, on any votes."""

import warnings

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

from plaudit.labels.measures import (
    Fleiss,
    Graded,
    Kappa,
    Krippendorff,
    Measure,
    Percent,
    Same,
    ascending,
    beside_others,
    tables,
)
from plaudit.labels.votes import NoVotes, Votes


def drawn(seed: int, items: int = 40, people: int = 4, missing: float = 0.3) -> Votes:
    """Return votes that agree somewhat, some of them missing."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([-1, 0, 1], items, p=[0.5, 0.2, 0.3])
    item, person = (axis.ravel() for axis in np.indices((items, people)))
    label = np.where(rng.random(item.size) < 0.6, truth[item], rng.integers(-1, 2, item.size))
    kept = rng.random(item.size) >= missing
    names = [f"p{one}" for one in person[kept]]
    return Votes.from_arrays(item[kept], names, label[kept], strength=rng.integers(1, 4, int(kept.sum())))


def value(measure: Measure, votes: Votes) -> float:
    return float(measure.combine(measure.columns(votes).sum(0)))


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(["nominal", "ordinal", "interval"]), st.floats(0, 0.6))
def test_alpha_is_that_of_the_package_krippendorff(seed: int, level: str, missing: float) -> None:
    """On any design, at every level."""
    votes = drawn(seed, missing=missing)
    counts = ascending(votes).astype(int)
    theirs = krippendorff.alpha(value_counts=counts, value_domain=[-1, 0, 1], level_of_measurement=level)

    assert value(Krippendorff(level), votes) == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_alpha_of_strengths_is_that_of_the_package_krippendorff(seed: int) -> None:
    """Labels times strengths, at the interval level."""
    votes = drawn(seed)
    table = np.full((len(votes.annotators), len(votes.items)), np.nan)
    table[votes.annotator, votes.item] = np.where(votes.label == 0, 0, votes.label * votes.strength)
    theirs = krippendorff.alpha(reliability_data=table, level_of_measurement="interval")

    assert value(Graded(), votes) == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_fleiss_is_that_of_statsmodels(seed: int) -> None:
    """On complete designs."""
    votes = drawn(seed, missing=0)

    assert value(Fleiss(), votes) == pytest.approx(fleiss_kappa(ascending(votes)), abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(["none", "linear", "quadratic"]))
def test_cohen_is_that_of_scikit_learn(seed: int, weights: str) -> None:
    """For two annotators, on the items they share, with and without weights."""
    votes = drawn(seed)
    said = {name: {} for name in votes.annotators[:2]}
    for item, person, label in zip(votes.item, votes.annotator, votes.label, strict=True):
        if person < 2:
            said[votes.annotators[person]][item] = label
    one, other = said.values()
    both = sorted(set(one) & set(other))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = cohen_kappa_score(
            [one[at] for at in both],
            [other[at] for at in both],
            labels=[-1, 0, 1],
            weights=None if weights == "none" else weights,
        )
    sums = tables(votes, *votes.annotators[:2]).sum(0)

    assert float(Kappa(weights).combine(sums)) == pytest.approx(theirs, abs=1e-9, nan_ok=True)
    assert float(Same().combine(sums)) == pytest.approx(np.mean([one[at] == other[at] for at in both]))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_percent_agreement_is_the_mean_over_votes_of_the_others_that_say_the_same(seed: int) -> None:
    """Counted vote by vote; the same is on the diagonal of all votes beside all others."""
    votes = drawn(seed, items=12)
    shares = []
    for at in range(len(votes)):
        others = [one for one in range(len(votes)) if one != at and votes.item[one] == votes.item[at]]
        if others:
            shares.append(np.mean([votes.label[one] == votes.label[at] for one in others]))
    beside = beside_others(votes, np.ones(len(votes), bool))

    assert value(Percent(), votes) == pytest.approx(np.mean(shares))
    assert float(Same().combine(beside.sum(0))) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(
    "measure",
    [Krippendorff(level, either_way=True) for level in ("nominal", "ordinal", "interval")]
    + [Graded(either_way=True), Percent()],
    ids=str,
)
def test_either_way_round_the_orientation_of_items_does_not_matter(measure: Measure) -> None:
    """Turning some items round leaves the number; and it is that of the votes taken both ways."""
    votes = drawn(3)
    turned = np.random.default_rng(0).choice([-1, 1], len(votes.items))[votes.item]
    names = [votes.annotators[person] for person in votes.annotator]
    other = Votes.from_arrays(votes.item, names, votes.label * turned, strength=votes.strength)
    both = Votes.from_arrays(
        np.concatenate([votes.item, votes.item + len(votes.items)]),
        names * 2,
        np.concatenate([votes.label, -votes.label]),
        strength=np.tile(votes.strength, 2),
    )
    one_way = type(measure)(measure.level) if isinstance(measure, Krippendorff) else type(measure)()

    assert value(measure, votes) == pytest.approx(value(measure, other))
    assert value(measure, votes) == pytest.approx(value(one_way, both), abs=1e-9)


def test_many_samples_at_once_are_the_samples_one_by_one() -> None:
    """Sums may have any leading axes, as the bootstrap needs."""
    some = [drawn(seed, missing=0) for seed in range(3)]
    for measure in (Percent(), Fleiss(), Graded(), *(Krippendorff(one) for one in ("nominal", "ordinal", "interval"))):
        sums = np.stack([measure.columns(votes).sum(0) for votes in some])
        assert measure.combine(sums).tolist() == pytest.approx([value(measure, votes) for votes in some])


def test_what_has_no_number_is_nan_and_what_does_not_fit_is_refused() -> None:
    """Votes that all say the same have no chance-corrected agreement; Fleiss needs a complete design."""
    same = Votes.from_arrays([0, 0, 1, 1], list("abab"), [1, 1, 1, 1])

    assert np.isnan(value(Krippendorff(), same)) and np.isnan(value(Fleiss(), same))
    assert value(Percent(), same) == 1
    with pytest.raises(NoVotes, match="items have 1 to 2 votes; Fleiss' kappa needs the same number"):
        Fleiss().columns(Votes.from_arrays([0, 0, 1], list("aba"), [1, 1, 1]))
    with pytest.raises(ValueError, match="level must be"):
        Krippendorff("ratio")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights must be"):
        Kappa("cubic")  # type: ignore[arg-type]
