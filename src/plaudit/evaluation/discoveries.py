r"""Discoveries: which slices differ from the rest, when many are looked at.

For each label of each slice, the accuracy of its comparisons less that of all others, with the standard error from
resamples of groups, so that a prompt with comparisons on both sides is drawn with both. The two-sided p is that of the
difference over its standard error, by Student's t with one degree of freedom fewer than groups on the smaller side.

Of many labels some look different by chance, so p-values become *q-values*: calling all labels with :math:`q \le 0.05`
different, the expected share of wrong calls among them is at most 5 %.

- **One slice**: its labels divide the comparisons; the procedure is that of Benjamini and Hochberg. It is proven for
  independent tests and for positively dependent ones; labels of one slice are slightly negatively dependent, for
  which it is known from simulation to keep its level.
- **Several slices**: their labels overlap, so the tests may depend on each other in any way. Then it is that of
  Benjamini and Yekutieli, over the labels of all slices together. It costs a factor of :math:`1 + 1/2 + \dots + 1/m`.

A label with fewer than 20 groups, or with fewer outside of it, is not tested and not counted. Of a slice with two
labels the one's difference is minus the other's, and they count as one test.

Source: Benjamini and Hochberg, Controlling the False Discovery Rate, JRSS B 57 (1995); Benjamini and Yekutieli, The
Control of the False Discovery Rate in Multiple Testing under Dependency, Annals of Statistics 29 (2001).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, t

from plaudit.evaluation.intervals import FEWEST_GROUPS
from plaudit.evaluation.metrics import OfTerms, divide
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.paired import Resamples
from plaudit.evaluation.slices import places
from plaudit.predictions import Floats, Predictions
from plaudit.predictions.codes import distinct

LEVEL = 0.05
"""Expected share of wrong calls among all labels that are called different."""

AT_ONCE = 8_000_000
"""Comparisons times labels that are worked on together."""

Key = tuple[str, str]
"""Slice and label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """One label of a slice beside the rest.

    Attributes:
        slice: name of the slice.
        label: which of its parts.
        difference: accuracy of the part less that of the rest.
        p: two-sided, of this label by itself.
        q: least expected share of wrong calls at which it is called different.
        by: the procedure, ``bh`` (Benjamini and Hochberg) or ``by`` (Benjamini and Yekutieli).
    """

    slice: str
    label: str
    difference: float
    p: float
    q: float
    by: Literal["bh", "by"]

    @property
    def differs(self) -> bool:
        """Whether it is called different."""
        return self.q <= LEVEL

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict, with ``differs``."""
        return {**asdict(self), "differs": self.differs}


def discoveries(
    predictions: Predictions, slices: Sequence[str], resamples: int = 2000, seed: int = 0
) -> tuple[Discovery, ...]:
    """Return every label that can be tested, in the order of slices and labels.

    Args:
        predictions: with the slices.
        slices: their names.
        resamples: number of resamples behind each standard error, at least 100.
        seed: theirs.

    Raises:
        ValueError: there is no such slice; or too few resamples.
    """
    parts = {(name, label): inside for name in slices for label, inside in _testable(predictions, name)}
    if not parts:
        return ()
    mirrored = _mirrored(parts)
    by: Literal["bh", "by"] = "bh" if len({name for name, _ in parts}) == 1 else "by"
    found = _differences(predictions, parts, resamples, seed)
    tested = {key: p for key, (_, p) in found.items() if key not in mirrored}
    corrected = dict(zip(tested, false_discovery_control(list(tested.values()), method=by).tolist(), strict=True))
    corrected |= {key: corrected[other] for key, other in mirrored.items()}
    return tuple(
        Discovery(slice=key[0], label=key[1], difference=difference, p=p, q=corrected[key], by=by)
        for key, (difference, p) in found.items()
    )


def _mirrored(parts: Mapping[Key, NDArray[np.bool_]]) -> dict[Key, Key]:
    """Return each part that is just what another leaves of its slice, and that other."""
    labels: dict[str, list[Key]] = {}
    for key in parts:
        labels.setdefault(key[0], []).append(key)
    pairs = [own for own in labels.values() if len(own) == 2]
    return {second: first for first, second in pairs if (parts[first] != parts[second]).all()}


def _testable(predictions: Predictions, name: str) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the labels with enough groups inside and outside, and for each which comparisons it has."""
    found = []
    for label, where in places(predictions, name):
        inside = np.zeros(len(predictions), bool)
        inside[where] = True
        if min(_groups(predictions, inside), _groups(predictions, ~inside)) >= FEWEST_GROUPS:
            found.append((str(label), inside))
    return found


def _groups(predictions: Predictions, part: NDArray[np.bool_]) -> int:
    return distinct(predictions.groups_of(part & (predictions.weight > 0)))


class _BesideRest(OfTerms):
    """Accuracy of a part less that of the rest."""

    def __init__(self, inside: NDArray[np.bool_]) -> None:
        self._inside = inside.astype(np.float64)

    def terms(self, predictions: Predictions) -> Floats:
        inside, credit = self._inside, Accuracy().terms(predictions)
        return np.stack([inside * credit, inside, (1 - inside) * credit, 1 - inside], axis=1)

    def combine(self, means: Floats) -> Floats:
        return divide(means[..., 0], means[..., 1]) - divide(means[..., 2], means[..., 3])


def _differences(
    predictions: Predictions, parts: Mapping[Key, NDArray[np.bool_]], resamples: int, seed: int
) -> dict[Key, tuple[float, float]]:
    """Return the difference and its p-value for each part, so many at a time that memory is bounded."""
    counted = predictions.weight > 0
    weighed = predictions.select(np.flatnonzero(counted))
    keys, step = list(parts), max(1, AT_ONCE // len(weighed))
    found: dict[Key, tuple[float, float]] = {}
    for some in (keys[start : start + step] for start in range(0, len(keys), step)):
        metrics = {str(place): _BesideRest(parts[key][counted]) for place, key in enumerate(some)}
        errors = Resamples.of(metrics, weighed, resamples, seed).standard_errors()
        for key, metric, error in zip(some, metrics.values(), errors.values(), strict=True):
            fewer = min(_groups(predictions, parts[key]), _groups(predictions, ~parts[key]))
            difference = metric(weighed)
            found[key] = difference, _p(difference, error, fewer)
    return found


def _p(difference: float, error: float, groups: int) -> float:
    """Return the two-sided p; where nothing varies, that of as many groups that all fall to one side."""
    if error > 0:
        return float(2 * t.sf(abs(difference) / error, groups - 1))
    return 1.0 if difference == 0 else float(2.0 ** (1 - groups))
