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
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from plaudit.models.heads import head_modules
from plaudit.models.quiet import quiet

TOKENIZERS = ("tokenizer.json", "vocab*", "*.model", "*tiktoken*", "tekken*")
"""Files of which a checkpoint with a tokenizer has one."""


class BadBase(ValueError):
    """A base model that cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sequence classifier and what was new or left over when it was loaded.

    Attributes:
        classifier: the family's ``…ForSequenceClassification``, in fp32 and evaluation mode.
        new: parameter names that the checkpoint did not hold, or in another shape (the reward head).
        dropped: checkpoint names that were not used (the language-model head, a head of other outputs).
    """

    classifier: PreTrainedModel
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def load_base(
    folder: Path, *, heads: int = 1, pad_token_id: int | None, head_bias: bool = False, seed: int = 0
) -> Loaded:
    """Load the checkpoint in ``folder`` under a new reward head.

    Args:
        folder: a transformers folder with safetensors weights.
        heads: number of rewards.
        pad_token_id: written to the configuration; must not be the scored token.
        head_bias: see `add_head_bias`.
        seed: of the new head's initial weights.

    Raises:
        BadBase: pickle-only weights, remote code, no such folder, or backbone weights missing.
    """
    refuse_unsafe(folder)
    config = _reward_config(AutoConfig.from_pretrained(folder, trust_remote_code=False), heads, pad_token_id)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        classifier, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    other = {str(name) for name, *_ in info["mismatched_keys"]}
    new = tuple(sorted({str(name) for name in info["missing_keys"]} | other))
    _refuse_missing(classifier, new, folder)
    added = add_head_bias(classifier) if head_bias else ()
    return Loaded(
        classifier.eval(), (*new, *added), tuple(sorted({str(name) for name in info["unexpected_keys"]} | other))
    )


def random_base(
    config: PreTrainedConfig, *, heads: int = 1, pad_token_id: int | None, head_bias: bool = False, seed: int = 0
) -> PreTrainedModel:
    """Build a sequence classifier with random weights from ``config`` alone: only ever on explicit request.

    The arguments are those of `load_base`. The weights are drawn as the family draws them: a ``score`` head's from a
    normal distribution of standard deviation ``config.initializer_range`` (0.02 for most).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build: Callable[..., nn.Module] = AutoModelForSequenceClassification.from_config
        classifier = build(_reward_config(config, heads, pad_token_id), dtype=torch.float32)
    assert isinstance(classifier, PreTrainedModel)
    if head_bias:
        add_head_bias(classifier)
    classifier.eval()
    return classifier


def add_head_bias(classifier: PreTrainedModel) -> tuple[str, ...]:
    """Give a linear ``score`` head a bias of zero; other heads have one already. Returns the new parameter's name.

    The standard layout has no place for this bias: an artefact keeps a bias that is not zero as its reward shift.
    """
    score: Any = getattr(classifier, "score", None)
    if type(score) is not nn.Linear or getattr(score, "bias", None) is not None:
        return ()
    score.bias = nn.Parameter(score.weight.new_zeros(score.out_features))
    return ("score.bias",)


def refuse_unsafe(folder: Path) -> None:
    """Raise `BadBase` where ``folder`` is no checkpoint, or would need pickled weights or remote code to load."""
    refuse_code(folder)
    if not any(folder.glob("*.safetensors")):
        pickled = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"))]
        found = f"only pickled weights ({', '.join(pickled)}), which can run code" if pickled else "no weights"
        raise BadBase(f"{folder}: {found}; convert them to safetensors first")


def refuse_code(folder: Path) -> None:
    """Raise `BadBase` where ``folder`` has no configuration, or one that asks to run code from the checkpoint."""
    if not (folder / "config.json").is_file():
        raise BadBase(f"{folder}: no config.json; a transformers checkpoint folder is needed")
    if "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8")):
        raise BadBase(f"{folder}: config.json asks to run code from the checkpoint (auto_map); plaudit never does that")


def _reward_config(config: PreTrainedConfig, heads: int, pad_token_id: int | None) -> PreTrainedConfig:
    config.num_labels = heads
    config.problem_type = "regression"
    text = config.get_text_config()
    text.pad_token_id = config.pad_token_id = pad_token_id
    for name, value in list(vars(text).items()):
        if ("dropout" in name or name.endswith("pdrop")) and isinstance(value, float):
            setattr(text, name, 0.0)
    return config


def _refuse_missing(classifier: PreTrainedModel, new: tuple[str, ...], folder: Path) -> None:
    heads = tuple(head_modules(classifier))
    lost = [name for name in new if not name.startswith(heads)]
    if lost:
        raise BadBase(
            f"{folder}: the checkpoint lacks {len(lost)} backbone weights ({', '.join(lost[:4])}…) or has them in "
            "another shape, so they would be random; is it a checkpoint of another class?"
        )


def require_tokenizer(folder: Path) -> None:
    """Raise `BadBase` where ``folder`` has no tokenizer, before a library says less clearly that it cannot make one."""
    if not any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        raise BadBase(
            f"{folder}: no tokenizer (tokenizer.json, a vocabulary or a .model file); save it beside the model"
        )
