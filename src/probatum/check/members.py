"""Checks that a container's members are the ones listed, and that no reader can see others.

facts = {"format": "zip" | "tar" | "gzip" | "bzip2" | "xz" | "zlib" | "lz4" | "zstd" | "7z",
         "size": of the file,
         "structure": sha256 of every byte of the file that is not the data of a stored member,
         "members": [{"name": str, "size": int, "at": offset of its data, "sha256": hex | None}]}

A stream format has one member without a name or a place. A digest may be None only for a stored
member of a ZIP that is larger than 64 MiB, or that is a tensor of a torch archive: then what is
proven is that these bytes, and no others, are what every reader calls by that name.

What is re-derived, with the standard library alone:
1. ZIP: one end record at the very end, zip64 consistent, the directory right before it; the spans
   of the members (header, data, descriptor) cover the file from its first byte to the directory
   without gap or overlap; header and directory agree on name, method, sizes and checksum; names
   are distinct; compressed data unfolds to exactly its size and checksum, and nothing follows it.
2. tar: tarfile's members, plain files and folders only, follow each other without a gap, each
   with the size that its own header block says; then at least two blocks of zeros, and only zeros.
3. Streams: frames to the end of the file, nothing behind them.
4. 7z: what `sevenzip_archive` demands; a member's place is that of the folder that holds it.
"""

import bz2
import hashlib
import io
import lzma
import re
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.check import lz4_frames, sevenzip_archive, zstd_frames
from probatum.errors import Rejected

CLAIM = "fully-opened"
Read = Callable[[int, int], bytes]
_FACTS, _MEMBER = {"format", "size", "structure", "members"}, {"name", "size", "at", "sha256"}
_STEP = 1 << 20
_TORCH = ("data.pkl", "constants.pkl", "model.json")
_HUGE = 64 << 20
_STORAGE = re.compile(r"(.*/)?(data|constants|tensors|traced_inputs)/\d+|(.*/)?\.data/\d+\.storage")
_LOADABLE = re.compile(
    rb"PK\x03\x04|\x7fELF|MZqFpD|#!/|\x93NUMPY|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ|7z\xbc\xaf|GGUF"
    rb"|\x89HDF\r\n|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe"
)


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raise Rejected unless the members are as `facts` say for every reader."""
    _demand(isinstance(facts, dict) and set(facts) == _FACTS, "the facts' names")
    _demand(type(facts["size"]) is int and facts["size"] == size, "the file's size differs")
    format, listed = facts.get("format"), _listed(facts)
    structure = hashlib.sha256()
    try:
        if format == "zip":
            _zip(listed, _exact(read), size, structure)
        elif format == "7z":
            for piece in _pieces(_exact(read), 0, size):
                structure.update(piece)
            _demand(list(sevenzip_archive.members(_exact(read), size)) == listed, "other members")
        elif format == "tar":
            _tar(listed, _exact(read), size, structure)
        else:
            _stream(format, listed, _exact(read), size, structure)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, tarfile.TarError) as exc:
        raise Rejected(f"the container does not unfold: {exc}") from exc
    _demand(facts.get("structure") == structure.hexdigest(), "the structure's digest differs")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _listed(facts: dict[str, Any]) -> list[tuple[str, int, int, str | None]]:
    members, found = facts.get("members"), []
    _demand(isinstance(members, list), "no list of members")
    for one in members or ():
        _demand(isinstance(one, dict) and set(one) == _MEMBER, "a member is of another shape")
        name, size, at, digest = (one.get(key) for key in ("name", "size", "at", "sha256"))
        _demand(isinstance(name, str) and type(size) is int and type(at) is int, "a bad member")
        _demand(digest is None or isinstance(digest, str), "a bad digest")
        found.append((name, size, at, digest))
    return found


def _exact(read: Read) -> Read:
    def exact(at: int, length: int) -> bytes:
        data = read(at, length) if at >= 0 and length >= 0 else b""
        _demand(len(data) == length, "the file is shorter than its parts")
        return data

    return exact


def _pieces(read: Read, at: int, length: int) -> Iterator[bytes]:
    for start in range(at, at + length, _STEP):
        yield read(start, min(_STEP, at + length - start))


# --- 1. ZIP ---------------------------------------------------------------------------------


def _zip(listed: list[tuple[str, int, int, str | None]], read: Read, size: int, seen: Any) -> None:
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
    records = sorted(_records(read, start, end, count), key=lambda one: one["header"])
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
    for piece in _pieces(read, start, size - start):
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
        wide = struct.unpack_from("<IIQQQQ", record, 16)
        full = (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2
        agree = all(n in (w, f) for n, w, f in zip(narrow, wide, full, strict=False))
        _demand(agree, "the zip64 record contradicts the plain one")
    disk, first, here, count, length, offset = wide
    _demand(disk == first == 0 and here == count, "several volumes")
    _demand(0 <= offset == end - length, "the directory does not end where it should")
    return offset, end, count


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
    _demand(not _leads_out(raw.decode("utf-8", "replace")), "a name that leads out")
    _demand(not (b"\0" in raw or b"\\" in raw), "a name that readers take differently")
    _demand(flags & 0x800 or raw.isascii(), "a name in no stated encoding")
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise Rejected("a name that is not UTF-8") from exc


def _leads_out(name: str) -> bool:
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
        for piece in _pieces(read, data, one["packed"]):
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
    packed = _pieces(read, data, one["packed"])
    if one["method"] == 0:
        content = packed
        _demand(one["packed"] == one["size"], "stored in another size than its own")
    elif one["method"] == 8:
        content = _inflated(lambda: zlib.decompressobj(-15), packed, frames=1)
    elif one["method"] == 12:
        content = _unfolded(bz2.BZ2Decompressor, packed, frames=1)
    elif one["method"] == 14:
        content = _unfolded(
            lambda: _raw_lzma(read(data, 9)), _pieces(read, data + 9, one["packed"] - 9), 1
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


# --- 2. tar ---------------------------------------------------------------------------------


class _File(io.RawIOBase):
    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        rest = max(0, self._size - self._at)
        data = self._read(self._at, rest if size is None or size < 0 else min(size, rest))
        self._at += len(data)
        return data


def _tar(listed: list[tuple[str, int, int, str | None]], read: Read, size: int, seen: Any) -> None:
    at, found = 0, []
    with tarfile.open(fileobj=_File(read, size), mode="r:", encoding="utf-8") as archive:
        for one in archive:
            _demand(one.offset == at, "the members do not follow each other without a gap")
            _demand(one.isfile() or one.isdir(), "a link or a device")
            _demand(one.sparse is None, "a sparse file")
            _demand(not _leads_out(one.name), "a name that leads out")
            block = read(one.offset_data - 512, 512)
            _demand(_octal(block[124:136]) == one.size, "two sizes for one member")
            _demand(one.isfile() or one.size == 0, "a folder with content")
            _demand(one.isdir() or not one.name.endswith("/"), "a file with a folder's name")
            strict = block[257:263] == b"ustar\0" or not any(block[345:500])
            _demand(strict, "a name that only some readers put together")
            _plain_extensions(read, at, one.offset_data - 512)
            for piece in _pieces(read, at, one.offset_data - at):
                seen.update(piece)
            end = one.offset_data + one.size
            at = -(-end // 512) * 512
            seen.update(read(end, at - end))
            if one.isfile():
                found.append((one.name, one.size, one.offset_data))
    _demand(size - at >= 1024, "the archive does not end with two blocks of zeros")
    for piece in _pieces(read, at, size - at):
        _demand(not any(piece), "something stands behind the archive's end")
        seen.update(piece)
    _demand(found == [one[:3] for one in listed], "other members than those listed")
    _demand(len({one[0] for one in found}) == len(found), "two members have one name")
    for name, length, place, digest in listed:
        content = hashlib.sha256()
        for piece in _pieces(read, place, length):
            content.update(piece)
        _demand(content.hexdigest() == digest, f"{name!r} has another content")


def _plain_extensions(read: Read, at: int, end: int) -> None:
    """The headers before a member's own leave no two ways to read its name and size."""
    types = b""
    while at < end:
        head = read(at, 512)
        length, stop = _octal(head[124:136]), at + 512 + _octal(head[124:136])
        _demand(head[156:157] in (b"x", b"g", b"L", b"K") and stop <= end, "an odd extension")
        types += head[156:157]
        body = read(at + 512, length)
        once = all(body.count(key) < 2 for key in (b" path=", b" size=", b" linkpath="))
        _demand(once and body.find(b"\0") in (-1, length - 1), "an extension with two readings")
        renames = types[-1:] == b"g" and (b" path=" in body or b" size=" in body)
        _demand(not renames, "a renaming")
        _demand(b" SCHILY.realsize=" not in body and b" GNU.sparse" not in body, "another size")
        at = -(-stop // 512) * 512
        _demand(not any(read(stop, at - stop)), "bytes behind the end of an extension")
    _demand(at == end and len(set(types)) == len(types), "several extensions of one type")
    _demand(b"x" not in types or types in (b"x", b"gx"), "extensions of several types")


def _octal(field: bytes) -> int:
    return (
        int.from_bytes(field[1:], "big") if field[0] == 128 else int(field.strip(b" \0") or b"0", 8)
    )


# --- 3. streams -----------------------------------------------------------------------------


def _stream(
    format: object, listed: list[tuple[str, int, int, str | None]], read: Read, size: int, seen: Any
) -> None:
    def packed(start: int = 0) -> Iterator[bytes]:
        for piece in _pieces(read, 0, size):
            seen.update(piece)
            yield piece[start:]
            start = 0

    if format == "gzip":
        content = _inflated(lambda: zlib.decompressobj(31), packed())
    elif format == "zlib":
        start = 21 if read(0, min(size, 4)) == b"ZF0x" else 0
        content = _inflated(zlib.decompressobj, packed(start), frames=1)
    elif format == "bzip2":
        content = _unfolded(bz2.BZ2Decompressor, packed())
    elif format == "xz":
        alone = read(0, min(size, 6)) != b"\xfd7zXZ\0"
        form = lzma.FORMAT_ALONE if alone else lzma.FORMAT_XZ
        machine = lambda: lzma.LZMADecompressor(form, 256 << 20)  # noqa: E731
        content = _unfolded(machine, packed(), frames=1 if alone else None)
    elif format == "lz4":
        content = lz4_frames.unfolded(packed())
    elif format == "zstd":
        content = zstd_frames.unfolded(packed())
    else:
        raise Rejected("an unknown format")
    _demand(len(listed) == 1, "a stream has one member")
    digest, length = hashlib.sha256(), 0
    for piece in content:
        length += len(piece)
        _demand(length <= listed[0][1], "the content is longer than listed")
        digest.update(piece)
    _demand(listed[0] == ("", length, 0, digest.hexdigest()), "another content than listed")


def _inflated(
    machine: Callable[[], Any], packed: Iterator[bytes], frames: int | None = None
) -> Iterator[bytes]:
    one, count = machine(), 1
    for piece in packed:
        while piece:
            if one.eof:
                _demand(count != frames, "bytes follow the compressed data")
                one, count = machine(), count + 1
            yield _more(one, piece)
            piece = one.unused_data if one.eof else one.unconsumed_tail
    while not one.eof:
        rest = _more(one, b"")
        _demand(rest, "the compressed data is cut short")
        yield rest


def _unfolded(
    machine: Callable[[], Any], packed: Iterator[bytes], frames: int | None = None
) -> Iterator[bytes]:
    one, count = machine(), 1
    for piece in packed:
        while piece or not (one.needs_input or one.eof):
            if one.eof:
                _demand(count != frames, "bytes follow the compressed data")
                one, count = machine(), count + 1
            yield one.decompress(piece, _STEP)
            piece = one.unused_data if one.eof else b""
    _demand(one.eof, "the compressed data is cut short")


def _more(machine: Any, packed: bytes) -> bytes:
    try:
        unfolded: bytes = machine.decompress(packed, _STEP)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as exc:
        raise Rejected(f"the compressed data does not unfold: {exc}") from exc
    return unfolded
