"""A multilayer perceptron that ends in one reward: what the architectures with a deep head put on their features."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from torch import nn

Initial = Literal["standard", "small", "zero"]
SMALL = 0.01
"""Standard deviation of every weight at the beginning under ``small``."""


def check_mlp(sizes: Sequence[int], initial: str) -> None:
    """Raise `ValueError` where no MLP has these settings; the message names the setting and its range."""
    if any(size < 1 for size in sizes):
        raise ValueError(f"sizes must be widths of 1 or more, or none for a linear reward, not {list(sizes)}")
    if initial not in get_args(Initial):
        raise ValueError(f"initial must be one of {', '.join(get_args(Initial))}, not {initial!r}")


class Mlp(nn.Sequential):
    """Hidden layers of Linear, LayerNorm if asked, and ReLU, then one linear output: [N, features] to [N, 1].

    Args:
        features: width of the input.
        sizes: width of each hidden layer; none makes the reward linear.
        layer_norm: put a LayerNorm before each ReLU.
        initial: ``standard`` draws weights and biases as torch does; ``small`` draws every weight of a linear layer
            from a normal distribution of standard deviation 0.01 and sets its bias to 0; ``zero`` sets the last layer
            to 0, so that all rewards begin equal and nothing random stays in directions the data says nothing about.

    Raises:
        ValueError: sizes or initial weights that cannot be.
    """

    def __init__(
        self, features: int, sizes: Sequence[int], *, layer_norm: bool = True, initial: Initial = "standard"
    ) -> None:
        check_mlp(sizes, initial)
        widths, layers = (features, *sizes), list[nn.Module]()
        for wide, narrow in pairwise(widths):
            layers += [nn.Linear(wide, narrow), *([nn.LayerNorm(narrow)] if layer_norm else []), nn.ReLU()]
        super().__init__(*layers, nn.Linear(widths[-1], 1))
        if initial == "small":
            self._shrink()
        if initial == "zero":
            for parameter in self[-1].parameters():
                nn.init.zeros_(parameter)

    def _shrink(self) -> None:
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=SMALL)
                nn.init.zeros_(layer.bias)
