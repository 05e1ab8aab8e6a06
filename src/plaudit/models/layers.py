"""Which hidden states of a backbone are read: the last one, or those of several layers beside each other.

Layers are counted as transformers counts ``hidden_states``: 0 are the embeddings, k is what the k-th block gives. What
the last block gives has gone through the final norm, as ``last_hidden_state`` has. Middle layers of a small language
model often tell more about a response than the last, which is made to predict the next token.

Source: Alain and Bengio, Understanding intermediate layers using linear classifier probes (2016).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def read_states(backbone: Callable[..., Any], layers: Sequence[int], **inputs: Any) -> Tensor:
    """Run ``backbone`` and return [..., H], or [..., H * len(layers)] where layers are named.

    Args:
        backbone: a transformers model without a head.
        layers: which hidden states to put beside each other, in this order; none for the last alone.
        inputs: what the backbone is called with.
    """
    if not layers:
        last: Tensor = backbone(**inputs).last_hidden_state
        return last
    states = backbone(**inputs, output_hidden_states=True).hidden_states
    return torch.cat([states[layer] for layer in layers], dim=-1)


def check_layers(layers: Sequence[int], blocks: int) -> None:
    """Raise `ValueError` where a backbone of so many blocks has not these layers; the message says which it has."""
    if len(set(layers)) < len(layers) or not all(0 <= layer <= blocks for layer in layers):
        raise ValueError(f"layers must be different numbers from 0 to {blocks}, not {list(layers)}")
