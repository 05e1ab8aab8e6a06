"""Figures: what a calibrator changes, and probabilities before and after, on groups that no fit has seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from plaudit.calibration.margins import at, bare, numbered
from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.metrics import Metric, OfTerms
from plaudit.evaluation.metrics.brier import Brier
from plaudit.evaluation.metrics.expected_calibration_error import ExpectedCalibrationError
from plaudit.evaluation.metrics.log_likelihood import LogLikelihood
from plaudit.predictions import Floats, Predictions


class Nll(OfTerms):
    """Negative log-likelihood in nats a comparison: the mean that a calibrator makes small."""

    def terms(self, predictions: Predictions) -> Floats:
        """Return the loss of each comparison, float64 [M]."""
        return -LogLikelihood().terms(predictions)


METRICS: Mapping[str, OfTerms] = {"nll": Nll(), "ece": ExpectedCalibrationError(), "brier": Brier()}
"""What is measured before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One kind of map, judged on groups it has not seen.

    Attributes:
        kind: its name.
        nll: its cross-fitted NLL, in nats a comparison.
        change: that NLL less the raw margins', in the same resamples.
    """

    kind: str
    nll: float
    change: Estimate

    @property
    def helps(self) -> bool:
        """Whether the interval of the change lies wholly below 0."""
        return self.change.high is not None and self.change.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAndAfter:
    """The figures of one set of comparisons with raw and with calibrated probabilities, by the names of `METRICS`.

    Attributes:
        comparisons: number of comparisons.
        groups: number of groups they fall into.
        before: of the sigmoid of the raw margin.
        after: of cross-fitted probabilities; the same as ``before`` where all kinds stand aside.
    """

    comparisons: int
    groups: int
    before: Mapping[str, Estimate]
    after: Mapping[str, Estimate]


def before_and_after(predictions: Predictions, after: Floats | None, resamples: int, seed: int) -> BeforeAndAfter:
    """Return the figures of raw margins and of others, from the same resamples.

    Args:
        predictions: the comparisons, as `plaudit.calibration.margins.numbered` returns them, or a part of them.
        after: calibrated log-odds [of the whole that was numbered]; None for those that the predictions have.
        resamples: number of resamples behind each interval.
        seed: of the resamples.
    """
    before: dict[str, Metric] = {f"before {name}": one for name, one in METRICS.items()}
    others = {} if after is None else {f"after {name}": at(one, after) for name, one in METRICS.items()}
    found = intervals({**before, **others}, bare(predictions), resamples, seed)
    last = "after" if others else "before"
    return BeforeAndAfter(
        comparisons=len(predictions),
        groups=predictions.group_count,
        before={name: found[f"before {name}"] for name in METRICS},
        after={name: found[f"{last} {name}"] for name in METRICS},
    )


def judged(predictions: Predictions, log_odds: Floats, resamples: int, seed: int) -> BeforeAndAfter:
    """Return the figures of raw margins and of log-odds that a map makes of them, float64 [M]."""
    return before_and_after(numbered(predictions), log_odds, resamples, seed)
