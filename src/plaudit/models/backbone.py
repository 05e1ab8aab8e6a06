"""Loading a base model: any causal language model or encoder, in fp32, with only the reward head new.

Whatever else is missing from a checkpoint is an error, not a random weight. Pickled weights and remote code are
refused.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from plaudit.models.heads import head_modules

CAUSAL_HEADS = ("lm_head.", "embed_out.", "score.")


class BadBase(ValueError):
    """A base model that cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sequence classifier and what was new or left over when it was loaded.

    Attributes:
        classifier: the family's ``…ForSequenceClassification``, in fp32 and evaluation mode.
        new: parameter names that the checkpoint did not hold (the reward head).
        dropped: checkpoint names that were not used (the language-model head).
    """

    classifier: PreTrainedModel
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def load_base(folder: Path, *, heads: int = 1, pad_token_id: int | None, seed: int = 0) -> Loaded:
    """Load the checkpoint in ``folder`` under a new reward head.

    Args:
        folder: a transformers folder with safetensors weights.
        heads: number of rewards.
        pad_token_id: written to the configuration; must not be the scored token.
        seed: of the new head's initial weights.

    Raises:
        BadBase: pickle-only weights, remote code, no such folder, or backbone weights missing.
    """
    refuse_unsafe(folder)
    config = _reward_config(AutoConfig.from_pretrained(folder, trust_remote_code=False), heads, pad_token_id)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier, info = AutoModelForSequenceClassification.from_pretrained(
            folder, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    new = tuple(sorted(str(name) for name in info["missing_keys"]))
    _refuse_missing(classifier, new, folder)
    return Loaded(classifier.eval(), new, tuple(sorted(str(name) for name in info["unexpected_keys"])))


def random_base(
    config: PreTrainedConfig, *, heads: int = 1, pad_token_id: int | None, seed: int = 0
) -> PreTrainedModel:
    """Build a sequence classifier with random weights from ``config`` alone: only ever on explicit request."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build: Callable[[PreTrainedConfig], torch.nn.Module] = AutoModelForSequenceClassification.from_config
        classifier = build(_reward_config(config, heads, pad_token_id))
    classifier.to(torch.float32).eval()
    assert isinstance(classifier, PreTrainedModel)
    return classifier


def refuse_unsafe(folder: Path) -> None:
    """Raise `BadBase` where ``folder`` is no checkpoint, or would need pickled weights or remote code to load."""
    if not (folder / "config.json").is_file():
        raise BadBase(f"{folder}: no config.json; a transformers checkpoint folder is needed")
    if "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8")):
        raise BadBase(f"{folder}: config.json asks to run code from the checkpoint (auto_map); plaudit never does that")
    if not any(folder.glob("*.safetensors")):
        pickled = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"))]
        found = f"only pickled weights ({', '.join(pickled)}), which can run code" if pickled else "no weights"
        raise BadBase(f"{folder}: {found}; convert them to safetensors first")


def _reward_config(config: PreTrainedConfig, heads: int, pad_token_id: int | None) -> PreTrainedConfig:
    config.num_labels = heads
    config.problem_type = "regression"
    text = config.get_text_config()
    text.pad_token_id = config.pad_token_id = pad_token_id
    for name, value in list(vars(text).items()):
        if _is_dropout(name) and isinstance(value, float):
            setattr(text, name, 0.0)
    return config


def _is_dropout(name: str) -> bool:
    return "dropout" in name or name.endswith("pdrop")


def set_dropout(classifier: PreTrainedModel, rate: float) -> None:
    """Set every dropout rate, in modules and in the configuration that attention layers read, to ``rate``."""
    for module in classifier.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        for name in ("attention_dropout", "dropout", "classifier_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, rate)
    text: Any = classifier.config.get_text_config()
    for name, value in list(vars(text).items()):
        if _is_dropout(name) and isinstance(value, float):
            setattr(text, name, rate)


def _refuse_missing(classifier: PreTrainedModel, new: tuple[str, ...], folder: Path) -> None:
    heads = tuple(head_modules(classifier))
    lost = [name for name in new if not name.startswith(heads)]
    if lost:
        raise BadBase(
            f"{folder}: the checkpoint lacks {len(lost)} backbone weights ({', '.join(lost[:4])}…), which would be "
            "random; is it a checkpoint of another class?"
        )
