"""Grouping, splitting and tokenising many rows takes memory by the row, and little of it."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.memory import PEAK

ROOT = Path(__file__).resolve().parents[2]
ROWS = 300_000
PROGRAM = """
import json, sys
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encode import encode_all
from plaudit.encoding.encoder import Encoder
from plaudit.preferences.groups import assign
from plaudit.preferences.reading import read_many
from plaudit.preferences.split import split
from plaudit.testing import byte_tokenizer

begin = peak()
rows = assign(read_many([(sys.argv[1], 1.0)], None, "error"))
grouped = peak()
parts = split(rows, {"train": 0.8, "validation": 0.1, "test": 0.1})
dealt = peak()
tokenizer = byte_tokenizer()
encoded = encode_all(rows, Encoder(tokenizer, for_tokenizer(tokenizer), 256))
shared = set(parts["train"].column("group").to_pylist()) & set(parts["test"].column("group").to_pylist())
print(json.dumps({
    "begin": begin, "grouped": grouped, "dealt": dealt, "encoded": peak(), "records": len(encoded),
    "sequences": encoded.sequences, "tokens": len(encoded.tokens), "parts": sum(map(len, parts.values())),
    "shared": len(shared),
}))
"""


def write(path: Path) -> None:
    """Write rows of a few random words."""
    draw = random.Random(0)
    words = [f"w{number}" for number in range(5000)]
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(ROWS):
            prompt, chosen, rejected = (" ".join(draw.choices(words, k=count)) for count in (4, 3, 2))
            stream.write(json.dumps({"prompt": prompt, "chosen": chosen, "rejected": rejected}) + "\n")


@pytest.mark.slow
def test_many_rows_are_grouped_split_and_tokenised_in_little_memory(tmp_path: Path) -> None:
    """300,000 rows: grouping and splitting take less than 600 bytes a row, tokenising less than 600 besides 4 a token.

    At these rates a million rows of a hundred tokens stay below 1.5 GB.
    """
    write(tmp_path / "rows.jsonl")
    command = [sys.executable, "-c", PEAK + PROGRAM, str(tmp_path / "rows.jsonl")]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    print(found)

    assert found["records"] == found["parts"] == ROWS
    assert found["shared"] == 0
    assert found["dealt"] - found["begin"] < 600 * ROWS + 150e6  # and what hashing one batch takes
    assert (found["encoded"] - found["dealt"] - 4 * found["tokens"]) / ROWS < 600
    assert found["encoded"] < 1.5e9
