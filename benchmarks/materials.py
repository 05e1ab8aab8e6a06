"""What is trained on and scored: real pairs, prompts and snippets, drawn the same way in every run."""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.loading import Pair, messages
from benchmarks.machine import ROOT
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Message, Preference
from plaudit.preferences.reading import read

SHARED = "PLAUDIT_SHARED_DATA"
PAIRS_FILE = "hh-rlhf-harmless.train.jsonl.gz"
SNIPPETS = "builtin:movie-ratings"
ASKED = "How good is this film?"
"""The prompt of every snippet: a cross-encoder takes pairs of texts only."""
WORDS = 60
"""Words of a response to score, at the most."""


class NoPairs(LookupError):
    """The preference file is not there, or holds too few pairs that fit."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A pair that fits, and the tokens of its prompt, of its longer side, and of both with the prompt once."""

    pair: Pair
    prompt: int
    longest: int
    tree: int


def shared_folder() -> Path:
    """Return the folder of larger preference files, there or not: `PLAUDIT_SHARED_DATA`, else ``../shared/data``."""
    return Path(os.environ.get(SHARED, ROOT.parent / "shared" / "data"))


def shared_pairs() -> Iterator[Pair]:
    """Yield the pairs of hh-rlhf harmless in the folder `PLAUDIT_SHARED_DATA`, else ``../shared/data``.

    Raises:
        NoPairs: the file is not there.
    """
    path = shared_folder() / PAIRS_FILE
    if not path.is_file():
        raise NoPairs(f"{PAIRS_FILE} is in none of the places looked at; {SHARED} may name its folder")
    return map(conversational, read(path, "hh", on_flaw="drop"))


def conversational(preference: Preference) -> Pair:
    """Return a record of one comparison in TRL's conversational shape."""
    edge = preference.comparisons[0]
    sides = {
        "chosen": preference.responses[edge.chosen].content,
        "rejected": preference.responses[edge.rejected].content,
    }
    return {name: _plain(content) for name, content in {"prompt": preference.prompt, **sides}.items()}


def _plain(content: Any) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in content]


def fitting(pairs: Iterable[Pair], encoder: Encoder) -> list[Fitting]:
    """Return the pairs that fit uncut, differ in their ids, and have a prompt that none before them has."""
    found, seen = [], set()
    for pair in pairs:
        prompt = messages(pair["prompt"])
        results = list(encoder.encode_many((prompt, messages(pair[side])) for side in ("chosen", "rejected")))
        whole = [item for item in results if not isinstance(item, Unencodable) and not item.cut]
        if len(whole) < 2 or prompt in seen or whole[0].ids.tolist() == whole[1].ids.tolist():
            continue
        seen.add(prompt)
        lengths, start = [len(item.ids) for item in whole], whole[0].prompt_length
        found.append(Fitting(pair, start, max(lengths), sum(lengths) - start))
    return found


def drawn(pool: Sequence[Fitting], count: int, seed: int) -> list[Fitting]:
    """Return ``count`` of ``pool`` in random order.

    Raises:
        NoPairs: there are fewer.
    """
    if len(pool) < count:
        raise NoPairs(f"only {len(pool)} pairs fit, and {count} are needed")
    return random.Random(seed).sample(list(pool), count)


def warming(pool: Sequence[Fitting], timed: Sequence[Fitting], count: int, batch_size: int) -> list[Fitting]:
    """Return ``count`` pairs of ``pool`` that are not timed, as long as timed ones.

    Its first batch is like the timed one with the longest pair, which is the largest when padded; the next like that
    with the most tokens when packed. What either side needs has then been taken from the system before the clock
    starts. None is longer than the longest timed pair, so the peak of memory is that of the timed pairs.

    Raises:
        NoPairs: there are too few.
    """
    batches = [timed[first : first + batch_size] for first in range(0, len(timed), batch_size)]
    longest = max(batches, key=lambda batch: max(pair.longest for pair in batch))
    fullest = max(batches, key=lambda batch: sum(pair.tree for pair in batch))
    limit = max(pair.longest for pair in longest)
    rest = [pair for pair in pool if pair not in timed and pair.longest <= limit]
    if len(rest) < count:
        raise NoPairs(f"{count} pairs are needed to warm up with, and {len(rest)} of at most {limit} tokens are left")
    found: list[Fitting] = []
    for wanted in ([*longest, *fullest] * count)[:count]:
        found.append(min(rest, key=lambda pair: abs(pair.longest - wanted.longest) + abs(pair.tree - wanted.tree)))
        rest.remove(found[-1])
    return found


def length_sorted(pairs: Sequence[Fitting], warm_up: int) -> list[Fitting]:
    """Return the pairs with all but the first ``warm_up`` sorted by their longer side."""
    return [*pairs[:warm_up], *sorted(pairs[warm_up:], key=lambda pair: pair.longest)]


def token_counts(pool: Sequence[Fitting], timed: Sequence[Fitting], batch_size: int, seed: int) -> dict[str, float]:
    """Return the tokens of the timed pairs, padded in their order, padded when sorted, and packed.

    ``padded_over_packed`` is of the timed pairs, ``padded_over_packed_of_all`` of the whole pool in random order: the
    draw is ordinary where the two are alike.
    """
    packed, everything = sum(pair.tree for pair in timed), drawn(pool, len(pool), seed)
    padded = _padded(timed, batch_size)
    return {
        "packed_tokens": packed,
        "padded_tokens": padded,
        "sorted_padded_tokens": _padded(length_sorted(timed, 0), batch_size),
        "padded_over_packed": padded / packed,
        "padded_over_packed_of_all": _padded(everything, batch_size) / sum(pair.tree for pair in everything),
    }


def _padded(pairs: Sequence[Fitting], batch_size: int) -> int:
    """Return the tokens of padded batches: both sides of every pair are as long as the longest sequence."""
    batches = [pairs[first : first + batch_size] for first in range(0, len(pairs), batch_size)]
    return sum(2 * len(batch) * max(pair.longest for pair in batch) for batch in batches)


def short_case(pool: Sequence[Fitting], tokens: int, responses: int, seed: int) -> dict[str, Any]:
    """Return the prompt whose length is closest to ``tokens``, with responses of the pool."""
    asked = min(pool, key=lambda pair: abs(pair.prompt - tokens)).pair["prompt"]
    return {"case": "short", "prompt": asked, "responses": _responses(pool, responses, seed)}


def long_case(
    pool: Sequence[Fitting], tokens: int, responses: int, seed: int, measure: Callable[[str], int]
) -> dict[str, Any]:
    """Return a prompt of ``tokens`` tokens or a few more, made of many prompts' words, with responses of the pool.

    Args:
        pool: the pairs to take texts from.
        tokens: how long the prompt is to be.
        responses: how many responses.
        seed: of the choice of responses.
        measure: gives the tokens of a prompt.
    """
    words = [word for pair in pool for turn in pair.pair["prompt"] for word in turn["content"].split()]
    low, high = 1, len(words)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if measure(" ".join(words[:middle])) >= tokens else (middle + 1, high)
    asked = [{"role": "user", "content": " ".join(words[:low])}]
    return {"case": "long", "prompt": asked, "responses": _responses(pool, responses, seed + 1)}


def prompt_tokens(encoder: Encoder, text: str) -> int:
    """Return how many tokens a prompt of one user turn takes."""
    return encoder.encode((Message("user", text),), (Message("assistant", "x"),)).prompt_length


def _responses(pool: Sequence[Fitting], count: int, seed: int) -> list[str]:
    texts = sorted({" ".join(pair.pair["chosen"][0]["content"].split()[:WORDS]) for pair in pool})
    if len(texts) < count:
        raise NoPairs(f"only {len(texts)} different responses, and {count} are needed")
    return random.Random(seed).sample(texts, count)


def movie_snippets(count: int, seed: int) -> list[str]:
    """Return ``count`` snippets of movie reviews.

    Raises:
        AssetError: they are not cached and cannot be downloaded.
    """
    texts = [str(record.responses[0].content) for record in read(SNIPPETS, on_flaw="drop")]
    return random.Random(seed).sample(texts, min(count, len(texts)))
