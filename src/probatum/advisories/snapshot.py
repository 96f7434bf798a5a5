"""A snapshot of advisories: every record in one file, and an index compiled from it.

`records.jsonl` has one line for each package that a record names, sorted by these three texts:

    ["PyPI", "package", "ID-1", {the record as its source wrote it}]

so that all lines of a package lie side by side, and whoever reads one line knows where it belongs.
The digest of that file names the snapshot. The index is derived from it and can be made again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol

import msgspec
from msgspec import Struct

from probatum.advisories.compiling import Indexed, Said, effect_on
from probatum.advisories.index import Index
from probatum.advisories.osv import Affected, Record, record
from probatum.advisories.ranges import Effect
from probatum.errors import FormatError
from probatum.vocabulary import Reason

RECORDS, INDEX, ABOUT = "records.jsonl", "index", "snapshot.json"
_MOST_COPIED = 64 << 20

Show = Callable[[int, int], None]


class Source(Struct, frozen=True, omit_defaults=True):
    """Where records came from: an address, the sha256 of what it gave, and its own date of it."""

    address: str
    sha256: str = ""
    modified: str = ""


class About(Struct, frozen=True, omit_defaults=True):
    """What a snapshot is made of. `unread` says of which records, or parts of them, and why."""

    digest: str
    made: str
    modified: str
    records: int
    withdrawn: int
    ecosystems: dict[str, int]
    sources: tuple[Source, ...] = ()
    unread: tuple[str, ...] = ()


class Built(Struct, frozen=True):
    """The three files of a snapshot."""

    records: bytes
    index: bytes
    about: About

    def files(self) -> dict[str, bytes]:
        return {RECORDS: self.records, INDEX: self.index, ABOUT: told(self.about)}


class Snapshot(Struct, frozen=True):
    """A snapshot that is there: its index, what it is made of, and its records by position."""

    index: Index
    about: About
    read: Callable[[int, int], bytes]

    def records(self, ecosystem: str, name: str) -> tuple[bytes, ...]:
        """The records that name a package, as their source wrote them. Raises: FormatError."""
        at = self.index.range(ecosystem, name)
        lines = self.read(at.offset, at.length).split(b"\n")[:-1] if at is not None else []
        try:
            return tuple(bytes(msgspec.json.decode(line, type=_Line).record) for line in lines)
        except msgspec.MsgspecError as exc:
            raise FormatError(Reason.MALFORMED, "the snapshot's records are damaged") from exc


class _Line(Struct, array_like=True):
    ecosystem: str
    name: str
    id: str
    record: msgspec.Raw


def opened(folder: Path) -> Snapshot:
    """The snapshot in a folder. Raises: FormatError if it is none or its files do not agree."""
    try:
        index, about = (folder / INDEX).read_bytes(), (folder / ABOUT).read_bytes()
    except OSError as exc:
        raise FormatError(Reason.UNREADABLE, f"no snapshot of advisories: {exc}") from exc

    def read(offset: int, length: int) -> bytes:
        try:
            with (folder / RECORDS).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError as exc:
            raise FormatError(Reason.UNREADABLE, f"the snapshot's records: {exc}") from exc

    return _agreed(index, about, read)


def loaded(files: dict[str, bytes]) -> Snapshot:
    """The snapshot in these files, by their names. Raises: FormatError."""
    records = memoryview(files[RECORDS])
    return _agreed(files[INDEX], files[ABOUT], lambda at, length: bytes(records[at : at + length]))


def told(about: About) -> bytes:
    """The file that says what a snapshot is made of."""
    return msgspec.json.format(msgspec.json.encode(about), indent=1) + b"\n"


def _agreed(index: bytes, about: bytes, read: Callable[[int, int], bytes]) -> Snapshot:
    try:
        said = msgspec.json.decode(about, type=About)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise FormatError(Reason.MALFORMED, f"{ABOUT} of the snapshot is damaged") from exc
    found = Snapshot(Index(index), said, read)
    if found.index.digest != said.digest:
        raise FormatError(Reason.MALFORMED, "the snapshot's index is of other records")
    return found


def build(
    records: Iterable[bytes],
    made: str,
    sources: Iterable[Source] = (),
    covers: frozenset[str] = frozenset(),
) -> Built:
    """The snapshot of these records, in memory. See `written`."""
    written_records = BytesIO()
    held = tuple(records)
    index, about = written(held, written_records, made, tuple(sources), covers)
    return Built(written_records.getvalue(), index, about)


class Given(Protocol):
    """Records that can be read as often as it takes, by their numbers."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> bytes: ...


def written(
    records: Given,
    file: IO[bytes],
    made: str,
    sources: tuple[Source, ...] = (),
    covers: frozenset[str] = frozenset(),
    show: Show = lambda done, total: None,
) -> tuple[bytes, About]:
    """Writes the lines of a snapshot of these records; returns its index and what it is made of.

    `made` is the time, as the caller has it. `covers` are the ecosystems, without releases, that
    the records are all of; none: whichever they name. A record on a package of PyPI may name one of
    npm beside it, and an index with that one would answer for npm what nobody has looked for. A
    record that cannot be read is left out and named in `about.unread`. Two records of one id that
    differ are both kept: what either says counts.

    Every record is read twice: for what it says, of which only that is kept, and when its place
    among the lines is known. `show` is told after how many of how many.
    """
    read = _Read(made, covers)
    of = 2 * len(records)
    for number in range(len(records)):
        read.take(records, number)
        show(number, of)
    return read.written(records, file, sources, show)


class _Read:
    """What the records taken so far say, under every package that they name."""

    def __init__(self, made: str, covers: frozenset[str]) -> None:
        self._made = made
        self._covers = covers
        self._said: dict[tuple[str, str], list[Said]] = {}
        self._effects: dict[Effect | None, Effect | None] = {}
        self._numbers: dict[str, tuple[int, ...]] = {}
        self._modified = ""
        self._taken = self._withdrawn = 0
        self._unread: list[str] = []

    def take(self, records: Given, number: int) -> None:
        data = records[number]
        try:
            found = record(data)
            packages = {(one.ecosystem, one.name) for one in self._covered(found)}
            if len(packages) * len(data) > _MOST_COPIED:
                what = f"{found.id} is too large for {len(packages)} packages"
                raise FormatError(Reason.OVER_LIMIT, what)
        except FormatError as exc:
            self._unread.append(exc.detail)
            return
        others = self._numbers.get(found.id, ())
        if any(records[one] == data for one in others):
            return
        self._numbers[found.id] = (*others, number)
        self._taken += 1
        self._unread += (f"{found.id}: {what}" for what in found.unread)
        if found.modified <= self._made:  # some are dated in the future, which says nothing
            self._modified = max(self._modified, found.modified)
        self._withdrawn += found.withdrawn
        for package in packages:
            effect = None if found.withdrawn else effect_on(package, found)
            same = self._effects.setdefault(effect, effect)
            one = Said(number, found.id, found.aliases, same)
            self._said.setdefault(package, []).append(one)

    def _covered(self, found: Record) -> Iterator[Affected]:
        for one in found.affected:
            if not self._covers or one.ecosystem.partition(":")[0] in self._covers:
                yield one

    def written(
        self, records: Given, file: IO[bytes], sources: tuple[Source, ...], show: Show
    ) -> tuple[bytes, About]:
        hashed, offset, index = hashlib.sha256(), 0, Indexed()
        many, of = len(records), 2 * len(records)
        for done, package in enumerate(sorted(self._said), 1):
            each = self._said[package]
            lines = {_line(package, one.id, records[one.number]): one for one in each}
            ordered = sorted(lines, key=lambda line: (lines[line].id, line))
            text = b"".join(ordered)
            index.add(package, offset, file.write(text), [lines[line] for line in ordered])
            hashed.update(text)
            offset += len(text)
            show(many + done * many // len(self._said), of)
        digest = hashed.hexdigest()
        about = About(
            digest, self._made, self._modified, self._taken, self._withdrawn, index.counts,
            sources, tuple(self._unread),
        )  # fmt: skip
        return index.encoded(digest), about


def _line(package: tuple[str, str], id: str, data: bytes) -> bytes:
    head = msgspec.json.encode((*package, id))
    one_line = data.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    return b"".join((head[:-1], b",", one_line, b"]\n"))
