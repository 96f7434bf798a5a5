"""Reads ZIP archives strictly, and says wherever two readers could see different members.

`directory` reads the central directory, which is all that recognition needs. `judged` also reads
every local header and compares. What a reader of another school would see differently becomes a
`Doubt`: with a concrete difference in names or contents it refutes, otherwise it only keeps the
archive from being proven.

Source: PKWARE APPNOTE.TXT 6.3.10; CPython Lib/zipfile (which EOCD it takes, how it treats
zip64); miniz (torch); "A better zip bomb" (Fifield 2019) for overlapping members.
"""

import struct
import zlib
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

STORED, DEFLATED, BZIP2, LZMA, ZSTD = 0, 8, 12, 14, 93
_EOCD, _CENTRAL, _LOCAL, _DESCRIPTOR = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_TAIL = 22 + 0xFFFF
_STEP = 1 << 20
_MOST = 200_000
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


class Entry(Struct, frozen=True, gc=False):
    """One member as the central directory tells it. Offsets are from the start of the file."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header: int
    mode: int
    record: int
    """Offset of its central record."""

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & 0x2041)

    @property
    def folder(self) -> bool:
        return self.name.endswith("/") and self.size == 0

    @property
    def link(self) -> bool:
        return self.mode >> 12 == 0o12


class Doubt(Struct, frozen=True):
    """A place at which readers of ZIP part ways; `refutes` if they then see different members."""

    says: str
    offset: int
    refutes: bool = False


class Directory(Struct, frozen=True):
    """The central directory: its members, where it lies, and what is doubtful about it."""

    entries: tuple[Entry, ...]
    start: int
    end: int
    shift: int
    """Bytes before the archive: what to add to each offset that the directory names."""
    doubts: tuple[Doubt, ...]


class Located(Struct, frozen=True):
    """An entry with where its bytes are, and where its span in the file ends."""

    entry: Entry
    data: int
    end: int
    sized_late: bool
    """Stored, with its size told only behind it: a reader in one pass cannot follow that."""


def directory(material: Material, *, most: int = _MOST) -> Directory:
    """The central directory that a reader finds from the end of the file.

    Raises: FormatError if there is none, it cannot be followed or it has more than `most` members.
    """
    tail_at = max(0, material.size - _TAIL)
    tail = material.read(tail_at, _TAIL)
    at = _end_record(tail)
    disk, disk_start, here, count, size, offset, comment = struct.unpack_from(
        "<HHHHIIH", tail, at + 4
    )
    doubts = list(_end_doubts(tail, tail_at, at, comment))
    eocd = tail_at + at
    end = eocd
    wide = _wide_end(material, eocd)
    if wide is not None:
        end, wide_values, told = wide
        narrow = (disk, disk_start, here, count, size, offset)
        doubts.extend(_wide_doubts(narrow, wide_values, eocd))
        disk, disk_start, here, count, size, offset = wide_values
    if disk or disk_start or here != count:
        raise FormatError(Reason.UNSUPPORTED, "an archive in several volumes", Place(offset=eocd))
    start = end - size
    if start < 0 or start < offset:
        raise FormatError(
            Reason.MALFORMED, "the central directory lies outside the file", Place(offset=eocd)
        )
    shift = start - offset
    if wide is not None and told + shift != end:
        doubts.append(_elsewhere(material, told, eocd))
    if shift:
        doubts.append(Doubt(f"{shift} bytes stand before the archive's own start", 0))
    entries = tuple(_entries(material, start, end, count, shift, doubts, most))
    return Directory(entries, start, end, shift, tuple(doubts))


def _end_record(tail: bytes) -> int:
    at = tail.rfind(_EOCD)
    if at < 0:
        raise FormatError(
            Reason.MALFORMED, "no end of a central directory: not a whole ZIP archive"
        )
    if at + 22 > len(tail):
        raise FormatError(Reason.TRUNCATED, "the end of the central directory is cut short")
    return at


def _end_doubts(tail: bytes, tail_at: int, at: int, comment: int) -> Iterator[Doubt]:
    if at + 22 + comment != len(tail):
        yield Doubt("the archive's comment does not reach the end of the file", tail_at + at)
    other = tail.find(_EOCD)
    while other < at:
        if other + 22 + int.from_bytes(tail[other + 20 : other + 22], "little") == len(tail):
            yield Doubt("a second central directory ends at the end of the file", tail_at + other)
        other = tail.find(_EOCD, other + 1)


def _elsewhere(material: Material, told: int, eocd: int) -> Doubt:
    """The zip64 locator leads to another record (miniz) than the one before it (zipfile)."""
    other = material.read(told, 4) == b"PK\x06\x06"
    says = "a second zip64 end record" if other else "no zip64 end record"
    return Doubt(f"{says} where its locator says", eocd - 20, other)


def _wide_end(material: Material, eocd: int) -> tuple[int, tuple[int, ...], int] | None:
    """The zip64 end record before the locator: its offset, its values, where it should be."""
    locator = material.read(max(0, eocd - 20), 20)
    if len(locator) < 20 or not locator.startswith(b"PK\x06\x07"):
        return None
    record = material.read(max(0, eocd - 76), 56)
    if len(record) < 56 or not record.startswith(b"PK\x06\x06"):
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL,
            "a zip64 locator without its record right before it",
            Place(offset=eocd - 20),
        )
    told = int.from_bytes(locator[8:16], "little")
    return eocd - 76, struct.unpack_from("<IIQQQQ", record, 16), told


def _wide_doubts(narrow: tuple[int, ...], wide: tuple[int, ...], eocd: int) -> Iterator[Doubt]:
    full = (_FULL16, _FULL16, _FULL16, _FULL16, _FULL32, _FULL32)
    for said, meant, stands_for_more in zip(narrow, wide, full, strict=True):
        if said not in (meant, stands_for_more):
            yield Doubt("the zip64 end record contradicts the plain one", eocd)
            return


def _entries(
    material: Material, start: int, end: int, count: int, shift: int, doubts: list[Doubt], most: int
) -> Iterator[Entry]:
    if count > most:
        raise FormatError(Reason.OVER_LIMIT, f"{count} members are more than {most}")
    if count * 46 > end - start:
        raise FormatError(
            Reason.MALFORMED,
            "the central directory is too small for its count",
            Place(offset=start),
        )
    window = _Window(material, start, end)
    at = start
    for _ in range(count):
        fixed = window.read(at, 46)
        if len(fixed) < 46 or not fixed.startswith(_CENTRAL):
            raise FormatError(Reason.MALFORMED, "not a central directory record", Place(offset=at))
        lengths = struct.unpack_from("<HHH", fixed, 28)
        rest = window.read(at + 46, sum(lengths))
        if len(rest) < sum(lengths):
            raise FormatError(Reason.TRUNCATED, "a central record is cut short", Place(offset=at))
        extra = rest[lengths[0] : lengths[0] + lengths[1]]
        yield _entry(fixed, rest[: lengths[0]], extra, at, shift, doubts)
        at += 46 + sum(lengths)
    if at != end:
        doubts.append(Doubt("bytes follow the last central directory record", at))


class _Window:
    """Reads [start, end) in large steps, since records are small and many."""

    def __init__(self, material: Material, start: int, end: int) -> None:
        self._material = material
        self._end = end
        self._at = start
        self._data = b""

    def read(self, at: int, length: int) -> bytes:
        length = min(length, self._end - at)
        if not self._at <= at <= at + length <= self._at + len(self._data):
            self._at = at
            self._data = self._material.read(at, min(max(length, 1 << 18), self._end - at))
        return self._data[at - self._at : at - self._at + length]


def _entry(
    fixed: bytes, raw_name: bytes, extra: bytes, at: int, shift: int, doubts: list[Doubt]
) -> Entry:
    made, _, flags, method, _, _, crc, packed, size = struct.unpack_from("<HHHHHHIII", fixed, 4)
    disk, _, attributes, header = struct.unpack_from("<HHII", fixed, 34)
    fields = dict(_extra_fields(extra, at, doubts))
    size, packed, header = _widened(fields, (size, packed, header), at)
    if disk not in (0, _FULL16):
        raise FormatError(Reason.UNSUPPORTED, "a member in another volume", Place(offset=at))
    name = _decoded(raw_name, flags)
    doubts.extend(_name_doubts(raw_name, fields, flags, at))
    mode = attributes >> 16 if made >> 8 in (3, 19) else 0
    return Entry(name, raw_name, flags, method, crc, packed, size, header + shift, mode, at)


def _extra_fields(extra: bytes, at: int, doubts: list[Doubt]) -> Iterator[tuple[int, bytes]]:
    place, seen = 0, set[int]()
    while place + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, place)
        if place + 4 + length > len(extra):
            break
        if tag in seen and tag in (1, 0x7075):
            doubts.append(Doubt("an extra field that decides what is read stands twice", at))
        seen.add(tag)
        yield tag, extra[place + 4 : place + 4 + length]
        place += 4 + length
    if any(extra[place:]):
        doubts.append(Doubt("an extra field is cut short", at))


def _widened(fields: dict[int, bytes], values: tuple[int, ...], at: int) -> tuple[int, int, int]:
    """The values, each that is all ones replaced by the zip64 field's."""
    wide, found = fields.get(1, b""), []
    for value in values:
        if value == _FULL32:
            if len(wide) < 8:
                raise FormatError(Reason.MALFORMED, "a zip64 value is missing", Place(offset=at))
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(value)
    return found[0], found[1], found[2]


def _decoded(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8" if flags & 0x800 else "cp437", "backslashreplace")


def leads_out(name: str) -> bool:
    """Whether unpacking a member of this name, as it stands, writes outside the folder."""
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or parts[0].endswith(":")


def _name_doubts(raw: bytes, fields: dict[int, bytes], flags: int, at: int) -> Iterator[Doubt]:
    if leads_out(_decoded(raw, flags)):
        yield Doubt("a name that leads out of the folder it is unpacked into", at, True)
    if b"\0" in raw:
        yield Doubt("a name with a NUL in it, which some readers cut there", at)
    if b"\\" in raw:
        yield Doubt("a name with a backslash, which some readers take for a folder", at)
    if not flags & 0x800 and not raw.isascii():
        yield Doubt("a name outside ASCII in no stated encoding", at)
    if flags & 0x800 and not _is_utf8(raw):
        yield Doubt("a name that is said to be UTF-8 and is not", at)
    yield from _second_name(raw, fields, at)


def _second_name(raw: bytes, fields: dict[int, bytes], at: int) -> Iterator[Doubt]:
    other = fields.get(0x7075)
    if other is not None and other[5:] != raw:
        yield Doubt("a second name (Unicode Path) that differs from the first", at)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def located(material: Material, entry: Entry, doubts: list[Doubt] | None = None) -> Located:
    """The entry with its data's place, its local header compared with its central record."""
    doubts = [] if doubts is None else doubts
    at = entry.header
    fixed = material.read(at, 30)
    if len(fixed) < 30 or not fixed.startswith(_LOCAL):
        raise FormatError(
            Reason.MALFORMED, f"no local header for member {entry.name!r}", Place(offset=at)
        )
    _, flags, method, _, _, crc, packed, size, name_size, extra_size = struct.unpack_from(
        "<HHHHHIIIHH", fixed, 4
    )
    rest = material.read(at + 30, name_size + extra_size)
    data = at + 30 + name_size + extra_size
    if data + entry.packed > material.size:
        raise FormatError(
            Reason.TRUNCATED, f"member {entry.name!r} reaches past the file's end", Place(offset=at)
        )
    fields = dict(_extra_fields(rest[name_size:], at, doubts))
    said = (crc, *_local_sizes(fields, size, packed, at))
    doubts.extend(_local_doubts(entry, rest[:name_size], flags, method, said, at))
    doubts.extend(_second_name(rest[:name_size], fields, at))
    end = data + entry.packed
    if flags & 8:
        end += _descriptor(material, entry, end, doubts)
    late = bool(flags & 8) and entry.method == STORED and not any(said[1:]) and entry.size > 0
    return Located(entry, data, end, late)


def _local_sizes(fields: dict[int, bytes], size: int, packed: int, at: int) -> tuple[int, int]:
    if _FULL32 not in (size, packed) or 1 not in fields:
        return size, packed
    size, packed, _ = _widened(fields, (size, packed, 0), at)
    return size, packed


def _local_doubts(
    entry: Entry, raw_name: bytes, flags: int, method: int, said: tuple[int, int, int], at: int
) -> Iterator[Doubt]:
    if raw_name != entry.raw_name:
        local = _decoded(raw_name, flags)
        yield Doubt(
            f"the directory calls this member {entry.name!r}, its own header {local!r}", at, True
        )
    if method != entry.method:
        yield Doubt(f"directory and header name two methods for {entry.name!r}", at)
    if (flags ^ entry.flags) & 0x2849:
        yield Doubt(f"directory and header name different flags for {entry.name!r}", at)
    streamed = bool(flags & 8)
    if said != (entry.crc, entry.size, entry.packed) and not (streamed and not any(said)):
        wide_stream = streamed and said == (0, _FULL32, _FULL32)
        if not wide_stream:
            yield Doubt(
                f"directory and header name different sizes or checksums for {entry.name!r}",
                at,
                said[1:] != (entry.size, entry.packed),
            )


def _descriptor(material: Material, entry: Entry, at: int, doubts: list[Doubt]) -> int:
    """The length of the data descriptor at `at`, in whichever of its four forms it is right."""
    data = material.read(at, 24)
    for prefix in (_DESCRIPTOR, b""):
        for form in ("<III", "<IQQ"):
            want = prefix
            try:
                want += struct.pack(form, entry.crc, entry.packed, entry.size)
            except struct.error:
                continue
            if data.startswith(want):
                return len(want)
    doubts.append(Doubt(f"no right data descriptor behind {entry.name!r}", at))
    return 0


def survey(material: Material, listing: Directory) -> tuple[tuple[Located, ...], tuple[Doubt, ...]]:
    """Every entry located, and every doubt: those of the directory, the headers and the spans."""
    doubts = list(listing.doubts)
    found = tuple(located(material, entry, doubts) for entry in listing.entries)
    doubts.extend(_span_doubts(material, found, listing))
    return found, tuple(doubts)


def _span_doubts(
    material: Material, found: tuple[Located, ...], listing: Directory
) -> Iterator[Doubt]:
    """Where members overlap, and where bytes lie between them that the directory does not name."""
    at = listing.shift
    spans = sorted((one.entry.header, one.end, one.entry.name) for one in found)
    for header, end, name in [*spans, (listing.start, listing.end, "the central directory")]:
        if header < at:
            yield Doubt(f"{name!r} overlaps what stands before it", header)
        elif header > at:
            hidden = material.read(at, 4) == _LOCAL
            says = "a member that the directory does not name" if hidden else "bytes of no member"
            yield Doubt(f"{says} ({header - at} bytes)", at, hidden)
        at = max(at, end)


def contents(material: Material, one: Located) -> Iterator[bytes]:
    """The member's bytes in pieces, checked against its size and checksum.

    Raises: FormatError where they are not what the directory says.
    """
    entry, crc, size = one.entry, 0, 0
    if entry.encrypted:
        raise FormatError(Reason.ENCRYPTED, f"member {entry.name!r} is encrypted")
    for piece in _unpacked(material, one):
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if size > entry.size:
            break
        yield piece
    if size != entry.size:
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL,
            f"member {entry.name!r} does not unfold to the {entry.size} bytes it claims",
            Place(offset=one.data),
        )
    if crc != entry.crc:
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL,
            f"the checksum of member {entry.name!r} is wrong, which only some readers mind",
            Place(offset=one.data),
        )


def content(material: Material, one: Located) -> bytes:
    """What `contents` gives, at once: for members that are small and many."""
    entry = one.entry
    if entry.method == DEFLATED and entry.packed <= _STEP and not entry.encrypted:
        machine = zlib.decompressobj(-15)
        try:
            found = machine.decompress(material.read(one.data, entry.packed), entry.size + 1)
        except zlib.error:
            found = b""
        whole = machine.eof and not machine.unused_data and len(found) == entry.size
        if whole and zlib.crc32(found) == entry.crc:
            return found
    return b"".join(contents(material, one))


def _unpacked(material: Material, one: Located) -> Iterator[bytes]:
    packed = _pieces(material, one.data, one.entry.packed)
    if one.entry.method == STORED:
        return packed
    # Imported late: `compression` knows the other methods, and most archives need none of them.
    from probatum.formats import compression

    return compression.zip_method(one.entry.method, packed, one.data)


def _pieces(material: Material, at: int, length: int) -> Iterator[bytes]:
    end = at + length
    while at < end:
        piece = material.read(at, min(_STEP, end - at))
        if not piece:
            raise FormatError(Reason.TRUNCATED, "the file ends inside a member", Place(offset=at))
        yield piece
        at += len(piece)
