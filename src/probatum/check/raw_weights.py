"""Checks that a file of bare numbers is nothing that a loader takes for another format.

facts = {"size": bytes, "looked_at": sha256 of the first 64 KiB, the last 65557 bytes, and the
         eight bytes at 512 and at every doubling of it within the file}

1. It is no text, and begins with no mark of a format: archives, compressed streams, programs,
   scripts, model formats; a zlib stream does not unfold from its start.
2. Its first block is no tar header, its first eight bytes are no length of a safetensors header.
3. No ZIP ends it, and no HDF5 signature stands where its readers look.
4. A pickle machine fails at its first opcodes, after it pushed numbers at most.
"""

import hashlib
import io
import pickletools
import re
import zlib
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "kind-is-understood"
_MARKS = re.compile(
    rb"#!|MZ|\xef\xbb\xbf|\x7fELF|PK[\1\3\5\7]|\x1f\x8b|BZh|\xfd7zXZ\0|7z\xbc\xaf|[PXAB]\n"
    rb"|\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18|[\x04\x02][\x22\x21]\x4d\x18|ZF0x|\x93NUMPY"
    rb"|GGUF|CBM1|RD[XA][23]|[pf]trt|jartsr=|\x89HDF|\x89PNG|%PDF"
    rb"|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba[\xbe\xbf]"
    rb"|.{4}TFL3|.{4}ET[0-9]{2}",
    re.DOTALL,
)
_NUMBERS = {"BININT", "BININT1", "BININT2", "BINFLOAT", "NONE", "NEWTRUE", "NEWFALSE"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless no loader takes the bytes for another format."""
    _demand(isinstance(facts, dict) and set(facts) == {"size", "looked_at"}, "the facts' names")
    _demand(type(facts["size"]) is int and facts["size"] == size > 0, "the size differs")
    head, end = read(0, 1 << 16), read(max(0, size - 65557), 65557)
    _demand(len(head) == min(size, 1 << 16) and len(end) == min(size, 65557), "it is shorter")
    seen, at = hashlib.sha256(head + end), 512
    while at < size:
        mark = read(at, 8)
        _demand(mark != b"\x89HDF\r\n\x1a\n", "step 3: an HDF5 file begins further in")
        seen.update(mark)
        at *= 2
    _demand(seen.hexdigest() == facts["looked_at"], "the bytes differ")
    _demand(not _MARKS.match(head), "step 1: the mark of a format")
    control = re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", head)
    _demand(control or not _is_text(head, cut=size > len(head)), "step 1: text")
    _demand(not _inflates(head), "step 1: a zlib stream")
    _demand(not _is_tar(head[:512]), "step 2: a tar header")
    length = int.from_bytes(head[:8], "little")
    _demand(head[8:9] != b"{" or length > size - 8, "step 2: a safetensors header")
    _demand(b"PK\5\6" not in end, "step 3: the end of a ZIP archive")
    _no_pickle(head)


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _is_text(head: bytes, *, cut: bool) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        return cut and exc.start > len(head) - 4
    return True


def _inflates(head: bytes) -> bool:
    try:
        return len(zlib.decompressobj().decompress(head, 1)) > 0
    except zlib.error:
        return False


def _is_tar(block: bytes) -> bool:
    if len(block) < 512:
        return False
    field = block[148:156]
    digits = field.partition(b"\0")[0].strip() or b"0"
    if field[0] in (0x80, 0xFF):
        told = {int.from_bytes(field[1:], "big"), int.from_bytes(field[1:], "big") - (1 << 56)}
    else:
        told = {int(digits, 8)} if re.fullmatch(rb"[+-]?(0o)?[0-7_]+", digits) else set()
    rest = block[:148] + b"        " + block[156:]
    sums = {sum(rest), sum(byte - 256 * (byte > 127) for byte in rest)}
    return block[257:262] == b"ustar" or bool(told & sums)


def _no_pickle(head: bytes) -> None:
    pushed = 0
    try:
        for opcode, _, _ in pickletools.genops(io.BytesIO(head)):
            if opcode.name.endswith("GET") or len(opcode.stack_before) > pushed:
                return  # nothing was kept, or not enough was pushed: every machine fails here
            _demand(opcode.name in _NUMBERS, f"step 4: a pickle machine reaches {opcode.name}")
            pushed += 1
    except (ValueError, IndexError, OverflowError) as exc:
        _demand("unknown" in str(exc), "step 4: a pickle machine may read its beginning")
        return
    raise Rejected("step 4: a pickle machine reads all that was looked at")
