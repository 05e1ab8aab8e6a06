"""Hub data sets: from a server on this machine, from a cache, and not at all."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plaudit.preferences.hub import HubName
from tests.preferences.hub_server import hub

READ = """
import json, sys
from plaudit.preferences.reading import read
answers = []
for name in sys.argv[1:]:
    try:
        found = read(name)
        answers.append([len(found), found[0].source, found[0].responses[0].content[0].content])
    except ValueError as error:
        answers.append([type(error).__name__, str(error)])
print(json.dumps(answers + ["torch" in sys.modules]))
"""


def _dialogues(kind: str, count: int) -> bytes:
    rows = [
        {side: f"\n\nHuman: {kind} {at}\n\nAssistant: {side}" for side in ("chosen", "rejected")} for at in range(count)
    ]
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


FILES = {
    "Anthropic/hh-rlhf": {
        "README.md": b"---\nlicense: mit\n---\n",
        "harmless-base/train.jsonl.gz": _dialogues("harm", 5),
        "harmless-base/test.jsonl.gz": _dialogues("harm-test", 2),
        "helpful-base/train.jsonl.gz": _dialogues("help", 3),
    }
}


def _read(endpoint: str, home: Path, *names: str, **more: str) -> list[list[object]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHONWARN"))}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}
    command = [sys.executable, "-c", READ, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    answers: list[list[object]]
    *answers, torch = json.loads(done.stdout.strip().splitlines()[-1])
    assert torch is False
    return answers


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[list[object]]]]:
    """A cache filled from a server that is gone afterwards, and what was read while it was there."""
    home = tmp_path_factory.mktemp("hub")
    names = ("Anthropic/hh-rlhf", "Anthropic/hh-rlhf:harmless-base[test]", "hub:Anthropic/hh-rlhf[dev]", "no/such")
    with hub(FILES) as endpoint:
        yield home, _read(endpoint, home, *names)


def test_names() -> None:
    """Subset and split may follow the name; a path is no hub name."""
    assert HubName.parse("a/b:c[d]") == HubName("a/b", "c", "d")
    assert HubName.parse("hub:a/b") == HubName("a/b")
    assert str(HubName("a/b", "c", "d")) == "hub:a/b:c[d]"
    assert HubName.parse("a/b/c") is None
    assert HubName.parse("file") is None


@pytest.mark.slow
def test_reads_from_the_endpoint(cached: tuple[Path, list[list[object]]]) -> None:
    """By default all of `train`; a subset is a folder; a split or name that is not there is refused by name."""
    whole, subset, split, absent = cached[1]

    assert whole == [8, "hub:Anthropic/hh-rlhf", "chosen"]
    assert subset == [2, "hub:Anthropic/hh-rlhf:harmless-base[test]", "chosen"]
    assert split[0] == "BadSource"
    assert "it has the splits train, test" in str(split[1])
    assert absent[0] == "BadSource"
    assert "no/such" in str(absent[1])


@pytest.mark.slow
@pytest.mark.parametrize("offline", [{"HF_HUB_OFFLINE": "1"}, {}])
def test_reads_from_the_cache(cached: tuple[Path, list[list[object]]], offline: dict[str, str]) -> None:
    """With HF_HUB_OFFLINE, or with a hub that does not answer, what the cache has is read, subsets included."""
    answers = _read(
        "http://127.0.0.1:9", cached[0], "Anthropic/hh-rlhf", "Anthropic/hh-rlhf:harmless-base[test]", **offline
    )

    assert answers[0] == [8, "hub:Anthropic/hh-rlhf", "chosen"]
    assert answers[1] == [2, "hub:Anthropic/hh-rlhf:harmless-base[test]", "chosen"]


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://nowhere.invalid", "http://10.255.255.1"])
def test_an_unreachable_hub_is_told_soon(endpoint: str, tmp_path: Path) -> None:
    """In less than 10 seconds, with the id, the cache and the built-in alternatives."""
    before = time.monotonic()
    ((kind, message),) = _read(endpoint, tmp_path, "Anthropic/hh-rlhf")

    assert time.monotonic() - before < 10
    assert kind == "BadSource"
    for part in ("Anthropic/hh-rlhf", str(tmp_path), "builtin:movie-ratings", "builtin:product-ratings"):
        assert part in str(message)
