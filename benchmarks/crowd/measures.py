"""What rewards of unseen texts are worth: right orders, how sure they may be, and what best-of-4 loses by them."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

from benchmarks.crowd.settings import Settings
from benchmarks.crowd.voting import Crowd, Ints
from benchmarks.rated import Floats, Rated

FIGURES = ("accuracy", "nll", "nll_scaled", "regret")
"""Of which accuracy is better the greater, the others the smaller."""
LARGEST = 5.0
"""Logarithm of the greatest temperature, and minus that of the least."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a crowd's models are asked: pairs with a true order, and sets of four, of held-out texts.

    Attributes:
        fitting, test: int64 [M, 2], pairs whose first text has the higher mean rating, by ``gap`` or more.
        sets: int64 [S, 4].
        means: float64, the mean rating of every text.
    """

    fitting: Ints
    test: Ints
    sets: Ints
    means: Floats

    @classmethod
    def of(cls, texts: Rated, crowd: Crowd, settings: Settings) -> "Asked":
        """Return the questions of a crowd, the same for all arms."""
        rng = np.random.default_rng([crowd.seed, 1])
        fitting, test = (
            _ordered(texts.means, held, count, settings.gap, rng)
            for held, count in ((crowd.fitting, settings.tested // 4), (crowd.test, settings.tested))
        )
        drawn = np.sort(rng.choice(crowd.test, (2 * settings.sets, 4)), axis=1)
        sets = drawn[(np.diff(drawn, axis=1) > 0).all(1)][: settings.sets]
        return cls(fitting, test, sets, texts.means)

    def answered(self, rewards: Floats) -> dict[str, float]:
        """Return the figures of rewards of all texts."""
        margins = rewards[self.test] @ [1.0, -1.0]
        temperature = best_temperature(rewards[self.fitting] @ [1.0, -1.0])
        means = self.means[self.sets]
        chosen = np.take_along_axis(means, rewards[self.sets].argmax(1)[:, None], 1)[:, 0]
        return {
            "accuracy": float((np.sign(margins) / 2 + 0.5).mean()),
            "nll": float(-log_expit(margins).mean()),
            "nll_scaled": float(-log_expit(margins / temperature).mean()),
            "regret": float((means.max(1) - chosen).mean()),
            "temperature": temperature,
        }


def _ordered(means: Floats, held: Ints, count: int, gap: float, rng: np.random.Generator) -> Ints:
    """Return about ``count`` pairs that are ``gap`` apart, the higher first: those of more that are drawn."""
    drawn = rng.choice(held, (4 * count, 2))
    apart = means[drawn[:, 0]] - means[drawn[:, 1]]
    turned = np.where((apart < 0)[:, None], drawn[:, ::-1], drawn)
    return np.asarray(turned[np.abs(apart) >= gap][:count], np.int64)


def best_temperature(margins: Floats) -> float:
    """Return by what to divide margins of true orders so that their NLL is least."""
    found = minimize_scalar(
        lambda log: float(-log_expit(margins / np.exp(log)).mean()), bounds=(-LARGEST, LARGEST), method="bounded"
    )
    return float(np.exp(found.x))
