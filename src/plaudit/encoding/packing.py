"""Packing: sequences that share a prompt become one prompt tree; trees lie end to end, with no padding.

The shared prefix is found in the token ids themselves, so it is exact whatever a tokenizer merges across the border of
prompt and response. Each response keeps at least one token of its own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.encoding.batch import Batch, Labels, Layout, Tree
from plaudit.encoding.encoded import EncodedSet, sequences_of


def collate(encoded: EncodedSet, records: Sequence[int], *, share: bool = True) -> Batch:
    """Pack the responses of ``records`` into one batch with their labels.

    Args:
        encoded: the tokenised set.
        records: record numbers; a prompt or response that occurs in several of them is packed once.
        share: compute a shared prompt once (causal backbones); False gives every sequence its own segment.
    """
    packed, groups = pack(encoded, sequences_of(encoded, records), share=share)
    return Batch(**packed, labels=_labels(encoded, records, groups), sequences=tuple(groups))


def collate_sequences(encoded: EncodedSet, sequences: Sequence[int], *, share: bool = True) -> Batch:
    """Pack distinct ``sequences`` for scoring: a batch without comparisons."""
    packed, order = pack(encoded, sequences, share=share)
    return Batch(**packed, labels=_labels(encoded, [], order), sequences=tuple(order))


def collate_labels(encoded: EncodedSet, records: Sequence[int]) -> Batch:
    """Return what `collate` returns for ``records`` without its tokens: for rewards that need none to be computed."""
    order = sequences_of(encoded, records)
    none = torch.zeros(0, dtype=torch.int64)
    labels = _labels(encoded, records, order)
    return Batch(none, none, none, Layout(()), none, none, labels=labels, sequences=tuple(order))


def pack(encoded: EncodedSet, sequences: Sequence[int], *, share: bool = True) -> tuple[dict[str, Any], list[int]]:
    """Return the packed tensors of `Batch` and the order in which the sequences were packed."""
    families = _families(encoded, sequences, share=share)
    trees, rows, order = [], [], []
    ends: list[int] = []
    starts: list[int] = []
    offset = 0
    for family in families:
        ids = [encoded.ids(sequence) for sequence in family]
        prompt = shared_prefix(ids) if len(ids) > 1 else 0
        tree = Tree(offset, prompt, tuple(len(row) - prompt for row in ids))
        trees.append(tree)
        rows.append(_tree_rows(encoded, family, prompt))
        own = offset + prompt + np.concatenate([[0], np.cumsum(tree.responses)])
        starts.extend(own[:-1] + np.maximum(encoded.response_starts[family] - prompt, 0))
        ends.extend(own[1:] - 1)
        order.extend(family)
        offset += tree.length
    ids_, positions, types = np.concatenate(rows, axis=1)
    packed: dict[str, Any] = {
        "input_ids": torch.from_numpy(ids_),
        "position_ids": torch.from_numpy(positions),
        "token_type_ids": torch.from_numpy(types),
        "layout": Layout(tuple(trees)),
        "ends": torch.as_tensor(np.asarray(ends, dtype=np.int64)),
        "starts": torch.as_tensor(np.asarray(starts, dtype=np.int64)),
    }
    return packed, order


def shared_prefix(rows: Sequence[NDArray[np.int32]]) -> int:
    """Return how many leading ids all ``rows`` share, leaving each at least one id of its own."""
    limit = min(len(row) for row in rows) - 1
    first = rows[0][:limit]
    for row in rows[1:]:
        differ = np.flatnonzero(first[:limit] != row[:limit])
        limit = int(differ[0]) if len(differ) else limit
    return limit


def tree_tokens(encoded: EncodedSet, sequences: Sequence[int], *, share: bool = True) -> int:
    """Return how many packed tokens ``sequences`` take."""
    total = 0
    for family in _families(encoded, sequences, share=share):
        ids = [encoded.ids(sequence) for sequence in family]
        prompt = shared_prefix(ids) if len(ids) > 1 else 0
        total += sum(len(row) for row in ids) - prompt * (len(ids) - 1)
    return total


def _families(encoded: EncodedSet, sequences: Sequence[int], *, share: bool) -> list[list[int]]:
    """Group sequences by prompt, in order of first appearance; those without a prompt stay alone."""
    families: dict[object, list[int]] = {}
    for sequence in sequences:
        key = int(encoded.prompt_keys[sequence]) if share else 0
        families.setdefault(key or ("alone", sequence), []).append(sequence)
    return list(families.values())


def _tree_rows(encoded: EncodedSet, family: Sequence[int], prompt: int) -> NDArray[np.int64]:
    """Return int64 [3, length]: ids, positions and segment types of one tree."""
    columns = []
    for place, sequence in enumerate(family):
        begin = prompt if place else 0
        ids = encoded.ids(sequence)
        window = slice(int(encoded.offsets[sequence]), int(encoded.offsets[sequence + 1]))
        types = np.zeros(len(ids)) if encoded.token_types is None else encoded.token_types[window]
        columns.append(np.stack([ids, np.arange(len(ids)), types])[:, begin:].astype(np.int64))
    return np.concatenate(columns, axis=1)


def _labels(encoded: EncodedSet, records: Sequence[int], order: Sequence[int]) -> Labels:
    place = {sequence: index for index, sequence in enumerate(order)}
    of_records = [_edge_numbers(encoded, record) for record in records]
    edges = np.concatenate([np.zeros(0, np.int64), *of_records])
    votes = np.array([len(numbers) for numbers in of_records], np.int64)
    record_of, occurrences = np.zeros(len(order), dtype=np.int64), np.zeros(len(order), dtype=np.int64)
    for number, record in enumerate(records):
        own = [place[int(s)] for s in encoded.responses_of(record)]
        record_of[own] = number
        np.add.at(occurrences, own, 1)
    index = np.asarray(order, dtype=np.int64)
    return Labels(
        chosen=torch.tensor([place[int(s)] for s in encoded.chosen[edges]], dtype=torch.int64),
        rejected=torch.tensor([place[int(s)] for s in encoded.rejected[edges]], dtype=torch.int64),
        tie=torch.from_numpy(encoded.tie[edges].copy()),
        strength=torch.from_numpy(np.nan_to_num(encoded.strength[edges], nan=0.0)),
        weight=torch.from_numpy(encoded.weight[edges].copy()),
        record=torch.from_numpy(record_of),
        ratings=torch.from_numpy(encoded.ratings[index].copy()),
        lengths=torch.from_numpy(encoded.lengths[index] - encoded.response_starts[index]),
        comparison_record=torch.from_numpy(np.repeat(np.arange(len(votes)), votes)),
        occurrences=torch.from_numpy(occurrences),
        rating_names=encoded.rating_names,
        annotator=None if encoded.annotator is None else torch.from_numpy(encoded.annotator[edges].copy()),
        marks=None if encoded.marks is None else torch.from_numpy(_marks(encoded, encoded.marks, order)),
    )


def _marks(encoded: EncodedSet, marks: NDArray[np.uint8], order: Sequence[int]) -> NDArray[np.uint8]:
    """Return the marks of the responses' own tokens, end to end."""
    begins, ends = encoded.offsets[:-1] + encoded.response_starts, encoded.offsets[1:]
    return np.concatenate([np.zeros(0, np.uint8), *(marks[begins[place] : ends[place]] for place in order)])


def _edge_numbers(encoded: EncodedSet, record: int) -> NDArray[np.int64]:
    part = encoded.comparisons_of(record)
    return np.arange(part.start, part.stop)
