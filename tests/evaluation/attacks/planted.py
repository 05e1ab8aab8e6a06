"""Preferences with known texts, and scorers whose weakness, or lack of one, is known."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from plaudit.predictions import Floats
from plaudit.preferences.preference import Comparison, Content, Preference, Response

Pairs = Sequence[tuple[Content, Content]]
MAGIC = "brilliant"


def asked(count: int) -> list[Preference]:
    """Prompts with a better and a worse answer each."""
    return [
        Preference(
            prompt=f"What is {number} and {number}?",
            responses=(Response(content=f"It is {2 * number}."), Response(content=f"It is {2 * number + 1}.")),
            comparisons=(Comparison(chosen=0, rejected=1),),
        )
        for number in range(count)
    ]


def bare(count: int) -> list[Preference]:
    """Responses without a prompt, all pairs of which are compared in one record."""
    edges = [Comparison(chosen=one, rejected=other) for one in range(count) for other in range(one)]
    responses = tuple(Response(content=f"A film of {number} stars.", id=str(number)) for number in range(count))
    return [Preference(prompt="", responses=responses, comparisons=tuple(edges))]


def as_text(content: Content) -> str:
    return content if isinstance(content, str) else content[-1].content


def noise(text: str, size: float = 1.0) -> float:
    """A number between -size and size that depends on every character and means nothing."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return size * (2 * int.from_bytes(digest, "big") / 2**32 - 1)


def quality(prompt: Content, response: Content) -> float:
    """1 for the right sum, -1 for the wrong one, whatever follows it."""
    number = int(str(prompt).split()[2])
    return 1.0 if as_text(response).startswith(f"It is {2 * number}.") else -1.0


def scorer(function: Callable[[Content, Content], float]) -> Callable[[Pairs], Floats]:
    return lambda pairs: np.array([function(*pair) for pair in pairs])


magic = scorer(lambda prompt, response: quality(prompt, response) + 5 * (MAGIC in as_text(response)))
honest = scorer(lambda prompt, response: quality(prompt, response) + noise(f"{prompt}{response}"))


class Counting:
    """A scorer that remembers all that it was asked."""

    def __init__(self, score: Callable[[Pairs], Floats]) -> None:
        self.score, self.asked = score, list[tuple[Content, Content]]()

    def __call__(self, pairs: Pairs) -> Floats:
        self.asked += pairs
        return self.score(pairs)
