"""Sums of exponentials over segments, against SciPy."""

import numpy as np
import torch
from scipy.special import logsumexp

from plaudit.encoding.segments import log_sum_exp


def test_log_sum_exp_is_scipys() -> None:
    """Any segments, values far beyond what exp can hold, and empty segments."""
    values = np.array([1.0, 2.0, -1e4, 1e4, 1e4, -2000.0])
    segment = np.array([3, 0, 0, 1, 1, 4])
    found = log_sum_exp(torch.from_numpy(values), torch.from_numpy(segment), 5)
    expected = [logsumexp(values[segment == number]) if (segment == number).any() else -np.inf for number in range(5)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_the_gradient_is_the_softmax() -> None:
    """Of each segment by itself, at any size of the values."""
    values = torch.tensor([5.0, 5.0, 1e4, 1e4 - 1], dtype=torch.float64, requires_grad=True)
    log_sum_exp(values, torch.tensor([0, 0, 1, 1]), 2).sum().backward()
    pull = values.grad
    assert pull is not None
    torch.testing.assert_close(pull, torch.cat([values[:2].softmax(0), values[2:].softmax(0)]).detach())
