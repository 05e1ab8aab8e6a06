"""Shorten a prompt until its sequence fits: the oldest turns go first, the response is never touched.

The result depends on the prompt and the response alone, so a reward does not depend on what else is scored. Order:

1. the prompt's turns from the oldest on, except its last and a system turn at its head;
2. that system turn;
3. words from the beginning of the last turn;
4. the last turn.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Content, Message


class ResponseTooLong(Unencodable):
    """A response that does not fit even without its prompt."""

    reason = "response_too_long"


def shorten(
    prompt: Content,
    limit: int,
    measure: Callable[[Content], int],
    starts: Callable[[str], Sequence[int]],
    allowed: Callable[[Content], bool] = lambda _prompt: True,
) -> Content:
    """Return what is left of ``prompt`` when the whole sequence is to have at most ``limit`` tokens.

    Args:
        prompt: text or turns, too long as it is.
        limit: tokens a sequence may have.
        measure: tokens of the whole sequence with another prompt.
        starts: for each token of a text, the character at which it begins.
        allowed: whether a conversation may begin with these turns.

    Raises:
        ResponseTooLong: the response alone is longer than ``limit``.
    """
    last = prompt
    for series in _fewer_turns(prompt):
        candidates = [candidate for candidate in series if allowed(candidate)]
        fitting = bisect_left(candidates, True, key=lambda candidate: measure(candidate) <= limit)
        if fitting < len(candidates):
            return candidates[fitting]
        last = candidates[-1] if candidates else last
    cut = _fewer_words(last, lambda candidate: measure(candidate) - limit, starts)
    if measure(cut) <= limit:
        return cut
    nothing: Content = "" if isinstance(prompt, str) else ()
    needed = measure(nothing)
    if needed > limit:
        raise ResponseTooLong(
            f"the response needs {needed} tokens without its prompt, and a sequence has at most {limit}: "
            "raise max_length, or drop such rows"
        )
    return nothing


def _fewer_turns(prompt: Content) -> list[list[Content]]:
    """Return the prompt with no turn dropped, one, two, … down to its last turn alone.

    A first system turn is kept throughout the first series; only where nothing of that fits, it goes, and the second
    series begins with all other turns again.
    """
    if isinstance(prompt, str) or len(prompt) < 2:
        return [[prompt]]
    head, body = (prompt[:1], prompt[1:]) if prompt[0].role == "system" else ((), prompt)
    heads = (head, ()) if head else ((),)
    return [[first + body[dropped:] for dropped in range(len(body))] for first in heads]


def _fewer_words(prompt: Content, excess: Callable[[Content], int], starts: Callable[[str], Sequence[int]]) -> Content:
    """Return ``prompt`` without the beginning of its only turn, so much that nothing is in excess if that can be."""
    while (words := _words(prompt)) and (over := excess(prompt)) > 0:
        places = starts(words)
        kept = words[max(1, places[over]) :] if over < len(places) else ""
        prompt = kept if isinstance(prompt, str) else (Message(prompt[-1].role, kept),)
    return prompt


def _words(prompt: Content) -> str:
    if isinstance(prompt, str):
        return prompt
    return prompt[-1].content if prompt else ""
