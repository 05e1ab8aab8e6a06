"""TRL's RewardTrainer as a user sets it up, with what would make the comparison unequal turned off."""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import RewardConfig, RewardTrainer

from benchmarks.arms.protocol import Request

SETTINGS = {
    "train_sampling_strategy": "sequential",
    "gradient_checkpointing": False,
    "max_grad_norm": 1.0,
    "optim": "adamw_torch_fused",
    "lr_scheduler_type": "linear",
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "num_train_epochs": 1,
    "logging_strategy": "no",
    "save_strategy": "no",
    "eval_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
    "use_cpu": True,
}
"""Beside these: bf16, max_length, batch size and learning rate, which are the run's."""


def trainer(
    request: Request, pairs: list[dict[str, Any]], dtype: str, callbacks: list[TrainerCallback] | None = None
) -> RewardTrainer:
    """Return TRL's trainer over ``pairs``, in the order in which they are given."""
    torch.set_num_threads(request["threads"])
    config = RewardConfig(
        output_dir=str(Path(request["folder"], "trl")),
        bf16=dtype == "bfloat16",
        max_length=request["max_length"],
        per_device_train_batch_size=request["batch_size"],
        learning_rate=request["learning_rate"],
        **SETTINGS,
    )
    return RewardTrainer(
        model=str(Path(request["folder"], "decoder")),
        args=config,
        train_dataset=Dataset.from_list(pairs),
        callbacks=callbacks,
    )


def settings() -> dict[str, str]:
    """Return each setting that is given to TRL, in words, beside TRL's own default where that is another."""
    fields = RewardConfig.__dataclass_fields__
    return {name: _beside(value, fields[name].default) for name, value in SETTINGS.items()}


def _beside(value: object, default: object) -> str:
    plain = getattr(default, "value", default)
    return f"{value}" if plain == value else f"{value} (TRL's default: {plain})"


def ids_of(made: RewardTrainer) -> list[list[int]]:
    """Return the token ids that TRL trains on: chosen and rejected of every pair."""
    return [row[side] for row in made.train_dataset for side in ("chosen_ids", "rejected_ids")]
