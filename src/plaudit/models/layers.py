"""Which hidden states of a backbone are read: the last one, or those of several layers beside each other.

Layers are counted as transformers counts ``hidden_states``: 0 are the embeddings, k is what the k-th block gives. What
the last block gives has gone through the final norm, as ``last_hidden_state`` has. Middle layers of a small language
model often tell more about a response than the last, which is made to predict the next token.

Blocks above the last layer that is read are not computed: what block k is given is the k-th hidden state, and once the
highest of them is there the pass ends. The weights stay where they are.

Source: Alain and Bengio, Understanding intermediate layers using linear classifier probes (2016).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

_WANTED: ContextVar["_Wanted | None"] = ContextVar("wanted", default=None)
"""What the pass that is under way in this thread looks for."""


class _Wanted:
    """Hidden states that a pass is made for: the numbers of their layers, and those that were found."""

    def __init__(self, layers: Sequence[int]) -> None:
        self.layers = frozenset(layers)
        self.found: dict[int, Tensor] = {}


class _AllFound(Exception):
    """The last hidden state that is wanted is there."""


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
    blocks = _blocks(backbone)
    if blocks is not None and max(layers) < len(blocks):
        states: Any = _first_states(backbone, blocks, layers, inputs)
    else:
        states = backbone(**inputs, output_hidden_states=True).hidden_states
    return torch.cat([states[layer] for layer in layers], dim=-1)


def _first_states(
    backbone: Callable[..., Any], blocks: nn.ModuleList, layers: Sequence[int], inputs: dict[str, Any]
) -> dict[int, Tensor]:
    """Return the hidden states of ``layers``, all of which some block is given, by their numbers."""
    for place, block in enumerate(blocks):
        if not any(getattr(hook, "func", None) is _look for hook in block._forward_pre_hooks.values()):  # noqa: SLF001
            block.register_forward_pre_hook(partial(_look, place), with_kwargs=True)
    wanted = _Wanted(layers)
    before = _WANTED.set(wanted)
    try:
        with suppress(_AllFound):
            backbone(**inputs)
    finally:
        _WANTED.reset(before)
    return wanted.found


def _look(place: int, _block: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Keep what the block at ``place`` is given, if it is wanted, and end the pass if nothing above it is."""
    wanted = _WANTED.get()
    if wanted is None or place not in wanted.layers:
        return
    wanted.found[place] = given[0] if given else named["hidden_states"]
    if place == max(wanted.layers):
        raise _AllFound


def _blocks(backbone: Callable[..., Any]) -> nn.ModuleList | None:
    """Return the blocks of ``backbone``; None where they cannot be told apart, or a pass must not end before its end.

    Checkpointed blocks are given states without a gradient, and processes that share weights must do the same steps.
    """
    if not isinstance(backbone, nn.Module) or _distributed():
        return None
    config: Any = backbone.config
    count, parts = config.get_text_config().num_hidden_layers, list(backbone.modules())
    if backbone.training and any(getattr(part, "gradient_checkpointing", False) for part in parts):
        return None
    found = [part for part in parts if isinstance(part, nn.ModuleList) and len(part) == count]
    return found[0] if len(found) == 1 else None


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def check_layers(layers: Sequence[int], blocks: int) -> None:
    """Raise `ValueError` where a backbone of so many blocks has not these layers; the message says which it has."""
    if len(set(layers)) < len(layers) or not all(0 <= layer <= blocks for layer in layers):
        raise ValueError(f"layers must be different numbers from 0 to {blocks}, not {list(layers)}")
