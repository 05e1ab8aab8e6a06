"""Attention layers that turn queries and keys in few passes.

Rotary positions composed of ordinary operations make six tensors of a query and keep four of them; written out they
make two and keep none.

The classes of known layers are replaced by subclasses of the same name. Without prompt trees they are what they were.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from plaudit.models.attention import NAME, prompt_trees
from plaudit.models.blocks import Trees

WINDOW_OF_CONFIG = "MistralAttention"
"""The one known layer that reads its window from the configuration, not from an attribute of its own."""


def become(module: Any, lean: type[nn.Module]) -> None:
    """Put the forward pass of ``lean`` before that of the module's class; once is enough."""
    if not isinstance(module, lean):
        module.__class__ = _joined((lean, type(module)))


@cache
def _joined(kinds: tuple[Any, Any]) -> type[nn.Module]:
    """Return the second with the forward pass of the first, under its own name: wrapping by name finds it as before."""
    return type(kinds[1].__name__, kinds, {"__module__": kinds[1].__module__})


class LeanAttention(nn.Module):
    """Rotary attention over prompt trees. It is put before a class with ``q_proj``, ``k_proj``, ``v_proj``, ``o_proj``.

    Qwen3's norms of queries and keys are applied where there are any.
    """

    config: Any
    head_dim: int
    scaling: float
    attention_dropout: float
    v_proj: nn.Module
    o_proj: nn.Module

    def forward(self, hidden_states: Tensor, *given: Any, rows: Tensor | None = None, **named: Any) -> Any:
        """Attend from all tokens of [1, T, H], or from those that ``rows`` numbers; returns [1, T or rows, H], None."""
        trees: Trees | None = named.get("trees")
        positions: tuple[Tensor, Tensor] | None = named.get("position_embeddings")
        packed = self.config._attn_implementation == NAME and named.get("past_key_values") is None  # noqa: SLF001
        if trees is None or positions is None or given or not packed:
            return super().forward(hidden_states, *given, **named)
        states, cos, sin = hidden_states[0], positions[0][0, :, None], positions[1][0, :, None]
        values = self.v_proj(states).view(len(states), -1, self.head_dim)
        keys = Rotated.apply(self._heads("k", states), cos, sin, values.dtype)
        if rows is not None:
            states, cos, sin = states[rows], cos[rows], sin[rows]
        queries = Rotated.apply(self._heads("q", states), cos, sin, values.dtype)
        q, k, v = (part.transpose(0, 1)[None] for part in (queries, keys, values))
        return self.o_proj(self._attend(q, k, v, trees, rows).reshape(1, len(states), -1)), None

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, trees: Trees, rows: Tensor | None) -> Tensor:
        """Return [1, T or rows, heads, size]."""
        window, rate = _window(self), self.attention_dropout if self.training else 0.0
        if rows is None:
            out, _ = prompt_trees(self, q, k, v, trees=trees, scaling=self.scaling, dropout=rate, sliding_window=window)
            return out
        mask, grouped = trees.visible(rows, window), q.shape[1] != k.shape[1]
        out = scaled_dot_product_attention(q, k, v, mask, dropout_p=rate, scale=self.scaling, enable_gqa=grouped)
        return out.transpose(1, 2)

    def _heads(self, name: str, states: Tensor) -> Tensor:
        """Return the queries or keys of states [T, H] before they are turned, [T, heads, size]."""
        projected: Tensor = getattr(self, f"{name}_proj")(states).view(len(states), -1, self.head_dim)
        norm: nn.Module | None = getattr(self, f"{name}_norm", None)
        heads: Tensor = projected if norm is None else norm(projected)
        return heads


class Rotated(torch.autograd.Function):
    """Rotary positions: the two halves of a head, taken as the plane's two axes, turned by each token's angles."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype) -> Tensor:
        """Return ``x`` [T, heads, size] turned, in ``dtype``; ``cos`` and ``sin`` are [T, 1, size]."""
        ctx.save_for_backward(cos, sin)
        ctx.dtype, half, rows = x.dtype, x.shape[-1] // 2, x.to(cos.dtype)
        out = rows * cos
        out[..., :half].addcmul_(rows[..., half:], sin[..., :half], value=-1)
        out[..., half:].addcmul_(rows[..., :half], sin[..., half:])
        return out.to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of ``x``, turned back."""
        cos, sin = ctx.saved_tensors
        out = gradients[0].to(cos.dtype)
        half = out.shape[-1] // 2
        back = out * cos
        back[..., :half].addcmul_(out[..., half:], sin[..., half:])
        back[..., half:].addcmul_(out[..., :half], sin[..., :half], value=-1)
        return back.to(ctx.dtype), None, None, None


def _window(layer: Any) -> int | None:
    """Return how many positions a query of this layer sees, None for all."""
    of = layer.config if type(layer).__name__ == WINDOW_OF_CONFIG else layer
    window: int | None = getattr(of, "sliding_window", None)
    return window
