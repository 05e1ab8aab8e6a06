"""Pieces: what suffixes are made of, our own words, phrases and marks, and those of the data that is attacked."""

import numpy as np

from plaudit.evaluation.attacks.suffixes import OWN, as_text, closings_of, words_of
from plaudit.evaluation.attacks.trials import Trials

Pieces = tuple[str, ...]
Suffix = tuple[str, ...]
"""Some pieces in their order."""

WORDS = 60
"""Words that are taken from the data."""


def pieces_for(trials: Trials) -> Pieces:
    """Return our pieces, the commonest words of the responses searched on, and how the best rewarded of them end."""
    chosen = [as_text(target.chosen) for target in trials.targets]
    rejected = [as_text(target.rejected) for target in trials.targets]
    texts, rewards = chosen + rejected, np.concatenate([trials.chosen, trials.before])
    best = [texts[place] for place in np.argsort(-rewards, kind="stable")[: len(chosen)]]
    return tuple(dict.fromkeys((*OWN, *words_of(texts, WORDS), *closings_of(best))))
