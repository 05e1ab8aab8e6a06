"""Checkpoints that TRL 1.16 trains, and TRL's own reward path on ours. Needs an interpreter that has TRL."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import LlamaForCausalLM

from plaudit.scoring.conversations import as_pair
from plaudit.scoring.foreign import Unverified
from plaudit.scoring.scorer import Scorer
from tests.encoding.families import CHATML, IM, byte_level, family
from tests.scoring.tiny import classifier, configuration, saved

PEERS = sys.executable if importlib.util.find_spec("trl") else os.environ.get("PLAUDIT_PEERS", "")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS, reason="TRL is not installed; PLAUDIT_PEERS may name an interpreter that has it"),
]
SCRIPT = Path(__file__).with_name("trl_peer.py")
TEXTS = [
    ("How do I boil an egg?", "In water, for eight minutes.", "Eggs."),
    ("Say hello to the people.", "Hello, people!", "Why would I do that? No."),
]


def run(*arguments: object) -> dict[str, Any]:
    """Run the script in the peers' interpreter and return what it prints last."""
    done = subprocess.run(
        [PEERS, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _turns(question: str, answer: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    return [{"role": "user", "content": question}], [{"role": "assistant", "content": answer}]


def _gpt2_with_turns() -> Any:
    end = IM[0]
    return byte_level(
        IM, CHATML.replace(" + '\\n' }}{% endfor", " }}{% endfor"), bos_token=end, eos_token=end, unk_token=end
    )


@pytest.mark.parametrize("chat", [True, False], ids=["conversational", "plain"])
@pytest.mark.parametrize("name", ["smollm2", "gpt2"])
def test_trl_checkpoint_is_scored_as_trl_scores_it(tmp_path: Path, name: str, chat: bool) -> None:
    """Ids and rewards of the Scorer are those of TRL's own data set and model, pad = eos and all."""
    tokenizer = _gpt2_with_turns() if name == "gpt2" and chat else family(name)
    model = classifier("llama" if name == "smollm2" else "gpt2", len(tokenizer), None)
    model.config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    rows: list[dict[str, Any]] = []
    for question, chosen, rejected in TEXTS:
        prompt, better = _turns(question, chosen) if chat else (question, f" {chosen}")
        worse = _turns(question, rejected)[1] if chat else f" {rejected}"
        rows.append({"prompt": prompt, "chosen": better, "rejected": worse})
    (tmp_path / "rows.json").write_text(json.dumps(rows))

    trl = run("train", tmp_path / "base", tmp_path / "rows.json", tmp_path / "trained")
    with pytest.warns(Unverified, match="skips the final token"):
        scorer = Scorer.load(tmp_path / "trained")
    pairs = [(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")]
    encoded = [scorer.artefact.encoder.encode(*as_pair(pair)).ids.tolist() for pair in pairs]

    assert trl["pad"] == trl["eos"]
    assert encoded == trl["ids"]
    assert np.abs(np.array(scorer.rewards(pairs)) - trl["rewards"]).max() < 1e-5
    assert np.std(trl["rewards"]) > 1e-4


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_grpo_computes_our_rewards_from_the_folder(tmp_path: Path, name: str) -> None:
    """GRPO, given the artefact's path and conversations, computes the Scorer's ids and rewards."""
    saved(tmp_path / "reward", name)
    tokenizer = family("smollm2")
    policy = LlamaForCausalLM(configuration("llama", len(tokenizer), None))
    policy.save_pretrained(tmp_path / "policy")
    tokenizer.save_pretrained(tmp_path / "policy")
    rows = [dict(zip(("prompt", "completion"), _turns(question, answer), strict=True)) for question, answer, _ in TEXTS]
    (tmp_path / "rows.json").write_text(json.dumps(rows))

    trl = run("grpo", tmp_path / "policy", tmp_path / "reward", tmp_path / "rows.json")
    scorer = Scorer.load(tmp_path / "reward")
    pairs = [(row["prompt"], row["completion"]) for row in rows]

    assert trl["ids"] == [scorer.artefact.encoder.encode(*as_pair(pair)).ids.tolist() for pair in pairs]
    assert np.abs(np.array(scorer.rewards(pairs)) - trl["rewards"]).max() < 1e-4
