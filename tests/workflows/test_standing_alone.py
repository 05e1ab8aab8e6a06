"""A LoRA artefact needs nothing but itself: not its base, not its place, no cache, no peft."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

from plaudit import cli
from plaudit.scoring.scorer import Scorer

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [("Is tea good?", "yes yes"), ("Is tea good?", "no no"), ("Is rain good?", "yes indeed yes"), ("", "no ÿ 😀")]

ELSEWHERE = """
import json, sys
sys.modules["peft"] = None
from transformers import AutoModelForSequenceClassification
import torch

asked = json.load(sys.stdin)
model = AutoModelForSequenceClassification.from_pretrained("moved").eval()
with torch.no_grad():
    plain = [model(torch.tensor([ids])).logits.item() for ids in asked["ids"]]
from plaudit.scoring.scorer import Scorer

scorer = Scorer.load("moved", device="cpu")
assert sys.modules["peft"] is None and not any(name.startswith("peft.") for name in sys.modules)
print(json.dumps({"plain": plain, "scorer": scorer.rewards(asked["pairs"])}))
"""


def in_another_place(folder, asked):
    """Run `ELSEWHERE` in a fresh process beside ``moved``, offline, with an empty cache."""
    (folder / "cache").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_", "XDG_"))}
    places = {"HF_HOME": str(folder / "cache"), "HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=folder,
        env={**kept, **places, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_moved_lora_artefact_loads_without_peft(base, settings, tmp_path):
    """Moved away and its base deleted, in a fresh process with an empty cache and peft unimportable: AutoModel and the
    Scorer give the rewards of base and adapter under peft, unmerged, to 1e-5.
    """
    here = shutil.copytree(base, tmp_path / "base")
    chosen = [f'model.base="{here}"' if one.startswith("model.base=") else one for one in settings]
    lora = [*chosen, 'training.tune="lora"', "training.lora.rank=4", "training.learning_rate=0.02"]
    arguments = [part for one in lora for part in ("--set", one)]
    assert cli.main(["train", "--output", str(tmp_path / "run"), *arguments]) == 0
    artefact = tmp_path / "run" / "artefact"

    encoder = Scorer.load(artefact, device="cpu").artefact.encoder
    ids = [encoder.encode(*pair).ids.tolist() for pair in PAIRS]
    plain = AutoModelForSequenceClassification.from_pretrained(here, num_labels=1).eval()
    adapted = PeftModel.from_pretrained(plain, str(artefact / "adapter")).eval()
    adapted.config.pad_token_id = encoder.tokenizer.pad_token_id
    with torch.no_grad():
        expected = [adapted(input_ids=torch.tensor([row])).logits.item() for row in ids]
        with adapted.disable_adapter():
            untrained = [adapted(input_ids=torch.tensor([row])).logits.item() for row in ids]

    (tmp_path / "elsewhere").mkdir()
    artefact.rename(tmp_path / "elsewhere" / "moved")
    shutil.rmtree(here)
    found = in_another_place(tmp_path / "elsewhere", {"ids": ids, "pairs": PAIRS})

    assert found["plain"] == pytest.approx(expected, abs=1e-5)
    assert found["scorer"] == pytest.approx(expected, abs=1e-5)
    assert max(abs(one - other) for one, other in zip(expected, untrained, strict=True)) > 1e-2
