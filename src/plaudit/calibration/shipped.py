"""Shipped: what is fitted to a model's held-out predictions and goes where the model goes.

Two rewards may order responses: the model's own, and the one without what it owes to length. Their margins differ, so
each has a `Meaning` of its own: the map from its margins to probabilities, and the rule by which to abstain. Without
an adjustment there is only the first.

>>> from plaudit.calibration.calibrators.temperature import Scaled
>>> shipped = Shipped(model="a1", recipe={}, raw=Meaning(calibrator=Scaled(0.5), abstention=Abstention(0.1, 1.0, 99)))
>>> shipped.raw.chance(2.0)
Chance(probability=0.7310585786300049, kind='temperature', decided=True, error=0.1)
>>> Shipped.of_record(shipped.record()) == shipped
True
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scipy.special import expit

from plaudit.calibration.adjustment import LengthAdjustment
from plaudit.calibration.calibrators import Fitted, Identity, of_record
from plaudit.calibration.conformal import Abstention

FORMAT = 1
"""Of the record."""

Adjust = Literal["none", "length"]
"""Which reward orders: the model's own, or the one without what it owes to length."""


class NotShipped(ValueError):
    """Something was asked for that needs what a model does not carry; the message says how it gets it."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely the first of two responses is preferred to the second.

    Attributes:
        probability: of that.
        kind: the map that made it of the margin; ``identity`` where no calibrator helped, ``""`` where none is shipped.
        decided: whether the margin is wide enough to decide; None where there is no rule.
        error: the rate of wrong decisions that the rule keeps; None where there is no rule.
    """

    probability: float
    kind: str = ""
    decided: bool | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What margins mean.

    Attributes:
        calibrator: from margins to probabilities.
        abstention: when to decide, or None where there is no rule.
        sentence: what the fit found, in words.
    """

    calibrator: Fitted
    abstention: Abstention | None = None
    sentence: str = ""

    def chance(self, margin: float) -> Chance:
        """Return what a margin means; errors as in `Fitted.log_odds`."""
        probability = float(self.calibrator.probability([margin])[0])
        if self.abstention is None:
            return Chance(probability, self.calibrator.kind)
        decided = bool(self.abstention.decides([margin])[0])
        return Chance(probability, self.calibrator.kind, decided, self.abstention.error)

    def record(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        rule = None if self.abstention is None else self.abstention.record()
        return {"calibrator": self.calibrator.record(), "abstention": rule, "sentence": self.sentence}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Meaning":
        """Return what `record` wrote; ValueError where it is something else."""
        _require("what margins mean", record, {"calibrator", "abstention", "sentence"})
        rule = record["abstention"]
        return cls(
            calibrator=of_record(record["calibrator"]),
            abstention=None if rule is None else Abstention.of_record(rule),
            sentence=str(record["sentence"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """The calibration of one model.

    Attributes:
        model: identity of the model, as `plaudit.scoring.shipping.identity` gives it.
        recipe: what it was fitted to, when and how; plain data.
        raw: what margins of the model's own rewards mean.
        length: what margins of adjusted rewards mean, and the adjustment; None where there is none.
    """

    model: str
    recipe: Mapping[str, Any]
    raw: Meaning
    length: tuple[LengthAdjustment, Meaning] | None = field(default=None, hash=False)

    @property
    def adjustment(self) -> LengthAdjustment | None:
        """The adjustment for length, or None."""
        return self.length[0] if self.length else None

    def of(self, adjust: Adjust) -> Meaning:
        """Return what margins mean where ``adjust`` says which reward orders.

        Raises:
            NotShipped: an adjustment is asked for and there is none.
        """
        if adjust == "none":
            return self.raw
        if self.length is None:
            raise NotShipped(
                f"no adjustment for length is shipped: {self.recipe.get('length', 'no lengths were known')}"
            )
        return self.length[1]

    def record(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON, with a hash over the rest; `of_record` reads it."""
        length = None if self.length is None else {"adjustment": self.length[0].record(), **self.length[1].record()}
        stated = {"format": FORMAT, "model": self.model, "recipe": dict(self.recipe)}
        record = stated | {"raw": self.raw.record(), "length": length}
        return record | {"sha256": _digest(record)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Shipped":
        """Return what `record` wrote.

        Raises:
            ValueError: it is something else, of another version, or was edited; the message says what.
        """
        if record.get("format") != FORMAT:
            raise ValueError(f"format {record.get('format')!r}; this plaudit reads format {FORMAT}")
        _require("a calibration", record, {"format", "model", "recipe", "raw", "length", "sha256"})
        if record["sha256"] != _digest({name: value for name, value in record.items() if name != "sha256"}):
            raise ValueError("it was edited after it was written: its hash is another")
        try:
            raw, length = Meaning.of_record(record["raw"]), _length(record["length"])
            return cls(model=record["model"], recipe=record["recipe"], raw=raw, length=length)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it holds no calibration: {error}") from error

    def lines(self) -> list[str]:
        """Return what is shipped in sentences, one a line."""
        data = self.recipe.get("data", {})
        fitted = f"fitted to {data.get('comparisons', 0):,} comparisons of {data.get('groups', 0):,} groups"
        lines = [f"probabilities, {fitted}: {self.raw.sentence}", f"abstention: {_rule(self.raw)}"]
        if self.length is None:
            return [*lines, f"length: {self.recipe.get('length', 'no adjustment')}"]
        own = self.length[1]
        return [*lines, f"length: {self.recipe.get('length')}", f"  probabilities: {own.sentence}; {_rule(own)}"]


def raw_chance(margin: float) -> Chance:
    """Return the sigmoid of a margin, all there is where no calibration is shipped."""
    return Chance(float(expit(margin)) if not math.isnan(margin) else math.nan)


def described(kind: str) -> str:
    """Return what a probability is, in words, by the ``kind`` of its `Chance`."""
    if not kind:
        return "not calibrated: the sigmoid of the raw margin"
    if kind == Identity.kind:
        return "the sigmoid of the margin: it was tried to calibrate it, and no calibrator helped"
    return f"calibrated ({kind})"


def _length(record: Mapping[str, Any] | None) -> tuple[LengthAdjustment, Meaning] | None:
    if record is None:
        return None
    rest = {name: value for name, value in record.items() if name != "adjustment"}
    return LengthAdjustment.of_record(record["adjustment"]), Meaning.of_record(rest)


def _require(what: str, record: Mapping[str, Any], wanted: set[str]) -> None:
    if set(record) != wanted:
        raise ValueError(f"a record of {what} holds {sorted(wanted)}, not {sorted(record)}")


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _rule(meaning: Meaning) -> str:
    rule = meaning.abstention
    if rule is None:
        return "no rule"
    return f"decides where the margin is above {rule.threshold:.4g}, for at most {rule.error:.1%} errors"
