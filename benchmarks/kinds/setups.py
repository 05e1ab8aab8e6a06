"""How each kind is trained for the table: on which form of judgement, with which objective and settings.

Every member of the open sets is in the table, listed here or not: one without a setup of its own is tried with its
defaults, on the first form of judgement in which it finds what it learns from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.kinds.settings import DATA
from benchmarks.kinds.truth import ATTRIBUTES
from plaudit import members

BASELINES = ("truth", "chance", "longer_wins")
"""Scorers that learn nothing; the truth is known of the synthetic data alone."""
TRIED_FORMS = ("pairs", "rankings", "ratings")
TRIED_BACKBONES = ("causal", "encoder")
BRADLEY_TERRY = {"name": "bradley_terry"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a kind is trained.

    Attributes:
        forms: of judgement, the first that the objective can learn from is taken.
        objective: the table ``objective`` of a configuration.
        architecture: a kind of reward model.
        settings: the architecture's own.
        backbones: for the synthetic data, the first on which the architecture can be built is taken.
    """

    forms: tuple[str, ...] = ("pairs",)
    objective: Mapping[str, Any] = field(default_factory=lambda: dict(BRADLEY_TERRY))
    architecture: str = "scalar"
    settings: Mapping[str, Any] = field(default_factory=dict)
    backbones: tuple[str, ...] = ("causal",)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "forms": list(self.forms),
            "objective": dict(self.objective),
            "architecture": self.architecture,
            "settings": dict(self.settings),
            "backbones": list(self.backbones),
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        set: ``objectives``, ``architectures`` or ``baselines``.
        kind: a member of it.
        data: a name of `DATA`.
        seed: of data, weights and order.
        variant: what is different from the kind's own setup; a line for comparison with others.
    """

    set: str
    kind: str
    data: str
    seed: int
    variant: str = ""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return f"{self.kind}, {self.variant}" if self.variant else self.kind

    @property
    def id(self) -> str:
        """What it is called in messages and files."""
        return f"{self.set}/{self.name}/{self.data}/{self.seed}"

    def wanted(self, only: tuple[str, ...]) -> bool:
        """Return whether a term of ``only`` names this line; all lines are wanted where there are no terms."""
        labels = {self.set, self.kind, self.data, self.variant}
        return not only or any(set(term.split("/")) <= labels for term in only)


OBJECTIVES: Mapping[str, Setup] = {
    "adaptive_margin": Setup(forms=("margins",), objective={"name": "adaptive_margin"}),
    "adjacent_ranking": Setup(forms=("rankings",), objective={"name": "adjacent_ranking"}),
    "all_pairs": Setup(forms=("rankings",), objective={"name": "all_pairs"}),
    "bradley_terry": Setup(),
    "contrastive": Setup(forms=("rankings",), objective={"name": "contrastive"}),
    "crowd_bt": Setup(forms=("annotators",), objective={"name": "crowd_bt"}),
    "davidson": Setup(forms=("ties",), objective={"name": "davidson"}),
    "disentangled": Setup(objective={"name": "disentangled"}, architecture="odin"),
    "focal": Setup(objective={"name": "focal"}),
    "hinge": Setup(objective={"name": "hinge"}),
    "ordinal": Setup(forms=("ratings",), objective={"name": "ordinal"}),
    "plackett_luce": Setup(forms=("rankings",), objective={"name": "plackett_luce"}),
    "rao_kupper": Setup(forms=("ties",), objective={"name": "rao_kupper"}),
    "robust": Setup(forms=("flipped",), objective={"name": "robust", "flip_rate": "learn"}),
    "squared_error": Setup(forms=("ratings",), objective={"name": "squared_error"}),
    "thurstone": Setup(objective={"name": "thurstone"}),
    "triplet": Setup(forms=("rankings",), objective={"name": "triplet"}),
}
DROPPED = "ties dropped"
"""The variant of ``bradley_terry`` that tie-aware objectives are compared with."""
VARIANTS: Mapping[str, Mapping[str, Setup]] = {
    "bradley_terry": {
        DROPPED: Setup(forms=("ties dropped",)),
        "ties half each way": Setup(forms=("ties",)),
        "on rankings": Setup(forms=("rankings",)),
        "10 % flipped": Setup(forms=("flipped",)),
        "weighed by agreement": Setup(forms=("votes",)),
        "3 of 10 guess": Setup(forms=("annotators",)),
    }
}
"""Lines for comparison: the plain objective on the data that others were made for."""
ARCHITECTURES: Mapping[str, Setup] = {
    "attributes": Setup(
        forms=("attributes",),
        architecture="attributes",
        objective={"name": "squared_error", "attributes": list(ATTRIBUTES)},
        settings={"names": list(ATTRIBUTES)},
    ),
    "cross_attention": Setup(architecture="cross_attention", backbones=("encoder",)),
    "embedding_mlp": Setup(architecture="embedding_mlp"),
    "ensemble": Setup(architecture="ensemble"),
    "gaussian": Setup(architecture="gaussian", objective={"name": "thurstone"}),
    "hierarchical": Setup(architecture="hierarchical"),
    "laplace": Setup(architecture="laplace"),
    "odin": Setup(architecture="odin", objective={"name": "disentangled"}),
    "scalar": Setup(),
    "two_tower": Setup(architecture="two_tower", backbones=("encoder",)),
}
ON_MOVIES: Mapping[str, Mapping[str, Any]] = {
    "adaptive_margin": {"scale": 0.5},
    "ordinal": {"levels": [-4, -3, -2, -1, 0, 1, 2, 3, 4]},
}
"""Settings of objectives that follow from the scale of the movie ratings, -4 to 4."""
ON_SYNTHETIC: Mapping[str, Mapping[str, Any]] = {"squared_error": {"centre": 3.0}}
"""The same for the synthetic ratings, 1 to 5."""
ON_THE_SCALE = (("ratings",), ("margins",))
"""The forms whose numbers are of that scale."""
ONE_RATING = "rating"


def setup_of(line: Line) -> Setup:
    """Return how the kind of ``line`` is trained on its data."""
    listed = OBJECTIVES if line.set == "objectives" else ARCHITECTURES
    if line.variant:
        found = VARIANTS[line.kind][line.variant]
    else:
        found = listed[line.kind] if line.kind in listed else _untold(line)
    own = {"synthetic": ON_SYNTHETIC, "movie-ratings": ON_MOVIES}[line.data]
    objective, settings = dict(found.objective), dict(found.settings)
    if line.data == "movie-ratings" and found.architecture == "attributes":
        objective["attributes"] = settings["names"] = [ONE_RATING]
    if found.forms in ON_THE_SCALE:
        objective |= own.get(str(objective["name"]), {})
    return replace(found, objective=objective, settings=settings)


def _untold(line: Line) -> Setup:
    """Return what is tried with a kind that nothing is said about here."""
    if line.set == "objectives":
        return Setup(forms=TRIED_FORMS, objective={"name": line.kind})
    return Setup(architecture=line.kind, backbones=TRIED_BACKBONES)


def lines(seeds: tuple[int, ...]) -> Iterator[Line]:
    """Yield every line of the whole table, baselines first, members of the open sets as they are found."""
    for seed in seeds:
        for data in DATA:
            yield from (Line("baselines", kind, data, seed) for kind in BASELINES if (kind, data) != _UNKNOWN)
            for kind in members.names("objectives"):
                yield Line("objectives", kind, data, seed)
                yield from (Line("objectives", kind, data, seed, variant) for variant in VARIANTS.get(kind, {}))
            yield from (Line("architectures", kind, data, seed) for kind in members.names("architectures"))


_UNKNOWN = ("truth", "movie-ratings")
