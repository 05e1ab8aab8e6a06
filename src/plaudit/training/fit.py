"""Fit a reward model to an encoded set: one call, resumable, that leaves the best weights in the model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate, collate_labels
from plaudit.encoding.sampling import Plan, plan
from plaudit.models.headed import Headed
from plaudit.models.precision import choose_dtype, set_compute_dtype
from plaudit.models.reward_model import Rewards
from plaudit.models.selftest import check_layout
from plaudit.objectives import Objective, innermost, introduce, learned, learning
from plaudit.replacing import replace_file
from plaudit.training import checkpoints, ranks
from plaudit.training.callbacks import ProgressLine
from plaudit.training.facts import facts_of
from plaudit.training.features import CachedHead, cache_features
from plaudit.training.fitness import NothingToLearn, reads_variance, require_learnable
from plaudit.training.heldout import Heldout
from plaudit.training.interruption import Interrupted, Interruption, interruptible
from plaudit.training.loader import StepLoader, Steps
from plaudit.training.preparation import NotTrainable, check_repeatable, prepare
from plaudit.training.progress import Progress, Row
from plaudit.training.recipe import Recipe
from plaudit.training.run_folder import CHECKPOINTS, HISTORY, Facts, held, record_facts
from plaudit.training.supervised import Supervised
from plaudit.training.trainer import PROGRESS, Trainer

Validate = Callable[[nn.Module], dict[str, float]]
Say = Callable[[str], object]


def silent(_sentence: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a run. The weights are in the model that was given.

    Attributes:
        history: one row a step, an epoch and an evaluation, also in ``history.json``.
        steps: how many steps were done.
        best_step: the step whose weights the model has, or None where nothing was validated and it has the last.
        best_metric: the monitored value at that step.
        stopped: why training ended.
        dtype: what the backbone computed in.
        began: steps that were done before this call.
        learned: what the objective learned besides, as of the same step, by name; empty where it learns nothing.
    """

    history: list[Row]
    steps: int
    best_step: int | None
    best_metric: float | None
    stopped: str
    dtype: torch.dtype
    began: int = 0
    learned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """Everything one call of `fit` works with."""

    model: nn.Module
    train: EncodedSet
    objective: Objective
    output: Path
    recipe: Recipe
    validation: EncodedSet | None = None
    validate: Validate | None = None
    names: Sequence[str] = ()
    listeners: Sequence[Callable[[Row], None]] | None = None
    say: Say = silent
    dtype: torch.dtype = torch.float32
    began: int = 0
    trained: nn.Module = field(init=False)

    def prepare(self, device: torch.device) -> None:
        """Make the model ready, try and test it, and cache the features of a frozen backbone."""
        self.dtype = choose_dtype(ranks.share(choose_name(self.recipe.dtype, device)), device)
        set_compute_dtype(self.model, self.dtype)
        self.trained = prepare(self.model, self.recipe).to(device)
        introduce(self.objective, self.train.annotators, self.train)
        learning(self.objective).to(device)
        self._try(device)
        self._test_layout(device)
        if self.recipe.tune == "head":
            features = self._features(self.train)
            self.trained = CachedHead(self.model, features)
        if parts := learning(self.objective):
            self.trained = Supervised(self.trained, parts)

    def plan_epoch(self, epoch: int) -> Plan:
        """Return the plan of one epoch."""
        recipe, train = self.recipe, self.train
        first = train.record_sequences[train.record_offsets[:-1]]
        keys, cached = train.prompt_keys[first], recipe.tune == "head"
        return plan(
            np.ones(len(train), np.int64) if cached else train.record_sizes(),
            batch_size=recipe.batch_size,
            world_size=ranks.count(),
            seed=recipe.seed,
            epoch=epoch,
            token_budget=recipe.batch_size if cached else recipe.token_budget,
            accumulation=recipe.accumulation,
            groups=keys if recipe.group_prompts else None,
            shared=np.where(keys != 0, train.response_starts[first], 0) if self._shares and not cached else None,
            oversized=recipe.oversized,
        )

    def loader(self) -> StepLoader:
        """Return this process's steps."""
        cached = self.recipe.tune == "head"
        pack = partial(collate_labels, self.train) if cached else partial(collate, self.train, share=self._shares)
        smallest = int(np.argmin(self.train.record_sizes()))
        return StepLoader(Steps(self.plan_epoch, pack, rank=ranks.number(), stand_in=smallest))

    def validator(self, device: torch.device) -> Callable[[], dict[str, float]] | None:
        """Return what gives the metrics of the model as it is, or None where nothing is validated."""
        if self.validate is not None:
            return partial(self.validate, self.model)
        if self.validation is None:
            return None
        forward: Callable[[Batch], Rewards] = self.model
        pack = partial(collate, self.validation, share=self._shares)
        if self.recipe.tune == "head":
            features = self._features(self.validation)
            forward, pack = CachedHead(self.model, features), partial(collate_labels, self.validation)
        metrics = Heldout(self.validation, self.objective, pack, self.recipe.token_budget)
        return lambda: metrics(forward, device)

    def facts(self, configuration: Mapping[str, Any] | None) -> Facts:
        """Return what the run is made of."""
        return facts_of(
            model=self.model,
            objective=self.objective,
            recipe=self.recipe,
            train=self.train,
            validation=self.validation,
            dtype=self.dtype,
            configuration=configuration,
        )

    def _features(self, encoded: EncodedSet) -> torch.Tensor:
        recipe = self.recipe
        return cache_features(self.model, encoded, token_budget=recipe.token_budget, file=recipe.features)

    @property
    def _shares(self) -> bool:
        return bool(getattr(self.model, "shares", True))

    def _try(self, device: torch.device) -> None:
        smallest = int(np.argmin(self.train.record_sizes()))
        batch = collate(self.train, [smallest], share=self._shares).to(device)
        self.model.eval()
        with torch.no_grad():
            rewards = self.model(batch)
        if rewards.values.dtype != torch.float32:
            raise NotTrainable(f"{type(self.model).__name__} gives rewards in {rewards.values.dtype}; fp32 is needed")
        like = replace(rewards, log_likelihood=None, spans=None) if self.recipe.tune == "head" else rewards
        outputs = getattr(self.model, "outputs", ())
        require_learnable(self.train, self.objective, like, names=self.names, outputs=outputs)
        if getattr(self.model, "learns_variance", False) and not reads_variance(self.train, self.objective, rewards):
            self.say(
                f"{type(innermost(self.objective)).__name__} does not read the variances that the model predicts: they "
                "stay as they begin and mean nothing; thurstone learns them"
            )
        adapters_drop = self.recipe.tune == "lora" and self.recipe.lora.dropout > 0
        if self.recipe.dropout == 0 and not adapters_drop:
            check_repeatable(self.model, batch)

    def _test_layout(self, device: torch.device) -> None:
        """Compare packed with single-sequence rewards on two records of middling size."""
        if getattr(self.model, "layout", None) != "trees":
            return
        sizes = self.train.record_sizes()
        middling = sizes.argsort(kind="stable")[len(sizes) // 2 :][:2]
        batch = collate(self.train, middling.tolist(), share=self._shares).to(device)
        difference = check_layout(cast(Headed, self.model), batch)
        self.say(f"self-test: packed rewards differ from single sequences by {difference:.1e}")


def fit(
    model: nn.Module,
    train: EncodedSet,
    *,
    objective: Objective,
    output: Path | str,
    recipe: Recipe | None = None,
    validation: EncodedSet | None = None,
    validate: Validate | None = None,
    resume: bool = False,
    names: Sequence[str] = (),
    listeners: Sequence[Callable[[Row], None]] | None = None,
    configuration: Mapping[str, Any] | None = None,
    say: Say = silent,
) -> Fitted:
    """Train ``model`` and leave the best weights in it, in evaluation mode.

    Before the first step packed rewards are compared with those of single sequences under eager attention; a model
    whose two ways disagree is not trained.

    Args:
        model: an architecture, in fp32. With LoRA it still holds its adapters afterwards (see `adapters.merge`).
        train: the tokenised set to learn from.
        objective: the loss; parameters of its own are trained with the model and left in it.
        output: folder of the run: its checkpoints, ``history.json`` and ``run.json``; new or empty, unless resuming.
        recipe: how to train.
        validation: a set to compute held-out loss on, for early stopping and for choosing the best step; or instead
        validate: gives the metrics of the model, ``recipe.monitor`` among them.
        resume: go on from the newest whole checkpoint in ``output``; begin where there is none.
        names: identities of the records of ``train``, for messages.
        listeners: called with each new row of the history; by default a line on stderr shows it.
        configuration: what model, data and objective were made from, as plain data; a resumed run must have the same.
        say: is told, a sentence at a time, what was tested before training; by default nobody is.

    Raises:
        LayoutMismatch: packed rewards are not those of single sequences.
        NothingToLearn, NotTrainable, TreeTooLarge: the data or the model do not fit the objective or the recipe.
        RunFolderError: ``output`` cannot be used, or holds a run of something else.
        NotJoined: this is one of several processes that would train apart from each other.
        CheckpointError: a checkpoint could not be written or read.
        NonFinite: a reward, loss or gradient is not finite.
        Interrupted: the user pressed Ctrl-C; the state is saved.
    """
    run = Run(model, train, objective, Path(output), recipe or Recipe(), validation, validate, names, listeners, say)
    _check_arguments(run)
    return _held_fit(run, resume, configuration)


def _held_fit(run: Run, resume: bool, configuration: Mapping[str, Any] | None) -> Fitted:
    """Prepare and train while the output folder is held."""
    steps_per_epoch = -(-len(run.train) // run.recipe.batch_size)
    args = run.recipe.arguments(run.output / CHECKPOINTS, run.recipe.steps(steps_per_epoch))
    ranks.require_joined(args.world_size)
    with held(run.output, resume=resume):
        run.prepare(args.device)
        record_facts(run.output, run.facts(configuration))
        with interruptible() as interruption:
            trainer = _trainer(run, args, interruption)
            progress = _go_on(run, trainer)
        _write_history(run.output, progress)
        if trainer.interrupted:
            raise Interrupted(
                f"stopped after step {trainer.state.global_step} of {trainer.state.max_steps}; the state is in "
                f"{run.output}: resume to go on"
            )
        return _finish(run, trainer, progress)


def choose_name(name: str, device: torch.device) -> str:
    """Return the name of the dtype that ``name`` stands for on ``device``."""
    return str(choose_dtype(name, device)).removeprefix("torch.")


def _check_arguments(run: Run) -> None:
    if not len(run.train):
        raise NothingToLearn("the training set holds no records")
    if run.validation is not None and run.validate is not None:
        raise ValueError("give validation (a set) or validate (a function), not both")
    validated = run.validation is not None or run.validate is not None
    if run.validation is not None and not len(run.validation):
        raise NothingToLearn("the validation set holds no records")
    if run.recipe.patience is not None and not validated:
        raise ValueError("patience stops on held-out loss; give validation or validate, or leave patience out")
    if run.names and len(run.names) != len(run.train):
        raise ValueError(f"{len(run.names)} names were given for {len(run.train)} records")


def _trainer(run: Run, args: object, interruption: Interruption) -> Trainer:
    steps = args.max_steps  # type: ignore[attr-defined]
    listeners = (ProgressLine(steps),) if run.listeners is None else run.listeners
    return Trainer(
        run.trained,
        args,  # type: ignore[arg-type]
        recipe=run.recipe,
        objective=run.objective,
        loader=run.loader(),
        folder=run.output / CHECKPOINTS,
        validate=run.validator(args.device),  # type: ignore[attr-defined]
        names=run.names,
        interruption=interruption,
        listeners=listeners,
    )


def _go_on(run: Run, trainer: Trainer) -> Progress:
    """Train from the newest whole checkpoint, or from the beginning, to the end."""
    folder = run.output / CHECKPOINTS
    found = ranks.on_first(lambda: _newest(folder))
    run.began = checkpoint_step(found) if found is not None else 0
    if found is not None:
        trainer.progress = Progress.read(found / PROGRESS)
        if trainer.progress.stopped:
            trainer.load_checkpoint(found)
            trainer.state.global_step = run.began
            return trainer.progress
    trainer.train(resume_from_checkpoint=str(found) if found else None)
    return trainer.progress


def _newest(folder: Path) -> Path | None:
    """Return the checkpoint to go on from; damaged newer ones, and what a dead process left, are removed."""
    found = checkpoints.newest(folder)
    if found is None:
        return None
    best = Progress.read(found / PROGRESS).best_step
    if best is not None and (damage := checkpoints.problem(checkpoints.at(folder, best))):
        raise checkpoints.CheckpointError(
            f"the best weights so far, {checkpoints.at(folder, best)}, are damaged ({damage}); start again in another "
            "folder"
        )
    for step in checkpoints.steps(folder):
        if step > checkpoint_step(found):
            checkpoints.remove(folder, step)
    return found


def checkpoint_step(checkpoint: Path) -> int:
    """Return the step of a checkpoint from its name."""
    return int(checkpoint.name.removeprefix(checkpoints.PREFIX))


def _write_history(output: Path, progress: Progress) -> None:
    if ranks.number() == 0:
        replace_file(output / HISTORY, json.dumps(progress.history, indent=0) + "\n")


def _finish(run: Run, trainer: Trainer, progress: Progress) -> Fitted:
    if progress.best_step is not None:
        trainer.load_checkpoint(checkpoints.at(run.output / CHECKPOINTS, progress.best_step))
    run.model.eval()
    steps = trainer.state.global_step
    best = progress.best_step, progress.best_metric
    return Fitted(progress.history, steps, *best, progress.stopped, run.dtype, run.began, learned(run.objective))
