"""Reads the header of a safetensors file strictly: eight bytes of length, then a JSON object.

The parser follows the schema, not JSON at large, so nothing nests deeper than the format allows
and every fault has its byte. What breaks a rule of the format raises `Broken`; what two JSON
parsers read differently (a repeated key, a lone surrogate, a NUL in a name) raises
FormatError(PARSER_DIFFERENTIAL).

Sources: the format's description in the safetensors README; `safetensors/src/tensor.rs`
(`read_metadata`, `validate`, `Dtype::bitsize`), release 0.7; RFC 8259.
"""

import json
import re
from collections.abc import Callable

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import broken, region
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MAX_HEADER_SIZE = 100_000_000
_LENGTH_SIZE = 8
_U64 = (1 << 64) - 1

DTYPE_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}


class Tensor(Struct, frozen=True):
    """One entry. `begin` and `end` count from the end of the header; `at` is the entry's byte."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int
    at: int


class Header(Struct, frozen=True):
    """A whole header: `stop` is the byte after it, where the tensors' buffer begins."""

    stop: int
    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def header(material: Material) -> Header:
    """The header, every rule of the format holding.

    Raises: Broken at the first rule that does not hold; FormatError(MALFORMED) where the text is
    not JSON, PARSER_DIFFERENTIAL where JSON parsers disagree, UNSUPPORTED at a key the format
    does not know, TRUNCATED where not even a length is there.
    """
    stop = _stop(material)
    data = region(material, 0, stop)
    try:
        data[_LENGTH_SIZE:].decode()
    except UnicodeDecodeError as exc:
        place = Place(offset=_LENGTH_SIZE + exc.start)
        raise FormatError(Reason.MALFORMED, "the header is not UTF-8", place) from exc
    found = _Parser(material, data).header()
    _covers(material, found)
    return found


def _stop(material: Material) -> int:
    prefix = material.read(0, _LENGTH_SIZE + 1)
    if len(prefix) < _LENGTH_SIZE:
        raise FormatError(Reason.TRUNCATED, "the file is shorter than the length of its header")
    length = int.from_bytes(prefix[:_LENGTH_SIZE], "little")
    if length > MAX_HEADER_SIZE:
        raise broken(material, 0, f"the header's length {length} is over {MAX_HEADER_SIZE}")
    if _LENGTH_SIZE + length > material.size:
        raise broken(
            material, 0, f"the header's length {length} passes the end of the file, {material.size}"
        )
    if prefix[_LENGTH_SIZE:] != b"{":
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL,
            "the header does not begin with '{', which the format demands and some readers do not",
            Place(offset=_LENGTH_SIZE),
        )
    return _LENGTH_SIZE + length


def _covers(material: Material, found: Header) -> None:
    """The tensors lie end to end and fill the buffer: in the order of their offsets, no overlap."""
    reached = 0
    names = sorted(found.tensors, key=lambda name: _span(found.tensors[name]))
    for name in names:
        tensor = found.tensors[name]
        if tensor.begin != reached:
            what = "overlaps the tensor before it" if tensor.begin < reached else "leaves a gap"
            raise broken(
                material,
                tensor.at,
                f"tensor {name!r} begins at {tensor.begin}, not at {reached}: it {what}",
                name,
            )
        reached = tensor.end
    buffer = material.size - found.stop
    if reached != buffer:
        at = found.tensors[names[-1]].at if names else found.stop
        raise broken(material, at, f"the tensors end at {reached}, the buffer at {buffer}")


def _span(tensor: Tensor) -> tuple[int, int]:
    return tensor.begin, tensor.end


# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f]|(?!))*+"'
_WHOLE = rb"(?:0|[1-9][0-9]{0,19})"
# An entry as the common writers put it; whatever differs goes the long way to the same end.
_PLAIN_ENTRY = re.compile(
    rb'(?!"__metadata__")("[^"\\\x00-\x1f]*+"): ?\{"dtype": ?"([A-Z0-9_]+)", ?'
    rb'"shape": ?\[((?:%(whole)b(?:, ?%(whole)b|(?!))*+)?)\], ?'
    rb'"data_offsets": ?\[(%(whole)b), ?(%(whole)b)\]\}(?=[,}])' % {b"whole": _WHOLE}
)
_STRING_HERE = re.compile(_STRING)
_WHOLE_HERE = re.compile(_WHOLE + rb"(?![0-9.eE])")
_SPACE = re.compile(rb"[ \t\n\r]*")


class _Parser:
    """A cursor over the header; `at` is the byte it stands on, in the file's own count."""

    def __init__(self, material: Material, data: bytes) -> None:
        self.material = material
        self.data = data
        self.at = _LENGTH_SIZE

    def header(self) -> Header:
        tensors: dict[str, Tensor] = {}
        metadata: dict[str, str] = {}
        seen: set[str] = set()

        def entry() -> None:
            start = self.at
            plain = _PLAIN_ENTRY.match(self.data, start)
            if plain is not None:
                name = self._fresh(seen, plain[1])
                self.at = plain.end()
                shape = tuple(map(int, plain[3].split(b","))) if plain[3] else ()
                found = (plain[2].decode(), shape, int(plain[4]), int(plain[5]))
                tensors[name] = self._tensor(name, start, *found)
                return
            name = self._key(seen)
            if name == "__metadata__":
                metadata.update(self._metadata())
            else:
                tensors[name] = self._tensor(name, start, *self._fields(name, start))

        self._members("{}", entry)
        self._space()
        if self.at != len(self.data):
            raise self._malformed("something other than white space follows the header's object")
        return Header(len(self.data), tensors, metadata)

    def _metadata(self) -> dict[str, str]:
        found: dict[str, str] = {}
        seen: set[str] = set()

        def entry() -> None:
            key = self._key(seen)
            if not self._stands('"'):
                raise self._broken(f"the metadata {key!r} is not a string", "__metadata__")
            found[key] = self._string()

        if not self._stands("{"):
            raise self._broken("__metadata__ is not an object of strings", "__metadata__")
        self._members("{}", entry)
        return found

    def _fields(self, name: str, start: int) -> tuple[str, tuple[int, ...], int, int]:
        dtype = ""
        shape: tuple[int, ...] = ()
        offsets: tuple[int, ...] = ()
        seen: set[str] = set()

        def entry() -> None:
            nonlocal dtype, shape, offsets
            key_at = self.at
            match self._key(seen):
                case "dtype":
                    if not self._stands('"'):
                        raise self._broken("the dtype is not a string", name)
                    dtype = self._string()
                case "shape":
                    shape = self._wholes(name)
                case "data_offsets":
                    offsets = self._wholes(name)
                case other:
                    raise FormatError(
                        Reason.UNSUPPORTED,
                        f"tensor {name!r} has the key {other!r}, which the format does not know",
                        Place(offset=key_at, part=name),
                    )

        if not self._stands("{"):
            raise self._broken(f"tensor {name!r} is not an object", name)
        self._members("{}", entry)
        missing = {"dtype", "shape", "data_offsets"} - seen
        if missing:
            raise broken(self.material, start, f"tensor {name!r} has no {sorted(missing)[0]}", name)
        if len(offsets) != 2:
            raise broken(self.material, start, f"tensor {name!r} has no two data_offsets", name)
        return dtype, shape, offsets[0], offsets[1]

    def _tensor(
        self, name: str, at: int, dtype: str, shape: tuple[int, ...], begin: int, end: int
    ) -> Tensor:
        fault = _fault(dtype, shape, begin, end, self.material.size - len(self.data))
        if fault:
            raise broken(self.material, at, f"tensor {name!r}: {fault}", name)
        return Tensor(dtype, shape, begin, end, at)

    def _wholes(self, name: str) -> tuple[int, ...]:
        found: list[int] = []

        def entry() -> None:
            match = _WHOLE_HERE.match(self.data, self.at)
            if match is None:
                raise self._broken("a size or offset is not a whole number of 64 bits", name)
            self.at = match.end()
            found.append(int(match[0]))

        if not self._stands("["):
            raise self._broken("the shape or offsets are not a list", name)
        self._members("[]", entry)
        return tuple(found)

    def _members(self, brackets: str, entry: Callable[[], None]) -> None:
        self._take(brackets[0])
        if self._stands(brackets[1]):
            self.at += 1
            return
        while True:
            self._space()
            entry()
            if not self._stands(","):
                break
            self.at += 1
        self._take(brackets[1])

    def _key(self, seen: set[str]) -> str:
        if not self._stands('"'):
            raise self._malformed("a key is not a string")
        start = self.at
        raw = self._raw_string()
        self.at = start
        name = self._fresh(seen, raw)
        self.at = start + len(raw)
        self._take(":")
        self._space()
        return name

    def _fresh(self, seen: set[str], raw: bytes) -> str:
        name = self._text(raw)
        if name in seen:
            raise self._differs(f"the key {name!r} stands twice; readers keep first or last")
        seen.add(name)
        return name

    def _string(self) -> str:
        raw = self._raw_string()
        self.at += len(raw)
        return self._text(raw)

    def _raw_string(self) -> bytes:
        match = _STRING_HERE.match(self.data, self.at)
        if match is None:
            raise self._malformed("a string does not end, or holds a bare control character")
        return match[0]

    def _text(self, raw: bytes) -> str:
        if b"\\" not in raw:
            return raw[1:-1].decode()
        try:
            said: str = json.loads(raw)
            said.encode()
        except UnicodeEncodeError as exc:
            raise self._differs("a string holds half a surrogate pair") from exc
        except ValueError as exc:
            raise self._malformed("a string holds an escape that JSON does not know") from exc
        if "\0" in said:
            raise self._differs("a string holds a NUL, at which some readers stop")
        return said

    def _space(self) -> None:
        match = _SPACE.match(self.data, self.at)
        self.at = match.end() if match else self.at

    def _stands(self, character: str) -> bool:
        self._space()
        return self.data[self.at : self.at + 1] == character.encode()

    def _take(self, character: str) -> None:
        if not self._stands(character):
            raise self._malformed(f"{character!r} is missing")
        self.at += 1

    def _broken(self, says: str, part: str) -> FormatError:
        return broken(self.material, self.at, says, part)

    def _malformed(self, says: str) -> FormatError:
        return FormatError(Reason.MALFORMED, f"not JSON: {says}", Place(offset=self.at))

    def _differs(self, says: str) -> FormatError:
        return FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=self.at))


def _fault(dtype: str, shape: tuple[int, ...], begin: int, end: int, buffer: int) -> str | None:
    """What is wrong with one entry by itself, or None."""
    bits = DTYPE_BITS.get(dtype)
    if bits is None:
        return f"the dtype {dtype!r} is unknown"
    # In the order of the loader, which gives up at the first product that 64 bits cannot hold.
    for size in (*shape, bits):
        if size > _U64:
            return f"the size {size} needs more than 64 bits"
    count = 1
    for size in shape:
        count *= size
        if count > _U64:
            return "the product of the shape overflows 64 bits"
    if count * bits > _U64:
        return "the size in bits overflows 64 bits"
    if count * bits % 8:
        return "the size is not a whole number of bytes"
    if not begin <= end <= buffer:
        return f"the offsets [{begin}, {end}] do not lie in the buffer of {buffer} bytes"
    if end - begin != count * bits // 8:
        return f"the offsets span {end - begin} bytes, dtype and shape ask for {count * bits // 8}"
    return None
