"""Span supervision: its value by another road, what has no part in it, and what it asks for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards, SpanLogits
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised, Unsuited, reads_spans, regularisers_of
from plaudit.objectives.regularisers.centred import Centred
from plaudit.objectives.regularisers.span_supervision import SpanSupervision, marked_shares
from plaudit.testing import pair_labels

SPAN = 3


def batch_of(marks: list[list[int]], logits: list[float]) -> tuple[Rewards, Labels]:
    """Responses with marked tokens, compared in pairs, in spans of three tokens with one logit each."""
    rows = [
        (number, begin, min(begin + SPAN, len(own)))
        for number, own in enumerate(marks)
        for begin in range(0, len(own), SPAN)
    ]
    response, begin, end = (torch.tensor(column) for column in zip(*rows, strict=True))
    spans = SpanLogits(torch.tensor(logits[: len(rows)]), response, begin, end)
    labels = replace(
        pair_labels(len(marks) // 2),
        lengths=torch.tensor([len(own) for own in marks]),
        marks=torch.tensor([mark for own in marks for mark in own], dtype=torch.uint8),
    )
    return Rewards(torch.zeros(len(marks), 1), spans=spans), labels


def by_hand(marks: list[list[int]], logits: list[float]) -> list[float]:
    """The penalties as a sum over tokens: each judged token is a case of its own, a span's cases weigh one together."""
    remaining, losses = iter(logits), []
    for own in marks:
        spans = []
        for begin in range(0, len(own), SPAN):
            probability = 1 / (1 + np.exp(-next(remaining)))
            cases = [mark == 1 for mark in own[begin : begin + SPAN] if mark]
            if cases:
                spans.append(log_loss(cases, [probability] * len(cases), labels=[False, True]))
        losses.append(np.mean(spans) if spans else None)
    pairs = zip(losses[::2], losses[1::2], strict=True)
    return [float(np.mean(known)) if (known := [one for one in pair if one is not None]) else 0.0 for pair in pairs]


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=2 * n, max_size=2 * n)
    ),
    st.lists(st.floats(-8, 8, width=32), min_size=32, max_size=32),
)
def test_it_is_the_mean_cross_entropy_of_judged_tokens(marks: list[list[int]], logits: list[float]) -> None:
    """By scikit-learn, token for token: over the spans of a response, then the judged responses of a comparison."""
    rewards, labels = batch_of(marks, logits)
    found = SpanSupervision()(rewards, labels, BradleyTerry())

    assert found.tolist() == pytest.approx(by_hand(marks, logits), rel=1e-4, abs=1e-6)


def test_shares_are_of_judged_tokens() -> None:
    """Tokens that nobody judged are in neither number; a span of nothing else is not judged."""
    rewards, labels = batch_of([[2, 0, 1, 0, 0], [2, 2, 2, 1]], [0.0] * 4)
    assert rewards.spans is not None
    share, judged = marked_shares(rewards.spans, labels)

    assert share.tolist() == [0.5, 0.0, 1.0, 0.0]
    assert judged.tolist() == [True, False, True, True]


def test_spans_nobody_judged_are_not_pulled() -> None:
    """Marked spans are pulled down, unmarked ones up, the rest stay."""
    rewards, labels = batch_of([[2, 2, 2, 1, 1, 1, 0, 0], [0, 0]], [0.0] * 4)
    assert rewards.spans is not None
    leaf = rewards.spans.logits.requires_grad_()
    SpanSupervision()(rewards, labels, BradleyTerry()).sum().backward()
    assert leaf.grad is not None

    assert leaf.grad.tolist() == pytest.approx([0.25, -0.25, 0.0, 0.0])


def test_it_asks_for_marks_and_for_a_model_that_reads_spans() -> None:
    """What is missing in the data, or in the model, is named; data without marks have no part in a batch."""
    rewards, labels = batch_of([[1], [2]], [0.0, 0.0])
    regularised = Regularised(BradleyTerry(), [Centred(), SpanSupervision()])
    with pytest.raises(Unsuited, match="set model.architecture to 'hierarchical', and training.tune to 'full'"):
        regularised(replace(rewards, spans=None), labels)

    assert SpanSupervision()(rewards, replace(labels, marks=None), BradleyTerry()).tolist() == [0.0]
    [spans] = [one for one in regularisers_of(regularised) if isinstance(one, SpanSupervision)]
    assert "learns from span feedback, and no compared response has any" in spans.requires(DataFacts())
    assert spans.requires(DataFacts(marked=1)) == ""
    assert reads_spans(regularised)
    assert not reads_spans(Regularised(BradleyTerry(), [SpanSupervision(weight=0.0)]))
    assert not reads_spans(BradleyTerry())
