"""A mirror of advisories on the loopback interface, and hand-written advisories for it.

    with Mirror() as mirror:
        mirror.files["/PyPI/all.zip"] = export(advisory("X-1", "demo", fixed="2.0"))
        ...  # mirror.url, mirror.requests

`mirror.faults` makes it misbehave.
"""

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct, field


class Faults(Struct):
    """How the mirror misbehaves. `fail`: the statuses of the next answers, before any right one.

    `cut`: after how many bytes each of the next answers breaks off.
    """

    fail: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    redirect_to: str | None = None
    retry_after: str | None = None
    longer_by: int = 0
    no_length: bool = False
    other_range: bool = False
    ignore_if_range: bool = False
    compress: bool = False


class Mirror:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults = Faults()
        self.requests: list[tuple[str, dict[str, str]]] = []
        mirror = self

        class Handler(_Handler):
            at = mirror

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    at: Mirror

    def do_GET(self) -> None:
        sent = {name.lower(): value for name, value in self.headers.items()}
        self.at.requests.append((self.path, sent))
        faults = self.at.faults
        if faults.fail:
            self._say(faults.fail.pop(0), {"Retry-After": faults.retry_after})
        elif faults.redirect_to:
            self._say(302, {"Location": faults.redirect_to})
        elif self.path not in self.at.files:
            self._say(404, {})
        else:
            self._file(self.at.files[self.path], sent)

    def _file(self, data: bytes, sent: dict[str, str]) -> None:
        faults, tag = self.at.faults, f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if sent.get("if-none-match") == tag:
            self._say(304, {"ETag": tag})
            return
        start = 0
        if "range" in sent and (faults.ignore_if_range or sent.get("if-range") == tag):
            start = int(sent["range"].removeprefix("bytes=").rstrip("-"))
        told = start + 1 if faults.other_range else start
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", "Mon, 05 Jan 2026 00:00:00 GMT")
        if start:
            self.send_header("Content-Range", f"bytes {told}-{len(data) - 1}/{len(data)}")
        if not faults.no_length:
            self.send_header("Content-Length", str(len(body) - faults.longer_by))
        if faults.compress:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body[: faults.cut.pop(0)] if faults.cut else body)

    def _say(self, status: int, headers: dict[str, str | None]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def advisory(
    id: str,
    name: str,
    *,
    fixed: str | None = None,
    last: str | None = None,
    ecosystem: str = "PyPI",
    modified: str = "2026-01-02T03:04:05Z",
    **more: Any,
) -> dict[str, Any]:
    """One OSV record: `name` is affected from the beginning, up to `fixed` or with `last`."""
    events: list[dict[str, str]] = [{"introduced": "0"}]
    events += [{"fixed": fixed}] if fixed else [{"last_affected": last}] if last else []
    package = {"ecosystem": ecosystem, "name": name}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"id": id, "modified": modified, "affected": affected, **more}


def text(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(text(one) + b"\n" for one in records)


def export(*records: dict[str, Any]) -> bytes:
    """A ZIP as OSV exports it."""
    return zipped({f"{one['id']}.json": text(one) for one in records})


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def epss(day: str, **scores: tuple[str, str]) -> bytes:
    """EPSS's table; a CVE is written `CVE_2026_1`."""
    rows = [f"{cve.replace('_', '-')},{','.join(two)}" for cve, two in scores.items()]
    head = f"#model_version:v2025.03.14,score_date:{day}T00:00:00+0000"
    return "\n".join([head, "cve,epss,percentile", *rows, ""]).encode()


def kev(day: str, **added: str) -> bytes:
    """CISA's catalogue; a CVE is written `CVE_2026_1`."""
    listed = [
        {"cveID": cve.replace("_", "-"), "dateAdded": date, "product": "demo"}
        for cve, date in added.items()
    ]
    said = {
        "catalogVersion": day.replace("-", "."),
        "dateReleased": f"{day}T15:00:00.000Z",
        "count": len(listed),
        "vulnerabilities": listed,
    }
    return json.dumps(said, indent=4).encode()
