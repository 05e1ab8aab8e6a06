"""What a set holds, and what objectives would miss in it."""

from dataclasses import replace

import numpy as np
import pytest

from plaudit.encoding.facts import DataFacts, Rated, Unlisted, data_facts
from tests.objectives.known import ranked
from tests.training.tiny import preferences

RATED = {"brief": Rated(3, 1.0, 4.0), "true": Rated(1200, 0.0, 1.0)}


def test_counts_what_is_there() -> None:
    """Comparisons of weight 0 are not counted; ratings come with their ranges."""
    encoded = ranked(10)
    silent = replace(encoded, weight=np.where(np.arange(60) < 6, 0.0, 1.0).astype(np.float32))
    facts = data_facts(silent)
    assert (facts.records, facts.comparisons, facts.lists, facts.pairs) == (10, 54, 9, 0)
    assert facts.ties == encoded.tie[6:].sum() > 0
    assert facts.unordered == facts.cyclic == Unlisted()
    assert facts.strengths == 0
    quality = encoded.ratings[:, 1]
    assert facts.ratings["quality"] == Rated(40, float(quality.min()), float(quality.max()))
    assert facts.ratings["length"].responses == np.isfinite(encoded.ratings[:, 0]).sum() < 40
    stated = replace(encoded, strength=np.arange(60, dtype=np.float32))
    assert data_facts(stated).strengths == 59


def test_an_attribute_that_nobody_has_is_not_there() -> None:
    """A column of NaN, and a set of nothing."""
    encoded = ranked(2)
    ratings = encoded.ratings.copy()
    ratings[:, 0] = np.nan
    facts = data_facts(replace(encoded, ratings=ratings))
    assert facts.rated == ("quality",)
    assert list(facts.ratings) == ["length", "quality"]
    assert facts.ratings["length"].responses == 0
    assert data_facts(preferences(3, comparisons=0)) == DataFacts(records=3)


def test_records_without_a_list_are_counted_and_the_first_is_named() -> None:
    """Unordered ones, and cyclic ones."""
    encoded = ranked(4)
    tie, chosen, rejected = np.zeros(24, bool), encoded.chosen.copy(), encoded.rejected.copy()
    chosen[[6, 7, 8]], rejected[[6, 7, 8]] = [4, 5, 6], [5, 6, 4]
    weight = np.ones(24, np.float32)
    weight[13:18] = weight[19:24] = 0
    spoilt = replace(encoded, tie=tie, chosen=chosen, rejected=rejected, weight=weight)
    facts = data_facts(spoilt, names=["a", "b", "c", "d"])
    assert facts.cyclic == Unlisted(1, "b")
    assert (facts.lists, facts.pairs) == (1, 2)
    assert facts.missing_lists == (
        "it needs records without contradictions, and the comparisons of record b go round in a circle"
    )
    chain = preferences(5, comparisons=2, responses=4, seed=2)
    facts = data_facts(chain)
    assert facts.unordered.records > 1
    assert facts.unordered.first.isdecimal()
    assert f"{facts.unordered.records} records, the first of them {facts.unordered.first}," in facts.missing_lists


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (DataFacts(comparisons=3, lists=1), ""),
        (DataFacts(), "there are no comparisons"),
        (DataFacts(comparisons=2, pairs=2), "none of 2 compared records has three responses in order, only two"),
        (DataFacts(comparisons=9, lists=2, unordered=Unlisted(1, "x")), "record x leave responses neither ordered nor"),
    ],
)
def test_what_lists_need(facts: DataFacts, missing: str) -> None:
    """Three responses in order somewhere, and no record without an order."""
    assert missing in facts.missing_lists
    assert bool(missing) == bool(facts.missing_lists)


@pytest.mark.parametrize(
    ("facts", "attributes", "missing"),
    [
        (DataFacts(ratings={"a": RATED["brief"]}), (), ""),
        (DataFacts(ratings=RATED), ("true",), ""),
        (DataFacts(ratings=RATED), ("true", "brief"), ""),
        (DataFacts(), (), "it needs rated responses, and there are none"),
        (DataFacts(ratings=RATED), (), r"must name which of the ratings it learns: brief (3 responses), true (1,200"),
        (DataFacts(ratings={"none": Rated(0, 0.0, 0.0)}), ("none",), "it needs rated responses, and there are none"),
        (DataFacts(ratings={**RATED, "none": Rated(0, 0.0, 0.0)}), ("none",), "no response has a rating none"),
        (DataFacts(ratings=RATED), ("kind",), "no response has a rating kind; ratings that there are: brief (3"),
        (DataFacts(ratings=RATED, columns=1), ("true", "brief"), "its columns are: 1 without names"),
        (DataFacts(ratings=RATED, columns=3), ("true", "brief"), ""),
        (DataFacts(ratings=RATED, outputs=("reward", "brief", "true")), ("true", "brief"), "reward, brief, true"),
        (DataFacts(ratings=RATED, outputs=("reward", "true", "brief")), ("true", "brief"), ""),
    ],
)
def test_what_ratings_need(facts: DataFacts, attributes: tuple[str, ...], missing: str) -> None:
    """The attributes that are asked for, and a model that predicts each."""
    assert missing in facts.missing_ratings(attributes)
    assert bool(missing) == bool(facts.missing_ratings(attributes))
