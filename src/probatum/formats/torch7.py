"""Walks a Torch7 file (`.t7`, binary form) object by object, skipping storages.

Source: github.com/torch/torch7 File.lua (`readObject`), generic/Tensor.c, generic/Storage.c.
"""

import hashlib
import re
import tomllib
from functools import cache
from importlib.resources import files

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Excerpt, Place, Reason, Step, Witness

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, FUNCTION, OLD_RECURSIVE, RECURSIVE = range(9)
MOST_OBJECTS = 2_000_000
MOST_TEXT = 1 << 20
WINDOW = 1 << 16
VERSION = re.compile(rb"V [0-9]{1,9}\Z")


class Torch7(Struct, frozen=True):
    """What a file holds; `functions` are the places of Lua byte code in it."""

    objects: int
    structure_sha256: str
    functions: tuple[Witness, ...]


class Classes(Struct, frozen=True):
    """The classes whose reading is known: element widths by name, and modules."""

    elements: dict[str, int]
    modules: frozenset[str]


@cache
def classes() -> Classes:
    """The rule data, read once."""
    rules = tomllib.loads(files("probatum.rules").joinpath("torch7_classes.toml").read_text())
    modules = rules["modules"]
    return Classes(
        {name: width for name, width in rules["elements"].items() if name != "source"},
        frozenset(modules["prefix"] + name for name in modules["names"].split()),
    )


def walked(material: Material) -> Torch7:
    """The whole file, which must be exactly one object.

    Raises: FormatError; MISSING_SUMMARY at a class whose reading is not known, since nobody can
    say where it ends.
    """
    walk = _Walk(material)
    walk.whole()
    return Torch7(walk.objects, walk.state.hexdigest(), tuple(walk.functions[:100]))


class _Walk:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.state = hashlib.sha256()
        self.at = self.start = self.objects = 0
        self.window = b""
        self.seen: set[int] = set()
        self.functions: list[Witness] = []

    def whole(self) -> None:
        if self.material.read(1, 1) == b"\n":
            raise FormatError(Reason.UNSUPPORTED, "only Torch7's binary form is read, not ASCII")
        wanted = 1
        while wanted:
            wanted += self.object() - 1
            self.objects += 1
            if self.objects > MOST_OBJECTS:
                raise FormatError(Reason.OVER_LIMIT, f"more than {MOST_OBJECTS} objects")
            if wanted > self.material.size - self.at:
                raise FormatError(Reason.TRUNCATED, f"{wanted} objects are still to come")
        if self.at != self.material.size:
            detail = "bytes follow the object"
            raise FormatError(Reason.MALFORMED, detail, Place(offset=self.at))

    def object(self) -> int:
        """Reads one object's own bytes and says how many objects belong to it."""
        begin = self.at
        kind = self.number(4)
        if kind == NIL:
            return 0
        if kind in (NUMBER, BOOLEAN):
            self.take(8 if kind == NUMBER else 4)
            return 0
        if kind == STRING:
            self.text()
            return 0
        if kind == FUNCTION:
            return self.function(begin)
        if kind not in (TABLE, OBJECT, OLD_RECURSIVE, RECURSIVE):
            raise FormatError(Reason.MALFORMED, f"no object of type {kind}", Place(offset=begin))
        index = self.number(4)
        if index in self.seen:
            return 0
        self.seen.add(index)
        if kind == TABLE:
            return 2 * self.number(4)
        return self.named(begin) if kind == OBJECT else self.function(begin)

    def function(self, begin: int) -> int:
        length = self.number(4)
        start = self.at
        self.skip(length)
        if len(self.functions) < 100:
            excerpt = Excerpt(start, self.material.read(start, min(length, 64)))
            steps = (
                Step("torch.load hands the bytes to loadstring", Place(offset=start)),
                Step("the function that comes back runs when it is called"),
            )
            says = f"{length} bytes of Lua code become a function"
            self.functions.append(Witness(says, Place(offset=begin), steps, excerpt))
        return 1

    def named(self, begin: int) -> int:
        name = self.text()
        if VERSION.match(name):
            name = self.text()
        elif name.startswith(b"V "):
            raise FormatError(Reason.UNSUPPORTED, "an odd class version", Place(offset=begin))
        said = name.decode("utf-8", "replace")[:120]
        if said in classes().modules:
            return 1
        area, _, what = said.partition(".")
        for suffix in ("Tensor", "Storage"):
            width = classes().elements.get(what.removesuffix(suffix))
            if area == "torch" and what.endswith(suffix) and width is not None:
                return self.tensor() if suffix == "Tensor" else self.storage(width)
        detail = f"no summary says how Torch7 reads an object of the class {said!r}"
        raise FormatError(Reason.MISSING_SUMMARY, detail, Place(offset=begin))

    def tensor(self) -> int:
        dimensions = self.number(4)
        if dimensions > 1024:
            raise FormatError(Reason.MALFORMED, f"{dimensions} dimensions", Place(offset=self.at))
        self.take(16 * dimensions + 8)
        return 1

    def storage(self, width: int) -> int:
        self.skip(self.number(8) * width)
        return 0

    def text(self) -> bytes:
        length = self.number(4)
        if length > MOST_TEXT:
            self.skip(length)
            return b""
        return self.take(length)

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def take(self, length: int) -> bytes:
        begin = self.at - self.start
        if begin < 0 or begin + length > len(self.window):
            self.start, begin = self.at, 0
            self.window = self.material.read(self.at, max(length, WINDOW))
        data = self.window[begin : begin + length]
        if len(data) < length:
            raise FormatError(Reason.TRUNCATED, "the file ends inside an object")
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        if self.at + length > self.material.size:
            detail = f"{length} bytes of a storage or text pass the end of the file"
            raise FormatError(Reason.TRUNCATED, detail, Place(offset=self.at))
        self.at += length
