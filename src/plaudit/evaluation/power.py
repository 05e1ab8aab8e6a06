r"""Power: how small a difference the data at hand could show.

With standard error :math:`s` of a difference over :math:`G` groups, a difference of

.. math:: \delta = (t_{1-\alpha/2,\,G-1} + t_{1-\beta,\,G-1})\;s

is found by a two-sided test at level :math:`\alpha` in a share :math:`1-\beta` of data sets of this kind and size; for
0.05 and 0.8 that is about :math:`2.8\,s`. The standard error is the bootstrap's, over groups.

- **Paired**: two models on the same comparisons; the standard error is that of their difference
  (`plaudit.evaluation.paired.Difference`), and says what could be found between two models *as alike as these*.
- **Unpaired**: two models on different data of this kind and size, so that nothing cancels:
  :math:`s = \sqrt{s_1^2 + s_2^2}`.

It says what to expect of new data. Looked at after a comparison it is no reason to believe or doubt its verdict: the
interval has said that already.

Source: Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), section 2.2; for texts and models, Card et
al., With Little Power Comes Great Responsibility (2020).

>>> round(detectable(0.01, groups=1001), 4)
0.028
"""

import math

from scipy.stats import t

LEVEL, POWER = 0.05, 0.8


def detectable(standard_error: float, groups: int, level: float = LEVEL, power: float = POWER) -> float:
    """Return the smallest difference that is found with the given power, in the units of the standard error.

    Args:
        standard_error: of the difference, 0 or more; NaN where it is not known.
        groups: number of independent groups behind it, two or more.
        level: of the two-sided test, between 0 and 1.
        power: share of data sets in which the difference is to be found, above the level and below 1.

    Raises:
        ValueError: an argument makes no sense.
    """
    if standard_error < 0 or groups < 2:
        raise ValueError(f"a standard error is 0 or more and groups are two or more, not {standard_error} and {groups}")
    if not 0 < level < power < 1:
        raise ValueError(f"the level must be above 0, below the power, and that below 1; not {level} and {power}")
    return float((t.ppf(1 - level / 2, groups - 1) + t.ppf(power, groups - 1)) * standard_error)


def unpaired(first: float, second: float) -> float:
    """Return the standard error of the difference of two models on different data, given those of each."""
    return math.hypot(first, second)
