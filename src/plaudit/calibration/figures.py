"""Figures: what a calibrator changes, and probabilities before and after, on groups that no fit has seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.metrics import OfTerms
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
