"""The training loop: transformers' own, with plaudit's steps, history, evaluation and checkpoints in it.

Loggers, schedules, optimisers and distributed launching are transformers'. What differs: a loader element is a whole
step with its micro-batches; the loss is divided by the weight of all the step's terms; checkpoints are atomic and hold
the trained weights only.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PrinterCallback, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from plaudit.objectives import Objective, learning
from plaudit.training import checkpoints, ranks
from plaudit.training.callbacks import Cadence
from plaudit.training.interruption import Interruption
from plaudit.training.loader import StepLoader
from plaudit.training.progress import Progress, Row
from plaudit.training.recipe import Recipe
from plaudit.training.step import MicroBatch, NonFinite, StepStatistics, accumulate
from plaudit.training.supervised import separate

WEIGHTS, PROGRESS = "model.safetensors", "progress.json"


class Trainer(transformers.Trainer):
    """One run.

    Args:
        model: the reward model, as it is to be trained.
        args: transformers' settings, from `Recipe.arguments`.
        recipe: what is left of the recipe.
        objective: the loss.
        loader: the steps of this process.
        folder: where checkpoints go.
        validate: gives metrics of the model as it is, or None.
        names: identities of the records, for messages; empty for their numbers.
        interruption: whether the user asked to stop.
        listeners: called with every new row of the history, on the first process.
    """

    def __init__(
        self,
        model: nn.Module,
        args: TrainingArguments,
        *,
        recipe: Recipe,
        objective: Objective,
        loader: StepLoader,
        folder: Path,
        validate: Callable[[], dict[str, float]] | None,
        names: Sequence[str] = (),
        interruption: Interruption | None = None,
        listeners: Sequence[Callable[[Row], None]] = (),
    ) -> None:
        self.recipe, self.loader, self.folder = recipe, loader, folder
        self.objective: Objective = objective
        self.validate, self.names, self.listeners = validate, names, listeners
        self.interruption = interruption or Interruption()
        self.progress, self.statistics = Progress(), StepStatistics.of([0.0] * 7)
        self._stopping = False
        self._step_records: tuple[int, ...] = ()
        self._since = time.perf_counter()
        every = recipe.evaluate_every if validate else 0
        cadence = Cadence(len(loader), evaluate_every=every, save_every=recipe.save_every)
        super().__init__(model=model, args=args, callbacks=[cadence])
        self.remove_callback(PrinterCallback)

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the run before its end."""
        return self._stopping and not self.progress.stopped

    def load_checkpoint(self, checkpoint: Path) -> None:
        """Put the weights of ``checkpoint`` into the model."""
        self._load_from_checkpoint(str(checkpoint))

    def get_train_dataloader(self) -> StepLoader:
        """Return this process's steps; they are not sharded again."""
        return self.loader

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the optimiser, in which what the objective learns has a learning rate of its own and no decay."""
        fresh = self.optimizer is None
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        own = [parameter for parameter in learning(self.objective).parameters() if parameter.requires_grad]
        if fresh and own:
            separate(optimizer, own, self.recipe.objective_learning_rate)
        return optimizer

    def floating_point_ops(self, inputs: Any) -> int:
        """Return 0: operations are not counted."""
        return 0

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Accumulate the gradient of one whole step, a tuple of `MicroBatch`; returns its mean loss."""
        model.train()
        micros: list[MicroBatch] = [micro.to(self.args.device) for micro in inputs]
        sums, bad = accumulate(
            model,
            micros,
            self.objective,
            self.accelerator.backward,
            over_ranks=ranks.total,
            ranks=self.args.world_size,
            unsynced=partial(self._unsynced, model),
        )
        flags = sums.new_tensor([float(len(bad)), float(self.interruption.asked)])
        *totals, failed, asked = ranks.total(torch.cat([sums, flags])).tolist()
        self._step_records = tuple(record for micro in micros if micro.counted for record in micro.records)
        if failed:
            raise NonFinite(self._what_failed("a reward or loss", [r for micro in bad for r in micro.records]))
        self.statistics, self._stopping = StepStatistics.of(totals), bool(asked)
        return torch.tensor(self.statistics.loss, device=self.args.device)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a step to the history, and the epoch that ends with it; loggers get the same numbers."""
        if "learning_rate" not in logs:
            return
        now = time.perf_counter()
        speed = self.statistics.comparisons / max(now - self._since, 1e-9)
        place = self._place()
        measured = {"learning_rate": logs["learning_rate"], "grad_norm": logs["grad_norm"]}
        self._tell(self.progress.add_step({**place, **measured, "pairs_per_second": speed}, self.statistics))
        if self.state.global_step % len(self.loader) == 0:
            self._tell(self.progress.add_epoch({**place, "learning_rate": self._get_learning_rate()}))
        if self._stopping:
            self.control.should_save = self.control.should_training_stop = True
        self._since = time.perf_counter()

    def evaluate(self, *_unused: Any, **_ignored: Any) -> dict[str, float]:
        """Validate; the best step so far is saved, and training stops when it has been for too long."""
        if self.validate is None:
            return {}
        self._trained.eval()
        began = time.perf_counter()
        metrics = ranks.share(self.validate())
        row = {**self._place(), "seconds": time.perf_counter() - began}
        best = self.progress.add_evaluation(row, metrics, self.recipe.monitor, self.recipe.min_gain)
        self._tell(self.progress.history[-1], prefix="eval_")
        patience = self.recipe.patience
        if patience is not None and self.progress.without_gain >= patience:
            self.progress.stopped = f"no gain in {self.recipe.monitor} over {patience} evaluations"
            self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.control.should_save |= best or bool(self.progress.stopped)
        self._since = time.perf_counter()
        return metrics

    @property
    def _trained(self) -> nn.Module:
        model: Any = self.model
        return cast(nn.Module, model)

    def _place(self) -> Row:
        return {"step": self.state.global_step, "epoch": self.state.epoch}

    def _tell(self, row: Row, prefix: str = "") -> None:
        numbers = {f"{prefix}{name}": value for name, value in row.items() if isinstance(value, int | float)}
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, numbers)
        if ranks.number() == 0:
            for listener in self.listeners:
                listener(row)

    def _unsynced(self, model: nn.Module) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self.accelerator.no_sync(model)
        return context

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if not torch.isfinite(torch.as_tensor(norm)).all():
            raise NonFinite(self._what_failed("the gradient", self._step_records))
        return norm

    def _what_failed(self, what: str, records: Sequence[int]) -> str:
        named = [self.names[record] if self.names else str(record) for record in records]
        where = f"records {', '.join(named[:20])}{' …' if len(named) > 20 else ''}" if named else "another process"
        step = self.state.global_step + 1
        return (
            f"{what} is not finite at step {step} ({where}); the weights are those of step {step - 1}: look at these "
            "records, lower the learning rate, or compute in float32"
        )

    def _save_checkpoint(self, model: nn.Module, trial: Any = None) -> None:
        if self.state.global_step >= self.state.max_steps and not self.progress.stopped:
            self.progress.stopped = "all steps done"
        checkpoints.write(self.folder, self.state.global_step, self._fill)
        if ranks.number() == 0:
            checkpoints.rotate(self.folder, keep=self.recipe.keep, best=self.progress.best_step)
        self._since = time.perf_counter()

    def _fill(self, folder: Path) -> None:
        self.save_model(str(folder), _internal_call=True)
        self._save_optimizer_and_scheduler(str(folder))
        self._save_scaler(str(folder))
        self._save_rng_state(str(folder))
        if ranks.number() == 0:
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
            self.progress.write(folder / PROGRESS)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        held = trained_state(self._trained) if state_dict is None else state_dict
        if ranks.number() == 0:
            save_file({name: value.contiguous() for name, value in held.items()}, f"{output_dir}/{WEIGHTS}")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            load_trained(model or self._trained, Path(resume_from_checkpoint))


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: trainable parameters, each once, and persistent buffers, by name."""
    state = {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}
    for prefix, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:  # noqa: SLF001 - torch has no public name for it
                state[f"{prefix}.{name}" if prefix else name] = buffer
    return state


def load_trained(model: nn.Module, checkpoint: Path) -> None:
    """Copy the trained weights of ``checkpoint`` into ``model``.

    Raises:
        CheckpointError: it holds other names or shapes than the model trains.
    """
    target, source = trained_state(model), load_file(checkpoint / WEIGHTS)
    differ = sorted(
        name
        for name in {*target, *source}
        if name not in target or name not in source or target[name].shape != source[name].shape
    )
    if differ:
        raise checkpoints.CheckpointError(
            f"{checkpoint} holds other weights than the model trains: {', '.join(differ)}"
        )
    with torch.no_grad():
        for name, value in source.items():
            target[name].copy_(value)
