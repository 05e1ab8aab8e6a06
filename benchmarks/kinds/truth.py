r"""Judgements with a known truth: conversations of a small vocabulary, a utility for each, and judges with noise.

A prompt names one of four subjects among words that say nothing. A response has six telling words, in any order among
zero to six that say nothing, so its length is independent of its utility. All words have five letters. The utility is

.. math:: u = s \cdot \Big(\sum_{w \in \text{style}} \pm 1 + \sum_{w \in \text{subjects}}
    (+1 \text{ if the prompt asks for it, else } -1)\Big),

so half of it depends on the prompt and the response together.

A judge sees :math:`v_i = u_i + g_i` with Gumbel noise, drawn anew for each judgement. One model then gives all forms of
judgement their exact chances, for the noise of a difference is logistic and the order of Gumbel maxima is Luce's:

* forced to choose, the larger :math:`v` wins: Bradley-Terry, :math:`\sigma(u_i - u_j)`;
* allowed to tie, it wins by more than :math:`\eta`: Rao and Kupper's model, with :math:`\theta = e^\eta`;
* asked for an order, the responses are sorted by :math:`v`: Plackett-Luce (equal ranks where two of them fall into the
  same cell of a grid with step :math:`\eta`, shifted at random for each prompt);
* asked how much better, the difference of :math:`v` is graded: under 1, under 2.5, or more;
* asked to rate, :math:`u` plus logistic noise is cut at four thresholds: the proportional-odds model.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from plaudit.preferences.preference import Comparison, Message, Preference, Response

Floats = NDArray[np.float64]

SUBJECTS = {
    "garden": ("roses", "mulch", "bloom"),
    "music": ("chord", "tempo", "choir"),
    "ocean": ("coral", "tides", "wharf"),
    "street": ("metro", "plaza", "tower"),
}
ASKED = {"garden": "plant", "music": "sings", "ocean": "ocean", "street": "urban"}
"""The word in the prompt that names a subject."""
GOOD = ("clear", "sound", "exact", "vivid", "sharp", "solid")
POOR = ("vague", "wrong", "muddy", "stale", "empty", "murky")
PLAIN = ("about", "there", "often", "other", "while", "since", "again", "under", "quite", "still", "maybe", "south")
ASKING = (
    *("write", "speak", "short", "quiet", "north", "house", "green", "table", "later", "three"),
    *("seven", "eight", "light", "paper", "small", "round", "whole", "today", "early", "heavy"),
)
WORDS = (*ASKED.values(), *sum(SUBJECTS.values(), ()), *GOOD, *POOR, *PLAIN, *ASKING)

RESPONSES = 4
TELLING, MOST_PLAIN, ASKING_WORDS = 6, 6, 6
SCALE = 0.7
"""Utility of one telling word."""
ETA = 0.8
"""What a difference must exceed to be noticed, where ties are allowed."""
GRADES = (1.0, 2.5)
"""Differences from which a preference is clear, or strong; strengths are 0, 0.5 and 1."""
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
CUTS = (-2.5, -0.8, 0.8, 2.5)
"""Thresholds between the levels of a rating."""
FLIPPED = 0.1
VOTES = 3
ATTRIBUTES = ("style", "fit")


@dataclass(frozen=True, slots=True)
class Judged:
    """A prompt with its responses and the truth about them.

    Attributes:
        prompt: its text.
        responses: their texts.
        style, fit: float64 [responses], the parts of the utility that the response alone, or with the prompt, decides.
    """

    prompt: str
    responses: tuple[str, ...]
    style: Floats
    fit: Floats

    @property
    def utility(self) -> Floats:
        """The truth, float64 [responses]."""
        return self.style + self.fit


def draw(count: int, seed: int) -> list[Judged]:
    """Return ``count`` prompts, all different, with four responses each."""
    chance = random.Random(seed)
    prompts: dict[str, str] = {}
    while len(prompts) < count:
        subject = chance.choice(tuple(SUBJECTS))
        words = [*chance.sample(ASKING, ASKING_WORDS - 1), ASKED[subject]]
        chance.shuffle(words)
        prompts[_text(words)] = subject
    return [_answered(prompt, subject, chance) for prompt, subject in prompts.items()]


def _answered(prompt: str, subject: str, chance: random.Random) -> Judged:
    texts: dict[str, tuple[float, float]] = {}
    while len(texts) < RESPONSES:
        telling = [chance.choice((*GOOD, *POOR) if chance.random() < 0.5 else _topical(subject, chance))
                   for _ in range(TELLING)]  # fmt: skip
        words = telling + chance.choices(PLAIN, k=chance.randint(0, MOST_PLAIN))
        chance.shuffle(words)
        texts[_text(words)] = _worth(words, subject)
    style, fit = np.array(list(texts.values())).T
    return Judged(prompt, tuple(texts), style, fit)


def _text(words: Sequence[str]) -> str:
    """Return words after a space each, as a byte-level tokenizer knows them within a text."""
    return "".join(" " + word for word in words)


def _topical(subject: str, chance: random.Random) -> tuple[str, ...]:
    """Return the words of the subject asked for, or as often those of another."""
    others = [other for other in SUBJECTS if other != subject]
    return SUBJECTS[subject if chance.random() < 0.5 else chance.choice(others)]


def _worth(words: Sequence[str], subject: str) -> tuple[float, float]:
    style = sum((word in GOOD) - (word in POOR) for word in words)
    fit = sum((word in own) * (1 if name == subject else -1) for word in words for name, own in SUBJECTS.items())
    return SCALE * style, SCALE * fit


Judge = Callable[[Judged, np.random.Generator], list[Comparison]]
Rater = Callable[[Judged, np.random.Generator], list[dict[str, float]]]
"""A rating by name for each response."""


class Judges:
    """Judgements of conversations, drawn from the truth; another seed is other judges.

    Args:
        judged: the conversations.
        seed: of every judgement.
    """

    def __init__(self, judged: Sequence[Judged], seed: int) -> None:
        self.judged, self.seed = judged, seed

    def preferences(self, form: str) -> list[Preference]:
        """Return one record a prompt, with judgements of the given form.

        Raises:
            KeyError: there is no such form.
        """
        judges: Mapping[str, Judge] = {
            "pairs": self._pairs,
            "ties": self._ties,
            "ties dropped": lambda one, chance: [edge for edge in self._ties(one, chance) if not edge.tie],
            "rankings": self._rankings,
            "margins": self._margins,
            "flipped": self._flipped,
            "votes": self._votes,
            "annotators": lambda one, chance: [said_by(edge, chance) for edge in self._pairs(one, chance)],
            "ratings": _uncompared,
            "attributes": _uncompared,
        }
        raters: Mapping[str, Rater] = {"ratings": self._rating, "attributes": self._attributes}
        judge, rate = judges[form], raters.get(form, _unrated)
        chance = np.random.default_rng((self.seed, FORMS.index(form.removesuffix(" dropped"))))
        records = [_record(one, judge(one, chance), rate(one, chance)) for one in self.judged]
        return [record for record in records if record.comparisons or form in raters]

    def _pairs(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        return [_edge(i, j, _seen(one, i, j, chance)) for i, j in PAIRS]

    def _ties(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        return [_edge(i, j, _seen(one, i, j, chance), eta=ETA) for i, j in PAIRS]

    def _flipped(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        signs = np.where(chance.random(len(PAIRS)) < FLIPPED, -1, 1)
        return [_edge(i, j, sign * _seen(one, i, j, chance)) for (i, j), sign in zip(PAIRS, signs, strict=True)]

    def _votes(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        return [_edge(i, j, _seen(one, i, j, chance)) for i, j in PAIRS for _ in range(VOTES)]

    def _margins(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        seen = [(i, j, _seen(one, i, j, chance)) for i, j in PAIRS]
        return [_edge(i, j, lead, strength=float(np.digitize(abs(lead), GRADES)) / 2) for i, j, lead in seen]

    def _rankings(self, one: Judged, chance: np.random.Generator) -> list[Comparison]:
        noticed = one.utility + chance.gumbel(size=len(one.responses))
        cells = np.floor((noticed + chance.uniform(0, ETA)) / ETA)
        return [_edge(i, j, cells[i] - cells[j]) for i, j in combinations(range(len(cells)), 2)]

    def _rating(self, one: Judged, chance: np.random.Generator) -> list[dict[str, float]]:
        seen = one.utility + chance.logistic(size=len(one.responses))
        return [{"rating": LEVELS[level]} for level in np.digitize(seen, CUTS)]

    def _attributes(self, one: Judged, chance: np.random.Generator) -> list[dict[str, float]]:
        parts = np.stack([one.style, one.fit], axis=1)
        seen = parts + chance.logistic(scale=0.5, size=parts.shape)
        return [dict(zip(ATTRIBUTES, row, strict=True)) for row in seen.tolist()]


PAIRS = ((0, 1), (2, 3))
ANNOTATORS, GUESSING = 10, 3
"""Of the form ``annotators``: how many there are, and how many of them guess."""
FORMS = (
    "pairs",
    "ties",
    "ties dropped",
    "rankings",
    "margins",
    "flipped",
    "votes",
    "ratings",
    "attributes",
    "annotators",
)
"""The forms that judgements come in."""


def _uncompared(_one: Judged, _chance: np.random.Generator) -> list[Comparison]:
    return []


def _unrated(one: Judged, _chance: np.random.Generator) -> list[dict[str, float]]:
    return [{} for _ in one.responses]


def turns(text: str, role: str) -> tuple[Message, ...]:
    """Return a text as a conversation of one turn."""
    return (Message(role, text),)


def _seen(one: Judged, first: int, second: int, chance: np.random.Generator) -> float:
    """Return by how much a judge sees the first response above the second: the truth and logistic noise."""
    return float(one.utility[first] - one.utility[second] + chance.logistic())


def said_by(edge: Comparison, chance: np.random.Generator) -> Comparison:
    """Return a comparison as one of ten annotators gives it, of whom three guess."""
    annotator = int(chance.integers(ANNOTATORS))
    turned = chance.random() < 0.5 and annotator < GUESSING
    chosen, rejected = (edge.rejected, edge.chosen) if turned else (edge.chosen, edge.rejected)
    return replace(edge, chosen=chosen, rejected=rejected, annotator=f"annotator {annotator}")


def _edge(first: int, second: int, lead: float, *, eta: float = 0.0, strength: float | None = None) -> Comparison:
    chosen, rejected = (first, second) if lead >= 0 else (second, first)
    return Comparison(chosen=chosen, rejected=rejected, tie=abs(lead) <= eta, strength=strength)


def _record(one: Judged, edges: Sequence[Comparison], ratings: Sequence[Mapping[str, float]]) -> Preference:
    responses = tuple(
        Response(content=turns(text, "assistant"), ratings=own)
        for text, own in zip(one.responses, ratings, strict=True)
    )
    return Preference(prompt=turns(one.prompt, "user"), responses=responses, comparisons=tuple(edges), source="truth")
