"""Reads the index of a TensorFlow checkpoint: which tensor lies where in the shards beside it.

The index is a table of sorted keys in blocks (LevelDB's format, not compressed); each value is a
small protocol buffer. Blocks must follow each other from the first byte to the footer.

Sources: tensorflow/core/lib/io/format.cc and block.cc; core/protobuf/tensor_bundle.proto;
core/util/tensor_bundle/tensor_bundle.cc; core/framework/types.proto.
"""

import math
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import digest
from probatum.ports import Material
from probatum.vocabulary import Certificate, Place, Proven, Reason

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER = 48
_TRAILER = 5
_MOST = 64 << 20
_STRING = 7
_MOST_DIMENSIONS = 254
# Bytes of one element, by the number of its type.
_WIDTHS = {
    **dict.fromkeys((4, 6, 10, 11, 12, 24, 25), 1),
    **dict.fromkeys((5, 14, 15, 16, 17, 19), 2),
    **dict.fromkeys((1, 3, 13, 22), 4),
    **dict.fromkeys((2, 8, 9, 23), 8),
    18: 16,
}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Of an entry: type, shape, shard, offset, size, checksum.
_KINDS = {1: _VARINT, 2: _BYTES, 3: _VARINT, 4: _VARINT, 5: _VARINT, 6: _FIXED32}

Field = tuple[int, int, int | bytes]


class Index(Struct, frozen=True):
    """How many tensors there are, and how many bytes each shard must hold for them."""

    tensors: int
    shards: tuple[int, ...]


def index(material: Material) -> Index:
    """The whole index, every tensor's type, shape and size in agreement.

    Raises: FormatError where a block, key or entry is not as TensorFlow writes it.
    """
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"an index of {material.size} bytes")
    data = material.read(0, material.size)
    if len(data) < _FOOTER or not data.endswith(MAGIC):
        raise FormatError(Reason.TRUNCATED, "no footer ends the index")
    entries = _entries(data)
    first = next(entries, None)
    if first is None or first[0]:
        raise _wrong("the index does not begin with its header", 0)
    shards = _shards(first[1])
    spans: list[list[tuple[int, int]]] = [[] for _ in range(shards)]
    count, before = 0, b""
    for key, value in entries:
        if key <= before:
            raise _wrong("the keys are not in order", 0)
        shard, offset, size = _tensor(key, value, shards)
        spans[shard].append((offset, size))
        count, before = count + 1, key
    return Index(count, tuple(_reach(one) for one in spans))


def proof(material: Material) -> Proven:
    """Of the whole index, on which every claim rests. Raises: FormatError as `index` does."""
    found = index(material)
    facts = {
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "tensors": found.tensors,
        "shards": list(found.shards),
    }
    needed = ", ".join(str(size) for size in found.shards[:8])
    says = f"the shards beside it hold at least so many bytes each: {needed}"
    return Proven(Certificate("tensor_bundle", facts), (says,))


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every key and value of the data blocks, which must cover the file with the rest."""
    footer = len(data) - _FOOTER
    meta_at, at = _varint(data, footer)
    meta_size, at = _varint(data, at)
    top_at, at = _varint(data, at)
    top_size, at = _varint(data, at)
    if any(data[at : len(data) - 8]):
        raise _wrong("the footer holds more than two handles", footer)
    end = 0
    for _, handle in _block(data, top_at, top_size):
        start, then = _varint(handle, 0)
        size, then = _varint(handle, then)
        if start != end or then != len(handle):
            raise _wrong("the blocks do not follow each other", start)
        yield from _block(data, start, size)
        end = start + size + _TRAILER
    if meta_at != end or top_at != meta_at + meta_size + _TRAILER:
        raise _wrong("the blocks do not follow each other", end)
    if top_at + top_size + _TRAILER != footer or next(_block(data, meta_at, meta_size), None):
        raise _wrong("something else lies before the footer", meta_at)


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = start + size
    if end + _TRAILER > len(data) - _FOOTER or size < 4:
        raise _wrong("a block passes the footer", start)
    if data[end] != 0:
        raise FormatError(Reason.UNSUPPORTED, "a compressed block", Place(offset=start))
    restarts = int.from_bytes(data[end - 4 : end], "little")
    end -= 4 * (restarts + 1)
    if end < start:
        raise _wrong("a block is smaller than its restarts", start)
    key, at = b"", start
    while at < end:
        shared, at = _varint(data, at)
        own, at = _varint(data, at)
        length, at = _varint(data, at)
        if shared > len(key) or at + own + length > end:
            raise _wrong("a key or value passes its block", at)
        key = key[:shared] + data[at : at + own]
        yield key, data[at + own : at + own + length]
        at += own + length


def _shards(header: bytes) -> int:
    found = {number: value for number, _, value in _fields(header)}
    shards = found.get(1, 0)
    if not isinstance(shards, int) or not 0 < shards <= 100_000:
        raise _wrong("the header tells no number of shards", 0)
    if found.get(2, 0) != 0:
        raise FormatError(Reason.UNSUPPORTED, "a checkpoint of big-endian numbers")
    return shards


def _tensor(key: bytes, value: bytes, shards: int) -> tuple[int, int, int]:
    """The shard, offset and size of a tensor, as its type and shape have them."""
    name = key[:100].decode("utf-8", "replace")
    found: dict[int, int | bytes] = {}
    for number, kind, held in _fields(value):
        if number in found or kind != _KINDS.get(number):
            says = f"{name!r} is sliced, or told in a way that is not read here"
            raise FormatError(Reason.UNSUPPORTED, says)
        found[number] = held
    shape = found.get(2, b"")
    elements = math.prod(_dimensions(shape if isinstance(shape, bytes) else b""))
    type, shard, offset, size = (_whole(found.get(number)) for number in (1, 3, 4, 5))
    if type != _STRING and type not in _WIDTHS:
        says = f"what a tensor of type {type} restores is not known ({name!r})"
        raise FormatError(Reason.UNSUPPORTED, says)
    if type == _STRING and size < elements:
        raise _wrong(f"{name!r} has fewer bytes than strings", 0)
    if type != _STRING and size != elements * _WIDTHS[type]:
        raise _wrong(f"{name!r} has {size} bytes, which its shape does not come to", 0)
    if shard >= shards:
        raise _wrong(f"{name!r} lies in shard {shard} of {shards}", 0)
    return shard, offset, size


def _whole(value: int | bytes | None) -> int:
    return value if isinstance(value, int) else 0


def _dimensions(shape: bytes) -> Iterator[int]:
    for place, (number, kind, dimension) in enumerate(_fields(shape)):
        if (
            place >= _MOST_DIMENSIONS
            or number != 2
            or kind != _BYTES
            or not isinstance(dimension, bytes)
        ):
            raise FormatError(Reason.UNSUPPORTED, "a tensor of no known shape")
        sizes = [value for number, _, value in _fields(dimension) if number == 1]
        size = sizes[-1] if sizes else 0
        if not isinstance(size, int) or size >= 1 << 48:
            raise _wrong("a dimension that is no size", 0)
        yield size


def _reach(spans: list[tuple[int, int]]) -> int:
    end = 0
    for offset, size in sorted(spans):
        if size and offset < end:
            raise _wrong("two tensors overlap in a shard", 0)
        end = max(end, offset + size)
    if end >= 1 << 62:
        raise _wrong("a tensor beyond any file", 0)
    return end


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
        elif kind in (_FIXED32, _FIXED64, _BYTES):
            size = 4 if kind == _FIXED32 else 8
            if kind == _BYTES:
                size, at = _varint(data, at)
            if at + size > len(data):
                raise _wrong("a field passes its message", 0)
            yield number, kind, data[at : at + size]
            at += size
        else:
            raise _wrong("a field of no known kind", 0)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise FormatError(Reason.TRUNCATED, "a number is cut short", Place(offset=at))
        byte = data[at]
        value, at = value | (byte & 0x7F) << shift, at + 1
        if byte < 0x80 and value < 1 << 64:
            return value, at
    raise _wrong("a number of more than 64 bits", at)


def _wrong(says: str, at: int) -> FormatError:
    return FormatError(Reason.MALFORMED, says, Place(offset=at))
