"""What is trained and measured on: one set of prompts or snippets, no two parts sharing any, in every form."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.kinds import materials as module
from benchmarks.kinds import truth
from benchmarks.kinds.materials import BLOCK, GAP, movies, synthetic
from benchmarks.kinds.settings import SIZES
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Preference, Response

SMOKE = SIZES["smoke"]
MIDDLING = replace(SMOKE, snippets=240, stop_snippets=60, test_snippets=60)


def contents(preferences: Preferences) -> set[object]:
    """Return what was said, whatever was judged about it."""
    return {(record.prompt, response.content) for record in preferences for response in record.responses}


@pytest.fixture(scope="module")
def drawn():
    return synthetic(SMOKE, 0)


@pytest.fixture
def rated(monkeypatch):
    """Made-up snippets with five people's ratings each, in the place of the movie ratings."""
    rng = np.random.default_rng(0)
    votes = rng.integers(-4, 5, (600, 5)) // 2 + rng.integers(-2, 3, (600, 1))
    snippets = [
        Response(
            content=f"snippet {n}", id=f"s{n}", ratings={"rating": float(np.mean(own))}, extra={"votes": own.tolist()}
        )
        for n, own in enumerate(votes)
    ]
    whole = Preferences.of(Preference(prompt="", responses=(one,), id=one.id, source="made up") for one in snippets)
    monkeypatch.setattr(module, "read", lambda source: whole)
    return movies(MIDDLING, 0)


@pytest.mark.parametrize("form", truth.FORMS)
def test_every_form_is_about_the_same_conversations(drawn, form):
    """Only a record whose judgements were all ties is missing where ties are dropped."""
    found, plain = contents(drawn.train(form)), contents(drawn.train("pairs"))

    assert found <= plain if form == "ties dropped" else found == plain


def test_parts_share_no_prompt(drawn):
    """Training, stopping and test are split by prompt; both tests are about the same responses."""
    parts = [contents(part) for part in (drawn.train("pairs"), drawn.stop("pairs"), drawn.test)]
    prompts = [{prompt for prompt, _ in part} for part in parts]

    assert not prompts[0] & prompts[1]
    assert not (prompts[0] | prompts[1]) & prompts[2]
    assert contents(drawn.test_ties) == parts[2]
    assert contents(drawn.stop_pairs) == contents(drawn.stop_ties) == parts[1]


def test_prompts_are_units_of_resampling():
    """No two of many prompts are so alike that they count as one."""
    found = synthetic(replace(SMOKE, test_prompts=500), 0).test

    assert len(set(found.groups.tolist())) == len(found) == 500


def test_the_truth_is_known_of_all_that_is_measured(drawn):
    """A utility for each response, whose sign of difference agrees with most judgements."""
    edges = [
        (record.prompt, record.responses[edge.chosen].content, record.responses[edge.rejected].content)
        for record in drawn.test
        for edge in record.comparisons
    ]
    leads = [drawn.utilities[prompt, chosen] - drawn.utilities[prompt, other] for prompt, chosen, other in edges]

    assert np.mean(np.array(leads) > 0) > 0.6


def test_seeds_draw_other_data(drawn):
    """And the same seed the same."""
    assert synthetic(SMOKE, 0).test.fingerprint == drawn.test.fingerprint
    assert synthetic(SMOKE, 1).test.fingerprint != drawn.test.fingerprint


def test_votes_are_weighed(drawn):
    """Comparisons on which judges are split weigh less than those on which they agree."""
    weights = {edge.weight for record in drawn.train("votes") for edge in record.comparisons}

    assert len(weights) > 1


@pytest.mark.parametrize("form", truth.FORMS)
def test_every_form_is_about_the_same_blocks_of_snippets(rated, form):
    """The blocks are those of the pairs, in records of eight snippets."""
    found, plain = rated.train(form), rated.train("pairs")

    assert contents(found) == contents(plain)
    assert {len(record.responses) for record in found} <= {BLOCK, BLOCK + 1}


def test_snippets_are_in_one_part_each(rated):
    """Training, stopping and test share none."""
    parts = [contents(part) for part in (rated.train("pairs"), rated.stop("pairs"), rated.test)]

    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_comparisons_follow_from_the_ratings(rated):
    """The higher rated is chosen, at least the gap above; closer ones tie, only where ties are asked for."""
    for part, ties in ((rated.test, False), (rated.test_ties, True), (rated.train("ties"), True)):
        (seen,) = {edge.tie for record in part for edge in record.comparisons} - {False} or {False}
        assert seen == ties
        for record in part:
            ratings = [response.ratings["rating"] for response in record.responses]
            leads = np.array([ratings[edge.chosen] - ratings[edge.rejected] for edge in record.comparisons])
            tied = np.array([edge.tie for edge in record.comparisons])
            assert (leads[~tied] >= GAP - 1e-9).all()
            assert (np.abs(leads[tied]) < GAP).all()


def test_a_list_is_all_pairs_of_its_block(rated):
    """Equal means tie; nothing is left unordered."""
    for record in rated.train("rankings"):
        count = len(record.responses)
        assert len(record.comparisons) == count * (count - 1) // 2
        ratings = [response.ratings["rating"] for response in record.responses]
        assert all(edge.tie == (ratings[edge.chosen] == ratings[edge.rejected]) for edge in record.comparisons)


def test_forms_say_what_they_are_named_after(rated):
    """Strengths are differences of ratings, ratings come alone, a tenth is flipped, agreement is weighed."""
    assert not any(record.comparisons for record in rated.train("ratings"))
    assert {edge.strength for record in rated.train("pairs") for edge in record.comparisons} == {None}
    assert min(edge.strength for record in rated.train("margins") for edge in record.comparisons) >= GAP - 1e-9
    assert len({edge.weight for record in rated.train("votes") for edge in record.comparisons}) > 1
    wrong = [
        record.responses[edge.chosen].ratings["rating"] < record.responses[edge.rejected].ratings["rating"]
        for record in rated.train("flipped")
        for edge in record.comparisons
    ]
    assert 0.05 < np.mean(wrong) < 0.15
