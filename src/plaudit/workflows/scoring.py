"""Score and rank JSON lines: rows in, the same rows with rewards out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from plaudit.preferences.fields import unspoken
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.scorer import Scorer

Row = dict[str, Any]


class BadLine(ValueError):
    """A line of input that cannot be used; the message names its number."""


def rows_of(lines: Iterable[str], where: str = "standard input") -> Iterator[Row]:
    """Yield the JSON object of each line that is not blank.

    Raises:
        BadLine: a line is no JSON object.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadLine(f"{where}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadLine(f"{where}, line {number}: an object is needed, with 'response' (and 'prompt') or 'messages'")
        yield row


def open_scorer(path: Path | str, dtype: str = "float32", cache: Path | None = None) -> Scorer:
    """Load and verify the model at ``path``."""
    return Scorer.load(path, dtype=dtype, cache=cache)


def score_rows(scorer: Scorer, rows: Iterable[Row], on_unfit: Literal["error", "nan"] = "error") -> Iterator[Row]:
    """Yield each row with its ``reward`` (or why it was ``refused``), ``tokens``, ``truncated`` and ``cached``.

    A model's ``parts`` (name to number) and ``std``, the reward's standard deviation, are there where it has them.
    """
    held = list(rows)
    for row, score in zip(held, scorer.score(held, on_unfit=on_unfit), strict=True):
        yield {**row, **_fields(score)}


def rank_rows(scorer: Scorer, rows: Iterable[Row], n: int = 0) -> Iterator[Row]:
    """Yield each row with its ``responses`` in order, the best first, cut to ``n`` if that is above 0.

    Raises:
        BadLine: a row has no list ``responses``.
    """
    for number, row in enumerate(rows, start=1):
        responses = row.get("responses")
        if not isinstance(responses, list) or not responses:
            raise BadLine(f"row {number}: a field 'responses' with a list of texts or conversations is needed")
        ranked = scorer.rank(row.get("prompt", ""), responses)
        kept = ranked[: n or len(ranked)]
        order = [{"response": unspoken(one.response), "index": one.index, **_fields(one.score)} for one in kept]
        yield {**{key: value for key, value in row.items() if key != "responses"}, "ranking": order}


def _fields(score: Score) -> Mapping[str, Any]:
    fields: Row = {"reward": score.reward, "tokens": score.tokens, "truncated": score.truncated, "cached": score.cached}
    if score.parts:
        fields["parts"] = dict(score.parts)
    if score.std is not None:
        fields["std"] = score.std
    return fields | ({"reward": None, "refused": score.refused} if score.refused else {})
