"""Predictions for tests: drawn by Hypothesis, or simulated with a known truth."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from plaudit.predictions import Labels, Predictions

rewards = st.floats(-50, 50) | st.sampled_from([0.0, 1.0, -1.0])


@st.composite
def predictions(draw: st.DrawFn, fewest: int = 1, most: int = 30) -> Predictions:
    """Small sets with ties, equal rewards, zero weights, shared responses, and both designs."""
    by_response = draw(st.booleans())
    responses, comparisons = draw(st.integers(2, 12)), draw(st.integers(fewest, most))
    groups = np.array(draw(st.lists(st.integers(-3, 30), min_size=responses, max_size=responses)))
    chosen = np.array(draw(st.lists(st.integers(0, responses - 1), min_size=comparisons, max_size=comparisons)), int)
    rejected = np.array(draw(st.lists(st.integers(0, responses - 1), min_size=comparisons, max_size=comparisons)), int)
    if not by_response:
        groups = np.zeros(responses, int)
    weights = st.sampled_from([0.0, 0.1, 1.0, 2.5])
    return Predictions(
        rewards=np.array(draw(st.lists(rewards, min_size=responses, max_size=responses))),
        chosen=chosen,
        rejected=rejected,
        outcome=np.array(draw(st.lists(st.sampled_from([1.0, 0.5]), min_size=comparisons, max_size=comparisons))),
        weight=np.array([1.0, *draw(st.lists(weights, min_size=comparisons, max_size=comparisons))][:comparisons]),
        strength=np.array(draw(st.lists(st.just(np.nan) | rewards, min_size=comparisons, max_size=comparisons))),
        response_group=groups,
        by_response=by_response,
        lengths=np.array(draw(st.lists(st.integers(0, 9), min_size=responses, max_size=responses))),
        variance=np.array(draw(st.lists(st.just(np.nan) | st.floats(0, 9), min_size=responses, max_size=responses))),
        margin_variance=np.array(
            draw(st.lists(st.just(np.nan) | st.floats(0, 9), min_size=comparisons, max_size=comparisons)), float
        ),
        slices={"source": draw(_labels(comparisons)), "subset": draw(_labels(comparisons))},
        parts=draw(_table(responses)),
        ratings=draw(_table(responses)),
        ids=draw(st.just(()) | st.tuples(*[st.text(max_size=3)] * responses)),
    )


def _table(responses: int) -> st.SearchStrategy[dict[str, np.ndarray]]:
    def drawn(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.where(rng.random(responses) < 0.3, np.nan, rng.normal(size=responses))

    return st.dictionaries(st.sampled_from(["", "humor", "é\0"]), st.integers(0, 99).map(drawn), max_size=2)


def _labels(count: int) -> st.SearchStrategy[Labels]:
    label = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=4)
    number = st.floats(allow_nan=False, allow_infinity=False)
    return st.lists(label | number, min_size=count, max_size=count).map(as_labels)


def as_labels(values: Sequence[object]) -> Labels:
    """One label a comparison, as `Predictions` keeps them."""
    labels: Labels = np.empty(len(values), dtype=object)
    labels[:] = values
    return labels


def in_prompts(rng: np.random.Generator, groups: int, centre: float = 1.0) -> Predictions:
    """One to four comparisons a prompt, whose margins share what the prompt contributes."""
    group = np.repeat(np.arange(groups), rng.integers(1, 5, groups))
    margins = rng.normal(centre, 1, groups)[group] + rng.normal(size=group.size)
    return Predictions.from_pairs(margins, np.zeros(group.size), group=group)


def calibrated(rng: np.random.Generator, groups: int) -> Predictions:
    """Like `in_prompts`, but the outcome is drawn with the probability that the margin claims."""
    drawn = in_prompts(rng, groups)
    margins = np.abs(drawn.margins)
    won = rng.random(margins.size) < 1 / (1 + np.exp(-margins))
    return Predictions.from_pairs(
        np.where(won, margins, -margins), np.zeros(won.size), group=drawn.comparison_groups[0]
    )


def _compared(rng: np.random.Generator, responses: int, design: str) -> tuple[np.ndarray, np.ndarray]:
    if design == "all pairs":
        return np.triu_indices(responses, 1)
    if design == "pairs apart":
        order = rng.permutation(responses)
        return order[::2], order[1::2]
    if design == "blocks of four":
        blocks, (left, right) = np.arange(responses).reshape(-1, 4), np.triu_indices(4, 1)
        return blocks[:, left].ravel(), blocks[:, right].ravel()
    left = rng.integers(responses, size=3 * responses)  # design == "six a response"
    return left, (left + rng.integers(1, responses, left.size)) % responses


def without_prompts(rng: np.random.Generator, responses: int, design: str) -> Predictions:
    """Responses of normal quality, rewarded with normal noise; a judge with a little noise compares those apart."""
    quality = rng.normal(size=responses)
    left, right = _compared(rng, responses, design)
    apart = quality[left] - quality[right] + 0.3 * rng.normal(size=left.size)
    clear = np.abs(apart) >= 0.3
    left, right, first = left[clear], right[clear], apart[clear] > 0
    return Predictions(
        rewards=quality + rng.normal(size=responses),
        chosen=np.where(first, left, right),
        rejected=np.where(first, right, left),
        outcome=np.ones(left.size),
        weight=np.ones(left.size),
        strength=np.full(left.size, np.nan),
        response_group=np.arange(responses),
        by_response=True,
        lengths=np.zeros(responses, int),
    )
