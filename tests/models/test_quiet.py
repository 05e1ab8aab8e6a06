"""Reading and writing checkpoints prints nothing that plaudit says itself."""

import logging as standard
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from plaudit.models.backbone import load_base
from plaudit.models.quiet import quiet
from plaudit.scoring.weights import read_weights, write_weights


def test_a_new_head_is_reported_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Loading a base names its new head in the report, and neither it nor saving prints bars or warnings."""
    config = LlamaConfig(
        vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    capfd.readouterr()
    loaded = load_base(tmp_path / "base", pad_token_id=0)
    write_weights(tmp_path / "saved", loaded.classifier, "float32")
    read_weights(tmp_path / "saved")
    assert "score.weight" in loaded.new
    assert capfd.readouterr().err == ""


def test_settings_come_back_even_after_an_error() -> None:
    """Verbosity and progress bars are what they were, whatever happens inside."""
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    inside = []

    @quiet()
    def fail() -> None:
        inside.append((logging.get_verbosity(), logging.is_progress_bar_enabled()))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert inside == [(standard.ERROR, False)]
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
