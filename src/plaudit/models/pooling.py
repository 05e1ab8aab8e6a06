"""Pooling: which hidden state stands for a response.

``last`` is the last real token (causal models), ``first`` the first token and ``mean`` the mean of all tokens
(encoders); ``response`` is the mean of the response's own tokens. ``hf_last_non_pad`` reproduces what transformers
picks when a checkpoint's pad token is also its end-of-sequence token: the right-most token that is not the pad id, so
the final token itself is skipped.

Names joined by ``+`` put several beside each other: ``last+response``.
"""

import torch
from torch import Tensor

from plaudit.encoding.batch import Batch
from plaudit.models.padded import unpack

POOLINGS = ("last", "first", "mean", "response", "hf_last_non_pad")


class BadPooling(ValueError):
    """A pooling that does not exist, or that the batch cannot satisfy."""


def pool(hidden: Tensor, batch: Batch, pooling: str, pad_token_id: int | None = None) -> Tensor:
    """Gather one hidden state a response.

    Args:
        hidden: [T, H] hidden states of the packed tokens.
        batch: the packed batch.
        pooling: one of `POOLINGS`, or several joined by ``+``.
        pad_token_id: the id that ``hf_last_non_pad`` skips.

    Returns:
        [N, H]; [N, k H] for k poolings.
    """
    if "+" in pooling:
        return torch.cat([pool(hidden, batch, one, pad_token_id) for one in poolings(pooling)], dim=-1)
    if pooling == "last":
        return hidden[batch.ends]
    if pooling == "first":
        return hidden[firsts(batch).to(hidden.device)]
    if pooling == "mean":
        return mean_states(hidden, unpack(batch))
    if pooling == "response":
        return mean_states(hidden, response_offsets(batch))
    if pooling == "hf_last_non_pad":
        return hidden[_last_non_pad(batch, pad_token_id).to(hidden.device)]
    raise BadPooling(f"unknown pooling {pooling!r}; known: {', '.join(POOLINGS)}")


def poolings(pooling: str) -> tuple[str, ...]:
    """Return the names in ``pooling``, which ``+`` joins.

    Raises:
        BadPooling: one is not of `POOLINGS`.
    """
    names = tuple(pooling.split("+"))
    for name in names:
        if name not in POOLINGS:
            raise BadPooling(f"unknown pooling {name!r}; known: {', '.join(POOLINGS)}, and several joined by +")
    return names


def prompt_ends(batch: Batch) -> Tensor:
    """Return the packed offset of the last token of each response's prompt (of its first token where it has none).

    The place is counted in the sequence itself, so that it is the same however the sequence is packed.
    """
    lengths = batch.labels.lengths.tolist()
    return torch.stack([row[max(len(row) - length - 1, 0)] for row, length in zip(unpack(batch), lengths, strict=True)])


def response_offsets(batch: Batch) -> list[Tensor]:
    """Return the packed offsets of each response's own tokens, int64, at least one each; its prompt's are left out.

    They are counted in the sequence itself, so that they are the same tokens however the sequence is packed.
    """
    lengths = batch.labels.lengths.tolist()
    return [row[-max(length, 1) :] for row, length in zip(unpack(batch), lengths, strict=True)]


def mean_states(hidden: Tensor, rows: list[Tensor]) -> Tensor:
    """Return the mean of the hidden states [T, H] at each row's packed offsets, taken in fp32: [N, H]."""
    return means(hidden[torch.cat(rows).to(hidden.device)], torch.tensor([len(row) for row in rows]))


def means(states: Tensor, counts: Tensor) -> Tensor:
    """Return the means of the first ``counts[0]`` of ``states``, of the next ``counts[1]``, …, in fp32: [N, H]."""
    counts = counts.to(states.device)
    owners = torch.repeat_interleave(torch.arange(len(counts), device=states.device), counts)
    sums = states.new_zeros(len(counts), states.shape[1], dtype=torch.float32)
    return (sums.index_add(0, owners, states.float()) / counts[:, None]).to(states.dtype)


def firsts(batch: Batch) -> Tensor:
    """Return where each response's sequence begins, int64 [N]: at its tree's prompt if it shares one."""
    found = []
    for tree in batch.layout.trees:
        own = torch.tensor([0, *tree.responses[:-1]]).cumsum(0) + tree.start
        found.append(torch.full_like(own, tree.start) if tree.prompt else own)
    return torch.cat(found)


def _last_non_pad(batch: Batch, pad_token_id: int | None) -> Tensor:
    """Return the packed offset of each sequence's right-most token that is not the pad id (its first if none is)."""
    if pad_token_id is None:
        raise BadPooling("hf_last_non_pad needs the pad token's id")
    picked = []
    for offsets in unpack(batch):
        real = offsets[batch.input_ids[offsets].cpu() != pad_token_id]
        picked.append(real[-1] if len(real) else offsets[0])
    return torch.stack(picked)
