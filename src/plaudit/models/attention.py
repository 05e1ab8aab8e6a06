"""Attention over prompt trees: each response attends to its prompt and to itself, exactly as if it stood alone.

Registered with transformers as ``prompt_trees``. The layout travels through every layer as the keyword argument
``trees``, so threads never see each other's. A plan cuts the packed sequence into blocks: query ranges with the key
ranges they may look at. On a CPU a block is one dense masked product, which on short segments is several times
faster than the fused kernels' backward pass; on CUDA in half precision all blocks are one variable-length call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from plaudit.encoding.batch import Layout, Tree

NAME = "prompt_trees"

WHOLE = 384
"""Trees up to this many tokens are one dense block: the waste is smaller than the cost of cutting."""

CHUNK = 256
"""Query tokens a block, in longer trees."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Queries that are computed together.

    Attributes:
        queries: packed range of the query tokens.
        keys: packed ranges of the key tokens, read as one.
        fold: how many segments of equal length the range holds; each attends only to itself. 1 unless all keys are
            the queries themselves.
    """

    queries: Range
    keys: tuple[Range, ...]
    fold: int = 1


class Trees:
    """The attention plan of one packed batch: blocks, and their masks for each window in use.

    Args:
        layout: the packed trees.
        causal: whether a token sees only earlier positions (decoders), or its whole segment (encoders).
        device: where the masks go.
    """

    def __init__(self, layout: Layout, *, causal: bool, device: torch.device | str = "cpu") -> None:
        self.layout, self.causal, self.device = layout, causal, torch.device(device)
        self.blocks = list(_blocks(layout, causal=causal))
        self.positions, self.segments = _coordinates(layout)
        self._masks: dict[int | None, list[Tensor | None]] = {}

    def masks(self, window: int | None) -> list[Tensor | None]:
        """Return for each block which keys each query may see, bool [queries, keys], or None where it sees all."""
        if window not in self._masks:
            self._masks[window] = [self._mask(block, window) for block in self.blocks]
        return self._masks[window]

    def _mask(self, block: Block, window: int | None) -> Tensor | None:
        begin, end = block.queries
        queries = torch.arange(begin, begin + (end - begin) // block.fold)
        keys = queries if block.fold > 1 else torch.cat([torch.arange(*part) for part in block.keys])
        allowed = self._allowed(queries, keys, window)
        return None if bool(allowed.all()) else allowed.to(self.device)

    def _allowed(self, queries: Tensor, keys: Tensor, window: int | None) -> Tensor:
        """Visibility of keys to queries. Windows count positions, not packed offsets."""
        distance = self.positions[queries][:, None] - self.positions[keys][None]
        allowed = self.segments[keys][None] == self.segments[queries][:, None]
        if self.causal:
            allowed = (allowed | self.prompt_of(queries, keys)) & (distance >= 0)
        return allowed if window is None else allowed & (distance.abs() < window)

    def prompt_of(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return whether each key is a token of the prompt of each query's tree, bool [queries, keys]."""
        tree, is_prompt = self.segments // _STRIDE, self.segments % _STRIDE == 0
        return (tree[keys][None] == tree[queries][:, None]) & is_prompt[keys][None]


_STRIDE = 1 << 20
"""Segment numbers are ``tree * _STRIDE + branch``, branch 0 being the prompt."""


def _coordinates(layout: Layout) -> tuple[Tensor, Tensor]:
    """Return the position and the segment number of every packed token, int64 [T] each."""
    positions, segments = [], []
    for number, tree in enumerate(layout.trees):
        for branch, length in enumerate((tree.prompt, *tree.responses)):
            first = tree.prompt if branch else 0
            positions.append(torch.arange(first, first + length))
            segments.append(torch.full((length,), number * _STRIDE + branch))
    return torch.cat(positions), torch.cat(segments)


def _blocks(layout: Layout, *, causal: bool) -> Iterator[Block]:
    """Cut the packed sequence into blocks that cover every query once, in packed order."""
    run: list[Range] = []
    for tree in layout.trees:
        for segment in _plain_segments(tree, causal=causal):
            if run and segment[1] - segment[0] != run[0][1] - run[0][0]:
                yield from _fold(run, causal=causal)
                run = []
            run.append(segment)
        if tree.prompt:
            yield from _fold(run, causal=causal)
            run = []
            yield from _tree_blocks(tree)
    yield from _fold(run, causal=causal)


def _plain_segments(tree: Tree, *, causal: bool) -> list[Range]:
    """Return the segments of a tree that shares nothing."""
    if tree.prompt and not causal:
        raise ValueError("an encoder cannot share a prompt: its tokens see the whole sequence")
    if tree.prompt:
        return []
    ends = torch.tensor(tree.responses).cumsum(0).add(tree.start).tolist()
    return [(end - length, end) for end, length in zip(ends, tree.responses, strict=True)]


def _fold(run: list[Range], *, causal: bool) -> Iterator[Block]:
    """Yield the blocks of neighbouring segments of equal length."""
    if not run:
        return
    begin, end = run[0]
    if end - begin <= WHOLE:
        whole = (begin, run[-1][1])
        yield Block(whole, (whole,), fold=len(run))
        return
    for begin, end in run:
        for first, last in _chunks(begin, end):
            yield Block((first, last), ((begin, last if causal else end),))


def _tree_blocks(tree: Tree) -> Iterator[Block]:
    """Yield the blocks of a tree with a prompt."""
    whole = (tree.start, tree.start + tree.length)
    if tree.length <= WHOLE:
        yield Block(whole, (whole,))
        return
    prompt = (tree.start, tree.start + tree.prompt)
    for first, last in _chunks(*prompt):
        yield Block((first, last), ((prompt[0], last),))
    for begin, end in _groups(tree, prompt[1]):
        for first, last in _chunks(begin, end):
            yield Block((first, last), (prompt, (begin, last)))


def _groups(tree: Tree, offset: int) -> Iterator[Range]:
    """Yield ranges of neighbouring responses of at most `CHUNK` tokens together, or of one longer response."""
    begin = end = offset
    for length in tree.responses:
        if end > begin and end + length - begin > CHUNK:
            yield begin, end
            begin = end
        end += length
    yield begin, end


def _chunks(begin: int, end: int) -> Iterator[Range]:
    for first in range(begin, end, CHUNK):
        yield first, min(first + CHUNK, end)


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
    queries, keys, values = (tensor[0] for tensor in (query, key, value))
    rate = dropout if module.training else 0.0
    parts = [
        _attend(*_block_tensors(block, queries, keys, values), mask, scaling, rate, softcap)
        for block, mask in zip(trees.blocks, trees.masks(sliding_window), strict=True)
    ]
    return torch.cat(parts).unsqueeze(0), None


def _block_tensors(block: Block, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the block's queries, keys and values as [fold, heads, tokens, size]."""
    q = query[:, slice(*block.queries)].unflatten(1, (block.fold, -1)).transpose(0, 1)
    if block.fold > 1 or block.keys == (block.queries,):
        k, v = (t[:, slice(*block.queries)].unflatten(1, (block.fold, -1)).transpose(0, 1) for t in (key, value))
        return q, k, v
    k, v = (torch.cat([t[:, slice(*part)] for part in block.keys], dim=1).unsqueeze(0) for t in (key, value))
    return q, k, v


def _attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scaling: float, rate: float, softcap: float | None
) -> Tensor:
    """Return the block's output, [fold * queries, heads, size]."""
    if softcap is None and not (torch.is_grad_enabled() and q.requires_grad):
        grouped = q.shape[1] != k.shape[1]
        out = scaled_dot_product_attention(q, k, v, mask, dropout_p=rate, scale=scaling, enable_gqa=grouped)
    else:
        out = _dense(q, k, v, mask, scaling, rate, softcap)
    return out.transpose(1, 2).flatten(0, 1)


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
        scores = scores.unflatten(2, (-1, tokens)).masked_fill(~mask, float("-inf")).flatten(2, 3)
    weights = drop(torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype), rate, training=rate > 0)
    return (weights @ v).reshape(fold, heads, tokens, size)


AttentionInterface.register(NAME, prompt_trees)
