"""Sums over segments of a flat tensor, of any size each."""

import torch
from torch import Tensor


def log_sum_exp(values: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Return the logarithm of the summed exponentials of each segment, [segments]; minus infinity where it is empty.

    Args:
        values: [E].
        segment: int64 [E], which segment each value is in.
        segments: how many there are.
    """
    top = values.new_full((segments,), -torch.inf).scatter_reduce(0, segment, values.detach(), "amax")
    sums = torch.zeros_like(top).index_add(0, segment, torch.exp(values - top[segment]))
    return top + torch.log(sums)
