"""Reads 7z archives with the standard library's decompressors.

Members of one folder (7z's word for a run of members compressed together) are unfolded in one
pass, after all their declared sizes have been charged. Encryption, PPMd, BCJ2 and methods newer
than the format itself are said to be unsupported.

Source: 7zFormat.txt and Methods.txt of the LZMA SDK 24.
"""

import struct
import zlib

from msgspec import Struct
from msgspec.structs import replace

from probatum.errors import FormatError
from probatum.formats.sevenzip_folders import Coder, Folder, contents
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_PADDING = 25
_MAGIC = b"7z\xbc\xaf\x27\x1c"
_MOST_HEADER = 64 << 20


class File(Struct, frozen=True):
    """One named entry; `part` is its place among the parts of all folders, None if empty."""

    name: str
    part: int | None
    link: bool
    directory: bool
    attributes: int = 0


class Archive(Struct, frozen=True):
    """What the header of a 7z archive says.

    `wrapped` are the folders that hold the header itself, where that is compressed; it lies in the
    file from `start` to `end`; `odd` says what in it other readers may take differently.
    """

    folders: tuple[Folder, ...]
    files: tuple[File, ...]
    wrapped: tuple[Folder, ...] = ()
    start: int = 32
    end: int = 32
    odd: tuple[str, ...] = ()


def archive(material: Material) -> Archive:
    """The header, unfolded where it is compressed itself.

    Raises: FormatError where it cannot be followed.
    """
    head = material.read(0, 32)
    if len(head) < 32 or not head.startswith(_MAGIC):
        raise FormatError(Reason.TRUNCATED, "the start of the 7z archive is cut short")
    if zlib.crc32(head[12:32]) != int.from_bytes(head[8:12], "little"):
        raise _broken("the start header's checksum is wrong", 8)
    offset, size, crc = struct.unpack_from("<QQI", head, 12)
    if size == 0:
        odd = ("an empty header that lies somewhere",) if offset or crc else ()
        return Archive((), (), odd=odd)
    data = _limited(material, 32 + offset, size)
    if zlib.crc32(data) != crc:
        raise _broken("the header's checksum is wrong", 32 + offset)
    wrapped: list[Folder] = []
    for _ in range(4):
        header = _Reader(data)
        match header.byte():
            case 1:
                found = _archive(header, material)
                return replace(
                    found, wrapped=tuple(wrapped), start=32 + offset, end=32 + offset + size
                )
            case 0x17:
                data = _unfolded_header(header, material, wrapped)
            case _:
                break
    raise _broken("the header is of no known form", 32 + offset)


def _broken(says: str, at: int = 0) -> FormatError:
    return FormatError(Reason.MALFORMED, f"7z: {says}", Place(offset=at))


def _limited(material: Material, at: int, size: int) -> bytes:
    if size > _MOST_HEADER:
        raise FormatError(Reason.OVER_LIMIT, f"a 7z header of {size} bytes", Place(offset=at))
    data = material.read(at, size)
    if len(data) < size:
        raise FormatError(Reason.TRUNCATED, "the 7z header is cut short", Place(offset=at))
    return data


class _Reader:
    """Takes numbers and bytes from a header, and nothing beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.odd: list[str] = []

    def close(self, what: str) -> None:
        """Note what stands behind the part that was read."""
        if self._at != len(self._data):
            self.odd.append(f"bytes follow {what}")

    def once(self, property: int, seen: set[int]) -> None:
        """Note a property that says again what was said."""
        if property in seen and property != _PADDING:
            self.odd.append(f"the header's property {property} stands twice")
        seen.add(property)

    def bytes(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise _broken("the header is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        first, mask, value = self.byte(), 0x80, 0
        for place in range(8):
            if not first & mask:
                return value | (first & mask - 1) << 8 * place
            value |= self.byte() << 8 * place
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things that each take part of the header."""
        count = self.number()
        if count > len(self._data):
            raise _broken("more things than the header has room for")
        return count

    def flags(self, count: int) -> list[bool]:
        data = self.bytes((count + 7) // 8)
        return [bool(data[place // 8] & 0x80 >> place % 8) for place in range(count)]

    def flags_or_all(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.flags(count)

    def digests(self, count: int) -> list[int | None]:
        given = self.flags_or_all(count)
        return [int.from_bytes(self.bytes(4), "little") if one else None for one in given]


def _unfolded_header(header: _Reader, material: Material, wrapped: list[Folder]) -> bytes:
    folders = _streams(header)
    header.close("the compressed header")
    if not folders:
        raise _broken("a compressed header of no bytes")
    if len(folders) > 1 or header.odd:
        raise _broken("a compressed header that readers take differently")
    wrapped.append(folders[0])
    if folders[0].size > _MOST_HEADER:
        raise FormatError(Reason.OVER_LIMIT, f"a 7z header of {folders[0].size} bytes")
    data = b"".join(contents(material, folders[0]))
    crc = folders[0].parts[0][1] if folders[0].parts else None
    if crc is not None and zlib.crc32(data) != crc:
        raise _broken("the unfolded header's checksum is wrong", folders[0].at)
    return data


def _archive(header: _Reader, material: Material) -> Archive:
    folders: tuple[Folder, ...] = ()
    files: tuple[File, ...] = ()
    seen: set[int] = set()
    while (property := header.byte()) != 0:
        header.once(property, seen)
        if property == 4:
            folders = _streams(header)
        elif property == 5:
            files = _files(header)
        else:
            raise FormatError(Reason.UNSUPPORTED, f"7z: header property {property}")
    parts = sum(len(folder.parts) for folder in folders)
    if parts != sum(file.part is not None for file in files):
        raise _broken("the header names other members than it has contents for")
    for folder in folders:
        if folder.at + folder.packed > material.size:
            raise FormatError(
                Reason.TRUNCATED,
                "7z: a folder reaches past the file's end",
                Place(offset=folder.at),
            )
    header.close("the header")
    return Archive(folders, files, odd=tuple(header.odd))


class _Streams(Struct):
    """What the three sections of a streams block have said so far."""

    at: int = 32
    packed: list[int] = []
    coders: list[tuple[Coder, ...]] = []
    sizes: list[int] = []
    digests: list[int | None] = []
    parts: list[tuple[tuple[int, int | None], ...]] | None = None


def _streams(header: _Reader) -> tuple[Folder, ...]:
    found = _Streams()
    seen: set[int] = set()
    while (property := header.byte()) != 0:
        header.once(property, seen)
        match property:
            case 6:
                _pack_info(header, found)
            case 7:
                _unpack_info(header, found)
            case 8:
                _substreams(header, found)
            case _:
                raise _broken(f"streams property {property}")
    if len(found.packed) != len(found.coders) or len(found.sizes) != len(found.coders):
        raise _broken("folders and packed streams do not match")
    whole = zip(found.sizes, found.digests or [None] * len(found.sizes), strict=True)
    parts = found.parts if found.parts is not None else [(one,) for one in whole]
    if len(parts) != len(found.coders):
        raise _broken("members are told before their folders")
    folders, at = [], found.at
    for place, coders in enumerate(found.coders):
        packed = found.packed[place]
        folders.append(Folder(at, packed, coders, found.sizes[place], parts[place]))
        at += packed
    return tuple(folders)


def _pack_info(header: _Reader, found: _Streams) -> None:
    found.at = 32 + header.number()
    count = header.count()
    seen: set[int] = set()
    while (property := header.byte()) != 0:
        header.once(property, seen)
        if property == 9:
            found.packed = [header.number() for _ in range(count)]
        elif property == 10:
            header.digests(count)
        else:
            raise _broken(f"pack property {property}")


def _unpack_info(header: _Reader, found: _Streams) -> None:
    if header.byte() != 11:
        raise _broken("no folders where they should be")
    count = header.count()
    if header.byte():
        raise FormatError(Reason.UNSUPPORTED, "7z: folders told elsewhere")
    raw = [_folder(header) for _ in range(count)]
    found.coders = [coders for coders, _ in raw]
    seen: set[int] = set()
    while (property := header.byte()) != 0:
        header.once(property, seen)
        if property == 12:
            all_sizes = [[header.number() for _ in coders] for coders, _ in raw]
            found.sizes = [sizes[main] for sizes, (_, main) in zip(all_sizes, raw, strict=True)]
            if any(len(set(sizes)) > 1 for sizes in all_sizes):
                header.odd.append("a step of unfolding changes the size")
        elif property == 10:
            found.digests = header.digests(count)
        else:
            raise _broken(f"unpack property {property}")


def _folder(header: _Reader) -> tuple[tuple[Coder, ...], int]:
    """The coders from the content inwards, and which of them (as listed) yields the content."""
    coders = [_coder(header) for _ in range(header.count())]
    if not 0 < len(coders) <= 4:
        raise FormatError(Reason.UNSUPPORTED, f"7z: {len(coders)} coders in one folder")
    inputs: dict[int, int] = {}
    for _ in coders[1:]:
        to, source = header.number(), header.number()
        inputs[to] = source
    mains = set(range(len(coders))) - set(inputs.values())
    if len(mains) != 1 or len(inputs) != len(coders) - 1:
        raise _broken("coders that do not follow each other")
    place = main = mains.pop()
    chain = [coders[main]]
    while place in inputs and len(chain) < len(coders):
        place = inputs[place]
        if not 0 <= place < len(coders):
            raise _broken("a coder that is not there")
        chain.append(coders[place])
    if len(chain) != len(coders) or place in inputs:
        raise _broken("coders in a circle")
    return tuple(chain), main


def _coder(header: _Reader) -> Coder:
    flags = header.byte()
    method = header.bytes(flags & 15)
    if flags & 0x90:
        raise FormatError(Reason.UNSUPPORTED, f"7z: method {method.hex()} with several streams")
    return Coder(method, header.bytes(header.count()) if flags & 0x20 else b"")


def _substreams(header: _Reader, found: _Streams) -> None:
    if len(found.sizes) != len(found.coders):
        raise _broken("folders without a size")
    counts = [1] * len(found.coders)
    property = header.byte()
    if property == 13:
        counts = [header.count() for _ in counts]
        property = header.byte()
    sizes: list[list[int]] = []
    for count, whole in zip(counts, found.sizes, strict=True):
        given = [header.number() for _ in range(count - 1)] if property == 9 else []
        if count and (whole < sum(given) or len(given) != count - 1):
            raise _broken("members that are larger than their folder")
        sizes.append([*given, whole - sum(given)] if count else [])
    property = header.byte() if property == 9 else property
    known = found.digests or [None] * len(counts)
    unknown = sum(
        count for count, crc in zip(counts, known, strict=True) if count != 1 or crc is None
    )
    digests: list[int | None] = [None] * unknown
    if property == 10:
        digests = header.digests(unknown)
        property = header.byte()
    if property != 0:
        raise _broken(f"substreams property {property}")
    rest = iter(digests)
    found.parts = [
        tuple((size, crc if crc is not None and len(group) == 1 else next(rest)) for size in group)
        for group, crc in zip(sizes, known, strict=True)
    ]


def _files(header: _Reader) -> tuple[File, ...]:
    count = header.count()
    empty = plain = [False] * count
    attributes = [0] * count
    names: list[str] = []
    seen: set[int] = set()
    while (property := header.byte()) != 0:
        header.once(property, seen)
        body = _Reader(header.bytes(header.number()))
        match property:
            case 14:
                empty = body.flags(count)
                plain = [False] * count
            case 15:
                if 14 not in seen:
                    header.odd.append("what is an empty file is told too early")
                marks = iter(body.flags(sum(empty)))
                plain = [one and next(marks) for one in empty]
            case 17:
                names = _names(body, count)
            case 21:
                attributes = _attributes(body, count)
            case 16:
                header.odd.append("a member that stands for a deletion")
            case 18 | 19 | 20 | 25:  # times, padding
                continue
            case _:
                header.odd.append(f"the members have a property {property}")
                continue
        body.close(f"the members' property {property}")
        header.odd += body.odd
    if len(names) != count:
        raise _broken("members without names")
    files, part = [], 0
    for place, name in enumerate(names):
        mode = attributes[place] >> 16 if attributes[place] & 0x8000 else 0
        own = None if empty[place] else part
        part += own is not None
        directory = empty[place] and not plain[place]
        link = mode >> 12 == 0o12 or bool(attributes[place] & 0x400)
        files.append(File(name, own, link, directory, attributes[place]))
    return tuple(files)


def _names(body: _Reader, count: int) -> list[str]:
    if body.byte():
        raise FormatError(Reason.UNSUPPORTED, "7z: names told elsewhere")
    names = []
    for _ in range(count):
        raw = bytearray()
        while (unit := body.bytes(2)) != b"\0\0":
            raw += unit
        names.append(raw.decode("utf-16-le", "backslashreplace"))
    return names


def _attributes(body: _Reader, count: int) -> list[int]:
    given = body.flags_or_all(count)
    if body.byte():
        raise FormatError(Reason.UNSUPPORTED, "7z: attributes told elsewhere")
    return [int.from_bytes(body.bytes(4), "little") if one else 0 for one in given]
