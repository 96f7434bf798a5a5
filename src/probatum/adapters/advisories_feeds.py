"""Reads what a source of advisories holds: OSV records, EPSS scores or CISA's exploited ones.

Files are known by their content: a ZIP of JSON files (OSV's own exports), JSON lines, one text of
JSON or EPSS's table, all but the first also inside gzip or zstd. A folder holds any of these. The
source may be XX"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from probatum.advisories import priority
from probatum.errors import FeedError, FormatError
from probatum.formats import zip
from probatum.formats.allowance import Allowance
from probatum.formats.compression import unfolded
from probatum.material import FileMaterial
from probatum.ports import Material

RECORD = 8 << 20
"""Bytes that one text of JSON may have; OSV's largest record has 3 MiB, CISA's catalogue 2."""
RECORDS = 1_000_000
_SUFFIXES = frozenset({".json", ".jsonl", ".zip", ".zst", ".gz", ".csv"})
_TABLE = re.compile(rb"#model_version|cve,epss,percentile")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)")
_STEP = 1 << 20
_AHEAD = timedelta(days=2)

Holds = Literal["records", "epss", "kev"]


class Record(Struct, frozen=True):
    """One OSV record: its bytes on one line, and what an update has to know of it.

    `modified` is in UTC and to the second, so that texts compare as the times do. It is empty where
    the record is dated in the future: such a date would make every later feed look old.
    `ecosystems` are without releases (`Debian` for `Debian:12`).
    """

    line: bytes
    id: str
    modified: str
    ecosystems: frozenset[str]


def head(line: bytes) -> tuple[str, str, str]:
    """Ecosystem, package and id of one line of a snapshot's records."""
    ecosystem, name, id, _ = msgspec.json.decode(line, type=tuple[str, str, str, msgspec.Raw])
    return ecosystem, name, id


class _Package(Struct):
    ecosystem: str
    name: str


class _Affected(Struct):
    package: _Package | None = None


class _Head(Struct):
    id: str
    modified: str
    affected: list[_Affected] | None = None


_HEAD = msgspec.json.Decoder(_Head)


class Content:
    """One file of a source; `name` is how it is called in messages."""

    def __init__(self, name: str, material: Material, allowance: Allowance) -> None:
        self.name = name
        self._material = material
        self._allowance = allowance
        self._head = material.read(0, 8)

    def holds(self) -> Holds:
        """What is in it, by its content. Raises: FeedError if it cannot be unfolded."""
        if self._is_zip():
            return "records"
        try:
            start = next(iter(self._unfolded()), b"")[: 1 << 16]
        except FormatError as exc:
            raise self._refused(exc) from exc
        if _TABLE.match(start):
            return "epss"
        return (
            "kev" if b'"catalogVersion"' in start and b'"vulnerabilities"' in start else "records"
        )

    def records(self, now: datetime) -> Iterator[Record]:
        """Every OSV record in it. Raises: FeedError at the first that is none."""
        latest = utc(now + _AHEAD)
        try:
            for place, text in self._members() if self._is_zip() else self._texts():
                yield _record(place, text, latest)
        except FormatError as exc:
            raise self._refused(exc) from exc

    def scores(self) -> priority.Scores:
        """EPSS. Raises: FeedError if it is not that."""
        try:
            return priority.scores(line for _, line in self._lines(self._charged(self._unfolded())))
        except FormatError as exc:
            raise self._refused(exc) from exc

    def exploited(self) -> priority.Exploited:
        """CISA's catalogue. Raises: FeedError if it is not that."""
        try:
            return priority.exploited(self._whole(self._charged(self._unfolded())))
        except FormatError as exc:
            raise self._refused(exc) from exc

    def _is_zip(self) -> bool:
        return self._head.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    def _members(self) -> Iterator[tuple[str, bytes]]:
        entries = zip.directory(self._material, most=RECORDS).entries
        self._allowance.count(len(entries))
        self._allowance.charge_within(entry.size for entry in entries)
        ahead = _Ahead(self._material)
        for entry in entries:
            place = f"{self.name}!/{entry.name}"
            if zip.leads_out(entry.name):
                raise FeedError(f"{place}: this name leads out of the folder")
            if entry.folder:
                continue
            if entry.link or not entry.name.endswith(".json"):
                raise FeedError(f"{place}: this is no file of JSON")
            yield place, zip.content(ahead, zip.located(ahead, entry))

    def _texts(self) -> Iterator[tuple[str, bytes]]:
        """Lines that are JSON each, or the whole where it is one text over many lines."""
        pieces = self._charged(self._unfolded())
        begun = [next(pieces, b"").lstrip()]
        while begun[-1] and b"\n" not in begun[-1]:
            self._allowance.within_member(sum(map(len, begun)))
            begun.append(next(pieces, b""))
        joined = chain(begun, pieces)
        if not b"".join(begun).partition(b"\n")[0].rstrip().endswith(b"}"):
            yield self.name, self._whole(joined)
            return
        for number, line in self._lines(joined):
            self._allowance.count(1)
            yield f"{self.name}, line {number}", line

    def _lines(self, pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        number, rest = 0, b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number += 1
                if line.strip():
                    yield number, line
            self._allowance.within_member(len(rest))
        if rest.strip():
            yield number + 1, rest

    def _whole(self, pieces: Iterable[bytes]) -> bytes:
        text = bytearray()
        for piece in pieces:
            text += piece
            self._allowance.within_member(len(text))
        return bytes(text)

    def _unfolded(self) -> Iterator[bytes]:
        if self._head.startswith(b"\x1f\x8b"):
            return unfolded("gzip", self._material)
        if self._head.startswith(b"\x28\xb5\x2f\xfd"):
            return unfolded("zstd", self._material)
        return _pieces(self._material)

    def _charged(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same in pieces of a MiB or more: joining small ones to a long line would be slow."""
        held = bytearray()
        for piece in pieces:
            self._allowance.charge(len(piece))
            held += piece
            if len(held) >= _STEP:
                yield bytes(held)
                held.clear()
        yield bytes(held)

    def _refused(self, exc: FormatError) -> FeedError:
        return FeedError(f"{self.name}: {exc.detail}")


def contents(path: Path, name: str) -> Iterator[Content]:
    """The file, or each file at and below the folder that may hold advisories, in order.

    Raises: FeedError if there is none or one cannot be read.
    """
    try:
        files = sorted(below(path)) if path.is_dir() else [path]
        packed = sum(one.stat().st_size for one in files)
    except OSError as exc:
        raise FeedError(f"{name}: cannot be read: {exc.strerror}") from exc
    if not files:
        raise FeedError(f"{name}: no file in this folder ends in {' '.join(sorted(_SUFFIXES))}")
    allowance = Allowance(packed, ratio=200, member_size=RECORD, members=RECORDS)
    for one in files:
        called = name if one == path else f"{name}/{one.relative_to(path).as_posix()}"
        try:
            material = FileMaterial(str(one))
        except FormatError as exc:
            raise FeedError(f"{called}: {exc.detail}") from exc
        try:
            yield Content(called, material, allowance)
        finally:
            material.close()


def below(folder: Path) -> Iterator[Path]:
    """The files at and below a folder that may hold advisories; hidden ones and links do not."""
    for one in folder.iterdir():
        if one.name.startswith("."):
            continue
        if one.is_dir() and not one.is_symlink():
            yield from below(one)
        elif one.suffix in _SUFFIXES:
            yield one


def _pieces(material: Material) -> Iterator[bytes]:
    for at in range(0, material.size, _STEP):
        yield material.read(at, _STEP)


class _Ahead:
    """A material of many small parts that lie in the order in which they are read."""

    beside: frozenset[str] = frozenset()

    def __init__(self, material: Material) -> None:
        self._material = material
        self.size = material.size
        self._begin = 0
        self._held = b""

    def read(self, offset: int, length: int) -> bytes:
        at = offset - self._begin
        if at < 0 or at + length > len(self._held):
            self._begin, at = offset, 0
            self._held = self._material.read(offset, max(length, _STEP))
        return self._held[at : at + length]


def _record(place: str, text: bytes, latest: str) -> Record:
    try:
        head = _HEAD.decode(text)
        line = msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise FeedError(f"{place}: this is no OSV record: {exc}") from exc
    if not _ID.fullmatch(head.id):
        raise FeedError(f"{place}: the id {head.id[:60]!a} is none of OSV's")
    modified = _time(place, head.modified)
    if modified > latest:
        modified = ""
    packages = (one.package for one in head.affected or ())
    names = frozenset(one.ecosystem.partition(":")[0] for one in packages if one is not None)
    return Record(line, head.id, modified, names)


def utc(time: datetime) -> str:
    """A time to the second, in UTC: such texts compare as the times do."""
    return time.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _time(place: str, said: str) -> str:
    try:
        if _DATE.fullmatch(said):
            time = datetime.fromisoformat(said)
            return said if len(said) == 20 else utc(time)
    except (ValueError, OverflowError):
        pass
    raise FeedError(f"{place}: {said[:60]!a} is no time of a change")
