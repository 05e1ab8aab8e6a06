"""Prompts and responses as HTML: text, and nothing but text."""

from plaudit.annotation.records import ShownResponse
from plaudit.pages.html import escaped
from plaudit.preferences.preference import Content, Message

ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
HEAD_CHARACTERS = 90


def exact(text: str) -> str:
    """Return ``text`` escaped so that a browser counts the same characters: a CR stands for itself."""
    return escaped(text).replace("\r", "&#13;")


def prompt(content: Content) -> str:
    """Return the prompt with its heading; nothing where there is none."""
    if not content:
        return ""
    return (
        '<section class="prompt" aria-labelledby="prompt-title"><h2 id="prompt-title">Prompt</h2>'
        f"{_turns(content, 'Prompt')}</section>"
    )


def response(shown: ShownResponse) -> str:
    """Return one response with its letter."""
    name = shown.letter
    label = f"Response {name}"
    empty = '<p class="quiet">This response is empty.</p>'
    return (
        f'<article class="response" id="response-{name}" aria-labelledby="response-{name}-title">'
        f'<h2 id="response-{name}-title"><span class="hidden">Response </span><span class="letter">{name}</span></h2>'
        f"{_turns(shown.content, label, name) if shown.content else empty}</article>"
    )


def head(content: Content) -> str:
    """Return how a response begins, on one line."""
    text = content if isinstance(content, str) else content[-1].content if content else ""
    words = " ".join(text[: 4 * HEAD_CHARACTERS].split())
    return words if len(words) <= HEAD_CHARACTERS else words[: HEAD_CHARACTERS - 1] + "…"


def _turns(content: Content, label: str, name: str = "") -> str:
    turns = (Message("", content),) if isinstance(content, str) else content
    inside = "".join(_turn(turn, name if len(turns) == 1 else "") for turn in turns)
    return f'<div class="text" tabindex="0" role="group" aria-label="{escaped(label)}">{inside}</div>'


def _turn(turn: Message, name: str) -> str:
    role = f'<span class="role">{escaped(ROLES.get(turn.role, turn.role))}</span>' if turn.role else ""
    markable = f' data-letter="{name}"' if name else ""
    return f'<div class="turn">{role}<div class="words" dir="auto"{markable}>{exact(turn.content)}</div></div>'
