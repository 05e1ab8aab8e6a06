r"""Calibrators: maps from margins to probabilities. A new file here is a new one, gated and tested by being there.

A kind is a class whose constructor is its configuration and which offers

``fit(predictions)``    the fitted map, a `Fitted`
``fitted``              the class of what `fit` returns, so that records can be read back
``holds_identity``      whether the map that changes nothing is in its family

Every fitted map is the odd extension of a map :math:`g` of sizes, which never falls and is never below 0: the
log-odds of margin :math:`\Delta` are :math:`\mathrm{sign}(\Delta)\,g(|\Delta|)`. So order is kept,
:math:`p(-\Delta) = 1 - p(\Delta)` exactly, and equal rewards are a coin. `plaudit.calibration.observed` says what the
maps are fitted to.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from plaudit import members
from plaudit.predictions import Floats, Predictions


class Fitted(ABC):
    """A fitted map from margins to probabilities; its fields are plain numbers and arrays of them.

    Attributes:
        kind: the name by which `of_record` finds the class again.
    """

    kind: ClassVar[str]

    @abstractmethod
    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the log-odds that the side with the higher reward is right, float64 [M], for |margins| [M]."""

    def log_odds(self, margins: ArrayLike) -> Floats:
        """Return the log-odds that the chosen side wins, float64 [M], for margins [M].

        Raises:
            ValueError: a margin is not a finite number; the message says which.
        """
        given = np.asarray(margins, dtype=np.float64)
        wild = ~np.isfinite(given)
        if wild.any():
            place = int(np.argmax(wild))
            raise ValueError(f"margin {place} is {given.flat[place]}; a calibrated probability needs finite margins")
        return np.asarray(np.sign(given) * self.of_sizes(np.abs(given)), dtype=np.float64)

    def probability(self, margins: ArrayLike) -> Floats:
        """Return the probability that the chosen side wins, float64 [M], for margins [M]; errors as in `log_odds`."""
        return np.asarray(expit(self.log_odds(margins)), dtype=np.float64)

    def record(self) -> dict[str, Any]:
        """Return the map as plain data, for JSON; `of_record` reads it."""
        values = {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}
        return {"kind": self.kind} | {name: np.asarray(value).tolist() for name, value in values.items()}


class Calibrator(Protocol):
    """What every calibrator of this folder offers."""

    fitted: ClassVar[type[Fitted]]
    holds_identity: ClassVar[bool]

    def fit(self, predictions: Predictions) -> Fitted:
        """Return the map fitted to the comparisons.

        Raises:
            plaudit.calibration.observed.Uncalibratable: they allow no fit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Identity(Fitted):
    """The map that stands where no calibrator helps: probabilities are the sigmoid of the raw margin."""

    kind: ClassVar[str] = "identity"

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the sizes as they are."""
        return sizes


def choose(names: Iterable[str] | None = None) -> dict[str, Calibrator]:
    """Return the calibrators of the given names (all of this folder by default), ready to fit.

    Raises:
        plaudit.members.UnknownKind: there is no such calibrator; the message lists those there are.
    """
    chosen = members.names("calibrators") if names is None else names
    return {name: cast(Calibrator, members.load("calibrators", name)()) for name in chosen}


def of_record(record: Mapping[str, Any]) -> Fitted:
    """Return the map that `Fitted.record` wrote.

    Raises:
        ValueError: the record is not one; the message names the field.
    """
    kind = str(record.get("kind"))
    found: Any = Identity if kind == Identity.kind else members.load("calibrators", kind).fitted
    wanted, given = {field.name for field in fields(found)}, set(record) - {"kind"}
    if wanted != given:
        raise ValueError(f"a record of {kind!r} holds {sorted(wanted)}, not {sorted(given)}")
    return cast(Fitted, found(**{name: record[name] for name in wanted}))


def steps(name: str, values: ArrayLike, lowest: float, above: bool = False) -> Floats:
    """Return ``values`` as float64 [K], after checking that they are finite and never fall.

    Args:
        name: how the message calls them.
        values: one or more numbers.
        lowest: none is below it.
        above: whether each must be above the one before it, and the first above ``lowest``.

    Raises:
        ValueError: they are not as they should be.
    """
    found = np.asarray(values, dtype=np.float64)
    rises = np.diff(found, prepend=lowest) if found.ndim == 1 else np.zeros(0)
    if not rises.size or not np.isfinite(found).all() or not (rises > 0 if above else rises >= 0).all():
        kind = "rising numbers above" if above else "numbers that never fall, from"
        raise ValueError(f"{name} must hold one or more {kind} {lowest:g}")
    found = found.view()
    found.flags.writeable = False
    return found
