"""Attack a saved model: several searches on the same comparisons, each with the whole budget."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plaudit.evaluation.attacks.all_attacks import Attacks, Searches, attack_by_all
from plaudit.evaluation.attacks.attack import Effort, Search
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.attacks.random_search import RandomSearch
from plaudit.evaluation.finding import Score
from plaudit.models.input_gradients import NoInputGradients
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.gradient_search import GradientSearch
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.data import Data, announce

SEARCHES = ("random", "evolutionary", "gradient")


class UnknownSearch(ValueError):
    """A search that there is not; the message lists those there are."""


def attack_model(
    path: Path | str,
    sources: Sequence[str],
    *,
    searches: Sequence[str] = SEARCHES,
    longest: int = 8,
    effort: Effort | None = None,
    data: Data | None = None,
    dtype: str = "float32",
    template: str | None = None,
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
        template: text form of a checkpoint without a contract.
        say: receives what was read.

    Raises:
        UnknownSearch: there is no such search, or none was asked for.
        What `attack_scorer` raises, and what opening the model and reading the data do.
    """
    _require_known(searches)
    settings = data or Data()
    preferences = settings.compared(settings.read(list(sources)))
    announce("attacked", preferences, say)
    scorer = Scorer.load(path, dtype=dtype, template=template)
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
    offered = searches_on(scorer, searches, longest)
    if not offered.possible:
        raise NoInputGradients("; ".join(offered.refused.values()))
    return attack_by_all(str(scorer.artefact.folder), preferences, rewards_of(scorer), offered, effort or Effort())


def searches_on(scorer: Scorer, names: Sequence[str], longest: int) -> Searches:
    """Return the searches of these names, with the reason for each that the model does not allow.

    Raises:
        UnknownSearch: there is no such search, or none was asked for.
        ValueError: ``longest`` is below 1.
    """
    _require_known(names)
    possible: list[Search] = []
    refused: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            possible.append(_made(name, scorer, longest))
        except NoInputGradients as error:
            refused[name] = str(error)
    return Searches(tuple(possible), refused)


def _made(name: str, scorer: Scorer, longest: int) -> Search:
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
