r"""Observed: how often the side with the higher reward was right, by how much higher it was.

Which response of a pair is called chosen carries no information, so a comparison counts in both orders: margin
:math:`\Delta` with outcome :math:`y`, and :math:`-\Delta` with :math:`1 - y`. A map :math:`p` fitted to both is
antisymmetric, :math:`p(-\Delta) = 1 - p(\Delta)`, and half of the data says it all: sizes :math:`u = |\Delta|` and
whether the side with the higher reward was right, 1, 0, or 1/2 where people called it a tie. A margin of 0 says
nothing in either order and is left out.
"""

from dataclasses import dataclass

import numpy as np

from plaudit.predictions import Floats, Predictions

SMALLEST = float(np.finfo(np.float32).tiny)
"""Rewards are fp32; a smaller margin is no margin, and the squares of such would be 0."""


class Uncalibratable(ValueError):
    """Nothing can be fitted to these comparisons; the message says why, and what would be needed."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The half of symmetrised comparisons in which the margin is above 0.

    Attributes:
        sizes: float64 [n], |margin|, above 0.
        right: float64 [n], 1 where the side with the higher reward won, 0 where it lost, 0.5 in a tie.
        weight: float64 [n], above 0, 1 on average.
    """

    sizes: Floats
    right: Floats
    weight: Floats

    @property
    def count(self) -> float:
        """How many comparisons of equal weight tell as much: the square of the sum over the sum of squares."""
        return float(self.weight.sum() ** 2 / (self.weight**2).sum())

    @property
    def targets(self) -> Floats:
        """``right`` with Platt's prior: of n comparisons a win is (n + 1) / (n + 2), a loss 1 / (n + 2), float64 [n].

        With it a probability stays below 1 where everything is right, and the best slope is finite.
        """
        return (self.right * self.count + 1) / (self.count + 2)


def observe(predictions: Predictions) -> Observed:
    """Return what ``predictions`` say of margins and outcomes.

    Raises:
        Uncalibratable: no comparison of positive weight, all ties, or margins that are all 0 or all of one size.
    """
    counted = predictions.weight > 0
    if not counted.any():
        raise Uncalibratable(f"nothing to calibrate on: {len(predictions)} comparisons, none of positive weight")
    if (predictions.outcome[counted] == 0.5).all():
        raise Uncalibratable(f"all {int(counted.sum())} comparisons are ties; some must have a winner")
    margins = predictions.margins
    sizes = np.where(np.abs(margins) < SMALLEST, 0.0, np.abs(margins))
    _check_margins(sizes[counted])
    used = counted & (sizes > 0)
    weight = predictions.weight[used]
    return Observed(
        sizes=sizes[used],
        right=np.where(margins[used] > 0, predictions.outcome[used], 1 - predictions.outcome[used]),
        weight=weight / weight.mean(),
    )


def _check_margins(sizes: Floats) -> None:
    if np.ptp(sizes) > 0:
        return
    if sizes[0] == 0:
        raise Uncalibratable(f"all {sizes.size} margins are 0; rewards must differ for margins to mean anything")
    raise Uncalibratable(
        f"all {sizes.size} margins have the size {sizes[0]:g}; a map of margins needs two sizes or more"
    )
