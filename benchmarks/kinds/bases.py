"""Tiny backbones for the data with a known truth: configurations and tokenizers in which every word is one token."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import BertConfig, LlamaConfig, PreTrainedTokenizerFast

from benchmarks.kinds.truth import WORDS
from benchmarks.smoke import letter_tokenizer
from plaudit.testing import CHATML, SPECIAL

WIDTH, LAYERS, HEADS, POSITIONS = 64, 2, 4, 512
INITIAL = 0.1
"""Standard deviation of the causal backbone's first weights: at the usual 0.02, so narrow a model is slow to find out
that a word's worth depends on the prompt."""
ROLES = ("user", "assistant", "system")


SIZE = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": POSITIONS,
}


def plain() -> dict[str, float]:
    """Return what the backbones are made of, as JSON takes it."""
    return {"width": WIDTH, "layers": LAYERS, "heads": HEADS, "positions": POSITIONS, "initial": INITIAL}


def write_causal(folder: Path) -> Path:
    """Write the configuration of a Llama of two layers, and a tokenizer of bytes and whole words."""
    tokenizer = word_tokenizer(WORDS)
    own = {"num_key_value_heads": HEADS, "initializer_range": INITIAL, "architectures": ["LlamaForCausalLM"]}
    return _written(folder, LlamaConfig, tokenizer, own)


def write_encoder(folder: Path) -> Path:
    """Write the configuration of a BERT of two layers, and a tokenizer of letters and whole words."""
    tokenizer = letter_tokenizer(WORDS)
    return _written(folder, BertConfig, tokenizer, {"architectures": ["BertModel"]})


def _written(folder: Path, family: Any, tokenizer: PreTrainedTokenizerFast, own: Mapping[str, Any]) -> Path:
    family(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **SIZE, **own).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def word_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with ChatML turns in which ``words``, with the space before them, are tokens.

    Each word is merged from its space on, so that none of the merges takes a piece out of another word.
    """
    chains = [_merges("Ġ" + word) for word in words] + [_merges(role) for role in ROLES]
    merges = list(dict.fromkeys(merge for chain in chains for merge in chain))
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]
    backend = Tokenizer(models.BPE(vocab={token: place for place, token in enumerate(tokens)}, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = CHATML
    return tokenizer


def _merges(word: str) -> list[tuple[str, str]]:
    return [(word[:end], word[end]) for end in range(1, len(word))]
