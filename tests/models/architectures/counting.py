"""How many tokens go through an encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def tokens_through(encoder: nn.Module) -> Iterator[list[int]]:
    """Yield a list that gets the number of tokens of every call of ``encoder``."""
    calls: list[int] = []

    def count(_module: nn.Module, _args: Any, inputs: dict[str, Any]) -> None:
        calls.append(inputs["input_ids"].numel())

    handle = encoder.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()
