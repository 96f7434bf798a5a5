"""Formats that a mark in their first bytes tells: executables, tensor files, models."""

import re
from collections.abc import Callable

from probatum.formats import tensor_bundle
from probatum.formats.kinds_seen import HEAD, Seen
from probatum.formats.patterns import Later

_TORCH7 = Later(
    rb"\x04\0\0\0(?:\0\0\0\0)?.{4}(?:.{4})?\x03\0\0\0(?:\0\0\0\0)?V \d"
    rb"|\x03\0\0\0.{4}.{4}[\x01-\x05]\0\0\0.{0,16}.{4}"
    rb"(?:\x04\0\0\0.{4})\x03\0\0\0V \d"
    rb"|4\n\d+\n3\nV \d",
    re.DOTALL,
)
_PYC_FLAGS = (bytes(4), b"\1\0\0\0", b"\3\0\0\0")
_TORCH7_LOOSE = Later(rb"[\x01-\x08]\0\0\0|[1-8]\n")
STRONG = Later(
    rb"PK\x03\x04|\x7fELF|MZqFpD|#!/|\x93NUMPY|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ|7z\xbc\xaf|GGUF"
    rb"|\x89HDF\r\n|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|.{257}ustar",
    re.DOTALL,
)
PACKAGE_URL = Later(rb"pkg:huggingface/[!-?A-~]+@[0-9a-f]{40}\n")
IMAGE = Later(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\0\0\0\0|II\*\0|MM\0\*",
    re.DOTALL,
)
R_TEXT = Later(rb"A\n[23]\n\d+\n")
EXECUTORCH = Later(rb".{4}ET\d\d", re.DOTALL)
UBJSON = Later(rb"\{[iUIlL].{1,8}(learner|version|Config)", re.DOTALL)


def begins(*magics: bytes, at: int = 0) -> Callable[[Seen], bool]:
    """A predicate: whether the file bears one of the magic numbers at this offset."""
    return lambda seen: seen.head.startswith(magics, at)


def is_pe(seen: Seen) -> bool:
    """A Windows program, or one of DOS that is no text."""
    if not seen.head.startswith(b"MZ"):
        return False
    at = int.from_bytes(seen.head[60:64], "little")
    return seen.material.read(at, 4) == b"PE\0\0" or seen.text is None


def is_bytecode(seen: Seen) -> bool:
    """A version of Python, an end of line, flags, and behind the header a code object."""
    head = seen.head
    if head[2:4] != b"\r\n" or len(head) < 20:
        return False
    marked = head[4:8] in _PYC_FLAGS and head[16] & 0x7F == ord("c")
    return marked or seen.promise == "pyc"  # before 3.7 there were no flags


def is_macho(seen: Seen) -> bool:
    """A Mach-O file, for one or several processors."""
    if seen.head.startswith(
        (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
    ):
        return True
    # The fat header shares its magic with Java classes, whose version there is 45 or more.
    fat = seen.head.startswith((b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"))
    return fat and int.from_bytes(seen.head[4:8], "big") < 45


def executable(kind: str) -> Callable[[Seen], str]:
    """The kind, but for a file that says by its name that it is a llamafile."""
    return lambda seen: "llamafile" if seen.base.endswith(".llamafile") else kind


def is_hdf5(seen: Seen) -> bool:
    """An HDF5 signature at the start, or at 512, 1024, 2048, …"""
    magic, at = b"\x89HDF\r\n\x1a\n", 0
    while at < seen.size:
        if at < HEAD - 8:
            found = seen.head.startswith(magic, at)
        elif seen.text is not None:  # not worth a search: its superblock would not hide in text
            return False
        else:
            found = seen.material.read(at, 8) == magic
        if found:
            return True
        at = at * 2 or 512
    return False


def is_safetensors(seen: Seen) -> bool:
    """A length that lies in the file, and the brace that begins the header."""
    length = int.from_bytes(seen.head[:8], "little")
    return seen.head[8:9] == b"{" and 2 <= length <= seen.size - 8


def is_msgpack(seen: Seen) -> bool:
    """A map whose first key is a word."""
    head = seen.head
    if 0x81 <= head[0] <= 0x8F:
        at = 1
    elif head[0] in (0xDE, 0xDF):
        at = 3 if head[0] == 0xDE else 5
    else:
        return False
    key = head[at : at + 1]
    if 0xA1 <= (key or b"\0")[0] <= 0xBF:
        word = head[at + 1 : at + 1 + (key[0] & 31)]
    elif key == b"\xd9":
        word = head[at + 2 : at + 2 + head[at + 1]] if len(head) > at + 1 else b""
    else:
        return False
    return bool(word) and all(0x20 <= byte < 0x7F for byte in word)


def is_torch7(seen: Seen) -> bool:
    """A table or tensor with its version; by the name, anything that may begin an object."""
    return bool(_TORCH7.match(seen.head)) or (
        seen.promise == "torch7" and bool(_TORCH7_LOOSE.match(seen.head))
    )


def is_tensorflow_index(seen: Seen) -> bool:
    """The index of a checkpoint: its magic number stands at its end."""
    ends = seen.base.endswith(".index") and seen.material.read(max(0, seen.size - 8), 8)
    return ends == tensor_bundle.MAGIC
