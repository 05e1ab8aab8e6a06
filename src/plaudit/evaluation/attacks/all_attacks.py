"""Several searches on one model and the same comparisons, each with the whole budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from plaudit.evaluation.attacks.attack import Effort, Search, attack
from plaudit.evaluation.attacks.attack_table import notes, render_attacks
from plaudit.evaluation.attacks.attacked import Attacked
from plaudit.evaluation.finding import Score
from plaudit.evaluation.table import text
from plaudit.preferences.preference import Preference


@dataclass(frozen=True, slots=True)
class Searches:
    """Ways to look for suffixes on one model.

    Attributes:
        possible: those that can be tried.
        refused: names of those that cannot, and why.
    """

    possible: tuple[Search, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attacks:
    """What several searches found on one model.

    Attributes:
        model: its name.
        attacks: a record a search, in the order asked for.
        refused: searches that are not possible with this model, and why.
    """

    model: str
    attacks: tuple[Attacked, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def best(self) -> Attacked:
        """The one whose suffix gained most on the responses searched on, which are the same for all."""
        return max(self.attacks, key=lambda one: one.best.searched)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "model": self.model,
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


def attack_by_all(
    model: str, preferences: Sequence[Preference], score: Score, searches: Searches, effort: Effort
) -> Attacks:
    """Return what each of the searches finds; arguments and errors as in `attack`, for the model of that name."""
    made = tuple(attack(preferences, score, search, **asdict(effort)) for search in searches.possible)
    return Attacks(model, made, searches.refused)
