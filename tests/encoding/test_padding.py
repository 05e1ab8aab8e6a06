"""The pad token: existing, never scored, produced by no text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from tokenizers import Tokenizer, models
from transformers import GPT2Tokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer

from plaudit.encoding.padding import NoPadToken, with_pad
from plaudit.testing import byte_tokenizer
from tests.encoding.conversations import saved_tokenizer
from tests.encoding.families import FAMILIES, byte_level, family
from tests.encoding.strategies import texts

NO_PAD: dict[str, Any] = {"pad_token": None}
NEVER = "<|endoftext|><|pad|>"
EXPECTED = {
    "smollm2": "<|endoftext|>",
    "llama3": "<|finetune_right_pad_id|>",
    "qwen3": "<|endoftext|>",
    "gemma": "<pad>",
    "mistral": "<unk>",
    "phi3": NEVER,
    "gpt2": NEVER,
    "pythia": "<|padding|>",
    "llama2": "<unk>",
    "bert": "[PAD]",
    "roberta": "<pad>",
}
PADDED_GPT2 = with_pad(family("gpt2"))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_pad_is_an_existing_id_apart_from_the_end(name: str) -> None:
    """Every family gets a pad that it had already, that is not its end, and no embedding is added (TRAPS 1, 40)."""
    padded = with_pad(family(name))

    assert padded.pad_token == EXPECTED[name]
    assert padded.pad_token_id not in (padded.eos_token_id, padded.bos_token_id)
    assert len(padded) == len(family(name))
    assert max(padded.get_vocab().values()) == max(family(name).get_vocab().values())


def test_the_tokenizer_given_is_left_as_it_was() -> None:
    """The pad is set on a copy."""
    before = byte_tokenizer(chat=False)
    with_pad(before)

    assert before.pad_token is None


@settings(max_examples=200)
@given(texts)
def test_no_text_changes_its_ids(text: str) -> None:
    """Every text is read as before, the pad's own name in it included, and none holds the pad."""
    ids = PADDED_GPT2(text)["input_ids"]

    assert ids == family("gpt2")(text)["input_ids"]
    assert PADDED_GPT2.pad_token_id not in ids


@pytest.mark.parametrize("text", [NEVER, f"a{NEVER}b", NEVER * 3, "<|pad|>", f"<|endoftext|> {NEVER}", "ÿ Ã ¿ À Á"])
def test_names_of_the_pad_in_a_text(text: str) -> None:
    """The pad's name, or parts of it, is spelled out as by the base."""
    assert PADDED_GPT2(text)["input_ids"] == family("gpt2")(text)["input_ids"]


@pytest.mark.parametrize("model_type", [None, "gpt2", "llama", "gpt_neox"])
def test_it_survives_saving_beside_any_config(tmp_path: Path, model_type: str | None) -> None:
    """The pad, and the reading of its name, are the same after saving and loading, whatever the model's family."""
    PADDED_GPT2.save_pretrained(tmp_path)
    if model_type:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    loaded = saved_tokenizer(tmp_path)

    assert (loaded.pad_token, loaded.pad_token_id) == (NEVER, PADDED_GPT2.pad_token_id)
    assert len(loaded) == len(family("gpt2"))
    for text in (NEVER, f"the {NEVER} fox", "The dog, ÿ."):
        assert loaded(text)["input_ids"] == family("gpt2")(text)["input_ids"]


def test_an_end_that_is_matched_late(tmp_path: Path) -> None:
    """Where the special token itself is matched among the normalised ones, no text changes its ids either."""
    state = json.loads(family("gpt2").backend_tokenizer.to_str())
    state["added_tokens"][0]["normalized"] = True
    backend = Tokenizer.from_str(json.dumps(state))
    base = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>")
    with_pad(base).save_pretrained(tmp_path)
    loaded = saved_tokenizer(tmp_path)

    assert loaded.pad_token == NEVER
    for text in (NEVER, f"a{NEVER}b", "a<|endoftext|>b"):
        assert loaded(text)["input_ids"] == base(text)["input_ids"]


def test_batches_are_masked_by_length() -> None:
    """A batch is padded with the new id and masked by lengths, though a text holds the pad's name."""
    short, long = "a", f"{NEVER} and some more"
    batch = PADDED_GPT2([short, long], padding=True)
    lengths = [len(family("gpt2")(text)["input_ids"]) for text in (short, long)]

    assert [sum(mask) for mask in batch["attention_mask"]] == lengths
    assert batch["input_ids"][0][1:] == [PADDED_GPT2.pad_token_id] * (lengths[1] - 1)


def test_transformers_gpt2_class(tmp_path: Path) -> None:
    """GPT-2's own tokenizer class, which rebuilds its vocabulary on loading, is padded like the generic one."""
    state = json.loads(family("gpt2").backend_tokenizer.to_str())
    merges: Any = [tuple(merge) for merge in state["model"]["merges"]]
    base = GPT2Tokenizer(vocab=state["model"]["vocab"], merges=merges)
    base.save_pretrained(tmp_path / "base")
    padded = with_pad(saved_tokenizer(tmp_path / "base"))
    padded.save_pretrained(tmp_path / "padded")
    loaded = saved_tokenizer(tmp_path / "padded")

    assert (loaded.pad_token, len(loaded)) == (NEVER, len(base))
    assert loaded(f"The fox {NEVER}")["input_ids"] == base(f"The fox {NEVER}")["input_ids"]


def test_a_class_that_forgets_names_takes_a_spare_special_token(tmp_path: Path) -> None:
    """Qwen2's class would match the new name in a text after loading, so an unused special token is the pad there."""
    state = json.loads(byte_tokenizer().backend_tokenizer.to_str())
    specials = [token["content"] for token in state["added_tokens"]]
    base = Qwen2Tokenizer(vocab=state["model"]["vocab"], merges=[], extra_special_tokens=specials, **NO_PAD)
    padded = with_pad(base, used={0})
    padded.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    loaded = saved_tokenizer(tmp_path)

    assert (base.eos_token, loaded.pad_token, loaded.pad_token_id) == ("<|endoftext|>", "<|im_start|>", 1)
    assert loaded("a <|im_start|> b")["input_ids"] == base("a <|im_start|> b")["input_ids"]


def test_tokens_the_template_writes_are_no_pad() -> None:
    """A token that stands in every conversation cannot be the pad, even if the base calls it its pad."""
    tokenizer = byte_level(["<s>", "<|im_start|>", "<|im_end|>"], None, eos_token="<s>", pad_token="<|im_end|>")

    assert with_pad(tokenizer, used={1, 2}).pad_token == "<s><|pad|>"


def test_ids_beyond_the_embeddings_are_no_pad() -> None:
    """A pad token added to the tokenizer alone, without an embedding, is passed over."""
    tokenizer = byte_level(["<s>"], None, eos_token="<s>")
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})

    assert with_pad(tokenizer).pad_token_id == rows
    assert with_pad(tokenizer, rows=rows).pad_token_id < rows


def test_an_entry_that_a_merge_uses_is_not_spared() -> None:
    """A byte that some merge was learned for is passed over for another."""
    state = json.loads(family("gpt2").backend_tokenizer.to_str())
    state["model"]["vocab"]["\u00ffa"] = len(state["model"]["vocab"])
    state["model"]["merges"].append(["\u00ff", "a"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)), eos_token="<|endoftext|>"
    )
    padded = with_pad(tokenizer)

    assert padded.pad_token_id == tokenizer.convert_tokens_to_ids("\u00fe")
    assert padded.get_vocab()["\u00ff"] == tokenizer.get_vocab()["\u00ff"]


def words(**names: str) -> PreTrainedTokenizerFast:
    """Return a word-level tokenizer, which has nothing to spare."""
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "a": 2}, unk_token="<unk>"))
    backend.add_special_tokens(["<unk>", "<s>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def test_a_vocabulary_without_room_is_refused() -> None:
    """Where no id can be spared the error says why and what to set."""
    with pytest.raises(NoPadToken, match=r"WordLevel.*set its pad_token to an id that no text produces"):
        with_pad(words(eos_token="<s>", unk_token="<unk>"))


def test_a_pad_that_unknown_words_produce_is_refused() -> None:
    """The unknown token is no pad where ordinary words become unknown."""
    with pytest.raises(NoPadToken):
        with_pad(words(eos_token="<s>", unk_token="<unk>", pad_token="<unk>"))


def test_a_lossy_normaliser_is_refused() -> None:
    """Where a normaliser can turn a text into the pad's name there is no safe name."""
    state = json.loads(family("gpt2").backend_tokenizer.to_str())
    state["normalizer"] = {"type": "NFKC"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)), eos_token="<|endoftext|>"
    )

    with pytest.raises(NoPadToken, match="no special token"):
        with_pad(tokenizer)
