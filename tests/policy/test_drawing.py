"""Drawing tokens: the distribution is the model's, the nucleus is the smallest, and rows do not know each other."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from plaudit.policy.drawing import Drawing, nucleus, seed_of

NONE = torch.zeros(1, 0, dtype=torch.long)


def test_draws_follow_the_softmax() -> None:
    """Over 4,000 rows the tokens drawn are distributed as the softmax of the logits over the temperature."""
    logits, temperature, rows = torch.tensor([1.0, 0.0, -1.0, 2.0, 0.5]), 0.7, 4000
    drawn = Drawing(range(rows), temperature, 1.0)(NONE, logits.repeat(rows, 1)).argmax(-1)
    counts = np.bincount(drawn.numpy(), minlength=5)
    weights = np.exp(logits.double().numpy() / temperature)

    assert chisquare(counts, rows * weights / weights.sum()).pvalue > 0.001


def test_rows_are_drawn_alone() -> None:
    """A row's token is the same in whatever batch, and changes with its seed."""
    scores = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    together = Drawing(range(6), 1.0, 0.9)(NONE, scores).argmax(-1)
    alone = [Drawing([at], 1.0, 0.9)(NONE, scores[at : at + 1]).argmax(-1).item() for at in range(6)]
    flat = Drawing(range(200), 1.0, 1.0)(NONE, torch.zeros(200, 50)).argmax(-1)

    assert together.tolist() == alone
    assert len(set(flat.tolist())) > 30


def test_temperature_zero_takes_the_greatest() -> None:
    """Nothing is drawn: the scores are as they were."""
    scores = torch.randn(3, 7, generator=torch.Generator().manual_seed(1))
    assert torch.equal(Drawing([1, 2, 3], 0.0, 0.5)(NONE, scores), scores)


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_nucleus_is_the_smallest_set_of_the_probability(logits: list[float], top_p: float) -> None:
    """What stays has the probability asked for; without its least token it would not; nothing outside is likelier."""
    scores = torch.tensor([logits], dtype=torch.float64)
    kept = torch.isfinite(nucleus(scores, top_p))[0]
    probabilities = scores.softmax(-1)[0]
    inside, outside = probabilities[kept], probabilities[~kept]

    assert kept.any()
    assert inside.sum() >= min(top_p, 1.0) - 1e-9
    if top_p < 1:
        assert len(inside) == 1 or inside.sum() - inside.min() < top_p + 1e-9
        assert not len(outside) or outside.max() <= inside.min() + 1e-12


@pytest.mark.parametrize("parts", [(1, "a", 2), (1, "a", 3), (1, "b", 2), (2, "a", 2), (1, ["a"], 2)])
def test_seeds_depend_on_every_part(parts: tuple[object, ...]) -> None:
    """Each part counts; the seed is stable over runs and fits a generator."""
    others = [seed_of(*other) for other in [(1, "a", 2), (1, "a", 3), (1, "b", 2), (2, "a", 2), (1, ["a"], 2)]]

    assert others.count(seed_of(*parts)) == 1
    assert 0 <= seed_of(*parts) < 2**63
    assert seed_of(1, "a", 2) == 7076912043262894214
