"""Which comparisons to label next: a model's view of unlabelled pairs, a selector, and a queue for annotation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from plaudit import config, members
from plaudit.labels.batches import RANDOM, SHARE, Batch, draw
from plaudit.labels.candidates import Candidate, Candidates, Which, candidates
from plaudit.labels.pool import BadPool, Floats, Ints, Pool
from plaudit.labels.selection import Select, needs_of
from plaudit.models.headed import Headed
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Content, Preference, characters
from plaudit.preferences.saving import save
from plaudit.scoring.scorer import Scorer

FORMAT = "rankings"
"""The format of the queue: it has a place for responses that nobody has compared yet."""
PRIORITY, ARM = "priority", "arm"
"""Fields of a record of the queue: a number, greater comes earlier; and how it was chosen, by chance or not."""
DRAWS = 64
"""Draws of the last layer's weights, for a model with a covariance."""
REFUSED = "cannot be scored"
SHOWN = 5


class NothingToGoBy(ValueError):
    """The model has not what the selector goes by; the message says what has, and what would fit this model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be selected.

    Attributes:
        count: comparisons, 1 or more.
        strategy: a selector's name, or ``package.module:Class``.
        settings: the selector's own.
        random_share: share of the batch that is drawn at random.
        which: pairs that are candidates, see `plaudit.labels.candidates.candidates`.
        limit: candidates looked at, drawn at random where there are more; 0 looks at all.
        block: responses without a prompt that are paired with each other.
        seed: of all that is drawn.
    """

    count: int
    strategy: str = "d_optimal"
    settings: Mapping[str, Any] = field(default_factory=dict)
    random_share: float = SHARE
    which: Which = "auto"
    limit: int = 20_000
    block: int = 8
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Selected:
    """Comparisons to label.

    Attributes:
        asked: what was asked for.
        chosen: the candidates, the first first.
        batch: their places and arms.
        pool: what the model says of all candidates.
        left_out: pairs that were no candidates, by reason.
    """

    asked: Asked
    chosen: tuple[Candidate, ...]
    batch: Batch
    pool: Pool
    left_out: Counter[str]

    def records(self) -> list[Preference]:
        """Return a record without comparisons for each, the first first, with what `PRIORITY` and `ARM` name."""
        return [
            Preference(
                prompt=one.prompt,
                responses=one.sides,
                id=one.id,
                source=one.source,
                extra={PRIORITY: len(self.chosen) - number, ARM: str(arm), "strategy": self.asked.strategy},
            )
            for number, (one, arm) in enumerate(zip(self.chosen, self.batch.arms, strict=True))
        ]

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the records as JSON lines that `plaudit.preferences.reading.read` and the annotation page take.

        Raises:
            Unsaved: the file is there, and ``overwrite`` is not set; or its name does not end in .jsonl or .jsonl.gz.
        """
        save(self.records(), path, FORMAT, overwrite=overwrite)

    def confidence(self) -> dict[str, float]:
        """Return the median probability of the likelier response, of each arm and of the whole pool."""
        sure = expit(np.abs(self.pool.margins))
        arms = {str(arm): sure[self.batch.of(arm)] for arm in dict.fromkeys(self.batch.arms)}
        return {name: float(np.median(own)) for name, own in {**arms, "pool": sure}.items()}

    def to_json(self) -> dict[str, Any]:
        """Return what was chosen, as plain data."""
        chosen = [
            {"id": one.id, "arm": str(arm), "margin": float(self.pool.margins[place])}
            for one, arm, place in zip(self.chosen, self.batch.arms, self.batch.places, strict=True)
        ]
        return {
            "strategy": self.asked.strategy,
            "count": len(self.chosen),
            "pool": len(self.pool),
            "arms": dict(Counter(str(arm) for arm in self.batch.arms)),
            "likelier_wins": self.confidence(),
            "prompts": len({one.group for one in self.chosen}),
            "left_out": dict(self.left_out),
            "chosen": chosen,
        }

    def lines(self) -> list[str]:
        """Return what was chosen, as text."""
        by_chance = int((self.batch.arms == RANDOM).sum())
        sure = ", ".join(f"{value:.2f} {_of(name)}" for name, value in self.confidence().items())
        arms = f"{len(self.chosen) - by_chance:,} by {self.asked.strategy}, {by_chance:,} at random"
        prompts = len({one.group for one in self.chosen})
        return [
            f"{len(self.chosen):,} of {len(self.pool):,} comparisons: {arms}; of {prompts:,} prompts",
            f"probability of the likelier response, median: {sure}",
            *(f"{count:,} pairs left out: {reason}" for reason, count in self.left_out.items()),
            *(_shown(number, one, str(arm)) for number, (one, arm) in self._first()),
        ]

    def _first(self) -> list[tuple[int, tuple[Candidate, Any]]]:
        return list(enumerate(zip(self.chosen[:SHOWN], self.batch.arms[:SHOWN], strict=True), 1))


def select(scorer: Scorer, preferences: Preferences, asked: Asked, labelled: Iterable[Preference] = ()) -> Selected:
    """Choose comparisons of ``preferences`` to label.

    Args:
        scorer: the model that has learned from what was labelled so far.
        preferences: grouped records; their labels are not looked at.
        asked: how many, by what.
        labelled: records whose compared pairs are left out.

    Raises:
        NothingToGoBy: the selector asks for what this model has not.
        BadPool: there are fewer candidates than that.
        BadConfiguration: the selector is unknown, or a setting of it is wrong.
    """
    selector = config.build_kind("selectors", {"name": asked.strategy, **asked.settings}, "selector")
    _require(scorer.artefact.model, asked.strategy)
    found = candidates(
        preferences, which=asked.which, labelled=labelled, limit=asked.limit, seed=asked.seed, block=asked.block
    )
    pool, kept = viewed(scorer, found, selector, seed=asked.seed)
    left_out = found.left_out + Counter({REFUSED: len(found.found) - len(kept)})
    batch = draw(selector, pool, asked.count, random_share=asked.random_share, seed=asked.seed)
    return Selected(asked, tuple(kept[place] for place in batch.places), batch, pool, left_out)


def viewed(scorer: Scorer, found: Candidates, selector: Select, *, seed: int = 0) -> tuple[Pool, list[Candidate]]:
    """Return what the model says of the candidates that it can score, and these.

    Margins are the model's own, without calibration. Members are those of an ensemble; of a model with a covariance
    (``laplace``) they are draws of its last layer, and its features are scaled so that the identity is what it knows.
    """
    model = scorer.artefact.model
    texts = list(dict.fromkeys((one.prompt, side.content) for one in found.found for side in one.sides))
    scores = scorer.score(texts, on_unfit="nan", deviations=bool(model.directions))
    scored = [score for score in scores if not score.refused]
    fitting = [text for text, score in zip(texts, scores, strict=True) if not score.refused]
    places = {text: number for number, text in enumerate(fitting)}
    kept = [one for one in found.found if all((one.prompt, side.content) in places for side in one.sides)]
    if not kept:
        raise BadPool(f"none of {len(found.found):,} pairs can be scored; the first reason: {scores[0].refused}")
    ends = np.array([[places[one.prompt, side.content] for side in one.sides] for one in kept], np.int64)
    rewards = np.array([float(score) for score in scored], np.float64)
    margins = rewards[ends[:, 0]] - rewards[ends[:, 1]]
    features = _features(scorer, fitting, scored, selector)
    return Pool(
        margins,
        _members(model, scored, ends, margins, seed),
        None if features is None else (features[ends[:, 0]], features[ends[:, 1]]),
        np.unique([one.group for one in kept], return_inverse=True)[1].astype(np.int64),
        1.0 if model.directions else None,
    ), kept


def _members(model: Headed, scored: Sequence[Any], ends: Ints, margins: Floats, seed: int) -> Floats | None:
    """Return the margins by each member or draw, [K, N], or None where the model is but one."""
    first, second = ends.T
    if model.member_columns:
        names = [model.columns[place] for place in model.member_columns]
        table = np.array([[score.parts[name] for score in scored] for name in names], np.float64)
        return np.asarray(table[:, first] - table[:, second], np.float64)
    if not model.directions:
        return None
    deviations = np.stack([score.deviations for score in scored]).astype(np.float64)
    drawn = np.random.default_rng(seed).normal(size=(DRAWS, deviations.shape[1])) @ deviations.T
    return np.asarray(margins + drawn[:, first] - drawn[:, second], np.float64)


def _features(
    scorer: Scorer, texts: list[tuple[Content, Content]], scored: Sequence[Any], selector: Select
) -> Floats | None:
    """Return the features of each text, or None where nobody asks for them, as a second pass is not free."""
    if scorer.artefact.model.directions:
        return np.stack([score.deviations for score in scored]).astype(np.float64)
    if not getattr(selector, "diversity", 0) and "features" not in getattr(selector, "needs", ()):
        return None
    return scorer.features(texts).astype(np.float64)


def _require(model: Headed, strategy: str) -> None:
    """Refuse, before anything is scored, a selector that asks for members of a model that has none."""
    if "members" in needs_of(strategy) and not model.member_columns and not model.directions:
        fitting = [name for name in members.names("selectors") if "members" not in needs_of(name)]
        raise NothingToGoBy(
            f"{strategy} goes by members that can disagree, and this model ({type(model).__name__}) has none: an "
            "ensemble has (train one, or `plaudit collect` runs of several seeds), and a model with a Laplace "
            f"covariance. For this one there are {', '.join(fitting)}"
        )


def _of(name: str) -> str:
    return "in the pool" if name == "pool" else "at random" if name == RANDOM else "chosen"


def _shown(number: int, one: Candidate, arm: str) -> str:
    texts = " | ".join(_excerpt(side.content) for side in one.sides)
    asked = f"{_excerpt(one.prompt)}: " if characters(one.prompt) else ""
    return f"{number}. ({arm}) {asked}{texts}"


def _excerpt(content: Content, size: int = 40) -> str:
    text = content if isinstance(content, str) else content[-1].content if content else ""
    words = " ".join(text.split())
    return words if len(words) <= size else words[: size - 1] + "…"
