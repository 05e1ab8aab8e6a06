"""Agreement of all, of each, of each two and over time; on real votes it is what other code finds."""

import json
from pathlib import Path

import krippendorff
import numpy as np
import pytest

from plaudit.labels.agreement import agreement
from plaudit.labels.bootstrap import estimate
from plaudit.labels.measures import Percent
from plaudit.labels.votes import NoVotes, Votes
from plaudit.preferences.reading import read


def answers(accuracy: dict[str, float], items: int = 200, seed: int = 0, late: int = 0) -> Votes:
    """Return votes on items with a known truth; from item ``late`` on, if it is not 0, everybody guesses."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([-1, 1], items)
    rows = [
        (item, name, truth[item] if rng.random() < (right if not late or item < late else 0.5) else -truth[item])
        for item in range(items)
        for name, right in accuracy.items()
    ]
    item, name, label = zip(*rows, strict=True)
    return Votes.from_arrays(item, name, label, time=np.array(item) * 60.0)


def test_the_one_who_guesses_is_seen() -> None:
    """Against the others, each careful annotator agrees surely more than the one who guesses, who is at chance."""
    found = agreement(answers({"ann": 0.95, "bob": 0.95, "cyd": 0.95, "zoe": 0.5}), by="annotator")
    kappas = {part.name: part.figures["kappa"] for part in found.parts}

    assert kappas["zoe"].low < 0 < kappas["zoe"].high
    assert all(kappas[name].low > kappas["zoe"].high for name in ("ann", "bob", "cyd"))
    assert found.annotators == 4 and found.votes == 800 and found.shared == found.items == 200


def test_pairs_are_those_who_met_and_times_those_when_agreement_fell() -> None:
    """By pair each two annotators with their shared items; by time a fall is seen in the window where it was."""
    votes = answers({"ann": 0.95, "bob": 0.95, "cyd": 0.95}, late=100)
    lonely = votes.select((votes.annotator != 2) | (votes.item < 50))

    assert [(part.name, part.items) for part in agreement(lonely, by="pair").parts] == [
        ("ann × bob", 200), ("ann × cyd", 50), ("bob × cyd", 50),
    ]  # fmt: skip
    windows = agreement(votes, by="time", windows=2).parts
    assert [part.votes for part in windows] == [300, 300]
    assert windows[0].name == "1970-01-01 00:00:00 to 1970-01-01 01:39:30"
    assert windows[0].figures["kappa"].low > windows[1].figures["kappa"].high


def test_ties_may_be_left_out_and_repeats_always_are() -> None:
    """Dropped ties and second votes are counted by reason."""
    votes = Votes.from_arrays([0, 0, 0, 1, 1], list("aabab"), [1, -1, 1, 0, 1])
    found = agreement(votes, ties="drop", resamples=100)

    assert found.left_out == {"votes of an annotator on an item after the first": 1, "ties": 1}
    assert found.votes == 3 and found.shared == 1
    assert json.dumps(found.to_json(), allow_nan=False)


def test_an_interval_covers_as_often_as_it_says() -> None:
    """Of 150 samples with a known expected agreement, 95 % intervals miss about one in twenty."""
    hits = 0
    for seed in range(150):
        votes = answers({"a": 0.8, "b": 0.8, "c": 0.8}, items=60, seed=seed)
        group = votes.items.group
        found = estimate(Percent().columns(votes), Percent().combine, group, resamples=100, share=True)
        hits += found.low <= 0.68 <= found.high
    assert 0.90 <= hits / 150 <= 0.985


def test_unanimity_and_few_items_say_why_they_have_no_interval() -> None:
    """Percent agreement of 1 has an exact interval, alpha none; of few items nothing has."""
    same = answers({"a": 1.0, "b": 1.0}, items=30)
    found = agreement(same).figures

    assert found["percent"].value == 1 and 0.8 < found["percent"].low < 1
    assert found["alpha_nominal"].value == 1 and found["alpha_nominal"].reason == "it is the same in every resample"
    assert "5 groups; an interval needs" in agreement(answers({"a": 1, "b": 0.5}, items=5)).figures["percent"].reason


def test_votes_that_nobody_shares_have_no_agreement() -> None:
    """So do unknown options, too few windows and votes without times."""
    with pytest.raises(NoVotes, match="no two annotators judged the same responses"):
        agreement(Votes.from_arrays([0, 1], ["a", "b"], [1, 1]))
    shared = Votes.from_arrays([0, 0], ["a", "b"], [1, 1])
    with pytest.raises(NoVotes, match="no vote says when"):
        agreement(shared, by="time")
    with pytest.raises(ValueError, match="by must be one of annotator, pair, time"):
        agreement(shared, by="mood")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="windows must be 1 or more"):
        agreement(shared, by="time", windows=0)
    with pytest.raises(ValueError, match="at least 100 resamples"):
        agreement(shared, resamples=10)


def package_alpha(votes: Votes) -> float:
    """Return the nominal alpha of a table of annotators and items by the package krippendorff."""
    table = np.full((len(votes.annotators), len(votes.items)), np.nan)
    table[votes.annotator, votes.item] = votes.label
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))


@pytest.mark.slow
def test_real_votes_have_the_alphas_that_were_published_of_them(shared_data: Path) -> None:
    """Pandalm 0.864 and people in mt_bench 0.422, also by the package krippendorff on a table of who said what.

    Either way round mt_bench has more: its responses are sorted by the models' names, and the second wins more often.
    """
    pandalm = Votes.of(read(shared_data / "pandalm.annotations.jsonl.gz", on_flaw="keep"))
    bench = Votes.of(read(shared_data / "mt_bench_human.annotations.jsonl.gz", on_flaw="keep")).without("gpt4_pair")
    for votes, published in ((pandalm, 0.864), (bench, 0.422)):
        found = agreement(votes, resamples=500).figures
        assert round(found["alpha_nominal"].value, 3) == published
        assert found["alpha_nominal"].value == pytest.approx(package_alpha(votes.listed()))
        assert found["alpha_nominal"].low < published < found["alpha_nominal"].high
    assert round(found["alpha_nominal_either_way"].value, 3) == 0.496
    assert agreement(pandalm, resamples=100).figures["fleiss"].value == pytest.approx(0.864, abs=5e-4)
