"""The installed advisories and lists, as a worker reads them: a folder for each, by its digest."""

import os
from hashlib import sha256

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Reason

RECORDS = "records.jsonl"
_LARGEST = 1 << 30
_PIECE = 1 << 20


class Snapshot(Struct, frozen=True, kw_only=True):
    """Which advisories, or lists, an audit rests on: `digest` names a folder in `folder`.

    `covers` are the ecosystems of which every advisory is there. `stale` says why nothing may be
    proven by them, such as that they are too old; empty if it may. `called` is what they are.
    """

    folder: str
    digest: str
    covers: frozenset[str] = frozenset()
    stale: str = ""
    called: str = "advisories"


class Installed:
    """The files of one snapshot, opened when they are first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._called = snapshot.called
        self._files: dict[str, bytes] = {}
        self._records = -1
        self._intact: bool | None = None

    @property
    def digest(self) -> str:
        return self._snapshot.digest

    @property
    def stale(self) -> str:
        return self._snapshot.stale

    @property
    def covers(self) -> frozenset[str]:
        return self._snapshot.covers

    def file(self, name: str) -> bytes:
        """One of the small files of the snapshot, whole. Raises: FormatError."""
        if name not in self._files:
            descriptor = self._opened(name)
            try:
                size = os.fstat(descriptor).st_size
                if size > _LARGEST:
                    says = f"{name} of the {self._called} is too large"
                    raise FormatError(Reason.OVER_LIMIT, says)
                self._files[name] = os.pread(descriptor, size, 0)
            finally:
                os.close(descriptor)
        return self._files[name]

    def records(self, offset: int, length: int) -> bytes:
        """Bytes of the records that exist: fewer than asked past the end. Raises: FormatError."""
        if self._records < 0:
            self._records = self._opened(RECORDS)
        try:
            return os.pread(self._records, length, offset)
        except OSError as exc:
            raise FormatError(Reason.UNREADABLE, f"the {self._called}: {exc.strerror}") from exc

    def intact(self) -> bool:
        """Whether the records are those that the digest names; they are read whole, once."""
        if self._intact is None:
            hashed, at = sha256(), 0
            while data := self.records(at, _PIECE):
                hashed.update(data)
                at += len(data)
            self._intact = hashed.hexdigest() == self.digest
        return self._intact

    def _opened(self, name: str) -> int:
        try:
            return os.open(f"{self._snapshot.folder}/{self.digest}/{name}", os.O_RDONLY)
        except OSError as exc:
            detail = f"the {self._called} {self.digest[:12]} cannot be read: {exc.strerror}"
            raise FormatError(Reason.MISSING_ADVISORIES, detail) from exc

    def __del__(self) -> None:
        if self._records >= 0:
            os.close(self._records)
