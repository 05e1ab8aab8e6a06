"""The known ways to get encoding wrong, each as a test named after it."""

import re
from pathlib import Path

import pytest
from transformers.utils import chat_template_utils

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder, Pair
from plaudit.encoding.truncation import ResponseTooLong
from plaudit.preferences.preference import Content, Message
from tests.encoding.conversations import decoded, template_ids, template_text
from tests.encoding.families import CHAT, FAMILIES, PLAIN, family

CAUSAL = (*CHAT, *PLAIN)
USER, ASSISTANT = Message("user", "How is the dog?"), Message("assistant", "The dog sleeps.")
ENCODER = {name: Encoder(family(name), for_tokenizer(family(name)), 512) for name in FAMILIES}


def read_by_model(name: str, prompt: Content = (USER,), response: Content = (ASSISTANT,)) -> str:
    """Return the text that the model reads, special tokens included."""
    encoder = ENCODER[name]
    return decoded(encoder.tokenizer, encoder.encode(prompt, response).ids)


@pytest.mark.parametrize("name", CAUSAL)
def test_trap_1_pad_is_not_the_end(name: str) -> None:
    """The right-most id that is not the pad, which transformers scores, is the last id, padded on either side."""
    encoder = ENCODER[name]
    ids = [encoder.encode((USER,), answer).ids.tolist() for answer in ("Well.", "The dog sleeps, thank you.")]
    for side in ("left", "right"):
        batch = encoder.tokenizer.pad({"input_ids": ids}, padding_side=side)
        for padded, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            scored = max(place for place, found in enumerate(padded) if found != encoder.tokenizer.pad_token_id)
            assert scored == max(place for place, kept in enumerate(mask) if kept)


@pytest.mark.parametrize("name", CAUSAL)
def test_trap_2_nothing_is_found_by_searching_for_ids(name: str) -> None:
    """A text full of the names of pad and end has its length, its end and its mask from its own tokens."""
    encoder = ENCODER[name]
    words = f"a {encoder.tokenizer.pad_token} b {encoder.tokenizer.eos_token} c"
    ids = encoder.encode((Message("user", words),), words).ids.tolist()
    batch = encoder.tokenizer.pad({"input_ids": [ids, ids[-3:]]})

    assert ids[-1] == encoder.scored_id
    assert [sum(mask) for mask in batch["attention_mask"]] == [len(ids), 3]


@pytest.mark.parametrize("name", CAUSAL)
def test_trap_4_the_end_is_the_same_for_text_and_turns(name: str) -> None:
    """Answers end on the same id whether they come as text or as turns, after a prompt or alone."""
    encoder = ENCODER[name]
    pairs: list[Pair] = [("How is the dog?", "Well."), ((USER,), "Well."), ((), (ASSISTANT,)), ("", "Well.")]

    assert {encoder.encode(*pair).ids[-1] for pair in pairs} == {encoder.scored_id}


@pytest.mark.parametrize("name", CHAT)
def test_trap_5_no_newline_after_the_last_turn(name: str) -> None:
    """The scored token ends the turn; it is no white space."""
    token = decoded(ENCODER[name].tokenizer, [ENCODER[name].scored_id])

    assert token == token.strip() != ""
    assert read_by_model(name) == read_by_model(name).rstrip()


@pytest.mark.parametrize("name", CHAT)
def test_trap_6_no_generation_prompt_and_no_empty_thought(name: str) -> None:
    """Nothing follows the answer and no thought is put before it, even where a generation prompt is asked for."""
    encoder = ENCODER[name]
    asked = template_ids(encoder.tokenizer, (USER, ASSISTANT), add_generation_prompt=True)

    assert asked == encoder.encode((USER,), (ASSISTANT,)).ids.tolist()
    assert "think" not in read_by_model(name)


@pytest.mark.parametrize(("name", "bos"), [("llama3", "<|begin_of_text|>"), ("gemma", "<bos>"), ("mistral", "<s>")])
def test_trap_7_one_beginning(name: str, bos: str) -> None:
    """Families that begin with a BOS get exactly one, though template and tokenizer both write it."""
    ids = ENCODER[name].encode((USER,), (ASSISTANT,)).ids.tolist()
    place = family(name).convert_tokens_to_ids(bos)

    assert ids[0] == place and ids.count(place) == 1
    assert template_text(family(name), (USER,)).startswith(bos)
    assert family(name)("x")["input_ids"][0] == place


def test_trap_7_a_beginning_that_the_template_forgot(tmp_path: Path) -> None:
    """Where the tokenizer begins every text with a BOS and the chat template does not write it, it is put there."""
    path = tmp_path / "forgot.jinja"
    path.write_text(family("gemma").chat_template.replace("{{ bos_token }}", ""))
    template = for_tokenizer(family("gemma"), str(path))

    assert template.turns == ENCODER["gemma"].template.turns


def test_trap_7_two_beginnings_in_the_template(tmp_path: Path) -> None:
    """A BOS that the chat template writes twice is written once."""
    path = tmp_path / "twice.jinja"
    path.write_text("{{ bos_token }}" + family("gemma").chat_template)

    assert for_tokenizer(family("gemma"), str(path)).turns.prefix == "<bos>"


@pytest.mark.parametrize("name", CHAT)
def test_trap_8_system_turns_keep_their_role(name: str) -> None:
    """A system turn is written once, before the user's, with its words, and none is made up where there is none."""
    with_system = read_by_model(name, (Message("system", "Be brief."), USER))

    assert with_system.index("Be brief.") < with_system.index(USER.content)
    assert with_system.count("Be brief.") == with_system.count(USER.content) == 1
    assert not re.search("robot|Today|[Ss]ystem", read_by_model(name))


def test_trap_8_rendered_texts() -> None:
    """The texts that models read, letter by letter."""
    system = Message("system", "Be brief.")

    assert read_by_model("smollm2", (system, USER)) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHow is the dog?<|im_end|>\n"
        "<|im_start|>assistant\nThe dog sleeps.<|im_end|>"
    )
    assert read_by_model("llama3", (system, USER)) == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHow is the dog?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nThe dog sleeps.<|eot_id|>"
    )
    assert read_by_model("gemma", (system, USER)) == (
        "<bos><start_of_turn>user\nBe brief.\n\nHow is the dog?<end_of_turn>\n"
        "<start_of_turn>model\nThe dog sleeps.<end_of_turn>"
    )


def test_trap_9_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is the same on every day, though the base's template writes the date."""
    texts = []
    for year in (1999, 2044):
        days = type("Days", (), {"now": staticmethod(lambda year=year: _Day(year))})
        monkeypatch.setattr(chat_template_utils, "datetime", days)
        base = template_text(family("llama3"), (USER,))
        fresh = Encoder(family("llama3"), for_tokenizer(family("llama3")), 64)
        texts.append((base, template_text(fresh.tokenizer, (USER,)), fresh.contract()))

    assert texts[0][0] != texts[1][0]
    assert texts[0][1:] == texts[1][1:]


class _Day:
    """A day of some year, as templates ask for it."""

    def __init__(self, year: int) -> None:
        self.year = year

    def strftime(self, _format: str) -> str:
        return str(self.year)


@pytest.mark.parametrize("name", FAMILIES)
def test_trap_10_the_response_is_never_cut(name: str) -> None:
    """However long the prompt, the response's ids are those it has after a short one; too long alone, it is refused."""
    encoder = Encoder(family(name), for_tokenizer(family(name)), 80)
    prompt = tuple(Message(role, "the quick brown fox " * 9) for role in ("user", "assistant", "user"))
    cut, whole = encoder.encode(prompt, "The dog sleeps."), ENCODER[name].encode(prompt, "The dog sleeps.")
    own = len(whole.ids) - whole.prompt_length

    assert cut.cut and len(cut.ids) <= 80
    assert cut.ids[-own:].tolist() == whole.ids[-own:].tolist()
    with pytest.raises(ResponseTooLong, match="at most 80"):
        encoder.encode(prompt, "The dog sleeps. " * 40)


@pytest.mark.parametrize("name", FAMILIES)
def test_trap_11_pairs_stay_different(name: str) -> None:
    """Two responses that differ only in their last word differ after truncation too."""
    encoder = Encoder(family(name), for_tokenizer(family(name)), 64)
    prompt = "the quick brown fox " * 50
    one, other = (encoder.encode(prompt, f"the lazy {animal}") for animal in ("dog", "fox"))

    assert one.cut and other.cut
    assert one.ids.tolist() != other.ids.tolist()


@pytest.mark.parametrize("name", CAUSAL)
def test_trap_36_ends_in_a_text_stay(name: str) -> None:
    """An end-of-sequence token that somebody wrote in the middle of a text is not removed."""
    end = family(name).eos_token
    text = read_by_model(name, "What is this?", f"It is {end} in the middle.")

    assert re.sub(r"\s", "", f"{end} in the middle.") in re.sub(r"\s|▁", "", text)


@pytest.mark.parametrize("name", FAMILIES)
def test_trap_40_the_vocabulary_keeps_its_size(name: str, tmp_path: Path) -> None:
    """No token is added, before or after saving: every id has the embedding it had."""
    ENCODER[name].save(tmp_path)
    before, after = family(name), Encoder.load(tmp_path).tokenizer

    assert len(after) == len(ENCODER[name].tokenizer) == len(before)
    same = {token: place for token, place in before.get_vocab().items() if after.get_vocab().get(token) == place}
    assert len(before) - len(same) <= 1


@pytest.mark.parametrize("name", ["gpt2", "pythia"])
def test_trap_41_plain_text_differs_in_trainers_but_conversations_do_not(name: str) -> None:
    """TRL's trainers read plain text without the end that it was trained with; conversations they read as we do."""
    encoder = ENCODER[name]
    ours = encoder.encode("How is the dog?", " Well.").ids.tolist()
    theirs = encoder.tokenizer("How is the dog? Well.", add_special_tokens=False)["input_ids"]

    assert ours == [*theirs, encoder.tokenizer.eos_token_id]
    assert template_ids(encoder.tokenizer, (USER, ASSISTANT)) == encoder.encode((USER,), (ASSISTANT,)).ids.tolist()


def test_trap_41_no_template_where_none_can_match() -> None:
    """Where a tokenizer reads words after a special token differently, or as a pair, it carries no chat template."""
    assert ENCODER["llama2"].tokenizer.chat_template is None
    assert ENCODER["bert"].tokenizer.chat_template is None
