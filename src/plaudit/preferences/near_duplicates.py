"""Near-duplicate texts: candidates by one-permutation MinHash in bands, confirmed by exact Jaccard of their shingles.

A shingle is 8 bytes of the normalised text. A. Broder, "On the resemblance and containment of documents" (1997);
P. Li, A. Owen, C.-H. Zhang, "One permutation hashing" (2012); A. Shrivastava, P. Li, "Densifying one permutation
hashing via rotation for fast near neighbor search" (2014).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

WIDTH = 8
BINS = 128
BANDS = 16
BATCH_BYTES = 1 << 20
BLOCK = 2048

_EMPTY = np.uint64(2**64 - 1)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_NOT_WORDS = re.compile(r"\W+")


def normalise(text: str) -> str:
    """Return the text in one case, its words one space apart, without punctuation (unless it is nothing else)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORDS.sub(" ", folded).strip() or folded.strip()


def band_hashes(texts: Iterable[str]) -> Words:
    """Return ``[texts, BANDS]`` hashes; texts with Jaccard ``s`` share one with probability about ``1-(1-s^8)^16``."""
    found = [_bands(batch) for batch in _batches(texts)]
    return np.concatenate(found) if found else np.empty((0, BANDS), np.uint64)


def _batches(texts: Iterable[str]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for text in texts:
        batch.append(text.encode("utf-8", "surrogatepass") or b"\0")
        size += len(batch[-1])
        if size >= BATCH_BYTES or len(batch) >= BATCH_BYTES // BINS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bands(texts: list[bytes]) -> Words:
    """Hash the bins of each band together; they lie apart, because a short text fills neighbours with one shingle."""
    signatures = _densified(_signatures(texts))
    rows = signatures.reshape(len(texts), BINS // BANDS, BANDS)
    hashes = np.zeros((len(texts), BANDS), np.uint64)
    for row in range(rows.shape[1]):
        hashes = _mixed(hashes * _STEP + rows[:, row])
    return hashes


def _signatures(texts: list[bytes]) -> Words:
    """Return ``[texts, BINS]``: the least shingle hash in each bin, or the largest number where a bin has none."""
    lengths = np.array([len(text) for text in texts])
    padded = np.frombuffer(b"".join(text + b"\0" * (WIDTH - 1) for text in texts) + b"\0", np.uint8)
    starts = np.arange(lengths.sum()) + np.repeat(np.arange(len(texts)) * (WIDTH - 1), lengths)
    shingles = np.zeros(len(starts), np.uint64)
    for offset in range(WIDTH):
        shingles = (shingles << np.uint64(8)) | padded[starts + offset]
    hashes = _mixed(shingles)
    bins = np.repeat(np.arange(len(texts)) * BINS, lengths) + (hashes >> np.uint64(57)).astype(np.int64)
    signatures = np.full(len(texts) * BINS, _EMPTY)
    np.minimum.at(signatures, bins, hashes)
    return signatures.reshape(len(texts), BINS)


def _densified(signatures: Words) -> Words:
    """Return the signatures with empty bins filled from the next full one to the right, marked with the distance."""
    at = np.arange(BINS)
    full = np.where(signatures == _EMPTY, 4 * BINS, at)
    twice = np.concatenate([full, full + BINS], axis=1)
    following = np.minimum.accumulate(twice[:, ::-1], axis=1)[:, ::-1][:, :BINS]
    borrowed = np.take_along_axis(signatures, following % BINS, axis=1)
    return borrowed + (following - at).astype(np.uint64) * _STEP


def _mixed(words: Words) -> Words:
    """Return the words well mixed (the finaliser of splitmix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def shingles(text: str) -> set[bytes]:
    """Return the shingles of a normalised text: at each byte the `WIDTH` from there on, the end padded with zeros."""
    data = text.encode("utf-8", "surrogatepass") or b"\0"
    padded = data + b"\0" * (WIDTH - 1)
    return {padded[at : at + WIDTH] for at in range(len(data))}


def jaccard(first: str, second: str) -> float:
    """Return the share of shingles that two normalised texts have in common, 0 to 1."""
    one, other = shingles(first), shingles(second)
    return len(one & other) / len(one | other)


class Merger:
    """Disjoint sets of numbers ``0 … count - 1``; the least of a set stands for it."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, at: int) -> int:
        """Return the least member of the set of ``at``."""
        while self._parent[at] != at:
            self._parent[at] = at = self._parent[self._parent[at]]
        return at

    def same(self, first: int, second: int) -> bool:
        """Return whether both are in one set."""
        return self.root(first) == self.root(second)

    def merge(self, first: int, second: int) -> None:
        """Make one set of the sets of both."""
        one, other = self.root(first), self.root(second)
        self._parent[max(one, other)] = min(one, other)

    def roots(self) -> list[int]:
        """Return the root of every number."""
        return [self.root(at) for at in range(len(self._parent))]


def merge_near(bands: Words, texts: Callable[[Sequence[int]], Sequence[str]], similarity: float) -> list[int]:
    """Return for each text the least text it is merged with (transitively; itself if with none).

    Args:
        bands: `band_hashes` of the texts ``[texts, BANDS]``.
        texts: gives the normalised texts at some positions; asked for candidates only, `BLOCK` pairs at a time.
        similarity: Jaccard from which two texts are the same.

    Within a band, texts with equal hashes are compared to the first of them, not each with each.
    """
    merger, compared = Merger(len(bands)), np.empty(0, np.int64)
    for band in bands.T:
        first, second = _candidates(band)
        codes = np.setdiff1d(first * len(bands) + second, compared)
        for start in range(0, len(codes), BLOCK):
            _merge_block(merger, np.divmod(codes[start : start + BLOCK], len(bands)), texts, similarity)
        compared = np.union1d(compared, codes)
    return merger.roots()


def _merge_block(
    merger: "Merger", pairs: tuple[Positions, Positions], texts: Callable[[Sequence[int]], Sequence[str]], least: float
) -> None:
    """Merge those of some pairs that are alike, reading each text once."""
    apart = [pair for pair in zip(*(side.tolist() for side in pairs), strict=True) if not merger.same(*pair)]
    wanted = sorted({at for pair in apart for at in pair})
    found = {at: shingles(text) for at, text in zip(wanted, texts(wanted), strict=True)} if wanted else {}
    for first, second in apart:
        if not merger.same(first, second) and _alike(found[first], found[second], least):
            merger.merge(first, second)


def _alike(one: set[bytes], other: set[bytes], least: float) -> bool:
    """Return whether the Jaccard of two sets is at least ``least``; their sizes alone may say that it cannot be."""
    smaller, larger = sorted((len(one), len(other)))
    if smaller / larger < least:
        return False
    common = len(one & other)
    return common / (smaller + larger - common) >= least


def _candidates(band: Words) -> tuple[Positions, Positions]:
    """Return pairs of positions with equal hashes: the first of each run with each other of it."""
    order = np.argsort(band, kind="stable")
    alike = np.diff(band[order]) == 0
    opens = np.where(np.concatenate([[True], ~alike]), np.arange(len(order)), 0)
    first = order[np.maximum.accumulate(opens)]
    others = np.flatnonzero(alike) + 1
    return first[others], order[others]
