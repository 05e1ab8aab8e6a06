"""Tokenise preferences into an `EncodedSet`: each distinct sequence once, and nothing left out without being counted."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Encoder, Sequence
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Comparison, Content, Preference

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


def encode_all(preferences: Iterable[Preference], encoder: Encoder, on_unfit: OnUnfit = "error") -> EncodedSet:
    """Tokenise every response of every record after its prompt.

    Args:
        preferences: the records, read once, in order.
        encoder: renders, cuts and tokenises.
        on_unfit: what to do about a response that has no sequence (too long, empty, an unknown role…) and about a
            comparison whose two sides are the same ids: ``error``, or ``drop`` it. Dropped are such responses with their
            comparisons, such comparisons, and records that had comparisons and have none left; ``dropped`` counts
            responses by their reason, comparisons as ``identical_tokens`` and records as
            ``records_left_without_comparisons``.

    Raises:
        Unfit: with ``on_unfit="error"``; names the record and the response.
        ValueError: ``on_unfit`` is something else.
    """
    if on_unfit not in ("error", "drop"):
        raise ValueError(f"on_unfit must be 'error' or 'drop', not {on_unfit!r}")
    sequences, records, dropped = Sequences(), _Records(), Counter[str]()
    for number, (preference, results) in enumerate(_tokenised(preferences, encoder)):
        name = f"record {preference.id or number}" + (f" of {preference.source}" if preference.source else "")
        found = _fitting(results, name, on_unfit, dropped)
        edges = _edges(preference, found, name, on_unfit, dropped)
        if not found or (preference.comparisons and not edges):
            dropped[EMPTIED] += 1
            continue
        places = {place: sequences.add(sequence) for place, sequence in found.items()}
        for place in found:
            sequences.rate(places[place], preference.responses[place].ratings)
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


def _tokenised(preferences: Iterable[Preference], encoder: Encoder) -> Iterator[tuple[Preference, list[Result]]]:
    """Yield each record with what the encoder makes of its responses, tokenised many at a time."""
    remaining = iter(preferences)
    while chunk := list(islice(remaining, _AT_ONCE)):
        pairs = [(record.prompt, response.content) for record in chunk for response in record.responses]
        results = encoder.encode_many(pairs)
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


def _edges(
    preference: Preference, found: Mapping[int, Sequence], name: str, on_unfit: OnUnfit, dropped: Counter[str]
) -> list[Comparison]:
    """Return the comparisons between encoded responses with different ids (a tie may be between equal ones)."""
    kept = []
    for edge in preference.comparisons:
        if edge.chosen not in found or edge.rejected not in found:
            continue
        sides = found[edge.chosen], found[edge.rejected]
        if edge.tie or _key(sides[0]) != _key(sides[1]):
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


def _key(sequence: Sequence) -> bytes:
    types = sequence.token_type_ids
    parts: tuple[Any, ...] = (
        sequence.ids,
        [] if types is None else types,
        [sequence.prompt_length, sequence.prompt_key],
    )
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(np.asarray(part, dtype=np.int64).tobytes() + b"|")
    return digest.digest()


@dataclass(slots=True)
class Sequences:
    """Distinct sequences, growing: equal ids, segments and prompts are stored once."""

    tokens: "array[int]" = field(default_factory=lambda: array("i"))
    types: "array[int]" = field(default_factory=lambda: array("B"))
    offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    starts: "array[int]" = field(default_factory=lambda: array("i"))
    keys: "array[int]" = field(default_factory=lambda: array("q"))
    ratings: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    _places: dict[bytes, int] = field(default_factory=dict)

    def add(self, sequence: Sequence) -> int:
        """Return where ``sequence`` is stored, storing it if it is new."""
        key = _key(sequence)
        if key in self._places:
            return self._places[key]
        types = sequence.token_type_ids
        self.tokens.extend(int(token) for token in sequence.ids)
        self.types.extend([0] * len(sequence.ids) if types is None else [int(kind) for kind in types])
        self.offsets.append(len(self.tokens))
        self.starts.append(sequence.prompt_length)
        self.keys.append(sequence.prompt_key)
        return self._places.setdefault(key, len(self._places))

    def rate(self, place: int, ratings: Mapping[str, float]) -> None:
        """Add ratings to a sequence; one that is rated several times gets their mean."""
        if ratings:
            known = self.ratings.setdefault(place, {})
            for name, value in ratings.items():
                known.setdefault(name, []).append(value)

    def encoded(self) -> EncodedSet:
        """Return the columns of the sequences, without records."""
        types = np.array(self.types, np.uint8)
        names, table = self._rating_table()
        return EncodedSet(
            tokens=np.array(self.tokens, np.int32),
            offsets=np.array(self.offsets, np.int64),
            response_starts=np.array(self.starts, np.int32),
            prompt_keys=np.array(self.keys, np.int64),
            token_types=types if types.any() else None,
            ratings=table,
            rating_names=names,
            **_Records().columns(),
        )

    def _rating_table(self) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        names = tuple(sorted({name for ratings in self.ratings.values() for name in ratings}))
        table = np.full((len(self.keys), len(names)), np.nan, np.float32)
        for place, ratings in self.ratings.items():
            for name, values in ratings.items():
                table[place, names.index(name)] = np.mean(values)
        return names, table


@dataclass(slots=True)
class _Records:
    """Records over sequences, growing."""

    offsets: list[int] = field(default_factory=lambda: [0])
    sequences: list[int] = field(default_factory=list)
    edge_offsets: list[int] = field(default_factory=lambda: [0])
    edges: list[tuple[int, int, bool, float, float]] = field(default_factory=list)

    def add(self, places: Mapping[int, int], edges: Iterable[Comparison]) -> None:
        """Add a record whose response ``place`` is sequence ``places[place]``."""
        self.sequences.extend(places.values())
        self.offsets.append(len(self.sequences))
        for edge in edges:
            strength = np.nan if edge.strength is None else edge.strength
            self.edges.append((places[edge.chosen], places[edge.rejected], edge.tie, strength, edge.weight))
        self.edge_offsets.append(len(self.edges))

    def columns(self) -> dict[str, Any]:
        """Return the record and comparison columns of an `EncodedSet`."""
        chosen, rejected, tie, strength, weight = zip(*self.edges, strict=True) if self.edges else ((),) * 5
        return {
            "record_offsets": np.array(self.offsets, np.int64),
            "record_sequences": np.array(self.sequences, np.int64),
            "comparison_offsets": np.array(self.edge_offsets, np.int64),
            "chosen": np.array(chosen, np.int64),
            "rejected": np.array(rejected, np.int64),
            "tie": np.array(tie, np.bool_),
            "strength": np.array(strength, np.float32),
            "weight": np.array(weight, np.float32),
        }


def _sealed(encoded: EncodedSet) -> EncodedSet:
    """Return the set with the fingerprint of its columns."""
    digest = hashlib.sha256()
    for name in EncodedSet.__dataclass_fields__:
        value = getattr(encoded, name)
        if isinstance(value, np.ndarray):
            digest.update(f"{name} {value.dtype} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes())
    digest.update(repr((encoded.rating_names, sorted(encoded.dropped.items()))).encode())
    return replace(encoded, fingerprint=digest.hexdigest())
