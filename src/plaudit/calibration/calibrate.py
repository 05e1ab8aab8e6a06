r"""Calibrate: which map from margins to probabilities, if any, is better on prompts it has not seen.

Every kind is cross-fitted: the log-odds of each comparison come from a fit on other groups
(`plaudit.calibration.folds`). Its negative log-likelihood is compared with that of the raw margins, comparison by
comparison, in the same resamples of groups. A kind *helps* where the 95 % interval of the difference lies wholly below
0. Of those that help the one of least cross-fitted NLL is taken and fitted to all comparisons; where none does, all
stand aside and probabilities stay the sigmoid of the raw margin.

The figures before and after, NLL, ECE and Brier score, overall and per slice, are those of cross-fitted probabilities:
never of a fit that has seen what it is judged on. Their intervals are of new groups. They do not hold the noise of the
fit, of which the shipped map, fitted to more, has less.

>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> rng = np.random.default_rng(0)
>>> margins = np.abs(rng.normal(0, 2, 2000))
>>> won = rng.random(2000) < 1 / (1 + np.exp(-margins))
>>> overconfident = Predictions.from_pairs(np.where(won, 4 * margins, -4 * margins), np.zeros(2000))
>>> found = calibrate(overconfident, kinds=["temperature"], resamples=200)
>>> found.kind, found.fitted.probability([4.0]).round(1).tolist()  # the sigmoid of 1, not of 4
('temperature', [0.7])
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group

from plaudit.calibration.calibrators import Calibrator, Fitted, Identity, choose
from plaudit.calibration.figures import BeforeAndAfter, Nll, Trial, before_and_after
from plaudit.calibration.folds import Judge, check, cross_fitted, usual
from plaudit.calibration.margins import Change, at, bare, numbered
from plaudit.calibration.observed import observe
from plaudit.calibration.table import render
from plaudit.evaluation.intervals import intervals
from plaudit.evaluation.sections import plain
from plaudit.evaluation.slices import parts, with_length
from plaudit.evaluation.table import text
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """The map that was taken, and what it is worth on prompts it has not seen.

    Attributes:
        kind: name of the kind that was taken, ``identity`` where all stand aside.
        fitted: the map, fitted to all comparisons; `Identity` where none helps.
        trials: every kind that was tried, best first.
        overall: figures of all comparisons.
        slices: slice to label to the figures of that part.
        folds: how many parts the groups were dealt to.
        resamples: number of resamples behind each interval.
        seed: of dealing and resamples.
        margins: float64 [M], the cross-fitted log-odds of each comparison; the raw margins where all stand aside.
    """

    kind: str
    fitted: Fitted
    trials: tuple[Trial, ...]
    overall: BeforeAndAfter
    slices: Mapping[str, Mapping[str, BeforeAndAfter]]
    folds: int
    resamples: int
    seed: int
    margins: Floats

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        best, before = self.trials[0], self.overall.before["nll"].value
        change = f"{best.change.value:+.4f} [{best.change.low:+.4f}, {best.change.high:+.4f}] nats a comparison"
        if best.helps:
            return f"{best.kind} helps: NLL on unseen groups {before:.4f} before, {best.nll:.4f} after, {change}"
        which = "it stands aside" if len(self.trials) == 1 else f"all {len(self.trials)} kinds stand aside"
        return (
            f"no calibrator helps: the best, {best.kind}, changes the NLL on unseen groups by {change}, which is not "
            f"clearly below 0; {which} and probabilities stay the sigmoid of the raw margin"
        )

    def record(self) -> dict[str, Any]:
        """Return the map as plain data for an artefact; `plaudit.calibration.calibrators.of_record` reads it."""
        return self.fitted.record()

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict; numbers that are not finite are None."""
        trials = [asdict(trial) | {"helps": trial.helps} for trial in self.trials]
        by_slice = {name: {label: asdict(part) for label, part in of.items()} for name, of in self.slices.items()}
        stated = {"kind": self.kind, "sentence": self.sentence, "record": self.record(), "trials": trials}
        found: dict[str, Any] = plain(stated | {"overall": asdict(self.overall), "slices": by_slice})
        return found | {"folds": self.folds, "resamples": self.resamples, "seed": self.seed}

    def table(self) -> Group:
        """Return the sentence and the tables for a rich console."""
        return render(self.sentence, self.trials, self.overall, self.slices)

    def __str__(self) -> str:
        """Return the sentence and the tables as plain text."""
        return text(self.table())


def calibrate(
    predictions: Predictions,
    kinds: Iterable[str] | None = None,
    slices: Sequence[str] | None = None,
    folds: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Return the map from margins to probabilities that is best on unseen groups, or none where none helps.

    Args:
        predictions: comparisons that the model was not trained on, of at least 20 groups.
        kinds: names of calibrators; all of `plaudit.calibration.calibrators` by default.
        slices: names of the slices to show figures of; by default all with two labels or more, and ``chosen_is`` where
            lengths are known.
        folds: how many parts groups are dealt to; 5, or 8 where responses are drawn, by default.
        resamples: number of resamples behind each interval, at least 100.
        seed: of dealing and resamples.

    Raises:
        plaudit.calibration.observed.Uncalibratable: too few groups, all ties, margins that do not differ.
        plaudit.members.UnknownKind: there is no such calibrator.
        ValueError: too few resamples, no such slice, or no kind at all.
    """
    calibrators = choose(kinds)
    if not calibrators:
        raise ValueError("no kinds were named; name one calibrator or more, or None for all")
    dealt = usual(predictions) if folds is None else folds
    observe(predictions)
    check(predictions, dealt)
    found = cross_fitted(predictions, {kind: _judge(own) for kind, own in calibrators.items()}, dealt, seed)
    best, *others = _trials(predictions, found, resamples, seed)
    overall, by_slice = _figures(predictions, found[best.kind] if best.helps else None, slices, resamples, seed)
    return Calibration(
        kind=best.kind if best.helps else Identity.kind,
        fitted=calibrators[best.kind].fit(predictions) if best.helps else Identity(),
        trials=(best, *others),
        overall=overall,
        slices=by_slice,
        folds=dealt,
        resamples=resamples,
        seed=seed,
        margins=found[best.kind] if best.helps else predictions.margins,
    )


def _judge(calibrator: Calibrator) -> Judge:
    return lambda seen, unseen: calibrator.fit(seen).log_odds(unseen.margins)


def _trials(predictions: Predictions, found: Mapping[str, Floats], resamples: int, seed: int) -> list[Trial]:
    """Return each kind with what it changes, best first, from its cross-fitted margins."""
    raw, placed = predictions.margins, numbered(bare(predictions))
    changes = intervals({kind: Change(Nll(), own, raw) for kind, own in found.items()}, placed, resamples, seed)
    trials = [Trial(kind=kind, nll=at(Nll(), own)(placed), change=changes[kind]) for kind, own in found.items()]
    return sorted(trials, key=lambda trial: (not trial.helps, trial.nll))


def _figures(
    predictions: Predictions, after: Floats | None, slices: Sequence[str] | None, resamples: int, seed: int
) -> tuple[BeforeAndAfter, dict[str, dict[str, BeforeAndAfter]]]:
    """Return the figures of all comparisons and of each slice; ``after`` is None where all kinds stand aside."""
    sliced = numbered(with_length(predictions))
    wanted = [name for name, own in sliced.slices.items() if len(set(own.tolist())) > 1] if slices is None else slices

    def figures(part: Predictions) -> BeforeAndAfter:
        return before_and_after(part, after, resamples, seed)

    return figures(sliced), {
        name: {str(label): figures(part) for label, part in parts(sliced, name) if (part.weight > 0).any()}
        for name in wanted
    }
