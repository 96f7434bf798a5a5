"""A snapshot of advisories: every record in one file, and an index compiled from it.

`records.jsonl` has one line for each package that a record names, sorted by these three texts:

    ["PyPI", "package", "ID-1", {the record as its source wrote it}]

so that all lines of a package lie side by side, and whoever reads one line knows where it belongs.
The digest of that file names the snapshot. The index is derived from it and can be made again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from probatum.advisories.clusters import clustered
from probatum.advisories.index import VERSION, Index
from probatum.advisories.osv import Affected, Record, record
from probatum.advisories.ranges import Effect, Steps, effect, joined
from probatum.errors import FormatError
from probatum.vocabulary import Reason

RECORDS, INDEX, ABOUT = "records.jsonl", "index", "snapshot.json"
_MOST_COPIED = 64 << 20
_encode = msgspec.msgpack.Encoder().encode


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
        told = msgspec.json.format(msgspec.json.encode(self.about), indent=1)
        return {RECORDS: self.records, INDEX: self.index, ABOUT: told + b"\n"}


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


def _agreed(index: bytes, about: bytes, read: Callable[[int, int], bytes]) -> Snapshot:
    try:
        told = msgspec.json.decode(about, type=About)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise FormatError(Reason.MALFORMED, f"{ABOUT} of the snapshot is damaged") from exc
    found = Snapshot(Index(index), told, read)
    if found.index.digest != told.digest:
        raise FormatError(Reason.MALFORMED, "the snapshot's index is of other records")
    return found


def build(
    records: Iterable[bytes],
    made: str,
    sources: Iterable[Source] = (),
    covers: frozenset[str] = frozenset(),
) -> Built:
    """The snapshot of these records. `made` is the time, as the caller has it.

    `covers` are the ecosystems, without releases, that the records are all of; none: whichever they
    name. A record on a package of PyPI may name one of npm beside it, and an index with that one
    would answer for npm what nobody has looked for. A record that cannot be read is left out and
    named in `about.unread`. Two records of one id that differ are both kept: what either says
    counts.
    """
    read = _Read(made, covers)
    for data in records:
        read.take(data)
    return read.built(tuple(sources))


class _Read:
    """The records taken so far, each under every package that it names."""

    def __init__(self, made: str, covers: frozenset[str]) -> None:
        self._made = made
        self._covers = covers
        self._lines: dict[tuple[str, str], dict[bytes, Record]] = defaultdict(dict)
        self._seen: set[bytes] = set()
        self._modified = ""
        self._withdrawn = 0
        self._unread: list[str] = []

    def take(self, data: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        if digest in self._seen:
            return
        try:
            found = record(data)
            packages = {(one.ecosystem, one.name) for one in self._covered(found)}
            if len(packages) * len(data) > _MOST_COPIED:
                what = f"{found.id} is too large for {len(packages)} packages"
                raise FormatError(Reason.OVER_LIMIT, what)
        except FormatError as exc:
            self._unread.append(exc.detail)
            return
        self._seen.add(digest)
        self._unread += (f"{found.id}: {what}" for what in found.unread)
        if found.modified <= self._made:  # some are dated in the future, which says nothing
            self._modified = max(self._modified, found.modified)
        self._withdrawn += found.withdrawn
        one_line = data.strip().replace(b"\r", b" ").replace(b"\n", b" ")
        for package in packages:
            head = msgspec.json.encode((*package, found.id))
            self._lines[package][head[:-1] + b"," + one_line + b"]\n"] = found

    def _covered(self, found: Record) -> Iterator[Affected]:
        for one in found.affected:
            if not self._covers or one.ecosystem.partition(":")[0] in self._covers:
                yield one

    def built(self, sources: tuple[Source, ...]) -> Built:
        records = bytearray()
        entries: dict[str, dict[str, object]] = defaultdict(dict)
        for package in sorted(self._lines):
            lines = self._lines[package]
            ordered = sorted(lines, key=lambda line: (lines[line].id, line))
            offset, (ecosystem, name) = len(records), package
            records += b"".join(ordered)
            compiled = _compiled(package, [lines[one] for one in ordered])
            entries[ecosystem][name] = [offset, len(records) - offset, compiled]
        digest = hashlib.sha256(records).hexdigest()
        counts = {ecosystem: len(names) for ecosystem, names in entries.items()}
        about = About(
            digest, self._made, self._modified, len(self._seen), self._withdrawn, counts, sources,
            tuple(self._unread),
        )  # fmt: skip
        index = _encode({"version": VERSION, "digest": digest, "ecosystems": entries})
        return Built(bytes(records), index, about)


def _compiled(package: tuple[str, str], records: list[Record]) -> object:
    """What `index.Package` reads, for the records that were not taken back."""
    said = [(one, _effect(package, one)) for one in records if not one.withdrawn]
    texts: dict[bytes, str] = {}
    for _, one in said:
        for key, text in one.bounds:
            texts[key] = min(texts.get(key, text), text, key=lambda each: (len(each), each))
    keys = sorted(texts)
    places = {b"": 0}
    for number, key in enumerate(keys):
        places[key], places[key + b"\0"] = 2 * number + 1, 2 * number + 2
    clusters = [
        (names, [_row(names.index(said[at][0].id), said[at][1], places) for at in numbers])
        for names, numbers in clustered([(one.id, one.aliases) for one, _ in said])
    ]
    return (*package, keys, [texts[key] for key in keys], clusters)


def _row(id: int, effect: Effect, places: dict[bytes, int]) -> list[object]:
    """What `index.Row` reads, without the defaults at its end."""
    row: list[object] = [id, _placed(effect.steps, places), effect.odd, effect.why]
    if effect.supposed is not None:
        return [*row, _placed(effect.supposed, places)]
    while len(row) > 2 and not row[-1]:
        row.pop()
    return row


def _placed(steps: Steps, places: dict[bytes, int]) -> list[int]:
    return [4 * places[cut] + state for cut, state in steps]


def _effect(package: tuple[str, str], record: Record) -> Effect:
    """What all entries of a record say of one package together."""
    said = [effect(one) for one in record.affected if (one.ecosystem, one.name) == package]
    if len(said) == 1:
        return said[0]
    seems = [one.steps if one.supposed is None else one.supposed for one in said]
    return Effect(
        joined(one.steps for one in said),
        tuple(bound for one in said for bound in one.bounds),
        tuple(odd for one in said for odd in one.odd),
        "; ".join(filter(None, (one.why for one in said))),
        joined(seems) if any(one.supposed is not None for one in said) else None,
    )
