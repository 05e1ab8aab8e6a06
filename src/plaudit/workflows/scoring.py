"""Score and rank JSON lines as they come: a chunk of lines in, the same rows with rewards out, in the same order."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from plaudit.calibration.shipped import Adjust, Chance
from plaudit.preferences.fields import unspoken
from plaudit.scoring.best_of_n import Ranked, Score, in_order
from plaudit.scoring.conversations import BadConversation, Pair, as_content, as_pair
from plaudit.scoring.scorer import CannotScore, OnUnfit, Scorer

Row = dict[str, Any]

CHUNK = 64
"""Lines that are scored together, unless another number is asked for."""


class BadLine(ValueError):
    """A line of input that cannot be used; the message names its number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one line asks for.

    Attributes:
        row: the line's JSON object.
        pairs: what is to be scored for it.
        names: how an error names each of them.
    """

    row: Row
    pairs: list[Pair]
    names: list[str]


def open_scorer(
    path: Path | str,
    dtype: str = "float32",
    cache: Path | None = None,
    *,
    adjust: Adjust = "none",
    template: str | None = None,
) -> Scorer:
    """Load and verify the model at ``path``; ``adjust`` and ``template`` are those of `Scorer`."""
    return Scorer.load(path, dtype=dtype, cache=cache, adjust=adjust, template=template)


def score_rows(
    scorer: Scorer,
    lines: Iterable[str | bytes],
    where: str = "standard input",
    *,
    on_unfit: OnUnfit = "error",
    chunk: int = CHUNK,
) -> Iterator[Row]:
    """Yield each row with its ``reward`` (or why it was ``refused``), ``tokens``, ``truncated`` and ``cached``.

    A model's ``parts`` (name to number) and ``std``, the reward's standard deviation, are there where it has them; so
    is ``adjusted``, the reward without what it owes to length, where the model carries an adjustment.

    Args:
        scorer: the model.
        lines: JSON lines, read no further than the chunk that is being scored; blank ones are skipped.
        where: how an error names them.
        on_unfit: what becomes of a conversation that cannot be encoded, see `Scorer.score`.
        chunk: how many lines are scored together.

    Raises:
        BadLine: a line cannot be used; the rows of all lines before it have been yielded.
    """
    asked = (_one(row, at) for at, row in rows_of(lines, where))
    for one, [score] in _scored(scorer, asked, on_unfit, chunk):
        yield {**one.row, **_fields(score)}


def rank_rows(
    scorer: Scorer, lines: Iterable[str | bytes], where: str = "standard input", *, n: int = 0, chunk: int = CHUNK
) -> Iterator[Row]:
    """Yield each row with its ``responses`` in order, the best first, cut to ``n`` if that is above 0.

    ``over_next`` is how likely a response is preferred to the one that comes next, cut off or not, and whether that is
    enough to decide; ``probabilities`` says whether they are calibrated, ``ordered_by`` which reward orders.

    Raises:
        BadLine: as `score_rows`; also where a row has no list ``responses``.
    """
    asked = (_several(row, at) for at, row in rows_of(lines, where))
    for one, scores in _scored(scorer, asked, "error", chunk):
        ranked = in_order([response for _, response in one.pairs], scores, scorer.chance)[: n or len(scores)]
        said = {
            "ordered_by": "reward" if scorer.adjust == "none" else "adjusted",
            "probabilities": scorer.probabilities,
        }
        rest = {key: value for key, value in one.row.items() if key != "responses"}
        yield {**rest, "ranking": [_place(each) for each in ranked], **said}


def rows_of(lines: Iterable[str | bytes], where: str = "standard input") -> Iterator[tuple[str, Row]]:
    """Yield the name and the JSON object of each line that is not blank.

    Raises:
        BadLine: a line is no JSON object, or is not UTF-8.
    """
    for number, line in enumerate(lines, start=1):
        at = f"{where}, line {number}"
        try:
            text = line if isinstance(line, str) else line.decode("utf-8")
            row = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError) as error:
            raise BadLine(f"{at}: not JSON ({error})") from error
        if isinstance(row, dict):
            yield at, row
        elif text.strip():
            raise BadLine(f"{at}: an object is needed, with 'response' (and 'prompt') or 'messages'")


def _one(row: Row, at: str) -> Asked:
    try:
        return Asked(row, [as_pair(row, at)], [at])
    except BadConversation as error:
        raise BadLine(str(error)) from error


def _several(row: Row, at: str) -> Asked:
    responses = row.get("responses")
    if not isinstance(responses, list) or not responses:
        raise BadLine(f"{at}: a field 'responses' with a list of texts or conversations is needed")
    names = [f"{at}, responses[{number}]" for number in range(len(responses))]
    try:
        prompt = as_content(row.get("prompt", ""), f"{at}, prompt")
        answers = [as_content(response, name) for response, name in zip(responses, names, strict=True)]
    except BadConversation as error:
        raise BadLine(str(error)) from error
    return Asked(row, [(prompt, answer) for answer in answers], names)


def _scored(
    scorer: Scorer, asked: Iterator[Asked], on_unfit: OnUnfit, chunk: int
) -> Iterator[tuple[Asked, list[Score]]]:
    """Yield each line with its scores; what stands before a line that cannot be used comes before its error."""
    for held in _chunks(asked, chunk):
        yield from _chunk(scorer, held, on_unfit)


def _chunks(asked: Iterator[Asked], size: int) -> Iterator[list[Asked]]:
    held: list[Asked] = []
    bad: BadLine | None = None
    while bad is None:
        try:
            held = []
            for one in islice(asked, size):
                held.append(one)
        except BadLine as error:
            bad = error
        if held:
            yield held
        elif bad is None:
            return
    raise bad


def _chunk(scorer: Scorer, held: list[Asked], on_unfit: OnUnfit) -> Iterator[tuple[Asked, list[Score]]]:
    try:
        scores = iter(scorer.score((pair for one in held for pair in one.pairs), on_unfit=on_unfit))
    except CannotScore as error:
        owners = [(line, name) for line, one in enumerate(held) for name in one.names]
        line, name = owners[error.number]
        yield from _chunk(scorer, held[:line], on_unfit)
        raise BadLine(f"{name}: {error.__cause__}") from error
    yield from ((one, list(islice(scores, len(one.pairs)))) for one in held)


def _place(ranked: Ranked) -> Row:
    own = {"response": unspoken(ranked.response), "index": ranked.index, **_fields(ranked.score)}
    return own | {"over_next": None if ranked.over_next is None else _chance(ranked.over_next)}


def _chance(chance: Chance) -> Row:
    rule = {} if chance.error is None else {"decided": chance.decided, "error": chance.error}
    return {"probability": chance.probability} | rule


def _fields(score: Score) -> Mapping[str, Any]:
    fields: Row = {"reward": score.reward, "tokens": score.tokens, "truncated": score.truncated, "cached": score.cached}
    if score.parts:
        fields["parts"] = dict(score.parts)
    if score.std is not None:
        fields["std"] = score.std
    if score.adjusted is not None:
        fields["adjusted"] = score.adjusted
    return fields | (_nothing(score) if score.refused else {})


def _nothing(score: Score) -> Row:
    return {"reward": None, "refused": score.refused} | ({} if score.adjusted is None else {"adjusted": None})
