"""Votes of files: how far people agree, and one label of what several of them said."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from plaudit.labels.agreement import Agreement, By, Orientation, Ties, agreement
from plaudit.labels.votes import Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.reading import OnBadRow, read_many


def read_preferences(sources: Iterable[str | Path], format: str = "", on_bad_row: OnBadRow = "error") -> Preferences:  # noqa: A002
    """Return the records of all sources as they are, those with empty or equal responses too: people judged them.

    Raises:
        BadSource: see `plaudit.preferences.reading.read`.
        BadRow: see there.
    """
    return read_many([(source, 1.0) for source in sources], format or None, on_bad_row, on_flaw="keep")


def votes_of(preferences: Preferences, without: Sequence[str] = (), *, sides: bool = True) -> Votes:
    """Return the votes in ``preferences``, but those of the annotators ``without``.

    Raises:
        NoVotes: there are none, or none of an annotator of such a name.
    """
    votes = Votes.of(preferences, sides=sides)
    if not without:
        return votes
    kept = votes.without(*without)
    return replace(kept, left_out=dict(kept.left_out) | {f"votes of {', '.join(without)}": len(votes) - len(kept)})


def agree(
    sources: Sequence[str | Path],
    *,
    by: By | None = None,
    without: Sequence[str] = (),
    orientation: Orientation = "listed",
    ties: Ties = "keep",
    windows: int = 5,
    format: str = "",  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return how far the annotators of some files agree; see `plaudit.labels.agreement.agreement`."""
    votes = votes_of(read_preferences(sources, format, on_bad_row), without)
    return agreement(votes, by=by, orientation=orientation, ties=ties, windows=windows, resamples=resamples, seed=seed)
