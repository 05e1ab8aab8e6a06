r"""The one renderer: training, evaluation, scoring and serving all write conversations through `Template`.

Kinds:

- ``chat``: a table of turns taken from the base's chat template (see `probing`). Plain text becomes one user and one
  assistant turn, an empty prompt no turn at all.
- ``plain``: prompt and response one after the other, then the end-of-sequence token, with the special tokens that the
  tokenizer itself puts around a text. Conversations are written as ``\n\nHuman: …\n\nAssistant: …``.
- ``encoder``: the tokenizer's own pair of segments, prompt and response, or the response alone. One user turn and one
  assistant turn are written bare, longer conversations with labels.
- ``verbatim``: a tokenizer's chat template as it is, for checkpoints that were trained with it elsewhere.
- ``as_given``: texts as ``plain`` writes them and turns as ``verbatim`` does: trainers such as TRL's RewardTrainer let
  the data decide, and use a chat template for turns alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

from plaudit.encoding.turns import Turn, Turns, Unencodable
from plaudit.preferences.preference import Content, Message

_FILL: Callable[..., Any] = render_jinja_template
LABELLED = {
    role: Turn(f"\n\n{label}: ", "")
    for role, label in (("system", "System"), ("user", "Human"), ("assistant", "Assistant"), ("tool", "Tool"))
}
VERBATIM = ("verbatim", "as_given")
"""Kinds that write turns with the tokenizer's own chat template, as it is."""


class EmptyResponse(Unencodable):
    """A response without words: there is nothing to score."""

    reason = "empty_response"


class NotUnicode(Unencodable):
    """A lone surrogate: half a character, which no tokenizer can read."""

    reason = "not_unicode"


class WrongTurns(Unencodable):
    """Turns in an order that the template cannot write."""

    reason = "wrong_turns"


@dataclass(frozen=True, slots=True)
class Rendering:
    """A pair written as text.

    Attributes:
        text: the whole text, or an encoder's last segment.
        border: character of ``text`` where the response's first words begin.
        first: an encoder's first segment, None where there is only one.
        special: the tokenizer adds its own special tokens around it.
    """

    text: str
    border: int
    first: str | None = None
    special: bool = False

    @property
    def prompt(self) -> str:
        """All that stands before the response's words."""
        return (self.first or "") + self.text[: self.border]


@dataclass(frozen=True, slots=True)
class Template:
    """How a prompt and a response become text. ``choices.for_tokenizer`` makes the one that suits a base.

    Attributes:
        kind: ``chat``, ``plain``, ``encoder``, ``verbatim`` or ``as_given``.
        turns: the table of turns (an empty one where a chat template is used as it is).
        special: the tokenizer adds its own special tokens around the text, unless a chat template wrote it.
        eos: what ends a plain text; "" where the tokenizer adds it by itself.
        source: the Jinja text of a chat template that is used as it is.
        tokens: the special tokens that it may name.
        notes: what the table leaves out of the base's template, in words.
    """

    kind: str
    turns: Turns
    special: bool = False
    eos: str = ""
    source: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def settle(self, prompt: Content, response: Content) -> tuple[Content, Content]:
        """Return the pair in the one form that this template writes: texts, or tuples of turns.

        Raises:
            EmptyResponse: the response holds nothing but white space.
            NotUnicode: a text holds a lone surrogate.
            WrongTurns: the response's last turn is not the assistant's.
        """
        _require_unicode("prompt", prompt)
        _require_unicode("response", response)
        _require_answer(response)
        if self.kind == "encoder":
            return _bare(prompt, "user"), _bare(response, "assistant")
        if self.kind in ("plain", "as_given") and isinstance(response, str) and (isinstance(prompt, str) or not prompt):
            return prompt or "", response
        return _as_turns(prompt, "user"), _as_turns(response, "assistant")

    def render(self, prompt: Content, response: Content) -> Rendering:
        """Return the text of a pair that came from `settle`.

        Raises:
            UnknownRole: a role has no place in the table.
            WrongTurns: a chat template that is used as it is refuses the conversation.
        """
        if self.kind == "encoder":
            first = self._labelled(prompt) if prompt else None
            return Rendering(self._labelled(response), 0, first, self.special)
        if isinstance(prompt, str) or isinstance(response, str):
            text = f"{prompt}{response}"
            ending = "" if text.endswith(self.eos) else self.eos
            return Rendering(text + ending, len(prompt), special=self.special)
        if self.kind in VERBATIM:
            return self._verbatim(prompt, response)
        parts = list(self.turns.parts(prompt + response))
        before = sum(len(header + turn.content + footer) for header, turn, footer in parts[: len(prompt)])
        text = "".join(header + turn.content + footer for header, turn, footer in parts)
        return Rendering(text, before + len(parts[len(prompt)][0]), special=self.special)

    def may_start(self, prompt: Content) -> bool:
        """Whether a conversation may begin with ``prompt``: a chat template as it is wants a user turn first."""
        if self.kind not in VERBATIM or isinstance(prompt, str):
            return True
        spoken = [message.role for message in prompt if message.role != "system"]
        return spoken[:1] in ([], ["user"])

    def _labelled(self, content: Content) -> str:
        return content if isinstance(content, str) else self.turns.text(content).lstrip("\n")

    def _verbatim(self, prompt: tuple[Message, ...], response: tuple[Message, ...]) -> Rendering:
        text = self._filled(prompt + response)
        words = response[0].content.lstrip()
        other = Message(response[0].role, "z" if words.startswith("q") else "q")
        marked = self._filled((*prompt, other, *response[1:]))
        differing = (place for place, pair in enumerate(zip(text, marked, strict=False)) if pair[0] != pair[1])
        return Rendering(text, next(differing, len(text)))

    def _filled(self, messages: tuple[Message, ...]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            texts, _ = _FILL([turns], chat_template=self.source, **self.tokens)
        except TemplateError as error:
            roles = "/".join(message.role for message in messages)
            raise WrongTurns(f"the chat template refuses a conversation of {roles}: {error}") from error
        return str(texts[0])

    def chat_template(self, tokenizer: PreTrainedTokenizerFast) -> str | None:
        """Return the Jinja text with which ``tokenizer`` yields the same ids for conversations, or None.

        Encoders have none (no chat template writes two segments), nor has plain text where the tokenizer reads a text
        that follows a special token differently.
        """
        if self.kind == "encoder":
            return None
        if self.kind != "plain":
            return self.source or self.turns.jinja()
        source = replace(self.turns, prefix=_own_start(tokenizer), end=tokenizer.eos_token).jinja()
        messages = (Message("user", "one two"), Message("assistant", " three"))
        turns = [{"role": message.role, "content": message.content} for message in messages]
        theirs = tokenizer.apply_chat_template(turns, chat_template=source, return_dict=False)
        ours = tokenizer(self.render(messages[:1], messages[1:]).text)["input_ids"]
        return source if theirs == ours else None

    def record(self) -> dict[str, Any]:
        """Return the template as plain data; a chat template that is used as it is stays in the tokenizer."""
        return {"kind": self.kind, "turns": self.turns.record(), "special": self.special, "eos": self.eos}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], tokenizer: PreTrainedTokenizerFast) -> "Template":
        """Return the template that `record` wrote, for the tokenizer that was saved with it."""
        verbatim = record["kind"] in VERBATIM
        return cls(
            kind=record["kind"],
            turns=Turns.from_record(record["turns"]),
            special=record["special"],
            eos=record["eos"],
            source=tokenizer.chat_template if verbatim else "",
            tokens=tokenizer.special_tokens_map if verbatim else {},
        )


def _own_start(tokenizer: PreTrainedTokenizerFast) -> str:
    """Return the text of the special tokens that the tokenizer puts before a text."""
    own, bare = tokenizer("x")["input_ids"], tokenizer("x", add_special_tokens=False)["input_ids"]
    starts = [n for n in range(len(own)) if own[n : n + len(bare)] == bare]
    return "".join(tokenizer.convert_ids_to_tokens(own[: starts[0]])) if starts else ""


def _as_turns(content: Content, role: str) -> tuple[Message, ...]:
    if isinstance(content, str):
        return (Message(role, content),) if content else ()
    return content


def _bare(content: Content, role: str) -> Content:
    """Return the words alone where there is one turn, and it is ``role``'s."""
    if isinstance(content, str) or len(content) != 1 or content[0].role != role:
        return content or ""
    return content[0].content


def _require_unicode(name: str, content: Content) -> None:
    for place, text in enumerate([content] if isinstance(content, str) else [turn.content for turn in content]):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            where = name if isinstance(content, str) else f"{name}, turn {place + 1}"
            raise NotUnicode(
                f"{where}: character {error.start + 1} is the lone surrogate U+{ord(text[error.start]):04X}, half of a "
                "character; repair the text, or drop the row"
            ) from error


def _require_answer(response: Content) -> None:
    texts = [response] if isinstance(response, str) else [turn.content for turn in response]
    if not any(text.strip() for text in texts):
        raise EmptyResponse("the response is empty or white space; a response needs words to be scored")
    if not isinstance(response, str) and response[-1].role != "assistant":
        raise WrongTurns(f"a response must end with an assistant turn; this one ends with {response[-1].role!r}")
