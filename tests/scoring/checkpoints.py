"""Checkpoints as other trainers leave them: no contract, and often pad = end of sequence."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.encoding.families import family
from tests.scoring.tiny import TOKENIZERS, classifier


def foreign(
    folder: Path, name: str = "llama", *, pad_is_eos: bool = True
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Write a checkpoint of family ``name`` without a contract; return its model and tokenizer."""
    tokenizer = family(TOKENIZERS[name])
    if pad_is_eos and tokenizer.pad_token is None:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(_written(tokenizer, folder / "tokenizer"))
        tokenizer.pad_token = tokenizer.eos_token
    model = classifier(name, len(tokenizer), tokenizer.pad_token_id)
    model.config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer


def _written(tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    tokenizer.save_pretrained(folder)
    return folder
