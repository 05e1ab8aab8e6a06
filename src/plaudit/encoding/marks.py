"""From characters to tokens: which tokens of a response lie in spans that somebody marked.

Where a token lies is what the tokenizer itself says (its offsets in the rendered text), counted from the first
character of the response. White space at the ends of a marked span is left out, so that a token that begins with the
space before a word is marked with its own word, not with the one before.
"""

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from plaudit.encoding.template import Rendering
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Content
from plaudit.preferences.spans import Spans

NOT_JUDGED, FINE, WRONG = 0, 1, 2
"""Marks of a token: nobody judged it, or it is none of the response's words; judged and not marked; marked."""


class Rewritten(Unencodable):
    """The template changes the response's words, so characters of the one are not characters of the other."""

    reason = "rewritten_response"


def response_characters(rendering: Rendering, encoding: Encoding, response: Content, begin: int) -> NDArray[np.int32]:
    """Return the characters of the response that each of its tokens holds, int32 [L, 2]: begin and end.

    Tokens that hold none (the end of the turn), and all tokens of a response of several turns, have (0, 0).

    Args:
        rendering: the prompt and the response as text.
        encoding: what the tokenizer made of it.
        response: what was written.
        begin: the first token of the response.

    Raises:
        Rewritten: the response's words are not in the text where they should be.
    """
    found = np.zeros((len(encoding) - begin, 2), np.int32)
    if not isinstance(response, str) and len(response) != 1:
        return found
    words = response if isinstance(response, str) else response[0].content
    segment = 0 if rendering.first is None else 1
    own = np.array([place == segment for place in encoding.sequence_ids[begin:]])
    offsets = np.array(encoding.offsets[begin:], np.int64) - _origin(rendering, words)
    found[:] = np.clip(offsets, 0, len(words))
    found[~own | (found[:, 0] >= found[:, 1])] = 0
    return found


def _origin(rendering: Rendering, words: str) -> int:
    """Return where the first character of ``words`` is in the text, or would be had the template not trimmed it."""
    core, lead = words.strip(), len(words) - len(words.lstrip())
    at = rendering.text.find(core, rendering.border, rendering.border + lead + len(core))
    if at < 0:
        raise Rewritten("the chat template rewrites the response, so its span feedback cannot be placed in its tokens")
    return at - lead


def marks_of(characters: NDArray[np.int32], words: str, spans: Spans) -> NDArray[np.uint8]:
    """Return the mark of each token of a response whose spans were judged, uint8 [L].

    Args:
        characters: from `response_characters`, [L, 2].
        words: the response.
        spans: which of its characters were marked; empty if none were.
    """
    marked = np.zeros(len(words) + 1, np.int64)
    for begin, end in (_trimmed(words, *span) for span in spans):
        marked[1 + begin : 1 + end] = 1
    before = np.cumsum(marked)
    hit = before[characters[:, 1]] > before[characters[:, 0]]
    held = characters[:, 1] > characters[:, 0]
    return np.where(hit, WRONG, np.where(held, FINE, NOT_JUDGED)).astype(np.uint8)


def _trimmed(words: str, begin: int, end: int) -> tuple[int, int]:
    """Return the span without white space at its ends; all of it where it is nothing else."""
    span = words[begin:end]
    if not span.strip():
        return begin, end
    return begin + len(span) - len(span.lstrip()), end - len(span) + len(span.rstrip())
