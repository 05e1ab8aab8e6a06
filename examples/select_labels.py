"""Which comparisons to label next: from a model and unlabelled responses to a queue for `plaudit annotate --pairs`.

Arguments: a model's folder, and a strategy (margin). Any model that `plaudit train` wrote will do.
"""

import json
import sys
from pathlib import Path

from plaudit.preferences.reading import read
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.data import Data
from plaudit.workflows.selecting import Asked, select

model, strategy = Path(sys.argv[1]), (*sys.argv[2:], "margin")[0]
topics = ("tea", "chess", "snow", "bread", "a violin", "the sea", "moss", "a map")
openings = ("I would say that {} is", "It depends, but {} is", "Nobody asked me, yet {} is")
rows = [
    {
        "prompt": f"What do you think of {topic}?",
        "responses": [{"text": f"{opening.format(topic)} worth a try."} for opening in openings],
        "pairwise": [],
        "pair_order": [],
    }
    for topic in topics
]
Path("pool.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

pool = Data().read(["pool.jsonl"])
chosen = select(Scorer.load(model), pool, Asked(count=10, strategy=strategy, random_share=0.2))
chosen.write(Path("queue.jsonl"), overwrite=True)
print("\n".join(chosen.lines()))

for record in read("queue.jsonl"):
    first, second = (response.content for response in record.responses)
    print(f"{record.extra['priority']:>2} {record.extra['arm']:<7} {first} / {second}")
