"""Variable-length attention for CUDA in half precision: all trees in one call of torch's fused kernel.

A prompt is one sequence; each response is one more, whose keys are its prompt's followed by its own. The kernel aligns
queries with the *end* of their keys, so causality and windows come out right although a response has fewer queries
than keys. Only keys and values of a prompt are copied, once a response.

``varlen_attn`` came with torch 2.10; windows and grouped heads came to it later (2.12 documents them, 2.13 is tested).
The arrangement is tested on a CPU against a plain stand-in for the kernel. The kernel itself needs a GPU.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn

from plaudit.encoding.batch import Layout

HALF = (torch.float16, torch.bfloat16)
LARGEST_HEAD = 256


@dataclass(frozen=True, slots=True)
class Sequences:
    """The packed tokens as the kernel wants them.

    Attributes:
        queries: int32 [S + 1], cumulative numbers of queries; they lie in packed order.
        keys: int32 [S + 1], cumulative numbers of keys.
        gather: int64, packed offset of every key.
        longest: the most queries and the most keys of a sequence.
    """

    queries: Tensor
    keys: Tensor
    gather: Tensor
    longest: tuple[int, int]


def arrange(layout: Layout, device: torch.device) -> Sequences:
    """Return the sequences of a packed batch: of each tree its prompt, if any, then its responses."""
    queries, keys = [], []
    for tree in layout.trees:
        prompt = torch.arange(tree.start, tree.start + tree.prompt)
        parts = [prompt] if tree.prompt else []
        parts += torch.arange(tree.start + tree.prompt, tree.start + tree.length).split(list(tree.responses))
        queries += [len(part) for part in parts]
        keys += [part if part is prompt else torch.cat([prompt, part]) for part in parts]
    counts = [len(key) for key in keys]
    return Sequences(
        _cumulative(queries, device),
        _cumulative(counts, device),
        torch.cat(keys).to(device),
        (max(queries), max(counts)),
    )


def _cumulative(counts: list[int], device: torch.device) -> Tensor:
    return torch.tensor([0, *counts]).cumsum(0).to(device, torch.int32)


def suits(query: Tensor, dropout: float, softcap: float | None) -> bool:
    """Return whether the kernel can do it: on CUDA, in half precision, without dropout or a bound on the scores."""
    plain = dropout == 0 and softcap is None
    return query.is_cuda and query.dtype in HALF and plain and query.shape[-1] <= LARGEST_HEAD


def attend(
    query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, *, causal: bool, window: int | None, scaling: float
) -> Tensor:
    """Return the output [T, heads, size] for query [heads, T, size] and key, value [key-value heads, T, size]."""
    reach = -1 if window is None else window - 1
    q, k, v = (tensor.transpose(0, 1) for tensor in (query, key, value))
    out: Any = varlen_attn(
        q.contiguous(),
        k[sequences.gather],
        v[sequences.gather],
        sequences.queries,
        sequences.keys,
        *sequences.longest,
        scale=scaling,
        window_size=(reach, 0 if causal else reach),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    attended: Tensor = out
    return attended
