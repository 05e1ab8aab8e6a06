r"""Train with a loss of one's own: a class that maps rewards and labels to unreduced, weighted terms.

A configuration names it ``module:Class``, here ``own_objective:Hinge``, and its settings stand beside the name. From a
shell, in the folder where this file lies::

    plaudit train --set data.train=builtin:movie-ratings --set objective.name=own_objective:Hinge \
        --set objective.margin=0.5
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms
from plaudit.workflows.training import train_and_evaluate


@dataclass(frozen=True)
class Hinge:
    """The margin should be at least ``margin``; what is missing is the loss."""

    margin: float = 1.0

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"margin must be above 0, not {self.margin!r}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison."""
        gap = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
        return Terms((self.margin - gap).clamp(min=0), labels.weight)


if __name__ == "__main__":
    base = sys.argv[1] if len(sys.argv) > 1 else "builtin:minilm-l6"
    ways = [(kind, thing) for kind in ("second", "third", "last") for thing in ("street", "door", "stairs", "path")]
    rows = [
        {"prompt": f"Where is number {n}?", "chosen": f"Gladly: the {kind} {thing}.", "rejected": f"Find the {thing}."}
        for n, (kind, thing) in enumerate(ways)
    ]
    Path("directions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    configuration = {
        "data": {"train": ["directions.jsonl"], "test_share": 0.25, "validation_share": 0.0},
        "model": {"base": base, "max_length": 32},
        "objective": {"name": "own_objective:Hinge", "margin": 0.5},
        "training": {"epochs": 3, "batch_size": 3, "learning_rate": 1e-4},
    }
    done = train_and_evaluate(configuration, Path("own"), say=lambda _: None)
    losses = [row["loss"] for row in done.fitted.history if row["kind"] == "epoch"]
    print("mean loss of each epoch:", ", ".join(f"{loss:.3f}" for loss in losses))
    print(f"accuracy on unseen prompts: {done.evaluation.to_json()['accuracy']:.2f}; the model is in {done.artefact}")
