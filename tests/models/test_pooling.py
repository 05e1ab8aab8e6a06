"""Pooling picks the hidden states that its definition names, worked out by hand on one small batch."""

import numpy as np
import pytest
import torch

from plaudit.encoding.packing import collate_sequences
from plaudit.models.pooling import POOLINGS, BadPooling, pool
from tests.models.test_prompt_trees import encoded_set

ENCODED = encoded_set()


def token(sequence, place):
    """Return a vector that only the token at ``place`` of ``sequence`` has: its id and its position."""
    ids = ENCODED.ids(sequence)
    place = range(len(ids))[place]
    return torch.tensor([float(ids[place]), float(place)])


def hidden(batch):
    """Return [T, 2]: the id and the position of every packed token."""
    return torch.stack([batch.input_ids, batch.position_ids], dim=1).float()


@pytest.fixture(params=[True, False], ids=["shared", "alone"])
def batch(request):
    """Every sequence of the set, its prompt shared or not."""
    return collate_sequences(ENCODED, range(ENCODED.sequences), share=request.param)


@pytest.mark.parametrize(("pooling", "place"), [("last", -1), ("first", 0)])
def test_one_token_is_picked(batch, pooling, place):
    """``last`` is each response's final token, ``first`` the first of its whole sequence, prompt included."""
    expected = torch.stack([token(sequence, place) for sequence in batch.sequences])

    assert torch.equal(pool(hidden(batch), batch, pooling), expected)


def test_the_mean_is_over_the_whole_sequence(batch):
    """``mean`` averages prompt and response of each sequence alone, as numpy does."""
    rows = [ENCODED.ids(sequence) for sequence in batch.sequences]
    expected = [[np.mean(row), np.mean(np.arange(len(row)))] for row in rows]

    assert torch.allclose(pool(hidden(batch), batch, "mean"), torch.tensor(expected, dtype=torch.float32))


def test_the_mean_of_the_response_leaves_the_prompt_out(batch):
    """``response`` averages each response's own tokens, as numpy does."""
    rows = [(ENCODED.ids(sequence), ENCODED.response_starts[sequence]) for sequence in batch.sequences]
    expected = [[np.mean(row[start:]), np.mean(np.arange(start, len(row)))] for row, start in rows]

    assert any(start > 0 for _, start in rows)
    assert torch.allclose(pool(hidden(batch), batch, "response"), torch.tensor(expected, dtype=torch.float32))


def test_several_poolings_lie_beside_each_other(batch):
    """``last+response`` is the one state, then the other."""
    both = pool(hidden(batch), batch, "last+response")

    assert torch.equal(both, torch.cat([pool(hidden(batch), batch, name) for name in ("last", "response")], dim=1))


def test_transformers_rule_skips_pad_ids(batch):
    """``hf_last_non_pad`` takes the right-most token that is not the pad id."""
    pad = int(ENCODED.ids(0)[-1])
    expected = []
    for sequence in batch.sequences:
        real = np.flatnonzero(ENCODED.ids(sequence) != pad)
        expected.append(token(sequence, int(real[-1])))
    picked = pool(hidden(batch), batch, "hf_last_non_pad", pad)

    assert torch.equal(picked, torch.stack(expected))
    assert not torch.equal(picked, pool(hidden(batch), batch, "last")), "no sequence ends in the pad id"


def test_a_sequence_of_pads_is_pooled_at_its_first_token():
    """Where every token is the pad id, the first stands for the sequence, as in transformers."""
    batch = collate_sequences(ENCODED, [0])
    batch.input_ids.fill_(7)

    assert pool(hidden(batch), batch, "hf_last_non_pad", 7).tolist() == [[7, 0]]


def test_bad_poolings_are_refused(batch):
    """An unknown name is refused with the known ones, and the pad rule without a pad id."""
    with pytest.raises(BadPooling, match=f"unknown pooling 'max'; known: {', '.join(POOLINGS)}"):
        pool(hidden(batch), batch, "max")
    with pytest.raises(BadPooling, match="unknown pooling 'max'"):
        pool(hidden(batch), batch, "last+max")
    with pytest.raises(BadPooling, match="needs the pad token's id"):
        pool(hidden(batch), batch, "hf_last_non_pad")
