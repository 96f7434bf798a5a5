"""Reads the members of a 7z archive for the checkers, and takes nothing that readers could
take differently.

1. The packed streams, then the header, cover the file from its first byte to its last without gap
   or overlap; checksums of the headers are right; no property stands twice or is unknown.
2. A folder (7z's word for what is compressed together) has one packed stream, one chain of coders
   that the standard library unfolds, and unfolds to exactly its members, all packed bytes needed.
3. Each member has a right checksum, a name of its own that stays inside, and attributes of a plain
   file or of a folder.

Source: 7zFormat.txt and Methods.txt of the LZMA SDK 24.
"""

import bz2
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Folder = dict[str, Any]
_STEP = 1 << 20
_MOST = 64 << 20
_PADDING = 25
_BRANCHES = {
    **dict.fromkeys(("03030103", "04"), lzma.FILTER_X86),
    **dict.fromkeys(("03030205", "05"), lzma.FILTER_POWERPC),
    **dict.fromkeys(("03030401", "06"), lzma.FILTER_IA64),
    **dict.fromkeys(("03030501", "07"), lzma.FILTER_ARM),
    **dict.fromkeys(("03030701", "08"), lzma.FILTER_ARMTHUMB),
    **dict.fromkeys(("03030805", "09"), lzma.FILTER_SPARC),
}


def members(read: Read, size: int) -> Iterator[tuple[str, int, int, str]]:
    """Each member's name, size, the place of the folder that holds it (0 for an empty one), and
    the sha256 of its content.

    `read` must yield just the bytes that it is asked for. Raises: Rejected, and what the
    decompressors raise.
    """
    head = read(0, 32)
    _demand(head[:7] == b"7z\xbc\xaf\x27\x1c\0", "no 7z archive of version 0")
    _demand(zlib.crc32(head[12:]) == _number(head[8:12]), "the start's checksum is wrong")
    offset, length = _number(head[12:20]), _number(head[20:28])
    crc: int | None = _number(head[28:])
    if not any(head[12:]):
        _demand(size == 32, "bytes follow an empty archive")
        return
    _demand(32 + offset + length == size and 0 < length <= _MOST, "the header is not at the end")
    data, packed = read(32 + offset, length), []
    for _ in range(4):
        _demand(crc in (None, zlib.crc32(data)), "the header's checksum is wrong")
        header = _Header(data)
        kind = header.byte()
        if kind != 0x17:
            break
        folder, *more = header.streams()
        _demand(not more and len(folder["parts"]) == 1 and header.ended(), "an odd header")
        _demand(folder["size"] <= _MOST, "too large a header")
        packed.append(folder)
        data, crc = b"".join(_unfolded(folder, read)), folder["parts"][0][1]
    _demand(kind == 1, "a header of no known form")
    folders, files = header.archive()
    _demand(header.ended(), "bytes follow the header")
    at = 32
    for folder in sorted(folders + packed, key=lambda one: int(one["at"])):
        _demand(folder["at"] == at, "the packed streams leave a gap or overlap")
        at += folder["packed"]
    _demand(at == 32 + offset, "bytes lie before the header")
    yield from _named(files, [one for folder in folders for one in _parts(folder, read)])


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(f"7z: {says}")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class _Header:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        _demand(size <= len(self._data) - self._at, "the header is cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def ended(self) -> bool:
        return self._at == len(self._data)

    def number(self) -> int:
        first = self.byte()
        more = 8 - (first ^ 0xFF).bit_length()
        return _number(self.take(more)) + ((first & (0x7F >> more)) << 8 * more)

    def count(self) -> int:
        count = self.number()
        _demand(count <= min(len(self._data), 1 << 20), "more things than the header has room for")
        return count

    def bits(self, count: int) -> list[bool]:
        value = self.take(-(-count // 8))
        return [bool(value[at // 8] >> 7 - at % 8 & 1) for at in range(count)]

    def given(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)

    def checksums(self, count: int) -> list[int | None]:
        return [_number(self.take(4)) if one else None for one in self.given(count)]

    def properties(self) -> Iterator[int]:
        seen = set()
        while (one := self.byte()) != 0:
            _demand(one not in seen or one == _PADDING, "a property stands twice")
            seen.add(one)
            yield one

    def archive(self) -> tuple[list[Folder], list[dict[str, Any]]]:
        folders: list[Folder] = []
        files: list[dict[str, Any]] = []
        for one in self.properties():
            _demand(one in (4, 5), "a property of the archive that is not known")
            if one == 4:
                folders = self.streams()
            else:
                files = self.files()
        return folders, files

    def streams(self) -> list[Folder]:
        packed: list[int] = []
        folders: list[Folder] = []
        place = 32
        for one in self.properties():
            _demand(one in (6, 7, 8), "a property of the streams that is not known")
            if one == 6:
                place, count = 32 + self.number(), self.count()
                for inner in self.properties():
                    _demand(inner in (9, 10), "a property of the packed streams")
                    if inner == 9:
                        packed = [self.number() for _ in range(count)]
                    else:
                        self.checksums(count)
            elif one == 7:
                folders = self._folders()
            else:
                self._substreams(folders)
        _demand(folders and len(folders) == len(packed), "folders without their packed streams")
        for folder, size in zip(folders, packed, strict=True):
            folder |= {"at": place, "packed": size}
            place += size
        return folders

    def _folders(self) -> list[Folder]:
        _demand(self.byte() == 11, "no folders where they should be")
        count = self.count()
        _demand(self.byte() == 0, "folders that are told elsewhere")
        folders = [self._folder() for _ in range(count)]
        for one in self.properties():
            _demand(one in (12, 10), "a property of the folders that is not known")
            if one == 12:
                for folder in folders:
                    sizes = {self.number() for _ in folder["chain"]}
                    _demand(len(sizes) == 1, "a step of unfolding changes the size")
                    folder["size"] = sizes.pop()
            else:
                for folder, crc in zip(folders, self.checksums(count), strict=True):
                    folder["crc"] = crc
        for folder in folders:
            _demand("size" in folder, "a folder of no size")
            folder["parts"] = [(folder["size"], folder.get("crc"))]
        return folders

    def _folder(self) -> Folder:
        count = self.count()
        _demand(0 < count <= 4, "a folder of too many coders")
        coders = []
        for _ in range(count):
            flags = self.byte()
            _demand(not flags & 0xD0, "a coder of several streams")
            method = self.take(flags & 15).hex()
            coders.append((method, self.take(self.count()) if flags & 0x20 else b""))
        feeds = [(self.number(), self.number()) for _ in coders[1:]]
        inputs = dict(feeds)
        ends = set(range(count)) - set(inputs.values())
        _demand(len(ends) == 1 and len(inputs) == count - 1, "coders that are no chain")
        place = ends.pop()
        chain = [coders[place]]
        while len(chain) < count:
            place = inputs.get(place, -1)
            _demand(0 <= place < count, "coders that are no chain")
            chain.append(coders[place])
        _demand(place not in inputs, "coders in a circle")
        return {"chain": chain}

    def _substreams(self, folders: list[Folder]) -> None:
        counts, one = [1] * len(folders), self.byte()
        if one == 13:
            counts, one = [self.count() for _ in folders], self.byte()
        groups = []
        for folder, count in zip(folders, counts, strict=True):
            _demand(count == 1 or (count > 1 and one == 9), "members without their sizes")
            sizes = [self.number() for _ in range(count - 1)]
            _demand(sum(sizes) <= folder["size"], "members larger than their folder")
            groups.append([*sizes, folder["size"] - sum(sizes)])
        one = self.byte() if one == 9 else one
        known = [
            folder.get("crc") if len(group) == 1 else None
            for folder, group in zip(folders, groups, strict=True)
        ]
        missing = sum(len(group) for group, crc in zip(groups, known, strict=True) if crc is None)
        told: list[int | None] = [None] * missing
        if one == 10:
            told, one = self.checksums(missing), self.byte()
        _demand(one == 0, "a property of the members' streams")
        rest = iter(told)
        for folder, group, crc in zip(folders, groups, known, strict=True):
            folder["parts"] = [(size, next(rest) if crc is None else crc) for size in group]

    def files(self) -> list[dict[str, Any]]:
        count = self.count()
        files: list[dict[str, Any]] = [{"empty": False, "attributes": 0} for _ in range(count)]
        for one in self.properties():
            body = _Header(self.take(self.number()))
            if one in (18, 19, 20, _PADDING):  # times
                continue
            if one == 14:
                for file, empty in zip(files, body.bits(count), strict=True):
                    file |= {"empty": empty, "folder": empty}
            elif one == 15:
                bare = [file for file in files if file["empty"]]
                for file, plain in zip(bare, body.bits(len(bare)), strict=True):
                    file["folder"] = not plain
            elif one == 17:
                _demand(body.byte() == 0, "names that are told elsewhere")
                for file in files:
                    file["name"] = body.name()
            else:
                _demand(one == 21, "a property of the members that is not known")
                given = body.given(count)
                _demand(body.byte() == 0, "attributes that are told elsewhere")
                for file, there in zip(files, given, strict=True):
                    file["attributes"] = _number(body.take(4)) if there else 0
            _demand(body.ended(), "a property is longer than what it says")
        return files

    def name(self) -> str:
        units = bytearray()
        while (unit := self.take(2)) != b"\0\0":
            units += unit
        return units.decode("utf-16-le")


def _named(
    files: list[dict[str, Any]], parts: list[tuple[int, int, str]]
) -> Iterator[tuple[str, int, int, str]]:
    names, rest = set(), iter(parts)
    for file in files:
        name, bits = file.get("name", ""), file["attributes"]
        folder = file.get("folder", False)
        _demand(name and name not in names, "a member of no name, or of another's")
        _demand("\\" not in name and not _leads_out(name), "a name that leads out")
        kind = bits >> 28 if bits & 0x8000 else (4 if folder else 8)
        _demand(not bits & 0x400 and kind == (4 if folder else 8), "no plain file")
        _demand(bool(bits & 16) == folder, "a file for some readers and a folder for others")
        names.add(name)
        at, size, digest = 0, 0, hashlib.sha256().hexdigest()
        if not file["empty"]:
            at, size, digest = next(rest, (0, -1, ""))
        _demand(size >= 0, "more members than contents")
        if not folder:
            yield name, size, at, digest
    _demand(next(rest, None) is None, "more contents than members")


def _leads_out(name: str) -> bool:
    first, *more = name.split("/")
    return first in ("", "..") or first.endswith(":") or ".." in more


def _parts(folder: Folder, read: Read) -> Iterator[tuple[int, int, str]]:
    pieces, rest = _unfolded(folder, read), b""
    for size, crc in folder["parts"]:
        digest, seen, left = hashlib.sha256(), 0, size
        while left:
            rest = rest or next(pieces, b"")
            _demand(rest, "a folder ends inside a member")
            digest.update(rest[:left])
            seen, taken = zlib.crc32(rest[:left], seen), len(rest[:left])
            rest, left = rest[taken:], left - taken
        _demand(seen == crc, "a member's checksum is wrong or missing")
        yield folder["at"], size, digest.hexdigest()
    _demand(not rest and next(pieces, None) is None, "a folder holds more than its members")


def _unfolded(folder: Folder, read: Read) -> Iterator[bytes]:
    """The folder's content, its size being just what it says and all its bytes needed."""
    at, end, chain = folder["at"], folder["at"] + folder["packed"], folder["chain"]
    if chain == [("00", b"")]:
        _demand(folder["packed"] == folder["size"], "stored in another size than its own")
        yield from (read(one, min(_STEP, end - one)) for one in range(at, end, _STEP))
        return
    machine, left, spare = _machine(chain), folder["size"], 1
    # LZMA may say nowhere that it ends: then its last two bytes must be needed for the content.
    for start, stop in ((at, max(at, end - 2)), (max(at, end - 2), end)):
        if start == stop - 2 and left and chain[-1][0] == "030101":
            spare = 0
        for one in range(start, stop, _STEP):
            _demand(not machine.eof, "bytes follow the compressed data")
            data = read(one, min(_STEP, stop - one))
            while data or not (machine.eof or machine.needs_input or left + spare == 0):
                piece = machine.decompress(data, min(_STEP, left + spare))
                data, left = b"", left - len(piece)
                _demand(left >= 0, "a folder unfolds to more than its size")
                if piece:
                    yield piece
    _demand(left == 0, "a folder unfolds to less than its size")
    whole = machine.eof and not machine.unused_data
    _demand(whole or not spare, "bytes follow the compressed data")


def _machine(chain: list[tuple[str, bytes]]) -> Any:
    if [method for method, _ in chain] == ["040108"]:
        return _Inflate()
    if [method for method, _ in chain] == ["040202"]:
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(*one) for one in chain])


def _filter(method: str, told: bytes) -> dict[str, int]:
    if method == "030101" and len(told) == 5 and told[0] < 225:
        pb, lp, lc = told[0] // 45, told[0] // 9 % 5, told[0] % 9
        return {"id": lzma.FILTER_LZMA1, "dict_size": _window(told), "lc": lc, "lp": lp, "pb": pb}
    if method == "21" and len(told) == 1 and told[0] <= 40:
        scale = (2 + told[0] % 2) << told[0] // 2 + 11
        return {"id": lzma.FILTER_LZMA2, "dict_size": _window(b"\0" + scale.to_bytes(5, "little"))}
    if method == "03" and len(told) == 1:
        return {"id": lzma.FILTER_DELTA, "dist": told[0] + 1}
    _demand(method in _BRANCHES and not told, "a method that is not checked here")
    return {"id": _BRANCHES[method]}


def _window(told: bytes) -> int:
    size = _number(told[1:])
    _demand(size <= 256 << 20, "too large a window")
    return max(size, 4096)


class _Inflate:
    """zlib's decompressor with the manners of bz2's and lzma's."""

    def __init__(self) -> None:
        self._one = zlib.decompressobj(-15)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._one.eof

    @property
    def unused_data(self) -> bytes:
        return self._one.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        piece = self._one.decompress(self._one.unconsumed_tail + data, max(most, 1))
        self.needs_input = not self._one.unconsumed_tail and len(piece) < most
        return piece
