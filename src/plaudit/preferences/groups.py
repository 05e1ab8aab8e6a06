"""Groups, the unit of splitting and resampling: the prompt (near-duplicates merged), or without a prompt the response.

Where there is a prompt, all responses to it, and to prompts almost equal to it, belong together. Where there is none,
the unit is each response by itself: its ``group`` field if it has one, else its id, else its text; the same text under
two ids is one unit.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.near_duplicates import Merger, band_hashes, merge_near, normalise
from plaudit.preferences.preference import Content, Response

SIMILARITY = 0.85
"""Share of common shingles from which two prompts count as the same."""


@dataclass(frozen=True, slots=True)
class Units:
    """The unit of every response, records one after the other.

    Attributes:
        offsets: ``[records + 1]``; record ``i`` has responses ``offsets[i]`` to ``offsets[i + 1]``.
        codes: ``[responses]``, positions in ``names``.
        names: names of the units, the same whatever the order of records.
    """

    offsets: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    names: list[str]


def assign(preferences: Preferences, similarity: float = SIMILARITY) -> Preferences:
    """Return the same records with their group.

    A record without a prompt that has several responses gets a group named after all their units; for splitting and
    resampling it is the units that count (see `units`).

    Args:
        preferences: the records.
        similarity: Jaccard of 8-byte shingles of normalised prompts from which they are merged; 1 takes equal ones.
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity is {similarity}; it should be above 0 and at most 1")
    groups = _prompt_groups(preferences, similarity)
    bare = [at for at, group in enumerate(groups) if not group]
    for at, group in zip(bare, _response_groups(preferences.select(bare)), strict=True):
        groups[at] = group
    return preferences.with_groups(groups)


def units(preferences: Preferences) -> Units:
    """Return the unit of every response: its record's group where there is a prompt, else the response's own.

    Raises:
        ValueError: a record with a prompt has no group yet.
    """
    groups = preferences.column("group").to_pylist()
    sizes = preferences.column("size").to_pylist()
    bare = np.fromiter((not prompt for prompt in preferences.prompts()), bool, len(preferences))
    own = _response_units(preferences.select(np.flatnonzero(bare)))
    names: list[str] = []
    for alone, group, size in zip(bare, groups, sizes, strict=True):
        if not alone and not group:
            raise ValueError("some records have no group; call plaudit.preferences.groups.assign first")
        names += next(own) if alone else [group] * size
    known = sorted(set(names))
    number = {name: at for at, name in enumerate(known)}
    codes = np.fromiter((number[name] for name in names), np.int64, len(names))
    return Units(np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), codes, known)


def group_of(own: Sequence[str]) -> str:
    """Return the group of a record without a prompt, from the units of its responses."""
    return own[0] if len(own) == 1 else "responses:" + _digest(" ".join(sorted(own)))


def text_of(content: Content) -> str:
    """Return a content as one text, roles included."""
    return content if isinstance(content, str) else "\n".join(f"{turn.role}: {turn.content}" for turn in content)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class _Seen:
    """Numbers for digests in order of appearance."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.firsts: list[int] = []

    def add(self, digest: str, record: int) -> tuple[int, bool]:
        """Return the digest's number, and whether it is new."""
        code = self.codes.setdefault(digest, len(self.firsts))
        if code < len(self.firsts):
            return code, False
        self.firsts.append(record)
        return code, True


def _prompt_groups(preferences: Preferences, similarity: float) -> list[str]:
    """Return the group of every record with a prompt, ``""`` for the others."""
    seen, codes = _Seen(), np.full(len(preferences), -1)
    bands = band_hashes(_new_prompts(preferences, seen, codes))

    def texts(wanted: Sequence[int]) -> list[str]:
        records = preferences.select([seen.firsts[code] for code in wanted])
        return [normalise(text_of(prompt)) for prompt in records.prompts()]

    roots = merge_near(bands, texts, similarity) if similarity < 1 else range(len(seen.firsts))
    digests = list(seen.codes)
    least = _least_names(digests, roots)
    return ["" if code < 0 else "prompt:" + least[roots[code]] for code in codes]


def _least_names(digests: Sequence[str], roots: Sequence[int]) -> dict[int, str]:
    """Return for each root the least digest merged into it: a name that does not hang on the order of records."""
    least: dict[int, str] = {}
    for digest, root in zip(digests, roots, strict=True):
        least[root] = min(digest, least.get(root, digest))
    return least


def _new_prompts(preferences: Preferences, seen: _Seen, codes: npt.NDArray[np.int64]) -> Iterator[str]:
    """Yield each normalised prompt the first time it comes; note the number of every record's prompt in ``codes``."""
    for record, prompt in enumerate(preferences.prompts()):
        if prompt:
            text = normalise(text_of(prompt))
            codes[record], new = seen.add(_digest(text), record)
            if new:
                yield text


def _response_groups(preferences: Preferences) -> Iterator[str]:
    return map(group_of, _response_units(preferences))


def _response_units(preferences: Preferences) -> Iterator[list[str]]:
    """Yield the unit of each response of each record, as if none had a prompt; equal texts make one unit of two."""
    sources = preferences.column("source").to_pylist()
    rows = [
        [(_name(response, source), _digest(_folded(response))) for response in own]
        for own, source in zip(preferences.responses(), sources, strict=True)
    ]
    names = sorted({name for row in rows for name, _ in row})
    number = {name: at for at, name in enumerate(names)}
    merger, owner = Merger(len(names)), dict[str, int]()
    for name, digest in (pair for row in rows for pair in row):
        merger.merge(number[name], owner.setdefault(digest, number[name]))
    yield from ([names[merger.root(number[name])] for name, _ in row] for row in rows)


def _folded(response: Response) -> str:
    return normalise(text_of(response.content))


def _name(response: Response, source: str) -> str:
    """Return the name of a response's unit; ids and groups of two sources have nothing to do with each other."""
    named, where = response.extra.get("group"), f"{source}/" if source else ""
    if isinstance(named, str) and named:
        return f"group:{where}{named}"
    return f"response:{where}{response.id}" if response.id else f"text:{_digest(_folded(response))}"


def unit_names(responses: Iterable[Response], source: str) -> list[str]:
    """Return the names of the units of a source's responses, before equal texts are merged."""
    return [_name(response, source) for response in responses]
