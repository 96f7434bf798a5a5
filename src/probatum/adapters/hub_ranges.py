"""Reads one file of a hub by byte ranges, with a block cache and read-ahead.

A wrong byte is worse than none, so every answer is held against what is known of the file:

1. It is 206 with exactly the range asked for, of a file of exactly the size listed. From a server
   that ignores ranges (200) a small file is taken whole; a large one is not read at all.
2. The commit, size and digest in the endpoint's own headers are those of the listing.
3. The entity tag at one host never changes between two reads.
4. A file that one answer holds whole has the digest that the listing names.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from urllib.parse import urlsplit

from msgspec import Struct

from probatum.adapters.hub_transfer import Answer, Transfer
from probatum.errors import FormatError
from probatum.vocabulary import Reason

BLOCK = 64 << 10
_MOST_AHEAD = 1 << 20
_MOST_AT_ONCE = 4 << 20
_SMALL = 16 << 20
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_EXPIRED = frozenset({400, 401, 403, 404, 410})


class Listed(Struct, frozen=True):
    """What the hub's listing says of a file: where, how large, and which digest it has.

    `oid` is git's name of the content (sha1 over a header and the bytes) of a file kept in git;
    `sha256` that of a file kept in large-file storage. Each is hex, or None if not told.
    """

    url: str
    size: int
    commit: str
    oid: str | None = None
    sha256: str | None = None


class Blocks:
    """Blocks of many files, the least recently used dropped beyond `cap` bytes."""

    def __init__(self, cap: int = 64 << 20) -> None:
        self._cap = cap
        self._held: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, url: str, index: int) -> bytes | None:
        with self._lock:
            block = self._held.get((url, index))
            if block is not None:
                self._held.move_to_end((url, index))
            return block

    def put(self, url: str, index: int, block: bytes) -> None:
        with self._lock:
            self._bytes += len(block) - len(self._held.pop((url, index), b""))
            self._held[url, index] = block
            while self._bytes > self._cap:
                self._bytes -= len(self._held.popitem(last=False)[1])


class Ranges:
    """The bytes of one listed file; `read` may be called from several threads."""

    def __init__(self, transfer: Transfer, listed: Listed, blocks: Blocks) -> None:
        self._transfer = transfer
        self._listed = listed
        self._blocks = blocks
        self._lock = threading.Lock()
        self._stored = listed.url  # after the first answer: where the redirects ended
        self._tags: dict[str, str] = {}
        self._ahead = 1  # blocks to fetch at least
        self._next = -1  # the block after the last one fetched

    def read(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset+length) that exist.

        Raises: FormatError(OFFLINE, UNREADABLE, VANISHED or OVER_LIMIT).
        """
        end = min(offset + length, self._listed.size)
        if offset < 0 or offset >= end:
            return b""
        first, last = offset // BLOCK, (end - 1) // BLOCK
        with self._lock:
            data = b"".join(self._in_order(first, last))
        start = offset - first * BLOCK
        return data[start : start + end - offset]

    def _in_order(self, first: int, last: int) -> list[bytes]:
        found: list[bytes] = []
        while first <= last:
            block = self._blocks.get(self._listed.url, first)
            fetched = [block] if block is not None else self._fetched(first, last)
            found += fetched[: last - first + 1]
            first += len(fetched)
        return found

    def _fetched(self, first: int, last: int) -> list[bytes]:
        """Blocks from `first` on, up to one that is held; as many as reading ahead asks."""
        self._ahead = min(self._ahead * 2, _MOST_AHEAD // BLOCK) if first == self._next else 1
        stop = min(max(last + 1, first + self._ahead), first + _MOST_AT_ONCE // BLOCK)
        stop = min(stop, -(-self._listed.size // BLOCK))
        held = (at for at in range(first + 1, stop) if self._blocks.get(self._listed.url, at))
        stop = next(held, stop)
        data = self._checked(first * BLOCK, min(stop * BLOCK, self._listed.size))
        blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
        for index, block in enumerate(blocks, first):
            self._blocks.put(self._listed.url, index, block)
        self._next = stop
        return blocks

    def _checked(self, start: int, end: int) -> bytes:
        answer = self._asked(self._stored, start, end)
        if answer.status in _EXPIRED and self._stored != self._listed.url:
            # The storage host's address was signed for a while only: ask the hub for a new one.
            self._stored = self._listed.url
            answer = self._asked(self._stored, start, end)
        if answer.status == 200 and not answer.body and self._listed.size <= _SMALL:
            return self._whole()[start:end]
        _demand_range(answer, start, end, self._listed.size)
        if self._stored == self._listed.url:
            _demand_listed(answer, self._listed)
        self._demand_same_tag(answer)
        if (start, end) == (0, self._listed.size):
            _demand_digest(answer.body, self._listed)
        self._stored = answer.url
        return answer.body

    def _whole(self) -> bytes:
        """All of a small file, from a server that does not know ranges."""
        size = self._listed.size
        answer = self._transfer.get(self._listed.url, limit=size)
        if answer.status != 200:
            raise refusal(answer)
        _demand_range(answer, 0, size, size)
        _demand_listed(answer, self._listed)
        _demand_digest(answer.body, self._listed)
        for at in range(0, size, BLOCK):
            self._blocks.put(self._listed.url, at // BLOCK, answer.body[at : at + BLOCK])
        return answer.body

    def _asked(self, url: str, start: int, end: int) -> Answer:
        whole = (start, end) == (0, self._listed.size)
        return self._transfer.get(
            url,
            accept=frozenset({200, 206} if whole else {206}),
            limit=end - start,
            headers={"range": f"bytes={start}-{end - 1}"},
        )

    def _demand_same_tag(self, answer: Answer) -> None:
        tag, host = _tag(answer.headers.get("etag")), urlsplit(answer.url).netloc
        if tag and self._tags.setdefault(host, tag) != tag:
            raise FormatError(
                Reason.VANISHED, "the file changed on the server while it was read (entity tag)"
            )


def _demand_range(answer: Answer, start: int, end: int, size: int) -> None:
    if answer.status == 200:
        if len(answer.body) == end - start == size:
            return
        raise _unreadable(
            "the server ignores byte ranges"
            if len(answer.body) == 0
            else f"the server sent {len(answer.body)} of {size} bytes"
        )
    if answer.status != 206:
        raise refusal(answer)
    span = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if span is None or tuple(map(int, span.groups())) != (start, end - 1, size):
        said = answer.headers.get("content-range", "nothing")[:80]
        raise _unreadable(f"bytes {start}-{end - 1}/{size} were asked for, the server sent {said}")
    if len(answer.body) != end - start:
        raise _unreadable(f"the server sent {len(answer.body)} bytes of {end - start}")


def _demand_listed(answer: Answer, listed: Listed) -> None:
    said = answer.origin
    if said.get("x-repo-commit", listed.commit) != listed.commit:
        raise FormatError(Reason.VANISHED, "the hub serves another commit than was asked for")
    if said.get("x-linked-size", str(listed.size)) != str(listed.size):
        raise _unreadable("the hub's size of this file is not the one in its own listing")
    tag = _tag(said.get("x-linked-etag")) or _tag(said.get("etag"))
    for digest, digits in ((listed.sha256, 64), (listed.oid, 40)):
        if digest and re.fullmatch(rf"[0-9a-f]{{{digits}}}", tag):
            if tag != digest and not (digits == 40 and listed.sha256):
                raise _unreadable("the hub's digest of this file is not the one in its own listing")
            return


def _demand_digest(data: bytes, listed: Listed) -> None:
    if listed.sha256:
        same = hashlib.sha256(data).hexdigest() == listed.sha256
    elif listed.oid:
        header = b"blob %d\0" % len(data)
        same = hashlib.sha1(header + data, usedforsecurity=False).hexdigest() == listed.oid
    else:
        return
    if not same:
        raise _unreadable("the bytes served do not have the digest that the hub lists for them")


def refusal(answer: Answer) -> FormatError:
    """Why the hub did not give what was asked for, and what to do about it."""
    code = answer.headers.get("x-error-code", "")
    if code == "GatedRepo":
        says = "this repository is gated: accept its terms on its page, then set HF_TOKEN"
    elif answer.status == 401:
        says = "the hub asks who you are: set HF_TOKEN or run 'hf auth login'"
    elif answer.status == 403:
        says = "the hub refuses access: the token in use may not read this repository"
    elif answer.status == 404:
        return FormatError(Reason.VANISHED, "the hub has no such file at this commit")
    elif answer.status == 429:
        says = "the hub is limiting requests (429): try again later, or set HF_TOKEN"
    else:
        says = f"the server answered {answer.status}"
    return _unreadable(says)


def _tag(header: str | None) -> str:
    return (header or "").removeprefix("W/").strip().strip('"')


def _unreadable(says: str) -> FormatError:
    return FormatError(Reason.UNREADABLE, says)
