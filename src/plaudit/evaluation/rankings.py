r"""Rankings: where a prompt has many responses, does the model put them in the order in which people do?

For each prompt with three responses or more, between the rewards and what people said of the same responses:

* Spearman's :math:`\rho`, the correlation of the ranks, equal values sharing the mean of theirs;
* Kendall's :math:`\tau_b = \frac{C - D}{\sqrt{(n_0 - n_x)(n_0 - n_y)}}`, with :math:`C` pairs in the same order and
  :math:`D` in opposite orders among :math:`n_0`, of which :math:`n_x` and :math:`n_y` are ties of either side;
* **best-of-n**: whether the response with the highest reward is among those that people put first. Where several share
  the highest reward, the share of them that are. Chance is the share of all responses that are.

Each is averaged over prompts, every prompt counting once, with its 95 % interval from resampled groups. That differs
from `plaudit.evaluation.correlations`, which looks at all responses together and so at prompts against each other.

What people said is a rating, or ``comparisons``: where every two responses of a prompt were compared, a response's wins
less its losses, which is its rank if the comparisons came from one.

A prompt where people put all responses on a par has no order to find and is left out. Where the *model* gives all
responses the same reward there is no correlation either; it counts as 0, or silence would be better than an error.

Source: Kendall, The Treatment of Ties in Ranking Problems, Biometrika 33 (1945); best-of-n as a measure of reward
models: Malik et al., RewardBench 2 (2025).

>>> from dataclasses import replace
>>> import numpy as np
>>> three = Predictions.from_pairs([3.0, 3.0, 2.0], [2.0, 1.0, 1.0])
>>> one_prompt = replace(
...     three, rewards=np.array([3.0, 2.0, 1.0]), chosen=np.array([0, 0, 1]), rejected=np.array([1, 2, 2]),
...     response_group=np.zeros(3, int), lengths=np.zeros(3, int), variance=np.zeros(0))
>>> [(found.truth, found.prompts, found.kendall.value) for found in rankings(one_prompt)]
[('comparisons', 1, 1.0)]
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from plaudit.evaluation.intervals import Estimate, interval, unvarying
from plaudit.evaluation.metrics import OfTerms, divide
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Integers, Predictions

COMPARISONS = "comparisons"
"""The order that the comparisons themselves imply."""

FEWEST = 3
"""Responses of a prompt from which on there is an order to speak of: two are a comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How well prompts' responses are put in order.

    Attributes:
        truth: what people said: name of a rating, or ``comparisons``.
        prompts: number of prompts with three responses or more and something to find.
        responses: how many they have together.
        level: number of prompts left out because people put all their responses on a par.
        silent: number of prompts whose rewards are all equal.
        spearman: mean over prompts.
        kendall: mean over prompts.
        best_of_n: share of prompts whose best response has the highest reward.
        chance: what a model that knows nothing has there.
    """

    truth: str
    prompts: int
    responses: int
    level: int
    silent: int
    spearman: Estimate
    kendall: Estimate
    best_of_n: Estimate
    chance: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def rankings(
    predictions: Predictions, truths: Iterable[str] | None = None, resamples: int = 2000, seed: int = 0
) -> tuple[Ranking, ...]:
    """Return how well the responses of each prompt are put in order; nothing for a truth that no prompt has.

    Args:
        predictions: with prompts; where there are none, nothing is returned.
        truths: names of ratings, and ``comparisons``; all by default.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: no such rating; or too few resamples.
    """
    wanted = [COMPARISONS, *predictions.ratings] if truths is None else list(truths)
    for name in wanted:
        if name != COMPARISONS and name not in predictions.ratings:
            raise ValueError(f"no rating is called {name!r}; there are: {', '.join(predictions.ratings) or 'none'}")
    if predictions.by_response:
        return ()
    prompt = _prompts(predictions)
    found = [_ranking(predictions, prompt, name, resamples, seed) for name in wanted]
    return tuple(one for one in found if one is not None)


def _prompts(predictions: Predictions) -> Integers:
    """Return the prompt of each response, int64 [N]: those that are compared, directly or through others."""
    count = predictions.rewards.size
    edges = (np.ones(len(predictions)), (predictions.chosen, predictions.rejected))
    return connected_components(coo_array(edges, shape=(count, count)), directed=False)[1].astype(np.int64)


def _ranking(predictions: Predictions, prompt: Integers, truth: str, resamples: int, seed: int) -> Ranking | None:
    stated = _wins(predictions, prompt) if truth == COMPARISONS else predictions.ratings[truth]
    known = np.flatnonzero(~np.isnan(stated))
    kept = known[np.bincount(prompt[known], minlength=prompt.max(initial=-1) + 1)[prompt[known]] >= FEWEST]
    if not kept.size:
        return None
    orders = Orders.of(predictions.rewards[kept], stated[kept], prompt[kept])
    told = ~orders.level
    if not told.any():
        return None
    groups = predictions.response_group[kept][orders.firsts][told]
    columns: Mapping[str, tuple[Floats, tuple[float, float]]] = {
        "spearman": (orders.spearman, (-1.0, 1.0)),
        "kendall": (orders.kendall, (-1.0, 1.0)),
        "best_of_n": (orders.best, (0.0, 1.0)),
    }
    return Ranking(
        truth=truth,
        prompts=int(told.sum()),
        responses=int(orders.sizes[told].sum()),
        level=int(orders.level.sum()),
        silent=int((orders.silent & told).sum()),
        **{name: _mean(own[told], groups, ends, resamples, seed) for name, (own, ends) in columns.items()},
        chance=float(orders.chance[told].mean()),
    )


def _wins(predictions: Predictions, prompt: Integers) -> Floats:
    """Return wins less losses of each response, float64 [N]; NaN where some two of its prompt were not compared."""
    counted = predictions.weight > 0
    chosen, rejected = predictions.chosen[counted], predictions.rejected[counted]
    won = np.sign(predictions.outcome[counted] - 0.5)
    count = predictions.rewards.size
    wins = np.bincount(chosen, won, count) - np.bincount(rejected, won, count)
    apart = chosen != rejected
    codes = np.minimum(chosen, rejected)[apart] * count + np.maximum(chosen, rejected)[apart]
    compared = np.bincount(prompt[np.unique(codes) // count], minlength=prompt.max(initial=-1) + 1)
    sizes = np.bincount(prompt, minlength=compared.size)
    return np.where((compared == sizes * (sizes - 1) // 2)[prompt], wins, np.nan)


class _Mean(OfTerms):
    """Mean of numbers that stand as margins, one a prompt."""

    def terms(self, predictions: Predictions) -> Floats:
        return predictions.margins


def _mean(column: Floats, groups: Integers, ends: tuple[float, float], resamples: int, seed: int) -> Estimate:
    alone = Predictions.from_pairs(column, np.zeros(column.size), group=groups)
    found = interval(_Mean(), alone, resamples, seed)
    if found.low is None or found.high is None:
        return found
    if np.ptp(column) < 1e-12:
        return Estimate(found.value, *unvarying(found.value, *ends, np.unique(groups).size))
    return Estimate(found.value, max(found.low, ends[0]), min(found.high, ends[1]))


@dataclass(frozen=True, slots=True)
class Orders:
    """Of each of P prompts, how the order of rewards goes with that of what people said.

    Attributes:
        sizes: int64 [P], number of responses.
        firsts: int64 [P], place of its first response.
        spearman: float64 [P], 0 where one side does not vary.
        kendall: float64 [P], tau-b, likewise.
        best: float64 [P], credit for the highest reward.
        chance: float64 [P], share of responses that people put first.
        level: bool [P], people put all on a par.
        silent: bool [P], all rewards are equal.
    """

    sizes: Integers
    firsts: Integers
    spearman: Floats
    kendall: Floats
    best: Floats
    chance: Floats
    level: np.ndarray[Any, np.dtype[np.bool_]]
    silent: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def of(cls, rewards: Floats, stated: Floats, prompt: Integers) -> "Orders":
        """Return them, given float64 [N] rewards and statements, and the prompt of each response, int64 [N]."""
        _, firsts, place, sizes = np.unique(prompt, return_index=True, return_inverse=True, return_counts=True)
        both = rewards, stated

        def total(column: Floats) -> Floats:
            """Return the sums [P] of a column [N] over each prompt."""
            return np.bincount(place, column, sizes.size).astype(np.float64)

        ranks, (xx, yy, xy) = _pairwise(both, place, sizes)
        spread = [total(rank * rank) for rank in ranks]
        order, starts = np.argsort(place, kind="stable"), np.cumsum(sizes) - sizes
        top, first = (own == np.maximum.reduceat(own[order], starts)[place] for own in both)
        shared = total((top & first).astype(np.float64))
        return cls(
            sizes=sizes,
            firsts=firsts,
            spearman=_share(total(ranks[0] * ranks[1]), spread[0] * spread[1]),
            kendall=_share(xy, xx * yy),
            best=divide(shared, total(top.astype(np.float64))),
            chance=total(first.astype(np.float64)) / sizes,
            level=yy == 0,
            silent=xx == 0,
        )


def _pairwise(both: tuple[Floats, Floats], place: Integers, sizes: Integers) -> tuple[list[Floats], list[Floats]]:
    """Return twice the centred ranks of both sides, [N] each, and sums over the pairs of a prompt, [P] each.

    The sums are those of squared signs of either side's differences and of their product. Twice a response's rank, from
    the mean rank, is how many of its prompt are below it less how many are above, so both come from the same signs.
    """
    order = np.argsort(place, kind="stable")
    sides, prompt = [own[order] for own in both], place[order]
    ranks = [np.zeros(prompt.size) for _ in sides]
    sums = [np.zeros(sizes.size) for _ in range(3)]
    for apart in range(1, int(sizes.max(initial=1))):
        left = np.flatnonzero(prompt[apart:] == prompt[:-apart])
        signs = [np.sign(side[left + apart] - side[left]) for side in sides]
        for rank, sign in zip(ranks, signs, strict=True):
            rank[left + apart] += sign
            rank[left] -= sign
        products = (np.abs(signs[0]), np.abs(signs[1]), signs[0] * signs[1])
        sums = [
            found + np.bincount(prompt[left], product, sizes.size)
            for found, product in zip(sums, products, strict=True)
        ]
    back = np.argsort(order, kind="stable")
    return [rank[back] for rank in ranks], sums


def _share(product: Floats, squares: Floats) -> Floats:
    """Return ``product / sqrt(squares)`` from -1 to 1, 0 where it does not exist."""
    return np.clip(np.nan_to_num(divide(product, np.sqrt(squares))), -1.0, 1.0)
