"""Attention over one long prompt and its responses, without masks: for scoring on a CPU in fp32.

A response's softmax runs over its prompt and itself. Both parts are computed apart, each without a mask: all
responses against the prompt in one call, each response against itself in another. The parts are joined exactly,
weighted by the sum of exponentials that each of them saw:

.. math:: o = (e^{l_1} o_1 + e^{l_2} o_2) / (e^{l_1} + e^{l_2}).

Source: the merge of partial softmaxes of Milakov and Gimelshein, Online normalizer calculation for softmax (2018);
shared prompts: Juravsky et al., Hydragen (2024).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from plaudit.encoding.batch import Tree

KERNEL = "_scaled_dot_product_flash_attention_for_cpu"
"""torch's fused attention for CPUs, the one that also gives the logarithm of the sum of exponentials."""


def suits(query: Tensor, dropout: float, softcap: float | None, window: int | None) -> bool:
    """Return whether forks can be computed and pay: on a CPU in fp32, without gradients, dropout, windows, softcap.

    In bf16 the fused kernel spends most of its time between the products, and dense blocks are faster.
    """
    plain = dropout == 0 and softcap is None and window is None
    free = not (torch.is_grad_enabled() and query.requires_grad)
    exact = query.device.type == "cpu" and query.dtype == torch.float32
    return plain and free and exact and hasattr(torch.ops.aten, KERNEL)


def attend(query: Tensor, key: Tensor, value: Tensor, tree: Tree, scaling: float) -> Tensor:
    """Return the output [tree.length, heads, size] of one tree.

    Args:
        query: [heads, T, size], of the whole packed sequence.
        key: [key-value heads, T, size].
        value: like ``key``.
        tree: its range in the sequence; it has a prompt.
        scaling: factor on the scores.
    """
    fork = tree.start + tree.prompt
    prompt, after = slice(tree.start, fork), slice(fork, tree.start + tree.length)
    first, _ = _fused(query[:, prompt], key[:, prompt], value[:, prompt], scaling, causal=True)
    shared, shared_log = _fused(query[:, after], key[:, prompt], value[:, prompt], scaling, causal=False)
    parts = [_fused(query[:, own], key[:, own], value[:, own], scaling, causal=True) for own in _own(tree, fork)]
    own, own_log = (torch.cat(tensors, dim=1) for tensors in zip(*parts, strict=True))
    share = torch.sigmoid(own_log - shared_log).unsqueeze(-1)
    joined = torch.lerp(shared.float(), own.float(), share).to(query.dtype)
    return torch.cat([first, joined], dim=1).transpose(0, 1)


def _own(tree: Tree, fork: int) -> Iterator[slice]:
    for length in tree.responses:
        yield slice(fork, fork + length)
        fork += length


def _fused(query: Tensor, key: Tensor, value: Tensor, scaling: float, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Return output [heads, L, size] and the logarithm of the sum of exponentials, fp32 [heads, L]."""
    kernel = getattr(torch.ops.aten, KERNEL)
    out, log = kernel(query[None], key[None], value[None], 0.0, causal, scale=scaling)
    return out[0], log[0]
