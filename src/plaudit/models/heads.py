"""Heads: everything after the backbone's last hidden state, called as the family's own modules.

Nothing is re-implemented here. A head receives one gathered hidden state a response and returns its reward, in fp32.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class UnsupportedHead(ValueError):
    """A sequence classifier whose head modules plaudit does not know how to call."""


def backbone_of(classifier: PreTrainedModel) -> PreTrainedModel:
    """Return the backbone inside a sequence classifier (or inside its LoRA wrapping)."""
    backbone: PreTrainedModel = getattr(classifier, classifier.base_model_prefix)
    return backbone


def head_modules(classifier: PreTrainedModel) -> dict[str, nn.Module]:
    """Return the head's modules by their dotted names inside ``classifier``.

    Raises:
        UnsupportedHead: the class keeps its head in a shape that is not known.
    """
    prefix = classifier.base_model_prefix
    names: tuple[str, ...] = getattr(classifier, "head_names", ("score",) if hasattr(classifier, "score") else ())
    if not names and isinstance(getattr(backbone_of(classifier), "pooler", None), nn.Module):
        names = (f"{prefix}.pooler", "classifier")
    if names:
        return {name: classifier.get_submodule(name) for name in names}
    for names in (("pooler", "classifier"), ("head", "classifier")):
        if all(hasattr(classifier, name) for name in names):
            return {name: classifier.get_submodule(name) for name in names}
    if not isinstance(getattr(classifier, "classifier", None), nn.Linear | type(None)):
        return {"classifier": classifier.get_submodule("classifier")}
    raise UnsupportedHead(
        f"{type(classifier).__name__} keeps its head in modules plaudit cannot call; known shapes: score, "
        "pooler + classifier, head + classifier, a classification head named classifier"
    )


def head_parameters(classifier: PreTrainedModel) -> Iterator[nn.Parameter]:
    """Yield the parameters of the head."""
    for module in head_modules(classifier).values():
        yield from module.parameters()


def last_linear(classifier: PreTrainedModel) -> nn.Linear:
    """Return the linear layer that makes the head's outputs."""
    last = _modules(classifier)[-1]
    return [module for module in last.modules() if isinstance(module, nn.Linear)][-1]


def linear_layers(classifier: PreTrainedModel, suffixes: Sequence[str] = ()) -> list[str]:
    """Return the names of the backbone's linear layers (and ``Conv1D``), without those of the head.

    Args:
        classifier: a sequence classifier.
        suffixes: last parts of the names wanted; all if empty.

    Raises:
        ValueError: there is no such layer.
    """
    heads = list(head_modules(classifier))
    linear = [
        name
        for name, module in classifier.named_modules()
        if (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D")
        and name.startswith(f"{classifier.base_model_prefix}.")
        and not any(name == head or name.startswith(f"{head}.") for head in heads)
    ]
    found = [name for name in linear if not suffixes or name.rsplit(".", 1)[-1] in suffixes]
    if not found:
        known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))
        raise ValueError(f"no layer to adapt is called {', '.join(suffixes) or 'anything'}; the backbone has: {known}")
    return found


def put(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` where the module of that dotted name is inside ``root``."""
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, module)


def apply_head(classifier: PreTrainedModel, hidden: Tensor) -> Tensor:
    """Return the head's output for gathered hidden states, in fp32.

    Args:
        classifier: the family's sequence classifier.
        hidden: [N, H], one hidden state a response.

    Returns:
        float32 [N, labels].
    """
    modules = head_modules(classifier)
    first = next(iter(modules.values()))
    dtype = next(first.parameters()).dtype
    with torch.autocast(hidden.device.type, enabled=False):
        out: Tensor = _call(classifier, list(modules), hidden.to(dtype))
    return out.float()


def penultimate(classifier: PreTrainedModel, hidden: Tensor) -> Tensor:
    """Return what the head's last linear layer reads for gathered hidden states [N, H]: float32 [N, F].

    Raises:
        UnsupportedHead: the head is one module that does not show what is inside it.
    """
    names = list(head_modules(classifier))
    if names == ["classifier"]:
        raise UnsupportedHead(
            f"{type(classifier).__name__} keeps its whole head in one module, whose last layer's input is not known; "
            "use a family with a score layer (Llama, Qwen, GPT-2) or a pooler and a classifier (BERT, ModernBERT)"
        )
    dtype = next(_modules(classifier)[0].parameters()).dtype
    with torch.autocast(hidden.device.type, enabled=False):
        read: Tensor = _before_last(classifier, names, hidden.to(dtype))
    return read.float()


def _modules(classifier: PreTrainedModel) -> list[nn.Module]:
    return list(head_modules(classifier).values())


def _call(classifier: PreTrainedModel, names: list[str], hidden: Tensor) -> Tensor:
    if "score" in names:
        return _module(classifier, "score")(hidden)
    if names == ["classifier"]:
        return _module(classifier, "classifier")(hidden[:, None])
    return _module(classifier, names[-1])(_before_last(classifier, names, hidden))


def _before_last(classifier: PreTrainedModel, names: list[str], hidden: Tensor) -> Tensor:
    if "score" in names:
        return hidden
    first = _module(classifier, names[0])
    read: Tensor = _dropout(classifier)(first(hidden) if names[0] == "head" else first(hidden[:, None]))
    return read


def _module(classifier: PreTrainedModel, name: str) -> Callable[[Tensor], Tensor]:
    return classifier.get_submodule(name)


def _dropout(classifier: PreTrainedModel) -> nn.Module:
    return classifier.get_submodule("drop" if hasattr(classifier, "drop") else "dropout")
