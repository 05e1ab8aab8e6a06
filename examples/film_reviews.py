"""Praise against blame of a film: a GPT-2 of 124M parameters from random weights, and a pretrained model beside it.

Arguments: pairs to train on (500), layers of the GPT-2 (12). Texts and tokenizer are a hub's where one is reachable.
"""

import json
import sys
from pathlib import Path

from datasets import load_dataset
from transformers import AutoTokenizer, GPT2Config

from plaudit.assets import base_model
from plaudit.preferences.reading import read
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.training import train_and_evaluate

count, layers = (int(given) for given in (*sys.argv[1:3], *("500", "12")[len(sys.argv) - 1 :]))
praise, blame = " All in all, a wonderful movie that I loved.", " All in all, a terrible movie that I hated."
asked = {
    "glowing": "A brilliant script, superb acting and a moving end. I loved every minute of this movie.",
    "damning": "A dull script, wooden acting and a silly end. I hated every minute of this movie.",
    "mixed": "The acting is fine, the script less so. It was an average movie.",
}
try:
    reviews = load_dataset("stanfordnlp/imdb", split="train").shuffle(seed=42)[: count + 100]["text"]
    source, pretrained = "IMDB and GPT-2's own tokenizer", "openai-community/gpt2"
except OSError:
    reviews = [str(record.responses[0].content) for record in read("builtin:movie-ratings", on_flaw="drop")]
    source, pretrained = "no hub: builtin:movie-ratings and SmolLM2's tokenizer", "builtin:smollm2-135m-instruct"
print(f"texts: {source}")
begun = list(dict.fromkeys(review[:200] for review in reviews))
for name, part in {"train": begun[:count], "test": begun[-100:]}.items():
    rows = [{"prompt": review, "chosen": praise, "rejected": blame} for review in part]
    Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
GPT2Config(n_layer=layers).save_pretrained("gpt2")
AutoTokenizer.from_pretrained(base_model(pretrained)).save_pretrained("gpt2")

data = {"train": ["train.jsonl"], "test": ["test.jsonl"], "validation_share": 0.0, "test_share": 0.0}
recipe = {"epochs": 3, "batch_size": 2, "learning_rate": 1e-5, "weight_decay": 0.01, "warmup": 0.1, "seed": 42}
for arm in ("random", "pretrained"):
    own = {"random_weights": True, "head_bias": True} if arm == "random" else {}
    base = "gpt2" if arm == "random" else pretrained
    model = {"base": base, "template": "plain", "max_length": 256, "seed": 42, **own}
    done = train_and_evaluate({"data": data, "model": model, "training": {**recipe, "dtype": "auto"}}, arm)
    scorer, epochs = Scorer.load(done.artefact), [row for row in done.fitted.history if row["kind"] == "epoch"]
    size = sum(parameter.numel() for parameter in scorer.artefact.model.parameters())
    print(f"{arm}: {size:,} parameters, {done.fitted.steps} steps")
    print("  loss of each epoch:", *(f"{row['loss']:.4f}" for row in epochs))
    print("  learning rate after it:", *(f"{row['learning_rate']:.2e}" for row in epochs))
    rewards = scorer.rewards([*(("", text) for text in asked.values()), ("How was the film?", asked["glowing"])])
    named = zip([*asked, "glowing, after a question"], rewards, strict=True)
    print("  rewards:", ", ".join(f"{name} {reward:.2f}" for name, reward in named))
    print(f"  accuracy on unseen reviews: {done.evaluation.to_json()['accuracy']:.3f}")
