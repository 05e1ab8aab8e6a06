"""A tiny base model on disk, and preferences that prefer one word, so that whole workflows take seconds."""

import json
import random
from pathlib import Path

import pytest

from tests.encoding.families import family
from tests.scoring.tiny import TOKENIZERS, classifier

SUBJECTS = ("tea", "rain", "a train", "chess", "the sea", "bread", "a map", "snow", "a violin", "moss")


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """A checkpoint of a tiny Llama with a chat tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    tokenizer = family(TOKENIZERS["llama"])
    classifier("llama", len(tokenizer), 0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pairs(tmp_path_factory) -> Path:
    """120 pairs about 60 prompts; the chosen response says yes, the rejected one no."""
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    rows = []
    for number in range(120):
        subject = f"{draw.choice(SUBJECTS)} number {number // 2}"
        tail = " indeed" * draw.randint(0, 3)
        rows.append({"prompt": f"Is {subject} good?", "chosen": f"yes{tail} yes", "rejected": f"no{tail} no"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def settings(base, pairs) -> list[str]:
    """Dotted settings of a training run of a few steps."""
    return [
        f'data.train=["{pairs}"]',
        "data.validation_share=0.2",
        "data.test_share=0.4",
        f'model.base="{base}"',
        "model.max_length=256",
        "training.epochs=2",
        "training.batch_size=8",
        "training.learning_rate=0.003",
        "training.token_budget=4096",
    ]
