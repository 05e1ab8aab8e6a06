"""Conversion says what it changes, and what is converted verifies."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from plaudit.scoring.convert import convert
from plaudit.scoring.foreign import Unverified
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import verify
from plaudit.scoring.writing import CannotSave
from tests.scoring.checkpoints import foreign
from tests.scoring.tiny import PAIRS, saved

pytestmark = pytest.mark.filterwarnings("ignore::plaudit.scoring.foreign.Unverified")


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_pooling_moves_to_the_last_token(tmp_path: Path, name: str) -> None:
    """Away from pad = eos: a proper pad, the true last token scored, in transformers too; the changes are listed."""
    foreign(tmp_path / "old", name)
    before = Scorer.load(tmp_path / "old").rewards(PAIRS)

    done = convert(tmp_path / "old", tmp_path / "new", pooling="last", template="plain" if name == "gpt2" else "chat")

    scorer, model = Scorer.load(tmp_path / "new"), AutoModelForSequenceClassification.from_pretrained(tmp_path / "new")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "new")
    rows = [{"input_ids": scorer.artefact.encoder.encode(*pair).ids.tolist()} for pair in PAIRS]
    with torch.no_grad():
        plain = model(**tokenizer.pad(rows, return_tensors="pt")).logits[:, 0].tolist()
    assert scorer.rewards(PAIRS) == pytest.approx(plain, abs=1e-4)
    assert tokenizer.pad_token_id == model.config.pad_token_id != tokenizer.eos_token_id
    assert np.abs(np.array(before) - plain).max() > 1e-3
    assert verify(tmp_path / "new").passed
    text = "\n".join(done.lines())
    assert "pooling hf_last_non_pad -> last" in text
    assert "pad token" in text
    assert "pairs in another order" in text
    assert all(name in text for name in done.names)


def test_keeping_the_pooling_keeps_the_rewards(tmp_path: Path) -> None:
    """A foreign checkpoint becomes a verified artefact with the rewards it had."""
    foreign(tmp_path / "old", "gpt2")
    with pytest.warns(Unverified):
        before = Scorer.load(tmp_path / "old").rewards(PAIRS)

    done = convert(tmp_path / "old", tmp_path / "new")

    assert done.order_changed == 0
    assert np.abs(done.after - done.before).max() < 1e-5
    assert Scorer.load(tmp_path / "new").rewards(PAIRS) == pytest.approx(before, abs=1e-5)
    assert verify(tmp_path / "new").passed


def test_bfloat16_export(tmp_path: Path) -> None:
    """Rounding is said, head included, and its effect on the canaries is measured against the artefact's own."""
    saved(tmp_path / "old")

    done = convert(tmp_path / "old", tmp_path / "new", dtype="bfloat16")

    assert load_file(tmp_path / "new" / "model.safetensors")["score.weight"].dtype == torch.bfloat16
    assert "the reward head too" in done.lines()[0]
    assert 0 < np.abs(done.after - done.before).max() < 0.1
    assert json.loads((tmp_path / "new" / "plaudit.json").read_text())["recipe"]["seed"] == 0
    assert verify(tmp_path / "new").passed


def test_existing_target_is_refused(tmp_path: Path) -> None:
    """The target is never overwritten unasked, least of all the source itself."""
    saved(tmp_path / "old")

    with pytest.raises(CannotSave, match="exists already"):
        convert(tmp_path / "old", tmp_path / "old", pooling="mean")
    assert verify(tmp_path / "old").passed
