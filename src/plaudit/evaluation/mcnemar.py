r"""McNemar's test: of the comparisons that one of two models gets right and the other wrong, has either more?

Of a comparison each model has a credit: 1 if it is right, 0 if wrong, one half if its rewards are equal. Let :math:`b`
be the number of comparisons with more credit for the first model, :math:`c` for the second. If neither is better, each
of the :math:`n = b + c` falls to either side like a coin, so

.. math:: p = \min\bigl(1,\ 2 P(X \le \min(b, c))\bigr),\qquad p_\text{mid} = p - P(X = \min(b, c)),\qquad
   X \sim \mathrm{Bin}(n, \tfrac12).

The exact p is above what it claims (for :math:`n = 10` the 5 % test errs in 2.1 %); mid-p is nearer, and may exceed its
level by a little.

**Comparisons of one prompt.** That test takes comparisons as independent. They are not where a prompt has several: a
model that misreads a prompt is wrong on all of them. So the test is also done with whole prompts: if neither model is
better, exchanging the two on all comparisons of a prompt changes nothing, so the prompt's surplus
:math:`d_k = b_k - c_k` is as likely :math:`-d_k`. The distribution of :math:`\sum_k \pm d_k` over all choices of signs
is computed exactly, from its characteristic function :math:`\prod_k \cos(d_k\,\theta)`. With one comparison a prompt it
is McNemar's test itself. **Use the one by prompts where there are prompts with several comparisons.** Where responses
are compared without prompts, and each is in several comparisons, there is no such test: p is then of comparisons taken
as independent, and the interval of the difference in accuracy is to be preferred.

Comparisons of weight 0 are left out, and otherwise weights are not looked at: a comparison counts once.

Source: McNemar, Psychometrika 12 (1947); Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs data:
mid-p and asymptotic are better than exact conditional, BMC Medical Research Methodology 13 (2013); signs of whole
clusters: Obuchowski, On the comparison of correlated proportions for clustered data, Statistics in Medicine 17 (1998),
whose statistic is the normal approximation.

>>> first = Predictions.from_pairs([1.0] * 9 + [0.0], [0.0] * 9 + [1.0])
>>> second = Predictions.from_pairs([0.0] * 7 + [1.0] * 3, [1.0] * 7 + [0.0] * 3)
>>> found = mcnemar(first, second)
>>> found.ours, found.theirs, round(found.p, 6), round(found.mid_p, 6)
(7, 1, 0.070312, 0.039062)
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.pairing import pair
from plaudit.predictions import Floats, Integers, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """What the test found.

    Attributes:
        ours: comparisons with more credit for the first model.
        theirs: comparisons with more credit for the second.
        p: exact, two-sided, comparisons taken as independent.
        mid_p: likewise, less half of what is exactly as extreme.
        prompts: prompts with an unequal number on the two sides; None where there are no prompts.
        prompts_p: exact, two-sided, by whole prompts; None where there are no prompts.
        prompts_mid_p: likewise, less half of what is exactly as extreme.
    """

    ours: int
    theirs: int
    p: float
    mid_p: float
    prompts: int | None
    prompts_p: float | None
    prompts_mid_p: float | None

    @property
    def respects(self) -> str:
        """A sentence on what is taken as independent."""
        if self.prompts is None:
            return "comparisons are taken as independent, though each response may be in several; trust the interval"
        return "by prompts: all comparisons of a prompt change sides together"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


def mcnemar(ours: Predictions, theirs: Predictions) -> McNemar:
    """Return McNemar's test of two models on the same comparisons.

    Args:
        ours: predictions of one model.
        theirs: of another, on the same comparisons; in another order if both have ids.

    Raises:
        plaudit.evaluation.pairing.NotPaired: the comparisons are not the same.
    """
    own, other = pair({"the one": ours, "the other": theirs}).models.values()
    counted = own.weight > 0
    signs = np.sign(Accuracy().terms(own) - Accuracy().terms(other))[counted]
    more, less = int((signs > 0).sum()), int((signs < 0).sum())
    exact, mid = sign_test(np.array([1, -1]), np.array([more, less]))
    if own.by_response:
        return McNemar(ours=more, theirs=less, p=exact, mid_p=mid, prompts=None, prompts_p=None, prompts_mid_p=None)
    prompts, place = np.unique(own.comparison_groups[0][counted], return_inverse=True)
    surplus = np.bincount(place, signs, prompts.size).round().astype(np.int64)
    unequal = surplus[surplus != 0]
    whole, half = sign_test(*np.unique(unequal, return_counts=True))
    return McNemar(
        ours=more,
        theirs=less,
        p=exact,
        mid_p=mid,
        prompts=unequal.size,
        prompts_p=whole,
        prompts_mid_p=half,
    )


def sign_test(values: Integers, counts: Integers) -> tuple[float, float]:
    """Return exact and mid p, two-sided, that a sum is off 0 by chance, if each part may as well have its sign turned.

    Args:
        values: int64 [V], the different parts.
        counts: int64 [V], how many there are of each.
    """
    total = abs(int(values @ counts))
    sizes, place = np.unique(np.abs(values), return_inverse=True)
    times = np.bincount(place, counts, sizes.size).astype(np.int64)
    at_least, beyond = _two_tails(sizes[times > 0], times[times > 0], total)
    return min(1.0, at_least), min(1.0, (at_least + beyond) / 2)


def _two_tails(sizes: Integers, times: Integers, total: int) -> tuple[float, float]:
    """Return the probability that the sum of signed sizes is at least ``total`` in magnitude, and that it is beyond."""
    if total == 0:
        return 1.0, 1.0
    if sizes.size == 1:  # a binomial, exact however far out
        parts, surplus = int(times[0]), total // int(sizes[0])
        fewer = (parts - surplus) // 2
        return float(2 * binom.cdf(fewer, parts, 0.5)), float(2 * binom.cdf(fewer - 1, parts, 0.5))
    masses = _distribution(sizes, times)
    middle = masses.size // 2
    beyond = 2 * float(masses[middle + total + 1 :].sum())
    return beyond + 2 * float(masses[middle + total]), beyond


def _distribution(sizes: Integers, times: Integers) -> Floats:
    """Return the probabilities of every sum of signed sizes, from the least to the largest; right to about 1e-15."""
    widest = int(sizes @ times)
    angles = 2 * np.pi * np.arange(2 * widest + 1) / (2 * widest + 1)
    function = np.ones(angles.size)
    for size, count in zip(sizes.tolist(), times.tolist(), strict=True):
        function *= np.cos(size * angles) ** count
    masses = np.fft.fft(function).real / angles.size
    return np.fft.fftshift(np.clip(masses, 0.0, 1.0))
