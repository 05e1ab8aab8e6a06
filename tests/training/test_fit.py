"""Fitting: the schedule to its last step, the best weights, and every bad input by name."""

import dataclasses
import json
import math
import os
import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import get_scheduler

from plaudit.encoding.batch import Batch, Labels
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.encoding.sampling import TreeTooLarge, plan
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.centred import Centred
from plaudit.training.checkpoints import CheckpointError
from plaudit.training.fit import Fitted, NothingToLearn, fit
from plaudit.training.interruption import Interrupted
from plaudit.training.preparation import NotTrainable
from plaudit.training.progress import Row
from plaudit.training.recipe import Recipe
from plaudit.training.run_folder import RunFolderError
from plaudit.training.step import NonFinite
from tests.training import breaking
from tests.training.tiny import TinyModel, preferences

QUICK = Recipe(batch_size=6, learning_rate=0.05)


def run(output: Path, model: nn.Module | None = None, train: EncodedSet | None = None, **settings: Any) -> Fitted:
    """Fit a tiny model."""
    settings = {"objective": BradleyTerry(), "recipe": QUICK, "listeners": (), **settings}
    return fit(model or TinyModel(), preferences(20) if train is None else train, output=output, **settings)


def steps_of(fitted: Fitted) -> list[Row]:
    """Return the rows of the steps."""
    return [row for row in fitted.history if row["kind"] == "step"]


DOCUMENT = Recipe(epochs=3, batch_size=2, learning_rate=1e-5, save_every=750)


def test_the_schedule_is_as_long_as_the_run(tmp_path: Path) -> None:
    """500 pairs, batch 2, 3 epochs: 750 steps, 75 of warm-up; after each epoch 7.41e-6, 3.70e-6 and 0."""
    steps = DOCUMENT.steps(len(plan(np.ones(500), batch_size=2)))
    args = DOCUMENT.arguments(tmp_path, steps)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=args.learning_rate)
    schedule = get_scheduler(args.lr_scheduler_type, optimizer, args.get_warmup_steps(steps), steps)
    rates = []
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    assert (steps, rates.index(1e-5) + 1) == (750, 75)
    assert [f"{rates[step - 1]:.2e}" for step in (250, 500)] == ["7.41e-06", "3.70e-06"] and rates[-1] == 0.0


@pytest.mark.slow
def test_the_learning_rate_ends_at_zero_where_the_document_says(tmp_path: Path) -> None:
    """The same numbers from a whole run: in its rows of steps and of epochs."""
    fitted = run(tmp_path / "run", train=preferences(500), recipe=DOCUMENT)
    rates = [row["learning_rate"] for row in steps_of(fitted)]
    assert len(rates) == fitted.steps == 750
    assert max(rates) == rates[75] == 1e-5 and rates[:75] == sorted(rates[:75]) and rates[74] < 1e-5
    ends = [row["learning_rate"] for row in fitted.history if row["kind"] == "epoch"]
    assert [f"{rate:.2e}" for rate in ends[:2]] == ["7.41e-06", "3.70e-06"] and ends[2] == 0.0


@pytest.mark.parametrize(("records", "epochs", "steps"), [(7, 2, 4), (5, 1.5, 3), (3, 1, 1)])
def test_a_short_last_step_is_kept_and_the_rate_still_ends_at_zero(
    tmp_path: Path, records: int, epochs: float, steps: int
) -> None:
    """The last batch may be short: it is a step of its own and the schedule is as long as the run."""
    recipe = dataclasses.replace(QUICK, batch_size=4, epochs=epochs)
    fitted = run(tmp_path / "run", train=preferences(records), recipe=recipe)
    assert fitted.steps == steps
    seen = [row["comparisons"] for row in steps_of(fitted)]
    assert sum(seen[: math.ceil(records / 4)]) == records
    last = fitted.history[-1]
    assert last["kind"] == "step" or last["learning_rate"] == 0.0


def test_every_comparison_is_seen_once_an_epoch(tmp_path: Path) -> None:
    """Over two epochs of a set with shared prompts each comparison reaches the objective exactly twice."""
    train = preferences(13, comparisons=2, responses=3, prompts=5)
    train = dataclasses.replace(train, weight=np.arange(1, 27).astype(np.float32))
    seen: list[float] = []

    class Watching(BradleyTerry):
        def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
            if rewards.values.requires_grad:
                seen.extend(labels.weight.tolist())
            return super().__call__(rewards, labels)

    recipe = dataclasses.replace(QUICK, epochs=2, batch_size=4, token_budget=60)
    run(tmp_path / "run", train=train, objective=Watching(), recipe=recipe)
    assert sorted(seen[:26]) == sorted(seen[26:]) == list(range(1, 27))


def test_accumulation_and_budget_do_not_change_what_is_learned(tmp_path: Path) -> None:
    """One micro-batch a step, or three, or as many as a small budget asks for: the same losses and weights."""
    models, losses = [], []
    all_changes: list[dict[str, Any]] = [{}, {"accumulation": 3}, {"token_budget": 25}]
    for number, changes in enumerate(all_changes):
        models.append(TinyModel())
        fitted = run(tmp_path / str(number), models[-1], recipe=dataclasses.replace(QUICK, epochs=2, **changes))
        losses.append([row["loss"] for row in steps_of(fitted)])
    for other, loss in zip(models[1:], losses[1:], strict=True):
        assert loss == pytest.approx(losses[0], abs=1e-6)
        for ours, theirs in zip(models[0].parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_training_learns_and_says_how_it_went(tmp_path: Path) -> None:
    """The loss falls below chance, and each row of the history holds what was promised; the file holds the same."""
    recipe = dataclasses.replace(QUICK, epochs=12, batch_size=10)
    fitted = run(tmp_path / "run", train=preferences(40), recipe=recipe, validation=preferences(20, seed=3))
    rows = steps_of(fitted)
    assert rows[-1]["running_loss"] < rows[0]["loss"] - 0.1 and rows[-1]["running_loss"] < math.log(2) - 0.1
    promised = {
        "loss",
        "running_loss",
        "accuracy",
        "margin",
        "learning_rate",
        "grad_norm",
        "tokens",
        "pairs_per_second",
    }
    assert promised <= rows[0].keys() and all(math.isfinite(row[name]) for row in rows for name in promised)
    assert json.loads((tmp_path / "run" / "history.json").read_text()) == fitted.history
    evaluations = [row for row in fitted.history if row["kind"] == "evaluation"]
    assert [row["step"] for row in evaluations] == [4 * epoch for epoch in range(1, 13)]


def test_validation_is_the_mean_over_the_set(tmp_path: Path) -> None:
    """Held-out nll, accuracy and margin are those of the definition, whatever the token budget."""
    model, validation = TinyModel(), preferences(20, seed=3, comparisons=2, responses=3)
    recipe = dataclasses.replace(QUICK, learning_rate=0.0, token_budget=30)
    fitted = run(tmp_path / "run", model, recipe=recipe, validation=validation)
    found = next(row for row in fitted.history if row["kind"] == "evaluation")
    with torch.no_grad():
        batch = collate(validation, range(20))
        rewards = model(batch).scalar.double().numpy()
    labels = batch.labels
    margin = rewards[labels.chosen] - rewards[labels.rejected]
    weight, tie = labels.weight.numpy(), labels.tie.numpy()
    one = np.logaddexp(0, -margin)
    nll = np.where(tie, (one + np.logaddexp(0, margin)) / 2, one)
    assert found["nll"] == pytest.approx((nll * weight).sum() / weight.sum(), abs=1e-6)
    assert found["accuracy"] == pytest.approx((margin[~tie] > 0).mean())
    assert found["margin"] == pytest.approx(margin[~tie].mean(), abs=1e-6)


def test_the_best_weights_are_kept_and_training_stops(tmp_path: Path) -> None:
    """With scripted validation the run stops after two evaluations without gain and has the best step's weights."""
    script, seen = iter([0.6, 0.4, 0.5, 0.45, 0.1]), []

    def validate(model: nn.Module) -> dict[str, float]:
        assert not model.training
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"nll": next(script)}

    model = TinyModel()
    recipe = dataclasses.replace(QUICK, epochs=5, evaluate_every=2, patience=2)
    fitted = run(tmp_path / "run", model, recipe=recipe, validate=validate)
    assert (fitted.steps, fitted.best_step, fitted.best_metric) == (8, 4, 0.4)
    assert "no gain in nll over 2 evaluations" in fitted.stopped and not model.training
    assert all(torch.equal(value, seen[1][name]) for name, value in model.state_dict().items())
    assert not torch.equal(seen[1]["score.weight"], seen[3]["score.weight"])
    kept = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert kept == {"checkpoint-4", "checkpoint-8"}


def test_ctrl_c_keeps_the_state(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The step is finished, the state saved, the message says where; resumed, the bits are the unbroken run's."""
    unbroken = breaking.result(*breaking.train(tmp_path / "unbroken", resume=False))

    def press(row: Row) -> None:
        if row["kind"] == "step" and row["step"] == 5:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"stopped after step 6 of 28; the state is in .*resume"):
        breaking.train(tmp_path / "run", resume=False, listeners=[press])
    assert "press Ctrl-C again" in capfd.readouterr().err and signal.getsignal(signal.SIGINT) is before
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert breaking.result(*breaking.train(tmp_path / "run", resume=True)) == unbroken


def test_a_damaged_newest_checkpoint_costs_only_time(tmp_path: Path) -> None:
    """The run goes on from the one before, says so, and ends with the same bits."""
    unbroken = breaking.result(*breaking.train(tmp_path / "unbroken", resume=False))
    keep = dataclasses.replace(breaking.RECIPE, keep=3)

    def stop(row: Row) -> None:
        if row["kind"] == "step" and row["step"] == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaking.train(tmp_path / "run", resume=False, recipe=keep, listeners=[stop])
    newest = tmp_path / "run" / "checkpoints" / "checkpoint-6"
    (newest / "optimizer.pt").write_bytes(b"not it")
    with pytest.warns(UserWarning, match=r"checkpoint-6 is damaged \(optimizer.pt is not as it was written\)"):
        resumed = breaking.train(tmp_path / "run", resume=True, recipe=keep)
    assert breaking.result(*resumed) == unbroken


def test_damaged_best_weights_are_refused(tmp_path: Path) -> None:
    """If the best checkpoint is damaged the run could not end with it, so it is refused by name."""
    breaking.train(tmp_path / "run", resume=False)
    (tmp_path / "run" / "checkpoints" / "checkpoint-4" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"best weights so far, .*checkpoint-4, are damaged \(model.safetensors"):
        breaking.train(tmp_path / "run", resume=True)


def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    """A real limit on file sizes in the middle of the run: a clear error, and resumed it ends with the same bits."""
    unbroken = breaking.result(*breaking.train(tmp_path / "unbroken", resume=False))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_disk(row: Row) -> None:
        if row["kind"] == "step" and row["step"] == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))

    try:
        with pytest.raises(CheckpointError, match=r"could not write the checkpoint of step 9.* of step 6 is intact"):
            breaking.train(tmp_path / "run", resume=False, listeners=[fill_disk])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} == {"checkpoint-4", "checkpoint-6"}
    assert breaking.result(*breaking.train(tmp_path / "run", resume=True)) == unbroken


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"recipe": dataclasses.replace(breaking.RECIPE, learning_rate=0.1)},
            "recipe.learning_rate was 0.5 and is 0.1",
        ),
        ({"objective": BradleyTerry(use_strength=False)}, "objective was .*use_strength=True"),
        (
            {"objective": Regularised(BradleyTerry(), [Centred(0.1)])},
            r"objective was .* and is .*Centred\(weight=0.1\)",
        ),
    ],
)
def test_resuming_with_something_else_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Another recipe or objective: refused by name, with both values."""
    recipe = dataclasses.replace(breaking.RECIPE, max_steps=1)
    changes = {"recipe": recipe, **changes} if "objective" in changes else changes
    begun = recipe if "objective" in changes else breaking.RECIPE
    assert breaking.train(tmp_path / "run", resume=False, recipe=begun)
    with pytest.raises(RunFolderError, match=message):
        breaking.train(tmp_path / "run", resume=True, **changes)


def test_resuming_on_other_data_or_threads(tmp_path: Path) -> None:
    """Other data are refused; another number of threads is a warning that names it."""
    run(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"data was '.*' and is '"):
        run(tmp_path / "run", train=preferences(20, seed=9), resume=True)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        with pytest.warns(UserWarning, match=f"threads was {threads} and is {threads + 1}"):
            run(tmp_path / "run", resume=True)
    finally:
        torch.set_num_threads(threads)


def test_an_output_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    """Without resume nothing is overwritten."""
    run(tmp_path / "run")
    with pytest.raises(RunFolderError, match="already holds a run; resume it"):
        run(tmp_path / "run")


class Poisoned(TinyModel):
    """Gives NaN for every response whose sequence number is in ``bad``."""

    def __init__(self, bad: set[int]) -> None:
        super().__init__()
        self.bad = bad

    def forward(self, batch: Batch) -> Rewards:
        """Score, and spoil the bad ones while training."""
        values = super().forward(batch).values
        hit = torch.tensor([sequence in self.bad for sequence in batch.sequences])
        return Rewards(torch.where(hit[:, None] & torch.is_grad_enabled(), float("nan"), values))


def test_a_reward_that_is_not_finite_stops_the_run_by_name(tmp_path: Path) -> None:
    """The error names the step and the records of the micro-batch, and the saved weights are finite."""
    names = [f"pair-{number}" for number in range(20)]
    with pytest.raises(NonFinite, match=r"a reward or loss is not finite at step \d+ .records .*pair-7"):
        run(tmp_path / "run", Poisoned({14}), names=names, recipe=dataclasses.replace(QUICK, save_every=1))


def test_a_gradient_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    """Finite losses with an infinite gradient are caught before the weights move."""

    class Steep(BradleyTerry):
        def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
            terms = super().__call__(rewards, labels)
            root = torch.sqrt(rewards.scalar[labels.chosen] * 0.0)
            return dataclasses.replace(terms, loss=terms.loss + root)

    with pytest.raises(NonFinite, match="the gradient is not finite at step 1"):
        run(tmp_path / "run", objective=Steep())


def test_nothing_to_learn_is_refused(tmp_path: Path) -> None:
    """No records, or ratings without comparisons under Bradley-Terry: refused before a step, saying what there is."""
    bare = preferences(6, comparisons=0)
    rated = dataclasses.replace(bare, ratings=np.ones((12, 1), np.float32), rating_names=("quality",))
    with pytest.raises(
        NothingToLearn, match=r"nothing to learn from in 6 records: .* 0 comparisons .* ratings quality"
    ):
        run(tmp_path / "a", train=rated)
    weightless = dataclasses.replace(preferences(6), weight=np.zeros(6, np.float32))
    with pytest.raises(NothingToLearn, match="6 comparisons"):
        run(tmp_path / "b", train=weightless)
    with pytest.raises(NothingToLearn, match="no records"):
        run(tmp_path / "c", train=preferences(0))
    with pytest.raises(NothingToLearn, match="validation set holds no records"):
        run(tmp_path / "d", validation=preferences(0))


def test_a_record_above_the_budget_is_refused_on_request(tmp_path: Path) -> None:
    """The error names the record, its size and the budget; otherwise such a record runs alone."""
    small = dataclasses.replace(QUICK, token_budget=4)
    with pytest.raises(TreeTooLarge, match=r"record \d+ takes \d+ tokens and a micro-batch holds 4"):
        run(tmp_path / "a", recipe=dataclasses.replace(small, oversized="error"))
    assert run(tmp_path / "b", recipe=small).steps == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": Recipe(patience=2)}, "give validation or validate"),
        ({"validation": preferences(4), "validate": lambda model: {"nll": 1.0}}, "not both"),
        ({"names": ["a"]}, "1 names were given for 20 records"),
        ({"validate": lambda model: {"accuracy": 1.0}}, r"nll = None; .* .it gave: accuracy"),
        ({"validate": lambda model: {"nll": float("nan")}}, "nll = nan"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    """Each is refused with what would be right."""
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "run", **settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("warmup", 1.0),
        ("learning_rate", float("nan")),
        ("patience", 0),
        ("tune", "all"),
    ],
)
def test_recipes_out_of_range_are_refused(field: str, value: object) -> None:
    """The error names the field and the value."""
    with pytest.raises(ValueError, match=f"{field} must be .* not {value!r}"):
        Recipe(**{field: value})  # type: ignore[arg-type]


def test_weights_that_are_not_fp32_are_refused(tmp_path: Path) -> None:
    """bf16 is a choice for computing, never for the trained weights."""
    with pytest.raises(NotTrainable, match=r"embedding.weight is bfloat16; .* fp32 masters"):
        run(tmp_path / "a", TinyModel().bfloat16())
    with pytest.raises(NotTrainable, match="no trainable weights"):
        run(tmp_path / "b", TinyModel().requires_grad_(False))
    with pytest.raises(ValueError, match="TinyModel has no compute_dtype"):
        run(tmp_path / "c", recipe=dataclasses.replace(QUICK, dtype="bfloat16"))


def test_dropout_is_off_unless_asked_for(tmp_path: Path) -> None:
    """A model with dropout trains without it; one that hides its dropout is refused; a rate asked for is set."""
    model = TinyModel(dropout=0.5)
    run(tmp_path / "a", model)
    assert model.dropout.p == 0.0
    run(tmp_path / "b", model, recipe=dataclasses.replace(QUICK, dropout=0.3))
    assert model.dropout.p == 0.3

    class Hiding(TinyModel):
        def features(self, batch: Batch) -> Tensor:
            return nn.functional.dropout(super().features(batch), 0.4, self.training)

    with pytest.raises(NotTrainable, match="two forward passes of Hiding in training mode differ"):
        run(tmp_path / "c", Hiding())


def test_rows_reach_the_listeners_and_the_state_is_small(tmp_path: Path) -> None:
    """Listeners get every row as it is made, and checkpoints hold trained weights only."""
    seen: list[Row] = []
    model = TinyModel()
    model.embedding.requires_grad_(False)
    fitted = run(tmp_path / "run", model, listeners=[seen.append])
    assert seen == fitted.history
    checkpoint = next((tmp_path / "run" / "checkpoints").glob("checkpoint-*"))
    assert "embedding.weight" not in load_file(checkpoint / "model.safetensors")
