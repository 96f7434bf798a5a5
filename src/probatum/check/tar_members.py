"""Reads the members of a tar archive where every reader sees the same."""

import hashlib
import io
import tarfile
from typing import Any

from probatum.check.compressed_streams import Listed, Read, pieces
from probatum.check.zip_members import leads_out
from probatum.errors import Rejected


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


def archive(listed: Listed, read: Read, size: int, seen: Any) -> None:
    at, found = 0, []
    with tarfile.open(fileobj=_File(read, size), mode="r:", encoding="utf-8") as archive:
        for one in archive:
            _demand(one.offset == at, "the members do not follow each other without a gap")
            _demand(one.isfile() or one.isdir(), "a link or a device")
            _demand(one.sparse is None, "a sparse file")
            _demand(not leads_out(one.name), "a name that leads out")
            block = read(one.offset_data - 512, 512)
            _demand(_octal(block[124:136]) == one.size, "two sizes for one member")
            _demand(one.isfile() or one.size == 0, "a folder with content")
            _demand(one.isdir() or not one.name.endswith("/"), "a file with a folder's name")
            strict = block[257:263] == b"ustar\0" or not any(block[345:500])
            _demand(strict, "a name that only some readers put together")
            _plain_extensions(read, at, one.offset_data - 512)
            for piece in pieces(read, at, one.offset_data - at):
                seen.update(piece)
            end = one.offset_data + one.size
            at = -(-end // 512) * 512
            seen.update(read(end, at - end))
            if one.isfile():
                found.append((one.name, one.size, one.offset_data))
    _demand(size - at >= 1024, "the archive does not end with two blocks of zeros")
    for piece in pieces(read, at, size - at):
        _demand(not any(piece), "something stands behind the archive's end")
        seen.update(piece)
    _demand(found == [one[:3] for one in listed], "other members than those listed")
    _demand(len({one[0] for one in found}) == len(found), "two members have one name")
    for name, length, place, digest in listed:
        content = hashlib.sha256()
        for piece in pieces(read, place, length):
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


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
