"""Attention over prompt trees: each response attends to its prompt and to itself, exactly as if it stood alone.

Registered with transformers as ``prompt_trees``. The layout travels through every layer as the keyword argument
``trees``, so threads never see each other's. A plan cuts the packed sequence into blocks: query ranges with the key
ranges they may look at. On a CPU a block is one dense masked product, which on short segments is several times
faster than the fused kernels' backward pass, and in bf16 faster than their forward pass too; without gradients a long
tree in fp32 is fused calls and their exact merge; on CUDA in half precision all blocks are one variable-length call.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from plaudit.encoding.batch import Tree
from plaudit.models import forks, varlen
from plaudit.models.blocks import Block, Trees, folded, gathered
from plaudit.models.dense import DenseAttention

NAME = "prompt_trees"


def prompt_trees(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    *,
    trees: Trees | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **unused: Any,
) -> tuple[Tensor, None]:
    """Attend within prompt trees; the signature is transformers' ``AttentionInterface``.

    Args:
        module: the attention layer (its training flag switches dropout).
        query: [1, heads, T, size].
        key: [1, key-value heads, T, size].
        value: like ``key``.
        attention_mask: must be None: the layout says everything.
        trees: the plan of this batch.
        scaling: factor on the scores, ``size ** -0.5`` by default.
        dropout: rate on the attention weights.
        sliding_window: a query sees keys fewer than this many positions away.
        softcap: bound of the scores through tanh.
        unused: what transformers passes to every kernel (attention sinks are refused).

    Returns:
        [1, T, heads, size], and None for the weights.
    """
    if trees is None or attention_mask is not None:
        raise ValueError("attention 'prompt_trees' needs trees= and no attention mask; load the model through plaudit")
    if unused.get("s_aux") is not None:
        raise ValueError("attention sinks are not supported by prompt trees; use layout='padded'")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    # under autocast rotary embeddings leave queries and keys in fp32, and only the projections in half precision
    queries, keys, values = (tensor[0].to(value.dtype) for tensor in (query, key, value))
    rate = dropout if module.training else 0.0
    if varlen.suits(queries, rate, softcap):
        sequences = trees.sequences()
        out = varlen.attend(
            queries, keys, values, sequences, causal=trees.causal, window=sliding_window, scaling=scaling
        )
        return out.unsqueeze(0), None
    if rate == 0 and softcap is None and (torch.is_grad_enabled() or queries.dtype == torch.bfloat16):
        out = DenseAttention.apply(queries, keys, values, trees, sliding_window, scaling)
        return out.unsqueeze(0), None
    forked = forks.suits(queries, rate, softcap, sliding_window)
    product = partial(_product, scaling=scaling, rate=rate, softcap=softcap)
    parts = [
        forks.attend(queries, keys, values, part, scaling)
        if isinstance(part, Tree)
        else _attend(queries, keys, values, trees.blocks[part], trees.mask(part, sliding_window), product)
        for part in (trees.parts() if forked else range(len(trees.blocks)))
    ]
    return torch.cat(parts).unsqueeze(0), None


def _attend(
    queries: Tensor, keys: Tensor, values: Tensor, block: Block, mask: Tensor | None, product: Callable[..., Tensor]
) -> Tensor:
    """Return the output of one block, [fold * queries, heads, size]."""
    q, k, v = folded(queries, block), gathered(keys, block), gathered(values, block)
    return product(q, k, v, mask).transpose(1, 2).flatten(0, 1)


def _product(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, scaling: float, rate: float, softcap: float | None
) -> Tensor:
    if softcap is None:
        grouped = q.shape[1] != k.shape[1]
        return scaled_dot_product_attention(q, k, v, mask, dropout_p=rate, scale=scaling, enable_gqa=grouped)
    return _dense(q, k, v, mask, scaling, rate, softcap)


def _dense(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scaling: float, rate: float, softcap: float | None
) -> Tensor:
    """Softmax attention by plain products; key-value heads serve their query heads without being copied."""
    fold, heads, tokens, size = q.shape
    grouped = (q * scaling).reshape(fold, k.shape[1], -1, size)
    scores = grouped @ k.transpose(-1, -2)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        shape = scores.shape
        scores = scores.view(*shape[:2], -1, tokens, shape[3]).masked_fill(~mask, float("-inf")).view(shape)
    weights = drop(torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype), rate, training=rate > 0)
    return (weights @ v).reshape(fold, heads, tokens, size)


AttentionInterface.register(NAME, prompt_trees)
