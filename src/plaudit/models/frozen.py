"""Weights of linear layers in bf16, laid out once as the processor's product wants them: for scoring on a CPU.

Under autocast every pass casts every fp32 weight, and the product then copies it into its own order. Both are the same
in every pass, so a model that only scores does them once. Results are equal; the copies take half of what the fp32
weights take.
"""

from typing import Any

import torch
from torch import Tensor, nn

from plaudit.models.headed import Headed
from plaudit.models.heads import backbone_of

LARGEST = 2**30
"""Bytes of copies at most: a larger model's memory is worth more than the few per cent."""
ROWS = 1024
"""Tokens in a pass, for which the layout is chosen; it serves any number."""


class FrozenLinear(nn.Linear):
    """A linear layer that keeps its weight in bf16 too. It takes the place of an ``nn.Linear``.

    Where the copy cannot be used (another dtype, gradients wanted, the weight changed since) it is one.

    Attributes:
        copy: the laid out weight, and the bias in bf16 or None.
        of: which state of the weight the copy is of.
    """

    copy: tuple[Tensor, Tensor | None]
    of: tuple[int, int]

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of torch's argument
        """Return [..., out] for [..., in]."""
        if torch.is_grad_enabled() or _autocast() != torch.bfloat16 or self.of != _state(self.weight):
            return super().forward(input)
        weight, bias = self.copy
        product: Tensor = torch.ops.mkldnn._linear_pointwise(input.bfloat16(), weight, bias, "none", [], "")  # noqa: SLF001 - it has no public name
        return product


def freeze(model: Headed) -> int:
    """Prepare the backbone of a model that computes in bf16 on a CPU for scoring; return how many layers were.

    Parameters, their names and dtypes, and what is saved stay as they are. Nothing is done on other devices, for other
    dtypes, for a model of more than `LARGEST` bytes in bf16, and where torch was built without oneDNN.
    """
    layers = [module for module in backbone_of(model.classifier).modules() if type(module) is nn.Linear]
    if not layers or not _suits(model, layers):
        return 0
    with torch.no_grad():
        for layer in layers:
            _freeze(layer)
    return len(layers)


def _suits(model: Headed, layers: list[nn.Linear]) -> bool:
    """Return whether the copies of ``layers`` can be made, would be used, and are small enough."""
    weights = [layer.weight for layer in layers]
    plain = all(weight.device.type == "cpu" and weight.dtype == torch.float32 for weight in weights)
    small = 2 * sum(weight.numel() for weight in weights) <= LARGEST
    known = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return model.compute_dtype == torch.bfloat16 and plain and small and known


def _freeze(layer: nn.Linear) -> None:
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.bfloat16(), ROWS)  # noqa: SLF001 - it has no public name
    bias = None if layer.bias is None else layer.bias.bfloat16()
    frozen: Any = layer
    frozen.__class__ = FrozenLinear
    frozen.copy, frozen.of = (weight, bias), _state(layer.weight)


def _state(weight: Tensor) -> tuple[int, int]:
    return weight.data_ptr(), weight._version  # noqa: SLF001 - it has no public name


def _autocast() -> torch.dtype | None:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
