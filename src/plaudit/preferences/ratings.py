"""Comparisons from absolute ratings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from plaudit.preferences import codec
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.fields import content_id
from plaudit.preferences.groups import group_of, unit_names
from plaudit.preferences.preference import Preference, Response

Floats = npt.NDArray[np.float64]
OVERALL = ("rating", "score")
"""Attributes that say how good a response is overall; comparisons from another carry its name as their objective."""

_SLACK = 1e-9


def compare_ratings(
    preferences: Preferences,
    attribute: str = "rating",
    gap: float = 0.5,
    block: int | None = 8,
    seed: int = 0,
    passes: int = 1,
    strength: bool = False,
    ties: bool = False,
) -> Preferences:
    """Return records whose comparisons are all pairs of responses rated at least ``gap`` apart, the higher one chosen.

    A record with a prompt, or with several responses, keeps its responses; its comparisons are replaced. Records of a
    single response without a prompt are shuffled and cut into blocks, each a record with an empty prompt; blocks never
    mix sources.

    Args:
        preferences: records with ratings.
        attribute: name of the rating.
        gap: least difference, above 0, in the ratings' units.
        block: responses in a block; None makes one block of each source, so that every pair is compared.
        seed: of the shuffles; the same seed gives the same blocks.
        passes: how many times to shuffle and cut; each response is in one block a pass.
        strength: state the difference as the comparison's strength.
        ties: make a tie of two ratings that are closer than ``gap``.

    Raises:
        ValueError: gap, block or passes make no sense, or nothing could be compared.
    """
    if not gap > 0 or (block is not None and block < 2) or passes < 1:
        raise ValueError(
            f"gap {gap}, block {block}, passes {passes}: should be above 0, at least 2 (or None), at least 1"
        )
    drops: Counter[str] = Counter()
    single = _are_single(preferences)
    listed = _listed(preferences.select(np.flatnonzero(~single)), attribute)
    blocks = _blocks(preferences.select(np.flatnonzero(single)), attribute, _Cut(block, passes, seed), drops)
    edges = _Edges(gap, strength, ties, "" if attribute in OVERALL else attribute)
    rows = (edges.added(row, rated) for row, rated in chain(listed, blocks))
    compared = Preferences.of_columns(_those_compared(rows, drops))
    if not len(compared):
        lost = ", ".join(f"{count} × {reason}" for reason, count in drops.items())
        raise ValueError(f"compare_ratings: no two ratings {attribute!r} differ by {gap:g}; dropped: {lost or 'none'}")
    compared.drops.update(drops)
    return compared


@dataclass(frozen=True, slots=True)
class _Cut:
    """How to cut single responses into blocks."""

    block: int | None
    passes: int
    seed: int

    def blocks(self, count: int, salt: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield positions ``0 … count - 1``, shuffled and cut, once a pass; a remainder of one joins the last block."""
        for turn in range(self.passes):
            order = np.random.default_rng((self.seed, salt, turn)).permutation(count)
            size = self.block or max(count, 1)
            starts = np.arange(size, count - 1, size) if count > 1 else np.empty(0, np.int64)
            yield from np.split(order, starts)


def _are_single(preferences: Preferences) -> npt.NDArray[np.bool_]:
    """Return for each record whether it is one response without a prompt."""
    bare = np.fromiter((not prompt for prompt in preferences.prompts()), bool, len(preferences))
    single: npt.NDArray[np.bool_] = bare & (preferences.column("size").to_numpy() == 1)
    return single


def _ratings(responses: Sequence[Response], attribute: str) -> Floats:
    return np.array([response.ratings.get(attribute, np.nan) for response in responses], np.float64)


def _listed(preferences: Preferences, attribute: str) -> Iterator[tuple[codec.Columns, Floats]]:
    """Yield each record without comparisons, and its responses' ratings (NaN for none)."""
    for preference, weight in preferences.weighted():
        row = codec.encode(replace(preference, comparisons=()), weight)
        yield row, _ratings(preference.responses, attribute)


def _blocks(
    preferences: Preferences, attribute: str, cut: _Cut, drops: Counter[str]
) -> Iterator[tuple[codec.Columns, Floats]]:
    """Yield blocks of single responses, and their ratings; a response without the rating is dropped and counted."""
    singles = list(chain.from_iterable(preferences.responses()))
    rated = _ratings(singles, attribute)
    unrated = int(np.isnan(rated).sum())
    if unrated:
        drops[f"no rating {attribute!r}"] += unrated
    names, weights = preferences.column("source").to_pylist(), preferences.weights
    origins = list(zip(names, weights.tolist(), strict=True))
    for salt, origin in enumerate(dict.fromkeys(origins)):
        own = np.array(
            [at for at, other in enumerate(origins) if other == origin and not np.isnan(rated[at])], np.int64
        )
        for members in cut.blocks(len(own), salt):
            chosen = own[members]
            yield _block([singles[at] for at in chosen], *origin), rated[chosen]


def _block(responses: list[Response], source: str, weight: float) -> codec.Columns:
    identity = content_id("", responses)
    group = group_of(unit_names(responses, source)) if responses else ""
    preference = Preference(prompt="", responses=tuple(responses), id=identity, source=source, group=group)
    return codec.encode(preference, weight)


@dataclass(frozen=True, slots=True)
class _Edges:
    """How comparisons are made of the ratings of a record."""

    gap: float
    strength: bool
    ties: bool
    objective: str

    def added(self, row: codec.Columns, rated: Floats) -> codec.Columns:
        """Return the row with a comparison for every pair of ratings at least ``gap`` apart, and ties if wanted."""
        first, second = np.triu_indices(len(rated), 1)
        lead = rated[first] - rated[second]
        known = ~np.isnan(lead) if self.ties else np.abs(lead) >= self.gap - _SLACK
        first, second, lead = first[known], second[known], lead[known]
        tie = np.abs(lead) < self.gap - _SLACK
        return row | {
            "chosen": np.where(lead >= 0, first, second).astype(np.int32),
            "rejected": np.where(lead >= 0, second, first).astype(np.int32),
            "tie": tie if tie.any() else None,
            "strength": np.abs(lead) if self.strength else None,
            "votes": codec.votes_for(self.objective, len(lead)) if self.objective else None,
            "vote_total": float(len(lead)),
        }


def _those_compared(rows: Iterator[codec.Columns], drops: Counter[str]) -> Iterator[codec.Columns]:
    """Yield the rows that have a comparison; count the others."""
    for row in rows:
        if len(row["chosen"]):
            yield row
        else:
            drops["no ratings far enough apart"] += 1
