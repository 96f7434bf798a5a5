"""What the audit and its worker processes say to each other over their pipes.

A frame is four bytes of length (little-endian) and that many bytes. Orders go down as MessagePack,
one in a frame; what a worker tells comes up as JSON, because certificates may hold integers that
MessagePack cannot, and the report will hold exactly what JSON can: a frame is a list of messages.
"""

import os
import struct
import time
from collections.abc import Iterator
from mmap import mmap

import msgspec
from msgspec import Struct

from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.audit.snapshots import Snapshot
from probatum.formats.python_project import Project
from probatum.formats.signed_files import Folder
from probatum.material import Around
from probatum.vocabulary import Artifact, Claim, Expected, Undecided, Verdict

OPENING = -1
"""The claim number of a position while the next artifact is being opened."""


class Setup(Struct, frozen=True, kw_only=True):
    """What a worker is told once, when it starts. `third_party` names analysers to load.

    `checking`: claims are judged by the certificates of a report, which the orders bring.
    `advisories` and `lists`: the known vulnerabilities, and known-bad models and files, that
    verdicts rest on. `asks_lists`: every file is asked whether it is on one.
    """

    limits: Limits
    caps: Caps
    spool: str
    third_party: tuple[str, ...] = ()
    built_in: bool = True
    checking: bool = False
    advisories: Snapshot | None = None
    lists: Snapshot | None = None
    asks_lists: bool = False


class Order(Struct, frozen=True, kw_only=True, array_like=True):
    """One root to judge, or the rest of one.

    Of its artifacts the first `done` were judged by a worker that died since, and of the next
    one the first `given` claims. `known` holds the verdicts that dead workers have cost:
    (ordinal, claim number, verdict). `shown` is what a report shows of it, in a check: as JSON, a
    tuple of `certified.Shown`. `memory` is the file that the last review of the project left.
    """

    root: int
    name: str
    size: int
    path: bytes | None = None
    trouble: Undecided | None = None
    beside: int = 0
    expected: Expected | None = None
    done: int = 0
    given: int = 0
    known: tuple[tuple[int, int, Undecided], ...] = ()
    shown: bytes = b"[]"
    project: Project | None = None
    in_project: bool = False
    memory: bytes | None = None
    signed: Folder | None = None
    around: Around | None = None
    folders: tuple[bytes, ...] = ()


class Batch(Struct, frozen=True, array_like=True, tag=0):
    """Roots to judge, and the sets of names they refer to by number (see `names_of`).

    `taken`, in a check: names of artifacts in the roots before the first that this worker gets.
    """

    orders: tuple[Order, ...]
    beside: dict[int, bytes]
    taken: tuple[str, ...] = ()


class Fetched(Struct, frozen=True, array_like=True, tag=1):
    """The bytes asked for, or why they cannot be had."""

    data: bytes
    trouble: Undecided | None = None


class Met(Struct, frozen=True, array_like=True, tag=0):
    """The worker opened an artifact and will now judge these (claim, analyser), in this order.

    `trouble` is what kept it, or a member of it, from being opened.
    """

    root: int
    ordinal: int
    artifact: Artifact
    planned: tuple[tuple[str, str], ...]
    trouble: Undecided | None = None


class Said(Struct, frozen=True, array_like=True, tag=1):
    """The verdict on the next claim of the artifact met last."""

    verdict: Verdict


class Halted(Struct, frozen=True, array_like=True, tag=2):
    """The root could not be opened any further than this."""

    root: int
    trouble: Undecided


class Finished(Struct, frozen=True, array_like=True, tag=3):
    """Nothing is left to judge in the root."""

    root: int


class Wants(Struct, frozen=True, array_like=True, tag=4):
    """The worker waits for bytes that only its parent can fetch."""

    root: int
    offset: int
    length: int


class Introduced(Struct, frozen=True, array_like=True, tag=6):
    """Claims that the worker will speak of from now on by their ids."""

    claims: tuple[Claim, ...]


class Gaps(Struct, frozen=True, array_like=True, tag=5):
    """What of the sandbox this platform cannot enforce."""

    gaps: tuple[str, ...]


class Resigned(Struct, frozen=True, array_like=True, tag=7):
    """The worker has run out of memory once and leaves the rest to a fresh one."""


Down = Batch | Fetched
Up = Met | Said | Halted | Finished | Wants | Gaps | Introduced | Resigned

down_encoder = msgspec.msgpack.Encoder()
down_decoder = msgspec.msgpack.Decoder(Down)
up_encoder = msgspec.json.Encoder()
up_decoder = msgspec.json.Decoder(list[Up])

_LENGTH = struct.Struct("<I")


def framed(payload: bytes) -> bytes:
    return _LENGTH.pack(len(payload)) + payload


class Frames:
    """Takes bytes as they come off a pipe and gives back whole messages."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes. Raises: ValueError at a length beyond all limits."""
        held = self._bytes
        held += data
        start = 0
        while len(held) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held, start)
            if length > self._largest:
                raise ValueError("a message is larger than any may be")
            end = start + _LENGTH.size + length
            if len(held) < end:
                break
            yield bytes(held[start + _LENGTH.size : end])
            start = end
        del held[:start]


class Teller:
    """The worker's end of the pipe up: gathers messages and sends them before they are old.

    A message waits at most `_PATIENCE_S` and never while the worker waits for its parent. If the
    worker dies meanwhile, the position page says where, and the innocent are judged again.
    """

    _PATIENCE_S = 0.05
    _FULL = 1 << 15

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._file = os.fstat(fd)[:3]
        self._payloads: list[bytes] = []
        self._size = 0
        self._sent = time.monotonic()

    def tell(self, payload: bytes) -> None:
        self._payloads.append(payload)
        self._size += len(payload)
        if self._size > self._FULL or time.monotonic() - self._sent > self._PATIENCE_S:
            self.flush()

    def flush(self) -> None:
        if self._payloads:
            view = memoryview(framed(b"[%b]" % b",".join(self._payloads)))
            self._payloads.clear()
            self._size = 0
            while view:
                view = view[os.write(self._fd, view) :]
        self._sent = time.monotonic()

    def intact(self) -> bool:
        """Whether the pipe is still there: an analyser may have closed what is not its own."""
        try:
            return os.fstat(self._fd)[:3] == self._file
        except OSError:
            return False


class Page:
    """A page of memory shared by the audit and one worker: where the worker is.

    Written before each step, so that it is right even if the step kills the worker.
    """

    SIZE = 4096
    _WHERE = struct.Struct("<QQqQ")
    _NOWHERE = 2**64 - 1

    def __init__(self, memory: mmap, *, fresh: bool = False) -> None:
        self._memory = memory
        self._beats = 0
        if fresh:
            self._WHERE.pack_into(memory, 0, self._NOWHERE, 0, OPENING, 0)

    def stand(self, root: int, ordinal: int, claim: int) -> None:
        self._beats += 1
        self._WHERE.pack_into(self._memory, 0, root, ordinal, claim, self._beats)

    def where(self) -> tuple[int, int, int] | None:
        """(root, ordinal, claim number), or None before the first step."""
        root, ordinal, claim, _ = self._WHERE.unpack_from(self._memory, 0)
        return None if root == self._NOWHERE else (root, ordinal, claim)

    def beats(self) -> int:
        """Grows with every step the worker takes."""
        return int(self._WHERE.unpack_from(self._memory, 0)[3])


def names_as_bytes(names: frozenset[str]) -> bytes:
    """File names as one string of bytes: there may be many, and the locale may know few of them."""
    return "\0".join(sorted(names)).encode("utf-8", "surrogatepass")


def names_of(data: bytes) -> frozenset[str]:
    return frozenset(data.decode("utf-8", "surrogatepass").split("\0")) if data else frozenset()
