"""Fetches one file over HTTP into a folder, whole or not at all.

What it keeps to:

1. https only, with the certificate verified; a redirect leads to https too. Plain http is taken
   from this machine itself (a loopback address), where a mirror may stand.
2. A file that the server says has not changed is not fetched again (`ETag`, `Last-Modified`).
3. What broke off goes on where it stopped, if the server shows that it is the same file still
   (`Range` under `If-Range`), in this call and in a later one.
4. 408, 429, 5xx and broken connections are tried again with growing pauses; `Retry-After` is
   honoured up to a minute.
5. Size and time are bounded; a body that is shorter than announced, or of which nobody announced
   where it ends, is an error.
"""

import hashlib
import ipaddress
import os
import ssl
import time
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from msgspec import Struct

from probatum.errors import FeedError, UsageError

LARGEST = 4 << 30
TIMEOUT_S = 30.0
DEADLINE_S = 3600.0
ATTEMPTS = 5
_LONGEST_PAUSE_S = 60.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_STEP = 1 << 18

Show = Callable[[str, int, int], None]
"""Told what is fetched, how many bytes of it are there, and how many there will be (0: unknown)."""


class Fetched(Struct, frozen=True):
    """A file that was fetched, and what its server said of it. `path` lies in the given folder."""

    path: Path
    sha256: str
    size: int
    etag: str = ""
    last_modified: str = ""


class _Again(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, says: str, pause_s: float = 0.0) -> None:
        super().__init__(says)
        self.pause_s = pause_s


def demand_address(url: str) -> None:
    """Raises: UsageError if `url` is not one that `fetched` takes."""
    wrong = _wrong(url)
    if wrong:
        raise UsageError(f"{told(url)}: {wrong}")


def told(url: str) -> str:
    """The address without what may be a secret in it: user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address"
    return f"{parts.scheme}://{host}{parts.path}"


def key(url: str) -> str:
    """A name for the address that says nothing of it."""
    return hashlib.sha256(url.encode()).hexdigest()[:24]


def fetched(
    url: str,
    folder: Path,
    *,
    known: Fetched | None = None,
    show: Show = lambda name, done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """The file at `url`, in `folder`; `known` itself if the server says that it is still that.

    Raises: FeedError if it cannot be had.
    """
    demand_address(url)
    one = _Download(url, folder, known, show)
    for attempt in range(ATTEMPTS):
        try:
            return one.attempt()
        except _Again as exc:
            if attempt == ATTEMPTS - 1:
                raise FeedError(f"{told(url)}: {exc}") from exc
            sleep(max(exc.pause_s, min(0.5 * 2**attempt, 8.0)))
    raise AssertionError("the last attempt returns or raises")


class _Download:
    """One file on its way: `<key>.part` beside `<key>.tag`, the entity tag that it began with."""

    def __init__(self, url: str, folder: Path, known: Fetched | None, show: Show) -> None:
        self._url = url
        self._name = told(url)
        self._known = known
        self._show = show
        self._part = folder / f"{key(url)}.part"
        self._tag = folder / f"{key(url)}.tag"
        self._opener = _opener(direct=_is_loopback(urlsplit(url)))
        self._until = time.monotonic() + DEADLINE_S

    def attempt(self) -> Fetched:
        have, tag = self._begun()
        request = Request(self._url, headers=self._headers(have, tag))  # noqa: S310  # demanded
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return self._taken(response, have, tag)
        except HTTPError as exc:
            exc.close()
            if exc.code == 304 and self._known is not None:
                return self._known
            raise self._refused(exc, have) from exc
        except (URLError, HTTPException, OSError) as exc:
            reason = getattr(exc, "reason", None)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise FeedError(
                    f"{self._name}: the server's certificate is not trusted: "
                    f"{reason.verify_message}"
                ) from exc
            raise _Again(f"cannot be reached: {reason or exc!r}") from exc

    def _begun(self) -> tuple[int, str]:
        try:
            tag = self._tag.read_text("ascii")
            return (self._part.stat().st_size, tag) if tag else (0, "")
        except (OSError, ValueError):
            return 0, ""

    def _headers(self, have: int, tag: str) -> dict[str, str]:
        sent = {"User-Agent": "probatum", "Accept-Encoding": "identity"}
        if have:
            return {**sent, "Range": f"bytes={have}-", "If-Range": tag}
        if self._known is not None and self._known.etag:
            sent["If-None-Match"] = self._known.etag
        elif self._known is not None and self._known.last_modified:
            sent["If-Modified-Since"] = self._known.last_modified
        return sent

    def _refused(self, exc: HTTPError, have: int) -> Exception:
        if exc.code == 416 and have:
            self._forget()
            return _Again("what was fetched before is no part of the file now")
        if exc.code in _AGAIN:
            return _Again(f"the server answers {exc.code}", self._pause(exc.headers))
        if exc.code in (301, 302, 303, 307, 308):
            return FeedError(f"{self._name}: {exc.msg}")
        return FeedError(f"{self._name}: the server answers {exc.code}")

    def _pause(self, headers: Message) -> float:
        asked = (headers.get("Retry-After") or "").strip()
        seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        if seconds > _LONGEST_PAUSE_S:
            raise FeedError(f"{self._name}: the server asks to wait {seconds:.0f} s")
        return seconds

    def _taken(self, response: HTTPResponse, have: int, tag: str) -> Fetched:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise FeedError(f"{self._name}: the server compressed what was asked for plain")
        start = have if response.status == 206 else 0
        if response.status == 206:
            said = response.headers.get("Content-Range", "")
            same = response.headers.get("ETag", tag) == tag
            if not have or not same or not said.startswith(f"bytes {have}-"):
                self._forget()
                raise _Again("the server sent another part than was asked for")
        total = self._total(response, start)
        etag = response.headers.get("ETag", "")
        with self._opened(start) as file:
            # Only now: a tag beside bytes of another file would have the two joined.
            is_strong = etag.isascii() and not etag.startswith("W/")
            self._tag.write_text(etag if is_strong else "", "ascii")
            self._copy(response, file, start, total)
            os.fsync(file.fileno())
        return self._kept(etag, response.headers.get("Last-Modified", ""))

    def _total(self, response: HTTPResponse, start: int) -> int:
        """How long the file is to be; 0 where its end is marked in the body instead."""
        length = response.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            if response.headers.get("Transfer-Encoding", "").lower() == "chunked":
                return 0
            raise FeedError(f"{self._name}: the server does not say where the file ends")
        total = start + int(length)
        if total > LARGEST:
            raise FeedError(f"{self._name}: {total} bytes are more than the limit of {LARGEST}")
        return total

    def _opened(self, start: int) -> IO[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._part, flags, 0o600)
        os.ftruncate(descriptor, start)
        os.lseek(descriptor, start, os.SEEK_SET)
        return open(descriptor, "wb", buffering=0)

    def _copy(self, response: HTTPResponse, file: IO[bytes], done: int, total: int) -> None:
        self._show(self._name, done, total)
        while piece := response.read(_STEP):
            done += len(piece)
            if done > (total or LARGEST):
                raise FeedError(f"{self._name}: the server sends more than it announced, or is "
                                f"allowed ({total or LARGEST} bytes)")  # fmt: skip
            if time.monotonic() > self._until:
                raise FeedError(f"{self._name}: not whole after {DEADLINE_S:.0f} s")
            self._write(file, piece)
            self._show(self._name, done, total)
        if done < total:
            raise _Again(f"the answer broke off after {done} of {total} bytes")

    def _write(self, file: IO[bytes], piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as exc:  # a full disk is no reason to ask the server again
            raise FeedError(f"{self._part.parent}: cannot be written: {exc.strerror}") from exc

    def _kept(self, etag: str, last_modified: str) -> Fetched:
        with self._part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path = self._part.with_name(sha256)
        size = self._part.stat().st_size
        self._part.replace(path)
        self._tag.unlink(missing_ok=True)
        return Fetched(path, sha256, size, _header(etag), _header(last_modified))

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)


class _Redirects(HTTPRedirectHandler):
    """Follows a redirect only to where `fetched` itself would go."""

    max_redirections = 6

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        wrong = _wrong(newurl)
        if urlsplit(req.full_url).scheme == "https" and not newurl.startswith("https:"):
            wrong = "a redirect from https to http is not followed"
        if wrong:
            raise HTTPError(req.full_url, code, f"redirected to {told(newurl)}: {wrong}",
                            headers, fp)  # fmt: skip
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(*, direct: bool) -> OpenerDirector:
    """What opens http and https and nothing else: no file:, no ftp:, no data:."""
    made = OpenerDirector()
    for handler in (
        ProxyHandler({} if direct else None),
        HTTPHandler(),
        HTTPSHandler(context=ssl.create_default_context()),
        HTTPDefaultErrorHandler(),
        _Redirects(),
        HTTPErrorProcessor(),
    ):
        made.add_handler(handler)
    return made


def _wrong(url: str) -> str:
    """Why nothing is fetched from this address; empty if it may be."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  # raises where it is none
    except ValueError:
        return "this is not an address"
    if not url.isascii() or any(sign <= " " for sign in url) or not host:
        return "this is not an address"
    if parts.username is not None:
        return "an address with a password is not taken: fetch the file yourself and name it"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts)):
        return ""
    return "only https is fetched (http from this machine alone)"


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _header(value: str) -> str:
    """A header's value as it may be kept and sent again."""
    return value if value.isascii() and value.isprintable() and len(value) < 200 else ""
