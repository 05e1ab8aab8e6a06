"""Several ``responses`` to a prompt, ranked (``rank``, ties allowed) or compared two by two (``pairwise``).

``rank`` stands at each response, lower is better; all pairs become comparisons, equal ranks ties. ``pairwise`` lists a
code a pair (0 tie, 1 the first, 2 the second) for the pairs in ``pair_order`` (positions from 1; by default all pairs
in order); it wins over ranks. Each response may have ``ratings``, ``score`` and ``id``; anything else is kept in its
``extra``, as is what stands beside the list about one response (``feedback_on_response_0``, counted from 0).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, ClassVar

from plaudit.preferences.entries import entry_fields, take_entries
from plaudit.preferences.fields import (
    NOTE,
    content_id,
    identity_fields,
    number,
    overlay,
    prompt_fields,
    rest_of,
    take_identity,
    take_prompt,
    unwritable,
)
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.rows import Fields, Ledger, Row, each

BESIDE = NOTE + "beside"
"""Names in a response's ``extra`` that stood beside the list, as ``NAME_on_response_POSITION``."""

Pairs = list[tuple[int, int]]
_ABOUT = re.compile(r"(.+)_on_response_(0|[1-9][0-9]*)")


class Rankings:
    """K responses with ranks or two-by-two outcomes."""

    needs: ClassVar[str] = "'responses', a list of objects with 'text' and 'rank' (or a 'pairwise' list beside them)"
    example: ClassVar[tuple[Fields, ...]] = (
        {
            "prompt": "Name a colour.",
            "responses": [
                {"text": "Teal.", "rank": 0, "ratings": {"creativity": 0.75}, "author": "n1"},
                {"text": "Red.", "rank": 1},
                {"text": "Blue.", "rank": 1},
            ],
            "id": "colours/1",
            "source": "made up",
        },
        {
            "prompt": "Name a fruit.",
            "responses": [
                {"text": "Fig.", "score": 1.5},
                {"text": "Pear.", "score": 1},
                {"text": "Chair.", "score": 0},
            ],
            "pairwise": [0, 1, 1],
            "pair_order": [[1, 2], [1, 3], [2, 3]],
            "feedback_on_response_2": {"errors": [{"start": 0, "end": 6}]},
        },
    )

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether there are responses with ranks or two-by-two outcomes."""
        listed = fields.get("responses")
        ranked = isinstance(listed, list) and any(isinstance(entry, Mapping) and "rank" in entry for entry in listed)
        return ranked or ("responses" in fields and "pairwise" in fields)

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record a row, with a comparison for every pair that was judged."""
        return each(rows, _preference, ledger)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield a row a record; strengths, annotators and reasons have no field here."""
        return map(_row, preferences)


def _preference(row: Row) -> Preference:
    rest = rest_of(row)
    prompt = take_prompt(row, rest)
    responses = _take_remarks(rest, take_entries(row, rest, prompt, ("score",)))
    if len(responses) < 2:
        raise row.bad("responses", "holds one response; a ranking needs at least two", "too few responses")
    if rest.get("pairwise") is not None:
        comparisons = _outcomes(row, rest, len(responses))
    else:
        comparisons = _from_ranks(_ranks(row, responses))
    identity = take_identity(rest)
    identity["id"] = identity["id"] or content_id(prompt, responses)
    return Preference(prompt=prompt, responses=responses, comparisons=comparisons, extra=rest, **identity)


def _take_remarks(rest: Fields, responses: tuple[Response, ...]) -> tuple[Response, ...]:
    """Move what the row says about one response from ``rest`` into that response's ``extra``."""
    taken = list(responses)
    for field in list(rest):
        about = _ABOUT.fullmatch(field)
        at = int(about[2]) if about else len(taken)
        if about and at < len(taken) and about[1] not in taken[at].extra:
            extra = taken[at].extra
            beside = [*extra.get(BESIDE, ()), about[1]]
            taken[at] = replace(taken[at], extra={**extra, about[1]: rest.pop(field), BESIDE: beside})
    return tuple(taken)


def _remarks(preference: Preference) -> Fields:
    return {
        f"{name}_on_response_{at}": response.extra[name]
        for at, response in enumerate(preference.responses)
        for name in response.extra.get(BESIDE, ())
    }


def _listed(response: Response) -> Fields:
    beside = response.extra.get(BESIDE, ())
    return {name: value for name, value in entry_fields(response).items() if name not in beside}


def _ranks(row: Row, responses: tuple[Response, ...]) -> list[float]:
    ranks = []
    for i, response in enumerate(responses):
        if "rank" not in response.extra:
            raise row.missing(f"responses[{i}].rank", "a number, lower is better, at every response")
        ranks.append(number(row, f"responses[{i}].rank", response.extra["rank"]))
    return ranks


def _from_ranks(ranks: list[float]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(chosen=i, rejected=j, tie=ranks[i] == ranks[j])
        if ranks[i] <= ranks[j]
        else Comparison(chosen=j, rejected=i)
        for i, j in combinations(range(len(ranks)), 2)
    )


def _outcomes(row: Row, rest: Fields, count: int) -> tuple[Comparison, ...]:
    codes, pairs = rest.pop("pairwise"), _pairs(row, rest, count)
    if not isinstance(codes, list) or len(codes) != len(pairs):
        raise row.wrong("pairwise", codes, f"a list of {len(pairs)} codes, one for each pair")
    return tuple(_outcome(row, f"pairwise[{k}]", code, *pair) for k, (code, pair) in enumerate(zip(codes, pairs, strict=True)))


def _pairs(row: Row, rest: Fields, count: int) -> Pairs:
    order = rest.get("pair_order")
    if order is None:
        return list(combinations(range(count), 2))
    known = range(1, count + 1)
    for k, pair in enumerate(order if isinstance(order, list) else [order]):
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1] or not all(at in known for at in pair):
            right = f"two different positions between 1 and {count}"
            raise row.bad(f"pair_order[{k}]", f"is {pair!r}; it should be {right}", "vote about unknown responses")
    return [(i - 1, j - 1) for i, j in order]


def _outcome(row: Row, field: str, code: object, first: int, second: int) -> Comparison:
    if isinstance(code, bool) or code not in (0, 1, 2):
        raise row.wrong(field, code, "0 (tie), 1 (the first is better) or 2 (the second)")
    return Comparison(chosen=second if code == 2 else first, rejected=first if code == 2 else second, tie=code == 0)


def _row(preference: Preference) -> Fields:
    if any(e.strength is not None or e.annotator or e.objective or e.reason or e.extra for e in preference.comparisons):
        raise unwritable(preference, "rankings", "its comparisons have strengths, annotators, objectives or reasons")
    fields = prompt_fields(preference) | {"responses": [_listed(response) for response in preference.responses]}
    if "pair_order" in preference.extra or not all("rank" in response.extra for response in preference.responses):
        fields |= _outcome_fields(preference)
    return overlay(fields | _remarks(preference) | identity_fields(preference), preference.extra)


def _outcome_fields(preference: Preference) -> Fields:
    edges, order = preference.comparisons, preference.extra.get("pair_order")
    pairs = [(i - 1, j - 1) for i, j in order] if order else list(combinations(range(len(preference.responses)), 2))
    fields: Fields = {}
    if [{*pair} for pair in pairs] != [{edge.chosen, edge.rejected} for edge in edges]:
        pairs = [(edge.chosen, edge.rejected) for edge in edges]
        fields["pair_order"] = [[i + 1, j + 1] for i, j in pairs]
    codes = [0 if edge.tie else 1 + (edge.chosen != pair[0]) for edge, pair in zip(edges, pairs, strict=True)]
    return {"pairwise": codes} | fields
