"""What TRL itself does, run in an interpreter that has it; results go to standard output as JSON.

``train BASE ROWS OUT`` trains a reward model for a step, saves it, and prints TRL's ids and rewards of every row.
``grpo POLICY REWARD ROWS`` prints the ids and rewards of GRPO's path through text, given the reward model's folder.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def train(base: str, rows: str, out: str) -> dict[str, Any]:
    """Train with `RewardTrainer` and return what its tokenised data set and its model hold."""
    from trl import RewardConfig, RewardTrainer

    config = RewardConfig(
        out, max_steps=1, per_device_train_batch_size=2, learning_rate=1e-3, report_to=[], use_cpu=True, bf16=False,
        gradient_checkpointing=False, save_strategy="no", disable_dropout=True, center_rewards_coefficient=None,
    )  # fmt: skip
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    trainer = RewardTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(json.loads(Path(rows).read_text())),
        processing_class=AutoTokenizer.from_pretrained(base),
    )
    trainer.train()
    trainer.save_model(out)
    ids = [row[f"{side}_ids"] for row in trainer.train_dataset for side in ("chosen", "rejected")]
    longest, pad = max(map(len, ids)), model.config.pad_token_id
    batch = torch.tensor([row + [pad] * (longest - len(row)) for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    with torch.no_grad():
        rewards = trainer.model.eval()(input_ids=batch, attention_mask=mask).logits[:, 0].tolist()
    return {"ids": ids, "rewards": rewards, "pad": pad, "eos": trainer.processing_class.eos_token_id}


def grpo(policy: str, reward: str, rows: str) -> dict[str, Any]:
    """Give GRPO the path of a reward model and return the ids and rewards it computes."""
    from trl import GRPOConfig, GRPOTrainer

    given = json.loads(Path(rows).read_text())
    config = GRPOConfig(
        f"{policy}-out", report_to=[], use_cpu=True, bf16=False, num_generations=2, per_device_train_batch_size=2,
        gradient_checkpointing=False,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=policy,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": row["prompt"]} for row in given]),
        processing_class=AutoTokenizer.from_pretrained(policy),
    )
    seen: list[list[int]] = []
    trainer.reward_funcs[0].register_forward_pre_hook(
        lambda module, args, kwargs: seen.extend(
            ids[mask.bool()].tolist() for ids, mask in zip(kwargs["input_ids"], kwargs["attention_mask"], strict=True)
        ),
        with_kwargs=True,
    )
    prompts, completions = ([row[name] for row in given] for name in ("prompt", "completion"))
    rewards = trainer._calculate_rewards([{} for _ in given], prompts, completions, [[0]] * len(given))
    return {"ids": seen, "rewards": rewards[:, 0].tolist()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"train": train, "grpo": grpo}[sys.argv[1]](*sys.argv[2:])))
