"""What may be scored, in the shapes people have it: pairs, conversations, records with named fields."""

from collections.abc import Mapping
from typing import Any

from plaudit.preferences.preference import Content, Message

Pair = tuple[Content, Content]
SHAPES = (
    "(prompt, response), {'prompt': …, 'response': …}, a list of messages that ends with the assistant's, "
    "{'messages': […]}, or a text; a prompt or response is a text or a list of {'role': …, 'content': …}"
)


class BadConversation(ValueError):
    """Something that cannot be scored because it has none of the known shapes."""


def as_pair(given: Any, where: str = "conversation") -> Pair:
    """Return ``given`` as (prompt, response).

    Args:
        given: one of `SHAPES`.
        where: how an error names it.

    Raises:
        BadConversation: it has another shape.
    """
    if isinstance(given, str):
        return "", given
    if isinstance(given, Mapping):
        return _from_fields(given, where)
    if not isinstance(given, list | tuple) or not given:
        raise BadConversation(f"{where}: cannot score {_shown(given)}; give {SHAPES}")
    if isinstance(given[0], Message | Mapping):
        return _split(as_content(given, where), where)
    if len(given) != 2:
        raise BadConversation(f"{where}: a pair has two parts, this has {len(given)}; give {SHAPES}")
    return as_content(given[0], f"{where}, prompt"), as_content(given[1], f"{where}, response")


def as_content(given: Any, where: str) -> Content:
    """Return a text, or the turns of a conversation.

    Raises:
        BadConversation: it is neither.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, list | tuple):
        raise BadConversation(f"{where}: a text or a list of messages is needed, not {_shown(given)}")
    return tuple(_message(turn, f"{where}, message {number}") for number, turn in enumerate(given))


def _message(given: Any, where: str) -> Message:
    if isinstance(given, Message):
        return given
    if not isinstance(given, Mapping) or not all(isinstance(given.get(key), str) for key in ("role", "content")):
        raise BadConversation(f"{where}: needs texts 'role' and 'content', not {_shown(given)}")
    return Message(given["role"], given["content"])


def _from_fields(given: Mapping[str, Any], where: str) -> Pair:
    if "messages" in given:
        return _split(as_content(given["messages"], f"{where}, messages"), where)
    if "response" not in given:
        raise BadConversation(f"{where}: has the fields {', '.join(map(str, given)) or 'none'}; give {SHAPES}")
    return as_content(given.get("prompt", ""), f"{where}, prompt"), as_content(given["response"], f"{where}, response")


def _split(messages: Content, where: str) -> Pair:
    """Split a conversation before its last message, which is the response."""
    if isinstance(messages, str) or not messages or messages[-1].role != "assistant":
        raise BadConversation(f"{where}: a conversation must end with a message of role 'assistant', the response")
    return messages[:-1], messages[-1:]


def _shown(given: Any) -> str:
    text = repr(given)
    return f"{type(given).__name__} {text if len(text) <= 60 else text[:57] + '…'}"
