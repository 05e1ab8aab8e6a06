"""Models from a hub, against a small hub of our own: a child process sees it through HF_ENDPOINT alone."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
COMMIT = "c0ffee" * 6 + "abcd"
WEIGHTS = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}", "vocab.txt": b"a\n"}
REPOSITORIES = {
    "org/tiny": WEIGHTS | {"pytorch_model.bin": b"pickle", "run.py": b"print()", "onnx/config.json": b"{}"},
    "org/pickled": {"config.json": b"{}", "pytorch_model.bin": b"pickle"},
}
PROGRAM = "import sys; from plaudit import assets; print(assets.base_model(sys.argv[1]))"


class Hub(BaseHTTPRequestHandler):
    """The few routes that a snapshot needs: model, tree, file."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer a request with its body."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer a request with its headers."""
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _answer(self, body: bool) -> None:
        path = urlsplit(self.path).path.strip("/")
        Hub.asked.append(path)
        content = self._content(path)
        self.send_response(404 if content is None else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        if content is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        else:
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def _content(self, path: str) -> bytes | None:
        for name, files in REPOSITORIES.items():
            if path in (f"api/models/{name}", f"api/models/{name}/revision/main"):
                siblings = [{"rfilename": file} for file in files]
                return json.dumps({"id": name, "sha": COMMIT, "siblings": siblings, "private": False}).encode()
            if path == f"api/models/{name}/tree/{COMMIT}":
                tree = [{"type": "file", "path": file, "size": len(text), "oid": "0"} for file, text in files.items()]
                return json.dumps(tree).encode()
            if path.startswith(f"{name}/resolve/{COMMIT}/"):
                return files.get(path.removeprefix(f"{name}/resolve/{COMMIT}/"))
        return None


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a running hub."""
    Hub.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def closed() -> str:
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def _ask(name: str, home: Path, endpoint: str, **more: str) -> "subprocess.CompletedProcess[str]":
    dropped = ("HF_", "HUGGING", "http", "HTTP", "all_", "ALL_", "no_", "NO_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    chosen = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(ROOT / "src"), "NO_PROXY": "*"}
    command = [sys.executable, "-c", PROGRAM, name]
    return subprocess.run(command, env=kept | chosen | more, capture_output=True, text=True, timeout=60, check=False)


def test_a_hub_model_is_downloaded_without_pickles_and_found_again_offline(
    endpoint: str, closed: str, tmp_path: Path
) -> None:
    """Safetensors and tokenizer files come, pickles, code and other runtimes do not; later no hub is needed."""
    online = _ask("org/tiny", tmp_path, endpoint)

    assert online.returncode == 0, online.stderr
    folder = Path(online.stdout.strip())
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == WEIGHTS
    assert not [path for path in Hub.asked if path.endswith((".bin", ".py")) or "onnx" in path]

    Hub.asked.clear()
    offline = _ask("org/tiny", tmp_path, endpoint, HF_HUB_OFFLINE="1")
    assert Path(offline.stdout.strip()) == folder, offline.stderr
    assert Hub.asked == []

    unreachable = _ask("org/tiny@main", tmp_path, closed)
    assert Path(unreachable.stdout.strip()) == folder, unreachable.stderr
    assert "using the cached" in unreachable.stderr


def test_pickled_weights_are_refused_before_anything_is_downloaded(endpoint: str, tmp_path: Path) -> None:
    """A model without safetensors fails by that reason, and none of its files is asked for."""
    refused = _ask("org/pickled", tmp_path, endpoint)
    assert refused.returncode != 0
    assert "org/pickled" in refused.stderr and "no safetensors" in refused.stderr
    assert not [path for path in Hub.asked if "resolve" in path]


def test_an_unknown_hub_model_names_the_hub_and_the_builtins(endpoint: str, tmp_path: Path) -> None:
    """A model the hub does not have is not called unreachable."""
    refused = _ask("org/none", tmp_path, endpoint)
    assert "UnknownAsset" in refused.stderr
    assert all(part in refused.stderr for part in ("org/none", endpoint, "HF_TOKEN", "builtin:minilm-l6"))


@pytest.mark.parametrize("name", ["a/b/c", "./nowhere", "two words", "", "-x"])
def test_what_cannot_be_a_hub_id_is_said_to_be_no_folder(name: str, closed: str, tmp_path: Path) -> None:
    """A mistyped path is refused at once, with the built-ins."""
    refused = _ask(name, tmp_path, closed)
    assert "UnknownAsset" in refused.stderr
    assert "no folder here" in refused.stderr and "builtin:minilm-l6" in refused.stderr


def _says_everything(refused: "subprocess.CompletedProcess[str]", home: Path) -> bool:
    said = ("Unreachable", "org/tiny", str(home / "hub"), "builtin:minilm-l6", "builtin:smollm2-135m-instruct")
    return refused.returncode != 0 and all(part in refused.stderr for part in said)


def test_offline_without_a_cached_copy_says_so(endpoint: str, tmp_path: Path) -> None:
    """Offline mode asks nobody; the error names the id, the cache and the built-ins."""
    refused = _ask("org/tiny", tmp_path, endpoint, HF_HUB_OFFLINE="1")
    assert _says_everything(refused, tmp_path), refused.stderr
    assert Hub.asked == []


def test_an_address_nobody_listens_at_fails_at_once(closed: str, tmp_path: Path) -> None:
    """A refused connection is an error that names the id, the cache and the built-ins."""
    assert _says_everything(_ask("org/tiny", tmp_path, closed), tmp_path)


@pytest.mark.slow
def test_a_hub_that_never_answers_is_given_up_on_in_under_10_seconds(tmp_path: Path) -> None:
    """A server that takes the connection and stays silent costs less than 10 seconds, start of Python included."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        refused = _ask("org/tiny", tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - begun < 10
    assert _says_everything(refused, tmp_path), refused.stderr
