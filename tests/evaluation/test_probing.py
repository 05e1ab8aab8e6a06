"""Running all probes: one scorer, nothing scored twice, one correction, and probes from elsewhere."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from plaudit import members
from plaudit.evaluation.finding import Finding, Score
from plaudit.evaluation.probing import correct, probe_all
from plaudit.predictions import Floats
from plaudit.preferences.preference import Content, Preference
from tests.honest import honest, said, scorer, world

WORLD = world(7, 60)


class Shouting:
    """A probe from elsewhere: more capitals in what people chose."""

    def __call__(self, preferences: Sequence[Preference], score: Score) -> Finding:
        pairs = [(one.prompt, one.responses[one.comparisons[0].rejected].content) for one in preferences]
        loud = [(prompt, said(response).upper()) for prompt, response in pairs]
        change = float(np.mean(score(loud) - score(pairs)))
        return Finding(probe="shouting", title="capitals pay", done="Rejected in capitals.", p=float(change <= 0))


class Wrong:
    """A probe that returns something else."""

    def __call__(self, preferences: Sequence[Preference], score: Score) -> float:
        return 0.0


def test_all_probes_together_score_each_conversation_once() -> None:
    """Probes share what they have in common; all of them on the default limit stay near 5,000 conversations."""
    calls: list[tuple[Content, Content]] = []

    def score(conversations: Sequence[tuple[Content, Content]]) -> Floats:
        calls.extend(conversations)
        return scorer(honest(0.5))(conversations)

    probed = probe_all(world(7, 220), score, resamples=100)
    assert len(calls) == len(set(calls)) == probed.conversations
    assert probed.pairs == 200
    assert 3000 < probed.conversations < 5000
    assert [one.probe for one in probed.findings] == members.names("probes")
    assert probed.found == ()
    assert set(probed.corrected) == set(members.names("probes"))


def test_the_correction_is_holms() -> None:
    """Sorted p-values are multiplied by how many are left and never fall; against a loop."""
    p = dict(zip("abcd", [0.01, 0.04, 0.005, 0.5], strict=True))
    expected, last = {}, 0.0
    for place, (name, own) in enumerate(sorted(p.items(), key=lambda each: each[1])):
        last = max(last, min(1.0, (len(p) - place) * own))
        expected[name] = last
    assert correct(p) == pytest.approx(expected)
    assert correct({}) == {}


def test_probes_alone_find_what_they_find_together() -> None:
    """A probe gets the same pairs and gives the same numbers whatever runs beside it."""
    score = scorer(honest(0.5))
    alone = probe_all(WORLD, score, ["gibberish"], resamples=100).findings[0]
    beside = probe_all(WORLD, score, ["length", "gibberish"], resamples=100).findings[1]
    assert alone == beside
    assert members.load("probes", "gibberish")(resamples=100)(WORLD, score) == alone


def test_probes_from_elsewhere_run_on_their_own_data() -> None:
    """A class by module and name, or an object, gets the drawn pairs and takes part in the correction."""
    name = f"{__name__}:Shouting"
    loud = scorer(
        lambda prompt, response: float(sum(word.isupper() and len(word) > 1 for word in said(response).split()))
    )
    probed = probe_all(WORLD, loud, [name, "length"], resamples=100)
    assert [one.probe for one in probed.findings] == [name, "length"]
    assert probed.found == (name,)
    assert probe_all(WORLD, loud, {"mine": Shouting()}).found == ("mine",)


def test_bad_input_is_refused() -> None:
    """Unknown probes, levels and limits that make no sense, what is no finding, and lost rewards."""
    score = scorer(honest(0.5))
    with pytest.raises(members.UnknownKind, match="'nothing' is not one of the probes; known: confidence"):
        probe_all(WORLD, score, ["nothing"])
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="level is above 0 and below 1"):
            probe_all(WORLD, score, [], level=level)
    with pytest.raises(ValueError, match="at least 20 pairs, not a limit of 3"):
        probe_all(WORLD, score, limit=3)
    with pytest.raises(TypeError, match="probe 'mine' returned float; a probe returns a Finding"):
        probe_all(WORLD, score, {"mine": Wrong()})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="returned shape"):
        probe_all(WORLD, lambda conversations: np.zeros(3), ["length"])


def test_the_record_is_plain_json() -> None:
    """Findings by name, with corrected p-values, and the reasons of those that do not apply."""
    probed = probe_all(world(7, 60, prompts=False), scorer(honest(0.5)), ["sycophancy", "length"], resamples=100)
    record = json.loads(json.dumps(probed.to_json(), allow_nan=False))
    assert record["findings"]["sycophancy"]["reason"] == "the data has no prompts"
    assert record["findings"]["sycophancy"]["corrected"] is None
    assert record["findings"]["length"]["corrected"] == probed.corrected["length"]
    assert record["conversations"] == probed.conversations
