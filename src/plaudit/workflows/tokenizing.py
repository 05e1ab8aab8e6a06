"""A tokenizer for the doctor: what plaudit's own encoder cuts and writes, and what the base's chat template makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2.exceptions import TemplateError
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from plaudit.assets import base_model
from plaudit.doctor.tokenized import TODAY, CannotRender, Measured, Pair
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.probing import DATE, rendered
from plaudit.encoding.turns import Unencodable
from plaudit.evaluation.finding import Score
from plaudit.models.backbone import require_tokenizer
from plaudit.preferences.preference import Content, Message
from plaudit.scoring.best_of_n import Score as Scored
from plaudit.scoring.contract import CONTRACT
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.folders import ARTEFACT
from plaudit.workflows.subjects import plain_score

LONGEST = 2048
"""Tokens that a sequence may have where nobody says."""


class Tokenizing:
    """What the doctor asks of a tokenizer.

    Args:
        name: of the base.
        encoder: plaudit's own, with the template that training would use.
        source: the base's chat template, ``""`` where it has none.
    """

    def __init__(self, name: str, encoder: Encoder, tokenizer: PreTrainedTokenizerFast, source: str) -> None:
        self.name = name
        self.max_length = encoder.max_length
        self._encoder, self._tokenizer, self._source = encoder, tokenizer, source

    def measure(self, pairs: Sequence[Pair]) -> list[Measured]:
        """Return how long each pair's sequence is, and what is cut of its prompt."""
        found = self._encoder.encode_many(pairs)
        return [self._measured(pair, one) for pair, one in zip(pairs, found, strict=True)]

    def _measured(self, pair: Pair, one: Any) -> Measured:
        if not isinstance(one, Unencodable):
            return Measured(tokens=len(one.ids) + one.cut.tokens, cut=one.cut.tokens)
        words = "\n".join(said if isinstance(said, str) else "\n".join(t.content for t in said) for said in pair)
        tokens = len(self._tokenizer(words, verbose=False)["input_ids"])
        return Measured(tokens=tokens, problem=one.reason)

    def written(self, pair: Pair) -> str:
        """Return the text that plaudit makes of a pair."""
        template = self._encoder.template
        try:
            rendering = template.render(*template.settle(*pair))
        except Unencodable as error:
            raise CannotRender(str(error)) from error
        return (rendering.first or "") + rendering.text

    def own(self, pair: Pair) -> str | None:
        """Return what the base's own chat template makes of it, None where it has none."""
        if not self._source:
            return None
        turns = [*_turns(pair[0], "user"), *_turns(pair[1], "assistant")]
        try:
            return rendered(self._tokenizer, self._source, turns).replace(DATE, TODAY)
        except (TemplateError, ValueError, TypeError) as error:
            roles = "/".join(turn["role"] for turn in turns)
            raise CannotRender(f"{roles}: {error}") from error


def _turns(content: Content, role: str) -> list[dict[str, str]]:
    turns = ((Message(role, content),) if content else ()) if isinstance(content, str) else content
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def of_tokenizer(name: str, template: str = "auto", max_length: int = LONGEST) -> Tokenizing:
    """Return the tokenizer of a base.

    Args:
        name: a ``builtin:`` name, a folder or a hub id.
        template: how text is written, see `plaudit.encoding.choices.for_tokenizer`.
        max_length: tokens that a sequence may have.

    Raises:
        BadBase: there is no tokenizer.
        ValueError: the tokenizer cannot carry the template.
    """
    folder = Path(base_model(name))
    require_tokenizer(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer, template), max_length)
    return Tokenizing(name, encoder, tokenizer, _chat_template(tokenizer))


def of_scorer(name: str, scorer: Scorer) -> Tokenizing:
    """Return the tokenizer of a saved model, with its own template and length."""
    encoder = scorer.artefact.encoder
    return Tokenizing(name, encoder, encoder.tokenizer, _chat_template(encoder.tokenizer))


def _chat_template(tokenizer: Any) -> str:
    found = tokenizer.chat_template
    return str((found.get("default") or "") if isinstance(found, dict) else found or "")


def of_model(
    path: Path, tokenizer: str = "", template: str = "auto", max_length: int = LONGEST
) -> tuple[Tokenizing, Score]:
    """Return the tokenizer and the rewards of a saved model; another tokenizer where one is named.

    Raises:
        plaudit.scoring.contract.BadArtefact: the model cannot be scored with.
    """
    folder = path / ARTEFACT if (path / ARTEFACT / CONTRACT).is_file() else path
    scorer = Scorer.load(folder)

    def leniently(pairs: Sequence[Pair]) -> list[Scored]:
        return scorer.score(pairs, on_unfit="nan")

    own = of_tokenizer(tokenizer, template, max_length) if tokenizer else of_scorer(str(path), scorer)
    return own, plain_score(leniently)
