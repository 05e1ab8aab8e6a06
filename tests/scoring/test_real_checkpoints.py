"""Checkpoints of real size in the shape TRL's RewardTrainer leaves them: pad = end of sequence, no contract.

It trains ``…ForSequenceClassification`` with one label, gives configuration and tokenizer the end-of-sequence token as
pad where there is no other, reads conversations through the tokenizer's chat template as it is, and ends plain texts
with the end-of-sequence token. Everything here is built with transformers alone.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaForSequenceClassification,
)

from plaudit import cli
from plaudit.assets import base_model
from plaudit.scoring.conversations import as_pair
from plaudit.scoring.foreign import Unverified
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import verify
from tests.encoding.families import CHATML, IM, byte_level

pytestmark = pytest.mark.slow
QUESTION = "How do I boil an egg?"
ANSWERS = ["In water, for eight minutes.", "Why would I do that? No."]


def _smollm2(folder: Path) -> None:
    base = base_model("builtin:smollm2-135m-instruct")
    torch.manual_seed(0)
    model = LlamaForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    torch.nn.init.normal_(model.score.weight, std=0.05)
    _save(model, AutoTokenizer.from_pretrained(base), folder)


def _gpt2(folder: Path) -> None:
    end = IM[0]
    tokenizer = byte_level(IM, CHATML, bos_token=end, eos_token=end, unk_token=end)
    tokenizer.model_max_length = 256  # it spells most words out, and long canaries would take long
    torch.manual_seed(0)
    model = GPT2ForSequenceClassification(GPT2Config(num_labels=1))
    assert sum(parameter.numel() for parameter in model.parameters()) > 124e6
    torch.nn.init.normal_(model.score.weight, std=0.5)
    model.config.eos_token_id = model.config.bos_token_id = tokenizer.eos_token_id
    _save(model, tokenizer, folder)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what RewardTrainer.save_model writes."""
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


MADE = {"smollm2": _smollm2, "gpt2": _gpt2}


@pytest.fixture(scope="module", params=list(MADE))
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a checkpoint."""
    folder: Path = tmp_path_factory.mktemp("checkpoints") / request.param
    MADE[request.param](folder)
    return folder


def given(chat: bool) -> list[tuple[Any, Any]]:
    """Return the pairs as conversations, or as texts."""
    if not chat:
        return [(QUESTION, f" {answer}") for answer in ANSWERS]
    return [([{"role": "user", "content": QUESTION}], [{"role": "assistant", "content": text}]) for text in ANSWERS]


def by_transformers(folder: Path, chat: bool) -> tuple[list[list[int]], list[float]]:
    """Return ids and rewards as RewardTrainer has them: rendered, padded on the right, the class's own forward."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    rows: list[list[int]] = []
    for prompt, response in given(chat):
        if chat:
            rows.append(tokenizer.apply_chat_template(prompt + response, tokenize=True, return_dict=True)["input_ids"])
        else:
            rows.append(tokenizer(text=prompt + response + tokenizer.eos_token)["input_ids"])
    batch = tokenizer.pad([{"input_ids": row} for row in rows], return_tensors="pt", padding_side="right")
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return rows, model(**batch).logits[:, 0].tolist()


@pytest.mark.parametrize("chat", [True, False], ids=["conversational", "plain"])
def test_they_are_scored_as_transformers_scores_them(checkpoint: Path, chat: bool) -> None:
    """Equal ids, rewards within 1e-4, pooling hf_last_non_pad, and a warning that says what that skips."""
    rows, expected = by_transformers(checkpoint, chat)
    with pytest.warns(Unverified, match="skips the final token"):
        scorer = Scorer.load(checkpoint, device="cpu")

    assert scorer.artefact.contract.settings["pooling"] == "hf_last_non_pad"
    assert scorer.artefact.contract.encoding["kind"] == "as_given"
    assert [scorer.artefact.encoder.encode(*as_pair(pair)).ids.tolist() for pair in given(chat)] == rows
    found = scorer.rewards(given(chat))
    assert np.abs(np.array(found) - expected).max() < 1e-4
    assert abs(expected[0] - expected[1]) > 1e-2


@pytest.mark.filterwarnings("ignore::plaudit.scoring.foreign.Unverified")
@pytest.mark.parametrize("template", ["chat", "plain"])
def test_convert_says_how_their_rewards_change(
    checkpoint: Path, template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`plaudit convert` moves the pooling to the true last token, names a proper pad, and prints every canary's reward
    before and after; what it writes passes its checks.
    """
    arguments = ["convert", str(checkpoint), str(tmp_path / "new"), "--pooling", "last", "--template", template]
    assert cli.main([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)

    assert any("pooling hf_last_non_pad -> last" in change for change in printed["changes"])
    assert any("pad token" in change for change in printed["changes"])
    moved = [abs(row["after"] - row["before"]) for row in printed["rewards"]]
    assert len(moved) >= 8 and max(moved) > 1e-2
    assert verify(tmp_path / "new").passed
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "new")
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
