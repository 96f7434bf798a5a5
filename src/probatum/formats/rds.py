"""Walks a serialised R object (`.rds`, `.RData`), item by item, skipping numeric vectors.

Read are the XDR form (`X`), the native form (`B`) and the ASCII form (`A`), of serialisation
versions 2 and 3, bare or as a workspace (`RDX2`, `RDX3`, `RDA2`, `RDA3`).

Sources: R Internals 1.8 "Serialization formats"; R 4.3 src/main/serialize.c (ReadItem, ReadBC,
InWord), src/library/base/R/load.R (findPackageEnv), namespace.R; CVE-2024-27322.
"""

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.rds_source import Binary, Source, Words
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Step, Undecided, Witness

MOST_ITEMS = 2_000_000

SYMBOL, PAIRLIST, CLOSURE, ENVIRONMENT, PROMISE, LANGUAGE = 1, 2, 3, 4, 5, 6
CHARACTERS, STRINGS, DOTS, LIST, EXPRESSION, BYTECODE = 9, 16, 17, 19, 20, 21
POINTER, WEAK, S4 = 22, 23, 25
REFERENCE, UNBOUND, NAMESPACE, PACKAGE, ALTREP = 255, 252, 249, 248, 238
INTEGERS = 13
# Widths of the elements of vectors that hold numbers alone.
VECTORS = {10: 4, INTEGERS: 4, 14: 8, 15: 16, 24: 1}
# Calls and lists as byte code keeps them: plain, with attributes, said again, to be said again.
CELLS, WITH_ATTRIBUTES, AGAIN, NUMBERED = frozenset({2, 6}), frozenset({239, 240}), 243, 244
# Of a cell's levels, which R takes over as they are, the one that makes it an active binding.
ACTIVE = 1 << 27
# Frames that are no items: of byte code its instructions, its constants and the cells in them.
INSTRUCTIONS, CONSTANTS, CELL = -2, -3, -4
# R attaches these itself before it reads anything.
OWN_PACKAGES = "base datasets grDevices graphics methods stats utils".split()  # noqa: SIM905
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
    BYTECODE: "byte code",
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
    packages: tuple[str, ...] = ()
    """R's own packages that reading looks up."""


class _Frame:
    """An item whose children are still to come, and the types of those that came."""

    __slots__ = ("again", "at", "children", "kind", "left", "names")

    def __init__(self, kind: int, left: int, at: int, again: int = 0) -> None:
        self.kind, self.left, self.at = kind, left, at
        self.again = again  # how many cells of byte code may be said again
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
        walk.source.state.hexdigest(),
        tuple(walk.effects[:100]),
        tuple(walk.open[:100]),
        tuple(walk.code[:100]),
        tuple(sorted(walk.packages)),
    )


class _Walk:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.items = 0
        self.workspace = material.read(0, 2) == b"RD"
        self.source = _source(material, 5 if self.workspace else 0)
        self.frames: list[_Frame] = []
        self.names: list[str | None] = []  # what each reference names: a symbol, or nothing
        self.effects: list[Witness] = []
        self.open: list[Undecided] = []
        self.code: list[Witness] = []
        self.packages: set[str] = set()

    def whole(self) -> None:
        self.header()
        self.frames.append(_Frame(-1, 1, self.source.at))
        while self.frames:
            frame = self.frames[-1]
            if not frame.left:
                self.ended(self.frames.pop())
                continue
            frame.left -= 1
            if frame.kind in (CONSTANTS, CELL):
                self.constant(frame, self.source.number())
            else:
                self.item(frame)
        self.source.end()

    def header(self) -> None:
        version = self.source.number()
        if version not in (2, 3):
            raise FormatError(Reason.UNSUPPORTED, f"serialisation version {version}")
        self.source.number()
        self.source.number()
        if version == 3:
            self.source.text(self.length(64))

    def item(self, parent: _Frame) -> None:
        self.items += 1
        if self.items > MOST_ITEMS:
            raise FormatError(Reason.OVER_LIMIT, f"more than {MOST_ITEMS} items")
        begin = self.source.at
        flags = self.source.number()
        kind = flags & 0xFF
        attributes = bool(flags & 0x200)
        parent.children.append(kind)
        if kind in CODE:
            self.code.append(Witness(f"{CODE[kind]} comes back", Place(offset=begin)))
        if parent.kind == INSTRUCTIONS and flags & 0x3FF != INTEGERS:
            self.note("byte code whose instructions are no integers", begin)
        if kind in LINKED and flags & ACTIVE:
            self.note("a binding whose function runs when its value is read", begin)
        if kind in LINKED:
            self.push(kind, 2 + attributes + bool(flags & 0x400), begin, parent)
        elif kind == SYMBOL:
            self.symbol(parent)
        elif kind == REFERENCE:
            self.reference(flags >> 8, parent)
        elif kind in VECTORS:
            self.source.skip_numbers(self.count(), kind, VECTORS[kind])
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
            self.source.number()
            self.push(kind, 4, begin, parent)
        elif kind in (POINTER, WEAK):
            self.names.append(None)
            self.push(kind, (2 if kind == POINTER else 0) + attributes, begin, parent)
        elif kind == S4:
            self.push(kind, int(attributes), begin, parent)
        elif kind in (7, 8):
            self.source.text(self.length(256))
            self.push(kind, int(attributes), begin, parent)
        elif kind == ALTREP:
            self.push(kind, 3, begin, parent)
        elif kind in (NAMESPACE, PACKAGE):
            self.package(kind, begin)
        elif kind == BYTECODE:
            again = self.length(1 << 20)
            self.push(kind, int(attributes), begin, parent)
            self.frames.append(_Frame(INSTRUCTIONS, 1, begin, again))
        else:
            detail = f"items of type {kind} are not read"
            raise FormatError(Reason.UNSUPPORTED, detail, Place(offset=begin))

    def constant(self, parent: _Frame, kind: int) -> None:
        """A constant of byte code, or a cell of one, of which the kind was read."""
        begin = self.source.at
        if kind == BYTECODE and parent.kind == CONSTANTS:
            self.frames.append(_Frame(INSTRUCTIONS, 1, begin, parent.again))
            return
        if kind in (AGAIN, NUMBERED) and self.source.number() >= parent.again:
            raise FormatError(Reason.MALFORMED, "no such cell of byte code", Place(offset=begin))
        if kind == NUMBERED:
            kind = self.source.number()
            if kind not in CELLS | WITH_ATTRIBUTES:
                raise FormatError(Reason.MALFORMED, "a cell that is none", Place(offset=begin))
        if kind in CELLS | WITH_ATTRIBUTES:
            self.frames.append(_Frame(CELL, 2, begin, parent.again))
            self.frames.append(_Frame(-1, 1 + (kind in WITH_ATTRIBUTES), begin))
        elif kind != AGAIN:
            self.item(parent)

    def push(self, kind: int, children: int, begin: int, parent: _Frame) -> None:
        if children > self.material.size - self.source.at:
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
        if self.source.number() & 0x2FF != CHARACTERS:  # attributes would be one item more
            here = Place(offset=self.source.at)
            raise FormatError(Reason.MALFORMED, "a symbol without a name", here)
        name = self.characters()
        self.names.append(name)
        self.compact(parent, name)

    def reference(self, packed: int, parent: _Frame) -> None:
        index = packed or self.source.number()
        if not 0 < index <= len(self.names):
            here = Place(offset=self.source.at)
            raise FormatError(Reason.MALFORMED, f"no object {index} yet", here)
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
        if self.source.number() != 0:
            raise FormatError(Reason.MALFORMED, "names in names", Place(offset=begin))
        said = []
        for _ in range(self.length(16)):
            if self.source.number() & 0x2FF != CHARACTERS:
                raise FormatError(Reason.MALFORMED, "a name is no text", Place(offset=begin))
            said.append(self.characters())
        self.names.append(None)
        # A name space is told with its version; of a package's environment R tests all names.
        name = said[0] if said and (kind == NAMESPACE or len(said) == 1) else ""
        own = name if kind == NAMESPACE else name.removeprefix("package:")
        if own in OWN_PACKAGES and (kind == NAMESPACE or own != name):
            self.packages.add(own)
        else:
            self.note(f"reading this loads the installed package {said[:1]}, if it is there", begin)

    def ended(self, frame: _Frame) -> None:
        if frame.names and frame.children[:1] not in ([SYMBOL], [REFERENCE]):
            self.note("a compact vector does not name its class and package first", frame.at)
        if frame.names == 1 and frame.children[1:2] != [PAIRLIST]:
            self.note("a compact vector does not name its package", frame.at)
        if frame.kind == ALTREP and frame.children[:1] != [PAIRLIST]:
            self.note("a compact vector without a description", frame.at)
        if frame.kind == INSTRUCTIONS:
            self.frames.append(_Frame(CONSTANTS, self.constants(), frame.at, frame.again))
        if frame.kind != PROMISE:
            return
        value, expression = frame.children[-2:]
        if value != UNBOUND:  # it is kept: R takes the value and leaves the expression alone
            return
        if expression not in BARE | VECTORS.keys() | {STRINGS}:
            self.effects.append(_promise(frame.at))
        else:
            self.note("a promise that will keep plain data", frame.at)

    def constants(self) -> int:
        count = self.source.number()
        if count > self.material.size - self.source.at:
            here = Place(offset=self.source.at)
            raise FormatError(Reason.TRUNCATED, f"{count} constants are promised", here)
        return count

    def note(self, detail: str, at: int) -> None:
        if len(self.open) < 100:
            self.open.append(Undecided(Reason.UNRESOLVED, detail, Place(offset=at)))

    def characters(self) -> str:
        length = self.source.number()
        if length == 0xFFFFFFFF:  # NA
            return "NA"
        return self.source.text(length).decode("utf-8", "replace")

    def count(self) -> int:
        length = self.source.number()
        if length == 0xFFFFFFFF:
            length = self.source.number() << 32 | self.source.number()
        return length

    def length(self, most: int) -> int:
        length = self.source.number()
        if length > most:
            here = Place(offset=self.source.at)
            raise FormatError(Reason.MALFORMED, f"a length of {length}", here)
        return length


def _source(material: Material, at: int) -> Source:
    form = material.read(at, 2)
    if form == b"A\n":
        return Words(material, at + 2)
    if form not in (b"X\n", b"B\n"):
        raise FormatError(Reason.UNSUPPORTED, "no form of R's that is known", Place(offset=at))
    return Binary(material, at + 2, "big" if form == b"X\n" else "little")


def _promise(at: int) -> Witness:
    return Witness(
        "a promise that is not kept yet: its expression runs when the value is first touched",
        Place(offset=at),
        steps=(
            Step("readRDS or load makes a promise of an expression in the file", Place(offset=at)),
            Step("R before 4.4.0 evaluates it as soon as the value is used (CVE-2024-27322)"),
        ),
    )
