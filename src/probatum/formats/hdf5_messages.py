"""Decodes the messages of an HDF5 object header: links, layouts, filters, attributes.

Each function takes one message's bytes and raises Cut where they end too early, Unsupported
where a version or class is not read here. Source: HDF5 File Format Specification 3.0, IV.A.2.
"""

import struct

from msgspec import Struct

UNDEFINED = (1 << 64) - 1
HARD, SOFT, EXTERNAL = 0, 1, 64
COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = 0, 1, 2, 3
FIXED_TEXT, VARIABLE = 3, 9


class Cut(Exception):
    """A message ends before what it announces."""


class Unsupported(Exception):
    """A version or class that this reader does not know; the text names it."""


class Link(Struct, frozen=True):
    """A name in a group: `address` of a hard link, `target` of any other."""

    name: str
    kind: int
    address: int = UNDEFINED
    target: str = ""


class Layout(Struct, frozen=True):
    """Where a dataset's bytes lie: `size` is None for an index of chunks."""

    kind: int
    address: int = UNDEFINED
    size: int | None = None
    index: int = 0
    dimensions: int = 0


class Attribute(Struct, frozen=True):
    """A name and its value: `text` for one fixed string, `heap` for one of variable length."""

    name: str
    text: bytes | None = None
    heap: tuple[int, int, int] | None = None
    shared_type: int | None = None


class Bytes:
    """A cursor over one message."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        piece = self.data[self.at : self.at + length]
        if len(piece) < length:
            raise Cut
        self.at += length
        return piece

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def text(self) -> str:
        """Text up to a zero byte."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise Cut
        said = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return said


def link(data: bytes) -> Link:
    """A link message (0x0006)."""
    cursor = Bytes(data)
    version, flags = cursor.number(1), cursor.number(1)
    if version != 1 or flags & 0xE0:
        raise Unsupported(f"link message version {version}, flags {flags}")
    kind = cursor.number(1) if flags & 8 else HARD
    cursor.take((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
    name = cursor.take(cursor.number(1 << (flags & 3))).decode("utf-8", "replace")
    if kind == HARD:
        return Link(name, HARD, cursor.number(8))
    value = Bytes(cursor.take(cursor.number(2)))
    if kind == EXTERNAL:
        value.take(1)
        return Link(name, EXTERNAL, target=f"{value.text()}:{value.text()}")
    return Link(name, kind, target=value.data.decode("utf-8", "replace"))


def layout(data: bytes) -> Layout:
    """A data layout message (0x0008), versions 3 and 4: HDF5 has written no other since 2005."""
    cursor = Bytes(data)
    version = cursor.number(1)
    if version not in (3, 4):
        raise Unsupported(f"data layout version {version}")
    kind = cursor.number(1)
    if kind == COMPACT:
        cursor.take(cursor.number(2))
        return Layout(COMPACT)
    if kind == CONTIGUOUS:
        return Layout(CONTIGUOUS, cursor.number(8), cursor.number(8))
    if kind == CHUNKED and version == 3:
        dimensions = cursor.number(1)
        return Layout(CHUNKED, cursor.number(8), None, 0, dimensions)
    if kind == VIRTUAL and version == 4:
        return Layout(VIRTUAL, cursor.number(8), None, cursor.number(4))
    raise Unsupported(f"data layout version {version}, class {kind}")


def filters(data: bytes) -> tuple[int, ...]:
    """The filter ids of a pipeline message (0x000B)."""
    cursor = Bytes(data)
    version, count = cursor.number(1), cursor.number(1)
    if version not in (1, 2):
        raise Unsupported(f"filter pipeline version {version}")
    if version == 1:
        cursor.take(6)
    return tuple(_filter(cursor, version) for _ in range(count))


def _filter(cursor: Bytes, version: int) -> int:
    id = cursor.number(2)
    named = version == 1 or id >= 256
    length = cursor.number(2) if named else 0
    cursor.take(2)
    values = cursor.number(2)
    cursor.take(length + (-length % 8 if version == 1 else 0))
    cursor.take(4 * values + (4 if version == 1 and values % 2 else 0))
    return id


def attribute(data: bytes) -> Attribute:
    """An attribute message (0x000C); its value only where it is one string."""
    cursor = Bytes(data)
    version, flags = cursor.number(1), cursor.number(1)
    if version not in (1, 2, 3):
        raise Unsupported(f"attribute version {version}")
    sizes = [cursor.number(2) for _ in range(3)]
    if version == 3:
        cursor.take(1)
    name, kind, space = (cursor.take(one + (-one % 8 if version == 1 else 0)) for one in sizes)
    said = name.split(b"\0")[0].decode("utf-8", "replace")
    if version > 1 and flags & 2:
        raise Unsupported("an attribute whose dataspace is shared")
    if version > 1 and flags & 1:
        return Attribute(said, shared_type=shared(kind))
    return _value(said, kind[: sizes[1]], space[: sizes[2]], cursor)


def _value(name: str, kind: bytes, space: bytes, cursor: Bytes) -> Attribute:
    header = Bytes(kind)
    type_class = header.number(1) & 15
    bits = header.number(3)
    width = header.number(4)
    if _points(space) == 1 and type_class == FIXED_TEXT:
        return Attribute(name, text=cursor.take(width))
    if _points(space) == 1 and type_class == VARIABLE and bits & 15 == 1 and width == 16:
        return Attribute(name, heap=(cursor.number(4), cursor.number(8), cursor.number(4)))
    return Attribute(name)


def _points(space: bytes) -> int:
    """How many values a dataspace holds: 1 for a scalar."""
    cursor = Bytes(space)
    version, rank = cursor.number(1), cursor.number(1)
    cursor.take(6 if version == 1 else 2)
    if version == 2 and space[3] == 2:
        return 0
    count = 1
    for _ in range(rank):
        count *= cursor.number(8)
    return count


def shared(data: bytes) -> int:
    """The address of the object header that a shared message stands in."""
    cursor = Bytes(data)
    version, kind = cursor.number(1), cursor.number(1)
    if version not in (1, 2, 3) or (version == 3 and kind != 2):
        raise Unsupported(f"shared message version {version}, type {kind}")
    if version == 1:
        cursor.take(6)
    return cursor.number(8)


def slots(data: bytes) -> tuple[int, tuple[int, ...]]:
    """The local heap's address and the name offsets of an external file list (0x0007)."""
    cursor = Bytes(data)
    if cursor.number(1) != 1:
        raise Unsupported("external file list version")
    cursor.take(5)
    used, heap = cursor.number(2), cursor.number(8)
    return heap, tuple(struct.unpack("<QQQ", cursor.take(24))[0] for _ in range(used))
