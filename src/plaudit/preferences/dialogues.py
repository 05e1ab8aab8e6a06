r"""Dialogues as one text: ``"\n\nHuman: …\n\nAssistant: …"``, optionally opened by ``"\n\nSystem: …"``."""

import re
from collections.abc import Sequence

from plaudit.preferences.preference import Message

LABELS = {"user": "Human", "assistant": "Assistant", "system": "System"}
OPEN = "\n\nAssistant:"
"""What a dialogue ends with when the assistant is to speak next."""

_ROLES = {label: role for role, label in LABELS.items()}
_TURN = re.compile(r"\n\n(Human|Assistant):")
_SYSTEM = "\n\nSystem:"


def is_dialogue(text: object) -> bool:
    """Return whether ``text`` is a string that opens like a dialogue."""
    return isinstance(text, str) and text.startswith(("\n\nHuman:", _SYSTEM))


def parse(text: str) -> tuple[Message, ...]:
    """Return the turns of a dialogue. ``render`` gives the text back wherever each label is followed by one space.

    Raises:
        ValueError: the text does not open with a Human (or System) label.
    """
    head, *rest = _TURN.split(text)
    turns = [Message(_ROLES[label], _unspaced(said)) for label, said in zip(rest[::2], rest[1::2], strict=True)]
    if head.startswith(_SYSTEM):
        turns.insert(0, Message("system", _unspaced(head.removeprefix(_SYSTEM))))
    elif head:
        raise ValueError("it does not open with '\\n\\nHuman:'")
    return tuple(turns)


def render(turns: Sequence[Message]) -> str:
    """Return the turns as one text.

    Raises:
        ValueError: a turn's role has no label in this notation.
    """
    unknown = {turn.role for turn in turns} - LABELS.keys()
    if unknown:
        raise ValueError(f"role {min(unknown)!r} has no label in a dialogue text; known roles: {', '.join(LABELS)}")
    return "".join(f"\n\n{LABELS[turn.role]}: {turn.content}" for turn in turns)


def common_prefix(chosen: Sequence[Message], rejected: Sequence[Message]) -> int:
    """Return how many turns are the prompt of both: the longest common prefix after which the assistant speaks in both.

    If no cut leaves both responses opening with the assistant, the cut is the longest common prefix that leaves each
    at least one turn.
    """
    longest, limit = 0, min(len(chosen), len(rejected)) - 1
    while longest < limit and chosen[longest] == rejected[longest]:
        longest += 1
    cut = longest
    while cut and not chosen[cut].role == rejected[cut].role == "assistant":
        cut -= 1
    return cut or longest


def _unspaced(said: str) -> str:
    return said.removeprefix(" ")
