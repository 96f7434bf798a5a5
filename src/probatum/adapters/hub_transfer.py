"""Fetches from a hub over HTTP: redirects, the token, retries and limits in one place.

What it keeps to:

1. The token goes to the endpoint the user configured and to no other origin. A hub answers a
   download with a redirect to a storage host, so redirects are followed here, hop by hop.
2. A redirect never leads from https to http, nor to anything that is not http.
3. 408, 429, 5xx and broken connections are tried again with growing pauses; `Retry-After` is
   honoured up to a minute and reported beyond it.
4. A body is read up to a limit and a deadline; a longer or slower one is an error, and so is one
   shorter than announced.

The session is huggingface_hub's own, so that a proxy, certificates or a client factory set up
for it serve here too, and so that HF_HUB_OFFLINE stops every request.
"""

import sys
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from msgspec import Struct

from probatum.errors import FormatError, TargetError
from probatum.vocabulary import Reason

ATTEMPTS = 5
ATTEMPTS_UNREACHED = 3
REDIRECTS = 6
LONGEST_PAUSE_S = 60.0
DEADLINE_S = 300.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_GIB = 1 << 30


class Answer(Struct, frozen=True):
    """The last hop's answer. `origin` holds the headers of all hops at the endpoint itself.

    Header names are lower-case. `body` is empty unless the status was one of those asked for.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    origin: Mapping[str, str]
    body: bytes = b""


class _Broken(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, reason: Reason, says: str) -> None:
        super().__init__(says)
        self.reason = reason


class Transfer:
    """Gets URLs of one hub. `fetched` counts the bytes of all bodies; `fetch_cap` bounds them."""

    def __init__(
        self,
        session: Any,
        endpoint: str,
        token: str | None,
        *,
        timeout_s: float = 10.0,
        fetch_cap: int = 16 * _GIB,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.fetched = 0
        self._session = session
        self._token = token
        self._timeout_s = timeout_s
        self._fetch_cap = fetch_cap
        self._sleep = sleep
        self._home = _origin(self.endpoint)
        if self._home is None:
            raise TargetError(f"HF_ENDPOINT {endpoint!r} is not an http or https address")

    def get(
        self,
        url: str,
        *,
        accept: frozenset[int] = frozenset({200}),
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to GET, of any status but those that are tried again.

        Raises: FormatError(OFFLINE, UNREADABLE or OVER_LIMIT) when no whole answer can be had.
        """
        for attempt in range(ATTEMPTS):
            try:
                answer = self._followed(url, accept, limit, dict(headers or {}))
            except _Broken as exc:
                most = ATTEMPTS_UNREACHED if exc.reason is Reason.OFFLINE else ATTEMPTS
                if attempt >= most - 1:
                    raise FormatError(exc.reason, str(exc)) from exc
                self._sleep(_pause(attempt))
                continue
            if answer.status not in _AGAIN or attempt == ATTEMPTS - 1:
                return answer
            self._sleep(_asked_pause(answer, attempt))
        raise AssertionError("the last attempt returns or raises")

    def _followed(
        self, url: str, accept: frozenset[int], limit: int, headers: dict[str, str]
    ) -> Answer:
        origin: Mapping[str, str] = {}
        for _ in range(REDIRECTS):
            answer = self._hop(url, accept, limit, headers)
            if _origin(url) == self._home:
                origin = {**origin, **answer.headers}
            if answer.status not in _MOVED or "location" not in answer.headers:
                return Answer(answer.status, url, answer.headers, origin, answer.body)
            url = _redirected(url, answer.headers["location"])
        raise FormatError(Reason.UNREADABLE, f"more than {REDIRECTS} redirects, one after another")

    def _hop(self, url: str, accept: frozenset[int], limit: int, headers: dict[str, str]) -> Answer:
        sent = {"user-agent": "probatum", "accept-encoding": "identity", **headers}
        if self._token and _origin(url) == self._home:
            sent["authorization"] = f"Bearer {self._token}"
        failures, unreachable = _failures()
        try:
            with self._session.stream(
                "GET", url, headers=sent, follow_redirects=False, timeout=self._timeout_s
            ) as response:
                got = {name.lower(): value for name, value in response.headers.items()}
                status = response.status_code
                body = self._body(response, got, limit) if status in accept else b""
        except unreachable as exc:
            host = urlsplit(url).netloc
            raise _Broken(Reason.OFFLINE, f"{host} cannot be reached: {exc}") from exc
        except failures as exc:
            says = f"the answer broke off ({type(exc).__name__})"
            raise _Broken(Reason.UNREADABLE, says) from exc
        except ConnectionError as exc:
            if type(exc).__name__ != "OfflineModeIsEnabled":  # huggingface_hub's own
                raise _Broken(Reason.OFFLINE, f"the connection failed: {exc}") from exc
            raise FormatError(
                Reason.OFFLINE, "HF_HUB_OFFLINE is set; unset it to reach the hub"
            ) from exc
        return Answer(status, url, got, got, body)

    def _body(self, response: Any, headers: Mapping[str, str], limit: int) -> bytes:
        if headers.get("content-encoding", "identity") != "identity":
            raise FormatError(Reason.UNREADABLE, "the server compressed what was asked for plain")
        pieces, length, until = [], 0, time.monotonic() + DEADLINE_S
        for piece in response.iter_raw():
            length += len(piece)
            self.fetched += len(piece)
            if length > limit:
                raise FormatError(
                    Reason.UNREADABLE, f"the server sends more than the {limit} bytes asked for"
                )
            if self.fetched > self._fetch_cap:
                raise FormatError(
                    Reason.OVER_LIMIT,
                    f"more than {self._fetch_cap} bytes were fetched for this target; "
                    "download it and audit the files",
                )
            if time.monotonic() > until:
                raise FormatError(Reason.UNREADABLE, f"no whole answer in {DEADLINE_S:.0f} s")
            pieces.append(piece)
        return b"".join(pieces)


def _failures() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    # huggingface_hub moved from httpx to httpx2, which keeps the names of its errors.
    loaded = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
    any_failure = [kind for one in loaded for kind in (one.HTTPError, one.InvalidURL)]
    unreachable = [kind for one in loaded for kind in (one.ConnectError, one.ConnectTimeout)]
    return tuple(any_failure), tuple(unreachable)


def _pause(attempt: int) -> float:
    return float(min(0.5 * 2**attempt, 8.0))


def _asked_pause(answer: Answer, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "").strip()
    seconds = float(asked) if asked.isascii() and asked.isdigit() else _until(asked)
    if seconds > LONGEST_PAUSE_S:
        raise FormatError(
            Reason.UNREADABLE,
            f"the hub answers {answer.status} and asks to wait {seconds:.0f} s; try again later, "
            "or with a token (HF_TOKEN), which has a larger allowance",
        )
    return max(seconds, _pause(attempt))


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _redirected(url: str, location: str) -> str:
    try:
        there = urljoin(url, location)
    except ValueError as exc:
        raise FormatError(Reason.UNREADABLE, "a redirect to no address") from exc
    if _origin(there) is None:
        raise FormatError(Reason.UNREADABLE, "a redirect to something that is not http")
    if urlsplit(url).scheme == "https" and urlsplit(there).scheme != "https":
        raise FormatError(Reason.UNREADABLE, "a redirect from https to http is not followed")
    return there


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port, or None if this is no plain http address."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
