"""What an objective learns of its own is found, named and told from what is set."""

from dataclasses import dataclass

import torch
from torch import nn

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms, learned, learning, settings_of
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.davidson import Davidson
from plaudit.objectives.robust import Robust


class Tempered(nn.Module):
    """An objective from outside, without a word of its own for what it learns."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.start = start
        self.temperature = nn.Parameter(torch.tensor([start, 1.0]))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison."""
        return Terms(rewards.scalar[labels.chosen] * self.temperature[0], labels.weight)


@dataclass(frozen=True, slots=True)
class Around:
    """A loss around another."""

    objective: Objective
    factor: float = 2.0


def test_only_what_is_trained_is_found() -> None:
    """Plain objectives and fixed parameters train nothing; a module inside a dataclass is found."""
    assert len(learning(BradleyTerry())) == len(learning(Davidson(1.0))) == len(learning(Robust())) == 0
    inner = Davidson()
    assert list(learning(inner).parameters()) == list(learning(Around(inner)).parameters()) == [inner.log_nu]
    assert learned(BradleyTerry()) == {}
    assert learned(Around(inner)) == {"nu": 1.0}


def test_a_module_without_words_gives_its_parameters() -> None:
    """Raw values by the names of the parameters, as plain data."""
    assert learned(Tempered(0.5)) == {"temperature": [0.5, 1.0]}


def test_settings_are_what_the_constructor_takes() -> None:
    """Of a dataclass and of a module alike, defaults included, nothing else."""
    assert settings_of(Around(Davidson(), 3.0))["factor"] == 3.0
    assert settings_of(Robust()) == {"flip_rate": 0.1, "form": "mixture", "use_strength": True}
    assert settings_of(Tempered()) == {"start": 0.0}
    assert settings_of(lambda rewards, labels: Terms(rewards.scalar, labels.weight)) == {}
