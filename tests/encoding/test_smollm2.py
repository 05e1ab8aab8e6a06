"""The tokenizer that ships as a built-in."""

from pathlib import Path

import pytest

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.preferences.preference import Message
from tests.encoding.conversations import saved_tokenizer, template_ids

assets = pytest.importorskip("plaudit.assets")


@pytest.mark.slow
def test_smollm2(tmp_path: Path) -> None:
    """SmolLM2 is padded with its id 0 and scored on <|im_end|>, without a default system turn, also after saving."""
    folder = assets.base_model("builtin:smollm2-135m-instruct")
    tokenizer = saved_tokenizer(folder)
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer), 512)
    encoder.save(tmp_path)
    pair = ((Message("user", "Why is the sky blue?"),), (Message("assistant", "Because of scattering."),))
    ids = encoder.encode(*pair).ids.tolist()
    text = "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\nBecause of scattering.<|im_end|>"

    assert ids == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids == template_ids(Encoder.load(tmp_path).tokenizer, pair[0] + pair[1])
    assert (encoder.tokenizer.pad_token_id, encoder.scored_id, len(encoder.tokenizer)) == (0, 2, len(tokenizer))
