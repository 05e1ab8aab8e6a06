"""What a model needs before its first step: dropout as asked, activations stored or recomputed, one part trained."""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.heads import head_parameters
from plaudit.training.adapters import attach, attached, classifier_of
from plaudit.training.recipe import Recipe

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class NotTrainable(ValueError):
    """The model cannot be trained as it is; the message says what is wrong with it."""


def prepare(model: nn.Module, recipe: Recipe) -> nn.Module:
    """Set dropout, choose what is trained and turn checkpointing on. Returns ``model``.

    Raises:
        NotTrainable: a trained weight is not fp32, or the model has no part that the recipe needs.
    """
    set_dropout(model, recipe.dropout)
    torch.manual_seed(recipe.seed)
    if recipe.tune == "lora" and not attached(model):
        attach(model, recipe.lora)
    if recipe.tune == "head":
        freeze_backbone(model)
    if recipe.gradient_checkpointing:
        recompute_activations(model)
    _check_masters(model)
    return model


def set_dropout(model: nn.Module, rate: float) -> None:
    """Set every dropout rate to ``rate``: of modules, of numbers that attention layers read, and in configurations."""
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.p = rate
        config = getattr(module, "config", None)
        for holder in (module, config, *_parts(config)):
            _set_rates(holder, rate)


def freeze_backbone(model: nn.Module) -> None:
    """Leave only the head trainable, and what stands beside the classifier (a gate).

    Raises:
        NotTrainable: the model gives no features to train a head on, or has more to train than that head.
    """
    if not (hasattr(model, "features") and hasattr(model, "head")):
        raise NotTrainable(f"{type(model).__name__} has no features() and head() to train a head alone (tune='head')")
    if reason := getattr(model, "whole_only", ""):
        raise NotTrainable(f"tune='head' is not for {type(model).__name__}: {reason}; use tune='full' or 'lora'")
    model.requires_grad_(False)
    classifier = classifier_of(model)
    beside = [module for module in model.children() if module is not classifier]
    for parameter in (*head_parameters(classifier), *(value for module in beside for value in module.parameters())):
        parameter.requires_grad_(True)


def recompute_activations(model: nn.Module) -> None:
    """Make every transformers model inside ``model`` compute its activations again in the backward pass.

    Raises:
        NotTrainable: there is none.
    """
    found = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
    if not found:
        raise NotTrainable(f"{type(model).__name__} holds no transformers model, so it has no gradient checkpointing")
    found[0].activation_checkpointing_enable({"use_reentrant": False})


def check_repeatable(model: nn.Module, batch: Batch) -> None:
    """Refuse a model whose two training-mode forward passes differ: some dropout is still on.

    Raises:
        NotTrainable: they differ.
    """
    model.train()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        first, second = model(batch).values, model(batch).values
    if not torch.equal(first, second):
        raise NotTrainable(
            f"two forward passes of {type(model).__name__} in training mode differ by up to "
            f"{float((first - second).abs().max()):.3g} with dropout 0; it draws random numbers somewhere"
        )


def _parts(config: Any) -> list[Any]:
    return [value for value in vars(config).values() if hasattr(value, "to_dict")] if hasattr(config, "to_dict") else []


def _set_rates(holder: Any, rate: float) -> None:
    for name, value in list(getattr(holder, "__dict__", {}).items()):
        if isinstance(value, float) and ("dropout" in name or name.endswith(("pdrop", "drop_prob"))):
            setattr(holder, name, rate)


def _check_masters(model: nn.Module) -> None:
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not trained:
        raise NotTrainable(f"{type(model).__name__} has no trainable weights")
    for name, parameter in trained:
        if parameter.dtype != torch.float32:
            raise NotTrainable(
                f"{name} is {str(parameter.dtype).removeprefix('torch.')}; trained weights are fp32 masters: load the "
                "model in float32 and ask for dtype='bfloat16' to compute in it"
            )
