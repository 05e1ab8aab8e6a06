"""Agreement between processes: one that fails takes the others with it instead of leaving them to wait."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

Value = TypeVar("Value")


class OtherRankFailed(RuntimeError):
    """Another process of this run failed; the message is its own."""


class NotJoined(RuntimeError):
    """Several processes were started, but would train apart from each other."""


def launched() -> bool:
    """Return whether a launcher (``torchrun``, ``accelerate launch``) started this as one of several processes."""
    return int(os.environ.get("WORLD_SIZE") or 1) > 1


def require_joined(world_size: int) -> None:
    """Refuse processes that do not exchange gradients.

    Args:
        world_size: over how many processes the training loop averages gradients.

    Raises:
        NotJoined: it is another number than the launcher started.
    """
    started = max(count(), int(os.environ.get("WORLD_SIZE") or 1))
    if started != world_size:
        raise NotJoined(
            f"{started} processes were started, but the training loop joins {world_size}: each would learn by itself. "
            "Start them with torchrun or accelerate launch, on devices that the installed torch supports"
        )


def count() -> int:
    """Return the number of processes of this run."""
    return distributed.get_world_size() if _together() else 1


def number() -> int:
    """Return which of them this is; 0 is the one that writes."""
    return distributed.get_rank() if _together() else 0


def total(local: Tensor) -> Tensor:
    """Return the sum of ``local`` over all processes."""
    if count() > 1:
        local = local.clone()
        distributed.all_reduce(local)
    return local


def share(value: Value) -> Value:
    """Return the first process's ``value`` on every process."""
    if count() == 1:
        return value
    held: list[Any] = [value]
    distributed.broadcast_object_list(held, src=0)
    return held[0]  # type: ignore[no-any-return]


def together(action: Callable[[], Value]) -> Value:
    """Do ``action`` on every process; where one fails, all fail.

    Raises:
        OtherRankFailed: on the processes where the action itself went well.
    """
    error: Exception | None = None
    try:
        result = action()
    except Exception as raised:  # noqa: BLE001 - raised again below, after the others were told
        error = raised
    messages = _gather("" if error is None else f"{type(error).__name__}: {error}")
    if error is not None:
        raise error
    for place, message in enumerate(messages):
        if message:
            raise OtherRankFailed(f"process {place} failed: {message}")
    return result


def on_first(action: Callable[[], Value]) -> Value:
    """Do ``action`` on the first process alone and return its result everywhere; where it fails, all fail."""
    return share(together(lambda: action() if number() == 0 else None))  # type: ignore[return-value]


def _gather(message: str) -> list[str]:
    if count() == 1:
        return [message]
    messages: list[Any] = [None] * count()
    distributed.all_gather_object(messages, message)
    return messages


def _together() -> bool:
    return bool(distributed.is_available() and torch.distributed.is_initialized())
