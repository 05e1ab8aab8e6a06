"""Precision: weights, head and rewards are fp32; bf16 is a choice for the backbone's products, made by measurement.

On a processor with bf16 units such products are several times faster, on one without they are many times slower, and
the name of the processor does not tell. So ``auto`` times one small product in both, by turns, and takes the shortest
of each: other work on the machine makes single ones long.
"""

import time

import torch
from torch import Tensor, nn

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
GAIN = 1.2
"""How many times faster bf16 must be to be worth its rounding."""
TURNS = 12
"""Products of each kind that are timed, the first of them for nothing."""


def choose_dtype(name: str, device: torch.device | str = "cpu") -> torch.dtype:
    """Return the compute dtype called ``name``: ``float32``, ``bfloat16``, or ``auto`` for the faster on ``device``.

    Raises:
        ValueError: another name.
    """
    if name == "auto":
        return measured_dtype(device)
    if name not in DTYPES:
        raise ValueError(f"unknown dtype {name!r}; known: {', '.join(DTYPES)}, auto")
    return DTYPES[name]


def measured_dtype(device: torch.device | str = "cpu") -> torch.dtype:
    """Return bf16 if products in it are at least `GAIN` times as fast as in fp32 on ``device``, else fp32."""
    factors = {dtype: [torch.ones(256, 768, dtype=dtype, device=device) for _ in range(2)] for dtype in DTYPES.values()}
    turns = [{dtype: _product_seconds(*pair) for dtype, pair in factors.items()} for _ in range(TURNS)]
    full, half = (min(turn[dtype] for turn in turns[1:]) for dtype in (torch.float32, torch.bfloat16))
    return torch.bfloat16 if half * GAIN <= full else torch.float32


def set_compute_dtype(model: nn.Module, dtype: torch.dtype) -> None:
    """Make ``model`` compute its backbone in ``dtype``; its weights stay as they are.

    Raises:
        ValueError: the architecture has no such choice and ``dtype`` is not float32.
    """
    if hasattr(model, "compute_dtype"):
        setattr(model, "compute_dtype", dtype)  # noqa: B010 - an attribute that nn.Module does not declare
    elif dtype != torch.float32:
        raise ValueError(f"{type(model).__name__} has no compute_dtype, so it computes in float32; ask for float32")


def _product_seconds(left: Tensor, right: Tensor) -> float:
    began = time.perf_counter()
    float((left @ right.T)[0, 0])
    return time.perf_counter() - began
