"""The verdict of an audit in plain words: what its record says, for somebody who reads nothing else.

Sentences are made of the record alone. Where a number has an interval the verdict rests on its ends, never on the
number: what cannot be told apart from guessing is not called better than guessing.
"""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

LENGTHS = {"longer_wins": "always preferring the longer response", "shorter_wins": "always preferring the shorter one"}


def verdict(record: Record) -> dict[str, Any]:
    """Return ``title``, a few words; ``standing``, a word; and ``sentences``.

    Args:
        record: with ``evaluation``, and what else is known: ``calibration``, ``debiasing``, ``human``, ``comparison``.
    """
    title, standing = _title(record["evaluation"])
    said = (
        _accuracy(record["evaluation"]),
        _ceiling(record["evaluation"]),
        _baselines(record["evaluation"]),
        _probabilities(record.get("calibration", {})),
        _length(record.get("debiasing", {})),
        *(_human(name, one) for name, one in record.get("human", {}).items()),
        _comparison(record.get("comparison", {})),
    )
    return {"title": title, "standing": standing, "sentences": [one for one in said if one]}


def percent(found: Mapping[str, Any]) -> str:
    """Return an estimate of a share as people say it, with its 95 % interval: ``74.1 % (72.0 to 76.1)``."""
    if found.get("value") is None:
        return "an unknown share"
    if found.get("low") is None:
        return f"{found['value']:.1%}".replace("%", " %") + f" (no interval: {found.get('reason', 'unknown')})"
    return f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def _title(evaluation: Record) -> tuple[str, str]:
    accuracy = evaluation["overall"]["metrics"].get("accuracy", {})
    low, high = accuracy.get("low"), accuracy.get("high")
    if low is None:
        return "Too little data for a verdict.", "unknown"
    if high < 0.5:
        return "It prefers what people reject.", "below chance"
    if low <= 0.5:
        return "It cannot be told from guessing.", "chance"
    best = max((evaluation["overall"]["baselines"].get(name, {}).get("value") or 0.0) for name in LENGTHS)
    if low <= best:
        return "It is better than guessing, but not clearly better than counting characters.", "length"
    return f"It sides with people {accuracy['value']:.0%} of the time.".replace("%", " %"), "above"


def _accuracy(evaluation: Record) -> str:
    overall = evaluation["overall"]
    if "accuracy" not in overall["metrics"]:
        return ""
    n, groups = overall["comparisons"], overall["groups"]
    return (
        f"It gives the response that people preferred the higher reward in {percent(overall['metrics']['accuracy'])} "
        f"of {n:,} comparisons from {groups:,} {evaluation['unit']}."
    )


def _ceiling(evaluation: Record) -> str:
    found = evaluation.get("ceiling")
    if not found:
        return ""
    return (
        f"Two people asked about the same two responses agree in {percent(found['agreement'])}; no model can be right "
        f"in more than {percent(found['highest'])} of single votes."
    )


def _baselines(evaluation: Record) -> str:
    baselines = evaluation["overall"]["baselines"]
    found = {words: baselines[name] for name, words in LENGTHS.items() if name in baselines}
    if not found:
        return ""
    words, best = max(found.items(), key=lambda one: one[1]["value"] or 0.0)
    return f"Reading nothing and {words} would be right in {percent(best)}."


def _probabilities(calibration: Record) -> str:
    if "overall" not in calibration:
        return f"Its probabilities were not looked at: {calibration['reason']}." if "reason" in calibration else ""
    before, after = (calibration["overall"][side]["ece"] for side in ("before", "after"))
    if calibration["kind"] == "identity":
        return (
            f"Its probabilities are {_points(before)} off on average as they are, and no calibrator made them clearly "
            "better on groups that it had not seen."
        )
    return (
        f"Its probabilities are {_points(before)} off on average; calibrated ({calibration['kind']}) on other groups "
        f"{_points(after)}."
    )


def _points(found: Mapping[str, Any]) -> str:
    ends = "" if found["low"] is None else f" ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
    return f"{100 * found['value']:.1f} points{ends}"


def _length(debiasing: Record) -> str:
    way = debiasing.get("ways", {}).get("as it is")
    if not way or way["correlation"]["value"] is None:
        return ""
    rank, beside = (_correlation(way[name]) for name in ("correlation", "at_equal_verdict"))
    return (
        f"Reward and length have a rank correlation of {rank}; at equal verdict, which is what length earns beside "
        f"being preferred, it is {beside}."
    )


def _correlation(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "unknown"
    return f"{found['value']:+.2f}" + (
        "" if found["low"] is None else f" ({found['low']:+.2f} to {found['high']:+.2f})"
    )


def _human(name: str, one: Record) -> str:
    return (
        f"{name}, who judged {one['judged']} pairs blind, agrees with the model in {percent(one['with_model'])} and "
        f"with the labels in {percent(one['with_labels'])}."
    )


def _comparison(comparison: Record) -> str:
    told = [
        f"{one['first']} is {'not distinguishable from' if one['verdict'] == 'not distinguishable' else one['verdict']}"
        f"{'' if one['verdict'] == 'not distinguishable' else ' than'} {one['second']}"
        for one in comparison.get("contests", ())
    ]
    return f"On the same comparisons, by accuracy, {'; '.join(told)}." if told else ""
