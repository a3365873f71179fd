"""A hub of our own on this machine: repositories over HTTP as the Hugging Face hub and ModelScope answer, and what goes
wrong on the way: slow, stalled, cut off, damaged, missing."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 16_384
LARGE = 10_000  # bytes, from which on a file is told as large, with its SHA-256


@dataclass
class FakeHub:
    """repositories: name → path → contents. licences: name → as the hub names it.

    cut_after: bytes of a file after which the connection is cut, once for each entry. stall_after: bytes after which nothing
    more comes. pause_s: between two pieces. lie: paths whose contents arrive with one bit turned over. missing: paths that
    are announced and not there. asked: (path, Range) of every request for a file.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    stall_after: int | None = None
    pause_s: float = 0.0
    lie: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)

    def __enter__(self) -> FakeHub:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._going = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake hub")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait(self, seconds: float) -> None:
        """As long as the hub is open."""
        self._going.wait(seconds)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        if path.startswith("/api/v1/models/"):
            self._modelscope(path.removeprefix("/api/v1/models/"), query)
        elif path.startswith("/api/models/"):
            self._hugging_face(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            name, _, rest = path.strip("/").partition("/resolve/")
            revision, _, file = rest.partition("/")
            self.hub.revisions.append(revision)
            self._file(name, file)
        else:
            self._file("", path.strip("/"))

    do_HEAD = do_GET

    def _hugging_face(self, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        files = self.hub.repositories.get(name)
        if files is None:
            self._say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        if revision not in ("", "main", COMMIT):
            self._say(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [
            {
                "rfilename": file,
                "size": len(contents),
                "blobId": hashlib.sha1(f"blob {len(contents)}\0".encode() + contents).hexdigest(),
                **(
                    {"lfs": {"sha256": _sha(contents), "size": len(contents), "pointerSize": 130}}
                    if len(contents) >= LARGE
                    else {}
                ),
            }
            for file, contents in files.items()
        ]
        card = {"license": self.hub.licences[name]} if name in self.hub.licences else {}
        self._say(
            200,
            {
                "id": name,
                "modelId": name,
                "sha": COMMIT,
                "private": False,
                "siblings": siblings,
                "tags": [],
                "cardData": card,
            },
        )

    def _modelscope(self, path: str, query: dict[str, list[str]]) -> None:
        name, _, rest = path.partition("/repo")
        files = self.hub.repositories.get(name)
        if files is None:
            self._say(404, {"Code": 10010205001, "Message": "not found"})
        elif rest == "/files":
            told = [
                {"Path": file, "Type": "blob", "Size": len(contents), "Sha256": _sha(contents)}
                for file, contents in files.items()
            ]
            self._say(200, {"Code": 200, "Data": {"Files": [{"Path": "images", "Type": "tree"}, *told]}})
        else:
            self._file(name, query["FilePath"][0])

    def _file(self, name: str, file: str) -> None:
        asked = self.headers.get("Range", "")
        self.hub.asked.append((file, asked))
        contents = self.hub.repositories.get(name, {}).get(file)
        if contents is None or file in self.hub.missing:
            self._say(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        if file in self.hub.lie:
            contents = bytes([contents[0] ^ 1]) + contents[1:]
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked and first >= len(contents):
            self._say(416, {})
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(contents) - first))
        self.end_headers()
        cut = self.hub.cut_after.pop(0) if self.hub.cut_after and len(contents) >= LARGE else None
        sent = 0
        for start in range(first, len(contents), PIECE):
            piece = contents[start : start + PIECE]
            if cut is not None and sent + len(piece) > cut:
                self.wfile.write(piece[: max(0, cut - sent)])
                self.close_connection = True
                return
            if self.hub.stall_after is not None and sent >= self.hub.stall_after:
                self.hub.wait(30)
                self.close_connection = True
                return
            try:
                self.wfile.write(piece)
            except OSError:
                return
            sent += len(piece)
            if self.hub.pause_s:
                self.hub.wait(self.hub.pause_s)

    def _say(self, status: int, values: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(values).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _sha(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def weights(size: int, seed: int = 0) -> bytes:
    """A safetensors file of so many bytes: no two alike pieces, the same for the same seed."""
    import numpy as np

    about = {"dtype": "U8", "shape": [10**9], "data_offsets": [0, 10**9]}
    length = len(json.dumps({"w": about}))  # of a head that has room for any size
    count = size - 8 - length
    about |= {"shape": [count], "data_offsets": [0, count]}
    head = json.dumps({"w": about}).ljust(length).encode()
    return len(head).to_bytes(8, "little") + head + np.random.default_rng(seed).bytes(count)
