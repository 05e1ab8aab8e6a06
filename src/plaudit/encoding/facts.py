"""What a tokenised set holds to learn from, as an objective asks for it before training begins."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.encoding.annotators import NOBODY
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.marks import NOT_JUDGED
from plaudit.encoding.orders import Orders, orders


@dataclass(frozen=True, slots=True)
class Rated:
    """How one attribute was rated: how many responses, from which rating to which (NaN where there are none)."""

    responses: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Records whose comparisons make no list: how many, and the name of the first of them."""

    records: int = 0
    first: str = ""

    def __str__(self) -> str:
        if self.records == 1:
            return f"record {self.first}"
        return f"{self.records} records, the first of them {self.first},"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What there is. Comparisons of weight 0 are not counted.

    Attributes:
        records: all records.
        comparisons: comparisons, ties among them.
        ties: how many of them are ties.
        strengths: how many of them state a strength above 0.
        ratings: by name of the attribute, in the order of the columns of `Labels.ratings`.
        pairs: records that put two responses in order, or tie them.
        lists: records that put three or more in order (see `orders`).
        unordered: records that leave responses open.
        cyclic: records whose comparisons contradict each other.
        columns: of the model's rewards; 0 where it is not known.
        outputs: their names; empty where they are not known.
        variance: whether the model predicts a variance; None where it is not known.
        log_likelihood: whether the model gives log-probabilities; None where it is not known.
        annotators: how many named people judged.
        marked: compared responses whose spans somebody judged.
    """

    records: int = 0
    comparisons: int = 0
    ties: int = 0
    strengths: int = 0
    ratings: Mapping[str, Rated] = field(default_factory=dict)
    pairs: int = 0
    lists: int = 0
    unordered: Unlisted = Unlisted()
    cyclic: Unlisted = Unlisted()
    columns: int = 0
    outputs: tuple[str, ...] = ()
    variance: bool | None = None
    log_likelihood: bool | None = None
    marked: int = 0
    annotators: int = 0

    @property
    def rated(self) -> tuple[str, ...]:
        """The attributes that some response has a rating of."""
        return tuple(name for name, found in self.ratings.items() if found.responses)

    @property
    def missing_lists(self) -> str:
        """What keeps the records from being lists of responses in order; empty if nothing does."""
        if not self.comparisons:
            return "it needs records that put their responses in order, and there are no comparisons"
        if self.cyclic.records:
            return f"it needs records without contradictions, and the comparisons of {self.cyclic} go round in a circle"
        if self.unordered.records:
            return f"it needs records in full order, and {self.unordered} leave responses neither ordered nor tied"
        if not self.lists:
            return f"it is listwise, and none of {self.pairs} compared records has three responses in order, only two"
        return ""

    def missing_ratings(self, attributes: Sequence[str]) -> str:
        """Return what is missing for learning from the ratings ``attributes``, or from the only one if none is named.

        With several attributes, column 1 of the rewards is to predict the first of them, and so on.
        """
        held = ", ".join(f"{name} ({self.ratings[name].responses:,} responses)" for name in self.rated)
        if not self.rated:
            return "it needs rated responses, and there are none"
        if lacking := [name for name in attributes if name not in self.rated]:
            return f"no response has a rating {', '.join(lacking)}; ratings that there are: {held}"
        if not attributes and len(self.ratings) > 1:
            return f"attributes must name which of the ratings it learns: {held}"
        if len(attributes) > 1 and not self._predicts(attributes):
            outputs = ", ".join(self.outputs) or f"{self.columns} without names"
            return f"the model must predict {', '.join(attributes)} in columns 1 and on; its columns are: {outputs}"
        return ""

    def _predicts(self, attributes: Sequence[str]) -> bool:
        if self.outputs:
            return self.outputs[1 : 1 + len(attributes)] == tuple(attributes)
        return not self.columns or self.columns > len(attributes)


def data_facts(encoded: EncodedSet, names: Sequence[str] = ()) -> DataFacts:
    """Return what ``encoded`` holds.

    Args:
        encoded: the tokenised set.
        names: identities of its records, for messages; empty for their numbers.
    """
    counted, found = encoded.weight > 0, _orders(encoded)
    return DataFacts(
        records=len(encoded),
        comparisons=int(counted.sum()),
        ties=int((encoded.tie & counted).sum()),
        strengths=int((np.nan_to_num(encoded.strength[counted]) > 0).sum()),
        ratings=_ratings(encoded),
        pairs=int((found.ordered & (found.sizes == 2)).sum()),
        lists=int((found.ordered & (found.sizes > 2)).sum()),
        unordered=_unlisted(found, found.unordered, names),
        cyclic=_unlisted(found, found.cyclic, names),
        annotators=0 if encoded.annotator is None else len(np.setdiff1d(encoded.annotator[counted], [NOBODY])),
        marked=_marked(encoded, np.union1d(encoded.chosen[counted], encoded.rejected[counted])),
    )


def _orders(encoded: EncodedSet) -> Orders:
    record = np.repeat(np.arange(len(encoded)), np.diff(encoded.comparison_offsets))
    chosen, rejected = (torch.from_numpy(np.array(side, np.int64)) for side in (encoded.chosen, encoded.rejected))
    tie, weight = torch.from_numpy(encoded.tie.copy()), torch.from_numpy(encoded.weight.copy())
    return orders(torch.from_numpy(record), chosen, rejected, tie, weight)


def _marked(encoded: EncodedSet, compared: NDArray[np.int64]) -> int:
    """Return how many of the sequences ``compared`` have a token that was judged."""
    if encoded.marks is None:
        return 0
    judged = np.concatenate([[0], np.cumsum(encoded.marks != NOT_JUDGED)])[encoded.offsets]
    return int(np.count_nonzero(np.diff(judged)[compared]))


def _ratings(encoded: EncodedSet) -> dict[str, Rated]:
    """Return the attributes by name; without names they are called by their number."""
    names = encoded.rating_names or tuple(map(str, range(encoded.ratings.shape[1])))
    found = {}
    for name, column in zip(names, encoded.ratings.T, strict=True):
        known = column[~np.isnan(column)]
        span = (float(known.min()), float(known.max())) if len(known) else (math.nan, math.nan)
        found[name] = Rated(len(known), *span)
    return found


def _unlisted(found: Orders, which: torch.Tensor, names: Sequence[str]) -> Unlisted:
    records = found.record[which].tolist()
    if not records:
        return Unlisted()
    return Unlisted(len(records), names[records[0]] if names else str(records[0]))
