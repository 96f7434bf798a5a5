"""Unfolds the folders of 7z archives with the standard library's decompressors.

Source: 7zFormat.txt and Methods.txt of the LZMA SDK 24.
"""

import bz2
import lzma
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import compression
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_WINDOW = 256 << 20
_STEP = 1 << 18
_AES = b"\x06\xf1\x07\x01"
_COPY, _LZMA, _LZMA2, _DEFLATE, _BZIP2 = b"\0", b"\3\1\1", b"\x21", b"\4\1\x08", b"\4\2\2"
# Each has an old and a new id.
_FILTERS = {
    **dict.fromkeys((b"\3\3\1\3", b"\4"), lzma.FILTER_X86),
    **dict.fromkeys((b"\3\3\2\5", b"\5"), lzma.FILTER_POWERPC),
    **dict.fromkeys((b"\3\3\4\1", b"\6"), lzma.FILTER_IA64),
    **dict.fromkeys((b"\3\3\5\1", b"\7"), lzma.FILTER_ARM),
    **dict.fromkeys((b"\3\3\7\1", b"\x08"), lzma.FILTER_ARMTHUMB),
    **dict.fromkeys((b"\3\3\x08\5", b"\x09"), lzma.FILTER_SPARC),
}
_DELTA = b"\3"


class Coder(Struct, frozen=True):
    """One step of unfolding: 7z's method id and the properties it is set up with."""

    method: bytes
    properties: bytes


class Folder(Struct, frozen=True):
    """Bytes compressed together: where they lie, how they unfold, and into which sizes."""

    at: int
    packed: int
    coders: tuple[Coder, ...]
    """From the content's side to the packed bytes' side."""
    size: int
    parts: tuple[tuple[int, int | None], ...]
    """Each member's size and checksum, in order."""


def encrypted(folder: Folder) -> bool:
    """Whether a password is needed to unfold it."""
    return any(coder.method == _AES for coder in folder.coders)


def contents(material: Material, folder: Folder) -> Iterator[bytes]:
    """The folder's members joined, in pieces, to its declared size and no further."""
    left = folder.size
    for piece in _unpacked(material, folder):
        if len(piece) > left:
            piece = piece[:left]
        left -= len(piece)
        if piece:
            yield piece
        if not left:
            return
    if left:
        raise FormatError(
            Reason.TRUNCATED, "a folder unfolds to less than it claims", Place(offset=folder.at)
        )


def exact(material: Material, folder: Folder) -> Iterator[bytes]:
    """The folder's members joined, where it unfolds to just its size and needs all its bytes.

    Raises: FormatError(PARSER_DIFFERENTIAL) after the last piece where it does not.
    """
    alone = folder.coders[-1].method == _LZMA
    size = 0
    for piece in (_exact_lzma if alone else _unpacked)(material, folder):
        size += len(piece)
        if size > folder.size:
            break
        yield piece
    if size != folder.size:
        raise _differs("a folder unfolds to another size than it says", folder.at)


def _exact_lzma(material: Material, folder: Folder) -> Iterator[bytes]:
    """LZMA may say where it ends; where it does not, its last two bytes must still be needed."""
    chain = [_filter(coder) for coder in folder.coders]
    left, end = folder.size, folder.at + folder.packed
    late = max(folder.at, end - 2)
    try:
        machine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
        for at in range(folder.at, late, _STEP):
            for piece in _fed(machine, material.read(at, min(_STEP, late - at)), left + 1):
                left -= len(piece)
                yield piece
        needed = left > 0
        for piece in _fed(machine, material.read(late, end - late), left if needed else 1):
            yield piece
    except (lzma.LZMAError, EOFError, ValueError, MemoryError) as exc:
        raise FormatError(Reason.MALFORMED, f"7z: a folder does not unfold: {exc}") from exc
    if not needed and not (machine.eof and not machine.unused_data):
        raise _differs("bytes follow the compressed data of a folder", folder.at)


def _fed(machine: lzma.LZMADecompressor, data: bytes, most: int) -> Iterator[bytes]:
    """What the machine makes of `data`, to at most so many bytes."""
    while data or (most and not (machine.needs_input or machine.eof)):
        piece = machine.decompress(data, min(most, 1 << 20))
        data, most = b"", most - len(piece)
        yield piece


def _differs(says: str, at: int) -> FormatError:
    return FormatError(Reason.PARSER_DIFFERENTIAL, f"7z: {says}", Place(offset=at))


def _unpacked(material: Material, folder: Folder) -> Iterator[bytes]:
    packed = _packed(material, folder)
    methods = [coder.method for coder in folder.coders]
    if encrypted(folder):
        raise FormatError(Reason.ENCRYPTED, "the archive is encrypted")
    if methods == [_COPY]:
        return packed
    if methods == [_DEFLATE]:
        return compression.zip_method(8, packed, folder.at)
    if methods == [_BZIP2]:
        return compression.frames(bz2.BZ2Decompressor, packed, "folder", 1)
    chain = [_filter(coder) for coder in folder.coders]
    return compression.frames(
        lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain), packed, "folder", 1
    )


def _packed(material: Material, folder: Folder) -> Iterator[bytes]:
    end = folder.at + folder.packed
    for at in range(folder.at, end, _STEP):
        yield material.read(at, min(_STEP, end - at))


def _filter(coder: Coder) -> dict[str, int]:
    properties = coder.properties
    if coder.method == _LZMA and len(properties) == 5:
        code, window = properties[0], int.from_bytes(properties[1:], "little")
        if code < 225 and window <= _WINDOW:
            return {
                "id": lzma.FILTER_LZMA1,
                "dict_size": max(window, 4096),
                "lc": code % 9,
                "lp": code // 9 % 5,
                "pb": code // 45,
            }
        raise FormatError(Reason.OVER_LIMIT, "7z: LZMA asks for too large a window")
    if coder.method == _LZMA2 and len(properties) == 1:
        window = (2 | properties[0] & 1) << properties[0] // 2 + 11
        if window <= _WINDOW:
            return {"id": lzma.FILTER_LZMA2, "dict_size": max(window, 4096)}
        raise FormatError(Reason.OVER_LIMIT, "7z: LZMA2 asks for too large a window")
    if coder.method == _DELTA and len(properties) == 1:
        return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    if coder.method in _FILTERS and not properties:
        return {"id": _FILTERS[coder.method]}
    raise FormatError(Reason.UNSUPPORTED, f"7z: method {coder.method.hex()}")
