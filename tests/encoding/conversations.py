"""What transformers itself makes of conversations: the oracle of the encoder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from plaudit.preferences.preference import Message


def as_dicts(messages: Iterable[Message]) -> list[dict[str, str]]:
    """Return the messages as chat templates want them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def template_ids(tokenizer: PreTrainedTokenizerFast, messages: Iterable[Message], **settings: Any) -> list[int]:
    """Return the ids that the tokenizer's chat template gives."""
    found: Any = tokenizer.apply_chat_template(as_dicts(messages), **settings)
    ids: list[int] = found["input_ids"]
    return ids


def template_text(tokenizer: PreTrainedTokenizerFast, messages: Iterable[Message], **settings: Any) -> str:
    """Return the text that the tokenizer's chat template writes."""
    return str(tokenizer.apply_chat_template(as_dicts(messages), tokenize=False, **settings))


def decoded(tokenizer: PreTrainedTokenizerFast, ids: Any) -> str:
    """Return the text of ids, special tokens included."""
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def saved_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer in ``folder`` as other programs load it."""
    found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder)  # type: ignore[assignment]
    return found
