"""The attention plan of a packed batch: which query ranges look at which key ranges, and the masks in between."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from plaudit.encoding.batch import Layout, Tree
from plaudit.models.varlen import Sequences, arrange

WHOLE = 384
"""Trees up to this many tokens are one dense block: the waste is smaller than the cost of cutting."""

CHUNK = 128
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


@dataclass(frozen=True, slots=True)
class Operands:
    """An arrangement of rows in which every block's operands are neighbours, so that a view of them is all it needs.

    A row is a token's vector in one head, numbered ``token * heads + head``. Within a block they go by segment,
    key-value head, query head that shares it, and token.

    Attributes:
        queries: int64, numbers of the query rows as arranged, each once.
        back: int64, the inverse of ``queries``.
        keys: int64, numbers of the key rows as arranged; a row is there once for every block that looks at it.
        places: int64, where ``keys`` holds each row, row by row.
        bounds: int64, where in ``places`` each row's own begin.
        batches: how many products each block is: its segments times the key-value heads.
        query_rows: how many arranged query rows each block has, over all its products.
        key_rows: how many arranged key rows, likewise.
    """

    queries: Tensor
    back: Tensor
    keys: Tensor
    places: Tensor
    bounds: Tensor
    batches: tuple[int, ...]
    query_rows: tuple[int, ...]
    key_rows: tuple[int, ...]

    def query_blocks(self, rows: Tensor) -> list[Tensor]:
        """Return views of arranged query rows [rows, size], block by block [products, rows of a product, size]."""
        return self._blocks(rows, self.query_rows)

    def key_blocks(self, rows: Tensor) -> list[Tensor]:
        """Return the same views of arranged key rows."""
        return self._blocks(rows, self.key_rows)

    def _blocks(self, rows: Tensor, counts: tuple[int, ...]) -> list[Tensor]:
        size = rows.shape[1]
        parts = zip(rows.split(counts), counts, self.batches, strict=True)
        return [part.view(batches, count // batches, size) for part, count, batches in parts]

    def gathered(self, gradient: Tensor) -> Tensor:
        """Return for each key row the sum of its rows in the arranged ``gradient`` [rows, size]."""
        if len(self.places) == len(self.bounds):
            return gradient.index_select(0, self.places)
        summed: Tensor = torch.nn.functional.embedding_bag(self.places, gradient, self.bounds, mode="sum")
        return summed


class Trees:
    """The attention plan of one packed batch: blocks, and their masks for each window in use.

    Args:
        layout: the packed trees.
        causal: whether a token sees only earlier positions (decoders), or its whole segment (encoders).
        device: where the masks go.
        read: packed offsets of the only tokens whose last state is read, None for all.
    """

    def __init__(
        self, layout: Layout, *, causal: bool, device: torch.device | str = "cpu", read: Tensor | None = None
    ) -> None:
        self.layout, self.causal, self.device, self.read = layout, causal, torch.device(device), read
        self.blocks = list(_blocks(layout, causal=causal))
        self.positions, self.segments = _coordinates(layout)
        self._masks: dict[tuple[int | None, int], Tensor | None] = {}
        self._sequences: Sequences | None = None
        self._biases: dict[tuple[int | None, torch.dtype], list[Tensor | None]] = {}
        self._operands: dict[tuple[int, int], Operands] = {}

    def operands(self, heads: int, shared: int) -> "Operands":
        """Return where the blocks' operands lie for ``heads`` query heads and ``shared`` key-value heads, made once."""
        if (heads, shared) not in self._operands:
            self._operands[heads, shared] = _operands(self.blocks, heads, shared, self.device)
        return self._operands[heads, shared]

    def sequences(self) -> Sequences:
        """Return the arrangement for a variable-length kernel, made once a batch."""
        if self._sequences is None:
            self._sequences = arrange(self.layout, self.device)
        return self._sequences

    def masks(self, window: int | None) -> list[Tensor | None]:
        """Return for each block which keys each query may see, bool [queries, keys], or None where it sees all."""
        return [self.mask(place, window) for place in range(len(self.blocks))]

    def mask(self, place: int, window: int | None) -> Tensor | None:
        """Return the mask of one block, see `masks`; it is made once."""
        if (window, place) not in self._masks:
            self._masks[window, place] = self._mask(self.blocks[place], window)
        return self._masks[window, place]

    def visible(self, rows: Tensor, window: int | None) -> Tensor:
        """Return which tokens those at the packed offsets ``rows`` may see, bool [rows, T]."""
        return self._allowed(rows.cpu(), torch.arange(len(self.positions)), window).to(self.device)

    def parts(self) -> Iterator["int | Tree"]:
        """Yield in packed order each long tree with a shared prompt, and the places of the blocks of all others."""
        place = 0
        for fork in [tree for tree in self.layout.trees if self.causal and tree.prompt and tree.length > WHOLE]:
            while self.blocks[place].queries[0] < fork.start:
                yield place
                place += 1
            yield fork
            while place < len(self.blocks) and self.blocks[place].queries[0] < fork.start + fork.length:
                place += 1
        yield from range(place, len(self.blocks))

    def biases(self, window: int | None, query: Tensor, key: Tensor) -> list[Tensor | None]:
        """Return the masks as additive biases, one row a query head that shares its keys: [group * queries, keys].

        Args:
            window: as in `masks`.
            query: [heads, T, size], for its number of heads and its dtype.
            key: [key-value heads, T, size].
        """
        group, name = query.shape[0] // key.shape[0], (window, query.dtype)
        if name not in self._biases:
            self._biases[name] = [_bias(mask, group, query.dtype) for mask in self.masks(window)]
        return self._biases[name]

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


def _operands(blocks: list[Block], heads: int, shared: int, device: torch.device) -> Operands:
    queries, keys = [], []
    for block in blocks:
        own = torch.arange(*block.queries).view(block.fold, 1, -1)
        other = own if block.fold > 1 else torch.cat([torch.arange(*part) for part in block.keys]).view(1, 1, -1)
        queries.append((own * heads + torch.arange(heads)[:, None]).flatten())
        keys.append((other * shared + torch.arange(shared)[:, None]).flatten())
    rows, seen = torch.cat(queries), torch.cat(keys)
    bounds = torch.bincount(seen).cumsum(0).roll(1)
    bounds[0] = 0
    return Operands(
        queries=rows.to(device),
        back=torch.argsort(rows).to(device),
        keys=seen.to(device),
        places=torch.argsort(seen, stable=True).to(device),
        bounds=bounds.to(device),
        batches=tuple(block.fold * shared for block in blocks),
        query_rows=tuple(map(len, queries)),
        key_rows=tuple(map(len, keys)),
    )


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


def _bias(mask: Tensor | None, group: int, dtype: torch.dtype) -> Tensor | None:
    if mask is None:
        return None
    bias = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf"))
    return bias.repeat(group, 1)


def folded(tensor: Tensor, block: Block) -> Tensor:
    """Return the block's own tokens of [heads, T, size] as [fold, heads, tokens, size]."""
    heads, _, size = tensor.shape
    return tensor[:, slice(*block.queries)].reshape(heads, block.fold, -1, size).transpose(0, 1)


def gathered(tensor: Tensor, block: Block) -> Tensor:
    """Return the tokens that the block's queries look at, of [heads, T, size], as [fold, heads, tokens, size]."""
    if block.fold > 1 or block.keys == (block.queries,):
        return folded(tensor, block)
    return torch.cat([tensor[:, slice(*part)] for part in block.keys], dim=1).unsqueeze(0)
