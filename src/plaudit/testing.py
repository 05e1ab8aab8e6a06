"""Small parts for tests of plaudit and of its plug-ins: a tokenizer and labels that need no download."""

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
