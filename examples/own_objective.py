"""Train with a loss of one's own: a class that maps rewards and labels to unreduced, weighted terms."""

import sys
from dataclasses import dataclass

import torch

from plaudit.encoding.batch import Labels
from plaudit.encoding.encode import encode_all
from plaudit.encoding.packing import collate
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.training.step import train_step
from plaudit.workflows.model import Model, build


@dataclass(frozen=True)
class Hinge:
    """The margin should be at least ``margin``; what is missing is the loss."""

    margin: float = 1.0

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison."""
        gap = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
        return Terms((self.margin - gap).clamp(min=0), labels.weight)


good, bad = Response(content="Gladly: take the second street on the left."), Response(content="Find it yourself.")
pairs = Preferences.of([Preference(prompt="", responses=(good, bad), comparisons=(Comparison(chosen=0, rejected=1),))])
built = build(Model(base=sys.argv[1] if len(sys.argv) > 1 else "builtin:minilm-l6", max_length=32))
batch = collate(encode_all(pairs, built.encoder), [0], share=built.model.shares)
optimizer = torch.optim.AdamW(built.model.parameters(), lr=1e-4)
losses = [train_step(built.model, batch, objective=Hinge(), optimizer=optimizer).loss for _ in range(5)]
print("loss, step by step:", ", ".join(f"{loss:.3f}" for loss in losses))
