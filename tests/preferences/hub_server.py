"""A hub on localhost that serves data sets from memory: just the calls that ``datasets`` makes to read one."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Answers for ``files``: data set id -> path -> bytes."""

    protocol_version = "HTTP/1.1"

    def __init__(self, files: Mapping[str, Mapping[str, bytes]], *arguments: object) -> None:
        self.files = files
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        """Answer a file's metadata."""
        self.do_GET()

    def do_POST(self) -> None:
        """Answer what is known about a list of paths."""
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        paths = json.loads(asked).get("paths", []) if asked.startswith(b"{") else []
        name = self._name(self.path.removeprefix("/api/datasets/"))
        known = self._tree(name) if name else []
        self._json([entry for entry in known if entry["path"] in paths])

    def do_GET(self) -> None:
        """Answer information about a data set, its tree, or one of its files."""
        path = self.path.partition("?")[0]
        if path.startswith("/api/datasets/"):
            self._api(path.removeprefix("/api/datasets/"))
        elif path.startswith("/datasets/") and "/resolve/" in path:
            name, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
            self._file(name, rest.partition("/")[2])
        else:
            self._json({"error": "not found"}, 404)

    def _api(self, path: str) -> None:
        name = self._name(path)
        if name is None:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif "/tree/" in path:
            under = path.partition("/tree/")[2].partition("/")[2].strip("/")
            self._json([entry for entry in self._tree(name) if str(entry["path"]).startswith(under)])
        else:
            siblings = [{"rfilename": file} for file in self.files[name]]
            fixed = {"private": False, "disabled": False, "gated": False, "downloads": 0, "likes": 0, "tags": []}
            self._json({"id": name, "sha": SHA, "siblings": siblings, **fixed})

    def _name(self, path: str) -> str | None:
        return next((name for name in self.files if path == name or path.startswith(name + "/")), None)

    def _tree(self, name: str) -> list[dict[str, object]]:
        files = self.files[name]
        folders = sorted({path.rpartition("/")[0] for path in files} - {""})
        return [{"type": "directory", "path": folder, "oid": SHA, "size": 0} for folder in folders] + [
            {"type": "file", "path": path, "oid": hashlib.sha1(data).hexdigest(), "size": len(data)}
            for path, data in files.items()
        ]

    def _file(self, name: str, path: str) -> None:
        data = self.files.get(name, {}).get(path)
        if data is None:
            self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": SHA})
        else:
            self._send(data, 200, {"X-Repo-Commit": SHA, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'})

    def _json(self, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, data: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def hub(files: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve ``files`` on localhost; yields the endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, files))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
