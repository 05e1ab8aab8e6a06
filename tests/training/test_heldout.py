"""The held-out loss is that of the whole objective, penalties included; the held-out likelihood is without them."""

from functools import partial

import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.objectives import reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.centred import Centred
from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
from plaudit.training.heldout import Heldout
from tests.training.tiny import TinyModel, preferences

SET = preferences(11, comparisons=2, responses=3)


@pytest.mark.parametrize("budget", [1, 40, 10_000])
def test_penalties_count_in_the_loss_and_nowhere_else(budget: int) -> None:
    """However the set is cut, ``loss`` is the mean of the regularised objective and the rest is as without it."""
    model, plain = TinyModel().eval(), BradleyTerry(use_strength=False)
    regularised = Regularised(plain, [Centred(0.7), LabelSmoothing(0.2)])
    found, without = (
        Heldout(SET, objective, partial(collate, SET), budget)(model, "cpu") for objective in (regularised, plain)
    )
    batch = collate(SET, range(11))
    with torch.no_grad():
        whole = reduce(regularised(model(batch), batch.labels))

    assert found["loss"] == pytest.approx(float(whole), rel=1e-5)
    assert found["loss"] != pytest.approx(without["loss"], rel=1e-2)
    assert {name: found[name] for name in ("nll", "accuracy", "margin")} == pytest.approx(
        {name: without[name] for name in ("nll", "accuracy", "margin")}
    )
