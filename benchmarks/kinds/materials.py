"""What the lines are trained and measured on: the same prompts, or snippets, whatever the form of judgement."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.kinds import truth
from benchmarks.kinds.settings import Size
from plaudit.preferences.confidence import weigh_by_agreement
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.preference import Content, Preference
from plaudit.preferences.ratings import compare_ratings
from plaudit.preferences.reading import read
from plaudit.preferences.split import split

GAP = 0.5
"""Least difference of two mean ratings that counts as a preference; below it they tie."""
EQUAL = 0.01
"""Mean ratings closer than this have one rank in a list."""
BLOCK = 8
"""Snippets that are compared with each other in one record."""

Utilities = Mapping[tuple[Content, Content], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """One set of data.

    Attributes:
        train, stop: the training part, or the part for stopping and fitting scales, in a form of judgement.
        test: the held-out comparisons that every line is measured on; no ties.
        test_ties: the same prompts or snippets, judged with ties.
        stop_pairs, stop_ties: of the stopping part, as those.
        utilities: the truth about (prompt, response), where it is known.
        eta: what a true difference must exceed to be noticed, where that is known.
    """

    train: Callable[[str], Preferences]
    stop: Callable[[str], Preferences]
    test: Preferences
    test_ties: Preferences
    stop_pairs: Preferences
    stop_ties: Preferences
    utilities: Utilities | None = None
    eta: float | None = None


def materials(data: str, size: Size, seed: int) -> Materials:
    """Return the data of that name."""
    return {"synthetic": synthetic, "movie-ratings": movies}[data](size, seed)


def synthetic(size: Size, seed: int) -> Materials:
    """Draw conversations with a known truth, and judges for each part."""
    ends = np.cumsum([size.prompts, size.stop_prompts, size.test_prompts]).tolist()
    drawn = truth.draw(ends[-1], seed)
    train, stop, test = (
        truth.Judges(drawn[first:last], 10 * seed + place)
        for place, (first, last) in enumerate(zip([0, *ends], ends, strict=False))
    )

    def of(judges: truth.Judges) -> Callable[[str], Preferences]:
        return lambda form: _weighed(assign(Preferences.of(judges.preferences(form))), form)

    return Materials(
        train=of(train),
        stop=of(stop),
        test=of(test)("pairs"),
        test_ties=of(test)("ties"),
        stop_pairs=of(stop)("pairs"),
        stop_ties=of(stop)("ties"),
        utilities=_utilities(drawn),
        eta=truth.ETA,
    )


def _utilities(drawn: list[truth.Judged]) -> Utilities:
    return {
        (truth.turns(one.prompt, "user"), truth.turns(text, "assistant")): float(worth)
        for one in drawn
        for text, worth in zip(one.responses, one.utility, strict=True)
    }


def _weighed(preferences: Preferences, form: str) -> Preferences:
    return weigh_by_agreement(preferences) if form == "votes" else preferences


def movies(size: Size, seed: int) -> Materials:
    """Return the movie snippets, dealt out by snippet; comparisons follow from the mean of 15 to 29 people's ratings.

    Raises:
        AssetError: they are not cached and cannot be downloaded.
    """
    whole = assign(read("builtin:movie-ratings"))
    counts = {"train": size.snippets, "stop": size.stop_snippets, "test": size.test_snippets}
    total = min(sum(counts.values()), len(whole))
    chosen = whole.select(np.random.default_rng(seed).permutation(len(whole))[:total])
    parts = split(chosen, {name: count / sum(counts.values()) for name, count in counts.items()}, seed)

    def of(part: Preferences, passes: int) -> Callable[[str], Preferences]:
        return lambda form: _judged(part, form, passes, seed)

    def everything(part: Preferences, *, ties: bool) -> Preferences:
        return assign(compare_ratings(part, gap=GAP, block=None, ties=ties))

    return Materials(
        train=of(parts["train"], size.passes),
        stop=of(parts["stop"], 1),
        test=everything(parts["test"], ties=False),
        test_ties=everything(parts["test"], ties=True),
        stop_pairs=everything(parts["stop"], ties=False),
        stop_ties=everything(parts["stop"], ties=True),
    )


def _judged(part: Preferences, form: str, passes: int, seed: int) -> Preferences:
    """Return blocks of snippets, the same in every form, with comparisons of that form or with ratings alone."""
    ordered = form in ("rankings", "ratings", "attributes")
    ties = ordered or form == "ties"
    gap, strength = EQUAL if ordered else GAP, form == "margins"
    compared = compare_ratings(part, gap=gap, block=BLOCK, seed=seed, passes=passes, strength=strength, ties=ties)
    if form in ("ratings", "attributes"):
        compared = Preferences.of(replace(record, comparisons=()) for record in compared)
    if form == "flipped":
        compared = Preferences.of(_flipped(compared, seed))
    if form == "annotators":
        compared = Preferences.of(_by_annotators(compared, seed))
    return assign(_weighed(compared, form))


def _flipped(preferences: Preferences, seed: int) -> Iterator[Preference]:
    """Yield the records with a tenth of their comparisons the wrong way round."""
    chance = np.random.default_rng((seed, 1))
    for record in preferences:
        turned = chance.random(len(record.comparisons)) < truth.FLIPPED
        edges = tuple(
            replace(edge, chosen=edge.rejected, rejected=edge.chosen) if turn else edge
            for edge, turn in zip(record.comparisons, turned, strict=True)
        )
        yield replace(record, comparisons=edges)


def _by_annotators(preferences: Preferences, seed: int) -> Iterator[Preference]:
    """Yield the records as annotators give them, some of whom guess."""
    chance = np.random.default_rng((seed, 2))
    for record in preferences:
        yield replace(record, comparisons=tuple(truth.said_by(edge, chance) for edge in record.comparisons))
