"""The arrangement for the variable-length kernel, against the dense path, with a plain stand-in for the kernel."""

import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.models import varlen
from plaudit.models.architectures.scalar import Scalar
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set


def stand_in(query, key, value, queries, keys, longest_query, longest_key, *, scale, window_size, enable_gqa):
    """Attend sequence by sequence, queries aligned with the end of their keys, as the fused kernel documents it."""
    left, right = window_size
    assert enable_gqa == (query.shape[1] != key.shape[1])
    out = []
    for number in range(len(queries) - 1):
        q = query[queries[number] : queries[number + 1]].transpose(0, 1)
        k, v = (t[keys[number] : keys[number + 1]].transpose(0, 1) for t in (key, value))
        k, v = (t.repeat_interleave(q.shape[0] // t.shape[0], 0) for t in (k, v))
        assert q.shape[1] <= longest_query
        assert k.shape[1] <= longest_key
        places = torch.arange(q.shape[1])[:, None] + k.shape[1] - q.shape[1]
        distance = places - torch.arange(k.shape[1])[None]
        seen = torch.ones_like(distance, dtype=torch.bool)
        seen &= (distance <= left) if left >= 0 else seen
        seen &= (-distance <= right) if right >= 0 else seen
        scores = (q @ k.transpose(1, 2) * scale).masked_fill(~seen, float("-inf"))
        out.append((torch.softmax(scores, -1) @ v).transpose(0, 1))
    return torch.cat(out)


CASES = {
    "llama": (decoders(), None),
    "gpt2": (decoders(), None),
    "mistral": (decoders(6), 6),
    "qwen2": (decoders(9), 9),
}


@pytest.mark.parametrize("family", [*CASES, "bert", "modernbert"])
def test_the_arrangement_gives_the_same_rewards(family, monkeypatch):
    """Rewards equal those of the dense path, with windows and grouped heads, and in encoders."""
    causal = family in CASES
    config = CASES[family][0][family] if causal else encoders()[family]
    model = Scalar(build(config).eval(), "last" if causal else "first").eval()
    batch = collate(encoded_set(causal=causal), range(4), share=causal)
    with torch.no_grad():
        dense = model(batch).scalar
        monkeypatch.setattr(varlen, "suits", lambda *_: True)
        monkeypatch.setattr(varlen, "varlen_attn", stand_in)
        arranged = model(batch).scalar

    assert dense.std() > 1e-3
    assert torch.allclose(arranged, dense, atol=1e-5)


def test_the_kernel_is_for_cuda_in_half_precision():
    """On a CPU, in fp32, with dropout or with a bound on the scores, the dense path stays."""
    query = torch.zeros(2, 3, 8, dtype=torch.bfloat16)

    assert not varlen.suits(query, 0.0, None)
