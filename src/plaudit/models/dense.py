"""Dense attention over blocks, with its backward pass written out.

On a CPU a short segment's attention is bound by memory, not by arithmetic. Composed of ordinary operations it passes
over the score matrix about fourteen times; here the scale goes into the queries and the mask enters through the product
itself, the softmax reads and writes once in each direction, and only the weights are kept for the backward pass.
Queries, keys and values of all blocks are arranged by one copy each, so that a block's operands are views.
"""

from typing import Any

import torch
from torch import Tensor

from plaudit.models.blocks import Operands, Trees


class DenseAttention(torch.autograd.Function):
    """Softmax attention over all blocks of a packed batch, without dropout and without a bound on the scores."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, trees: Trees, window: int | None, scaling: float
    ) -> Tensor:
        """Return the output [T, heads, size] for query [heads, T, size] and key, value [key-value heads, T, size]."""
        arranged, biases = trees.operands(query.shape[0], key.shape[0]), trees.biases(window, query, key)
        with torch.autocast(query.device.type, enabled=False):
            queries = _rows(query).index_select(0, arranged.queries).mul_(scaling)
            keys, values = (_rows(tensor).index_select(0, arranged.keys) for tensor in (key, value))
            out, weights = torch.empty_like(queries), []
            q, o = (arranged.query_blocks(rows) for rows in (queries, out))
            k, v = (arranged.key_blocks(rows) for rows in (keys, values))
            for block, bias in enumerate(biases):
                weight = torch.softmax(_scores(q[block], k[block], bias), dim=-1)
                torch.bmm(weight, v[block], out=o[block])
                weights += [weight] if any(ctx.needs_input_grad) else []
        ctx.save_for_backward(queries, keys, values, *weights)
        ctx.arranged, ctx.heads, ctx.scaling = arranged, (query.shape[0], key.shape[0]), scaling
        return out.index_select(0, arranged.back).view(-1, query.shape[0], query.shape[2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of query, key and value."""
        queries, keys, values, *weights = ctx.saved_tensors
        arranged: Operands = ctx.arranged
        d_out = gradients[0].reshape(-1, queries.shape[1]).index_select(0, arranged.queries)
        d_queries, d_keys, d_values = (torch.empty_like(tensor) for tensor in (queries, keys, values))
        with torch.autocast(queries.device.type, enabled=False):
            q, d_q, d_o = (arranged.query_blocks(rows) for rows in (queries, d_queries, d_out))
            k, v, d_k, d_v = (arranged.key_blocks(rows) for rows in (keys, values, d_keys, d_values))
            for block, weight in enumerate(weights):
                d_weight = torch.bmm(d_o[block], v[block].transpose(1, 2))
                d_scores = torch._softmax_backward_data(d_weight, weight, -1, weight.dtype)  # noqa: SLF001 - it has no public name
                torch.bmm(d_scores, k[block], out=d_q[block])
                torch.bmm(d_scores.transpose(1, 2), q[block], out=d_k[block])
                torch.bmm(weight.transpose(1, 2), d_o[block], out=d_v[block])
            d_query = d_queries.index_select(0, arranged.back).mul_(ctx.scaling)
            d_key, d_value = arranged.gathered(d_keys), arranged.gathered(d_values)
        return (*map(_heads, (d_query, d_key, d_value), (ctx.heads[0], *ctx.heads[1:] * 2)), None, None, None)


def _rows(tensor: Tensor) -> Tensor:
    """Return [heads, T, size] as rows [T * heads, size]: a view where the heads of a token are neighbours."""
    return tensor.transpose(0, 1).reshape(-1, tensor.shape[2])


def _heads(rows: Tensor, heads: int) -> Tensor:
    """Return rows [T * heads, size] as [heads, T, size]."""
    return rows.view(-1, heads, rows.shape[1]).transpose(0, 1)


def _scores(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return torch.bmm(q, k.transpose(1, 2))
    return torch.baddbmm(bias.expand(q.shape[0], -1, -1), q, k.transpose(1, 2))
