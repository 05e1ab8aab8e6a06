"""Who speaks in a record, and whether in an order that templates can write."""

from collections.abc import Mapping
from itertools import pairwise

from plaudit.preferences.preference import Message, Preference

KNOWN = frozenset({"system", "user", "assistant", "tool"})
SYNONYMS: Mapping[str, str] = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "developer": "system",
    "function": "tool",
    "Human": "user",
    "User": "user",
    "Assistant": "assistant",
    "System": "system",
}
"""What other formats call the roles."""


def messages(record: Preference) -> list[Message]:
    """Return all turns of a record, the prompt's and every response's."""
    contents = [record.prompt, *(response.content for response in record.responses)]
    return [turn for content in contents if not isinstance(content, str) for turn in content]


def order_problem(record: Preference) -> str:
    """Return what is wrong with the order of a record's turns, in a few words, or ``""``; the first thing found."""
    prompt = [] if isinstance(record.prompt, str) else [turn.role for turn in record.prompt]
    for response in record.responses:
        if isinstance(response.content, str):
            continue
        said = [turn.role for turn in response.content]
        if said and said[-1] != "assistant":
            return "a response that does not end with the assistant"
        if problem := _problem([*prompt, *said], asked=bool(prompt)):
            return problem
    return ""


def _problem(roles: list[str], *, asked: bool) -> str:
    """Return what is wrong with roles in order; where nothing was asked, an assistant may begin."""
    spoken = [role for role in roles if role != "system"]
    if "system" in roles[1:]:
        return "a system turn after the first"
    if asked and spoken and spoken[0] == "assistant":
        return "an assistant turn before any user turn"
    for one, other in pairwise(spoken):
        if one == other and one in ("user", "assistant"):
            return f"two {one} turns in a row"
    return ""
