"""Ensemble: members that differ, combined as the formulas say, and shifted to one mean before the worst is taken."""

from typing import Any

import numpy as np
import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.models.architectures.ensemble import Ensemble
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.heads import last_linear
from tests.models.families import build, decoders, encoders
from tests.training.tiny import preferences

MEMBERS = np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0], [-3.0, 5.0, 4.0]])


def ensemble(family: str = "llama", seed: int = 0, **settings: Any) -> Ensemble:
    """Return an ensemble over a tiny backbone."""
    classifier = build((decoders() | encoders())[family], seed=seed, heads=settings.get("members", 5))
    return Ensemble(classifier, "last" if family in decoders() else "first", **settings).eval()


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        ("mean", MEMBERS.mean(1)),
        ("worst", MEMBERS.min(1)),
        ("uncertainty_weighted", MEMBERS.mean(1) - 0.5 * ((MEMBERS - MEMBERS.mean(1, keepdims=True)) ** 2).mean(1)),
    ],
)
def test_members_are_combined_by_formula(combine: str, expected: np.ndarray[Any, Any]) -> None:
    """Mean, smallest, or mean less λ population variances; the variance is NumPy's."""
    model = ensemble(members=3, combine=combine, penalty=0.5)
    model.logits = lambda features: features  # type: ignore[method-assign]
    found = model.head(torch.tensor(MEMBERS, dtype=torch.float32))
    assert found.variance is not None

    np.testing.assert_allclose(found.values[:, 0].numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(found.values[:, 1:].numpy(), MEMBERS)
    np.testing.assert_allclose(found.variance.numpy(), MEMBERS.var(1), rtol=1e-6)


@pytest.mark.parametrize("family", ["llama", "bert", "roberta"])
def test_spread_scales_what_members_begin_with(family: str) -> None:
    """Twice the spread is twice the weights of the last layer, and members differ from each other."""
    one, two = ensemble(family), ensemble(family, spread=2.0)
    before = dict(one.named_parameters())
    two.begin()
    changed = {name: value for name, value in two.named_parameters() if not torch.equal(value, before[name])}
    batch = collate(preferences(6), range(6), share=one.shares)
    with torch.no_grad():
        members = one(batch).values[:, 1:]

    [(name, weight)] = changed.items()
    torch.testing.assert_close(weight, 2 * before[name])
    assert weight.shape[0] == 5
    assert (torch.pdist(members.T) > 1e-3).all()


def test_settling_gives_members_one_mean_and_spread() -> None:
    """Over those responses members have mean 0 and their average deviation; settling again changes nothing."""
    model, encoded = ensemble(combine="worst"), preferences(10)
    batches = [collate(encoded, [record], share=True) for record in range(10)]
    with torch.no_grad():
        raw = torch.cat([model(batch).values[:, 1:] for batch in batches])
        model.settle(iter(batches))
        settled = torch.cat([model(batch).values[:, 1:] for batch in batches])
        centre = model.centre.clone()
        model.settle(iter(batches))

    deviations = raw.std(0, correction=0)
    torch.testing.assert_close(settled.mean(0), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(settled.std(0, correction=0), deviations.mean().expand(5))
    torch.testing.assert_close(model.centre, centre)
    for member in range(5):
        order = raw[:, member].argsort()
        assert (settled[order, member].diff() >= 0).all()


def test_a_member_that_says_always_the_same_is_not_stretched() -> None:
    """Its deviation is 0: it is shifted, its scale stays 1, and the others are scaled among themselves."""
    model, encoded = ensemble(), preferences(10)
    batches = [collate(encoded, [record], share=True) for record in range(10)]
    with torch.no_grad():
        last_linear(model.classifier).weight[2] = 0
        raw = torch.cat([model.logits(model.features(batch)) for batch in batches])
        model.settle(iter(batches))

    deviations = raw.std(0, correction=0)[[0, 1, 3, 4]]
    assert model.scale[2] == 1
    torch.testing.assert_close(model.scale[[0, 1, 3, 4]], deviations.mean() / deviations)


def test_without_normalising_nothing_is_kept_beside_the_weights() -> None:
    """The standard layout then holds all there is, and settling does nothing."""
    model = ensemble(normalise=False)
    model.settle(iter(()))

    assert model.extra_state() == {}


def test_drawn_heads_disagree_as_much_as_the_comparisons_leave_open() -> None:
    """With many draws the variance is that of a Laplace approximation of the mean head, fitted apart."""
    model, encoded = ensemble(members=600, drawn=True, normalise=False), preferences(12)
    batches = [collate(encoded, [record], share=True) for record in range(12)]
    linear = last_linear(model.classifier)
    with torch.no_grad():
        linear.weight.mul_(8)
        middle = linear.weight.mean(0, keepdim=True).clone()
        before = torch.cat([model(batch).values[:, 0] for batch in batches])
        other = Laplace(build(decoders()["llama"], heads=1), "last").eval()
        other.classifier.model.load_state_dict(model.classifier.model.state_dict())
        last_linear(other.classifier).weight.copy_(middle)
        other.fit(iter(batches))
        model.settle(iter(batches))
        found = [model(batch) for batch in batches]
        wanted = torch.cat([other(batch).variance for batch in batches])

    shift = torch.stack([row - row.mean() for row in linear.weight @ torch.cat([model.features(b) for b in batches]).T])
    torch.testing.assert_close(torch.cat([rewards.values[:, 0] for rewards in found]), before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(shift.var(0, correction=0), wanted, rtol=0.25, atol=0)


def test_heads_are_drawn_the_same_every_time_and_then_normalised() -> None:
    """Settling a copy gives the same weights; members have one mean and deviation afterwards."""
    first, second = ensemble(drawn=True), ensemble(drawn=True)
    batches = [collate(preferences(10), [record], share=True) for record in range(10)]
    with torch.no_grad():
        for model in (first, second):
            model.settle(iter(batches))
        members = torch.cat([first(batch).values[:, 1:] for batch in batches])

    torch.testing.assert_close(last_linear(first.classifier).weight, last_linear(second.classifier).weight)
    torch.testing.assert_close(members.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    assert (torch.pdist(members.T) > 1e-4).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": 1}, "members must be 2 or more, not 1"),
        ({"combine": "best"}, "combine must be one of mean, worst, uncertainty_weighted"),
        ({"penalty": -0.1}, "penalty must be a finite number, 0 or more"),
        ({"spread": 0.0}, "spread must be a finite number above 0"),
        ({"drawn": True, "own": "weights"}, "own must be 'heads' with them, not 'weights'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    """Each wrong setting is named with its range."""
    with pytest.raises(ValueError, match=message):
        ensemble(**settings)
