"""Predictions: the rewards of a scored set, and the comparisons they are judged by. NumPy from here on.

Left of this module are tensors. Everything from here on (evaluation, calibration, monitoring) works on anybody's
scores, from any model, and never imports torch.

>>> scored = Predictions.from_pairs([1.5, 0.25, 0.0], [0.5, 0.75, 0.0])
>>> scored.margins.tolist()
[1.0, -0.5, 0.0]
>>> [round(p, 3) for p in scored.probabilities.tolist()]
[0.731, 0.378, 0.5]
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Labels = NDArray[np.object_]

LARGEST_REWARD = float(np.finfo(np.float32).max)
"""Rewards are computed in float32; anything larger in magnitude is a scorer that diverged."""

_OF_RESPONSES = ("rewards", "response_group", "lengths", "variance")
_OF_COMPARISONS = ("chosen", "rejected", "outcome", "weight", "strength", "margin_variance")
_VARIANCES = {"variance": "rewards", "margin_variance": "chosen"}  # may be left out; and a column that is as long
_WHOLE = ("chosen", "rejected", "response_group", "lengths")


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

    def __post_init__(self) -> None:
        for name, like in _VARIANCES.items():
            if not np.size(getattr(self, name)):
                object.__setattr__(self, name, np.full(np.shape(getattr(self, like)), np.nan))
        for name in _OF_RESPONSES + _OF_COMPARISONS:
            object.__setattr__(self, name, _column(name, getattr(self, name), whole=name in _WHOLE))
        object.__setattr__(self, "slices", {name: _labels(name, found) for name, found in self.slices.items()})
        object.__setattr__(self, "ids", tuple(self.ids))
        self._check_lengths()
        self._check_responses()
        self._check_comparisons()
        self._check_groups()

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
        return self.rewards[self.chosen] - self.rewards[self.rejected]

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
        return np.unique(np.concatenate([side[self.weight > 0] for side in self.comparison_groups])).size

    def select(self, comparisons: ArrayLike) -> "Predictions":
        """Return only the given comparisons, in the given order, with the responses they need.

        Args:
            comparisons: int indices, or one boolean a comparison.
        """
        kept = np.arange(len(self))[np.asarray(comparisons, dtype=None if np.size(comparisons) else np.int64)]
        used, positions = np.unique(np.concatenate([self.chosen[kept], self.rejected[kept]]), return_inverse=True)
        return Predictions(
            chosen=positions[: kept.size],
            rejected=positions[kept.size :],
            by_response=self.by_response,
            slices={name: labels[kept] for name, labels in self.slices.items()},
            ids=tuple(self.ids[i] for i in used) if self.ids else (),
            **{name: getattr(self, name)[used] for name in _OF_RESPONSES},
            **{name: getattr(self, name)[kept] for name in _OF_COMPARISONS[2:]},
        )

    def save(self, path: str | Path) -> None:
        """Write every number exactly to ``path``, ``.jsonl`` (readable) or ``.npz`` (fast): whole or not at all."""
        path = Path(path)
        write = _form(path)[1]
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            write(self, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> "Predictions":
        """Read what `save` wrote.

        Raises:
            ValueError: the file is not one of `save`'s; the message names the file, the line and the field.
        """
        path = Path(path)
        try:
            return _form(path)[0](path)
        except (KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path}: not saved predictions: {error}") from error

    def name_of(self, response: int) -> str:
        """Return how messages call a response: its id, or its index where there are no ids."""
        return repr(self.ids[response]) if self.ids else f"number {response}"

    def _check_lengths(self) -> None:
        responses, comparisons = self.rewards.size, self.chosen.size
        sizes = [(name, getattr(self, name).size, responses, "responses") for name in _OF_RESPONSES]
        sizes += [(name, getattr(self, name).size, comparisons, "comparisons") for name in _OF_COMPARISONS]
        sizes += [(f"slice {name!r}", labels.size, comparisons, "comparisons") for name, labels in self.slices.items()]
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
        for name in _VARIANCES:
            if ((getattr(self, name) < 0) | np.isinf(getattr(self, name))).any():
                raise ValueError(
                    f"{name} holds negative or infinite values; it is 0 or more, or NaN where there is none"
                )
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
    found = np.empty(len(values), dtype=object)
    found[:] = [_label(name, row, value) for row, value in enumerate(values)]
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


# Files. Both forms hold the same fields; JSON writes a float64 with as many digits as it takes to read it back exactly.

_KIND = "plaudit predictions"


def _write_lines(predictions: Predictions, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(predictions):
            file.write(json.dumps(row, allow_nan=False) + "\n")


def _rows(predictions: Predictions) -> Iterator[dict[str, Any]]:
    yield {
        "kind": _KIND,
        "responses": predictions.rewards.size,
        "comparisons": len(predictions),
        "by_response": predictions.by_response,
        "ids": bool(predictions.ids),
        "slices": list(predictions.slices),
    }
    responses = zip(*(getattr(predictions, name).tolist() for name in _OF_RESPONSES), strict=True)
    for index, values in enumerate(responses):
        identity = {"id": predictions.ids[index]} if predictions.ids else {}
        row = identity | dict(zip(_OF_RESPONSES, values, strict=True))
        yield _stated(row)
    comparisons = zip(*(getattr(predictions, name).tolist() for name in _OF_COMPARISONS), strict=True)
    for index, values in enumerate(comparisons):
        row = dict(zip(_OF_COMPARISONS, values, strict=True))
        stated = None if np.isnan(row["strength"]) else row["strength"]
        yield _stated(row) | {"strength": stated, "slices": [labels[index] for labels in predictions.slices.values()]}


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _VARIANCES or not np.isnan(value)}


def _read_lines(path: Path) -> Predictions:
    with path.open(encoding="utf-8") as file:
        rows = [_parsed(line, number) for number, line in enumerate(file, 1)]
    head = rows[0] if rows else {}
    _check_head(head, len(rows) - 1)
    split = 1 + head["responses"]
    responses, comparisons = rows[1:split], rows[split:]
    slices = list(zip(*_field(comparisons, "slices", split + 1), strict=True))
    columns = {name: _field(responses, name, 2) for name in _OF_RESPONSES}
    columns |= {name: _field(comparisons, name, split + 1) for name in _OF_COMPARISONS}
    columns["strength"] = [np.nan if value is None else value for value in columns["strength"]]
    return Predictions(
        by_response=head["by_response"],
        slices={name: _labels(name, slices[place] if slices else ()) for place, name in enumerate(head["slices"])},
        ids=tuple(_field(responses, "id", 2)) if head["ids"] else (),
        **{name: np.asarray(values) for name, values in columns.items()},
    )


def _parsed(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON ({error})") from error
    if type(row) is not dict:
        raise ValueError(f"line {number} is not an object")
    return row


def _check_head(head: Mapping[str, Any], rows: int) -> None:
    if head.get("kind") != _KIND:
        raise ValueError(f"line 1 does not say kind {_KIND!r}")
    promised = head["responses"] + head["comparisons"]
    if promised != rows:
        raise ValueError(f"line 1 promises {promised} lines after it and there are {rows}; the file was cut or edited")


def _field(rows: Sequence[Mapping[str, Any]], name: str, first_line: int) -> list[Any]:
    for number, row in enumerate(rows, first_line):
        if name not in row and name not in _VARIANCES:
            raise ValueError(f"line {number} has no field {name!r}")
    return [row.get(name, np.nan) for row in rows]


def _write_arrays(predictions: Predictions, path: Path) -> None:
    names = {"slices": {name: labels.tolist() for name, labels in predictions.slices.items()}, "ids": predictions.ids}
    described = json.dumps({"kind": _KIND, "by_response": predictions.by_response} | names, allow_nan=False)
    columns = {name: getattr(predictions, name) for name in _OF_RESPONSES + _OF_COMPARISONS}
    with path.open("wb") as file:
        np.savez_compressed(file, described=np.frombuffer(described.encode(), np.uint8), **columns)


def _read_arrays(path: Path) -> Predictions:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        described = json.loads(arrays["described"].tobytes())
        names = [name for name in _OF_RESPONSES + _OF_COMPARISONS if name not in _VARIANCES or name in arrays]
        columns = {name: arrays[name] for name in names}
    if described.pop("kind", None) != _KIND:
        raise ValueError(f"it does not say kind {_KIND!r}")
    return Predictions(**described, **columns)


_FORMS: dict[str, tuple[Callable[[Path], Predictions], Callable[[Predictions, Path], None]]] = {
    ".jsonl": (_read_lines, _write_lines),
    ".npz": (_read_arrays, _write_arrays),
}


def _form(path: Path) -> tuple[Callable[[Path], Predictions], Callable[[Predictions, Path], None]]:
    if path.suffix not in _FORMS:
        raise ValueError(
            f"{path}: predictions are kept as {' or '.join(_FORMS)}, not {path.suffix or 'without suffix'!r}"
        )
    return _FORMS[path.suffix]
