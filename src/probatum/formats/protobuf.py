"""Reads the protobuf wire format by schema, field by field, without reading what is skipped.

Stricter than protobuf's own parsers, on purpose: what some parsers take one way and some another
(a field given twice that may stand once, a field of the wrong wire type, a padded number, a
group) raises FormatError(PARSER_DIFFERENTIAL), and a field the schema does not know raises
UNSUPPORTED, since nobody here can say what a later reader makes of it.

Source: "Encoding" in the Protocol Buffers documentation; `io/coded_stream.h` and
`wire_format_lite.h` of protobuf for the limits (ten bytes a number, 2^29 fields, 100 levels).
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MAX_DEPTH = 100
_WINDOW = 1 << 20
_PEEP = 1 << 14
_CONTINUED = bytes(range(128, 256))
_TOO_LONG = re.compile(rb"[\x80-\xff]{10}")

NUMBER, EIGHT, BYTES, FOUR = 0, 1, 2, 5


class Kind(Struct, frozen=True):
    """What a schema says of one field. `packed`: a repeated number may also stand as bytes."""

    name: str
    wire: int
    repeated: bool = False
    packed: bool = False


Schema = dict[int, Kind]
"""Field number: its kind."""

Field = tuple[int, int, int, int]
"""Field number, wire type, and the number with 0, or the begin and end of the bytes."""


def schema(**fields: str) -> Schema:
    """A schema from `name="7"`: the number, then `n`umber, `b`ytes, `f`our or `e`ight, then `*`.

    `name="8b*"` is field 8, bytes, repeated; a repeated number may be packed.
    """
    wires = {"n": NUMBER, "b": BYTES, "f": FOUR, "e": EIGHT}
    found = {}
    for name, spell in fields.items():
        repeated = spell.endswith("*")
        spell = spell.rstrip("*")
        wire = wires[spell[-1]]
        found[int(spell[:-1])] = Kind(name, wire, repeated, repeated and wire != BYTES)
    return found


class Wire:
    """A material as protobuf: one window of it is held, and what is skipped is not read."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self._data = b""
        self._base = 0

    def fields(self, schema: Schema, what: str, start: int, stop: int) -> Iterator[Field]:
        """The fields of the message [start, stop), in their order, each held against `schema`.

        `what` names the message in errors.
        """
        seen: set[int] = set()
        data, base = self._around(start, stop)
        at, last, end = start - base, stop - base, len(data)
        while at < last:
            if end - at < 24 and end < last:
                where = base + at
                data, base = self._around(where, stop)
                at, last, end = where - base, stop - base, len(data)
            begin = at
            try:
                key = data[at]
                at += 1
                if key > 127:
                    key, at = self._number(data, begin, base)
                number, wire = key >> 3, key & 7
                kind = schema.get(number)
                if kind is None:
                    raise self._unknown(number, what, base + begin)
                if wire == BYTES:
                    length = data[at]
                    at += 1
                    if length > 127:
                        length, at = self._number(data, at - 1, base)
                    found = (number, wire, base + at, base + at + length)
                    at += length
                elif wire == NUMBER:
                    value = data[at]
                    at += 1
                    if value > 127:
                        value, at = self._number(data, at - 1, base)
                    found = (number, wire, value, 0)
                elif wire in (FOUR, EIGHT):
                    size = 4 if wire == FOUR else 8
                    found = (number, wire, base + at, base + at + size)
                    at += size
                else:
                    raise self._odd(f"{what} has a group at field {number}", base + begin)
            except IndexError:
                raise self._past(what, base + begin) from None
            if at > last:
                raise self._past(what, base + begin)
            if wire != kind.wire and not (kind.packed and wire == BYTES):
                raise self._odd(f"{what}.{kind.name} has the wire type {wire}", base + begin)
            if not kind.repeated:
                if number in seen:
                    raise self._odd(f"{what}.{kind.name} stands twice", base + begin)
                seen.add(number)
            yield found

    def taken(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), from the window where they are in it."""
        begin = start - self._base
        if begin >= 0 and stop - self._base <= len(self._data):
            return self._data[begin : stop - self._base]
        return region(self.material, start, stop - start)

    def text(self, start: int, stop: int, most: int = 1 << 16) -> str:
        """The text [start, stop), whatever is not UTF-8 shown as escapes."""
        if stop - start > most:
            raise FormatError(
                Reason.OVER_LIMIT, f"a name of {stop - start} bytes", Place(offset=start)
            )
        return self.taken(start, stop).decode(errors="backslashreplace")

    def numbers(self, start: int, stop: int) -> Iterator[int]:
        """The packed numbers in [start, stop), as unsigned 64-bit values; 64 KiB at most."""
        if stop - start > 1 << 16:
            raise FormatError(Reason.OVER_LIMIT, "a list of numbers too long", Place(offset=start))
        data = self.taken(start, stop)
        at = 0
        while at < len(data):
            try:
                value, at = self._number(data, at, start)
            except IndexError:
                raise self._past("a list of numbers", start + at) from None
            yield value

    def count(self, start: int, stop: int) -> int:
        """How many packed numbers lie in [start, stop)."""
        found, last = 0, b""
        for at in range(start, stop, _WINDOW):
            piece = self.taken(at, min(stop, at + _WINDOW))
            found += len(piece.translate(None, _CONTINUED))
            last = piece
            if _TOO_LONG.search(piece):
                raise self._odd("a number is longer than ten bytes", at)
        if last and last[-1] > 127:
            raise self._past("a list of numbers", start)
        return found

    def _around(self, start: int, stop: int) -> tuple[bytes, int]:
        """A window on `start`: the one held, if enough of the message lies in it, or a new one."""
        held = start - self._base
        enough = min(stop, start + 4096, self.material.size)
        if held < 0 or enough > self._base + len(self._data):
            # Behind something skipped there may be little to read before the next such thing.
            size = _WINDOW if 0 <= held <= len(self._data) else _PEEP
            self._data, self._base = self.material.read(start, size), start
        return self._data, self._base

    def _number(self, data: bytes, at: int, base: int) -> tuple[int, int]:
        value = shift = 0
        start = at
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 63:
                raise self._odd("a number is longer than ten bytes", base + start)
        if byte == 0 and at - start > 1:
            raise self._odd("a number is padded", base + start)
        if value >> 64:
            raise self._odd("a number does not fit in 64 bits", base + start)
        return value, at

    def _unknown(self, number: int, what: str, at: int) -> FormatError:
        if not 0 < number < 1 << 29:
            return self._odd(f"{what} has the impossible field {number}", at)
        says = f"{what} has the field {number}, which is not known here"
        return FormatError(Reason.UNSUPPORTED, says, Place(offset=at))

    def _odd(self, says: str, at: int) -> FormatError:
        return FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=at))

    def _past(self, what: str, at: int) -> FormatError:
        return FormatError(Reason.MALFORMED, f"a field passes the end of {what}", Place(offset=at))


def signed(value: int) -> int:
    """An unsigned 64-bit value as the int64 that it spells."""
    return value - (1 << 64) if value >> 63 else value
