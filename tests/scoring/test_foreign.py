"""Checkpoints that plaudit did not write are scored as transformers scores them, with a warning."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from plaudit.cli import main
from plaudit.scoring.contract import BadArtefact
from plaudit.scoring.convert import convert
from plaudit.scoring.foreign import Unverified
from plaudit.scoring.scorer import Scorer
from tests.scoring.checkpoints import foreign

QUESTION = "How do I boil an egg?"
ANSWERS = ["In water.", "Eggs.", "Put it into a pot, then wait."]


def by_transformers(folder: Path, *, chat: bool) -> list[float]:
    """Score as a trainer would: template or end-of-sequence token, tokenised, padded, the class's own forward."""
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rows: list[Any] = []
    for answer in ANSWERS:
        if chat:
            rows.append(tokenizer.apply_chat_template(turns(answer), return_dict=False))
        else:
            rows.append(tokenizer(QUESTION + answer + tokenizer.eos_token)["input_ids"])
    batch = tokenizer.pad([{"input_ids": row} for row in rows], return_tensors="pt")
    with torch.no_grad():
        rewards: list[float] = model(**batch).logits[:, 0].tolist()
    return rewards


def turns(answer: str) -> list[dict[str, str]]:
    """Return the conversation of `QUESTION` and an answer."""
    return [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": answer}]


@pytest.mark.parametrize(
    ("name", "template", "chat"), [("llama", "verbatim", True), ("llama", "plain", False), ("gpt2", None, False)]
)
def test_pad_that_is_eos_is_reproduced(tmp_path: Path, name: str, template: str | None, chat: bool) -> None:
    """Where pad is the end-of-sequence token, transformers skips the last token: so does the Scorer, and says so."""
    folder = tmp_path / "checkpoint"
    foreign(folder, name)

    with pytest.warns(Unverified, match="skips the final token"):
        scorer = Scorer.load(folder, template=template)
    expected = by_transformers(folder, chat=chat)
    found = scorer.rewards([(QUESTION, answer) for answer in ANSWERS])

    assert scorer.artefact.contract.settings["pooling"] == "hf_last_non_pad"
    assert scorer.artefact.contract.encoding["kind"] == ("verbatim" if chat else "plain")
    assert np.abs(np.array(found) - expected).max() < 1e-5
    assert np.std(expected) > 1e-3


def test_rule_is_not_the_last_token(tmp_path: Path) -> None:
    """The rule matters: scored on the true last token, the rewards would be others."""
    foreign(tmp_path / "checkpoint", "gpt2")
    with pytest.warns(Unverified):
        scorer = Scorer.load(tmp_path / "checkpoint")
    pairs = [(QUESTION, answer) for answer in ANSWERS]
    before = scorer.rewards(pairs)
    scorer.artefact.model.pooling = "last"

    assert np.abs(np.array(before) - scorer.rewards(pairs)).min() > 1e-3


def test_proper_pad_is_pooled_at_the_last_token(tmp_path: Path) -> None:
    """With another pad than the end-of-sequence token, the last token is scored; BERT reads a pair at the first."""
    foreign(tmp_path / "gemma2", "gemma2")
    foreign(tmp_path / "bert", "bert")

    with pytest.warns(Unverified, match="texts are read as plain text, turns through its chat template"):
        gemma = Scorer.load(tmp_path / "gemma2")
    with pytest.warns(Unverified, match="'encoder' with pooling 'first'"):
        bert = Scorer.load(tmp_path / "bert")

    assert gemma.artefact.contract.settings["pooling"] == "last"
    assert gemma.rewards(map(turns, ANSWERS)) == pytest.approx(
        by_transformers(tmp_path / "gemma2", chat=True), abs=1e-5
    )
    model, tokenizer = (
        kind.from_pretrained(tmp_path / "bert") for kind in (AutoModelForSequenceClassification, AutoTokenizer)
    )
    pair = tokenizer(QUESTION, ANSWERS[0], return_tensors="pt")
    assert bert.rewards([(QUESTION, ANSWERS[0])])[0] == pytest.approx(model(**pair).logits.item(), abs=1e-5)


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_texts_are_read_plain_and_turns_as_chat(tmp_path: Path, name: str) -> None:
    """With a chat template and nothing said, each conversation is read as a trainer of such rows tokenised it."""
    folder = tmp_path / "checkpoint"
    foreign(folder, name)
    with pytest.warns(Unverified, match="pass template='verbatim'"):
        scorer = Scorer.load(folder)
    mixed = [given for answer in ANSWERS for given in ((QUESTION, answer), turns(answer))]
    expected = [by_transformers(folder, chat=chat) for chat in (False, True)]
    found = np.array(scorer.rewards(mixed))

    assert scorer.artefact.contract.encoding["kind"] == "as_given"
    np.testing.assert_allclose(found[::2], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[1::2], expected[1], atol=1e-5)
    assert np.abs(np.subtract(*expected)).min() > 1e-4
    np.testing.assert_allclose(scorer.rewards([([turns("")[0]], ANSWERS[0])]), expected[1][:1], atol=1e-5)


def test_a_converted_checkpoint_goes_on_reading_both(tmp_path: Path) -> None:
    """The artefact that is made of it keeps the form, and its canaries check both ways of writing."""
    foreign(tmp_path / "checkpoint", "gemma2")
    with pytest.warns(Unverified):
        before = Scorer.load(tmp_path / "checkpoint")
    with pytest.warns(Unverified):
        convert(tmp_path / "checkpoint", tmp_path / "artefact")
    after = Scorer.load(tmp_path / "artefact")
    mixed = [(QUESTION, ANSWERS[0]), turns(ANSWERS[1]), "Only a text."]

    assert after.artefact.contract.encoding["kind"] == "as_given"
    assert after.rewards(mixed) == pytest.approx(before.rewards(mixed), abs=1e-5)


def test_unusable_checkpoints_are_named(tmp_path: Path) -> None:
    """Two labels, no tokenizer, an adapter alone, pickled weights, a damaged file: each is refused by name."""
    folder = tmp_path / "checkpoint"
    foreign(folder)
    config, tokenizer, weights = (folder / name for name in ("config.json", "tokenizer.json", "model.safetensors"))
    kept = {path: path.read_bytes() for path in (config, tokenizer, weights)}
    two = json.loads(kept[config]) | {"num_labels": 2, "id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}

    def refused(words: str) -> None:
        with pytest.raises(BadArtefact, match=words):
            Scorer.load(folder)
        for path, content in kept.items():
            path.write_bytes(content)

    config.write_text(json.dumps(two))
    refused("weights: cannot be loaded|2 labels")
    tokenizer.unlink()
    refused("tokenizer.json is missing")
    weights.write_bytes(kept[weights][:-500])
    refused("weights: cannot be loaded")
    weights.rename(folder / "pytorch_model.bin")
    refused("only pickled weights")
    config.unlink()
    (folder / "adapter_config.json").write_text("{}")
    refused("adapter without its base model")
    config.unlink()
    (folder / "adapter_config.json").unlink()
    refused("no config.json")


def test_a_class_that_is_not_reproduced_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the contract worked out does not give the class's own rewards, the checkpoint is not scored with."""
    foreign(tmp_path / "checkpoint", "gpt2")
    monkeypatch.setattr("plaudit.scoring.foreign._pooling", lambda classifier, encoder: "last")

    with pytest.raises(BadArtefact, match="parity: its class gives other rewards"):
        Scorer.load(tmp_path / "checkpoint")


def test_warning_can_be_an_error(tmp_path: Path) -> None:
    """Who wants no unverified model turns the warning into an error."""
    foreign(tmp_path / "checkpoint", "gpt2")

    with warnings.catch_warnings():
        warnings.simplefilter("error", Unverified)
        with pytest.raises(Unverified):
            Scorer.load(tmp_path / "checkpoint")


def test_the_command_line_takes_the_text_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--template plain`` reads texts as a trainer of plain texts gave them; a model with a contract refuses it."""
    folder, lines = tmp_path / "checkpoint", tmp_path / "lines.jsonl"
    foreign(folder, "llama")
    lines.write_text("".join(json.dumps({"prompt": QUESTION, "response": answer}) + "\n" for answer in ANSWERS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Unverified)
        assert main(["score", str(folder), str(lines), "--template", "plain"]) == 0
        plain = [json.loads(line)["reward"] for line in capsys.readouterr().out.splitlines()]
        assert main(["score", str(folder), str(lines)]) == 0
        default = [json.loads(line)["reward"] for line in capsys.readouterr().out.splitlines()]
        assert main(["score", str(folder), str(lines), "--template", "verbatim"]) == 0
        chat = [json.loads(line)["reward"] for line in capsys.readouterr().out.splitlines()]

    np.testing.assert_allclose(plain, by_transformers(folder, chat=False), atol=1e-5)
    np.testing.assert_allclose(chat, by_transformers(folder, chat=True), atol=1e-5)
    assert default == plain
    assert main(["audit", "scores.csv", "--template", "plain"]) == 1
    assert "--template" in capsys.readouterr().err
