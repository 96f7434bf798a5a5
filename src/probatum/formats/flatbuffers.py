"""Reads and verifies a flatbuffer by schema: every offset, every length, and that no parts overlap.

Stricter than the verifier that flatbuffers ships: parts may be shared whole (one table named
twice) and may not overlap in part, so that no byte has two meanings and a small file cannot
unfold to a large one.

Source: "FlatBuffer Internals" in the FlatBuffers documentation; `verifier.h`.
"""

from itertools import pairwise

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import broken
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_PAGE = 1 << 16
_HELD_PAGES = 64
_MOST_PARTS = 4_000_000


class Schema(Struct, frozen=True):
    """Tables by name: the kind of each slot (see `rules/tflite_schema.toml`); unions by name."""

    tables: dict[str, list[str]]
    unions: dict[str, list[str]]


class Vector(Struct, frozen=True):
    """`count` elements of `width` bytes from byte `start`; of text the width is 1."""

    start: int
    count: int
    width: int

    @property
    def stop(self) -> int:
        return self.start + self.count * self.width


class Table(Struct, frozen=True):
    """One table at byte `at`: numbers as unsigned whole numbers, vectors, the bytes of tables."""

    name: str
    at: int
    fields: dict[int, "int | Vector | tuple[int, ...]"]

    def number(self, slot: int, default: int = 0) -> int:
        value = self.fields.get(slot, default)
        return value if isinstance(value, int) else default

    def vector(self, slot: int) -> Vector | None:
        value = self.fields.get(slot)
        return value if isinstance(value, Vector) else None

    def inner(self, slot: int) -> tuple[int, ...]:
        value = self.fields.get(slot, ())
        return value if isinstance(value, tuple) else ()


class Buffer:
    """A verified flatbuffer: its tables by their byte, the root's byte, and all of its parts."""

    def __init__(self, material: Material, schema: Schema, root: str) -> None:
        self.material = material
        self.schema = schema
        self.tables: dict[int, Table] = {}
        self.doubt: FormatError | None = None
        self._parts: dict[tuple[int, int], str] = {(0, 8): "the root"}
        self._pages: dict[int, bytes] = {}
        self.root = self._offset(0)
        wanted = [(root, self.root)]
        while wanted:
            wanted += self._table(*wanted.pop())
        self.claim_apart()

    def take(self, at: int, length: int) -> bytes:
        """The bytes [at, at+length), which must be there."""
        if at < 0 or at + length > self.material.size:
            raise self._broken(at, f"{length} bytes at {at} pass the end of the file")
        page = at // _PAGE
        inside = at - page * _PAGE
        if inside + length > _PAGE:
            return self.material.read(at, length)
        if page not in self._pages:
            if len(self._pages) >= _HELD_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[page] = self.material.read(page * _PAGE, _PAGE)
        return self._pages[page][inside : inside + length]

    def whole(self, at: int, size: int) -> int:
        return int.from_bytes(self.take(at, size), "little")

    def text(self, vector: Vector | None, most: int = 1 << 12) -> str:
        """A text, what is not UTF-8 shown as escapes."""
        if vector is None:
            return ""
        if vector.count > most:
            raise FormatError(Reason.OVER_LIMIT, "a name too long", Place(offset=vector.start))
        return self.take(vector.start, vector.count).decode(errors="backslashreplace")

    def numbers(self, vector: Vector | None) -> list[int]:
        """The elements of a vector as unsigned whole numbers."""
        if vector is None:
            return []
        width, found = vector.width, list[int]()
        for at in range(vector.start, vector.stop, _PAGE):
            data = self.take(at, min(_PAGE, vector.stop - at))
            found += (
                int.from_bytes(data[one : one + width], "little")
                for one in range(0, len(data), width)
            )
        return found

    def claim(self, start: int, stop: int, what: str) -> None:
        """[start, stop) is one part; the same part may be claimed again, for the same use."""
        if start == stop:
            return
        before = self._parts.setdefault((start, stop), what)
        if before != what:
            raise self._broken(start, f"{what} stands where {before} stands")
        if len(self._parts) > _MOST_PARTS:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST_PARTS} parts")

    def claim_apart(self) -> None:
        """No two parts overlap."""
        for (start, stop), (following, end) in pairwise(sorted(self._parts)):
            if following < stop:
                one = self._parts[start, stop]
                raise self._broken(following, f"{self._parts[following, end]} overlaps {one}")

    def _offset(self, at: int) -> int:
        offset = self.whole(at, 4)
        if offset == 0:
            raise self._broken(at, "an offset leads to itself")
        return at + offset

    def _table(self, name: str, at: int) -> list[tuple[str, int]]:
        """Verify one table; the tables that it leads to."""
        if at in self.tables:
            if self.tables[at].name != name:
                raise self._broken(at, f"one table is a {self.tables[at].name} and a {name}")
            return []
        if at % 4:
            raise self._broken(at, f"the {name} is not aligned")
        places = self._places(name, at)
        fields: dict[int, int | Vector | tuple[int, ...]] = {}
        found: list[tuple[str, int]] = []
        slots = self.schema.tables[name]
        for slot, place in places.items():
            kind = slots[slot]
            if kind.startswith("?"):
                kind = self._member(name, at, slot, kind[1:], places)
            if kind.isdigit():
                fields[slot] = self.whole(place, int(kind))
            elif kind == "s":
                fields[slot] = self._text(self._offset(place))
            elif kind.startswith("["):
                vector, tables = self._vector(self._offset(place), kind[1:-1])
                fields[slot] = vector if kind[1:-1].isdigit() else tuple(tables)
                found += [(kind[1:-1], one) for one in tables if kind != "[s]"]
            elif kind:
                target = self._offset(place)
                fields[slot] = (target,)
                found.append((kind, target))
        self.tables[at] = Table(name, at, fields)
        return found

    def _places(self, name: str, at: int) -> dict[int, int]:
        """Where each slot that is there stands, by the table's own vtable."""
        jump = self.whole(at, 4)
        vtable = at - (jump - (1 << 32) if jump >> 31 else jump)
        if vtable < 0 or vtable % 2:
            raise self._broken(at, f"the vtable of the {name} is at {vtable}")
        length, what = self.whole(vtable, 2), f"the {name} at {at}"
        if length < 4 or length % 2:
            raise self._broken(vtable, f"the vtable of the {name} has {length} bytes")
        self.claim(vtable, vtable + length, "a vtable")
        self.claim(at, at + 4, what)
        slots, found = self.schema.tables[name], dict[int, int]()
        entries = self.take(vtable + 4, length - 4)
        for slot in range(len(entries) // 2):
            place = at + int.from_bytes(entries[2 * slot : 2 * slot + 2], "little")
            if place == at:
                continue
            if slot >= len(slots):
                self._doubtful(at, f"the {name} has the slot {slot}, which is not known here")
                continue
            width = int(slots[slot]) if slots[slot].isdigit() else 4
            if place % width or place + width > self.material.size:
                raise self._broken(vtable, f"slot {slot} of the {name} is at {place}")
            if place in found.values():
                raise self._broken(vtable, f"two slots of the {name} are one")
            # The table's own size says nothing: no reader asks it, and some writers leave it wrong.
            self.claim(place, place + width, what)
            found[slot] = place
        return found

    def _member(self, name: str, at: int, slot: int, union: str, places: dict[int, int]) -> str:
        """The table that a union holds; nothing where its type is unknown."""
        type = self.whole(places[slot - 1], 1) if slot - 1 in places else 0
        members = self.schema.unions[union]
        if not 0 < type < len(members):
            self._doubtful(at, f"the {name} has the {union} of type {type}, not known here")
            return ""
        return members[type]

    def _vector(self, at: int, kind: str) -> tuple[Vector, list[int]]:
        width = int(kind) if kind.isdigit() else 4
        if at % 4:
            raise self._broken(at, "a vector is not aligned")
        vector = Vector(at + 4, self.whole(at, 4), width)
        if vector.stop > self.material.size:
            raise self._broken(at, f"{vector.count} elements pass the end of the file")
        self.claim(at, vector.stop, f"a vector of {kind}")
        if kind.isdigit():
            return vector, []
        elements = range(vector.start, vector.stop, 4)
        targets = [self._offset(one) for one in elements]
        if kind == "s":
            for target in targets:
                self._text(target)
        return vector, targets

    def _text(self, at: int) -> Vector:
        if at % 4:
            raise self._broken(at, "a text is not aligned")
        vector = Vector(at + 4, self.whole(at, 4), 1)
        if vector.stop + 1 > self.material.size or self.take(vector.stop, 1) != b"\0":
            raise self._broken(at, f"a text of {vector.count} bytes does not end in the file")
        self.claim(at, vector.stop + 1, "a text")
        return vector

    def _doubtful(self, at: int, says: str) -> None:
        if self.doubt is None:
            self.doubt = FormatError(Reason.UNSUPPORTED, says, Place(offset=at))

    def _broken(self, at: int, says: str) -> FormatError:
        return broken(self.material, at, says)
