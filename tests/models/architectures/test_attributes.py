"""Attributes: a reward that is their weighted sum, and a gate that reads nothing but the prompt."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.architectures.attributes import Attributes
from plaudit.models.pooling import prompt_ends
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.step import train_step
from tests.models.families import build, decoders, encoders
from tests.training.tiny import preferences


def attributes(family: str = "llama", layout: str = "trees", **settings: Any) -> Attributes:
    """Return a model of the attributes a, b, … as many as its settings name."""
    settings = {"names": ("a", "b", "c")} | settings
    classifier = build((decoders() | encoders())[family], heads=len(settings["names"]) or 1)
    return Attributes(classifier, "last" if family in decoders() else "first", layout=layout, **settings).eval()


def batch_of(encoded: EncodedSet, share: bool = True) -> Batch:
    """Return all of a set, packed."""
    return collate(encoded, range(len(encoded)), share=share)


@pytest.mark.parametrize(
    ("weights", "portions"),
    [(None, (1 / 3, 1 / 3, 1 / 3)), ((2.0, 1.0, 1.0), (0.5, 0.25, 0.25)), ((3.0, 0.0, -1.0), (0.75, 0.0, -0.25))],
)
def test_the_reward_is_the_weighted_sum(weights: tuple[float, ...] | None, portions: tuple[float, ...]) -> None:
    """Weights count by their ratios, a negative one against the response; in NumPy the sum is the same."""
    model = attributes(weights=weights)
    with torch.no_grad():
        values = model(batch_of(preferences(6))).values.double().numpy()

    assert model.portions == pytest.approx(portions)
    np.testing.assert_allclose(values[:, 0], values[:, 1:] @ np.array(portions), atol=1e-6)


def test_weights_of_another_scale_give_the_same_rewards() -> None:
    """Ten times the weights is the same model."""
    batch = batch_of(preferences(4))
    with torch.no_grad():
        one, ten = (attributes(weights=tuple(scale * w for w in (1.0, 2.0, -1.0)))(batch).values for scale in (1, 10))

    torch.testing.assert_close(one, ten)


def test_a_new_gate_weighs_equally_and_a_set_one_by_softmax() -> None:
    """At first each attribute has the same part; a bias of log 3 on one gives it three times the others' part."""
    model, batch = attributes(gate=True), batch_of(preferences(5))
    with torch.no_grad():
        first = model(batch).values
        model.gating.bias[0] = math.log(3)
        second = model(batch).values

    torch.testing.assert_close(first[:, 0], first[:, 1:].mean(1))
    torch.testing.assert_close(second[:, 0], second[:, 1:] @ torch.tensor([0.6, 0.2, 0.2]))


@pytest.mark.parametrize("layout", ["trees", "padded"])
def test_the_gate_sees_the_prompt_alone(layout: str) -> None:
    """Responses to one prompt have the same parts, however packed; another prompt has others."""
    model, encoded = attributes(layout=layout, gate=True), preferences(12, prompts=4, responses=3)
    torch.nn.init.normal_(model.gating.weight, std=0.5)
    portions: dict[int, list[torch.Tensor]] = {}
    with torch.no_grad():
        for share in (True, False):
            batch = batch_of(encoded, share and model.shares)
            for sequence, row in zip(batch.sequences, model._portions(model.features(batch)), strict=True):
                portions.setdefault(int(encoded.prompt_keys[sequence]), []).append(row)

    means = torch.stack([torch.stack(rows).mean(0) for rows in portions.values()])
    assert max(float((row - rows[0]).abs().max()) for rows in portions.values() for row in rows) < 1e-5
    assert means.std(0).max() > 1e-3


def test_prompt_ends_are_counted_in_the_sequence() -> None:
    """The prompt's last token is found by its place in the sequence, also where responses share their first tokens."""
    rows = [[1, 2, 3, 7, 7, 4], [1, 2, 3, 7, 7, 5, 6], [9, 8]]
    made = replace(
        preferences(1, responses=3),
        tokens=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        response_starts=np.array([3, 3, 0], np.int32),
        prompt_keys=np.array([1, 1, 0]),
    )
    for share in (True, False):
        batch = collate_sequences(made, [0, 1, 2], share=share)
        found = prompt_ends(batch)
        assert batch.input_ids[found].tolist() == [3, 3, 9]
        assert batch.position_ids[found].tolist() == [2, 2, 0]


def test_the_gate_learns_which_attribute_matters() -> None:
    """With heads held still, comparisons decided by one attribute move the gate to it."""
    model, encoded = attributes(gate=True, names=("a", "b")), preferences(40, seed=3)
    batch = batch_of(encoded)
    with torch.no_grad():
        values = model(batch).values
    first, second = batch.labels.chosen.clone(), batch.labels.rejected.clone()
    better = values[first, 2] > values[second, 2]
    batch.labels.chosen.copy_(torch.where(better, first, second))
    batch.labels.rejected.copy_(torch.where(better, second, first))
    batch.labels.tie.fill_(False)
    model.classifier.requires_grad_(False)
    optimizer = torch.optim.Adam(model.gating.parameters(), lr=0.05)
    for _ in range(40):
        train_step(model, batch, objective=BradleyTerry(), optimizer=optimizer)
    with torch.no_grad():
        portions = model._portions(model.features(batch))

    assert portions.mean(0)[1] > 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": ()}, "names must be one name or more"),
        ({"names": ("a", "a")}, "all different"),
        ({"names": ("a", "")}, "none empty"),
        ({"names": ("a", "reward")}, "reward is what every model's output is called"),
        ({"weights": (1.0, 2.0)}, "one for each of the 3 names, not 2"),
        ({"weights": (0.0, 0.0, 0.0)}, "not all 0"),
        ({"weights": (1.0, math.nan, 1.0)}, "finite"),
        ({"weights": (1.0, 1.0, 1.0), "gate": True}, "exclude each other"),
        ({"names": ("a",), "gate": True}, "gate needs 2 names"),
        ({"family": "bert", "gate": True}, "gate needs a causal backbone"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    """Each wrong setting is named with what would be right."""
    with pytest.raises(ValueError, match=message):
        attributes(**settings)
