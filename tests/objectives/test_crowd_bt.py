"""Crowd-BT learns rewards and who can be trusted, together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.nn.functional import logsigmoid

from plaudit.encoding.annotators import agreement, annotator_columns, annotator_key
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards
from plaudit.objectives import introduce, reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.crowd_bt import CrowdBt
from plaudit.objectives.regularisers import Regularised
from plaudit.preferences.preference import Comparison
from plaudit.testing import pair_labels
from plaudit.training.embeddings import one_token_each
from plaudit.training.fit import fit
from plaudit.training.fitness import NothingToLearn
from plaudit.training.recipe import Recipe
from tests.training.tiny import TinyModel, preferences


def test_one_who_is_always_right_makes_it_bradley_terry() -> None:
    """Near reliability 1, without a prior, the gradient is that of Bradley-Terry; at one half nothing pulls."""
    labels = replace(pair_labels(3), annotator=torch.tensor([annotator_key("ann")] * 3), tie=torch.arange(3) == 2)
    values = torch.randn(6, 1, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pulls = {}
    for reliability in (1 - 1e-7, 0.5):
        crowd = CrowdBt(prior=0.0).double()
        crowd.meet(["ann"])
        crowd.set_reliability({"ann": reliability})
        (pulls[reliability],) = torch.autograd.grad(crowd(Rewards(values), labels).total(), values)
    (theirs,) = torch.autograd.grad(BradleyTerry(use_strength=False)(Rewards(values), labels).total(), values)

    assert torch.allclose(pulls[1 - 1e-7], theirs, atol=1e-5)
    assert pulls[0.5].abs().max() < 1e-7


def test_planted_reliabilities_are_recovered() -> None:
    """Scores of 30 things, 8 annotators from careful to contrary, 400 votes each: reliabilities come back within 0.08.

    The scores' order comes back too, better than by Bradley-Terry on the same votes.
    """
    rng = np.random.default_rng(0)
    truth, planted = rng.normal(0, 2, 30), np.array([0.98, 0.95, 0.9, 0.85, 0.7, 0.5, 0.5, 0.1])
    names = [f"p{place}" for place in range(8)]
    person = np.repeat(np.arange(8), 400)
    pairs = np.stack([rng.choice(30, 2, replace=False) for _ in person])
    first = rng.random(person.size) < 1 / (1 + np.exp(truth[pairs[:, 1]] - truth[pairs[:, 0]]))
    says = np.where(rng.random(person.size) < planted[person], first, ~first)
    chosen = np.where(says, pairs[:, 0], pairs[:, 1])
    keys, _ = annotator_columns(names[one] for one in person)
    labels = replace(
        pair_labels(person.size),
        chosen=torch.from_numpy(chosen),
        rejected=torch.from_numpy(pairs.sum(1) - chosen),
        annotator=torch.from_numpy(keys),
    )
    found = {}
    for objective in (CrowdBt(), BradleyTerry()):
        introduce(objective, names)
        scores = torch.zeros(30, 1, requires_grad=True)
        own = list(objective.parameters()) if isinstance(objective, CrowdBt) else []
        descent = torch.optim.LBFGS([scores, *own], max_iter=200, line_search_fn="strong_wolfe")

        def loss(objective=objective, scores=scores, descent=descent) -> torch.Tensor:
            descent.zero_grad()
            total = objective(Rewards(scores), labels).total() + 0.05 * scores.square().sum()
            total.backward()
            return total

        descent.step(loss)
        found[type(objective).__name__] = np.corrcoef(scores.detach()[:, 0].numpy(), truth)[0, 1]
        if own:
            learned = objective.learned()["reliability"]
    assert [learned[name] for name in names] == pytest.approx(planted.tolist(), abs=0.08)
    assert found["CrowdBt"] > max(found["BradleyTerry"], 0.97)


def test_it_begins_with_what_others_say() -> None:
    """Three who agree begin at the start, one whom the others contradict is trusted in nothing; the loner is as told.

    Agreement is counted by another implementation, over all pairs of comparisons.
    """
    rng = np.random.default_rng(0)
    first, pair = rng.integers(0, 2, 80), np.repeat(np.arange(80), 4)
    who = np.tile(np.arange(4), 80)
    says = np.where(who < 3, np.where(rng.random(320) < 0.95, first[pair], 1 - first[pair]), rng.integers(0, 2, 320))
    names = ["ann", "bob", "cyd", "guesser", "loner"]
    keys = [annotator_key(names[one]) for one in who] + [annotator_key("loner")]
    chosen, rejected = np.append(2 * pair + says, 900), np.append(2 * pair + 1 - says, 901)
    labels = replace(
        pair_labels(321), chosen=torch.from_numpy(chosen), rejected=torch.from_numpy(rejected),
        annotator=torch.tensor(keys),
    )  # fmt: skip
    crowd = CrowdBt()
    introduce(crowd, names, labels)
    begun = crowd.learned()["reliability"]
    found = agreement(chosen, rejected, np.zeros(321, bool), keys)
    beside = {name: [] for name in names}
    for one in range(320):
        others = [at for at in range(320) if pair[at] == pair[one] and at != one]
        beside[names[who[one]]].append(np.mean([1 if says[at] == says[one] else -1 for at in others]))

    assert {key: count for key, (_, count) in found.items()} == {annotator_key(name): 80 for name in names[:4]}
    for name in names[:4]:
        assert found[annotator_key(name)][0] == pytest.approx(sum(beside[name]))
    assert min(begun[name] for name in ("ann", "bob", "cyd")) > 0.85
    assert begun["guesser"] < 0.65
    assert begun["loner"] == begun["unnamed"] == pytest.approx(0.95)


def test_a_vote_beside_ones_own_is_no_agreement() -> None:
    """Who says the same thing twice agrees with nobody; a tie is neither for nor against; the unnamed are not there."""
    assert agreement([0, 0, 2], [1, 1, 3], [False] * 3, [7, 7, 8]) == {}
    assert agreement([0, 0], [1, 1], [False, True], [7, 8]) == {7: (0.0, 1), 8: (0.0, 1)}
    assert agreement([0, 0], [1, 1], [False, False], [7, 0]) == {}


def test_few_steps_are_enough_to_tell_who_guesses() -> None:
    """Three of ten guess, each pair is judged once, 300 steps of Adam at the recipe's own rate for objectives.

    Reliabilities come within 0.1 of what was planted, and held-out NLL is below Bradley-Terry's.
    """
    rng = np.random.default_rng(0)
    truth, count, steps = rng.normal(0, 0.35, 40), 4800, 300
    rows = rng.normal(size=(2 * count, 40))
    margin = (rows[0::2] - rows[1::2]) @ truth
    who = rng.integers(0, 10, count)
    first = np.where(who < 3, rng.random(count) < 0.5, rng.random(count) < expit(margin))
    keys = torch.tensor([annotator_key(f"p{one}") for one in who])
    chosen = torch.from_numpy(np.arange(0, 2 * count, 2) + ~first)
    rejected = torch.from_numpy(np.arange(0, 2 * count, 2) + first)
    held = torch.from_numpy(rng.normal(size=(4000, 40)).astype(np.float32))
    share = torch.sigmoid(held @ torch.from_numpy(truth).float())
    nll = {}
    for objective in (CrowdBt(), BradleyTerry()):
        introduce(objective, [f"p{one}" for one in range(10)])
        weights = torch.zeros(40, 1, requires_grad=True)
        own = list(objective.parameters()) if isinstance(objective, CrowdBt) else []
        groups = [
            {"params": [weights], "lr": 0.03},
            *([{"params": own, "lr": Recipe().objective_learning_rate}] * bool(own)),
        ]
        descent = torch.optim.Adam(groups)
        for step in range(steps):
            part = np.arange(count)[step % (count // 32) * 32 :][:32]
            texts = torch.from_numpy(rows[np.stack([2 * part, 2 * part + 1], 1).ravel()]).float()
            labels = replace(
                pair_labels(32), chosen=chosen[part] - 2 * part[0], rejected=rejected[part] - 2 * part[0],
                annotator=keys[part],
            )  # fmt: skip
            descent.zero_grad()
            reduce(objective(Rewards(texts @ weights), labels)).backward()
            descent.step()
        margins = (held @ weights.detach())[:, 0]
        nll[type(objective).__name__] = float(
            -(share * logsigmoid(margins) + (1 - share) * logsigmoid(-margins)).mean()
        )
        if own:
            learned = objective.learned()["reliability"]
    assert [learned[f"p{one}"] for one in range(3)] == pytest.approx([0.5] * 3, abs=0.1)
    assert min(learned[f"p{one}"] for one in range(3, 10)) > 0.9
    assert nll["CrowdBt"] < nll["BradleyTerry"] - 0.01


def test_people_who_were_not_met_share_the_reliability_of_the_unnamed() -> None:
    """A key that is not known, and 0, fall to the last reliability; those met keep theirs when others come."""
    crowd = CrowdBt(prior=0.0)
    introduce(Regularised(crowd, ()), ["bob", "ann"])
    crowd.set_reliability({"ann": 0.7})
    crowd.meet(["cyd", "ann"])
    labels = replace(pair_labels(4), annotator=torch.tensor([annotator_key(one) for one in ("ann", "zoe", "", "cyd")]))

    assert crowd.learned()["reliability"] == pytest.approx({"ann": 0.7, "bob": 0.95, "cyd": 0.95, "unnamed": 0.95})
    slots = crowd._slots(labels).tolist()
    assert slots[1] == slots[2] == 3
    assert [crowd.names[at] for at in (slots[0], slots[3])] == ["ann", "cyd"]


def test_keys_are_the_same_everywhere_and_nobody_has_none() -> None:
    """A set without names has no column; keys are positive and depend on the name alone."""
    assert annotator_columns(["", ""]) == (None, ())
    keys, names = annotator_columns(["bob", "", "ann", "bob"])

    assert names == ("ann", "bob")
    assert keys.tolist() == [annotator_key("bob"), 0, annotator_key("ann"), annotator_key("bob")]
    assert min(annotator_key(str(number)) for number in range(1000)) > 0


def test_training_learns_reliabilities_and_refuses_data_without_names(tmp_path: Path) -> None:
    """Through `fit`: the learned reliabilities are by name; without two names training does not begin."""
    encoded = preferences(24)
    names = ["ann", "bob"] * 12
    keys, known = annotator_columns(names)
    recipe = Recipe(epochs=2, batch_size=8, learning_rate=0.01, objective_learning_rate=0.1)
    fitted = fit(
        TinyModel(), replace(encoded, annotator=keys, annotators=known), objective=CrowdBt(),
        output=tmp_path / "run", recipe=recipe, listeners=(),
    )  # fmt: skip

    assert set(fitted.learned["reliability"]) == {"ann", "bob", "unnamed"}
    assert fitted.learned["reliability"]["ann"] != pytest.approx(0.95)
    with pytest.raises(NothingToLearn, match="needs two or more; none is named"):
        fit(TinyModel(), encoded, objective=CrowdBt(), output=tmp_path / "other", recipe=recipe, listeners=())


def test_labels_of_aggregated_votes_reach_the_batch_and_names_do() -> None:
    """Strength, weight and annotator of a comparison arrive in the labels of its batch."""
    from plaudit.encoding.packing import collate

    edges = [Comparison(chosen=0, rejected=1, strength=1.5, weight=0.25, annotator="ann"),
             Comparison(chosen=1, rejected=0, annotator="bob")]  # fmt: skip
    labels = collate(one_token_each(np.zeros((2, 3), np.float32), edges), [1, 0]).labels

    assert labels.strength.tolist() == [0.0, 1.5] and labels.weight.tolist() == [1.0, 0.25]
    assert labels.annotator.tolist() == [annotator_key("bob"), annotator_key("ann")]


def test_wrong_settings_and_missing_annotators_are_refused() -> None:
    """The message says what a setting should be, and what the data lack."""
    with pytest.raises(ValueError, match="start must be above 0.5 and below 1, not 0.5"):
        CrowdBt(start=0.5)
    with pytest.raises(ValueError, match="prior must be a finite number, 0 or more, not -1"):
        CrowdBt(prior=-1)
    assert "there are none" in CrowdBt().requires(DataFacts())
    assert "one is named" in CrowdBt().requires(DataFacts(comparisons=3, annotators=1))
    assert CrowdBt().requires(DataFacts(comparisons=3, annotators=2)) == ""
