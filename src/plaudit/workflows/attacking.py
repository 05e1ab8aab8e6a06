"""Attack a saved model: several searches on the same comparisons, each with the whole budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.evaluation.attacks.attack import Effort, Search, attack
from plaudit.evaluation.attacks.attack_table import notes, render_attacks
from plaudit.evaluation.attacks.attacked import Attacked
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.attacks.random_search import RandomSearch
from plaudit.evaluation.finding import Score
from plaudit.evaluation.table import text
from plaudit.models.input_gradients import NoInputGradients
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.gradient_search import GradientSearch
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.data import Data, announce

SEARCHES = ("random", "evolutionary", "gradient")


class UnknownSearch(ValueError):
    """A search that there is not; the message lists those there are."""


@dataclass(frozen=True, slots=True)
class Attacks:
    """What several searches found on one model.

    Attributes:
        artefact: the model.
        attacks: a record a search, in the order asked for.
        refused: searches that are not possible with this model, and why.
    """

    artefact: Path
    attacks: tuple[Attacked, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def best(self) -> Attacked:
        """The one whose suffix gained most on the responses searched on, which are the same for all."""
        return max(self.attacks, key=lambda one: one.best.searched)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "artefact": str(self.artefact),
            "best": self.best.search,
            "attacks": [one.to_json() for one in self.attacks],
            "refused": dict(self.refused),
        }

    def lines(self) -> list[dict[str, Any]]:
        """Return attacked conversations as rows that ``plaudit score`` reads; ``attacked`` is what it should give."""
        return [{"search": one.search, **each.to_json()} for one in self.attacks for each in one.examples]

    def __str__(self) -> str:
        """Return the tables as plain text."""
        return text(render_attacks(self.attacks)) + "\n".join(notes(self.attacks, self.refused))


def attack_model(
    path: Path | str,
    sources: Sequence[str],
    *,
    searches: Sequence[str] = SEARCHES,
    longest: int = 8,
    effort: Effort | None = None,
    data: Data | None = None,
    dtype: str = "float32",
    say: Say = to_stderr,
) -> Attacks:
    """Load the model at ``path`` and attack it with comparisons of ``sources``.

    Args:
        path: an artefact or a sequence-classification checkpoint.
        sources: preference data, as in `Data`.
        searches: names from `SEARCHES`.
        longest: pieces of a suffix; tokens, where gradients guide.
        effort: budget of each search, and how it is judged.
        data: how to read the sources.
        dtype: of computing.
        say: receives what was read.

    Raises:
        UnknownSearch: there is no such search, or none was asked for.
        What `attack_scorer` raises, and what opening the model and reading the data do.
    """
    _require_known(searches)
    settings = data or Data()
    preferences = settings.compared(settings.read(list(sources)))
    announce("attacked", preferences, say)
    scorer = Scorer.load(path, dtype=dtype)
    return attack_scorer(scorer, preferences, searches=searches, longest=longest, effort=effort)


def attack_scorer(
    scorer: Scorer,
    preferences: Preferences,
    *,
    searches: Sequence[str] = SEARCHES,
    longest: int = 8,
    effort: Effort | None = None,
) -> Attacks:
    """Attack an open model; arguments as in `attack_model`.

    Raises:
        UnknownSearch: there is no such search, or none was asked for.
        NoInputGradients: gradients cannot guide an attack on this model, and no other search was asked for.
        NothingToAttack: there are too few comparisons.
        ValueError: the budget is too small, or ``longest`` is below 1.
    """
    _require_known(searches)
    found: list[Attacked] = []
    refused: dict[str, str] = {}
    for name in dict.fromkeys(searches):
        try:
            search = made(name, scorer, longest)
            found.append(attack(preferences, rewards_of(scorer), search, **asdict(effort or Effort())))
        except NoInputGradients as error:
            refused[name] = str(error)
    if not found:
        raise NoInputGradients("; ".join(refused.values()))
    return Attacks(scorer.artefact.folder, tuple(found), refused)


def made(name: str, scorer: Scorer, longest: int) -> Search:
    """Return the search of that name.

    Raises:
        UnknownSearch: there is no such search.
        NoInputGradients: the model does not suit it.
        ValueError: ``longest`` is below 1.
    """
    _require_known([name])
    if name == "gradient":
        return GradientSearch(scorer.artefact.model, scorer.artefact.encoder, tokens=longest)
    return RandomSearch(longest) if name == "random" else Evolutionary(longest)


def rewards_of(scorer: Scorer) -> Score:
    """Return the scorer as probes and attacks want it: NaN for what cannot be scored."""
    return lambda pairs: np.asarray(scorer.rewards(pairs, on_unfit="nan"), dtype=np.float64)


def _require_known(searches: Sequence[str]) -> None:
    unknown = [name for name in searches if name not in SEARCHES]
    if unknown or not searches:
        wrong = f"no search is called {unknown[0]!r}" if unknown else "no search was asked for"
        raise UnknownSearch(f"{wrong}; there are: {', '.join(SEARCHES)}")
