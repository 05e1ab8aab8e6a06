"""``plaudit sample``."""

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from plaudit.cli import main
from plaudit.testing import byte_tokenizer


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy in a folder."""
    folder = tmp_path_factory.mktemp("policy")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=259, eos_token_id=2, bos_token_id=None, **sizes)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def _asked(policy: Path, prompts: Path, output: Path, *more: str) -> list[str]:
    named = ["--prompts", str(prompts), "--output", str(output), "--policy", str(policy)]
    return ["sample", *named, "--max-new-tokens", "5", "--top-p", "1", *more]


def test_writes_a_row_a_prompt(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prompts of any shape get three responses each; ids, other fields and turns come along, equal prompts once."""
    turns = [{"role": "user", "content": "Yes?"}]
    rows = [
        {"prompt": "Hi", "id": "p/1", "topic": "tea", "chosen": "left behind"},
        {"messages": turns},
        {"prompt": "Hi", "id": "p/1"},
    ]
    prompts, output = tmp_path / "prompts.jsonl", tmp_path / "responses.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(_asked(policy, prompts, output, "-k", "3", "--json")) == 0
    printed = json.loads(capsys.readouterr().out)
    first, second = map(json.loads, output.read_text(encoding="utf-8").splitlines())

    assert (printed["prompts"], printed["responses"]) == (2, 6)
    assert printed["left_out"] == {"the same prompt again": 1}
    assert (first["prompt"], first["id"], first["topic"]) == ("Hi", "p/1", "tea")
    assert "chosen" not in first
    assert second["prompt"] == turns
    assert [len({one["text"] for one in row["responses"]}) for row in (first, second)] == [3, 3]


def test_a_text_file_is_a_prompt_a_line(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines are none; --limit takes the first; a second run gives the same file."""
    prompts, output = tmp_path / "prompts.txt", tmp_path / "a.jsonl"
    prompts.write_text("One?\n\nTwo?\n")
    assert main(_asked(policy, prompts, output, "--limit", "1")) == 0
    before = output.read_text()
    assert main(_asked(policy, prompts, output, "--limit", "1", "--overwrite")) == 0

    assert [json.loads(line)["prompt"] for line in before.splitlines()] == ["One?"]
    assert output.read_text() == before
    assert "2 responses to 1 prompts" in capsys.readouterr().out


def test_a_text_file_may_be_of_another_maker(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte order mark and carriage returns are no part of a prompt; what is no UTF-8 is refused in a sentence."""
    prompts, output = tmp_path / "prompts.txt", tmp_path / "a.jsonl"
    prompts.write_bytes("\ufeffOne\x0b?\r\nTwo?\r\n".encode())
    assert main(_asked(policy, prompts, output)) == 0
    said = [json.loads(line)["prompt"] for line in output.read_text(encoding="utf-8").splitlines()]
    prompts.write_bytes(b"One?\n\xff\xfe")
    capsys.readouterr()

    assert said == ["One\x0b?", "Two?"]
    assert main(_asked(policy, prompts, tmp_path / "b.jsonl")) == 1
    assert "should be UTF-8 text (invalid start byte at byte 5)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "more", "said"),
    [
        ("", (), "no prompts"),
        ('{"text": "x"}\n', (), "prompt"),
        ('{"prompt": 7}\n', (), "prompt"),
        ('{"prompt": " "}\n', (), "prompt"),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n', (), "ends with"),
        ('{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}\n', (), "row 2, field 'id': 'x' is the id of"),
        ('{"prompt": "Hi"}\n{"prompt": "' + "long " * 500 + '"}\n', (), "it should have"),
        ("not json\n", (), "not JSON"),
        ('{"prompt": "Hi"}\n', ("--temperature", "-1"), "temperature"),
        ('{"prompt": "Hi"}\n', ("--dtype", "int3"), "dtype"),
    ],
)
def test_bad_input(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], held: str, more: tuple[str, ...], said: str
) -> None:
    """What cannot be used is named in one line, and no file is left."""
    prompts, output = tmp_path / "prompts.jsonl", tmp_path / "a.jsonl"
    prompts.write_text(held)

    assert main(_asked(policy, prompts, output, *more)) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed
    assert not output.exists()


def test_files_are_not_overwritten_unasked(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there, one of another kind, and one in no folder, are refused."""
    prompts, output = tmp_path / "prompts.txt", tmp_path / "a.jsonl"
    prompts.write_text("Hi\n")
    output.write_text("precious")

    assert main(_asked(policy, prompts, output)) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_text() == "precious"
    assert main(_asked(policy, prompts, tmp_path / "a.csv")) == 1
    assert ".jsonl" in capsys.readouterr().err
    assert main(_asked(policy, prompts, tmp_path / "new" / "a.jsonl")) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert main(_asked(policy, tmp_path / "none.txt", tmp_path / "b.jsonl")) == 1
