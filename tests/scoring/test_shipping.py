"""A calibration lies in an artefact whole or not at all, belongs to one model, and leaves the rest as it was."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from plaudit.calibration.adjustment import ADJUSTED, LengthAdjustment
from plaudit.calibration.calibrators.temperature import Scaled
from plaudit.calibration.conformal import Abstention
from plaudit.calibration.shipped import Meaning, NotShipped, Shipped
from plaudit.predictions import Predictions
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.scoring import shipping
from plaudit.scoring.contract import CALIBRATION, CANARIES, BadArtefact
from plaudit.scoring.convert import convert
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import verify

Copied = Callable[[str], Path]
QUESTION, ANSWERS = (
    "How do I boil an egg?",
    ["Eggs.", "In water.", "Put it into a pot of water, I would say, and wait."],
)


def calibration(folder: Path, pay: float = 0.0, threshold: float = 0.0) -> Shipped:
    """A temperature of 2, a rule, and an adjustment that takes ``pay`` for each unit of log-length."""
    lengths = np.array([0.0, 10.0, 100.0, 1000.0])
    adjustment = LengthAdjustment(lengths=lengths, rewards=pay * np.log1p(lengths), mean=0.25)
    raw = Meaning(calibrator=Scaled(0.5), abstention=Abstention(0.1, threshold, 99), sentence="it helps")
    own = Meaning(calibrator=Scaled(0.25), sentence="it helps too")
    return Shipped(model=shipping.identity(folder), recipe={"length": "x"}, raw=raw, length=(adjustment, own))


def _digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_putting_and_removing_touch_two_files(copied: Copied) -> None:
    """Only the calibration and the card change; removed, the folder is byte for byte what it was."""
    folder = copied("llama")
    before = _digests(folder)
    shipping.put(folder, calibration(folder))
    during = _digests(folder)

    assert {name for name in during if during[name] != before.get(name)} == {CALIBRATION, "README.md"}
    assert "`AutoModelForSequenceClassification` gives the same rewards with it" in (folder / "README.md").read_text()
    assert shipping.remove(folder) is True
    assert _digests(folder) == before
    assert shipping.remove(folder) is False


def test_who_loads_it_with_transformers_sees_no_change(copied: Copied) -> None:
    """The class gives the same logits with the calibration there and without it."""
    folder, ids = copied("llama"), torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = AutoModelForSequenceClassification.from_pretrained(folder)(ids).logits
        shipping.put(folder, calibration(folder, pay=3.0))
        after = AutoModelForSequenceClassification.from_pretrained(folder)(ids).logits
    assert torch.equal(before, after)


def test_the_scorer_has_both_rewards_and_orders_by_the_one_asked_for(copied: Copied) -> None:
    """Rewards are as before; adjusted ones are the adjustment's; rank, rewards and float follow ``adjust``."""
    folder = copied("llama")
    plain = Scorer.load(folder).score([(QUESTION, answer) for answer in ANSWERS])
    shipping.put(folder, calibration(folder, pay=-50.0))
    raw, adjusted = Scorer.load(folder), Scorer.load(folder, adjust="length")
    pairs = [(QUESTION, answer) for answer in ANSWERS]
    expected = calibration(folder, pay=-50.0).adjustment.adjusted(
        [one.reward for one in plain], [len(answer) for answer in ANSWERS]
    )

    for scorer in (raw, adjusted):
        scores = scorer.score(pairs)
        assert [one.reward for one in scores] == pytest.approx([one.reward for one in plain], abs=1e-6)
        assert [one.adjusted for one in scores] == pytest.approx(expected.tolist(), abs=1e-5)
    assert raw.rewards(pairs) == pytest.approx([one.reward for one in plain], abs=1e-6)
    assert adjusted.rewards(pairs) == adjusted.trl_reward([QUESTION] * 3, ANSWERS)
    assert adjusted.rewards(pairs) == pytest.approx(expected.tolist(), abs=1e-5)
    assert [one.index for one in adjusted.rank(QUESTION, ANSWERS)] == [2, 1, 0]  # pay is so much: by length
    assert [one.index for one in raw.rank(QUESTION, ANSWERS)] == np.argsort([-one.reward for one in plain]).tolist()
    assert [one.adjusted for one in plain] == [None] * 3


def test_probabilities_are_of_the_map_that_belongs_to_the_order(copied: Copied) -> None:
    """Raw margins go through the raw map and rule, adjusted ones through their own; each says what it is."""
    folder = copied("llama")
    bare = Scorer.load(folder).compare(QUESTION, *ANSWERS[:2])
    width = abs(bare.margin)
    shipping.put(folder, calibration(folder, pay=1.0, threshold=width * 0.5))
    found = Scorer.load(folder).compare(QUESTION, *ANSWERS[:2])
    shipping.put(folder, calibration(folder, pay=1.0, threshold=width * 2))
    unsure = Scorer.load(folder).compare(QUESTION, *ANSWERS[:2])
    by_length = Scorer.load(folder, adjust="length")
    adjusted = by_length.compare(QUESTION, *ANSWERS[:2])

    assert bare.probability == pytest.approx(1 / (1 + np.exp(-bare.margin)))
    assert not bare.calibrated and not bare.abstains
    assert "not calibrated: the sigmoid of the raw margin" in bare.sentence
    assert found.probability == pytest.approx(1 / (1 + np.exp(-bare.margin / 2)), abs=1e-6)
    assert found.calibrated and not found.abstains and unsure.abstains
    assert "calibrated (temperature)" in found.sentence and "abstains" in unsure.sentence
    assert adjusted.margin == pytest.approx(float(adjusted.first) - float(adjusted.second))
    assert adjusted.probability == pytest.approx(1 / (1 + np.exp(-adjusted.margin / 4)), abs=1e-6)
    assert by_length.probability(QUESTION, *ANSWERS[:2]) == adjusted.probability
    assert by_length.probability(QUESTION, *ANSWERS[1::-1]) == pytest.approx(1 - adjusted.probability)


def test_a_ranking_says_how_sure_each_place_is(copied: Copied) -> None:
    """Each response has the chance against the next, at one half or above; the last has none."""
    folder = copied("llama")
    shipping.put(folder, calibration(folder))
    scorer = Scorer.load(folder)
    first, second, last = scorer.rank(QUESTION, ANSWERS)

    assert first.over_next == scorer.chance(first.score, second.score)
    assert first.over_next.probability == pytest.approx(
        1 / (1 + np.exp(-(first.score.reward - second.score.reward) / 2))
    )
    assert second.over_next.probability >= 0.5 and last.over_next is None
    assert scorer.best_of_n(QUESTION, ANSWERS, 1)[0].over_next == first.over_next


def test_what_does_not_fit_has_no_adjusted_reward(copied: Copied) -> None:
    """NaN, refused, and no error from a comparison with it."""
    folder = copied("llama")
    shipping.put(folder, calibration(folder))
    scorer = Scorer.load(folder, adjust="length")
    refused, fine = scorer.score([("a", "b " * 2000), ("a", "b")], on_unfit="nan")

    assert refused.refused and np.isnan(refused.adjusted) and np.isfinite(fine.adjusted)
    assert np.isnan(scorer.chance(refused, fine).probability)


def test_lengths_are_those_that_the_adjustment_was_fitted_to(copied: Copied) -> None:
    """What predictions say of a response's length is what the Scorer adjusts by, for texts and for turns."""
    folder = copied("llama")
    shipping.put(folder, calibration(folder, pay=2.0))
    scorer = Scorer.load(folder, adjust="length")
    responses = tuple(Response(content=answer) for answer in ANSWERS)
    edges = (Comparison(chosen=0, rejected=1), Comparison(chosen=1, rejected=2))
    asked = [Preference(prompt=QUESTION, responses=responses, comparisons=edges, group="g")]
    raw = predict(Scorer.load(folder).score, asked)

    expected = calibration(folder, pay=2.0).adjustment.apply(raw).rewards
    assert predict(scorer.score, asked).rewards == pytest.approx(expected, abs=1e-5)


def test_an_adjustment_that_is_not_there_is_refused(copied: Copied) -> None:
    """The message says how to get one; another word than the two is refused too."""
    folder = copied("llama")
    with pytest.raises(NotShipped, match="plaudit calibrate predictions.npz --into"):
        Scorer.load(folder, adjust="length")
    with pytest.raises(ValueError, match="'none' or 'length', not 'yes'"):
        Scorer.load(folder, adjust="yes")


def test_another_models_calibration_is_refused_wherever_it_comes_from(copied: Copied) -> None:
    """It is not put; lying there, the artefact is neither verified nor loaded, until it is removed."""
    folder, other = copied("llama"), copied("gpt2")
    with pytest.raises(BadArtefact, match="fitted to another model"):
        shipping.put(folder, calibration(other))
    (folder / CALIBRATION).write_text(json.dumps(calibration(other).record()))
    report = verify(folder)

    assert [check.name for check in report.failed] == ["calibration"]
    assert f"plaudit calibrate --remove {folder}" in report.failed[0].detail
    with pytest.raises(BadArtefact, match="another model"):
        Scorer.load(folder)
    shipping.remove(folder)
    assert verify(folder).passed


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 1}', '{"format": 3}'])
def test_a_broken_calibration_is_named(copied: Copied, content: str) -> None:
    """Empty, cut, of another kind or version: the check is called calibration and says what to do."""
    folder = copied("llama")
    (folder / CALIBRATION).write_text(content)
    with pytest.raises(BadArtefact, match=f"calibration: {CALIBRATION}: .*--remove"):
        shipping.read(folder)


def test_verify_tells_of_a_calibration_and_a_conversion_leaves_it(copied: Copied, tmp_path: Path) -> None:
    """A check of its own where there is one; a converted model gives other rewards and starts without."""
    folder = copied("llama")
    assert "calibration" not in [check.name for check in verify(folder).checks]
    shipping.put(folder, calibration(folder))
    assert "temperature, with an adjustment for length" in verify(folder).lines()[-1]
    converted = convert(folder, tmp_path / "out", pooling="mean")

    assert any("calibration was left behind" in change for change in converted.changes)
    assert shipping.read(tmp_path / "out") is None
    assert shipping.identity(tmp_path / "out") != shipping.identity(folder)


def test_predictions_of_another_model_are_told(copied: Copied, tmp_path: Path) -> None:
    """Own and unsigned ones pass; another model's, adjusted ones and folders that are no artefact do not."""
    folder = copied("llama")
    unsigned = Predictions.from_pairs([1.0], [0.0])
    own = shipping.marked(unsigned, shipping.identity(folder), adjusted=False)

    assert shipping.require_own(folder, unsigned) == shipping.require_own(folder, own) == shipping.identity(folder)
    with pytest.raises(shipping.OtherModel, match="but of b2"):
        shipping.require_own(folder, replace(unsigned, model="b2"))
    with pytest.raises(shipping.OtherModel, match="adjusted for length already"):
        shipping.require_own(folder, shipping.marked(unsigned, "a", adjusted=True))
    for refused in (lambda: shipping.require_own(tmp_path, own), lambda: shipping.remove(tmp_path)):
        with pytest.raises(BadArtefact, match="plaudit.json is missing"):
            refused()
    assert own.model + ADJUSTED == shipping.marked(unsigned, own.model, adjusted=True).model


def test_the_identity_is_of_what_opening_checks(copied: Copied) -> None:
    """Another head, another reward of a canary: another identity; the card and the recipe do not count."""
    folder = copied("llama")
    before = shipping.identity(folder)
    (folder / "README.md").write_text("mine")
    assert shipping.identity(folder) == before
    canaries = json.loads((folder / CANARIES).read_text())
    canaries["canaries"][0]["rewards"]["float32"] += 1e-3
    (folder / CANARIES).write_text(json.dumps(canaries))
    assert shipping.identity(folder) != before


def test_a_cards_own_words_stay(copied: Copied) -> None:
    """Told, told anew and told nothing: what stands around the section is kept."""
    card = "# Mine\n\nWords.\n"
    once = shipping.told(card, "first")
    twice = shipping.told(once, "second")

    assert once.startswith(card) and "first" in once
    assert "first" not in twice and "second" in twice
    assert shipping.told(twice, "") == card == shipping.told(card, "")
    assert shipping.told(once + "\nMore.\n", "") == "# Mine\n\nWords.\nMore.\n"
