"""What an objective learns of its own is trained, saved, resumed and restored with the model."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.models.architectures.scalar import Scalar
from plaudit.objectives import reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.davidson import Davidson
from plaudit.objectives.robust import Robust
from plaudit.training import checkpoints
from plaudit.training.adapters import Lora
from plaudit.training.fit import Fitted, fit
from plaudit.training.heldout import Heldout
from plaudit.training.recipe import Recipe
from plaudit.training.run_folder import CHECKPOINTS, RunFolderError
from plaudit.training.supervised import separate
from plaudit.training.trainer import WEIGHTS
from tests.models.families import build, decoders
from tests.training import breaking
from tests.training.tiny import TinyModel, preferences

RECIPE = dataclasses.replace(breaking.RECIPE, objective_learning_rate=0.1)


def tied(records: int, share: float, seed: int = 0) -> EncodedSet:
    """Preferences of which a share are ties."""
    encoded = preferences(records, seed=seed)
    return dataclasses.replace(encoded, tie=torch.rand(records, generator=torch.manual_seed(seed)).numpy() < share)


def run(output: Path, objective: Any, *, resume: bool = False) -> dict[str, Any]:
    """Train as the broken runs do, with dropout, evaluation and early stopping; what must be the same to the bit."""
    fitted, model = breaking.train(output, resume=resume, objective=objective, recipe=RECIPE)
    return {**breaking.result(fitted, model), "learned": fitted.learned}


def test_a_broken_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Stopped in a step, in a save and in a step again: history, weights and tie parameter are the unbroken run's."""

    class Broken(BaseException):
        """Stands for a process that died."""

    unbroken = run(tmp_path / "unbroken", Davidson())
    assert unbroken["learned"]["nu"] not in (0.0, 1.0)
    for points, at in ((breaking.TRAINING, 6), (breaking.SAVING, 9), (breaking.TRAINING, 4)):

        def passed(count: int, at: int = at) -> None:
            if count == at:
                raise Broken

        with pytest.raises(Broken), breaking.passing(points, passed):
            run(tmp_path / "broken", Davidson(), resume=True)
    assert run(tmp_path / "broken", Davidson(), resume=True) == unbroken
    assert run(tmp_path / "broken", Davidson(), resume=True) == unbroken


def test_the_best_step_s_parameter_is_restored(tmp_path: Path) -> None:
    """Where the best step is not the last, the objective is left with what it had learned at the best."""
    objective = Davidson()
    fitted, _ = breaking.train(tmp_path, resume=False, objective=objective, recipe=RECIPE)
    assert fitted.best_step is not None
    assert fitted.best_step < fitted.steps
    folder = tmp_path / CHECKPOINTS
    best, last = (
        load_file(checkpoints.at(folder, step) / WEIGHTS) for step in (fitted.best_step, checkpoints.steps(folder)[0])
    )
    (name,) = (name for name in best if name.startswith("objective."))
    assert torch.equal(objective.log_nu.detach(), best[name])
    assert not torch.equal(best[name], last[name])
    assert fitted.learned == objective.learned()


def quickly(output: Path, objective: Any, train: EncodedSet, **changes: Any) -> Fitted:
    """Train a tiny model for three epochs."""
    recipe = Recipe(epochs=3, batch_size=8, learning_rate=0.01, objective_learning_rate=0.1)
    return fit(
        changes.pop("model", None) or TinyModel(),
        train,
        objective=objective,
        output=output,
        recipe=dataclasses.replace(recipe, **changes),
        listeners=(),
    )


def test_the_tie_parameter_follows_the_ties(tmp_path: Path) -> None:
    """With most comparisons tied it rises, with none it falls."""
    many = quickly(tmp_path / "many", Davidson(), tied(48, 0.8)).learned["nu"]
    none = quickly(tmp_path / "none", Davidson(), tied(48, 0.0)).learned["nu"]
    assert none < 0.8
    assert many > 1.5


def test_its_learning_rate_is_its_own_and_it_is_not_decayed(tmp_path: Path) -> None:
    """A rate of 0 leaves it as it was, whatever the model's and however strong the decay."""
    still = quickly(tmp_path / "still", Robust("learn"), tied(24, 0.1), objective_learning_rate=0.0, weight_decay=0.9)
    assert still.learned == Robust("learn").learned()
    alone = Davidson()
    quickly(tmp_path / "alone", alone, tied(24, 0.0), learning_rate=0.0, weight_decay=0.9)
    assert alone.learned()["nu"] < 0.9

    parameter = torch.nn.Parameter(torch.ones(2))
    other = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([{"params": [parameter, other], "weight_decay": 0.5}], lr=1e-3)
    separate(optimizer, [parameter], 0.25)
    groups = [(len(group["params"]), group["weight_decay"], group["lr"]) for group in optimizer.param_groups]
    assert groups == [(1, 0.5, 1e-3), (1, 0.0, 0.25)]


@pytest.mark.parametrize("tune", ["lora", "head"])
def test_it_is_learned_beside_adapters_and_cached_heads(tmp_path: Path, tune: str) -> None:
    """Checkpoints hold it beside adapters and head; the model itself does not; two runs learn the same."""
    train, found = tied(16, 0.9), []
    for name in ("first", "again"):
        model, objective = Scalar(build(decoders()["llama"])), Davidson()
        changes = {"tune": tune, "lora": Lora(rank=2), "model": model}
        found.append(quickly(tmp_path / name, objective, train, **changes).learned)
        assert not any("objective" in key or "log_nu" in key for key in model.state_dict())
    assert found[0] == found[1]
    assert found[0]["nu"] > 1
    folder = tmp_path / "first" / CHECKPOINTS
    held = load_file(checkpoints.at(folder, checkpoints.steps(folder)[0]) / WEIGHTS)
    assert sum(name.startswith("objective.") for name in held) == 1
    assert all("lora" in name or "score" in name or name.startswith("objective.") for name in held)


def test_micro_batches_do_not_change_what_is_learned(tmp_path: Path) -> None:
    """A step in three parts moves the tie parameter as one in a single part does."""
    whole = quickly(tmp_path / "whole", Davidson(), tied(24, 0.4))
    parts = quickly(tmp_path / "parts", Davidson(), tied(24, 0.4), accumulation=3)
    assert parts.learned["nu"] == pytest.approx(whole.learned["nu"], abs=1e-5)


def test_held_out_loss_is_under_what_is_learned_so_far() -> None:
    """The loss of a set changes with the tie parameter, and is the objective's; the Bradley-Terry nll does not."""
    encoded, model, objective = tied(20, 0.5), TinyModel(), Davidson()
    measured = Heldout(encoded, objective, lambda records: collate(encoded, records), 1000)
    before = measured(model, "cpu")
    torch.nn.init.constant_(objective.log_nu, 2.0)
    after = measured(model, "cpu")
    batch = collate(encoded, range(20))
    with torch.no_grad():
        expected = reduce(objective(model(batch), batch.labels)).item()
    assert after["loss"] == pytest.approx(expected, rel=1e-5)
    assert after["loss"] != pytest.approx(before["loss"], abs=0.01)
    assert after["nll"] == before["nll"]


def test_a_run_is_bound_to_the_settings_not_to_the_learned_values(tmp_path: Path) -> None:
    """A used objective may resume a run; one with another setting may not."""
    used = Davidson()
    first = run(tmp_path, used)
    assert run(tmp_path, used.eval(), resume=True) == first
    with pytest.raises(RunFolderError, match="objective was"):
        run(tmp_path, Davidson(1.0), resume=True)


def test_plain_objectives_are_trained_as_before(tmp_path: Path) -> None:
    """Nothing is wrapped, and nothing learned."""
    fitted = quickly(tmp_path, BradleyTerry(), tied(8, 0.1))
    folder = tmp_path / CHECKPOINTS
    held = load_file(checkpoints.at(folder, checkpoints.steps(folder)[0]) / WEIGHTS)
    assert set(held) == set(TinyModel().state_dict())
    assert fitted.learned == {}
