"""A batch's prompts and responses as sequences of their own, for models that read them apart.

Nothing is tokenised again: a sequence is cut where its response begins. The response keeps a copy of the sequence's
opening token (``[CLS]``), which encoders expect to begin with. Equal prompts become one, so that each is encoded once
however many responses it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from plaudit.encoding.batch import Batch, Layout, Tree
from plaudit.models.padded import unpack

OPENING = 1
"""A prompt of no more tokens than this is only what the tokenizer opens every sequence with: there is no prompt."""


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a batch of N responses.

    Attributes:
        prompts: the P distinct prompts, or None where no response has one.
        responses: the N responses without their prompts, in batch order.
        prompt_of: int64 [N], the prompt of each response; P where it has none.
    """

    prompts: Batch | None
    responses: Batch
    prompt_of: Tensor


def split(batch: Batch) -> Split:
    """Cut every sequence of ``batch`` into its prompt and its response."""
    ids = batch.input_ids.cpu()
    known: dict[bytes, int] = {}
    prompts, responses, owners = list[Tensor](), list[Tensor](), list[int]()
    for row, length in zip(unpack(batch), batch.labels.lengths.tolist(), strict=True):
        begin = len(row) - length
        if begin <= OPENING:
            responses.append(row)
            owners.append(-1)
            continue
        key = ids[row[:begin]].numpy().tobytes()
        if key not in known:
            known[key] = len(prompts)
            prompts.append(row[:begin])
        owners.append(known[key])
        responses.append(torch.cat([row[:OPENING], row[begin:]]))
    found = torch.tensor(owners)
    found = torch.where(found < 0, len(prompts), found).to(batch.input_ids.device)
    return Split(_segments(batch, prompts) if prompts else None, _segments(batch, responses), found)


@dataclass(frozen=True, slots=True)
class Apart:
    """The parts of N padded sequences.

    Attributes:
        prompt_ids: int64 [N, L]; the opening token alone where there is no prompt.
        prompt_mask: [N, L], 1 where there is a token.
        response_ids: int64 [N, K].
        response_mask: [N, K], likewise.
        asked: bool [N], whether there is a prompt.
    """

    prompt_ids: Tensor
    prompt_mask: Tensor
    response_ids: Tensor
    response_mask: Tensor
    asked: Tensor


class NoBoundary(ValueError):
    """Nothing says where the responses begin; the message says what to give."""


def after_opening(ids: Tensor, mask: Tensor, opening: Sequence[int]) -> Tensor:
    """Return the place after each row's last ``opening`` that a token follows, int64 [N], -1 where there is none.

    Args:
        ids: int64 [N, L].
        mask: [N, L], 1 where there is a token.
        opening: ids that stand before a response; one that nothing follows is an end.
    """
    wanted = torch.tensor(tuple(opening), dtype=ids.dtype, device=ids.device)
    if not 0 < len(wanted) < ids.shape[1]:
        return ids.new_full((len(ids),), -1)
    places = torch.arange(ids.shape[1], device=ids.device)
    here = (ids.unfold(1, len(wanted), 1) == wanted).all(-1)
    after = places[: here.shape[1]] + len(wanted)
    here = here & (after <= (mask.long() * places).amax(1, keepdim=True))
    return torch.where(here, after, -1).amax(1)


def apart(
    input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None, opening: Sequence[int] = ()
) -> Apart:
    """Cut padded sequences [N, L] where their response begins; one without such a place has no prompt.

    A response is the second segment by ``token_type_ids``; in a row that has none, what follows ``opening``.

    Raises:
        NoBoundary: there are neither.
    """
    if token_type_ids is None and not opening:
        raise NoBoundary(
            "prompt and response are read apart, and nothing says where the responses begin: give token_type_ids, 1 on "
            "the response and 0 before it (all 0 where there is no prompt), or set config.opening to the ids between"
        )
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
    second = (types == 1) & mask.bool()
    begins = torch.where(second.any(1), second.int().argmax(1), after_opening(input_ids, mask, opening))
    prompts, responses, asked = list[Tensor](), list[Tensor](), list[bool]()
    for number, real in enumerate(mask.bool()):
        ids, begin = input_ids[number][real], int(begins[number] - real.int().argmax())
        asked.append(begin > OPENING)
        prompts.append(ids[:begin] if asked[-1] else ids[:OPENING])
        responses.append(torch.cat([ids[:OPENING], ids[begin:]]) if asked[-1] else ids)
    padded = (*_padded(prompts), *_padded(responses))
    return Apart(*padded, torch.tensor(asked, device=input_ids.device))


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    ids = pad_sequence(rows, batch_first=True)
    return ids, pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)


def _segments(batch: Batch, rows: Sequence[Tensor]) -> Batch:
    """Return the tokens of ``rows`` (packed offsets) as segments that see only themselves."""
    device = batch.input_ids.device
    ends = torch.tensor([len(row) for row in rows]).cumsum(0)
    trees = tuple(Tree(int(end) - len(row), 0, (len(row),)) for end, row in zip(ends, rows, strict=True))
    lengths = torch.tensor([len(row) for row in rows], device=device)
    ids = batch.input_ids[torch.cat(list(rows)).to(device)]
    return Batch(
        input_ids=ids,
        position_ids=torch.cat([torch.arange(len(row)) for row in rows]).to(device),
        token_type_ids=torch.zeros_like(ids),
        layout=Layout(trees),
        ends=(ends - 1).to(device),
        starts=ends.to(device) - lengths,
        labels=replace(batch.labels, lengths=lengths),
    )
