"""Which template a tokenizer gets."""

from pathlib import Path

import pytest

from plaudit.encoding.choices import UnfitTokenizer, for_tokenizer
from plaudit.encoding.probing import IrreducibleTemplate
from plaudit.encoding.template import WrongTurns
from plaudit.preferences.preference import Message
from tests.encoding.conversations import template_text
from tests.encoding.families import CHAT, CHATML, DATED, ENCODERS, PLAIN, byte_level, family


@pytest.mark.parametrize(("names", "kind"), [(CHAT, "chat"), (PLAIN, "plain"), (ENCODERS, "encoder")])
def test_the_natural_choice(names: tuple[str, ...], kind: str) -> None:
    """A chat template makes chat, CLS with SEP and mask an encoder, anything else plain text."""
    assert {name: for_tokenizer(family(name)).kind for name in names} == dict.fromkeys(names, kind)


def test_explicit_choices(tmp_path: Path) -> None:
    """A template can be chosen by kind or by the path of a file, whatever the tokenizer suggests."""
    path = tmp_path / "mine.jinja"
    path.write_text(CHATML)

    assert for_tokenizer(family("smollm2"), "plain").kind == "plain"
    assert for_tokenizer(family("qwen3"), "chatml").turns.roles["user"].header == "<|im_start|>user\n"
    assert for_tokenizer(family("qwen3"), str(path)).turns.roles == for_tokenizer(family("smollm2")).turns.roles


BAD = {
    "an unknown name": ("gpt2", "fancy", "'fancy' is no template; known: auto"),
    "chat without a template": ("gpt2", "chat", "has no chat template"),
    "ChatML without its tokens": ("gpt2", "chatml", "needs <|im_start|> and <|im_end|>"),
    "an encoder without separators": ("gpt2", "encoder", "nothing between a pair"),
    "a file that is not there": ("gpt2", "nowhere.jinja", "cannot read the chat template nowhere.jinja"),
    "plain text without an end": ("bert", "plain", "this tokenizer has none: set eos_token"),
    "a dated template as it is": ("llama3", "verbatim", "rewards would change by the day"),
}


@pytest.mark.parametrize("name", BAD)
def test_unfit_choices_say_what_would_be_right(name: str) -> None:
    """A choice that the tokenizer cannot carry is refused with the reason."""
    family_name, choice, message = BAD[name]

    with pytest.raises(UnfitTokenizer, match=message.replace("|", r"\|")):
        for_tokenizer(family(family_name), choice)


def test_turns_must_end_with_a_special_token(tmp_path: Path) -> None:
    """A template whose answers end with ordinary words has no token to score, and is refused."""
    path = tmp_path / "mine.jinja"
    path.write_text("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + ' over\\n' }}{% endfor %}")

    with pytest.raises(IrreducibleTemplate, match="' over', which is no special token"):
        for_tokenizer(family("gpt2"), str(path))


def test_a_template_whose_tokens_the_base_lacks_is_refused(tmp_path: Path) -> None:
    """A template for another family's special tokens is refused, since they would be spelled out in bytes."""
    path = tmp_path / "llama3.jinja"
    path.write_text(DATED)

    with pytest.raises(IrreducibleTemplate, match="no special token of this tokenizer"):
        for_tokenizer(family("gpt2"), str(path))


def test_named_templates() -> None:
    """A tokenizer with several chat templates is read by its default one."""
    tokenizer = byte_level(["<|im_start|>", "<|im_end|>"], None, eos_token="<|im_end|>")
    tokenizer.chat_template = {"default": CHATML, "rag": DATED}

    assert for_tokenizer(tokenizer).turns.roles["assistant"].footer == "<|im_end|>\n"


def test_verbatim_keeps_everything() -> None:
    """A foreign checkpoint's own template is applied as it is, default system, thought and tail included."""
    user, assistant = (Message("user", "hi"),), (Message("assistant", "ho"),)
    for name in ("smollm2", "qwen3", "mistral"):
        template = for_tokenizer(family(name), "verbatim")
        rendering = template.render(*template.settle(user, assistant))

        assert rendering.text == template_text(family(name), user + assistant)
        assert rendering.text[rendering.border :].startswith("ho")
    with pytest.raises(WrongTurns, match="assistant/assistant: alternate"):
        for_tokenizer(family("gemma"), "verbatim").render(assistant, assistant)
