"""Walks a serialised R object (`.rds`, `.RData`), item by item, skipping numeric vectors.

Read are the XDR form (`X`) and the native form (`B`), of serialisation versions 2 and 3, bare or
as a workspace (`RDX2`, `RDX3`). Byte code and the ASCII form are not read here.

Sources: R Internals 1.8 "Serialization formats"; R 4.3 src/main/serialize.c; CVE-2024-27322.
"""

import hashlib

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Step, Undecided, Witness

MOST_ITEMS = 2_000_000
MOST_TEXT = 1 << 20
WINDOW = 1 << 16

SYMBOL, PAIRLIST, CLOSURE, ENVIRONMENT, PROMISE, LANGUAGE = 1, 2, 3, 4, 5, 6
CHARACTERS, STRINGS, DOTS, LIST, EXPRESSION, BYTECODE = 9, 16, 17, 19, 20, 21
POINTER, WEAK, S4 = 22, 23, 25
REFERENCE, UNBOUND, NAMESPACE, PACKAGE, ALTREP = 255, 252, 249, 248, 238
# Widths of the elements of vectors that hold numbers alone.
VECTORS = {10: 4, 13: 4, 14: 8, 15: 16, 24: 1}
LINKED = frozenset({PAIRLIST, CLOSURE, PROMISE, LANGUAGE, DOTS})
BARE = frozenset({0, 254, 253, 252, 251, 250, 242, 241})
# What a reader gets back as code, by type.
CODE = {
    CLOSURE: "a function",
    LANGUAGE: "a call",
    EXPRESSION: "an expression",
    PROMISE: "a promise",
    7: "a built-in function",
    8: "a built-in function",
    POINTER: "an external pointer",
    WEAK: "a weak reference",
}
# Compact vectors of base R that unpack into numbers and strings.
COMPACT = frozenset(
    {
        "compact_intseq",
        "compact_realseq",
        "deferred_string",
        "wrap_complex",
        "wrap_integer",
        "wrap_list",
        "wrap_logical",
        "wrap_raw",
        "wrap_real",
        "wrap_string",
    }
)


class Rds(Struct, frozen=True):
    """What a file holds. `effects` break load-inert, `open` keeps it open, `code` is not data."""

    items: int
    workspace: bool
    structure_sha256: str
    effects: tuple[Witness, ...]
    open: tuple[Undecided, ...]
    code: tuple[Witness, ...]


class _Frame:
    """An item whose children are still to come, and the types of those that came."""

    __slots__ = ("at", "children", "kind", "left", "names")

    def __init__(self, kind: int, left: int, at: int) -> None:
        self.kind, self.left, self.at = kind, left, at
        self.children: list[int] = []
        self.names = 0  # 1: its first child names a vector class, 2: that class's package


def walked(material: Material) -> Rds:
    """The whole file, which must be exactly one item.

    Raises: FormatError TRUNCATED, MALFORMED, UNSUPPORTED, OVER_LIMIT.
    """
    walk = _Walk(material)
    walk.whole()
    return Rds(
        walk.items,
        walk.workspace,
        walk.state.hexdigest(),
        tuple(walk.effects[:100]),
        tuple(walk.open[:100]),
        tuple(walk.code[:100]),
    )


class _Walk:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.state = hashlib.sha256()
        self.at = self.start = self.items = 0
        self.window = b""
        self.order: str = "big"
        self.workspace = False
        self.frames: list[_Frame] = []
        self.names: list[str | None] = []  # what each reference names: a symbol, or nothing
        self.effects: list[Witness] = []
        self.open: list[Undecided] = []
        self.code: list[Witness] = []

    def whole(self) -> None:
        self.header()
        self.frames.append(_Frame(-1, 1, self.at))
        while self.frames:
            frame = self.frames[-1]
            if not frame.left:
                self.ended(self.frames.pop())
                continue
            frame.left -= 1
            self.items += 1
            if self.items > MOST_ITEMS:
                raise FormatError(Reason.OVER_LIMIT, f"more than {MOST_ITEMS} items")
            self.item(frame)
        if self.at != self.material.size:
            raise FormatError(
                Reason.MALFORMED, "bytes follow the serialised object", Place(offset=self.at)
            )

    def header(self) -> None:
        if self.material.read(0, 2) == b"RD":
            self.workspace = True
            self.take(5)
        form = self.take(2)
        if form not in (b"X\n", b"B\n"):
            raise FormatError(Reason.UNSUPPORTED, "only the binary forms of R are read, not ASCII")
        self.order = "big" if form == b"X\n" else "little"
        version = self.number()
        if version not in (2, 3):
            raise FormatError(Reason.UNSUPPORTED, f"serialisation version {version}")
        self.take(8)
        if version == 3:
            self.take(self.length(64))

    def item(self, parent: _Frame) -> None:
        begin = self.at
        flags = self.number()
        kind = flags & 0xFF
        attributes = bool(flags & 0x200)
        parent.children.append(kind)
        if kind in CODE:
            self.code.append(Witness(f"{CODE[kind]} comes back", Place(offset=begin)))
        if kind in LINKED:
            self.push(kind, 2 + attributes + bool(flags & 0x400), begin, parent)
        elif kind == SYMBOL:
            self.symbol(parent)
        elif kind == REFERENCE:
            self.reference(flags >> 8, parent)
        elif kind in VECTORS:
            self.skip(self.count() * VECTORS[kind])
            self.push(kind, int(attributes), begin, parent)
        elif kind == CHARACTERS:
            self.characters()
            self.push(kind, int(attributes), begin, parent)
        elif kind in (STRINGS, LIST, EXPRESSION):
            self.push(kind, self.count() + attributes, begin, parent)
        elif kind not in BARE:
            self.rare(kind, attributes, begin, parent)

    def rare(self, kind: int, attributes: bool, begin: int, parent: _Frame) -> None:
        if kind == ENVIRONMENT:
            self.names.append(None)
            self.take(4)
            self.push(kind, 4, begin, parent)
        elif kind in (POINTER, WEAK):
            self.names.append(None)
            self.push(kind, (2 if kind == POINTER else 0) + attributes, begin, parent)
        elif kind == S4:
            self.push(kind, int(attributes), begin, parent)
        elif kind in (7, 8):
            self.take(self.length(256))
            self.push(kind, int(attributes), begin, parent)
        elif kind == ALTREP:
            self.push(kind, 3, begin, parent)
        elif kind in (NAMESPACE, PACKAGE):
            self.package(kind, begin)
        else:
            what = "byte code" if kind in (BYTECODE, 243, 244) else f"items of type {kind}"
            raise FormatError(Reason.UNSUPPORTED, f"{what} are not read", Place(offset=begin))

    def push(self, kind: int, children: int, begin: int, parent: _Frame) -> None:
        if children > self.material.size - self.at:
            detail = f"{children} items are promised, the file ends before"
            raise FormatError(Reason.TRUNCATED, detail, Place(offset=begin))
        frame = _Frame(kind, children, begin)
        # An ALTREP's first child is the list (class, package, type).
        if parent.kind == ALTREP and len(parent.children) == 1:
            frame.names = 1
        elif parent.names == 1 and len(parent.children) == 2:
            frame.names = 2
        if frame.names and (kind != PAIRLIST or children != 2):
            self.note("a compact vector whose description is no plain list", begin)
        if children:
            self.frames.append(frame)

    def symbol(self, parent: _Frame) -> None:
        if self.number() & 0x2FF != CHARACTERS:  # attributes here would be one item more
            raise FormatError(Reason.MALFORMED, "a symbol without a name", Place(offset=self.at))
        name = self.characters()
        self.names.append(name)
        self.compact(parent, name)

    def reference(self, packed: int, parent: _Frame) -> None:
        index = packed or self.number()
        if not 0 < index <= len(self.names):
            raise FormatError(Reason.MALFORMED, f"no object {index} yet", Place(offset=self.at))
        self.compact(parent, self.names[index - 1])

    def compact(self, parent: _Frame, name: str | None) -> None:
        """Judges the class of a compact vector, or that class's package."""
        if not parent.names or len(parent.children) != 1:
            return
        if name in COMPACT if parent.names == 1 else name == "base":
            return
        if name is not None and name.startswith("mmap_"):
            says = f"R maps the file that a vector of class {name} names"
            self.effects.append(Witness(says, Place(offset=parent.at)))
        else:
            self.note(f"no summary says how the vector class {name!r} unpacks", parent.at)

    def package(self, kind: int, begin: int) -> None:
        if self.number() != 0:
            raise FormatError(Reason.MALFORMED, "names in names", Place(offset=begin))
        said = []
        for _ in range(self.length(16)):
            if self.number() & 0x2FF != CHARACTERS:
                raise FormatError(Reason.MALFORMED, "a name is no text", Place(offset=begin))
            said.append(self.characters())
        self.names.append(None)
        if kind == NAMESPACE:
            self.note(f"reading this loads the installed package {said[:1]}, if it is there", begin)

    def ended(self, frame: _Frame) -> None:
        if frame.names and frame.children[:1] not in ([SYMBOL], [REFERENCE]):
            self.note("a compact vector does not name its class and package first", frame.at)
        if frame.names == 1 and frame.children[1:2] != [PAIRLIST]:
            self.note("a compact vector does not name its package", frame.at)
        if frame.kind == ALTREP and frame.children[:1] != [PAIRLIST]:
            self.note("a compact vector without a description", frame.at)
        if frame.kind != PROMISE:
            return
        value, expression = frame.children[-2:]
        if value == UNBOUND and expression not in BARE | VECTORS.keys() | {STRINGS}:
            self.effects.append(_promise(frame.at))
        else:
            self.note("a promise that is already kept, or keeps plain data", frame.at)

    def note(self, detail: str, at: int) -> None:
        if len(self.open) < 100:
            self.open.append(Undecided(Reason.UNRESOLVED, detail, Place(offset=at)))

    def characters(self) -> str:
        length = self.number()
        if length == 0xFFFFFFFF:  # NA
            return "NA"
        if length > MOST_TEXT:
            self.skip(length)
            return ""
        return self.take(length).decode("utf-8", "replace")

    def count(self) -> int:
        length = self.number()
        if length == 0xFFFFFFFF:
            length = self.number() << 32 | self.number()
        return length

    def length(self, most: int) -> int:
        length = self.number()
        if length > most:
            raise FormatError(Reason.MALFORMED, f"a length of {length}", Place(offset=self.at))
        return length

    def number(self) -> int:
        data = self.take(4)
        return int.from_bytes(data, "big" if self.order == "big" else "little")

    def take(self, length: int) -> bytes:
        begin = self.at - self.start
        if begin < 0 or begin + length > len(self.window):
            self.start, begin = self.at, 0
            self.window = self.material.read(self.at, max(length, WINDOW))
        data = self.window[begin : begin + length]
        if len(data) < length:
            raise FormatError(
                Reason.TRUNCATED, "the file ends inside an item", Place(offset=self.at)
            )
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        if self.at + length > self.material.size:
            detail = f"a vector of {length} bytes passes the end of the file"
            raise FormatError(Reason.TRUNCATED, detail, Place(offset=self.at))
        self.at += length


def _promise(at: int) -> Witness:
    return Witness(
        "a promise that is not kept yet: its expression runs when the value is first touched",
        Place(offset=at),
        steps=(
            Step("readRDS or load makes a promise of an expression in the file", Place(offset=at)),
            Step("R before 4.4.0 evaluates it as soon as the value is used (CVE-2024-27322)"),
        ),
    )
