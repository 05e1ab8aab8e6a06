"""The choice of a template for a base's tokenizer."""

from dataclasses import replace
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from plaudit.encoding.probing import DATE, IrreducibleTemplate, reduce, rendered
from plaudit.encoding.template import LABELLED, Template
from plaudit.encoding.turns import Turn, Turns

CHATML = {role: Turn(f"<|im_start|>{role}\n", "<|im_end|>\n") for role in ("system", "user", "assistant", "tool")}
CHOICES = ("auto", "chat", "plain", "encoder", "chatml", "verbatim", "as_given")


class UnfitTokenizer(ValueError):
    """A tokenizer that cannot carry the template asked for; the message says what would be right."""


def for_tokenizer(tokenizer: PreTrainedTokenizerFast, choice: str = "auto") -> Template:
    """Return the template that suits ``tokenizer``.

    Args:
        tokenizer: a fast tokenizer, as its base shipped it.
        choice: ``auto`` takes ``encoder`` where there are CLS, SEP and mask tokens, ``chat`` where there is a chat
            template, else ``plain``; or one of those; ``chatml`` for ChatML turns; ``verbatim`` for the chat template
            as it is; ``as_given`` for texts plain and turns verbatim; or the path of a ``.jinja`` file.

    Raises:
        IrreducibleTemplate: the chat template is not a table of turns.
        UnfitTokenizer: the tokenizer lacks what the choice needs.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UnfitTokenizer(f"{type(tokenizer).__name__} is no fast tokenizer; a tokenizer.json is needed")
    if choice.endswith(".jinja"):
        return _chat(tokenizer, _read(choice))
    if choice not in CHOICES:
        raise UnfitTokenizer(f"{choice!r} is no template; known: {', '.join(CHOICES)}, or the path of a .jinja file")
    makers = {
        "plain": _plain, "encoder": _encoder, "chatml": _chatml, "verbatim": _verbatim, "as_given": _as_given,
    }  # fmt: skip
    kind = _natural(tokenizer) if choice == "auto" else choice
    return makers[kind](tokenizer) if kind in makers else _chat(tokenizer, _own(tokenizer))


def _natural(tokenizer: PreTrainedTokenizerFast) -> str:
    if tokenizer.cls_token and tokenizer.sep_token and tokenizer.mask_token:
        return "encoder"
    return "chat" if tokenizer.chat_template else "plain"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnfitTokenizer(f"cannot read the chat template {path}: {error}") from error


def _own(tokenizer: PreTrainedTokenizerFast) -> str:
    source = tokenizer.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    if not source:
        raise UnfitTokenizer("this tokenizer has no chat template; choose template = 'plain' or give a .jinja file")
    return str(source)


def _chat(tokenizer: PreTrainedTokenizerFast, source: str) -> Template:
    turns, notes = reduce(tokenizer, source)
    return Template("chat", _ended(tokenizer, turns), notes=notes)


def _ended(tokenizer: PreTrainedTokenizerFast, turns: Turns) -> Turns:
    """Return ``turns`` after checking that one special token ends an assistant turn: it is the one to be scored."""
    end = turns.roles["assistant"].footer.rstrip()
    ids = tokenizer(end, add_special_tokens=False)["input_ids"]
    last = tokenizer.added_tokens_decoder.get(ids[-1]) if ids else None
    if last is None or not end.endswith(last.content):
        raise IrreducibleTemplate(f"an assistant turn ends with {end!r}, which is no special token of this tokenizer")
    return turns


def _chatml(tokenizer: PreTrainedTokenizerFast) -> Template:
    missing = [token for token in ("<|im_start|>", "<|im_end|>") if token not in tokenizer.added_tokens_encoder]
    if missing:
        raise UnfitTokenizer(
            f"ChatML needs {' and '.join(missing)}, which this tokenizer lacks (no token is ever added to a base); "
            "choose template = 'plain'"
        )
    return Template("chat", Turns("", CHATML))


def _plain(tokenizer: PreTrainedTokenizerFast) -> Template:
    if tokenizer.eos_token_id is None:
        raise UnfitTokenizer(
            "plain text ends with the end-of-sequence token, and this tokenizer has none: set eos_token"
        )
    ends = tokenizer("x")["input_ids"][-1] == tokenizer.eos_token_id
    eos = "" if ends else tokenizer.eos_token
    if tokenizer("x" + eos)["input_ids"][-1] != tokenizer.eos_token_id:
        raise UnfitTokenizer(
            f"texts that end with {eos!r} do not end with id {tokenizer.eos_token_id}; use another base"
        )
    return Template("plain", Turns("", LABELLED, end=eos), special=True, eos=eos)


def _encoder(tokenizer: PreTrainedTokenizerFast) -> Template:
    if tokenizer.num_special_tokens_to_add(pair=True) < 2:
        raise UnfitTokenizer("this tokenizer puts nothing between a pair of texts; choose template = 'plain' or 'chat'")
    return Template("encoder", Turns("", LABELLED), special=True)


def _verbatim(tokenizer: PreTrainedTokenizerFast) -> Template:
    source = _own(tokenizer)
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    if DATE in rendered(tokenizer, source, turns):
        raise UnfitTokenizer("this chat template writes today's date, so rewards would change by the day; take 'chat'")
    return Template("verbatim", Turns("", {}), source=source, tokens=tokenizer.special_tokens_map)


def _as_given(tokenizer: PreTrainedTokenizerFast) -> Template:
    plain = _plain(tokenizer)
    return replace(_verbatim(tokenizer), kind="as_given", special=plain.special, eos=plain.eos)
