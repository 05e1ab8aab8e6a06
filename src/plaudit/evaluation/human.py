r"""A person beside the model: a blind sample of pairs, and how far a person's verdicts agree with model and labels.

Pairs are drawn at random from the comparisons, at most one a group as far as there are groups, and their sides are put
in a random order, so that nothing tells which was chosen or which the model prefers. The answers come back as a file
(`read_judgements`) that names responses by their ids.

For verdict :math:`v` (1 where the first is better, 0 where the second is, one half for a tie) and what it is held
against, :math:`s` likewise, the agreement is :math:`v s + (1 - v)(1 - s)`: ties count one half, as everywhere. Against
the labels, :math:`s` is the share of votes on these two responses for the first. Intervals resample groups. The model's
agreement with the labels on the same pairs stands beside, as the pairs are a sample of their own.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.metrics import OfTerms
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Integers, Predictions

KIND = "plaudit judgements"
PAIRS = 40
"""Pairs in a blind sample, unless another number is asked for."""

Verdict = Literal["first", "second", "tie", "skip"]
CREDIT: Mapping[str, float] = {"first": 1.0, "second": 0.0, "tie": 0.5}


class BadJudgements(ValueError):
    """A file of judgements that cannot be used; the message names the file, the entry and the field."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person said of two responses.

    Attributes:
        first: id of the one shown first.
        second: id of the other.
        verdict: which is better.
    """

    first: str
    second: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Human:
    """One person's verdicts beside the model's and the labels.

    Attributes:
        name: of the person or the file.
        judged: verdicts that were used: no skips.
        ties: how many of them are ties.
        skipped: how many were skipped.
        unknown: how many name responses, or two of them together, that these predictions do not have.
        with_model: share of verdicts that agree with the model.
        with_labels: share that agree with the labels.
        model_with_labels: how far the model agrees with the labels on these pairs.
    """

    name: str
    judged: int
    ties: int
    skipped: int
    unknown: int
    with_model: Estimate
    with_labels: Estimate
    model_with_labels: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def blind(predictions: Predictions, count: int = PAIRS, seed: int = 0, known: Sequence[int] = ()) -> list[list[int]]:
    """Return pairs of places of responses, in the order in which they are to be shown: [[first, second], …].

    Args:
        predictions: the scored comparisons.
        count: how many, or fewer where there are not as many two responses that were compared.
        seed: of what is drawn and which side is first.
        known: places of responses that can be shown.
    """
    rng = np.random.default_rng(seed)
    fits = np.isin(predictions.chosen, known) & np.isin(predictions.rejected, known) & (predictions.weight > 0)
    places = rng.permutation(np.flatnonzero(fits & (predictions.chosen != predictions.rejected)))
    used: set[int] = set()
    seen: set[frozenset[int]] = set()
    own: list[list[int]] = []
    others: list[list[int]] = []
    for place in places.tolist():
        sides = [int(predictions.chosen[place]), int(predictions.rejected[place])]
        groups = {int(predictions.response_group[side]) for side in sides}
        if frozenset(sides) not in seen:
            (others if groups & used else own).append(sides)
            used |= groups
            seen.add(frozenset(sides))
        if len(own) == count:
            break
    pairs = (own + others)[:count]
    turned = rng.random(len(pairs)) < 0.5
    return [pair[::-1] if turn else pair for pair, turn in zip(pairs, turned.tolist(), strict=True)]


def identity(pairs: Sequence[tuple[str, str]]) -> str:
    """Return what a sample of pairs of ids is called: the same pairs in the same order have the same name."""
    return hashlib.sha256(json.dumps([list(pair) for pair in pairs]).encode()).hexdigest()[:16]


def read_judgements(path: Path | str) -> tuple[Judgement, ...]:
    """Return what a person said, from a file that the page of an audit saved.

    Raises:
        BadJudgements: it is no such file, or an entry is not as it should be. The first entry is entry 1.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadJudgements(f"{path}: not JSON ({error})") from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise BadJudgements(f"{path}: it does not say kind {KIND!r}; give a file saved by the page of an audit")
    entries = found.get("judgements")
    if not isinstance(entries, list) or not entries:
        raise BadJudgements(f"{path}: there are no judgements")
    return tuple(_judgement(entry, f"{path}: entry {number}") for number, entry in enumerate(entries, 1))


def _judgement(entry: Any, where: str) -> Judgement:
    if not isinstance(entry, dict):
        raise BadJudgements(f"{where} is no object")
    for field in ("first", "second"):
        if not isinstance(entry.get(field), str):
            raise BadJudgements(f"{where}: {field} is {entry.get(field)!r}; it must be the id of a response")
    if entry.get("verdict") not in get_args(Verdict):
        raise BadJudgements(
            f"{where}: verdict is {entry.get('verdict')!r}; it must be one of {', '.join(get_args(Verdict))}"
        )
    return Judgement(entry["first"], entry["second"], entry["verdict"])


def agreement(
    name: str, judgements: Sequence[Judgement], predictions: Predictions, resamples: int = 2000, seed: int = 0
) -> Human:
    """Return how far a person agrees with the model and with the labels.

    Args:
        name: of the person, for the report.
        judgements: theirs.
        predictions: of the model, with ids; the same responses as in the report that the person read.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        BadJudgements: the predictions have none of the pairs, or every one was skipped.
        ValueError: too few resamples.
    """
    spoken = [one for one in judgements if one.verdict != "skip"]
    known = [(one, sides) for one, sides in zip(spoken, _places(spoken, predictions), strict=True) if sides]
    if not known:
        what = "every pair was skipped" if not spoken else "these predictions have none of the pairs"
        raise BadJudgements(f"{name}: {what}; judge pairs of a report on the same data")
    left, right = (np.array(side, np.int64) for side in zip(*(sides for _, sides in known), strict=True))
    said = np.array([CREDIT[one.verdict] for one, _ in known])
    labels = _labels(predictions, left, right)
    model = 0.5 + 0.5 * np.sign(predictions.rewards[left] - predictions.rewards[right])
    credits_ = {"model": _Agree(said, model), "labels": _Agree(said, labels), "both": _Agree(model, labels)}
    found = intervals(credits_, _only(predictions, left, right), resamples, seed)
    return Human(
        name=name,
        judged=len(known),
        ties=sum(one.verdict == "tie" for one, _ in known),
        skipped=len(judgements) - len(spoken),
        unknown=len(spoken) - len(known),
        with_model=found["model"],
        with_labels=found["labels"],
        model_with_labels=found["both"],
    )


def _places(judgements: Sequence[Judgement], predictions: Predictions) -> list[tuple[int, int] | None]:
    """Return where the two responses of each judgement are, or None where they were not compared."""
    often = Counter(predictions.ids)
    where = {name: place for place, name in enumerate(predictions.ids) if often[name] == 1}
    sides = zip(predictions.chosen.tolist(), predictions.rejected.tolist(), strict=True)
    compared = {frozenset(pair) for pair in sides}
    found = [(where.get(one.first, -1), where.get(one.second, -1)) for one in judgements]
    return [pair if frozenset(pair) in compared else None for pair in found]


def _labels(predictions: Predictions, left: Integers, right: Integers) -> Floats:
    """Return the share of the votes on each two responses that are for the first, float64 [K], ties half each."""
    size = predictions.rewards.size
    votes: dict[int, list[float]] = {}
    wanted = {int(key) for key in np.minimum(left, right) * size + np.maximum(left, right)}
    low = np.minimum(predictions.chosen, predictions.rejected)
    keys = low * size + np.maximum(predictions.chosen, predictions.rejected)
    for place in np.flatnonzero(np.isin(keys, list(wanted))).tolist():
        weight, outcome = float(predictions.weight[place]), float(predictions.outcome[place])
        for_low = outcome if predictions.chosen[place] == low[place] else 1 - outcome
        own = votes.setdefault(int(keys[place]), [0.0, 0.0])
        own[0], own[1] = own[0] + weight * for_low, own[1] + weight
    both = np.array([votes[int(key)] for key in np.minimum(left, right) * size + np.maximum(left, right)])
    share = np.divide(both[:, 0], both[:, 1], out=np.full(len(both), 0.5), where=both[:, 1] > 0)
    return np.asarray(np.where(left < right, share, 1 - share), dtype=np.float64)


def _only(predictions: Predictions, left: Integers, right: Integers) -> Predictions:
    """Return the judged pairs as comparisons, each with its place as strength."""
    return Predictions(
        rewards=predictions.rewards,
        chosen=left,
        rejected=right,
        outcome=np.ones(left.size),
        weight=np.ones(left.size),
        strength=np.arange(left.size, dtype=np.float64),
        response_group=predictions.response_group,
        by_response=predictions.by_response,
        lengths=predictions.lengths,
    )


class _Agree(OfTerms):
    """Mean agreement of two verdicts a pair; the place of a pair is its strength."""

    bound = 1
    range = (0.0, 1.0)

    def __init__(self, ours: Floats, theirs: Floats) -> None:
        self._credit = ours * theirs + (1 - ours) * (1 - theirs)

    def terms(self, predictions: Predictions) -> Floats:
        return np.asarray(self._credit[predictions.strength.astype(np.int64)])
