"""The padded path: for backbones that cannot run packed, in tight buckets of similar length.

Also the reference against which the packed path tests itself.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch, Layout, Tree
from plaudit.models.layers import read_states
from plaudit.models.rotary import forget_lengths, regime

BUDGET = 8192
"""Padded tokens a bucket, unless one sequence is longer."""


def unpack(batch: Batch) -> list[Tensor]:
    """Return for each response the packed offsets of its whole sequence: prompt, then its own tokens."""
    return [offsets for tree in batch.layout.trees for offsets in _tree_offsets(tree)]


def _tree_offsets(tree: Tree) -> Iterator[Tensor]:
    prompt = torch.arange(tree.start, tree.start + tree.prompt)
    begin = tree.start + tree.prompt
    for length in tree.responses:
        yield torch.cat([prompt, torch.arange(begin, begin + length)])
        begin += length


def buckets(lengths: list[int], budget: int = BUDGET) -> Iterator[list[int]]:
    """Yield places of sequences of similar length whose padded size stays within ``budget`` tokens."""
    bucket: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if bucket and lengths[place] * (len(bucket) + 1) > budget:
            yield bucket
            bucket = []
        bucket.append(place)
    yield bucket


def padded_hidden(
    backbone: PreTrainedModel, batch: Batch, pad_token_id: int, budget: int = BUDGET, layers: Sequence[int] = ()
) -> Tensor:
    """Run every sequence unshared and right-padded; return [T', H] hidden states in unshared packed order.

    A ``budget`` of 1 runs each sequence alone; for ``layers`` see `read_states`. See `unshared` for the batch whose
    offsets these rows have.
    """
    rows = unpack(batch)
    hidden: list[Tensor] = [torch.empty(0)] * len(rows)
    for bucket in _apart(backbone, [len(row) for row in rows], budget):
        out = _run(backbone, batch, [rows[place] for place in bucket], pad_token_id, layers)
        for place, states in zip(bucket, out, strict=True):
            hidden[place] = states[: len(rows[place])]
    return torch.cat(hidden)


def _apart(backbone: PreTrainedModel, lengths: list[int], budget: int) -> Iterator[list[int]]:
    """Yield `buckets` none of which spans a switch of the rotary embedding; lengths seen before are forgotten."""
    regimes: dict[tuple[int, ...], list[int]] = {}
    for place, length in enumerate(lengths):
        regimes.setdefault(regime(backbone.config, length), []).append(place)
    for choices, places in regimes.items():
        for bucket in buckets([lengths[place] for place in places], budget):
            if choices:
                forget_lengths(backbone)
            yield [places[number] for number in bucket]


def _run(
    backbone: PreTrainedModel, batch: Batch, rows: list[Tensor], pad_token_id: int, layers: Sequence[int]
) -> Tensor:
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_token_id, device=batch.input_ids.device)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = batch.input_ids[row]
        types[number, : len(row)] = batch.token_type_ids[row]
        mask[number, : len(row)] = 1
    extra = {"token_type_ids": types} if bool(types.any()) else {}
    return read_states(backbone, layers, input_ids=ids, attention_mask=mask, **extra)


def unshared(batch: Batch) -> Batch:
    """Return the same responses with nothing shared: every sequence its own segment, prompt included."""
    rows = unpack(batch)
    ends = torch.tensor([len(row) for row in rows]).cumsum(0)
    trees = tuple(Tree(int(end) - len(row), 0, (len(row),)) for end, row in zip(ends, rows, strict=True))
    gather = torch.cat(rows).to(batch.input_ids.device)
    return Batch(
        input_ids=batch.input_ids[gather],
        position_ids=batch.position_ids[gather],
        token_type_ids=batch.token_type_ids[gather],
        layout=Layout(trees),
        ends=(ends - 1).to(batch.ends.device),
        starts=ends.to(batch.ends.device) - batch.labels.lengths,
        labels=batch.labels,
        sequences=batch.sequences,
    )
