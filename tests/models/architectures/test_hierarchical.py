"""Levels are means over the ends of spans and turns, found in each sequence alone."""

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.encoding.encode import encode_all
from plaudit.encoding.packing import collate
from plaudit.models.architectures.hierarchical import Hierarchical, span_ends, turn_ends
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.span_supervision import SpanSupervision, marked_shares
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.training.step import train_step
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set
from tests.scoring.tiny import tiny_of


def test_levels_are_means_over_single_sequences() -> None:
    """Each level is the mean of the head's outputs at its ends, computed one unpadded sequence at a time."""
    classifier: Any = build(decoders()["llama"], heads=3).eval()
    encoded = encoded_set()
    expected = {}
    for sequence in range(encoded.sequences):
        ids = torch.from_numpy(encoded.ids(sequence).astype(np.int64))
        with torch.no_grad():
            outputs = classifier.score(classifier.model(ids[None]).last_hidden_state[0])
        begin, last = int(encoded.response_starts[sequence]), len(ids) - 1
        spans = [at for at in range(begin, last) if (at - begin) % 4 == 3] + [last]
        turns = [at for at in range(begin, last + 1) if ids[at] == ids[last]]
        expected[sequence] = (outputs[spans, 0].mean(), outputs[turns, 1].mean(), outputs[last, 2])
    model = Hierarchical(classifier, weights=(1.0, 2.0, -1.0), span=4).eval()
    batch = collate(encoded, range(len(encoded)))
    with torch.no_grad():
        found = model(batch).values

    levels = torch.stack([torch.stack(expected[sequence]) for sequence in batch.sequences])
    assert torch.allclose(found[:, 1:], levels, atol=1e-5)
    assert torch.allclose(found[:, 0], levels @ torch.tensor([0.25, 0.5, -0.25]), atol=1e-5)
    assert model.outputs == ("reward", "span", "turn", "response")


def test_with_pooling_mean_stretches_are_read_as_means() -> None:
    """An encoder that pools by the mean reads a span as the mean of its states, and so the levels; by hand, one
    unpadded sequence at a time, through the head's own layers.
    """
    classifier: Any = build(encoders()["bert"], heads=3).eval()
    encoded = encoded_set(causal=False)
    encoded = replace(encoded, marks=np.ones(len(encoded.tokens), np.uint8))
    expected = {}
    for sequence in range(encoded.sequences):
        ids, begin = torch.from_numpy(encoded.ids(sequence)).long(), int(encoded.response_starts[sequence])
        types = (torch.arange(len(ids)) >= begin).long() if encoded.token_types is not None else torch.zeros_like(ids)
        with torch.no_grad():
            states = classifier.bert(ids[None], token_type_ids=types[None]).last_hidden_state[0]
        expected[sequence] = ([span.mean(0) for span in states[begin:].split(4)], states.mean(0))

    def outputs(state: torch.Tensor) -> torch.Tensor:
        """Return what the head makes of one state."""
        return classifier.classifier(classifier.bert.pooler(state[None, None]))[0]

    model = Hierarchical(classifier, "mean", span=4).eval()
    batch = collate(encoded, range(len(encoded)), share=False)
    with torch.no_grad():
        rewards = model(batch)
        assert rewards.spans is not None
        for place, sequence in enumerate(batch.sequences):
            spans, whole = expected[sequence]
            found = rewards.spans.logits[rewards.spans.response == place]
            assert torch.allclose(found, torch.stack([outputs(span)[0] for span in spans]), atol=1e-5)
            assert torch.allclose(rewards.values[place, 1], outputs(torch.stack(spans).mean(0))[0], atol=1e-5)
            assert torch.allclose(rewards.values[place, 3], outputs(whole)[2], atol=1e-5)
    assert "means over spans of 4 tokens" in model.composition


def test_spans_are_read_where_they_end_in_any_layout() -> None:
    """With marks, the span head's output at the end of each span of each sequence alone, shared prefix or not."""
    classifier: Any = build(decoders()["llama"], heads=3).eval()
    encoded = encoded_set()
    encoded = replace(encoded, marks=np.ones(len(encoded.tokens), np.uint8))
    with torch.no_grad():
        states = {
            sequence: classifier.score(
                classifier.model(torch.tensor(encoded.ids(sequence)[None].astype(np.int64))).last_hidden_state[0]
            )
            for sequence in range(encoded.sequences)
        }
    for layout, share in (("trees", True), ("trees", False), ("padded", True)):
        model = Hierarchical(classifier, span=4, layout=layout).eval()
        batch = collate(encoded, range(len(encoded)), share=share)
        with torch.no_grad():
            rewards, plain = (
                model(batch),
                model(collate(replace(encoded, marks=None), range(len(encoded)), share=share)),
            )
        found = rewards.spans
        assert found is not None
        assert plain.spans is None
        assert torch.equal(rewards.values, plain.values)
        for place, sequence in enumerate(batch.sequences):
            own, start = found.response == place, int(encoded.response_starts[sequence])
            begins, ends = found.begin[own].tolist(), found.end[own].tolist()
            assert [0, *ends] == [*begins, int(batch.labels.lengths[place])]
            assert all(end - begin == 4 for begin, end in zip(begins[:-1], ends[:-1], strict=True))
            expected = states[sequence][[start + end - 1 for end in ends], 0]
            assert torch.allclose(found.logits[own], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("length", "span", "ends"),
    [(1, 4, [0]), (4, 4, [3]), (5, 4, [3, 4]), (9, 4, [3, 7, 8]), (3, 1, [0, 1, 2]), (3, 100, [2])],
)
def test_spans_cover_the_response(length: int, span: int, ends: list[int]) -> None:
    """Every token is in one span, and the last span ends with the response."""
    assert span_ends(torch.arange(length) + 7, span).tolist() == [end + 7 for end in ends]


def test_turns_end_as_the_response_does() -> None:
    """A turn ends wherever the id of the response's last token stands, not in the prompt before it."""
    ids = torch.tensor([9, 1, 2, 9, 4, 5, 9])

    assert turn_ends(torch.arange(1, 7), ids).tolist() == [3, 6]
    assert turn_ends(torch.arange(4, 6), ids).tolist() == [5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": (1.0, 2.0)}, "weights must be three finite numbers"),
        ({"weights": (0.0, 0.0, 0.0)}, "not all 0"),
        ({"weights": (1.0, math.nan, 0.0)}, "weights must be three finite numbers"),
        ({"span": 0}, "span must be 1 token or more, not 0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """Settings out of range are named, with what they may be."""
    with pytest.raises(ValueError, match=message):
        Hierarchical(build(decoders()["llama"], heads=3), **settings)


WORDS = ("fox", "dog", "lazy", "quick", "people", "answer", "model", "today", "sleeps", "prefer")


def marked_record(number: int, draw: random.Random) -> Preference:
    """Two responses of words at random, a stretch of the first marked."""
    texts = [" ".join(draw.choices(WORDS, k=8)) for _ in range(2)]
    begin = draw.randrange(len(texts[0]) // 2)
    errors = [{"start": begin, "end": begin + len(texts[0]) // 3}]
    first = Response(content=texts[0], extra={"feedback": {"errors": errors}})
    comparisons = (Comparison(chosen=number % 2, rejected=1 - number % 2),)
    responses = first, Response(content=texts[1])
    return Preference(prompt=f"Number {number}?", responses=responses, comparisons=comparisons)


@pytest.mark.parametrize(("name", "pooling", "rate"), [("llama", "last", 5e-3), ("bert", "mean", 1e-2)])
def test_ten_records_are_learned_by_heart(name: str, pooling: str, rate: float) -> None:
    """From marked characters to the span head, through decoder and encoder: its outputs become the unmarked shares,
    and the comparisons are ordered besides. The first step reaches head, embeddings and all between.
    """
    model, encoder = tiny_of(Hierarchical, name, span=4)
    model.pooling = pooling
    draw = random.Random(0)
    encoded = encode_all([marked_record(number, draw) for number in range(10)], encoder, spans=True)
    batch = collate(encoded, range(10), share=model.shares)
    objective: Any = Regularised(BradleyTerry(), [SpanSupervision()])
    objective(model(batch), batch.labels).penalty.backward()
    reached = [name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(120):
        train_step(model, batch, objective=objective, optimizer=optimizer)
    with torch.no_grad():
        rewards = model.eval()(batch)
    assert rewards.spans is not None
    share, judged = marked_shares(rewards.spans, batch.labels)
    found = torch.corrcoef(torch.stack([rewards.spans.logits.sigmoid()[judged], 1 - share[judged]]))[0, 1]

    assert share[judged].std() > 0.25
    assert found > 0.95
    assert (rewards.scalar[batch.labels.chosen] > rewards.scalar[batch.labels.rejected]).all()
    assert any("embed" in one for one in reached) and any(
        one.endswith(("score.weight", "classifier.weight")) for one in reached
    )
