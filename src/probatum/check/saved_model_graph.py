"""Reads the graphs of a SavedModel, a frozen graph or Keras's metadata, for the checker of them.

A `File` gives protocol buffer fields by position; a `Graph` collects of one meta graph what its
checker asks about: nodes, library functions, what is run while loading, and what is handed out.
Whatever two parsers could take in different ways (a field that stands twice, a second graph) is
rejected here. Sources: tensorflow/core/protobuf/meta_graph.proto, saved_object_graph.proto.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from probatum.errors import Rejected

_STARTED = ("_initialize", "_create_resource", "_destroy_resource", "initializer")
_COLLECTED = ("saved_model_main_op", "legacy_init_op", "main_op", "saved_model_init_op")
_MOST = 512 << 20


class File:
    """Protocol buffer fields by position."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        if size > _MOST:
            _reject("step 1: the file is too large to be read again")
        self.size = size
        self.data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))

    def get(self, at: int, length: int) -> bytes:
        return self.data[at : at + length]

    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def metas(self, form: str) -> Iterator[tuple[int, int]]:
        """Each meta graph of a SavedModel, or the file itself as one bare graph."""
        if form == "graph":
            yield 0, self.size
        for number, start, stop in self.fields(0, self.size) if form == "saved-model" else ():
            # A bare graph has its nodes where a SavedModel has a number.
            if number not in (1, 2) or (number == 1 and start != stop):
                _reject("step 1: not a SavedModel")
            if number == 2:
                yield start, stop

    def described(self) -> list[bytes]:
        """The JSON texts of Keras's metadata file."""
        found = []
        for number, start, stop in self.fields(0, self.size):
            if number != 1:
                _reject("step 1: not Keras's metadata")
            inside = list(self.fields(start, stop))
            if any(inner == 1 or (inner == 2 and a != b) for inner, a, b in inside):
                _reject("step 1: a graph's node, not Keras's metadata")
            texts = [(a, b) for inner, a, b in inside if inner == 5]
            if len(texts) > 1:
                _reject("step 1: a field stands twice")
            found += [self.get(begin, end - begin) for begin, end in texts]
        return found

    def fields(self, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Number and place of each field; of a number its value twice."""
        data, last = self.data, min(end, len(self.data))
        while at < last:
            key = data[at]
            key, at = (key, at + 1) if key < 128 else self.number(at)
            if key & 7 == 0:
                value, at = self.number(at)
                yield key >> 3, value, value
                continue
            if key & 7 == 2:
                length, at = self.number(at)
            elif key & 7 in (1, 5):
                length = 8 if key & 7 == 1 else 4
            else:
                _reject("step 1: a field of an unknown kind")
            if at + length > end:
                _reject("step 1: a field passes the end of its message")
            yield key >> 3, at, at + length
            at += length
        if at != end:
            _reject("step 1: a field passes the end of its message")

    def number(self, at: int) -> tuple[int, int]:
        value = shift = 0
        for byte in self.data[at : at + 10]:
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
        return _reject("step 1: a number without an end")

    def texts(self, start: int, stop: int, *wanted: int) -> list[str]:
        """The text of each of the wanted fields, which may stand once, or "" without it."""
        found: dict[int, str] = {}
        for number, at, until in self.fields(start, stop):
            if number in wanted:
                if number in found:
                    _reject("step 1: a field stands twice")
                found[number] = self.get(at, until - at).decode(errors="backslashreplace")
        return [found.get(number, "") for number in wanted]


class Graph:
    def __init__(self, file: File, bare: bool, start: int, stop: int) -> None:
        self.file = file
        self.count = 0
        self.nodes: dict[str, list[Any]] = {}
        self.functions: dict[str, tuple[list[str], dict[str, list[Any]]]] = {}
        self.assets: dict[str, str] = {}
        self.metadata: list[bytes] = []
        self.start: list[str] = []
        self.given: list[str] = []
        self.resources: list[str] = []
        self.filename = ""
        self.variables: list[str] = []
        self.shared_as: dict[int, str] = {}
        self.bound: dict[str, list[bool]] = {}
        if bare:
            self.graph(start, stop, bare)
        parts = [] if bare else list(file.fields(start, stop))
        for wanted in (2, 3, 4, 5, 6, 7):  # the graph first: the rest names its nodes
            for number, at, until in parts:
                if number == wanted:
                    _PARTS[number](self, at, until)

    def graph(self, start: int, stop: int, bare: bool = False) -> None:
        if self.nodes:
            _reject("step 1: two graphs in one")
        for number, at, until in self.file.fields(start, stop):
            if number == 1:
                self.node(self.nodes, at, until)
            elif number == 2:
                for inner, begin, end in self.file.fields(at, until):
                    if inner == 1:
                        self.function(begin, end)
                    elif bare:
                        # To a SavedModel's parser this would be a graph inside a meta graph.
                        _reject("step 1: a gradient in a bare graph")

    def node(self, into: dict[str, list[Any]], start: int, stop: int) -> None:
        said = {1: "", 2: "", 4: ""}
        inputs, called, seen, shared = list[str](), list[str](), set[int](), ""
        for number, at, until in self.file.fields(start, stop):
            if number in said:
                if number in seen:
                    _reject("step 1: a field stands twice")
                seen.add(number)
                said[number] = self.file.get(at, until - at).decode(errors="backslashreplace")
            elif number == 3:
                inputs.append(self.file.get(at, until - at).decode(errors="backslashreplace"))
            elif number == 5:
                called += self.named(at, until, 0)
                shared = self.shared(at, until) or shared
        name, op, device = said[1], said[2], said[4]
        if name in into:
            _reject("step 1: two nodes of one name")
        into[name] = [op, device, inputs, called]
        self.count += 1
        if op == "VarHandleOp":
            self.variables.append(shared or name)
            self.shared_as[id(into[name])] = shared or name

    def shared(self, start: int, stop: int) -> str:
        """The value of an attribute `shared_name`, or nothing."""
        if self.file.texts(start, stop, 1) != ["shared_name"]:
            return ""
        return "".join(
            self.file.texts(at, until, 2)[0]
            for number, at, until in self.file.fields(start, stop)
            if number == 2
        )

    def named(self, start: int, stop: int, depth: int) -> Iterator[str]:
        """The functions that one attribute names."""
        if depth > 20:
            _reject("step 1: attributes nested too deeply")
        for number, at, until in self.file.fields(start, stop):
            if number == 2:
                yield from self.value(at, until, 10, depth)

    def value(self, start: int, stop: int, function: int, depth: int) -> Iterator[str]:
        for number, at, until in self.file.fields(start, stop):
            if number == function:
                yield from self.file.texts(at, until, 1)
                for inner, begin, end in self.file.fields(at, until):
                    if inner == 2:
                        yield from self.named(begin, end, depth + 1)
            elif number == 1 and function == 10:
                yield from self.value(at, until, 9, depth)

    def function(self, start: int, stop: int) -> None:
        name, arguments, nodes = "", list[str](), dict[str, list[Any]]()
        for number, at, until in self.file.fields(start, stop):
            if number == 3:
                self.node(nodes, at, until)
            elif number == 1:
                [name] = self.file.texts(at, until, 1)
                arguments = [self.file.texts(begin, end, 1)[0]
                             for inner, begin, end in self.file.fields(at, until)
                             if inner == 2]  # fmt: skip
        if name in self.functions:
            _reject("step 1: two functions of one name")
        self.functions[name] = (arguments, nodes)

    def saver(self, start: int, stop: int) -> None:
        filename, restore = self.file.texts(start, stop, 1, 3)
        self.filename = node_of(filename)
        self.start.append(restore)

    def collection(self, start: int, stop: int) -> None:
        if self.file.texts(start, stop, 1)[0] not in _COLLECTED:
            return
        for number, at, until in self.file.fields(start, stop):
            for inner, begin, end in self.file.fields(at, until) if number == 2 else ():
                for _, one, last in self.file.fields(begin, end) if inner in (1, 2) else ():
                    self.start.append(self.file.get(one, last - one).decode(errors="replace"))

    def signature(self, start: int, stop: int) -> None:
        started = self.file.texts(start, stop, 1) == ["__saved_model_init_op"]
        for number, at, until in self.file.fields(start, stop):
            for inner, begin, end in self.file.fields(at, until) if number == 2 else ():
                for key, one, last in self.file.fields(begin, end) if inner == 2 else ():
                    if key == 2:
                        into = self.start if started else self.given
                        into += self.tensors(one, last, 0)

    def tensors(self, start: int, stop: int, depth: int) -> Iterator[str]:
        if depth > 20:
            _reject("step 1: tensors nested too deeply")
        yield from self.file.texts(start, stop, 1)
        for number, at, until in self.file.fields(start, stop):
            if number == 4:
                yield from self.file.texts(at, until, 1, 2, 3)
            elif number == 5:
                for inner, begin, end in self.file.fields(at, until):
                    if inner == 2:
                        yield from self.tensors(begin, end, depth + 1)

    def asset(self, start: int, stop: int) -> None:
        [filename] = self.file.texts(start, stop, 2)
        for number, at, until in self.file.fields(start, stop):
            if number == 1:
                self.assets[node_of(next(self.tensors(at, until, 0)))] = filename
        if filename in ("", ".", "..") or "/" in filename or "\\" in filename:
            _reject("step 4: an asset is not a plain file name")

    def objects(self, start: int, stop: int) -> None:
        held: list[list[str]] = []
        started: set[int] = set()
        assets: set[int] = set()
        values: dict[str, list[int]] = {}
        for number, at, until in self.file.fields(start, stop):
            if number == 2:
                [name] = self.file.texts(at, until, 1)
                values[name] = [*self.bound_to(at, until)]
            elif number == 1:
                held.append([])
                self.object(at, until, held[-1], started)
                if any(inner == 5 for inner, _, _ in self.file.fields(at, until)):
                    assets.add(len(held) - 1)
        self.resources = [name for at in started if at < len(held) for name in held[at]]
        self.bound = {name: [at in assets for at in said] for name, said in values.items()}

    def bound_to(self, start: int, stop: int) -> Iterator[int]:
        """The objects that a concrete function's last arguments are bound to."""
        for number, at, until in self.file.fields(start, stop):
            for inner, begin, end in self.file.fields(at, until) if number == 2 else ():
                if inner == 2 and begin == end:
                    yield begin
                elif inner == 2:
                    while begin < end:
                        value, begin = self.file.number(begin)
                        yield value

    def object(self, start: int, stop: int, held: list[str], started: set[int]) -> None:
        for number, at, until in self.file.fields(start, stop):
            if number == 1 and self.file.texts(at, until, 2)[0] in _STARTED:
                node = [value for key, value, _ in self.file.fields(at, until) if key == 1]
                started.add(node[-1] if node else 0)
            elif number == 4:
                for inner, begin, end in self.file.fields(at, until):
                    if inner == 3:
                        self.metadata.append(self.file.get(begin, end - begin))
            elif number in (6, 8):
                for inner, begin, end in self.file.fields(at, until):
                    if inner == 1:
                        held.append(self.file.get(begin, end - begin).decode(errors="replace"))


_PARTS: dict[int, Callable[[Graph, int, int], None]] = {
    2: Graph.graph,
    3: Graph.saver,
    4: Graph.collection,
    5: Graph.signature,
    6: Graph.asset,
    7: Graph.objects,
}


def node_of(name: str) -> str:
    """The node of an input such as `^name` or `name:0`."""
    return name.removeprefix("^").partition(":")[0]


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
