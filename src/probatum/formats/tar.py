"""Reads tar archives strictly, and says wherever two readers could see different members.

Links are members without content and are never followed. What a reader of another school would
see differently becomes a `Doubt`, as in `zip`.

Source: POSIX.1-2001 pax (ustar and extended headers); GNU tar manual, "Basic Tar Format";
CPython Lib/tarfile; RUSTSEC-2025-0111 (a pax size that only some readers mind).
"""

from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.zip import Doubt, leads_out
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

BLOCK = 512
_OCTAL = b"01234567 \t\r\n\v\f+-_oO"
_MOST = 200_000
_LONGEST = 1 << 20
_FILES, _LINKS, FOLDER = b"\x000 7", b"12", b"5"
_NOTHING = b"346"


class Entry(Struct, frozen=True):
    """One member. Offsets are from the start of the file; `type` is the header's type flag."""

    name: str
    type: bytes
    size: int
    header: int
    data: int
    target: str

    @property
    def file(self) -> bool:
        return self.type in _FILES

    @property
    def link(self) -> bool:
        return self.type in _LINKS


class Listing(Struct, frozen=True):
    """Every member in order, where the archive ends, and what is doubtful."""

    entries: tuple[Entry, ...]
    end: int
    doubts: tuple[Doubt, ...]


def starts(head: bytes) -> bool:
    """Whether these bytes begin with a tar header, by its checksum."""
    if len(head) < BLOCK or head[0] == 0:
        return False
    return head[257:262] == b"ustar" or _checksum_holds(head[:BLOCK])


def accepted_by_tarfile(block: bytes) -> bool:
    """Whether Python's tarfile takes the block for a header: it knows many spellings of a sum."""
    if len(block) < BLOCK:
        return False
    field = block[148:156]
    digits = field.partition(b"\0")[0]
    if digits.strip(_OCTAL) and field[1:5] not in (bytes(4), b"\xff" * 4):
        return False  # neither octal nor a small number in base 256: not worth an exception
    try:
        said = int(digits.decode("ascii").strip() or "0", 8)
    except ValueError:
        said = int.from_bytes(field[1:], "big") - (1 << 56 if field[0] == 0xFF else 0)
    if not -BLOCK * 128 <= said < BLOCK * 256:
        return False
    rest = block[:148] + b" " * 8 + block[156:BLOCK]
    return said in (sum(rest), sum(rest) - 256 * sum(byte > 127 for byte in rest))


def first_names(material: Material, count: int = 16) -> tuple[str, ...]:
    """The names of the first members, as far as they can be read."""
    names: list[str] = []
    try:
        for entry in _entries(material, []):
            names.append(entry.name)
            if len(names) == count:
                break
    except FormatError:
        pass
    return tuple(names)


def listing(material: Material) -> Listing:
    """Every member, and every doubt.

    Raises: FormatError where the archive cannot be followed to its end.
    """
    doubts: list[Doubt] = []
    entries = tuple(_entries(material, doubts))
    last = entries[-1] if entries else None
    end = _padded(last.data + last.size) if last else 0
    doubts.extend(_end_doubts(material, end))
    return Listing(entries, end, tuple(doubts))


def _entries(material: Material, doubts: list[Doubt]) -> Iterator[Entry]:
    at, count = 0, 0
    extended: dict[str, str] = {}
    types = b""
    while at < material.size:
        block = material.read(at, BLOCK)
        if not any(block):
            return
        one = _header(block, at)
        body = one.data
        if one.type in b"xgLK":
            types += one.type
            extended.update(_extension(material, one, doubts))
        else:
            if len(set(types)) < len(types) or (b"x" in types and types not in (b"x", b"gx")):
                doubts.append(Doubt("several extended headers for one member", one.header))
            named = _named(one, extended, doubts)
            doubts.extend(_name_doubts(named, block))
            yield named
            one, extended, types = named, {}, b""
            if (count := count + 1) > _MOST:
                raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} members")
        at = _padded(body + one.size)
        if body + one.size > material.size:
            raise FormatError(
                Reason.TRUNCATED,
                f"member {one.name!r} reaches past the file's end",
                Place(offset=body),
            )


def _name_doubts(one: Entry, block: bytes) -> Iterator[Doubt]:
    if block[257:263] != b"ustar\0" and any(block[345:500]):
        # Python's tarfile begins the name with it whatever the format; GNU tar keeps times there.
        yield Doubt("the field of a prefix in a header whose format has none", one.header)
    if one.type == FOLDER and one.size:
        yield Doubt("a folder with content, which some readers take for headers", one.header)
    if one.type in b"07" and one.name.endswith("/"):
        yield Doubt("a file under the name of a folder, which GNU tar makes a folder", one.header)


def _header(block: bytes, at: int) -> Entry:
    if len(block) < BLOCK:
        raise FormatError(Reason.TRUNCATED, "a tar header is cut short", Place(offset=at))
    if not _checksum_holds(block):
        raise FormatError(Reason.MALFORMED, "a tar header's checksum is wrong", Place(offset=at))
    name = _string(block[:100])
    if block[257:263] == b"ustar\0" and any(block[345:500]):
        name = f"{_string(block[345:500])}/{name}"
    kind = block[156:157]
    size = _number(block[124:136], at)
    carries = kind not in _LINKS + FOLDER + _NOTHING or kind == b"\0"
    if not carries and size:
        # Some readers skip a body here, others do not.
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL,
            f"{name!r} is no file but claims {size} bytes of content",
            Place(offset=at),
        )
    if kind == b"S":
        raise FormatError(Reason.UNSUPPORTED, f"{name!r} is a sparse file", Place(offset=at))
    if kind not in b"\x0001234567xgLKD":
        raise FormatError(
            Reason.UNSUPPORTED, f"{name!r} is of the unknown type {kind!r}", Place(offset=at)
        )
    return Entry(name, kind, size, at, at + BLOCK, _string(block[157:257]))


def _checksum_holds(block: bytes) -> bool:
    said = block[148:156].strip(b" \0")
    if not said or not all(byte in b"01234567" for byte in said):
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in rest)
    return int(said, 8) in (sum(rest), signed)


def _number(field: bytes, at: int) -> int:
    if field[0] == 0x80:
        value = int.from_bytes(field[1:], "big")
    else:
        digits = field.strip(b" \0")
        if not all(byte in b"01234567" for byte in digits):
            raise FormatError(Reason.MALFORMED, "a size is no number", Place(offset=at + 124))
        value = int(digits or b"0", 8)
    if value >= 1 << 62:
        raise FormatError(Reason.MALFORMED, "a size is beyond any file", Place(offset=at + 124))
    return value


def _string(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _padded(at: int) -> int:
    return -(-at // BLOCK) * BLOCK


def _extension(material: Material, one: Entry, doubts: list[Doubt]) -> dict[str, str]:
    if one.size > _LONGEST:
        raise FormatError(
            Reason.OVER_LIMIT, f"an extended header of {one.size} bytes", Place(offset=one.header)
        )
    data = material.read(one.data, one.size)
    if len(data) < one.size:
        raise FormatError(
            Reason.TRUNCATED, "an extended header is cut short", Place(offset=one.header)
        )
    doubts.extend(_extension_doubts(material, one, data))
    if one.type in b"LK":
        return {"path" if one.type == b"L" else "linkpath": _string(data)}
    records = dict(_records(data, one.data))
    if one.type == b"g":
        if records.keys() & {"path", "size", "linkpath"}:
            doubts.append(Doubt("a global header renames or resizes every member", one.header))
        return {}
    if any(key.startswith(("GNU.sparse", "SCHILY.realsize")) for key in records):
        raise FormatError(Reason.UNSUPPORTED, "a sparse file", Place(offset=one.header))
    return records


def _extension_doubts(material: Material, one: Entry, data: bytes) -> Iterator[Doubt]:
    """Where an extended header is read in two ways: some readers take its last block whole."""
    end = one.data + one.size
    if any(material.read(end, _padded(end) - end)):
        yield Doubt("bytes stand behind the end of an extended header", end)
    if one.type in b"LK" and data.find(b"\0") not in (-1, len(data) - 1):
        yield Doubt("a long name with a NUL inside", one.data)
    if any(data.count(key) > 1 for key in (b" path=", b" size=", b" linkpath=")):
        yield Doubt("an extended header gives one thing twice", one.data)


def _records(data: bytes, at: int) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(data):
        space = data.find(b" ", place, place + 12)
        digits = data[place:space] if space > 0 else b""
        length = int(digits) if digits.isdigit() else 0
        record = data[space + 1 : place + length]
        if not record.endswith(b"\n") or b"=" not in record:
            raise FormatError(
                Reason.MALFORMED, "a pax record is malformed", Place(offset=at + place)
            )
        key, _, value = record[:-1].partition(b"=")
        yield key.decode("utf-8", "backslashreplace"), value.decode("utf-8", "backslashreplace")
        place += length


def _named(one: Entry, extended: dict[str, str], doubts: list[Doubt]) -> Entry:
    """The entry under the name, size and link target that extended headers before it give."""
    name = extended.get("path", one.name)
    size = extended.get("size")
    if leads_out(name):
        doubts.append(
            Doubt("a name that leads out of the folder it is unpacked into", one.header, True)
        )
    if "\0" in name or "\\" in name:
        doubts.append(Doubt("a name with a NUL or a backslash, read differently", one.header))
    if size is not None and size != str(one.size):
        if one.size or not size.isdigit() or int(size) < 1 << 33:
            doubts.append(
                Doubt(
                    f"the extended header gives {name!r} {size} bytes, its own header {one.size}",
                    one.header,
                    True,
                )
            )
        if not size.isdigit() or len(size) > 18:
            raise FormatError(Reason.MALFORMED, "a size is no number", Place(offset=one.header))
        one = Entry(one.name, one.type, int(size), one.header, one.data, one.target)
    old_folder = name.endswith("/") and one.type == b"\0"
    return Entry(
        name,
        FOLDER if old_folder else one.type,
        one.size,
        one.header,
        one.data,
        extended.get("linkpath", one.target),
    )


def _end_doubts(material: Material, end: int) -> Iterator[Doubt]:
    """Whether only zeros follow, two blocks of them at least."""
    if material.size < end + 2 * BLOCK:
        yield Doubt("the archive does not end with two blocks of zeros", min(end, material.size))
    at = end
    while piece := material.read(at, 1 << 20):
        if any(piece):
            inside = next(place for place, byte in enumerate(piece) if byte)
            block = material.read((at + inside) // BLOCK * BLOCK, BLOCK)
            yield Doubt(
                "a further member stands behind the end of the archive"
                if _checksum_holds(block.ljust(BLOCK, b"\0"))
                else "bytes stand behind the end of the archive",
                at + inside,
                _checksum_holds(block.ljust(BLOCK, b"\0")),
            )
            return
        at += len(piece)
