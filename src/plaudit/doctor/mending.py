"""Records with something taken away: responses, comparisons."""

from collections.abc import Collection
from dataclasses import replace

from plaudit.preferences.preference import Comparison, Preference

ORDER = "pair_order"
"""The field in which rankings name the pairs that were judged."""


def without_comparisons(record: Preference, gone: Collection[int]) -> Preference | None:
    """Return the record without the comparisons at some positions; None where it compares nothing any more."""
    kept = [edge for at, edge in enumerate(record.comparisons) if at not in gone]
    return _with(record, kept) if kept else None


def without_responses(record: Preference, gone: Collection[int]) -> Preference | None:
    """Return the record without the responses at some positions, and the comparisons that they are in.

    None where nothing is left to learn: no response, or no comparison where there were some.
    """
    places = {old: new for new, old in enumerate(at for at in range(len(record.responses)) if at not in gone)}
    edges = [edge for edge in record.comparisons if edge.chosen in places and edge.rejected in places]
    if not places or (record.comparisons and not edges):
        return None
    moved = [replace(edge, chosen=places[edge.chosen], rejected=places[edge.rejected]) for edge in edges]
    return _with(replace(record, responses=tuple(record.responses[at] for at in places)), moved)


def _with(record: Preference, edges: list[Comparison]) -> Preference:
    """Return the record with these comparisons; a list of pairs in its fields names them, no others."""
    extra = dict(record.extra)
    if ORDER in extra or _is_ranking(record):
        extra[ORDER] = [sorted((edge.chosen + 1, edge.rejected + 1)) for edge in edges]
    return replace(record, comparisons=tuple(edges), extra=extra)


def _is_ranking(record: Preference) -> bool:
    """Return whether the comparisons follow from ranks that stand at the responses."""
    return bool(record.comparisons) and all("rank" in response.extra for response in record.responses)
