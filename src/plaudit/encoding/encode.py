"""Tokenise preferences into an `EncodedSet`: each distinct sequence once, nothing left out without being counted."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.encoding.columns import Records, Sequences, digest_of
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Encoder, Sequence
from plaudit.encoding.marks import marks_of
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Comparison, Content, Preference
from plaudit.preferences.spans import BadSpans, marked_spans, words_of

OnUnfit = Literal["error", "drop"]
Result = Sequence | Unencodable
IDENTICAL = "identical_tokens"
EMPTIED = "records_left_without_comparisons"
_AT_ONCE = 256
"""Records tokenised together."""


class Unfit(ValueError):
    """A record that cannot be encoded whole; ``reason`` is a word to count such records by."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def encode_all(
    preferences: Iterable[Preference], encoder: Encoder, on_unfit: OnUnfit = "error", *, spans: bool = False
) -> EncodedSet:
    """Tokenise every response of every record after its prompt.

    Args:
        preferences: the records, read once, in order.
        encoder: renders, cuts and tokenises.
        on_unfit: what to do about a response that has no sequence (too long, empty, an unknown role…) and about a
            comparison whose two sides are the same ids: ``error``, or ``drop`` it. Dropped are such responses with
            their comparisons, such comparisons, and records that had comparisons and have none left; ``dropped``
            counts responses by their reason, comparisons as ``identical_tokens`` and records as
            ``records_left_without_comparisons``. Span feedback that makes no sense is left out, counted as
            ``bad_span_feedback``; its response stays.
        spans: read span feedback (see `plaudit.preferences.spans`) into ``marks``.

    Raises:
        Unfit: with ``on_unfit="error"``; names the record and the response.
        ValueError: ``on_unfit`` is something else.
    """
    if on_unfit not in ("error", "drop"):
        raise ValueError(f"on_unfit must be 'error' or 'drop', not {on_unfit!r}")
    sequences, records, dropped = Sequences(), Records(), Counter[str]()
    for number, (preference, results) in enumerate(_tokenised(preferences, encoder, characters=spans)):
        name = f"record {preference.id or number}" + (f" of {preference.source}" if preference.source else "")
        found = _fitting(results, name, on_unfit, dropped)
        edges = _edges(preference, found, name, on_unfit, dropped)
        if not found or (preference.comparisons and not edges):
            dropped[EMPTIED] += 1
            continue
        places = {place: sequences.add(sequence) for place, sequence in found.items()}
        for place in found:
            sequences.rate(places[place], preference.responses[place].ratings)
        for place, marks in _marks(preference, found, name, on_unfit, dropped) if spans else ():
            sequences.mark(places[place], marks)
        records.add(places, edges)
    return _sealed(replace(sequences.encoded(), **records.columns(), dropped=dict(dropped)))


def encode_sequences(sequences: Iterable[Sequence]) -> tuple[EncodedSet, list[int]]:
    """Return a set without records that holds ``sequences``, and where in it each of them is."""
    store = Sequences()
    places = [store.add(sequence) for sequence in sequences]
    return store.encoded(), places


def without_prompt(sequence: Sequence, prompt: Content) -> Sequence:
    """Return ``sequence`` marked as one that shares nothing if its ``prompt`` is empty."""
    return sequence if prompt else replace(sequence, prompt_key=0)


def _tokenised(
    preferences: Iterable[Preference], encoder: Encoder, *, characters: bool
) -> Iterator[tuple[Preference, list[Result]]]:
    """Yield each record with what the encoder makes of its responses, tokenised many at a time."""
    remaining = iter(preferences)
    while chunk := list(islice(remaining, _AT_ONCE)):
        pairs = [(record.prompt, response.content) for record in chunk for response in record.responses]
        results = encoder.encode_many(pairs, characters=characters)
        for record in chunk:
            yield record, [_marked(result, record.prompt) for result in islice(results, len(record.responses))]


def _marked(result: Result, prompt: Content) -> Result:
    return result if isinstance(result, Unencodable) else without_prompt(result, prompt)


def _fitting(results: list[Result], name: str, on_unfit: OnUnfit, dropped: Counter[str]) -> dict[int, Sequence]:
    """Return the sequence of each response that fits, by its place in the record."""
    found: dict[int, Sequence] = {}
    for place, result in enumerate(results):
        if not isinstance(result, Unencodable):
            found[place] = result
        elif on_unfit == "error":
            raise Unfit(
                f"{name}, response {place}: {result}; on_unfit='drop' leaves such out", result.reason
            ) from result
        else:
            dropped[result.reason] += 1
    return found


def _marks(
    preference: Preference, found: Mapping[int, Sequence], name: str, on_unfit: OnUnfit, dropped: Counter[str]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the place of each encoded response that has span feedback, and the marks of its tokens."""
    for place, sequence in found.items():
        response = preference.responses[place]
        try:
            spans = marked_spans(response)
        except BadSpans as error:
            if on_unfit == "error":
                raise Unfit(
                    f"{name}, response {place}: {error}; on_unfit='drop' leaves such feedback out", error.reason
                ) from error
            dropped[error.reason] += 1
            continue
        if spans is not None and sequence.characters is not None:
            yield place, marks_of(sequence.characters, words_of(response), spans)


def _edges(
    preference: Preference, found: Mapping[int, Sequence], name: str, on_unfit: OnUnfit, dropped: Counter[str]
) -> list[Comparison]:
    """Return the comparisons between encoded responses with different ids (a tie may be between equal ones)."""
    kept = []
    for edge in preference.comparisons:
        if edge.chosen not in found or edge.rejected not in found:
            continue
        sides = found[edge.chosen], found[edge.rejected]
        if edge.tie or digest_of(sides[0]) != digest_of(sides[1]):
            kept.append(edge)
        elif on_unfit == "error":
            cut = " once the prompt was cut" if sides[0].cut else ""
            raise Unfit(
                f"{name}: responses {edge.chosen} (chosen) and {edge.rejected} (rejected) are the same "
                f"{len(sides[0].ids)} tokens{cut}; on_unfit='drop' leaves such comparisons out",
                IDENTICAL,
            )
        else:
            dropped[IDENTICAL] += 1
    return kept


def _sealed(encoded: EncodedSet) -> EncodedSet:
    """Return the set with the fingerprint of its columns."""
    digest = hashlib.sha256()
    for name in EncodedSet.__dataclass_fields__:
        value = getattr(encoded, name)
        if isinstance(value, np.ndarray):
            digest.update(f"{name} {value.dtype} {value.shape} ".encode())
            digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    digest.update(repr((encoded.rating_names, sorted(encoded.dropped.items()))).encode())
    return replace(encoded, fingerprint=digest.hexdigest())
