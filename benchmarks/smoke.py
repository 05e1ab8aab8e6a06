"""Tiny stand-ins for a smoke run: random models and made-up text, so that all the machinery runs within a minute."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, LlamaConfig, PreTrainedTokenizerFast

from benchmarks.loading import Pair
from plaudit.models.backbone import random_base
from plaudit.testing import byte_tokenizer

WORDS = ("the", "film", "was", "long", "and", "good", "but", "not", "so", "loud", "plain", "funny", "slow", "part")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_decoder(folder: Path) -> None:
    """Write a random Llama of two layers with a tokenizer of bytes."""
    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
    )
    random_base(config, pad_token_id=tokenizer.pad_token_id).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def tiny_encoder(folder: Path) -> None:
    """Write a random BERT of two layers with a tokenizer of letters."""
    tokenizer = letter_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
    )
    random_base(config, pad_token_id=tokenizer.pad_token_id).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def letter_tokenizer(words: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Return a WordPiece tokenizer of single letters, and whole ``words``, that writes pairs as BERT's does."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words]
    places = {token: place for place, token in enumerate(vocabulary)}
    backend = Tokenizer(models.WordPiece(vocab=places, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", places["[SEP]"]), ("[CLS]", places["[CLS]"]))
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **names
    )


def made_up_pairs(count: int = 64, seed: int = 0) -> Iterator[Pair]:
    """Yield conversations of random words, each with a prompt of its own."""
    drawn = random.Random(seed)
    for number in range(count):
        turn = {role: _words(drawn, role) for role in ("chosen", "rejected")}
        prompt = [{"role": "user", "content": f"{number} {_text(drawn, 3, 12)}"}]
        yield {"prompt": prompt, **turn}


def made_up_snippets(count: int, seed: int = 0) -> list[str]:
    """Return texts of random words."""
    drawn = random.Random(seed)
    return [_text(drawn, 2, 20) for _ in range(count)]


def _words(drawn: random.Random, side: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": f"{side} {_text(drawn, 2, 10)}"}]


def _text(drawn: random.Random, least: int, most: int) -> str:
    return " ".join(drawn.choices(WORDS, k=drawn.randint(least, most)))
