"""What is shipped says of margins what was fitted, survives being written, and refuses what it did not write."""

import copy
import json
import math

import numpy as np
import pytest
from scipy.special import expit

from plaudit.calibration.adjustment import ADJUSTED, LengthAdjustment
from plaudit.calibration.calibrators import Fitted, Identity, choose
from plaudit.calibration.conformal import Abstention
from plaudit.calibration.lengths import cross_adjusted, fit
from plaudit.calibration.shipped import Meaning, NotShipped, Shipped, described, raw_chance
from plaudit.predictions import Predictions
from tests.calibration.test_lengths import paid_by_length


def fitted(kind: str) -> Fitted:
    """A map of one kind, fitted to 200 overconfident comparisons."""
    rng = np.random.default_rng(0)
    margins = np.abs(rng.normal(0, 2, 200))
    won = rng.random(200) < expit(margins)
    overconfident = Predictions.from_pairs(np.where(won, 4 * margins, -4 * margins), np.zeros(200))
    return choose([kind])[kind].fit(overconfident)


def shipped(kind: str = "temperature", adjusted: bool = True) -> Shipped:
    """A calibration of the model ``a1``."""
    length = LengthAdjustment(lengths=[10.0, 100.0], rewards=[0.0, 1.0], mean=0.5)
    own = Meaning(calibrator=Identity(), sentence="none helped")
    raw = Meaning(calibrator=fitted(kind), abstention=Abstention(0.1, 1.5, 99), sentence="it helps")
    recipe = {"data": {"comparisons": 1200, "groups": 99}, "length": "it costs 0.1"}
    return Shipped(model="a1", recipe=recipe, raw=raw, length=(length, own) if adjusted else None)


@pytest.mark.parametrize("kind", ["temperature", "platt", "beta", "isotonic", "histogram"])
@pytest.mark.parametrize("adjusted", [True, False])
def test_what_is_written_is_read_back(kind: str, adjusted: bool) -> None:
    """Through JSON every kind keeps its probabilities, its rule and its adjustment to the last bit."""
    before = shipped(kind, adjusted)
    after = Shipped.of_record(json.loads(json.dumps(before.record())))
    margins = np.linspace(-9, 9, 37)

    assert after.raw.calibrator.probability(margins).tolist() == fitted(kind).probability(margins).tolist()
    assert [after.raw.chance(m) for m in margins] == [before.raw.chance(m) for m in margins]
    assert after.record() == before.record()
    assert (after.adjustment is not None) == adjusted
    if after.adjustment is not None:
        assert after.adjustment.adjusted([2.0, 2.0], [10, 5000]).tolist() == [2.5, 1.5]


def test_a_chance_is_the_maps_and_the_rules() -> None:
    """The probability is the map's, turned round with the sides, and it is decided where the margin is above θ."""
    own = shipped()
    for margin in (0.0, 0.4, 1.5, 1.6, 7.0):
        one, other = own.raw.chance(margin), own.raw.chance(-margin)
        assert one.probability == fitted("temperature").probability([margin])[0]
        assert one.probability + other.probability == pytest.approx(1, abs=1e-15)
        assert (one.decided, other.decided, one.error, one.kind) == (margin > 1.5, margin > 1.5, 0.1, "temperature")
    assert own.of("length").chance(1.0).probability == expit(1.0)
    assert own.of("length").chance(1.0).decided is None


def test_without_a_calibration_a_chance_says_so() -> None:
    """The sigmoid, no kind, no rule, and words for each of the three cases."""
    found = raw_chance(1.0)
    assert (found.probability, found.kind, found.decided, found.error) == (expit(1.0), "", None, None)
    assert math.isnan(raw_chance(math.nan).probability)
    assert described("").startswith("not calibrated: the sigmoid of the raw margin")
    assert "no calibrator helped" in described("identity")
    assert described("beta") == "calibrated (beta)"


def test_an_adjustment_that_is_not_shipped_is_asked_for_in_vain() -> None:
    """The message says why there is none."""
    bare = Shipped(model="a1", recipe={"length": "not adjusted: no lengths are known"}, raw=shipped().raw)
    with pytest.raises(NotShipped, match="no lengths are known"):
        bare.of("length")
    assert "no lengths are known" in bare.lines()[-1]


def _edited(path: tuple[str, ...], value: object) -> dict[str, object]:
    record = copy.deepcopy(shipped().record())
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({}, "format None; this plaudit reads format 1"),
        (_edited(("format",), 2), "format 2"),
        (_edited(("raw", "calibrator", "factor"), 9.0), "edited after it was written"),
        (_edited(("raw", "abstention", "threshold"), 0.0), "edited after it was written"),
        (_edited(("length",), None), "edited after it was written"),
        (_edited(("model",), "b2"), "edited after it was written"),
        (_edited(("more",), 1), "holds"),
        (_edited(("sha256",), None), "edited after it was written"),
    ],
)
def test_what_it_did_not_write_is_refused(record: dict[str, object], words: str) -> None:
    """Other formats, other fields and every edit of a value are refused by name."""
    with pytest.raises(ValueError, match=words):
        Shipped.of_record(record)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"calibrator": {"kind": "spline"}, "abstention": None, "sentence": ""}, "'spline' is not one of"),
        ({"calibrator": {"kind": "temperature"}, "abstention": None, "sentence": ""}, "holds"),
        ({"calibrator": None, "abstention": None, "sentence": ""}, "holds no calibration"),
        ({"calibrator": {"kind": "temperature", "factor": -1.0}, "abstention": None, "sentence": ""}, "from 0"),
        ({"calibrator": {"kind": "identity"}, "abstention": {"error": 0.1}, "sentence": ""}, "abstention"),
        ({}, "what margins mean"),
        (7, "holds no calibration"),
    ],
)
def test_a_record_whose_hash_is_right_is_still_read_with_care(raw: object, words: str) -> None:
    """A record that somebody made up, hash and all, is refused by the field that is wrong."""
    made = Shipped(model="a1", recipe={}, raw=shipped().raw)
    record = made.record() | {"raw": raw}
    from plaudit.calibration import shipped as module

    record["sha256"] = module._digest({name: value for name, value in record.items() if name != "sha256"})
    with pytest.raises(ValueError, match=words):
        Shipped.of_record(record)


def test_adjusted_predictions_say_that_they_are() -> None:
    """So that nobody adjusts them a second time."""
    scored = paid_by_length(0, 60)
    assert cross_adjusted(scored).model == ADJUSTED
    assert fit(scored).apply(scored).model == ADJUSTED
    assert scored.model == "" and scored.select([0]).model == ""
