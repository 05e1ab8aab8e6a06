"""Dense attention over blocks, with its backward pass written out.

On a CPU a short segment's attention is bound by memory, not by arithmetic. Composed of ordinary operations it passes
over the score matrix about fourteen times; here the scale and the mask enter through the product itself, the softmax
reads and writes once in each direction, and only the weights are kept for the backward pass.
"""

from typing import Any

import torch
from torch import Tensor

from plaudit.models.blocks import Block, Trees, folded, gathered


class DenseAttention(torch.autograd.Function):
    """Softmax attention over all blocks of a packed batch, without dropout and without a bound on the scores."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, trees: Trees, window: int | None, scaling: float
    ) -> Tensor:
        """Return the output [T, heads, size] for query [heads, T, size] and key, value [key-value heads, T, size]."""
        out = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        weights = []
        with torch.autocast(query.device.type, enabled=False):
            for block, bias in zip(trees.blocks, trees.biases(window, query, key), strict=True):
                q, k, v = _operands(block, query, key, value)
                scores = _scores(q * scaling, k, bias)
                weight = torch.softmax(scores, dim=-1)
                _put(out, block, weight @ v, query.shape[0])
                weights += [weight] if any(ctx.needs_input_grad) else []
        ctx.save_for_backward(query, key, value, *weights)
        ctx.trees, ctx.scaling = trees, scaling
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of query, key and value."""
        query, key, value, *weights = ctx.saved_tensors
        d_query, d_key, d_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        with torch.autocast(query.device.type, enabled=False):
            for block, weight in zip(ctx.trees.blocks, weights, strict=True):
                q, k, v = _operands(block, query, key, value)
                d_out = _grouped(_get(gradients[0], block), k.shape[0])
                d_weight = torch.bmm(d_out, v.transpose(1, 2))
                d_scores = torch._softmax_backward_data(d_weight, weight, -1, weight.dtype)  # noqa: SLF001 - it has no public name
                _store(d_query, block, torch.bmm(d_scores, k) * ctx.scaling)
                _add(d_key, block, torch.bmm(d_scores.transpose(1, 2), q) * ctx.scaling)
                _add(d_value, block, torch.bmm(weight.transpose(1, 2), d_out))
        return d_query, d_key, d_value, None, None, None


def _operands(block: Block, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the block's queries, keys, values as [fold * key-value heads, tokens, size]; a key serves its queries."""
    k, v = (gathered(tensor, block).flatten(0, 1) for tensor in (key, value))
    return _grouped(folded(query, block), k.shape[0]), k, v


def _grouped(heads: Tensor, batches: int) -> Tensor:
    """Put the query heads that share keys below each other: [fold, heads, L, size] to [batches, group * L, size]."""
    return heads.reshape(batches, -1, heads.shape[-1])


def _scores(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return torch.bmm(q, k.transpose(1, 2))
    return torch.baddbmm(bias.expand(q.shape[0], -1, -1), q, k.transpose(1, 2))


def _put(out: Tensor, block: Block, result: Tensor, heads: int) -> None:
    """Write a block's [fold * key-value heads, group * L, size] into the output [T, heads, size]."""
    begin, end = block.queries
    rows = result.view(block.fold, heads, -1, result.shape[-1])
    out[begin:end].view(block.fold, -1, heads, result.shape[-1]).copy_(rows.transpose(1, 2))


def _get(gradient: Tensor, block: Block) -> Tensor:
    """Read a block's [fold, heads, L, size] from an output's gradient [T, heads, size]."""
    begin, end = block.queries
    heads, size = gradient.shape[1:]
    return gradient[begin:end].reshape(block.fold, -1, heads, size).transpose(1, 2)


def _store(gradient: Tensor, block: Block, result: Tensor) -> None:
    """Write a block's query gradient into [heads, T, size]."""
    begin, end = block.queries
    heads, size = gradient.shape[0], gradient.shape[2]
    target = gradient[:, begin:end].view(heads, block.fold, -1, size)
    target.copy_(result.view(block.fold, heads, -1, size).transpose(0, 1))


def _add(gradient: Tensor, block: Block, result: Tensor) -> None:
    """Add a block's key or value gradient into [key-value heads, T, size], a range at a time."""
    heads, size = gradient.shape[0], gradient.shape[2]
    rows = result.view(block.fold, heads, -1, size)
    if block.fold > 1:
        begin, end = block.queries
        gradient[:, begin:end].view(heads, block.fold, -1, size).add_(rows.transpose(0, 1))
        return
    offset = 0
    for begin, end in block.keys:
        gradient[:, begin:end] += rows[0, :, offset : offset + end - begin]
        offset += end - begin
