"""Predictions: the rewards of a scored set, and the comparisons they are judged by. NumPy from here on.

Left of this module are tensors. Everything from here on (evaluation, calibration, monitoring) works on anybody's
scores, from any model, and never imports torch.

>>> scored = Predictions.from_pairs([1.5, 0.25, 0.0], [0.5, 0.75, 0.0])
>>> scored.margins.tolist()
[1.0, -0.5, 0.0]
>>> [round(p, 3) for p in scored.probabilities.tolist()]
[0.731, 0.378, 0.5]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from plaudit.predictions.codes import coded, distinct
from plaudit.predictions.files import OF_COMPARISONS, OF_RESPONSES, TABLES, VARIANCES, read_columns, write_columns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Labels = NDArray[np.object_]

LARGEST_REWARD = float(np.finfo(np.float32).max)
"""Rewards are computed in float32; anything larger in magnitude is a scorer that diverged."""

_WHOLE = ("chosen", "rejected", "response_group", "lengths")
_USUAL_LABELS = {str, bool, int, type(None)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """Rewards of N distinct responses and the M comparisons between them.

    Every array is checked when the record is made and read-only afterwards; `dataclasses.replace` makes variants.

    Attributes:
        rewards: float64 [N], in full precision; never rounded, never NaN.
        chosen: int64 [M], index of the preferred response of each comparison (of either, in a tie).
        rejected: int64 [M], index of the other.
        outcome: float64 [M], 1 where ``chosen`` won, 0.5 in a tie.
        weight: float64 [M], how much each comparison counts; 0 or more.
        strength: float64 [M], stated margin, NaN where none was stated.
        response_group: int64 [N], resampling unit of each response: its group's number.
        by_response: whether the unit is the response, not the prompt: then a comparison's bootstrap weight is the
            product of the multiplicities of its two sides' groups; otherwise both sides share one group.
        lengths: int64 [N], length of each response in characters.
        slices: name (``source``, …) to one label a comparison, object [M]: text, numbers, booleans or None.
        ids: str [N], identity of each response, for reading examples; may be empty.
        variance: float64 [N], the model's own variance of each reward, NaN where it gives none; all NaN if left out.
        margin_variance: float64 [M], likewise of each margin; no sum of two rewards' unless they err independently.
        parts: name to float64 [N], what the model makes its reward of (attributes, levels, members).
        ratings: name to float64 [N], how people rated each response, NaN where nobody did.
        model: identity of the model that made the rewards, as `plaudit.scoring.shipping.identity` gives it, or ``""``.

    Raises:
        ValueError: an array has the wrong shape or kind, a reward is not finite, an index points nowhere, or the two
            sides of a comparison are in different groups although the unit is the prompt. The message names the place.
    """

    rewards: Floats
    chosen: Integers
    rejected: Integers
    outcome: Floats
    weight: Floats
    strength: Floats
    response_group: Integers
    by_response: bool = False
    lengths: Integers
    slices: Mapping[str, Labels] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    variance: Floats = field(default_factory=lambda: np.zeros(0))
    margin_variance: Floats = field(default_factory=lambda: np.zeros(0))
    parts: Mapping[str, Floats] = field(default_factory=dict)
    ratings: Mapping[str, Floats] = field(default_factory=dict)
    model: str = ""
    _margins: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, like in VARIANCES.items():
            if not np.size(getattr(self, name)):
                object.__setattr__(self, name, np.full(np.shape(getattr(self, like)), np.nan))
        for name in OF_RESPONSES + OF_COMPARISONS:
            object.__setattr__(self, name, _column(name, getattr(self, name), whole=name in _WHOLE))
        object.__setattr__(self, "slices", {name: _labels(name, found) for name, found in self.slices.items()})
        for name in TABLES:
            table = {key: _column(f"{name} {key!r}", own, whole=False) for key, own in getattr(self, name).items()}
            object.__setattr__(self, name, table)
        object.__setattr__(self, "ids", tuple(self.ids))
        self._check_lengths()
        self._check_responses()
        self._check_comparisons()
        self._check_groups()
        margins = self.rewards[self.chosen] - self.rewards[self.rejected]
        object.__setattr__(self, "_margins", _sealed(margins))

    @classmethod
    def from_pairs(
        cls,
        chosen: ArrayLike,
        rejected: ArrayLike,
        *,
        outcome: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        strength: ArrayLike | None = None,
        margin_variance: ArrayLike | None = None,
        group: ArrayLike | None = None,
        lengths: tuple[ArrayLike, ArrayLike] | None = None,
        slices: Mapping[str, Sequence[Any] | Labels] | None = None,
    ) -> "Predictions":
        """Return the predictions of M pairs that share no response, from the rewards [M] of their two sides.

        Args:
            chosen: rewards of the preferred responses.
            rejected: rewards of the others.
            outcome: 1 or 0.5 (a tie) a pair; 1 if not given.
            weight: how much a pair counts; 1 if not given.
            strength: stated margin a pair, NaN where there is none.
            margin_variance: the model's variance of each margin, NaN where there is none.
            group: number of the prompt's group a pair; a group of its own each if not given.
            lengths: characters of the chosen and of the rejected responses; 0 if not given.
            slices: name to one label a pair.
        """
        left, right = _column("chosen", chosen, whole=False), _column("rejected", rejected, whole=False)
        if left.shape != right.shape:
            raise ValueError(f"chosen has {left.size} rewards and rejected {right.size}; a pair needs one of each")
        count = left.size
        groups = np.arange(count) if group is None else np.asarray(group)
        return cls(
            rewards=np.concatenate([left, right]),
            chosen=np.arange(count),
            rejected=np.arange(count) + count,
            outcome=np.ones(count) if outcome is None else np.asarray(outcome),
            weight=np.ones(count) if weight is None else np.asarray(weight),
            strength=np.full(count, np.nan) if strength is None else np.asarray(strength),
            margin_variance=np.zeros(0) if margin_variance is None else np.asarray(margin_variance),
            response_group=np.concatenate([groups, groups]),
            lengths=np.zeros(2 * count, np.int64) if lengths is None else np.concatenate([*map(np.asarray, lengths)]),
            slices={name: _labels(name, found) for name, found in (slices or {}).items()},
        )

    def __len__(self) -> int:
        """Number of comparisons, M."""
        return self.chosen.size

    @property
    def margins(self) -> Floats:
        """Reward of the chosen minus reward of the rejected response, float64 [M]."""
        return self._margins

    @property
    def probabilities(self) -> Floats:
        """Probability under Bradley-Terry that the chosen response wins, sigmoid of the margin, float64 [M]."""
        return expit(self.margins)

    @property
    def length_differences(self) -> Integers:
        """Characters of the chosen minus characters of the rejected response, int64 [M]."""
        return self.lengths[self.chosen] - self.lengths[self.rejected]

    @property
    def comparison_groups(self) -> tuple[Integers, Integers]:
        """Group numbers of the chosen and of the rejected side of each comparison, two int64 [M]."""
        return self.response_group[self.chosen], self.response_group[self.rejected]

    @property
    def group_count(self) -> int:
        """Number of groups that take part in at least one comparison of positive weight."""
        return distinct(self.groups_of(self.weight > 0))

    def groups_of(self, comparisons: NDArray[np.bool_]) -> Integers:
        """Return the group numbers of the sides of some comparisons, boolean [M]; those of one where both share it."""
        sides = self.comparison_groups if self.by_response else self.comparison_groups[:1]
        return np.concatenate([side[comparisons] for side in sides])

    def select(self, comparisons: ArrayLike) -> "Predictions":
        """Return only the given comparisons, in the given order, with the responses they need.

        Args:
            comparisons: int indices, or one boolean a comparison.
        """
        kept = np.arange(len(self))[np.asarray(comparisons, dtype=None if np.size(comparisons) else np.int64)]
        used, positions = coded(np.concatenate([self.chosen[kept], self.rejected[kept]]))
        return Predictions(
            chosen=positions[: kept.size],
            rejected=positions[kept.size :],
            by_response=self.by_response,
            model=self.model,
            slices={name: labels[kept] for name, labels in self.slices.items()},
            ids=tuple(self.ids[i] for i in used) if self.ids else (),
            parts={name: column[used] for name, column in self.parts.items()},
            ratings={name: column[used] for name, column in self.ratings.items()},
            **{name: getattr(self, name)[used] for name in OF_RESPONSES},
            **{name: getattr(self, name)[kept] for name in OF_COMPARISONS[2:]},
        )

    def save(self, path: str | Path) -> None:
        """Write every number exactly to ``path``, ``.jsonl`` (readable) or ``.npz`` (fast): whole or not at all."""
        write_columns(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Predictions":
        """Read what `save` wrote.

        Raises:
            ValueError: the file is not one of `save`'s; the message names the file, the line and the field.
        """
        path = Path(path)
        columns = read_columns(path)
        try:
            return cls(**columns)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: not saved predictions: {error}") from error

    def name_of(self, response: int) -> str:
        """Return how messages call a response: its id, or its index where there are no ids."""
        return repr(self.ids[response]) if self.ids else f"number {response}"

    def _check_lengths(self) -> None:
        responses, comparisons = self.rewards.size, self.chosen.size
        sizes = [(name, getattr(self, name).size, responses, "responses") for name in OF_RESPONSES]
        sizes += [(name, getattr(self, name).size, comparisons, "comparisons") for name in OF_COMPARISONS]
        sizes += [(f"slice {name!r}", labels.size, comparisons, "comparisons") for name, labels in self.slices.items()]
        for table in TABLES:
            sizes += [
                (f"{table} {key!r}", own.size, responses, "responses") for key, own in getattr(self, table).items()
            ]
        if self.ids:
            sizes.append(("ids", len(self.ids), responses, "responses"))
        for name, found, wanted, of in sizes:
            if found != wanted:
                raise ValueError(f"{name} has {found} entries for {wanted} {of}; it needs one each")

    def _check_responses(self) -> None:
        bad = ~(np.abs(self.rewards) <= LARGEST_REWARD)
        if bad.any():
            first = int(np.argmax(bad))
            raise ValueError(
                f"the reward of response {self.name_of(first)} is {self.rewards[first]}; rewards are finite "
                f"float32 values ({int(bad.sum())} of {bad.size} are not)"
            )
        for name in VARIANCES:
            if ((getattr(self, name) < 0) | np.isinf(getattr(self, name))).any():
                raise ValueError(
                    f"{name} holds negative or infinite values; it is 0 or more, or NaN where there is none"
                )
        for table in TABLES:
            if wild := [name for name, column in getattr(self, table).items() if np.isinf(column).any()]:
                raise ValueError(f"{table} {wild[0]!r} holds infinite values; a number, or NaN where there is none")
        if (self.lengths < 0).any():
            first = int(np.argmax(self.lengths < 0))
            raise ValueError(f"the length of response {self.name_of(first)} is {self.lengths[first]}; 0 or more")

    def _check_comparisons(self) -> None:
        count = self.rewards.size
        for name in ("chosen", "rejected"):
            index = getattr(self, name)
            _refuse((index < 0) | (index >= count), name, index, f"an index from 0 to {count - 1}")
        _refuse(~np.isin(self.outcome, (0.5, 1)), "outcome", self.outcome, "1 (chosen won) or 0.5 (a tie)")
        _refuse(~((self.weight >= 0) & np.isfinite(self.weight)), "weight", self.weight, "finite and 0 or more")
        _refuse(np.isinf(self.strength), "strength", self.strength, "finite, or NaN where none was stated")

    def _check_groups(self) -> None:
        if self.by_response:
            return
        apart = np.stack(self.comparison_groups, axis=1)
        _refuse(apart[:, 0] != apart[:, 1], "groups", apart, "the same on both sides unless by_response is set")


def _refuse(wrong: NDArray[np.bool_], name: str, values: NDArray[Any], right: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(f"{name} of comparison {first} is {values[first]}; it must be {right}")


def _column(name: str, values: ArrayLike, whole: bool) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; it must have one dimension")
    if array.size and array.dtype.kind not in ("iu" if whole else "fiu"):
        raise ValueError(f"{name} has dtype {array.dtype}; it must hold {'whole ' if whole else ''}numbers")
    return _sealed(array.astype(np.int64 if whole else np.float64, copy=False))


def _labels(name: str, values: Sequence[Any] | Labels) -> Labels:
    usual = {*map(type, values)} <= _USUAL_LABELS
    if usual and isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1:
        return _sealed(values)
    found = np.empty(len(values), dtype=object)
    found[:] = list(values) if usual else [_label(name, row, value) for row, value in enumerate(values)]
    return cast(Labels, _sealed(found))


def _label(name: str, row: int, value: Any) -> str | int | float | bool | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, str | int) or (isinstance(plain, float) and np.isfinite(plain)):
        return plain
    raise ValueError(f"slice {name!r} of comparison {row} is {value!r}; labels are text, numbers, booleans or None")


def _sealed(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
