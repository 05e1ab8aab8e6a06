"""Norms and gated layers that keep less for the backward pass and touch memory fewer times.

On a CPU what is not a matrix product is bound by memory. Composed of ordinary operations, an RMS norm keeps two fp32
copies of its input and hands autocast an fp32 result that each of the next products casts again; a gated layer keeps
four tensors of the wide size. With their backward passes written out they keep one, and three. The arithmetic and its
dtypes are those of transformers; a row's squares are summed in another order.

Only layers are touched whose norms feed nothing but products: there a result in the products' own dtype is what
autocast would have made of it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from plaudit.models.last_layer import shorten
from plaudit.models.lean_attention import LeanAttention, become

LAYERS = frozenset({"LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer"})
"""Decoder layers built as norm, attention, norm, gated layer."""
NORMS = ("input_layernorm", "post_attention_layernorm")


def slim(backbone: nn.Module) -> int:
    """Give the parts of the known layers their lean form; return how many decoder layers were known.

    Parameters, their names and what is saved stay as they are: only the classes of the modules change.
    """
    layers: list[Any] = [module for module in backbone.modules() if type(module).__name__ in LAYERS]
    for layer in layers:
        for name in NORMS:
            getattr(layer, name).__class__ = LeanNorm
        if isinstance(layer.mlp.act_fn, nn.SiLU) or type(layer.mlp.act_fn).__name__ == "SiLUActivation":
            layer.mlp.__class__ = LeanGated
        become(layer.self_attn, LeanAttention)
    shorten(layers, backbone)
    return len(layers)


class LeanNorm(nn.Module):
    """An RMS norm. It takes the place of a module with ``weight`` [H] and ``variance_epsilon``."""

    weight: nn.Parameter
    variance_epsilon: float

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Normalise [..., H]; under autocast the result has its dtype."""
        kind = hidden_states.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden_states.dtype
        normed: Tensor = RmsNorm.apply(hidden_states, self.weight, self.variance_epsilon, dtype)
        return normed


class LeanGated(nn.Module):
    """A SiLU-gated feed-forward layer. It takes the place of one with ``gate_proj``, ``up_proj`` and ``down_proj``."""

    gate_proj: nn.Module
    up_proj: nn.Module
    down_proj: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., H] for [..., H]."""
        out: Tensor = self.down_proj(SiluTimes.apply(self.gate_proj(x), self.up_proj(x)))
        return out


class RmsNorm(torch.autograd.Function):
    """``x / sqrt(mean(x²) + epsilon) * weight``, computed in fp32; keeps the input and one number a row."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        """Return the normed [..., H] in ``dtype``."""
        rows = x.float()
        length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        scale = torch.rsqrt(length.square().div_(x.shape[-1]).add_(epsilon))
        ctx.save_for_backward(x, weight, scale)
        return (rows * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of ``x`` and ``weight``."""
        x, weight, scale = ctx.saved_tensors
        size = x.shape[-1]
        rows, out, factor = (tensor.reshape(-1, tensor.shape[-1]).float() for tensor in (x, gradients[0], scale))
        scaled = out * factor
        product = scaled * rows
        d_weight = product.sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        if not ctx.needs_input_grad[0]:
            return None, d_weight, None, None
        along = (product @ weight.float()[:, None]).mul_(factor.square()).div_(-size)
        d_x = scaled.mul_(weight).addcmul_(rows, along)
        return d_x.reshape(x.shape).to(x.dtype), d_weight, None, None


class SiluTimes(torch.autograd.Function):
    """``silu(gate) * up``; keeps its two inputs and computes the SiLU a second time."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        """Return the product, [..., F]."""
        ctx.save_for_backward(gate, up)
        return nn.functional.silu(gate) * up

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of ``gate`` and ``up``."""
        gate, up = ctx.saved_tensors
        d_gate = torch.ops.aten.silu_backward(gradients[0] * up, gate)
        return d_gate, nn.functional.silu(gate).mul_(gradients[0])
