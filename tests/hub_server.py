"""A hub on the loopback interface: the parts of its API that Probatum uses, and a storage host.

    with Hub() as hub:
        hub.add("owner/name", {"model.safetensors": Stored(Sparse(1 << 30, {0: header}))})
        ...  # hub.endpoint, hub.requests, hub.served

Files kept in git are served by the endpoint itself; `Stored` ones (large-file storage) by a
redirect to the storage host, a second port, as the real hub does. `hub.faults` makes it misbehave.
"""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct, field

COMMIT = "c0ffee" + "0" * 34


class Sparse:
    """`size` zero bytes but for the pieces at their offsets: never in memory as a whole."""

    def __init__(self, size: int, pieces: dict[int, bytes]) -> None:
        self.size = size
        self.pieces = pieces

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        data = bytearray(max(0, end - offset))
        for at, piece in self.pieces.items():
            low, high = max(at, offset), min(at + len(piece), end)
            if low < high:
                data[low - offset : high - offset] = piece[low - at : high - at]
        return bytes(data)


class Stored(Struct):
    """A file in large-file storage."""

    content: Sparse
    sha256: str = "ab" * 32


class Repository(Struct):
    files: dict[str, bytes | Stored]
    commit: str = COMMIT
    revisions: tuple[str, ...] = ("main",)
    gated: bool = False
    token: str | None = None


class Faults(Struct):
    """How the hub misbehaves. `fail`: the statuses of the next answers, before any right one."""

    fail: list[int] = field(default_factory=list)
    retry_after: str | None = None
    ignore_range: bool = False
    shift_range: int = 0
    wrong_total: int = 0
    cut_body: int = 0
    new_tag_each_time: bool = False
    other_commit: bool = False
    linked_size: int | None = None
    linked_etag: str | None = None
    corrupt: bool = False
    redirect_to: str | None = None
    page_size: int = 1000
    tree: bytes | None = None
    expire_after: int | None = None
    compress: bool = False


class Request(Struct, frozen=True):
    host: str
    path: str
    range: str | None
    authorization: str | None


class Hub:
    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.requests: list[Request] = []
        self.served = 0
        self._servers = [self._server("hub"), self._server("storage")]
        self.endpoint, self.storage = (
            f"http://127.0.0.1:{one.server_address[1]}" for one in self._servers
        )

    def add(self, repo: str, files: dict[str, bytes | Stored], **how: Any) -> None:
        """`repo` is `owner/name`, or `datasets/owner/name`."""
        kind = "" if repo.startswith(("datasets/", "spaces/")) else "models/"
        self.repositories[kind + repo] = Repository(files, **how)

    def __enter__(self) -> "Hub":
        for one in self._servers:
            threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()

    def _server(self, host: str) -> ThreadingHTTPServer:
        hub = self

        class Handler(_Handler):
            def do_GET(self) -> None:
                hub.requests.append(
                    Request(host, self.path, self.headers["Range"], self.headers["Authorization"])
                )
                if hub.faults.fail:
                    status = hub.faults.fail.pop(0)
                    wait = hub.faults.retry_after
                    self.answer(status, b"", {"Retry-After": wait} if wait else {})
                elif host == "hub":
                    hub._endpoint(self)
                else:
                    hub._store(self)

            do_HEAD = do_GET

        return _Server(("127.0.0.1", 0), Handler)

    def _endpoint(self, ask: "_Handler") -> None:
        path = urlsplit(ask.path).path
        api = re.fullmatch(r"/api/((?:\w+)/[^/]+/[^/]+)/(revision|tree)/([^/]+)(?:/(.+))?", path)
        file = re.fullmatch(r"/((?:datasets/|spaces/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if api:
            repository = self.repositories.get(api[1])
        elif file:
            kind = "" if file[1].startswith(("datasets/", "spaces/")) else "models/"
            repository = self.repositories.get(kind + file[1])
        else:
            ask.answer(400, b"")
            return
        if repository is None or (
            repository.token and ask.headers["Authorization"] != f"Bearer {repository.token}"
        ):
            ask.answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif api and api[2] == "revision":
            self._revision(ask, repository, unquote(api[3]))
        elif api:
            self._tree(ask, repository, unquote(api[4] or ""))
        else:
            assert file
            self._resolve(ask, repository, unquote(file[3]))

    def _revision(self, ask: "_Handler", repository: Repository, revision: str) -> None:
        if revision in (*repository.revisions, repository.commit):
            ask.answer(200, json.dumps({"sha": repository.commit, "private": False}).encode())
        else:
            ask.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})

    def _tree(self, ask: "_Handler", repository: Repository, folder: str) -> None:
        if self.faults.tree is not None:
            ask.answer(200, self.faults.tree)
            return
        query = parse_qs(urlsplit(ask.path).query)
        start = int(query.get("cursor", ["0"])[0])
        entries = _listing(repository.files, folder, query["recursive"] == ["True"])
        if folder and not entries:
            ask.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        stop = start + self.faults.page_size
        headers = {}
        if stop < len(entries):
            again = f"{self.endpoint}{urlsplit(ask.path).path}?recursive={query['recursive'][0]}"
            headers["Link"] = f'<{again}&cursor={stop}>; rel="next"'
        ask.answer(200, json.dumps(entries[start:stop]).encode(), headers)

    def _resolve(self, ask: "_Handler", repository: Repository, path: str) -> None:
        file = repository.files.get(path)
        if repository.gated:
            ask.answer(403, b"", {"X-Error-Code": "GatedRepo"})
            return
        if file is None:
            ask.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        commit = "d" * 40 if self.faults.other_commit else repository.commit
        headers = {"X-Repo-Commit": commit}
        if isinstance(file, bytes):
            self._send(ask, Sparse(len(file), {0: file}), headers, _oid(file))
            return
        headers["X-Linked-Size"] = str(self.faults.linked_size or file.content.size)
        headers["X-Linked-ETag"] = f'"{self.faults.linked_etag or file.sha256}"'
        where = f"{self.storage}{urlsplit(ask.path).path}?signed=1"
        headers["Location"] = self.faults.redirect_to or where
        ask.answer(302, b"", headers)

    def _store(self, ask: "_Handler") -> None:
        if self.faults.expire_after is not None:
            self.faults.expire_after -= 1
            if self.faults.expire_after < 0:
                self.faults.expire_after = None
                ask.answer(403, b"<Error>Expired</Error>")
                return
        repo, _, path = urlsplit(ask.path).path.partition("/resolve/")
        file = self.repositories["models" + repo].files[unquote(path.partition("/")[2])]
        assert isinstance(file, Stored)
        self._send(ask, file.content, {}, file.sha256)

    def _send(self, ask: "_Handler", content: Sparse, headers: dict[str, str], tag: str) -> None:
        faults = self.faults
        if faults.new_tag_each_time:
            tag = f"tag-{len(self.requests)}"
        headers |= {"ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        if faults.compress:
            headers["Content-Encoding"] = "gzip"
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", ask.headers["Range"] or "")
        if span is None or faults.ignore_range:
            data, status = content.read(0, min(content.size, 1 << 20)), 200
            headers["Content-Length"] = str(content.size)
        else:
            low, high = int(span[1]), min(int(span[2]), content.size - 1)
            data, status = content.read(low, high - low + 1), 206
            low, total = low + faults.shift_range, content.size + faults.wrong_total
            headers["Content-Range"] = f"bytes {low}-{high}/{total}"
        if faults.corrupt:
            data = bytes(one ^ 1 for one in data)
        if faults.cut_body:
            headers["Content-Length"] = str(len(data))
            data = data[: -faults.cut_body]
            ask.close_connection = True
        self.served += len(data)
        ask.answer(status, data, headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Quiet: a client that hangs up on a lying server is what the tests want to see."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet: what was asked stands in `Hub.requests`."""


def _listing(
    files: dict[str, bytes | Stored], folder: str, recursive: bool
) -> list[dict[str, Any]]:
    start = folder + "/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, file in sorted(files.items()):
        if not path.startswith(start):
            continue
        parts = path[len(start) :].split("/")
        for depth in range(1, len(parts) if recursive else min(2, len(parts))):
            above = start + "/".join(parts[:depth])
            entries[above] = {"type": "directory", "path": above, "size": 0, "oid": "0" * 40}
        if recursive or len(parts) == 1:
            entries[path] = _entry(path, file)
    return list(entries.values())


def _entry(path: str, file: bytes | Stored) -> dict[str, Any]:
    if isinstance(file, bytes):
        return {"type": "file", "path": path, "size": len(file), "oid": _oid(file)}
    size = file.content.size
    lfs = {"oid": file.sha256, "size": size, "pointerSize": 135}
    return {"type": "file", "path": path, "size": size, "oid": "1" * 40, "lfs": lfs}


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
