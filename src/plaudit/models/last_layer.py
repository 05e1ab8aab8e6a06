"""A last layer that computes only what is read.

A reward read at one token of a response needs the last layer's queries, its attention and its feed-forward layer at
that token alone: of all others it needs the keys and values, and what the layer makes of them is read by nobody.

The classes of known layers are replaced by subclasses of the same name. Without prompt trees, or where all states are
read, they are what they were.
"""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from plaudit.models.blocks import Trees
from plaudit.models.lean_attention import become

ENCODERS = frozenset({"BertLayer", "RobertaLayer", "XLMRobertaLayer", "CamembertLayer", "ElectraLayer"})
"""Encoder layers built as attention, sum and norm, feed-forward layer, sum and norm."""


def shorten(layers: list[Any], backbone: nn.Module) -> None:
    """Let the last of known decoder ``layers``, or else of the backbone's known encoder layers, compute what is read.

    Args:
        layers: decoder layers whose attention is `LeanAttention`, in the backbone's order; may be empty.
        backbone: where encoder layers are looked for.
    """
    encoders: list[Any] = [module for module in backbone.modules() if type(module).__name__ in ENCODERS]
    if layers:
        become(layers[-1], LastLayer)
    elif encoders and not encoders[-1].is_decoder:
        become(encoders[-1], LastEncoderLayer)
        become(encoders[-1].attention.self, OneQuery)


def reads_few(backbone: nn.Module) -> bool:
    """Return whether the last layer of ``backbone`` computes only the tokens that `Trees.read` names."""
    return any(isinstance(module, LastLayer | LastEncoderLayer) for module in backbone.modules())


class LastLayer(nn.Module):
    """A decoder layer that gives only the tokens that `Trees.read` names, [1, read, H], where it names any."""

    input_layernorm: nn.Module
    self_attn: nn.Module
    post_attention_layernorm: nn.Module
    mlp: nn.Module

    def forward(self, hidden_states: Tensor, *given: Any, **named: Any) -> Any:
        """Return [1, T, H] for [1, T, H], or [1, read, H]."""
        trees: Trees | None = named.get("trees")
        if trees is None or trees.read is None:
            return super().forward(hidden_states, *given, **named)
        attended = self.self_attn(self.input_layernorm(hidden_states), rows=trees.read, **named)[0]
        kept = hidden_states[:, trees.read] + attended
        return kept + self.mlp(self.post_attention_layernorm(kept))


class LastEncoderLayer(nn.Module):
    """An encoder layer that gives only the tokens that `Trees.read` names, one a segment, where it names any."""

    attention: Any
    feed_forward_chunk: Callable[[Tensor], Tensor]

    def forward(self, hidden_states: Tensor, *given: Any, **named: Any) -> Any:
        """Return [1, T, H] for [1, T, H], or [1, read, H]."""
        trees: Trees | None = named.get("trees")
        if trees is None or trees.read is None:
            return super().forward(hidden_states, *given, **named)
        attended = self.attention.self(hidden_states, trees=trees, rows=trees.read)[0]
        return self.feed_forward_chunk(self.attention.output(attended, hidden_states[:, trees.read]))


class OneQuery(nn.Module):
    """Attention of an encoder from one token of each segment. It is put before a class with ``query`` and ``key``."""

    attention_head_size: int
    scaling: float
    dropout: nn.Dropout
    query: nn.Module
    key: nn.Module
    value: nn.Module

    def forward(self, hidden_states: Tensor, *given: Any, rows: Tensor | None = None, **named: Any) -> Any:
        """Attend from all tokens of [1, T, H], or from those that ``rows`` numbers; returns [1, T or rows, H], None.

        Raises:
            ValueError: ``rows`` has more or fewer tokens than there are segments.
        """
        if rows is None:
            return super().forward(hidden_states, *given, **named)
        states, rate = hidden_states[0], self.dropout.p if self.training else 0.0
        lengths = torch.unique_consecutive(named["trees"].segments, return_counts=True)[1].tolist()
        if len(lengths) != len(rows):
            raise ValueError(f"{len(rows)} tokens are read of {len(lengths)} segments; an encoder reads one of each")
        queries = self._heads(self.query(states[rows]))
        keys, values = self._heads(self.key(states)), self._heads(self.value(states))
        return _attend(queries, keys, values, lengths, scale=self.scaling, dropout_p=rate)[None], None

    def _heads(self, projected: Tensor) -> Tensor:
        """Return [T, H] as [T, heads, size]."""
        return projected.view(len(projected), -1, self.attention_head_size)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, lengths: list[int], **how: Any) -> Tensor:
    """Attend from one query a segment; segments of equal length beside each other are one product.

    Args:
        queries: [segments, heads, size].
        keys: [T, heads, size].
        values: like ``keys``.
        lengths: tokens of each segment, in packed order.
        how: passed on to torch's attention.

    Returns:
        [segments, heads * size].
    """
    parts, first, start = [], 0, 0
    for length, run in groupby(lengths):
        fold = len(list(run))
        q = queries[first : first + fold, :, None]
        k, v = (part[start : start + fold * length].unflatten(0, (fold, length)) for part in (keys, values))
        parts.append(scaled_dot_product_attention(q, k.transpose(1, 2), v.transpose(1, 2), **how))
        first, start = first + fold, start + fold * length
    return torch.cat(parts).flatten(1)
