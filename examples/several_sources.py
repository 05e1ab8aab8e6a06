"""Two sources in one run, one of them counted double, with figures for each; three ways to read prompt and response."""

import json
import sys
from pathlib import Path

from plaudit.workflows.training import train_and_evaluate

base = sys.argv[1] if len(sys.argv) > 1 else "builtin:minilm-l6"
things = ("bicycle", "kettle", "lamp", "tent", "violin", "scooter", "radio", "oven", "camera", "umbrella", "printer")
faults = {"squeaks": "oil it", "wobbles": "tighten its screws", "smells": "wash it", "leaks": "dry and seal it"}
sources = {  # what is asked, what is preferred, and to what
    "repairs.jsonl": ("My {thing} {fault}. What now?", "Please {cure}.", "Bye."),
    "manners.jsonl": ("Your {thing} {fault}!", "Sorry about that, I will {cure}.", "So what? I will {cure}."),
}
for name, (prompt, chosen, rejected) in sources.items():
    with Path(name).open("w", encoding="utf-8") as file:
        for words in ({"thing": t, "fault": f, "cure": c} for t in things for f, c in faults.items()):
            texts = (text.format(**words) for text in (prompt, chosen, rejected))
            file.write(json.dumps(dict(zip(("prompt", "chosen", "rejected"), texts, strict=True))) + "\n")

for architecture, reads in {
    "scalar": "prompt and response as one joined text",
    "two_tower": "each with an encoder of its own",
    "cross_attention": "each by itself; then the response attends to the prompt",
}.items():
    configuration = {
        "data": {"train": list(sources), "weights": [2.0, 1.0], "test_share": 0.5, "validation_share": 0.0},
        "model": {"base": base, "max_length": 128, "architecture": architecture},
        "training": {"max_steps": 16, "batch_size": 8, "learning_rate": 1e-4},
        "evaluation": {"resamples": 500, "slices": ["source"]},
    }
    done = train_and_evaluate(configuration, Path("runs", architecture), say=lambda _: None)
    print(f"{architecture}: {reads}")
    for source, figures in done.evaluation.slices["source"].items():
        accuracy = figures.metrics["accuracy"]
        print(f"  {source}: accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]")
