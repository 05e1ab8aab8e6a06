"""From a prompt and a response to token ids: the one tokenisation and the one truncation."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from plaudit.encoding.marks import response_characters
from plaudit.encoding.padding import with_pad
from plaudit.encoding.template import EmptyResponse, Rendering, Template
from plaudit.encoding.truncation import shorten
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Content, Message

Pair = tuple[Content, Content]
"""A prompt and a response."""

CONTRACT_FILE = "encoder.json"
_AT_ONCE = 512


class ChangedTokenizer(ValueError):
    """A saved tokenizer that no longer yields what it was saved for."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What truncation took from a prompt: whole turns, and tokens of the sequence. False if nothing."""

    turns: int = 0
    tokens: int = 0

    def __bool__(self) -> bool:
        return self.tokens > 0


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A tokenised prompt and response.

    Attributes:
        ids: int32 [T], all tokens; for causal models the last is the scored one.
        prompt_length: how many leading ids stand before the token that holds the response's first character.
        prompt_key: hash of the prompt as it was written, after truncation; equal prompts have equal keys.
        token_type_ids: uint8 [T] for tokenizers that have them, 1 on the response of a pair, else None.
        cut: what truncation took.
        characters: int32 [T - prompt_length, 2], the characters of the response that each of its tokens holds, where
            they were asked for, else None; see `plaudit.encoding.marks.response_characters`.
    """

    ids: NDArray[np.int32]
    prompt_length: int
    prompt_key: int
    token_type_ids: NDArray[np.uint8] | None = None
    cut: Cut = Cut()
    characters: NDArray[np.int32] | None = None


class Encoder:
    """Writes pairs with one template and turns them into ids with one tokenizer. Safe to use from several threads.

    Args:
        tokenizer: a base's fast tokenizer; it is copied, and the copy given a pad token and the template's Jinja text.
        template: from ``choices.for_tokenizer``.
        max_length: tokens a sequence may have, special ones included.
        rows: number of embeddings of the base, a bound on the pad id; None where it is not known.

    Attributes:
        tokenizer: the copy: the one to save with a model. Its ``chat_template`` gives the same ids, where one can.

    Raises:
        ValueError: ``max_length`` is not positive.
        NoPadToken: the tokenizer has no id to spare for padding.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, template: Template, max_length: int, rows: int | None = None
    ) -> None:
        if max_length < 1:
            raise ValueError(f"max_length must be 1 or more, not {max_length}")
        self.template, self.max_length = template, max_length
        self._backend = _backend(tokenizer)
        self.tokenizer = with_pad(tokenizer, self._written(), rows)
        self.tokenizer.chat_template = template.chat_template(self.tokenizer)
        self._backend = _backend(self.tokenizer)
        self._typed = "token_type_ids" in self.tokenizer.model_input_names
        self.tokenizer.init_kwargs["model_input_names"] = list(self.tokenizer.model_input_names)  # saved with it

    @property
    def scored_id(self) -> int:
        """The id on which every sequence ends; under ``as_given`` every text."""
        return self._tokenise([self.template.render(*self.template.settle("x", "x"))])[0].ids[-1]

    @property
    def opening(self) -> tuple[int, ...]:
        """The ids that stand before a response to a prompt; () where the template has no such ids.

        They begin the assistant's turn, or stand between an encoder's two segments.
        """
        if self.template.kind == "encoder":
            pair = self._backend.encode("x", "x")
            segments = pair.sequence_ids
            return tuple(pair.ids[segments.index(0) + segments.count(0) : segments.index(1)])
        if self.template.kind != "chat":
            return ()
        header = self.template.turns.roles["assistant"].header
        return tuple(self._backend.encode(header, add_special_tokens=False).ids)

    def encode(self, prompt: Content, response: Content) -> Sequence:
        """Return the ids of ``response`` to ``prompt`` ("" or () for none), with the prompt cut to fit.

        Raises:
            Unencodable: `EmptyResponse`, `NotUnicode`, `UnknownRole`, `WrongTurns` or `ResponseTooLong`.
        """
        [result] = self.encode_many([(prompt, response)])
        if isinstance(result, Unencodable):
            raise result
        return result

    def encode_many(self, pairs: Iterable[Pair], *, characters: bool = False) -> Iterator[Sequence | Unencodable]:
        """Yield for each pair what `encode` returns, or the error it raises; tokenised many at a time.

        With ``characters``, sequences say which characters of the response their tokens hold; a pair whose response the
        template rewrites then has the error `plaudit.encoding.marks.Rewritten`.
        """
        remaining = iter(pairs)
        while chunk := list(islice(remaining, _AT_ONCE)):
            yield from self._chunk(chunk, characters=characters)

    def _chunk(self, pairs: list[Pair], *, characters: bool) -> list[Sequence | Unencodable]:
        settled = [self._prepared(pair) for pair in pairs]
        ready = [item[1] for item in settled if not isinstance(item, Unencodable)]
        encodings = iter(self._tokenise(ready))
        return [
            item if isinstance(item, Unencodable) else self._finished(*item, next(encodings), characters=characters)
            for item in settled
        ]

    def _prepared(self, pair: Pair) -> tuple[Pair, Rendering] | Unencodable:
        try:
            settled = self.template.settle(*pair)
            return settled, self.template.render(*settled)
        except Unencodable as error:
            return error

    def _finished(
        self, pair: Pair, rendering: Rendering, encoding: Encoding, *, characters: bool
    ) -> Sequence | Unencodable:
        prompt, response = pair
        placed = response if characters else None
        try:
            if len(encoding) <= self.max_length:
                return self._sequence(rendering, encoding, Cut(), placed)
            shorter = shorten(
                prompt,
                self.max_length,
                measure=lambda candidate: len(self._tokenised(candidate, response)[1]),
                starts=self._starts,
                allowed=self.template.may_start,
            )
            fitting, short = self._tokenised(shorter, response)
            turns = 0 if isinstance(prompt, str) else len(prompt) - len(shorter)
            return self._sequence(fitting, short, Cut(turns, len(encoding) - len(short)), placed)
        except Unencodable as error:
            return error

    def _tokenised(self, prompt: Content, response: Content) -> tuple[Rendering, Encoding]:
        rendering = self.template.render(prompt, response)
        return rendering, self._tokenise([rendering])[0]

    def _tokenise(self, renderings: list[Rendering]) -> list[Encoding]:
        found: dict[int, Encoding] = {}
        for special in (False, True):
            own = {place: item for place, item in enumerate(renderings) if item.special == special}
            texts = [item.text if item.first is None else (item.first, item.text) for item in own.values()]
            found |= zip(own, self._backend.encode_batch(texts, add_special_tokens=special), strict=True)
        return [found[place] for place in range(len(renderings))]

    def _starts(self, text: str) -> list[int]:
        return [start for start, _ in self._backend.encode(text, add_special_tokens=False).offsets]

    def _sequence(self, rendering: Rendering, encoding: Encoding, cut: Cut, placed: Content | None) -> Sequence:
        """Return the sequence, with the characters of its tokens in the response ``placed`` if one is given."""
        begin = _border(rendering, encoding)
        return Sequence(
            ids=np.array(encoding.ids, dtype=np.int32),
            prompt_length=begin,
            prompt_key=_key(rendering.prompt),
            token_type_ids=np.array(encoding.type_ids, dtype=np.uint8) if self._typed else None,
            cut=cut,
            characters=None if placed is None else response_characters(rendering, encoding, placed, begin),
        )

    def _written(self) -> set[int]:
        """Return the ids that the template itself writes, for whichever role."""
        turns = ((Message("user", "x"),), (Message("assistant", "x"),))
        written = [self.template.render(*self.template.settle(*pair)) for pair in (("x", "x"), turns)]
        roles = self.template.turns.roles.values()
        around = [Rendering(turn.header + turn.footer, 0, special=self.template.special) for turn in roles]
        return {found for encoding in self._tokenise([*written, *around]) for found in encoding.ids}

    def contract(self) -> dict[str, Any]:
        """Return template, length and scored token as plain data, to be kept beside the saved tokenizer."""
        return {**self.template.record(), "max_length": self.max_length, "scored_id": self.scored_id}

    def save(self, folder: Path | str) -> None:
        """Write the tokenizer, with its pad token and chat template, and the contract (``encoder.json``)."""
        self.tokenizer.save_pretrained(folder)
        text = json.dumps(self.contract(), ensure_ascii=False, indent=2)
        Path(folder, CONTRACT_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> "Encoder":
        """Return the encoder that `save` wrote.

        Raises:
            ChangedTokenizer: the folder lacks the contract, or its tokenizer is not the one that was saved.
        """
        try:
            contract = json.loads(Path(folder, CONTRACT_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ChangedTokenizer(f"{folder}: cannot read {CONTRACT_FILE}: {error}") from error
        return cls.from_contract(folder, contract)

    @classmethod
    def from_contract(cls, folder: Path | str, contract: Mapping[str, Any]) -> "Encoder":
        """Return the encoder of ``contract`` around the tokenizer saved in ``folder``.

        Raises:
            ChangedTokenizer: there is no tokenizer, its chat template was edited, or sequences end on another id.
        """
        tokenizer = _saved_tokenizer(folder)
        template = Template.from_record(contract, tokenizer)
        encoder = cls(tokenizer, template, contract["max_length"])
        if encoder.tokenizer.chat_template != tokenizer.chat_template:
            raise ChangedTokenizer(f"{folder}: the chat template is not the one this model was trained with")
        if encoder.scored_id != contract["scored_id"]:
            raise ChangedTokenizer(
                f"{folder}: sequences end on id {encoder.scored_id}, but the model was trained to be scored on "
                f"{contract['scored_id']}"
            )
        return encoder


def _saved_tokenizer(folder: Path | str) -> PreTrainedTokenizerFast:
    if not Path(folder, "tokenizer.json").is_file():
        raise ChangedTokenizer(f"{folder}: there is no tokenizer.json")
    found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(  # type: ignore[assignment]
        folder, local_files_only=True, trust_remote_code=False
    )
    return found


def _backend(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """Return a copy of the tokenizer's inner part that nobody else sets padding or truncation on."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = tokenizer.split_special_tokens
    return backend


def _border(rendering: Rendering, encoding: Encoding) -> int:
    """Return the index of the token that holds the first character of the response that any token holds."""
    segment = 0 if rendering.first is None else 1
    places = (encoding.char_to_token(place, segment) for place in range(rendering.border, len(rendering.text)))
    found = next((place for place in places if place is not None), None)
    if found is None:
        raise EmptyResponse("this tokenizer reads nothing in the response: it holds only characters that it drops")
    return int(found)


def _key(prompt: str) -> int:
    return int.from_bytes(hashlib.blake2b(prompt.encode("utf-8"), digest_size=8).digest(), "big", signed=True)
