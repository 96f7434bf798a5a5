"""Serves OSV's API over HTTP, to this machine unless told otherwise.

An update that is installed while it runs is served from the next question on. Bodies, questions
and connections are bounded; nothing is logged, since what is asked says what somebody runs.
"""

import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import msgspec

from probatum.adapters.advisories_answers import PAGE, Answers, Wrong
from probatum.adapters.advisories_installed import demanded
from probatum.adapters.advisories_store import Store
from probatum.errors import FeedError, UsageError

BODY = 4 << 20
CONNECTIONS = 128
"""Those beyond it wait; while more than half are open, each ends with its answer."""
TIMEOUT_S = 30


def place(listen: str, *, allow_remote: bool) -> tuple[str, int]:
    """Host and port of `HOST:PORT`. Raises: UsageError if it is none, or others could reach it."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise UsageError(f"--listen {listen}: write HOST:PORT, for example 127.0.0.1:8053")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as exc:
        raise UsageError(f"--listen {listen}: HOST is an address of this machine") from exc
    if not address.is_loopback and not allow_remote:
        raise UsageError(f"--listen {listen}: other machines could reach this; if they are to, "
                         "say --allow-remote")  # fmt: skip
    return str(address), int(port)


class Server(ThreadingHTTPServer):
    """Answers from what is current in `store`."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, store: Store, host: str, port: int, *, page: int = PAGE) -> None:
        """Raises: FeedError if nothing is installed; UsageError if it cannot listen there."""
        self._store = store
        self._page = page
        self._lock = threading.Lock()
        self._open = 0
        self._changed = threading.Condition()
        self._answers = Answers(demanded(store), page)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as exc:
            raise UsageError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc

    @property
    def address(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def answers(self) -> Answers:
        """Those of the snapshot that is current now. Raises: FeedError if it is damaged."""
        with self._lock:
            folder = self._store.current()
            if folder is not None and folder.name != self._answers.digest:
                self._answers = Answers(demanded(self._store), self._page)
            return self._answers

    def is_crowded(self) -> bool:
        return self._open > CONNECTIONS // 2

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._open < CONNECTIONS, TIMEOUT_S):
                self.shutdown_request(request)
                return
            self._open += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "probatum"
    sys_version = ""
    timeout = TIMEOUT_S
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        match self.path:
            case "/v1/query":
                self._answer(lambda answers: answers.query(body))
            case "/v1/querybatch":
                self._answer(lambda answers: answers.batch(body))
            case _:
                self._wrong(404, "no such question")

    def do_GET(self) -> None:
        prefix, id = self.path[:10], self.path[10:]
        if prefix == "/v1/vulns/" and id:
            self._answer(lambda answers: answers.vulnerability(unquote(id)))
        else:
            self._wrong(404, "no such question")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: what is asked is nobody's business."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or "Transfer-Encoding" in self.headers:
            self._wrong(411, "say how long the question is (Content-Length)")
        elif len(length) > 12 or int(length) > BODY:
            self._wrong(413, f"a question may have {BODY} bytes")
        else:
            return self.rfile.read(int(length))
        return None

    def _answer(self, of: Any) -> None:
        try:
            answers = self.server.answers()
            self._send(200, of(answers), answers.digest)
        except Wrong as exc:
            self._wrong(exc.status, str(exc))
        except FeedError as exc:
            self._wrong(503, str(exc))

    def _wrong(self, status: int, says: str) -> None:
        self.close_connection = True  # what follows an unread body is no question
        code = {400: 3, 404: 5, 503: 14}.get(status, 3)
        self._send(status, msgspec.json.encode({"code": code, "message": says}))

    def _send(self, status: int, body: bytes, digest: str = "") -> None:
        self.close_connection = self.close_connection or self.server.is_crowded()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("X-Probatum-Snapshot", digest)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
