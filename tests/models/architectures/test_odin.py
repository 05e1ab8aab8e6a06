"""ODIN: length goes into its own head, and the quality that is served is no worse for it."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.architectures.odin import Odin
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.headed import Headed
from plaudit.models.heads import head_parameters
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.disentangled import Disentangled
from plaudit.testing import pair_labels
from tests.models.families import build, decoders


@dataclass(frozen=True, slots=True)
class Planted:
    """Hidden states in which the quality and the log length of responses can be read, and what was preferred."""

    states: Tensor
    lengths: Tensor
    labels: Labels


def planted(pairs: int, width: int, seed: int, *, length_effect: float) -> Planted:
    """Draw pairs whose winner goes by twice the quality and by ``length_effect`` times the log length."""
    draw = torch.Generator().manual_seed(seed)
    quality = torch.randn(2 * pairs, generator=draw)
    lengths = torch.exp(4 + 0.8 * torch.randn(2 * pairs, generator=draw)).long() + 1
    if not length_effect:
        lengths = lengths[::2].repeat_interleave(2)
    directions = torch.linalg.qr(torch.randn(width, 2, generator=torch.Generator().manual_seed(99)))[0]
    states = torch.stack([quality, lengths.log() - 4], dim=1) @ directions.T
    states = states + 0.1 * torch.randn(states.shape, generator=draw)
    worth = 2 * quality + length_effect * lengths.log()
    wins = torch.rand(pairs, generator=draw) < torch.sigmoid(worth[::2] - worth[1::2])
    order = torch.arange(2 * pairs).reshape(-1, 2)
    order = torch.where(wins[:, None], order, order.flip(1))
    labels = replace(pair_labels(pairs), chosen=order[:, 0], rejected=order[:, 1], lengths=lengths)
    return Planted(states, lengths, labels)


def trained(model: Headed, objective: Objective, data: Planted) -> Headed:
    """Train what lies behind the hidden states."""
    beside = [value for name, value in model.named_parameters() if not name.startswith("classifier.")]
    descent = torch.optim.Adam([*head_parameters(model.classifier), *beside], lr=0.05)
    for _ in range(300):
        descent.zero_grad()
        reduce(objective(model.head(data.states), data.labels)).backward()
        descent.step()
    return model


def accuracy(model: Headed, data: Planted) -> float:
    """Return the share of comparisons that the served reward orders as labelled."""
    reward = model.head(data.states).scalar.detach()
    return float((reward[data.labels.chosen] > reward[data.labels.rejected]).double().mean())


def with_length(values: Tensor, data: Planted) -> float:
    """Return the correlation of values with the log length."""
    return float(torch.corrcoef(torch.stack([values.detach(), data.lengths.log()]))[0, 1])


def test_length_leaves_the_quality() -> None:
    """Under a planted length bias the served reward stops going with length, and the length head goes with it.

    Pairs of equal length are ordered within a percentage point of what one head makes of them.
    """
    width = decoders()["llama"].hidden_size
    data = planted(1500, width, 0, length_effect=1.5)
    balanced = planted(4000, width, 1, length_effect=0.0)
    scalar = trained(Scalar(build(decoders()["llama"])), BradleyTerry(), data)
    odin = trained(Odin(build(decoders()["llama"], heads=2)), Disentangled(), data)
    unseen = planted(1000, width, 2, length_effect=1.5)
    with torch.no_grad():
        apart = odin.head(unseen.states)

    assert with_length(scalar.head(unseen.states).scalar, unseen) > 0.4
    assert abs(with_length(apart.scalar, unseen)) < 0.15
    assert with_length(apart.values[:, 2], unseen) > 0.95
    assert accuracy(odin, balanced) >= accuracy(scalar, balanced) - 0.01
    assert torch.allclose(apart.values[:, 1], odin.effect.slope * apart.values[:, 2])
    assert odin.effect.slope.item() > 0.5


def test_the_loss_is_the_formula() -> None:
    """Likelihood of the summed margins, squared error of the length head, squared product of quality and length."""
    labels = replace(
        pair_labels(2),
        lengths=torch.tensor([30, 10, 7, 7]),
        tie=torch.tensor([False, True]),
        strength=torch.tensor([0.2, 9.0]),
        weight=torch.tensor([2.0, 0.5]),
    )
    values = torch.tensor([[1.0, 0.3, 0.9], [0.4, -0.2, 0.1], [0.5, 0.0, 0.2], [0.2, 0.1, 0.6]])
    longer = math.log(3)
    first = math.log1p(math.exp(-(0.6 + 0.5 - 0.2))) + 0.7 * (0.8 - longer) ** 2 + 0.3 * (0.6 * longer) ** 2
    margin = 0.3 - 0.1
    second = 0.5 * math.log1p(math.exp(-margin)) + 0.5 * math.log1p(math.exp(margin)) + 0.7 * 0.4**2
    terms = Disentangled(length=0.7, quality=0.3)(Rewards(values), labels)

    assert terms.loss.tolist() == pytest.approx([first, second], abs=1e-6)
    assert terms.weight.tolist() == [2.0, 0.5]


def test_micro_batches_add_up() -> None:
    """A batch costs and pulls what its halves do: no term looks at the rest of a batch."""
    draw = torch.Generator().manual_seed(0)
    labels = replace(pair_labels(6), lengths=torch.randint(1, 50, (12,), generator=draw))
    halves = [replace(pair_labels(3), lengths=labels.lengths[:6]), replace(pair_labels(3), lengths=labels.lengths[6:])]
    values = torch.randn(12, 3, generator=draw, dtype=torch.float64).requires_grad_()
    whole = Disentangled()(Rewards(values), labels).total()
    parts = sum(Disentangled()(Rewards(part), half).total() for part, half in zip(values.split(6), halves, strict=True))

    assert torch.allclose(whole, torch.as_tensor(parts))
    assert torch.allclose(torch.autograd.grad(whole, values)[0], torch.autograd.grad(torch.as_tensor(parts), values)[0])


def test_gradients_of_all_columns() -> None:
    """Automatic gradients of the three columns are those of finite differences."""
    draw = torch.Generator().manual_seed(1)
    labels = replace(pair_labels(4), lengths=torch.randint(1, 50, (8,), generator=draw))
    values = torch.randn(8, 3, generator=draw, dtype=torch.float64).requires_grad_()

    assert torch.autograd.gradcheck(lambda leaf: Disentangled()(Rewards(leaf), labels).total(), values)


@pytest.mark.parametrize("columns", [2, 4])
def test_other_outputs_are_refused(columns: int) -> None:
    """Rewards that are neither of one column nor of ODIN's are refused, with what would fit."""
    with pytest.raises(ValueError, match=rf"architecture odin.*this model has {columns} outputs"):
        Disentangled()(Rewards(torch.zeros(2, columns)), pair_labels(1))


@pytest.mark.parametrize("setting", ["length", "quality"])
@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_wrong_settings_are_refused(setting: str, value: float) -> None:
    """A weight that is negative or not finite is refused by name."""
    with pytest.raises(ValueError, match=f"{setting} must be a finite number, 0 or more"):
        Disentangled(**{setting: value})  # type: ignore[arg-type]
