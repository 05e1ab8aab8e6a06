"""LoRA: small trained matrices beside frozen ones, in the backbone; the head is trained whole.

The adapted layers replace the plain ones inside the classifier, which stays the same object, and `merge` puts plain
layers back, so what is saved afterwards needs no adapter library.

Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (2021).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import peft
from peft.tuners.lora import LoraLayer
from peft.utils import ModulesToSaveWrapper
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedModel

from plaudit.models.heads import backbone_of, head_modules, linear_layers, put

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """How the backbone is adapted.

    Attributes:
        rank: of the two matrices.
        alpha: their product is scaled by ``alpha / rank``.
        dropout: before the first of them, during training.
        targets: last parts of the names of the layers to adapt; empty for every linear layer of the backbone.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"rank must be at least 1, not {self.rank}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")


def attach(model: Model, lora: Lora) -> Model:
    """Put adapters into ``model.classifier`` and freeze all but them and the head. Returns ``model``.

    Raises:
        ValueError: there is no classifier, or no layer has a name in ``lora.targets``.
    """
    classifier = classifier_of(model)
    heads = list(head_modules(classifier))
    config = peft.LoraConfig(
        task_type="SEQ_CLS",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=linear_layers(classifier, lora.targets),
        modules_to_save=heads,
        fan_in_fan_out=_has_conv1d(classifier),
    )
    peft.inject_adapter_in_model(config, classifier)
    return model


def merge(model: Model) -> Model:
    """Fold the adapters into the weights they stand beside and put plain layers back. Returns ``model``."""
    classifier = classifier_of(model)
    for name, module in list(classifier.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge(safe_merge=True)
            put(classifier, name, module.get_base_layer())
        elif isinstance(module, ModulesToSaveWrapper):
            put(classifier, name, module.modules_to_save["default"])
    for attribute in ("peft_config", "active_adapter"):
        vars(classifier).pop(attribute, None)
    model.requires_grad_(True)
    return model


def attached(model: nn.Module) -> bool:
    """Return whether ``model`` holds adapters."""
    return any(isinstance(module, LoraLayer) for module in model.modules())


def save_adapter(model: nn.Module, folder: Path, *, base: str) -> None:
    """Write adapters and head as a peft folder that ``PeftModel.from_pretrained`` puts on the base model.

    Args:
        model: with adapters attached.
        folder: made if missing.
        base: name or path of the base model, recorded in the folder.
    """
    classifier: Any = classifier_of(model)
    config = classifier.peft_config["default"]
    config.base_model_name_or_path, config.inference_mode = base, True
    config.save_pretrained(str(folder))
    weights = peft.get_peft_model_state_dict(classifier, adapter_name="default", save_embedding_layers=False)
    _save(weights, folder / "adapter_model.safetensors")


def classifier_of(model: nn.Module) -> PreTrainedModel:
    """Return ``model.classifier``.

    Raises:
        ValueError: it has none.
    """
    classifier = getattr(model, "classifier", None)
    if not isinstance(classifier, PreTrainedModel):
        raise ValueError(  # noqa: TRY004 - the value of an argument, not its type, is at fault
            f"{type(model).__name__} has no transformers classifier to adapt; train it whole (tune='full')"
        )
    return classifier


def _save(weights: dict[str, Any], path: Path) -> None:
    named = {f"base_model.model.{name}": value.detach().cpu().contiguous() for name, value in weights.items()}
    save_file(named, path, metadata={"format": "pt"})


def _has_conv1d(classifier: PreTrainedModel) -> bool:
    return any(type(module).__name__ == "Conv1D" for module in backbone_of(classifier).modules())
