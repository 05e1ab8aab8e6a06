"""The small parts offered to tests."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from plaudit.testing import byte_tokenizer, pair_labels


@pytest.mark.parametrize("chat", [True, False])
def test_byte_tokenizer_survives_saving(chat: bool, tmp_path: Path) -> None:
    """It reads one id a byte, and so does its saved copy."""
    tokenizer = byte_tokenizer(chat)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)

    assert len(tokenizer) == len(loaded) == 259
    assert len(tokenizer("aé")["input_ids"]) == len("aé".encode())
    assert loaded("a<|im_end|>é")["input_ids"] == tokenizer("a<|im_end|>é")["input_ids"]
    assert (tokenizer.chat_template is not None) == chat
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_pair_labels() -> None:
    """Response 2i was preferred to 2i + 1, one comparison a record, all of one weight."""
    labels = pair_labels(3)

    assert labels.chosen.tolist() == [0, 2, 4]
    assert labels.rejected.tolist() == [1, 3, 5]
    assert labels.record.tolist() == [0, 0, 1, 1, 2, 2]
    assert labels.weight.tolist() == [1.0] * 3
    assert labels.strength.tolist() == [0.0] * 3
    assert not labels.tie.any()
    assert labels.ratings.shape == (6, 0)
    assert labels.lengths.tolist() == [1] * 6
    assert labels.tie.dtype == torch.bool
