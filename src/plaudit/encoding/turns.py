"""How a conversation is written down: what stands before and after each role's words.

One table says it all. `Turns.text` writes it in Python, `Turns.jinja` writes the same as the chat template that an
artefact's tokenizer carries, so any program that applies that template gets the text that was trained on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plaudit.preferences.preference import Message


class Unencodable(ValueError):
    """A (prompt, response) pair that has no sequence; ``reason`` is a word to count such pairs by."""

    reason = "unencodable"


class UnknownRole(Unencodable):
    """A turn's role has no place in the template."""

    reason = "unknown_role"


@dataclass(frozen=True, slots=True)
class Turn:
    """What stands around the words of one role."""

    header: str
    footer: str


@dataclass(frozen=True, slots=True)
class Turns:
    """The form of a conversation: ``prefix``, then ``header + content + footer`` of every turn.

    The white space that ends the last footer is left out, so that the last token is the one that ends the turn.

    Attributes:
        prefix: what every conversation begins with (the beginning-of-sequence token, where there is one).
        roles: the turn of each role that may speak.
        folded: how a system turn that a user turn follows is written inside it, for families without system turns.
        end: what follows the last turn (plain text ends with the end-of-sequence token).
    """

    prefix: str
    roles: Mapping[str, Turn]
    folded: Turn | None = None
    end: str = ""

    def text(self, messages: tuple[Message, ...]) -> str:
        """Return the whole conversation; "" for one without turns.

        Raises:
            UnknownRole: a turn's role is not in ``roles``.
        """
        return "".join(header + message.content + footer for header, message, footer in self.parts(messages))

    def parts(self, messages: tuple[Message, ...]) -> Iterator[tuple[str, Message, str]]:
        """Yield (what stands before, turn, what stands after) for each turn, the prefix in the first of them."""
        following: tuple[Message | None, ...] = (*messages[1:], None)
        before, inside = self.prefix, False
        for message, after in zip(messages, following, strict=True):
            turn, inside = self._turn(message, after, inside)
            footer = turn.footer if after else turn.footer.rstrip() + self.end
            yield before + turn.header, message, footer
            before = ""

    def _turn(self, message: Message, after: Message | None, inside: bool) -> tuple[Turn, bool]:
        if message.role not in self.roles:
            raise UnknownRole(f"no turn of role {message.role!r} in this template; its roles: {', '.join(self.roles)}")
        if self.folded and message.role == "system" and after and after.role == "user":
            return self.folded, True
        turn = self.roles[message.role]
        return (Turn("", turn.footer) if inside else turn), False

    def jinja(self) -> str:
        """Return the chat template that renders exactly `text`; it adds no generation prompt, whoever asks for one."""
        roles = self.roles.items()
        lines = [
            _table("headers", {role: turn.header for role, turn in roles}),
            _table("footers", {role: turn.footer for role, turn in roles}),
            _table("ends", {role: turn.footer.rstrip() + self.end for role, turn in roles}),
            "{{- " + _quoted(self.prefix) + " -}}",
            "{%- for message in messages -%}",
            "{%- set role = message['role'] -%}",
            _refuse("role not in headers", f"a role is not one of: {', '.join(self.roles)}"),
            _refuse("message['content'] is not string", "the content of a message must be text"),
            *(self._folding(self.folded) if self.folded else ["{{- headers[role] + message['content'] -}}"]),
            "{{- ends[role] if loop.last else footers[role] -}}",
            *(["{%- endif -%}"] if self.folded else []),
            "{%- endfor -%}",
        ]
        return "\n".join(lines)

    def _folding(self, folded: Turn) -> list[str]:
        inside = "role == 'user' and loop.previtem is defined and loop.previtem['role'] == 'system'"
        header, footer = _quoted(folded.header), _quoted(folded.footer)
        return [
            "{%- if role == 'system' and loop.nextitem is defined and loop.nextitem['role'] == 'user' -%}",
            "{{- " + f"{header} + message['content'] + {footer}" + " -}}",
            "{%- else -%}",
            "{{- ('' if " + inside + " else headers[role]) + message['content'] -}}",
        ]

    def record(self) -> dict[str, Any]:
        """Return the table as plain data."""
        folded = [self.folded.header, self.folded.footer] if self.folded else None
        roles = {role: [turn.header, turn.footer] for role, turn in self.roles.items()}
        return {"prefix": self.prefix, "roles": roles, "folded": folded, "end": self.end}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Turns":
        """Return the table that `record` wrote."""
        roles = {role: Turn(*pair) for role, pair in record["roles"].items()}
        folded = Turn(*record["folded"]) if record["folded"] else None
        return cls(record["prefix"], roles, folded, record["end"])


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _quoted(text: str) -> str:
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"


def _table(name: str, entries: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{_quoted(role)}: {_quoted(text)}" for role, text in entries.items())
    return "{%- set " + f"{name} = {{{pairs}}}" + " -%}"


def _refuse(condition: str, message: str) -> str:
    return "{%- if " + condition + " -%}{{- raise_exception(" + _quoted(message) + ") -}}{%- endif -%}"
