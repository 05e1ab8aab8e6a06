"""An objective with regularisers is an objective: its terms, its weights, its parameters, its description."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised, Unsuited
from plaudit.objectives.regularisers.calibrated import Calibrated
from plaudit.objectives.regularisers.centred import Centred
from plaudit.objectives.regularisers.l2 import L2
from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
from plaudit.training.facts import described
from tests.contracts.test_objectives import CHECKS, labels_of, rewards_of, united

ALL = (Centred(0.02), L2(0.01), LabelSmoothing(0.05), Calibrated(0.1))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract_of_objectives(check) -> None:
    """With all that needs no language model added, every check of the objectives' contract still passes."""
    check(Regularised(BradleyTerry(), ALL))


def test_penalties_add_up() -> None:
    """Several regularisers penalise what each of them does, and a nested one keeps its inner penalty."""
    labels, rewards = labels_of(0), Rewards(rewards_of(0))
    apart = [float(Regularised(BradleyTerry(), [one])(rewards, labels).penalty) for one in ALL]
    together = Regularised(BradleyTerry(), ALL)(rewards, labels)
    nested = Regularised(Regularised(BradleyTerry(), ALL[:2]), ALL[2:])(rewards, labels)

    assert float(together.penalty) == pytest.approx(sum(apart))
    assert float(nested.penalty) == pytest.approx(sum(apart))


def test_comparisons_are_penalised_by_what_their_losses_weigh() -> None:
    """An objective that weighs a prompt's comparisons to one gets penalties on the same scale."""

    def a_third(rewards: Rewards, labels: Labels) -> Terms:
        return replace(BradleyTerry()(rewards, labels), weight=labels.weight / 3)

    labels, rewards = labels_of(1), Rewards(rewards_of(1))
    plain, scaled = (Regularised(objective, ALL)(rewards, labels) for objective in (BradleyTerry(), a_third))

    assert float(scaled.total()) == pytest.approx(float(plain.total()) / 3)


@dataclass(frozen=True)
class Best:
    """One term a record: the best of it should be the one that wins most."""

    per: ClassVar[str] = "record"

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        record = labels.record[labels.chosen]
        margin = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
        records = int(labels.record.max()) + 1
        counts = torch.bincount(record, minlength=records)
        loss = rewards.scalar.new_zeros(records).index_add(0, record, softplus(-margin)) / counts
        weight = labels.weight.new_zeros(records).index_add(0, record, labels.weight) / counts
        return Terms(loss, weight)


def test_a_record_s_penalties_weigh_as_its_one_term() -> None:
    """Where a record is one term, equal penalties of its comparisons cost what one of them would: the term's weight."""
    labels = labels_of(2)
    rewards = Rewards(torch.ones(len(labels.record), 1))
    terms = Regularised(Best(), [Centred(0.5)])(rewards, labels)

    assert len(terms.weight) == 4
    assert float(terms.penalty) == pytest.approx(0.5 * 4 * float(terms.weight.sum()))


def test_a_record_s_penalties_are_the_same_in_any_company() -> None:
    """With one term a record too, two batches in one cost what they do apart."""
    objective = Regularised(Best(), [Centred(0.5), L2(0.1)])
    parts = [(rewards_of(seed), labels_of(seed)) for seed in (3, 4)]
    whole = objective(Rewards(torch.cat([values for values, _ in parts])), united(parts[0][1], parts[1][1]))

    assert float(whole.total()) == pytest.approx(sum(float(objective(Rewards(v), one).total()) for v, one in parts))


def test_an_objective_of_other_terms_must_say_so() -> None:
    """Fewer terms than comparisons, unannounced, are refused with what to write."""

    def unannounced(rewards: Rewards, labels: Labels) -> Terms:
        return Best()(rewards, labels)

    with pytest.raises(Unsuited, match=r"4 terms for 12 comparisons; .* per = 'record'"):
        Regularised(unannounced, [Centred()])(Rewards(rewards_of(0)), labels_of(0))


class Tilted(nn.Module):
    """An objective that learns a number."""

    def __init__(self, tilt: float = 0.5) -> None:
        super().__init__()
        self.tilt = nn.Parameter(torch.tensor(tilt))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        margin = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
        return Terms(softplus(self.tilt - margin), labels.weight)

    def requires(self, facts: Any) -> str:
        return "" if facts == "enough" else f"more than {facts}"


def test_what_the_objective_learns_is_a_parameter_of_the_whole() -> None:
    """It is found by name, gets the gradient of loss and penalties, and is restored from a state."""
    whole = Regularised(Tilted(), [LabelSmoothing(0.2)])
    labels, rewards = labels_of(5), Rewards(rewards_of(5))
    whole(rewards, labels).total().backward()
    other = Regularised(Tilted(0.0), [LabelSmoothing(0.2)])
    other.load_state_dict(whole.state_dict())

    assert [name for name, _ in whole.named_parameters()] == ["objective.tilt"]
    assert whole.objective.tilt.grad is not None and whole.objective.tilt.grad != 0
    assert torch.equal(other(rewards, labels).total(), whole(rewards, labels).total())
    assert list(Regularised(BradleyTerry(), ALL).parameters()) == []


def test_what_the_objective_asks_of_the_data_is_asked() -> None:
    """The requirement is passed on; an objective without one asks for nothing."""
    whole = Regularised(Tilted(), ALL)

    assert whole.requires("enough") == ""
    assert whole.requires("nothing") == "more than nothing"
    assert Regularised(BradleyTerry(), ALL).requires("nothing") == ""


def test_a_run_s_facts_tell_the_settings_of_all_parts() -> None:
    """The description that a resumed run must share changes with the objective, a regulariser and its weight."""
    told = [
        described(Regularised(objective, parts))
        for objective, parts in (
            (BradleyTerry(), ALL),
            (BradleyTerry(use_strength=False), ALL),
            (BradleyTerry(), ALL[:2]),
            (BradleyTerry(), (Centred(0.03), *ALL[1:])),
        )
    ]

    assert len(set(told)) == 4
    assert told[2] == "BradleyTerry(use_strength=True) + Centred(weight=0.02) + L2(weight=0.01)"
