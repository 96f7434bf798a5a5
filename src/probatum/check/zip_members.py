"""Reads the members of a ZIP archive where every reader sees the same, and their content.

One end record at the very end, the directory right before it, and before that the spans of the
members without gap or overlap, each agreeing with the directory. Source: APPNOTE.TXT 6.3.10.
"""

import bz2
import hashlib
import lzma
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from probatum.check import zstd_frames
from probatum.check.compressed_streams import Listed, Read, inflated, pieces, unfolded
from probatum.errors import Rejected

_TORCH = ("data.pkl", "constants.pkl", "model.json")
_HUGE = 64 << 20
_STORAGE = re.compile(r"(.*/)?(data|constants|tensors|traced_inputs)/\d+|(.*/)?\.data/\d+\.storage")
_LOADABLE = re.compile(
    rb"PK\x03\x04|\x7fELF|MZqFpD|#!/|\x93NUMPY|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ|7z\xbc\xaf|GGUF"
    rb"|\x89HDF\r\n|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe"
)


def archive(listed: Listed, read: Read, size: int, seen: Any) -> None:
    found, torch = zip_records(read, size, seen)
    _demand(list(found) == [one[0] for one in listed], "other members than those listed")
    for name, length, place, digest in listed:
        one, data = found[name]
        _demand(
            one["size"] == length and data == place, f"{name!r} is elsewhere or of another size"
        )
        if digest is None:
            _demand(one["method"] == 0 and _may_stay(name, length, data, read, torch), name)
        else:
            _demand(_digest(one, data, read) == digest, f"{name!r} has another content")


def zip_records(
    read: Read, size: int, seen: Any
) -> tuple[dict[str, tuple[dict[str, Any], int]], bool]:
    """Each member by name, in the order of its data: (what every reader says of it, the data's
    place); and whether it is a torch archive. `seen` is fed what is no stored member's data.
    """
    start, end, count = _directory(read, size)
    records = sorted(
        _records(_held(read, start, end), start, end, count), key=lambda one: one["header"]
    )
    names = [one["name"] for one in records]
    _demand(len(set(names)) == len(names), "two members have one name")
    torch = any(name.rpartition("/")[2] in _TORCH or "/.data/" in name for name in names)
    at, found = 0, {}
    for one in records:
        _demand(one["header"] == at, "the members do not follow each other without gap or overlap")
        data, at = _span(one, read, seen, torch)
        if not (one["name"].endswith("/") and one["size"] == 0):
            found[one["name"]] = (one, data)
    _demand(at == start, "bytes lie between the members and the directory")
    for piece in pieces(read, start, size - start):
        seen.update(piece)
    return found, torch


def _directory(read: Read, size: int) -> tuple[int, int, int]:
    tail = read(max(0, size - 65557), min(size, 65557))
    at = tail.rfind(b"PK\5\6")
    _demand(0 <= at <= len(tail) - 22, "no end record")
    place = max(0, size - 65557) + at
    narrow = struct.unpack_from("<HHHHIIH", tail, at + 4)
    _demand(at + 22 + narrow[6] == len(tail), "the end record does not reach the end")
    others = (found.start() for found in re.finditer(b"PK\5\6", tail[:at]))
    whole = [
        o for o in others if o + 22 + int.from_bytes(tail[o + 20 : o + 22], "little") == len(tail)
    ]
    _demand(not whole, "two end records reach the end")
    end, wide = place, narrow[:6]
    if place >= 20 and read(place - 20, 4) == b"PK\6\7":
        end = place - 76
        record = read(end, 56)
        _demand(record[:4] == b"PK\6\6", "no zip64 record before its locator")
        told = int.from_bytes(read(place - 12, 8), "little")
        _demand(told == end, "the zip64 locator leads elsewhere")
        wide = struct.unpack_from("<IIQQQQ", record, 16)
        full = (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2
        agree = all(n in (w, f) for n, w, f in zip(narrow, wide, full, strict=False))
        _demand(agree, "the zip64 record contradicts the plain one")
    disk, first, here, count, length, offset = wide
    _demand(disk == first == 0 and here == count, "several volumes")
    _demand(0 <= offset == end - length, "the directory does not end where it should")
    return offset, end, count


def _held(read: Read, at: int, end: int) -> Read:
    """Reads inside a directory, from memory unless it is very large."""
    if end - at > _HUGE:
        return read
    data = read(at, end - at)

    def held(start: int, length: int) -> bytes:
        piece = data[start - at : start - at + length]
        if len(piece) != length:
            raise Rejected("a directory record passes the directory's end")
        return piece

    return held


def _records(read: Read, at: int, end: int, count: int) -> Iterator[dict[str, Any]]:
    _demand(count * 46 <= end - at, "more members than the directory has room for")
    for _ in range(count):
        fixed = read(at, 46)
        _demand(fixed[:4] == b"PK\1\2", "no directory record")
        flags, method, _, _, crc, packed, size, *lengths = struct.unpack_from(
            "<HHHHIIIHHH", fixed, 8
        )
        made, disk, mode, header = fixed[5], *struct.unpack_from("<H2xII", fixed, 34)
        raw = read(at + 46, lengths[0])
        extra = _extra(read(at + 46 + lengths[0], lengths[1]))
        size, packed, header = _wide(extra.get(1, b""), size, packed, header)
        _demand(disk in (0, 0xFFFF) and not flags & 0x2041, "another volume, or encrypted")
        _demand(extra.get(0x7075, b"     " + raw)[5:] == raw, "a second name that differs")
        _demand(not (made in (3, 19) and mode >> 28 == 0o12), "a link")
        name = _name(raw, flags)
        yield {
            "raw": raw,
            "name": name,
            "flags": flags,
            "method": method,
            "crc": crc,
            "packed": packed,
            "size": size,
            "header": header,
        }
        at += 46 + sum(lengths)
    _demand(at == end, "bytes follow the last directory record")


def _name(raw: bytes, flags: int) -> str:
    _demand(not leads_out(raw.decode("utf-8", "replace")), "a name that leads out")
    _demand(not (b"\0" in raw or b"\\" in raw), "a name that readers take differently")
    _demand(flags & 0x800 or raw.isascii(), "a name in no stated encoding")
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise Rejected("a name that is not UTF-8") from exc


def leads_out(name: str) -> bool:
    first, *rest = name.split("/")
    return first in ("", "..") or first.endswith(":") or ".." in rest


def _extra(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        tag, length = struct.unpack_from("<HH", data, at)
        if at + 4 + length > len(data):
            break
        _demand(tag not in (1, 0x7075) or tag not in found, "an extra field twice")
        found[tag] = data[at + 4 : at + 4 + length]
        at += 4 + length
    _demand(not any(data[at:]), "an extra field is cut short")
    return found


def _wide(field: bytes, *values: int) -> Iterator[int]:
    for value in values:
        if value == 0xFFFFFFFF:
            _demand(len(field) >= 8, "a zip64 value is missing")
            value, field = int.from_bytes(field[:8], "little"), field[8:]
        yield value


def _span(one: dict[str, Any], read: Read, seen: Any, torch: bool) -> tuple[int, int]:
    """Where the member's data starts and its span ends, its header agreeing with the directory."""
    at = one["header"]
    fixed = read(at, 30)
    _demand(fixed[:4] == b"PK\3\4", "no local header")
    flags, method, _, _, crc, packed, size, name, more = struct.unpack_from("<HHHHIIIHH", fixed, 6)
    rest = read(at + 30, name + more)
    _demand(rest[:name] == one["raw"], "header and directory differ in the name")
    _demand(method == one["method"] and not (flags ^ one["flags"]) & 0x2849, "they differ in kind")
    extra = _extra(rest[name:])
    _demand(extra.get(0x7075, b"     " + one["raw"])[5:] == one["raw"], "another name")
    field = extra.get(1, b"")
    streamed = bool(flags & 8)
    if not (streamed and (crc, size, packed) in ((0, 0, 0), (0, 0xFFFFFFFF, 0xFFFFFFFF))):
        if 0xFFFFFFFF in (size, packed):
            size, packed = _wide(field, size, packed)
        said = (one["crc"], one["size"], one["packed"])
        _demand((crc, size, packed) == said, "header and directory differ in sizes or checksum")
    elif method == 0:
        _demand(torch or one["size"] == 0, "stored, but its size is told only behind it")
    data = at + 30 + name + more
    end = data + one["packed"]
    seen.update(fixed + rest)
    if method:
        for piece in pieces(read, data, one["packed"]):
            seen.update(piece)
    if streamed:
        length = _descriptor(one, read, end)
        seen.update(read(end, length))
        end += length
    return data, end


def _descriptor(one: dict[str, Any], read: Read, at: int) -> int:
    for prefix in (b"PK\7\x08", b""):
        for form in ("<III", "<IQQ"):
            if form == "<III" and max(one["packed"], one["size"]) > 0xFFFFFFFF:
                continue
            want = prefix + struct.pack(form, one["crc"], one["packed"], one["size"])
            try:
                if read(at, len(want)) == want:
                    return len(want)
            except Rejected:
                continue
    raise Rejected("no right data descriptor")


def _may_stay(name: str, size: int, data: int, read: Read, torch: bool) -> bool:
    """Whether a stored member may go without a digest."""
    if size > _HUGE:
        return True
    head = read(data, min(size, 512))
    place = int.from_bytes(head[60:64], "little")
    windows = head[:2] == b"MZ" and head[place : place + 4] == b"PE\0\0"
    raw = not windows and not _LOADABLE.match(head) and head[257:262] != b"ustar"
    return torch and raw and bool(_STORAGE.fullmatch(name))


def member_content(one: dict[str, Any], data: int, read: Read) -> bytes:
    """The bytes of a member whose size the caller has bounded. Raises: Rejected."""
    held: list[bytes] = []
    _digest(one, data, read, held)
    return b"".join(held)


def _digest(one: dict[str, Any], data: int, read: Read, held: list[bytes] | None = None) -> str:
    packed = pieces(read, data, one["packed"])
    if one["method"] == 0:
        content = packed
        _demand(one["packed"] == one["size"], "stored in another size than its own")
    elif one["method"] == 8:
        content = inflated(lambda: zlib.decompressobj(-15), packed, frames=1)
    elif one["method"] == 12:
        content = unfolded(bz2.BZ2Decompressor, packed, frames=1)
    elif one["method"] == 14:
        content = unfolded(
            lambda: _raw_lzma(read(data, 9)), pieces(read, data + 9, one["packed"] - 9), 1
        )
    elif one["method"] == 93:
        content = zstd_frames.unfolded(packed, frames=1)
    else:
        raise Rejected("a method that is not checked here")
    digest, crc, size = hashlib.sha256(), 0, 0
    for piece in content:
        digest.update(piece)
        if held is not None:
            held.append(piece)
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        _demand(size <= one["size"], "a member unfolds to more than its size")
    _demand((crc, size) == (one["crc"], one["size"]), "size or checksum of a member differs")
    return digest.hexdigest()


def _raw_lzma(head: bytes) -> lzma.LZMADecompressor:
    """Of a member's LZMA: its version, the size of its properties, and they."""
    code, window = head[4], int.from_bytes(head[5:], "little")
    _demand(head[2:4] == b"\5\0" and code < 225 and window <= 256 << 20, "odd LZMA properties")
    form = {"id": lzma.FILTER_LZMA1, "dict_size": max(window, 4096)}
    form |= {"lc": code % 9, "lp": code // 9 % 5, "pb": code // 45}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[form])


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
