"""``plaudit annotate``, without serving."""

import json

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from plaudit.annotation.store import Store
from plaudit.cli import annotate as verb
from plaudit.cli import main
from plaudit.testing import byte_tokenizer


@pytest.fixture
def pairs(tmp_path) -> str:
    """A file of one comparison."""
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"prompt": "p", "responses": ["a", "b"]}) + "\n", encoding="utf-8")
    return str(path)


def test_it_prints_links(tmp_path, pairs, capsys) -> None:
    """As text and as one JSON object: the owner's link and each annotator's, below the address asked for."""
    given = ["annotate", "--pairs", pairs, "--database", str(tmp_path / "c.db"), "--annotator", "ann", "--no-serve"]
    assert main(given) == 0
    text = capsys.readouterr().out
    assert main([*given, "--json", "--address", "https://judge.example/"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert "http://127.0.0.1:8000/in/o.0." in text
    assert told["owner"].startswith("https://judge.example/in/o.0.")
    assert told["annotators"]["ann"].startswith("https://judge.example/in/a.1.")
    assert told["tasks"] == {"real": 1}


def test_what_is_wrong_is_said_without_a_traceback(tmp_path, pairs, capsys) -> None:
    """A missing file, a setting out of range, an unknown setting, no tasks."""
    database = ["--database", str(tmp_path / "c.db"), "--no-serve"]
    for given, words in (
        (["--pairs", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--pairs", pairs, "--overlap-share", "3"], "overlap_share"),
        (["--pairs", pairs, "--set", "annotation.beauty=1"], "beauty"),
        ([], "--pairs"),
    ):
        assert main(["annotate", *given, *database]) == 1
        complaint = capsys.readouterr().err
        assert complaint.startswith("error: ")
        assert words in complaint
        assert "Traceback" not in complaint


def test_responses_that_are_there_are_taken_as_they_are(tmp_path, pairs, capsys) -> None:
    """With --prompts and a file of responses nothing is generated again."""
    database = ["--database", str(tmp_path / "c.db"), "--no-serve", "--json"]
    assert main(["annotate", "--prompts", "nowhere.txt", "--responses", pairs, *database]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == {"real": 1}


def test_what_is_not_installed_is_said(monkeypatch, capsys) -> None:
    """Without the extra the message says how to get it."""
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "fastapi" else object())

    assert main(["annotate", "--no-serve"]) == 1
    assert "pip install 'plaudit[annotate]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> str:
    """A folder with a policy of random weights over bytes."""
    folder = tmp_path_factory.mktemp("policy")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=259, eos_token_id=2, bos_token_id=None, **sizes)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def test_prompts_in_comparisons_of_responses_out(tmp_path, policy, capsys) -> None:
    """A policy answers each prompt now; each becomes a task with as many different responses; ids stay."""
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "One?", "id": "p/1"}\n{"prompt": "Two?", "id": "p/2"}\n', encoding="utf-8")
    given = ["annotate", "--prompts", str(prompts), "--responses", str(tmp_path / "r.jsonl"), "--policy", policy]
    database = ["--database", str(tmp_path / "c.db"), "--no-serve", "--json"]
    assert main([*given, "-k", "3", "--max-new-tokens", "5", *database]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["tasks"] == {"real": 2}
    assert "6 responses to 2 prompts" in printed.err
    with Store(str(tmp_path / "c.db")) as store:
        tasks = {one.key: one for one in store.tasks("real")}
        assert {key: one.prompt for key, one in tasks.items()} == {"p/1": "One?", "p/2": "Two?"}
        assert all(len({one.content for one in task.responses}) == 3 for task in tasks.values())
    before = (tmp_path / "r.jsonl").read_bytes()
    assert main([*given, "-k", "3", *database]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["added"]["real"], told["known"]) == (0, 2)
    assert (tmp_path / "r.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--set", "annotation.pass_mark=7"), "pass_mark"),
        (("--responses", "r.csv"), ".jsonl"),
        (("--responses", "nowhere/r.jsonl"), "there is no folder"),
        (("--prompts", "none.txt"), "none.txt"),
        (("--prompts", "empty.txt"), "no prompts"),
    ],
)
def test_what_cannot_be_is_said_before_a_policy_is_loaded(tmp_path, monkeypatch, more, words, capsys) -> None:
    """One sentence, and nothing is written; the policy named here does not exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("One?\n")
    (tmp_path / "empty.txt").write_text("\n")
    given = ["annotate", "--prompts", "prompts.txt", "--policy", "no-such-folder", "--no-serve"]

    assert main([*given, *more]) == 1
    assert words in capsys.readouterr().err
    assert {one.name for one in tmp_path.iterdir()} == {"prompts.txt", "empty.txt"}
