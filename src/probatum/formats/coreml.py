"""Surveys a Core ML model: every class, linked model, weight file and opaque part that it names.

The whole protobuf is walked by `rules/coreml_schema.toml`; contents of bytes and of packed
numbers of fixed width (the weights) are never read.

Sources: `mlmodel/format/*.proto` of coremltools 9.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.formats.onnx import escapes
from probatum.formats.protobuf import (
    BYTES,
    EIGHT,
    FOUR,
    MAX_DEPTH,
    NUMBER,
    Kind,
    Schema,
    Wire,
)
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Witness

_WIRES = {"n": NUMBER, "f": FOUR, "e": EIGHT, "s": BYTES, "y": BYTES}
_MOST = 10_000
_OWN_FOLDER = "@model_path/"


class Named(Struct, frozen=True):
    """Something that the model names, and the byte of the message that names it."""

    name: str
    at: int


class Survey(Struct, frozen=True):
    """`classes` are of the program that loads the model; `linked` are where other models are
    named, and `searched` the paths to them; `files` hold weights; `opaque` are parts in a form of
    Apple's own. `skeleton` is the SHA-256 in hex of the file without its weights."""

    classes: tuple[Named, ...]
    linked: tuple[Named, ...]
    searched: tuple[Named, ...]
    files: tuple[Named, ...]
    opaque: tuple[Named, ...]
    messages: int
    skeleton: str


class Message(Struct, frozen=True):
    """The schema of one message, and which of its fields are messages and which are weights."""

    schema: Schema
    inner: dict[int, str]
    skipped: frozenset[int]


@cache
def messages() -> dict[str, Message]:
    """The schema of every message that a model may hold."""
    text = (files("probatum.rules") / "coreml_schema.toml").read_text("utf-8")
    return {name: _message(said) for name, said in tomllib.loads(text)["messages"].items()}


def _message(said: str) -> Message:
    schema: Schema = {}
    inner, skipped = {}, set()
    for word in said.split():
        digits = len(word) - len(word.lstrip("0123456789"))
        number, kind = int(word[:digits]), word[digits:].rstrip("*")
        repeated = word.endswith("*")
        wire = _WIRES.get(kind, BYTES)
        schema[number] = Kind(f"field {number}", wire, repeated, repeated and wire != BYTES)
        if kind.startswith(":"):
            inner[number] = kind[1:]
        elif kind == "y" or (kind in "fe" and repeated):
            skipped.add(number)
    return Message(schema, inner, frozenset(skipped))


def survey(material: Material) -> Survey:
    """Everything that loading follows.

    Raises: FormatError as `formats.protobuf` does, OVER_LIMIT beyond 10,000 names.
    """
    walk = _Walk(material)
    walk.message("Model", 0, material.size, 1)
    named = {what: tuple(found.values()) for what, found in walk.named.items()}
    return Survey(
        classes=named["class"],
        linked=named["linked"],
        searched=named["searched"],
        files=named["file"],
        opaque=named["opaque"],
        messages=walk.messages,
        skeleton=_skeleton(material, walk.skipped),
    )


def leaves(path: str) -> str | None:
    """How the path of a weight file leaves the model's own package, or None."""
    return escapes(path.removeprefix(_OWN_FOLDER))


def leaving(found: Survey) -> Iterator[Witness]:
    """A witness for each path, to weights or to other models, that leaves the package."""
    for one in found.files:
        if how := leaves(one.name):
            says = f"weights lie in the file {one.name[:200]!r}, whose path {how}"
            yield Witness(says, Place(offset=one.at))
    for one in found.searched:
        for path in filter(None, one.name.split(":")):
            if how := escapes(path):
                says = f"a linked model is looked for in {path[:200]!r}, whose path {how}"
                yield Witness(says, Place(offset=one.at))


class _Walk:
    def __init__(self, material: Material) -> None:
        self.wire = Wire(material)
        self.named: dict[str, dict[str, Named]] = {what: {} for what, _ in _NAMING.values()}
        self.skipped: list[tuple[int, int]] = []
        self.messages = 0

    def message(self, name: str, start: int, stop: int, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise FormatError(
                Reason.PARSER_DIFFERENTIAL,
                f"messages nest deeper than the {MAX_DEPTH} levels of some parsers",
                Place(offset=start),
            )
        self.messages += 1
        said = ""
        spelled = messages()[name]
        for number, wire, begin, end in self.wire.fields(spelled.schema, name, start, stop):
            if number in spelled.inner:
                self.message(spelled.inner[number], begin, end, depth + 1)
            elif number in spelled.skipped and wire == BYTES:
                self.skipped.append((begin, end))
            elif name in _NAMING and number == _NAMING[name][1]:
                said = self.wire.text(begin, end)
        if name in _NAMING:
            what = self.named[_NAMING[name][0]]
            what.setdefault(said, Named(said, start))
            if len(what) > _MOST:
                raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} names of one kind")


# Messages that name something: what it is, and the field of its name.
_NAMING = {
    "CustomLayerParams": ("class", 10),
    "CustomModel": ("class", 10),
    "LinkedModel": ("linked", 0),
    "StringParameter": ("searched", 1),
    "MILSpec.Value.BlobFileValue": ("file", 1),
    "SerializedModel": ("opaque", 1),
}


def _skeleton(material: Material, spans: list[tuple[int, int]]) -> str:
    state, reached = hashlib.sha256(), 0
    for start, stop in [*spans, (material.size, material.size)]:
        for at in range(reached, start, 1 << 20):
            state.update(region(material, at, min(1 << 20, start - at)))
        reached = stop
    return state.hexdigest()
