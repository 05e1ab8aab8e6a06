"""A recipe: everything about a training run that is neither the model, the data nor the objective."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from transformers import TrainingArguments

from plaudit.training import ranks
from plaudit.training.adapters import Lora


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the data; may be fractional.
        max_steps: stop the schedule after this many steps instead.
        batch_size: records a step, over all processes and micro-batches.
        accumulation: parts into which a process's share of a step is cut at least.
        token_budget: most packed tokens of a micro-batch; sets the memory, never the gradient.
        oversized: what becomes of a record above the budget: ``alone`` in a micro-batch, or ``error``.
        group_prompts: keep records of one prompt together, so that they share its computation.
        learning_rate, weight_decay, betas, epsilon: of AdamW; biases and norms are not decayed.
        objective_learning_rate: of what the objective itself learns (a tie parameter, a flip rate); never decayed.
        optimizer: any name of transformers' ``optim``.
        schedule: any name of transformers' ``lr_scheduler_type``.
        warmup: share of all steps over which the learning rate rises.
        clipping: largest norm of a step's gradient; 0 never clips.
        tune: ``full``, ``lora`` (adapters and head) or ``head`` (cached features of a frozen backbone).
        features: file in which ``head`` keeps those features for other runs, made if missing; "" keeps them in memory.
        lora: how, for ``lora``.
        dropout: rate of every dropout; 0 turns dropout off.
        gradient_checkpointing: compute activations twice instead of storing them.
        dtype: ``float32``, ``bfloat16`` or ``auto``, of the backbone's products; weights and head stay fp32.
        evaluate_every: steps between evaluations; None evaluates after each epoch.
        patience: evaluations without gain after which training stops; None never stops early.
        min_gain: how much lower counts as a gain.
        monitor: the validation metric that decides, lower is better.
        save_every: steps between checkpoints; None saves after each epoch. The best is always saved.
        keep: newest checkpoints to keep beside the best.
        report_to: transformers' loggers to report to (``tensorboard``, ``wandb`` …).
        seed: of the order, of new adapters and of dropout.
    """

    epochs: float = 1.0
    max_steps: int | None = None
    batch_size: int = 16
    accumulation: int = 1
    token_budget: int = 8192
    oversized: Literal["alone", "error"] = "alone"
    group_prompts: bool = True
    learning_rate: float = 1e-5
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    objective_learning_rate: float = 0.01
    optimizer: str = "adamw_torch_fused"
    schedule: str = "linear"
    warmup: float = 0.1
    clipping: float = 1.0
    tune: Literal["full", "lora", "head"] = "full"
    features: str = ""
    lora: Lora = field(default_factory=Lora)
    dropout: float = 0.0
    gradient_checkpointing: bool = False
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    evaluate_every: int | None = None
    patience: int | None = None
    min_gain: float = 0.0
    monitor: str = "nll"
    save_every: int | None = None
    keep: int = 1
    report_to: tuple[str, ...] = ()
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulation", "token_budget", "keep"):
            self._require(name, getattr(self, name) > 0, "above 0")
        for name in ("max_steps", "evaluate_every", "patience", "save_every"):
            self._require(name, getattr(self, name) is None or getattr(self, name) > 0, "above 0, or None")
        for name in ("learning_rate", "objective_learning_rate", "weight_decay", "clipping", "min_gain"):
            self._require(name, math.isfinite(getattr(self, name)) and getattr(self, name) >= 0, "0 or more")
        for name in ("warmup", "dropout"):
            self._require(name, 0 <= getattr(self, name) < 1, "in [0, 1)")
        for name, known in (("tune", ("full", "lora", "head")), ("oversized", ("alone", "error"))):
            self._require(name, getattr(self, name) in known, f"one of {', '.join(known)}")

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {what}, not {getattr(self, name)!r}")

    def steps(self, steps_per_epoch: int) -> int:
        """Return how many steps a run takes; the last, short step of an epoch is one."""
        return self.max_steps or math.ceil(round(self.epochs * steps_per_epoch, 9))

    def warmup_steps(self, steps: int) -> int:
        """Return over how many of ``steps`` the learning rate rises."""
        return math.floor(steps * self.warmup + 1e-9)

    def arguments(self, output: Path, steps: int) -> TrainingArguments:
        """Return the settings of transformers' loop for a run of ``steps`` steps."""
        return TrainingArguments(
            output_dir=str(output),
            use_cpu=ranks.launched() and not torch.accelerator.is_available(),
            max_steps=steps,
            per_device_train_batch_size=self.batch_size,
            gradient_accumulation_steps=1,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            adam_beta1=self.betas[0],
            adam_beta2=self.betas[1],
            adam_epsilon=self.epsilon,
            optim=self.optimizer,
            lr_scheduler_type=self.schedule,
            warmup_steps=self.warmup_steps(steps),
            max_grad_norm=self.clipping,
            seed=self.seed,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            eval_strategy="no",
            disable_tqdm=True,
            report_to=list(self.report_to) or "none",
            remove_unused_columns=False,
            ddp_find_unused_parameters=False,
            average_tokens_across_devices=False,
        )
