"""The data of a run: sources read, grouped, split and, where people only rated, turned into comparisons."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plaudit.preferences.balance import balance_by_length
from plaudit.preferences.confidence import weigh_by_agreement
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.leaks import find_leak
from plaudit.preferences.negatives import add_negatives
from plaudit.preferences.ratings import compare_ratings
from plaudit.preferences.reading import read_many
from plaudit.preferences.split import split
from plaudit.workflows.announcing import Say, to_stderr

PARTS = ("train", "validation", "test")


class LeakedGroups(UserWarning):
    """What a model is measured or chosen on is in what it learns from."""


class BadData(ValueError):
    """The data cannot be used as configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where preferences come from and how they are divided.

    Attributes:
        train: sources to learn from: files, folders, ``builtin:`` names, hub data sets.
        weights: how much a comparison of each training source counts; all 1 if empty.
        validation: sources for stopping and choosing; if empty, a share of the training groups is held out.
        test: sources to measure on; if empty, a share of the training groups is held out.
        validation_share: share of the groups held out for validation; 0 validates nothing, so the last step is kept.
        test_share: share of the groups held out for the test; 0 needs ``test``.
        format: name of the format; told from the columns if empty.
        on_bad_row: ``error``, or ``drop`` and count.
        on_unfit: what becomes of a response too long for ``max_length``: ``error``, or ``drop`` and count.
        attribute: the rating that comparisons are made from, where records have ratings and no comparisons.
        gap: least difference of two ratings that makes a comparison, in the ratings' units.
        ties: make a tie of two ratings that are closer than that.
        compare: make such comparisons in the training part too; false leaves its ratings as they are, for objectives
            that learn from ratings.
        block: responses without a prompt that are compared with each other in one record.
        passes: how often such responses are dealt into blocks.
        confidence: ``agreement`` weighs the comparisons of the training part by how far people agree on them (several
            votes on the same two responses, or ratings that list their votes), the sum of weights kept; ``none`` does
            not.
        balance: ``length`` weighs the comparisons of the training part until the longer of two responses wins half of
            the weight, whatever the difference in length, see `plaudit.preferences.balance`; ``none`` does not. It
            comes last: over confidence, sources' weights and added negatives.
        cross_prompt_negatives: responses to other prompts that each training record gets as losers.
        on_leak: what becomes of groups (prompts, near-duplicates, responses without a prompt) that a validation or test
            source shares with the training data: ``warn``, ``drop`` them from what is learned from, or ``error``.
        limit: use only the first so many records of the training sources; 0 uses all.
        seed: of the split and of the blocks.
    """

    train: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    validation_share: float = 0.1
    test_share: float = 0.1
    format: str = ""
    on_bad_row: Literal["error", "drop"] = "error"
    on_unfit: Literal["error", "drop"] = "error"
    attribute: str = "rating"
    gap: float = 0.5
    ties: bool = False
    compare: bool = True
    block: int = 8
    passes: int = 1
    confidence: Literal["none", "agreement"] = "none"
    balance: Literal["none", "length"] = "none"
    cross_prompt_negatives: int = 0
    on_leak: Literal["warn", "drop", "error"] = "warn"
    limit: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.train):
            raise ValueError(f"weights has {len(self.weights)} numbers for {len(self.train)} training sources")
        if self.on_leak not in ("warn", "drop", "error"):
            raise ValueError(f"on_leak must be 'warn', 'drop' or 'error', not {self.on_leak!r}")
        if self.balance not in ("none", "length"):
            raise ValueError(f"balance must be 'none' or 'length', not {self.balance!r}")
        for name in ("limit", "cross_prompt_negatives"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("validation_share", "test_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to less than 1, not {getattr(self, name)}")

    def read(self, sources: list[str], weights: list[float] | None = None) -> Preferences:
        """Return the grouped preferences of ``sources``."""
        if not sources:
            raise BadData("no source was given; name files, builtin:movie-ratings or a hub data set in data.train")
        weighted = list(zip(sources, weights or [1.0] * len(sources), strict=True))
        return assign(read_many(weighted, self.format or None, self.on_bad_row))

    def read_pool(self, sources: list[str]) -> Preferences:
        """Return the grouped records of ``sources``, labels or none: what could be compared next.

        Flaws of labels (a response preferred to its equal, a cyclic ranking) and empty responses are no reason here to
        refuse a record.
        """
        weighted = [(source, 1.0) for source in sources]
        return assign(read_many(weighted, self.format or None, self.on_bad_row, on_flaw="keep", unjudged=True))

    def compared(self, preferences: Preferences, *, all_pairs: bool = False) -> Preferences:
        """Return ``preferences`` as they are if they hold comparisons, else compared by their ratings.

        Args:
            preferences: grouped records.
            all_pairs: compare every two responses without a prompt, not only those of a block (for measuring).
        """
        if any(figures.comparisons for figures in preferences.sources.values()):
            return preferences
        block = None if all_pairs else self.block
        passes = 1 if all_pairs else self.passes
        how = (self.attribute, self.gap, block, self.seed, passes)
        compared = assign(compare_ratings(preferences, *how, ties=self.ties))
        compared.drops.update(preferences.drops)
        return compared


def prepare(data: Data, say: Say = to_stderr) -> dict[str, Preferences]:
    """Return the parts ``train``, ``validation`` (unless its share is 0) and ``test``, no group in two of them.

    Sources of their own for validation and test are taken as they are; what they share with the training data, or the
    test with the validation, is treated as ``on_leak`` says. Dropped is always what is learned from or chosen by.

    Args:
        data: where they come from.
        say: is told how many negatives were added to the training part, and what balancing made of it.

    Raises:
        ValueError: negatives cannot be added as asked for (see `plaudit.preferences.negatives.add_negatives`).
        Unbalanceable: the training part cannot be balanced by length.
        BadData: there is nothing to learn from or to measure on, or parts share groups and that is an error.
    """
    if not data.test and not data.test_share:
        raise BadData("nothing to measure on: test_share is 0 and data.test names no source; give one of them")
    read = data.read(data.train, data.weights or None)
    parts = divided(read.select(range(min(data.limit, len(read)))) if data.limit else read, data)
    if parts["train"] is not read:
        parts["train"].drops.update(read.drops)
    parts |= {name: data.read(sources) for name, sources in _given(data).items()}
    for kept, held in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if kept in parts and held in parts and {kept, held} & set(_given(data)):
            parts[kept] = _apart(parts[kept], parts[held], kept, held, data.on_leak)
    as_it_is = () if data.compare else ("train",)
    compared = {
        name: parts[name] if name in as_it_is else data.compared(parts[name], all_pairs=name != "train")
        for name in PARTS
        if name in parts
    }
    if data.confidence == "agreement":
        compared["train"] = weigh_by_agreement(compared["train"])
    if data.cross_prompt_negatives:
        compared["train"] = with_negatives(compared["train"], data, say)
    if data.balance == "length":
        compared["train"], balanced = balance_by_length(compared["train"])
        say(f"train: {balanced.sentence}")
    return compared


def with_negatives(train: Preferences, data: Data, say: Say) -> Preferences:
    """Return the training part with responses to other prompts as losers, and say how many there are."""
    made = add_negatives(train, data.cross_prompt_negatives, data.seed)
    say(f"train: {made.added:,} responses to other prompts added as losers; {made.without:,} records got none")
    return made.preferences


def _apart(part: Preferences, held: Preferences, name: str, other: str, on_leak: str) -> Preferences:
    """Return ``part``, on request without what it shares with ``held``; say what that is."""
    leak = find_leak(part, held)
    if not leak.groups:
        return part
    records = f"{leak.records:,} records there, such as {leak.example}"
    shared = f"{leak.groups:,} groups of {other} are in {name} too ({records})"
    if on_leak == "error":
        raise BadData(f"{shared}; remove them from one of the two, or set data.on_leak to 'drop' or 'warn'")
    if on_leak == "warn":
        text = f"{shared}: figures of {other} will flatter the model; data.on_leak = 'drop' takes them out of {name}"
        warnings.warn(text, LeakedGroups, stacklevel=3)
        return part
    left = leak.removed(part)
    if not len(left):
        raise BadData(f"{shared}, and nothing is left of {name} without them")
    left.drops[f"records with groups of {other}"] += leak.records
    return left


def divided(whole: Preferences, data: Data) -> dict[str, Preferences]:
    """Split the training sources as far as validation and test have none of their own."""
    wanted = [name for name in ("validation", "test") if name not in _given(data)]
    held = {name: share for name in wanted if (share := getattr(data, f"{name}_share"))}
    if not held:
        return {"train": whole}
    return split(whole, {"train": 1 - sum(held.values()), **held}, data.seed)


def announce(name: str, part: Preferences, say: Say) -> None:
    """Say what a part holds by source, and what was dropped on the way, by reason."""
    for source, figures in part.sources.items():
        say(f"{name}: {source}: {figures.records:,} records, {figures.comparisons:,} comparisons")
    for reason, count in part.drops.items():
        say(f"{name}: {count:,} dropped: {reason}")


def _given(data: Data) -> Mapping[str, list[str]]:
    return {name: getattr(data, name) for name in ("validation", "test") if getattr(data, name)}
