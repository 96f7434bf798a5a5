"""Reads the header of a GGUF file: counts, metadata, tensor directory; never the tensors.

Versions 1 to 3, little-endian, and big-endian for version 3, which introduced it. Every sum is
done without the overflow that C would suffer, then held against the file's size. What breaks a
rule raises `Broken`; what loaders read differently raises FormatError(PARSER_DIFFERENTIAL).

Sources: `docs/gguf.md` of ggml; `ggml/src/gguf.cpp` of llama.cpp (limits, order of checks);
`GGML_QUANT_SIZES` of gguf-py for the block sizes.
"""

import struct
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import broken
from probatum.formats.member import Member
from probatum.material import SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MAGIC = b"GGUF"
MAX_HEADER = 256 << 20
MAX_ENTRIES = 1_000_000
MAX_DIMENSIONS = 4
MAX_NAME = 63  # GGML_MAX_NAME is 64 with the closing NUL
_MAX_STRING = 1 << 30
_MAX_I64 = (1 << 63) - 1

BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""ggml type: (elements in a block, bytes of a block)."""

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEMPLATE = "tokenizer.chat_template"
_U32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9


class Entry(Struct, frozen=True):
    """One metadata value: its type, and the byte and length of its value (of a string's text)."""

    type: int
    at: int
    size: int


class Tensor(Struct, frozen=True):
    """One tensor; `begin` and `end` count from the file's first byte, as does `at`, its entry.

    `type` is ggml's number, `shape` has the fastest dimension first.
    """

    begin: int
    end: int
    at: int
    type: int = 0
    shape: tuple[int, ...] = ()


class Header(Struct, frozen=True):
    """A whole header: `stop` is the byte after the tensor directory."""

    version: int
    order: str
    stop: int
    alignment: int
    metadata: dict[str, Entry]
    tensors: dict[str, Tensor]


def header(material: Material) -> Header:
    """The header, every rule holding.

    Raises: Broken at the first rule that does not hold; FormatError(PARSER_DIFFERENTIAL) where
    loaders disagree, UNSUPPORTED at a version, type or nesting this reader does not know,
    OVER_LIMIT beyond a million entries or 256 MiB of header.
    """
    reader = _Reader(material)
    if reader.take(4) != MAGIC:
        raise FormatError(Reason.MALFORMED, "the file does not begin with GGUF", Place(offset=0))
    version = reader.version()
    tensor_count = reader.count("tensors", 24 if version > 1 else 20)
    entry_count = reader.count("metadata entries", 13 if version > 1 else 9)
    metadata: dict[str, Entry] = {}
    for _ in range(entry_count):
        key, entry = _entry(reader)
        if key in metadata:
            raise reader.differs(f"the metadata key {key!r} stands twice")
        metadata[key] = entry
    alignment = _alignment(material, reader, metadata)
    listed: dict[str, tuple[int, int, int, int, tuple[int, ...]]] = {}
    for _ in range(tensor_count):
        name, found = _listed(reader, alignment)
        if name in listed:
            raise reader.differs(f"the tensor name {name!r} stands twice")
        listed[name] = found
    reader.skip(0)
    data = -(-reader.at // alignment) * alignment
    tensors = {
        name: Tensor(data + offset, data + offset + size, at, type, shape)
        for name, (at, offset, size, type, shape) in listed.items()
    }
    _apart(material, tensors)
    return Header(version, reader.order, reader.at, alignment, metadata, tensors)


def members(material: Material) -> Iterator[Member]:
    """The chat templates that the metadata carries, each an artifact of its own."""
    for key, entry in header(material).metadata.items():
        is_template = key == _TEMPLATE or key.startswith(_TEMPLATE + ".")
        if is_template and entry.type == _STRING:
            yield Member(key, SliceMaterial(material, entry.at, entry.size), "chat-template")


def number(material: Material, header: Header, key: str) -> int | None:
    """The unsigned number under `key`, or None where there is none."""
    entry = header.metadata.get(key)
    if entry is None or entry.type not in (0, 2, 4, 10):
        return None
    raw = material.read(entry.at, entry.size)
    return int.from_bytes(raw, "little" if header.order == "<" else "big")


def string(material: Material, header: Header, key: str, most: int) -> bytes | None:
    """The text under `key`, or None where there is none of at most `most` bytes."""
    entry = header.metadata.get(key)
    if entry is None or entry.type != _STRING or entry.size > most:
        return None
    return material.read(entry.at, entry.size)


def _entry(reader: "_Reader") -> tuple[str, Entry]:
    start = reader.at
    key_bytes = reader.string("a metadata key")
    if not key_bytes:
        raise reader.broken(start, "a metadata key is empty")
    if b"\0" in key_bytes:
        raise reader.differs("a metadata key holds a NUL, at which some loaders stop")
    try:
        key = key_bytes.decode()
    except UnicodeDecodeError as exc:
        raise reader.differs("a metadata key is not UTF-8") from exc
    type = reader.u32()
    if type == _STRING:
        size = reader.length("a metadata string", 1)
        if size > _MAX_STRING:
            raise reader.broken(start, f"the string under {key!r} is longer than 1 GiB")
        at = reader.at
        reader.skip(size)
    elif type == _ARRAY:
        at = reader.at
        _array(reader, key)
        size = reader.at - at
    else:
        at, size = reader.at, _fixed(reader, key, type)
        _values(reader, key, type, size)
    return key, Entry(type, at, size)


def _array(reader: "_Reader", key: str) -> None:
    start = reader.at
    type = reader.u32()
    if type == _ARRAY:
        raise FormatError(
            Reason.UNSUPPORTED,
            f"the array under {key!r} holds arrays, which llama.cpp refuses and others follow",
            Place(offset=start),
        )
    if type == _STRING:
        count = reader.length(f"the array under {key!r}", reader.width)
        reader.skip_strings(count, key)
    else:
        size = _fixed(reader, key, type)
        count = reader.length(f"the array under {key!r}", size)
        _values(reader, key, type, count * size)


def _fixed(reader: "_Reader", key: str, type: int) -> int:
    size = _FIXED.get(type)
    if size is None:
        raise reader.broken(reader.at - 4, f"the type {type} of {key!r} does not exist")
    return size


def _values(reader: "_Reader", key: str, type: int, size: int) -> None:
    start = reader.at
    if type != _BOOL:
        reader.skip(size)
        return
    while reader.at < start + size:
        piece = reader.take(min(1 << 16, start + size - reader.at))
        if piece.translate(None, b"\0\1"):
            raise reader.broken(start, f"a truth value under {key!r} is neither 0 nor 1")


def _alignment(material: Material, reader: "_Reader", metadata: dict[str, Entry]) -> int:
    entry = metadata.get("general.alignment")
    if entry is None:
        return 32
    if entry.type != _U32:
        raise reader.broken(entry.at, "general.alignment is not an unsigned number of 32 bits")
    (alignment,) = struct.unpack(reader.order + "I", material.read(entry.at, 4))
    if alignment < 8 or alignment & (alignment - 1):
        raise reader.broken(
            entry.at, f"general.alignment is {alignment}, not a power of two from 8"
        )
    return int(alignment)


def _listed(
    reader: "_Reader", alignment: int
) -> tuple[str, tuple[int, int, int, int, tuple[int, ...]]]:
    """One entry of the tensor directory: its name; its byte, offset, size in bytes, type, shape."""
    start = reader.at
    raw = reader.string("a tensor's name")
    if len(raw) > MAX_NAME:
        raise reader.broken(start, f"a tensor's name has {len(raw)} bytes, more than {MAX_NAME}")
    if b"\0" in raw:
        raise reader.differs("a tensor's name holds a NUL, at which some loaders stop")
    name = raw.decode(errors="backslashreplace")
    dimensions = reader.u32()
    if dimensions > MAX_DIMENSIONS:
        raise reader.broken(start, f"tensor {name!r} has {dimensions} dimensions, more than 4")
    shape = [reader.word() for _ in range(dimensions)]
    type = reader.u32()
    offset = reader.u64()
    size = _size(reader, start, name, shape, type)
    if offset % alignment:
        raise reader.broken(start, f"tensor {name!r} is at {offset}, not aligned to {alignment}")
    return name, (start, offset, size, type, tuple(shape))


def _size(reader: "_Reader", start: int, name: str, shape: list[int], type: int) -> int:
    count = 1
    for one in shape:
        count *= one
        if one > _MAX_I64 or count >= _MAX_I64:
            raise reader.broken(start, f"the shape {shape} of tensor {name!r} overflows 63 bits")
    if count == 0:
        raise reader.differs(f"tensor {name!r} has no elements: older loaders divide by that")
    if type >= 1 << 31:
        raise reader.broken(start, f"the type of tensor {name!r} is negative")
    if type not in BLOCKS:
        raise FormatError(
            Reason.UNSUPPORTED,
            f"tensor {name!r} has the type {type}, which is not known or was withdrawn",
            Place(offset=start, part=name),
        )
    elements, size = BLOCKS[type]
    row = shape[0] if shape else 1
    if row % elements:
        raise reader.broken(
            start, f"a row of tensor {name!r} has {row} elements, no multiple of {elements}"
        )
    return count // elements * size


def _apart(material: Material, tensors: dict[str, Tensor]) -> None:
    reached, before = 0, ""
    for name, tensor in sorted(tensors.items(), key=lambda pair: pair[1].begin):
        if tensor.begin < reached:
            raise broken(material, tensor.at, f"tensor {name!r} overlaps tensor {before!r}", name)
        if tensor.end > material.size:
            says = f"tensor {name!r} ends at {tensor.end}, the file at {material.size}"
            raise broken(material, tensor.at, says, name)
        reached, before = tensor.end, name


class _Reader:
    """A cursor that holds one window of the file. `at` is its byte in the file."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.at = 0
        self.order = "<"
        self.width = 8
        self._window = b""
        self._base = 0
        self._spell(2)

    def version(self) -> int:
        raw = self.take(4)
        little, big = int.from_bytes(raw, "little"), int.from_bytes(raw, "big")
        if little in (1, 2, 3):
            self._spell(little)
            return little
        if big == 3:
            self.order = ">"
            self._spell(big)
            return big
        raise FormatError(Reason.UNSUPPORTED, f"GGUF version {little}", Place(offset=4))

    def _spell(self, version: int) -> None:
        self.width = 8 if version > 1 else 4
        self._u32 = struct.Struct(self.order + "I")
        self._u64 = struct.Struct(self.order + "Q")
        self._word = self._u64 if version > 1 else self._u32

    def take(self, length: int) -> bytes:
        """The next bytes, at most 64 KiB."""
        if self.at + length > self.material.size:
            raise self.broken(self.at, "the file ends inside its header")
        start = self.at - self._base
        if start < 0 or start + length > len(self._window):
            self._refill()
            start = 0
        self.at += length
        return self._window[start : start + length]

    def _refill(self) -> None:
        if self.at > MAX_HEADER:
            raise FormatError(Reason.OVER_LIMIT, f"the header is longer than {MAX_HEADER} bytes")
        self._base, self._window = self.at, self.material.read(self.at, 1 << 20)

    def skip(self, length: int) -> None:
        if self.at + length > self.material.size:
            raise self.broken(self.at, f"{length} bytes pass the end of the file")
        self.at += length
        if self.at > MAX_HEADER:
            raise FormatError(Reason.OVER_LIMIT, f"the header is longer than {MAX_HEADER} bytes")

    def u32(self) -> int:
        return int(self._u32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(self._u64.unpack(self.take(8))[0])

    def word(self) -> int:
        """A length or dimension: 64 bits, in version 1 32 bits."""
        return int(self._word.unpack(self.take(self.width))[0])

    def length(self, what: str, size: int) -> int:
        """A count of things of at least `size` bytes each, which must fit in what is left."""
        start = self.at
        count = self.word()
        if count * size > self.material.size - self.at:
            raise self.broken(start, f"{what}: {count} times {size} bytes pass the end of the file")
        return count

    def count(self, what: str, size: int) -> int:
        found = self.length(what, size)
        if found > MAX_ENTRIES:
            raise FormatError(Reason.OVER_LIMIT, f"{found} {what}, more than {MAX_ENTRIES}")
        return found

    def string(self, what: str) -> bytes:
        """A name; no key or tensor name of the format is longer than 65,535 bytes."""
        start = self.at
        length = self.length(what, 1)
        if length > 0xFFFF:
            raise self.broken(start, f"{what} has {length} bytes, more than 65535")
        return self.take(length)

    def skip_strings(self, count: int, key: str) -> None:
        """Step over `count` strings. A loop of its own: vocabularies hold hundreds of thousands."""
        unpack, width, limit = self._word.unpack_from, self.width, self.material.size
        window, base, at = self._window, self._base, self.at
        for _ in range(count):
            if at - base + width > len(window):
                self.at = at
                self._refill()
                window, base = self._window, self._base
                if len(window) < width:
                    raise self.broken(at, "the file ends inside its header")
            length = unpack(window, at - base)[0]
            if length > limit - at - width:
                raise self.broken(
                    at, f"a string of {length} bytes under {key!r} passes the end of the file"
                )
            at += width + length
        self.at = at

    def broken(self, offset: int, says: str) -> FormatError:
        return broken(self.material, offset, says)

    def differs(self, says: str) -> FormatError:
        return FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=self.at))
