"""How many labels contradict what all others teach?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, Floats, Integers, quoted
from plaudit.doctor.finding import SHOWN, Finding, Outcome, Place
from plaudit.doctor.learned import Unseen, by_words, too_few
from plaudit.doctor.rates import surely_above, told
from plaudit.evaluation.intervals import Estimate

TEACHABLE = 0.6
"""Accuracy that the whole interval must exceed for the estimate to mean anything."""
TOLERATED, WORRYING = 0.03, 0.15
"""Shares of noise that the whole interval must exceed for a note, and for a warning."""

LEARNED = "A model that learned from these very labels sides with the wrong ones too, and finds fewer of them."


class LabelNoise:
    r"""Confident learning for comparisons: which labels a model that has not seen them confidently turns round.

    With :math:`p_i` the cross-validated probability of verdict :math:`i`, a verdict is confidently right where
    :math:`p_i \ge t` and confidently wrong where :math:`1 - p_i \ge t`, with :math:`t` the mean probability of the
    verdicts that are more probable than not. The share of the confidently wrong among both is the estimate. Hard
    comparisons look like wrong ones to features that cannot tell them, so it is rather too high than too low.

    Source: Northcutt, Jiang and Chuang, Confident Learning (2021), section 3, for a class and its mirror image.
    """

    title: ClassVar[str] = "label noise"
    codes: ClassVar[tuple[str, ...]] = ("label_noise",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the estimate where features tell enough."""
        if reason := too_few(examined):
            return Outcome(reason=reason)
        unseen = by_words(examined, rewarded=examined.score is not None)
        if not surely_above(unseen.accuracy, TEACHABLE):
            return Outcome(
                reason=f"{_basis(examined)} are right in {told(unseen.accuracy)} of unseen comparisons: too little to "
                f"tell a wrong label from a hard one (all of the interval must lie above {TEACHABLE:.0%})"
            )
        confident = _confident(unseen.probability)
        places, edges = unseen.positions[confident], examined.edges
        noise = examined.rate(unseen.probability[confident] < 0.5, edges.group[places], edges.weight[places])
        measured = f"{told(noise)} of the labels that {_basis(examined)} tell clearly say the opposite"
        if not surely_above(noise, TOLERATED):
            return Outcome(measured=measured)
        return Outcome(findings=(_finding(examined, unseen, noise),), measured=measured)


def _basis(examined: Examined) -> str:
    """Return what the labels are told by."""
    return "words and surface" if examined.score is None else "words, surface and the model's rewards"


def _confident(probability: Floats) -> Integers:
    """Return the comparisons whose verdict is clearly right or clearly wrong."""
    level = float(probability[probability > 0.5].mean())
    return np.flatnonzero((probability >= level) | (1 - probability >= level))


def _finding(examined: Examined, unseen: Unseen, noise: Estimate) -> Finding:
    return Finding(
        code="label_noise",
        severity="warning" if surely_above(noise, WORRYING) else "note",
        sentence=(
            f"Of the labels that {_basis(examined)} tell clearly, {told(noise)} say the opposite (these features are "
            f"right in {told(unseen.accuracy)} of unseen comparisons); about so many are wrong, or hard."
        ),
        advice="Have the rows below judged again. Robust objectives and --set data.confidence=agreement allow for it."
        + (f" {LEARNED}" if examined.score is not None else ""),
        count=int((unseen.probability < 0.5).sum()),
        places=_worst(examined, unseen),
        numbers={"noise": noise, "accuracy": unseen.accuracy},
    )


def _worst(examined: Examined, unseen: Unseen) -> tuple[Place, ...]:
    """Return the records of the least probable labels, each once."""
    seen: dict[int, str] = {}
    for at in np.argsort(unseen.probability, kind="stable").tolist():
        probability, position = unseen.probability[at], unseen.positions[at]
        if probability >= 0.5 or len(seen) == SHOWN:
            break
        text = quoted(examined.texts[examined.edges.chosen[position]])
        seen.setdefault(int(examined.edges.record[position]), f"probability {probability:.2f} that {text} wins")
    return examined.places(list(seen), list(seen.values()))
