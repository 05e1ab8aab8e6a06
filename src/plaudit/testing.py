"""Small parts for tests of plaudit and of its plug-ins: a tokenizer and labels that need no download."""

from collections.abc import Sequence

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from plaudit.encoding.batch import Labels

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def byte_tokenizer(chat: bool = True) -> PreTrainedTokenizerFast:
    """Return a tokenizer of 259 ids: ``<|endoftext|>``, ``<|im_start|>``, ``<|im_end|>``, then one id a byte.

    Args:
        chat: with a ChatML template, turns ending with ``<|im_end|>``, padded with ``<|endoftext|>``; else without
            template and pad token, texts ending with ``<|endoftext|>``.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate([*SPECIAL, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"} if chat else {"eos_token": "<|endoftext|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = CHATML if chat else None
    return tokenizer


def pair_labels(pairs: int) -> Labels:
    """Return the labels of 2 × ``pairs`` responses in ``pairs`` comparisons: response 2i was preferred to 2i + 1.

    Each comparison is a record of its own, of weight 1, no tie, without stated strength or ratings; lengths are 1.
    """
    chosen, responses = torch.arange(0, 2 * pairs, 2), 2 * pairs
    return Labels(
        chosen=chosen,
        rejected=chosen + 1,
        tie=torch.zeros(pairs, dtype=torch.bool),
        strength=torch.zeros(pairs),
        weight=torch.ones(pairs),
        record=torch.arange(pairs).repeat_interleave(2),
        ratings=torch.zeros(responses, 0),
        lengths=torch.ones(responses, dtype=torch.int64),
    )


def list_labels(*levels: Sequence[int]) -> Labels:
    """Return the labels of one record for each of ``levels``, all its responses compared with each other.

    Args:
        levels: of each response of a record, 0 the best; equal levels are ties.
    """
    starts = [sum(map(len, levels[:number])) for number in range(len(levels))]
    pairs = [
        (start + first, start + second, number, own[first] == own[second])
        for number, (start, own) in enumerate(zip(starts, levels, strict=True))
        for first in range(len(own))
        for second in range(len(own))
        if own[first] < own[second] or (own[first] == own[second] and first < second)
    ]
    chosen, rejected, record, tie = (torch.tensor(column) for column in zip(*pairs, strict=True))
    responses = sum(map(len, levels))
    return Labels(
        chosen=chosen,
        rejected=rejected,
        tie=tie,
        strength=torch.zeros(len(pairs)),
        weight=torch.ones(len(pairs)),
        record=torch.arange(len(levels)).repeat_interleave(torch.tensor(list(map(len, levels)))),
        ratings=torch.zeros(responses, 0),
        lengths=torch.ones(responses, dtype=torch.int64),
        comparison_record=record,
    )


def rating_labels(**ratings: Sequence[float]) -> Labels:
    """Return the labels of responses in one record that nobody compared, with a list of ``ratings`` an attribute."""
    table = torch.tensor(list(ratings.values()), dtype=torch.float32).T
    none = torch.zeros(0, dtype=torch.int64)
    return Labels(
        chosen=none,
        rejected=none,
        tie=none.bool(),
        strength=none.float(),
        weight=none.float(),
        record=torch.zeros(len(table), dtype=torch.int64),
        ratings=table.contiguous(),
        lengths=torch.ones(len(table), dtype=torch.int64),
        rating_names=tuple(ratings),
    )
