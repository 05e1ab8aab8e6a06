"""Which languages are there, and does a response keep to its prompt's?"""

from collections import Counter
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.languages import language
from plaudit.doctor.rates import told

PRESENT = 0.01
"""Share of the responses whose language is known from which on a language counts."""
TOLERATED, WORRYING = 0.01, 0.05
"""Shares of responses in another language than their prompt for a note, and for a warning."""


class Languages:
    """Languages by script and common words: how many there are, and responses that leave their prompt's."""

    title: ClassVar[str] = "languages"
    codes: ClassVar[tuple[str, ...]] = ("several_languages", "language_switch")

    def __call__(self, examined: Examined) -> Outcome:
        """Return the languages where there are several, and responses in another one than their prompt."""
        asked = [language(prompt) for prompt in examined.prompts]
        answered = np.array([language(text) for text in examined.texts], object)
        known = Counter(name for name in answered if name)
        if not known:
            return Outcome(reason="no response is long enough to tell its language")
        present = {name: count for name, count in known.most_common() if count >= PRESENT * known.total()}
        unknown = int((answered == "").sum())
        told_of = ", ".join(f"{name} {count / known.total():.1%}" for name, count in present.items())
        rows = tuple((name, count, f"{count / known.total():.1%}") for name, count in known.most_common(20))
        listing = Listing("Languages of the responses", ("language", "responses", "share"), rows)
        findings = [*_several(examined, answered, present, listing), *_switched(examined, asked, answered)]
        measured = f"{told_of} ({unknown:,} responses too short to tell)"
        return Outcome(findings=tuple(findings), measured=measured, listings=() if len(present) > 1 else (listing,))


def _several(examined: Examined, answered: np.ndarray, present: dict[str, int], listing: Listing) -> list[Finding]:
    if len(present) < 2:
        return []
    leading, *others = present
    other = np.unique(examined.owner[np.isin(answered, others)])
    shares = ", ".join(f"{name} {count:,}" for name, count in present.items())
    return [
        Finding(
            code="several_languages",
            severity="note",
            sentence=f"The responses are in {len(present)} languages: {shares}.",
            advice=f"Look at every figure by language; one over all of them is mostly one of {leading}.",
            count=other.size,
            places=examined.places(other),
            numbers=dict(present),
            listings=(listing,),
        )
    ]


def _switched(examined: Examined, asked: list[str], answered: np.ndarray) -> list[Finding]:
    of_prompt = np.array(asked, object)[examined.owner]
    known = np.flatnonzero((of_prompt != "") & (answered != ""))
    if not known.size:
        return []
    other = known[of_prompt[known] != answered[known]]
    share = examined.rate(of_prompt[known] != answered[known], examined.preferences.groups[examined.owner[known]])
    if share.value < TOLERATED:
        return []
    records, first = np.unique(examined.owner[other], return_index=True)
    return [
        Finding(
            code="language_switch",
            severity="warning" if share.value > WORRYING else "note",
            sentence=f"{other.size:,} responses, {told(share)}, are in another language than their prompt.",
            advice="Right where a translation was asked for; else a model learns to change the language.",
            count=other.size,
            places=examined.places(records, [f"{of_prompt[at]} to {answered[at]}" for at in other[first]]),
            numbers={"responses": share},
        )
    ]
