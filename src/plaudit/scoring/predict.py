"""From preferences and any scoring function to `Predictions`: the border between tensors and NumPy."""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from plaudit.predictions import Predictions
from plaudit.preferences.preference import Comparison, Content, Preference, Response, characters
from plaudit.scoring.conversations import Pair

Score = Callable[[Sequence[Pair]], Sequence[SupportsFloat]]
"""Rewards of (prompt, response) pairs; NaN where there is none. ``Scorer.rewards`` is one.

``Scorer.score`` is another: where what it gives has ``parts`` or a ``variance``, the predictions have them too, and the
variance of each margin: the squared distance of the two sides' ``deviations``, or where there are none, the sum of two
variances.
"""

Table = dict[str, NDArray[np.float64]]
"""Columns of the responses by name."""
_BLOCK = 4_000_000
"""Deviations subtracted at a time."""


class NoReward(ValueError):
    """A response got no reward; the message names its record."""


class Unscored(UserWarning):
    """Comparisons were left out because a response got no reward."""


def predict(
    score: Score, preferences: Iterable[Preference], on_unfit: Literal["error", "drop"] = "error"
) -> Predictions:
    """Score every distinct (prompt, response) of ``preferences`` once.

    Groups are the records' own, or where they have none, their prompts; where no record has a prompt, the unit is the
    response (its id, or its text) and ``by_response`` is set. Of a response that is rated in several records the mean
    rating is kept.

    Args:
        score: gives NaN for a pair that has no reward.
        preferences: read once.
        on_unfit: what to do about comparisons with such a pair: ``error``, or ``drop`` them with a warning that counts.

    Raises:
        NoReward: a response has no reward, with ``on_unfit="error"``; or no comparison is left.
    """
    nodes = _Nodes()
    for number, preference in enumerate(preferences):
        nodes.add(preference, preference.id or str(number))
    found: Any = score(nodes.pairs) if nodes.pairs else []
    if np.shape(found) != (len(nodes.pairs),):
        raise NoReward(f"the scoring function gave {np.shape(found)} rewards for {len(nodes.pairs)} responses")
    rewards = np.array([float(reward) for reward in found])
    kept = [edge for edge in nodes.edges if np.isfinite(rewards[[edge.chosen, edge.rejected]]).all()]
    _settle(nodes, rewards, len(nodes.edges) - len(kept), on_unfit)
    variance = np.array([math.nan if (own := getattr(one, "variance", None)) is None else own for one in found])
    parts = _tabled([{name: (value,) for name, value in getattr(one, "parts", {}).items()} for one in found])
    ends = np.array([(edge.chosen, edge.rejected) for edge in kept], np.int64)
    of_margins = margin_variance(variance, [getattr(one, "deviations", None) for one in found], ends)
    return _predictions(nodes, _Found(rewards, variance, parts), of_margins, kept)


def margin_variance(
    variance: NDArray[np.float64], deviations: Sequence[NDArray[np.float32] | None], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the variance of the margin of each of M comparisons, float64 [M].

    Args:
        variance: float64 [N], of each reward, NaN where there is none.
        deviations: float32 [D] a reward, or None; see `plaudit.scoring.best_of_n.Score`.
        ends: int64 [M, 2], the two sides. The margin of a response over itself is 0, and so is its variance.
    """
    left, right = ends.T
    found: NDArray[np.float64] = np.where(left == right, 0.0, 1.0) * (variance[left] + variance[right])
    known = np.array([each is not None for each in deviations])
    if known.any():
        width = next(len(each) for each in deviations if each is not None)
        table = np.stack([np.zeros(width, np.float32) if each is None else each for each in deviations])
        shared = np.flatnonzero(known[left] & known[right])
        for part in np.array_split(shared, 1 + shared.size * width // _BLOCK):
            found[part] = np.square(table[left[part]] - table[right[part]], dtype=np.float64).sum(axis=1)
    return found


@dataclass(frozen=True, slots=True)
class _Found:
    """What was given for each response: rewards and variances [N], and columns of parts by name."""

    rewards: NDArray[np.float64]
    variance: NDArray[np.float64]
    parts: Table


@dataclass(frozen=True, slots=True)
class _Edge:
    """A comparison between nodes."""

    chosen: int
    rejected: int
    comparison: Comparison
    slices: Mapping[str, str]


@dataclass(slots=True)
class _Nodes:
    """The distinct responses, and the comparisons between them."""

    pairs: list[Pair] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    edges: list[_Edge] = field(default_factory=list)
    ratings: list[dict[str, list[float]]] = field(default_factory=list)
    prompted: bool = False
    _places: dict[tuple[Pair, str], int] = field(default_factory=dict)

    def add(self, preference: Preference, name: str) -> None:
        """Take in a record: each response once, each comparison with its labels."""
        places = [self._place(preference, response, f"{name}#{n}") for n, response in enumerate(preference.responses)]
        labels = {"source": preference.source, **_texts(preference.extra)}
        for edge in preference.comparisons:
            own = labels | ({"objective": edge.objective} if edge.objective else {})
            self.edges.append(_Edge(places[edge.chosen], places[edge.rejected], edge, own))
        self.prompted |= bool(preference.prompt)

    def _place(self, preference: Preference, response: Response, name: str) -> int:
        pair = (preference.prompt, response.content)
        group = preference.group or _text(preference.prompt)
        key = (pair, group if preference.prompt else response.id)
        if key not in self._places:
            self._places[key] = len(self.pairs)
            self.pairs.append(pair)
            self.ids.append(response.id or name)
            self.groups.append(group)
            self.units.append(response.id or _text(response.content))
            self.ratings.append({})
        for attribute, rating in response.ratings.items():
            self.ratings[self._places[key]].setdefault(attribute, []).append(rating)
        return self._places[key]


def _settle(nodes: _Nodes, rewards: np.ndarray[Any, Any], lost: int, on_unfit: str) -> None:
    bad = np.flatnonzero(~np.isfinite(rewards))
    if len(bad) and on_unfit == "error":
        raise NoReward(
            f"response {nodes.ids[int(bad[0])]} has no reward ({len(bad)} in all); on_unfit='drop' leaves such out"
        )
    if len(bad):
        text = (
            f"{len(bad)} of {len(rewards)} responses have no reward; {lost} of {len(nodes.edges)} comparisons left out"
        )
        warnings.warn(text, Unscored, stacklevel=3)
    if lost == len(nodes.edges):
        raise NoReward("there is no comparison to judge the rewards by")


def _predictions(
    nodes: _Nodes,
    found: _Found,
    of_margins: NDArray[np.float64],
    edges: list[_Edge],
) -> Predictions:
    used = sorted({place for edge in edges for place in (edge.chosen, edge.rejected)})
    place = {node: number for number, node in enumerate(used)}
    units = [(nodes.groups if nodes.prompted else nodes.units)[node] for node in used]
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    strengths = [edge.comparison.strength for edge in edges]
    return Predictions(
        rewards=found.rewards[used],
        variance=found.variance[used],
        parts={name: column[used] for name, column in found.parts.items()},
        ratings=_tabled([nodes.ratings[node] for node in used]),
        margin_variance=of_margins,
        chosen=np.array([place[edge.chosen] for edge in edges], np.int64),
        rejected=np.array([place[edge.rejected] for edge in edges], np.int64),
        outcome=np.array([0.5 if edge.comparison.tie else 1.0 for edge in edges]),
        weight=np.array([edge.comparison.weight for edge in edges], np.float64),
        strength=np.array([np.nan if strength is None else strength for strength in strengths], np.float64),
        response_group=np.array([numbers[unit] for unit in units], np.int64),
        by_response=not nodes.prompted,
        lengths=np.array([characters(nodes.pairs[node][1]) for node in used], np.int64),
        slices=_slices(edges),
        ids=tuple(nodes.ids[node] for node in used),
    )


def _tabled(rows: Sequence[Mapping[str, Sequence[float]]]) -> Table:
    """Return a column of means for each name in ``rows``, in order of appearance; NaN where a row has none."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([np.mean(row[name]) if name in row else np.nan for row in rows]) for name in names}


def _slices(edges: list[_Edge]) -> dict[str, np.ndarray[Any, np.dtype[np.object_]]]:
    """Return the labels that are stated, one a comparison, "" where a comparison has none; constant "" is left out."""
    names = Counter(name for edge in edges for name, label in edge.slices.items() if label)
    return {name: np.array([edge.slices.get(name, "") for edge in edges], dtype=object) for name in names}


def _texts(extra: Mapping[str, Any]) -> dict[str, str]:
    return {name: extra[name] for name in ("subset", "category") if isinstance(extra.get(name), str)}


def _text(content: Content) -> str:
    return content if isinstance(content, str) else "\n".join(turn.content for turn in content)
