"""What a response looks like without being read: numbers of its surface.

>>> at = FEATURES.index("words")
>>> surface(["Two words.", ""], ["", ""])[:, at].round(3).tolist()
[1.099, 0.0]
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_WORD = re.compile(r"\w+")
_COUNTED: Mapping[str, re.Pattern[str]] = {
    "lines": re.compile(r"\n"),
    "list entries": re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE),
    "headings": re.compile(r"^#{1,6}\s", re.MULTILINE),
    "bold": re.compile(r"\*\*\S"),
    "code": re.compile(r"`"),
    "digits": re.compile(r"\d"),
    "capitals": re.compile(r"[A-Z]"),
    "commas": re.compile(r"[,;:，；：、]"),
    "sentence ends": re.compile(r"[.!?。！？]"),
    "questions": re.compile(r"[?？]"),
    "exclamations": re.compile(r"[!！]"),
    "first person": re.compile(r"\b(?:I|me|my)\b"),
    "second person": re.compile(r"\byou(?:r|rs)?\b", re.IGNORECASE),
    "refusal": re.compile(r"\b(?:sorry|cannot|can't|unable|won't|not able)\b", re.IGNORECASE),
    "hedging": re.compile(r"\b(?:may|might|perhaps|maybe|could|seems?|possibl[ey])\b", re.IGNORECASE),
}


def _length(text: str, words: Sequence[str], prompt: frozenset[str]) -> float:  # noqa: ARG001 - as every feature
    return float(len(text))


def _words(text: str, words: Sequence[str], prompt: frozenset[str]) -> float:  # noqa: ARG001 - as every feature
    return float(len(words))


def _distinct(text: str, words: Sequence[str], prompt: frozenset[str]) -> float:  # noqa: ARG001 - as every feature
    return float(len(set(words)))


def _from_prompt(text: str, words: Sequence[str], prompt: frozenset[str]) -> float:  # noqa: ARG001 - as every feature
    return float(sum(word in prompt for word in words))


_OTHERS: Mapping[str, Callable[[str, Sequence[str], frozenset[str]], float]] = {
    "characters": _length,
    "words": _words,
    "distinct words": _distinct,
    "words of the prompt": _from_prompt,
}
FEATURES: tuple[str, ...] = (*_OTHERS, *_COUNTED)
"""Names of the columns of `surface`."""


def surface(texts: Sequence[str], prompts: Sequence[str]) -> Floats:
    """Return the surface of each response, float64 [N, features]: logarithms of one plus counts.

    Args:
        texts: of N responses.
        prompts: what each answers.
    """
    found = np.empty((len(texts), len(FEATURES)))
    known: dict[str, frozenset[str]] = {}
    for at, (text, prompt) in enumerate(zip(texts, prompts, strict=True)):
        if prompt not in known:
            known = {prompt: frozenset(_WORD.findall(prompt.lower()))}
        words = _WORD.findall(text.lower())
        others = [count(text, words, known[prompt]) for count in _OTHERS.values()]
        found[at] = [*others, *(len(pattern.findall(text)) for pattern in _COUNTED.values())]
    return np.log1p(found)
