"""Learn from preferences of one's own: write them, read and split them, train, save, and measure what was saved."""

import json
import sys
from pathlib import Path

from plaudit.encoding.encode import encode_all
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.preferences.groups import assign
from plaudit.preferences.reading import read
from plaudit.preferences.split import split
from plaudit.scoring import artifact
from plaudit.scoring.scorer import Scorer
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe
from plaudit.workflows.evaluation import measure
from plaudit.workflows.model import Model, build

base = sys.argv[1] if len(sys.argv) > 1 else "builtin:minilm-l6"
things = ("bicycle", "kettle", "lamp", "tent", "violin", "scooter", "radio", "oven", "camera", "umbrella", "printer")
faults = {"squeaks": "oil it", "wobbles": "tighten its screws", "smells": "wash it", "leaks": "dry and seal it"}
with Path("support.jsonl").open("w", encoding="utf-8") as file:  # one pair a line: prompt, chosen, rejected
    for thing in things:
        for fault, cure in faults.items():
            pair = {"chosen": f"Sorry about that! Please {cure}.", "rejected": f"That is not about my {thing}. Bye."}
            file.write(json.dumps({"prompt": f"My {thing} {fault}. What now?", **pair}) + "\n")

preferences = assign(read("support.jsonl"))  # a bad row is named by file, row and field
parts = split(preferences, {"train": 0.5, "test": 0.5}, seed=0)  # no prompt is in both
built = build(Model(base=base, max_length=64))
recipe, encoded = Recipe(max_steps=8, batch_size=8, learning_rate=1e-4), encode_all(parts["train"], built.encoder)
fitted = fit(built.model, encoded, objective=BradleyTerry(), output="run", recipe=recipe)
artifact.save("support-model", built.model, built.encoder, recipe={"steps": fitted.steps}, history=fitted.history)
evaluation, predictions = measure(Scorer.load("support-model"), parts["test"])
print(evaluation)
predictions.save(Path("predictions.jsonl"))  # every reward and comparison behind the figures
