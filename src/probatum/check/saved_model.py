"""Re-derives that a TensorFlow SavedModel or frozen graph computes on memory alone.

Facts: `claim` (load-inert or run-inert), `form` (saved-model, graph, keras-metadata or
fingerprint: what a loader takes the file for by its name), `size`, `sha256` (of the file),
`nodes`, `functions`, `built` (Keras objects in the metadata; 0 for run-inert). Bytes that another
form's loader would find something in are rejected, so that no report can choose the form.

1. every operation of every graph and library function is pure by rules/tensorflow_ops.toml, a
function of the library, or the saver's own; 2. writing a checkpoint is in nothing that the
loader runs or hands out; 3. a checkpoint or vocabulary is read from a path that every caller
gives from outside, or an asset; 4. nothing is placed on another machine, and assets are plain
file names; 5. for load-inert, the metadata names Keras's own objects; 6. all facts are these
bytes'.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.errors import Rejected

_FORMS = ("saved-model", "graph", "keras-metadata", "fingerprint")
_STARTED = ("_initialize", "_create_resource", "_destroy_resource", "initializer")
_COLLECTED = ("saved_model_main_op", "legacy_init_op", "main_op", "saved_model_init_op")
_VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__"}
_MOST = 512 << 20
_VALUES |= {"__slice__", "__tensor__", "__tuple__", "TensorShape"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the graphs in the file are pure and the facts are its own."""
    claim = facts.get("claim")
    form = facts.get("form")
    if claim not in ("load-inert", "run-inert") or form not in _FORMS:
        _reject("step 6: another claim or form")
    file = _File(read, size)
    graphs = [_Graph(file, form == "graph", *one) for one in file.metas(form)]
    for graph in graphs:
        graph.check()
    if form == "fingerprint" and any(
        number > 7 or (number < 6 and start != stop) for number, start, stop in file.fields(0, size)
    ):
        _reject("step 1: not a fingerprint")
    built = 0
    if claim == "load-inert":
        texts = [text for graph in graphs for text in graph.metadata]
        texts += file.described() if form == "keras-metadata" else []
        built = sum(_built(text) for text in texts if text.lstrip()[:1] == b"{")
    derived = {
        "claim": claim,
        "form": form,
        "size": size,
        "sha256": file.digest(),
        "nodes": sum(graph.count for graph in graphs),
        "functions": sum(len(graph.functions) for graph in graphs),
        "built": built,
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 6: the facts are not those of these bytes")


class _File:
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


class _Graph:
    def __init__(self, file: _File, bare: bool, start: int, stop: int) -> None:
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
        self.filename = _node(filename)
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
                self.assets[_node(next(self.tensors(at, until, 0)))] = filename
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

    def check(self) -> None:
        rules = _rules("tensorflow_ops.toml")
        pure = {op for ops in rules["pure"].values() for op in ops.split()}
        kinds = {op: kind for kind, ops in rules["checkpoints"].items() for op in ops.split()}
        top = self.reached(self.nodes, [*self.start, *self.given])
        handed = self.called(top)
        self.callers: dict[str, list[tuple[str, list[Any]]]] = {}
        bodies = [("", self.nodes), *((name, body) for name, (_, body) in self.functions.items())]
        for where, body in bodies:
            for node in body.values():
                for name in {node[0], *node[3]}:
                    self.callers.setdefault(name, []).append((where, node))
        for where, body in bodies:
            for name, (op, device, *_) in body.items():
                job = device.partition("job:")[2].partition("/")[0]
                if job not in ("", "localhost"):
                    _reject("step 4: a node is placed on another job")
                kind = kinds.get(op)
                if kind is None and op not in pure and op not in self.functions:
                    _reject(f"step 1: the operation {op}")
                if kind == "save" and (where in handed if where else name in top):
                    _reject("step 2: a checkpoint is written")
                if kind in ("restore", "vocabulary"):
                    at = int(kind == "vocabulary")
                    self.given_from_outside(where, body[name][2][at : at + 1], 0)

    def reached(self, nodes: dict[str, list[Any]], names: list[str]) -> set[str]:
        found, waiting = set[str](), [_node(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name in nodes and name not in found:
                found.add(name)
                waiting += [_node(one) for one in nodes[name][2]]
        return found

    def called(self, top: set[str]) -> set[str]:
        found, waiting = set[str](), [*self.resources, *self.bound]
        for name in top:
            waiting += [self.nodes[name][0], *self.nodes[name][3]]
        while waiting:
            name = waiting.pop()
            if name in self.functions and name not in found:
                found.add(name)
                for op, _, _, called in self.functions[name][1].values():
                    waiting += [op, *called]
        return found

    def given_from_outside(self, where: str, said: list[str], depth: int) -> None:
        """Rejects a value that is not the caller's, the saver's own path, or an asset."""
        arguments, body = self.functions[where] if where else ([], self.nodes)
        for _ in range(len(body) + 1):
            name = _node(said[0]) if said else ""
            if name in arguments and ":" not in said[0]:
                self.argument(where, arguments.index(name), len(arguments), depth)
                return
            if name not in body or said[0].startswith("^"):
                break
            op, _, said, _ = body[name]
            if not where and (
                op in ("Placeholder", "PlaceholderV2")
                or name in self.assets
                or name == self.filename
            ):
                return
            if not where and op == "ReadVariableOp" and said:
                self.variable(_node(said[0]), depth)
                return
            if op != "Identity":
                break
        _reject("step 3: a file is read by a path that the graph makes itself")

    def variable(self, handle: str, depth: int) -> None:
        """Rejects a variable that anything could assign but the caller, the saver or an asset."""
        node = self.nodes.get(handle)
        shared = self.shared_as.get(id(node))
        if depth > 20 or shared is None or self.variables.count(shared) != 1:
            _reject("step 3: a path in a variable that is not one alone")
        for op, _, inputs, _ in self.nodes.values():
            if handle not in [_node(one) for one in inputs]:
                continue
            if op == "AssignVariableOp" and len(inputs) > 1 and _node(inputs[0]) == handle:
                self.given_from_outside("", inputs[1:2], depth + 1)
            elif op not in ("ReadVariableOp", "VarIsInitializedOp"):
                _reject("step 3: a path in a variable that is handed on")

    def argument(self, function: str, at: int, count: int, depth: int) -> None:
        bound = self.bound.get(function, [])
        captured = at - (count - len(bound))
        if depth > 20 or (captured >= 0 and not bound[captured]):
            _reject("step 3: a path that the model binds itself")
        for where, (op, _, inputs, _) in self.callers.get(function, []):
            if op not in ("PartitionedCall", "StatefulPartitionedCall", function):
                _reject("step 3: a path handed on in a way that is not followed")
            self.given_from_outside(where, inputs[at : at + 1], depth + 1)


_PARTS: dict[int, Callable[[_Graph, int, int], None]] = {
    2: _Graph.graph,
    3: _Graph.saver,
    4: _Graph.collection,
    5: _Graph.signature,
    6: _Graph.asset,
    7: _Graph.objects,
}


def _built(text: bytes) -> int:
    """How many objects the metadata asks Keras for; rejects what could run."""
    rules = _rules("keras_objects.toml")
    try:
        todo, count = [json.loads(text.decode("utf-8"), object_pairs_hook=_once)], 0
    except (ValueError, RecursionError) as exc:
        raise Rejected(f"step 5: {exc}") from exc
    names = {name for names in rules["classes"].values() for name in names} | set(rules["refused"])
    callables = {name for names in rules["functions"].values() for name in names}
    special = {"Lambda", "__lambda__", "function", "TFOpLambda", "SlicingOpLambda"}
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        if not isinstance(value, dict):
            continue
        todo += value.values()
        said, config = value.get("class_name"), value.get("config")
        count += "class_name" in value
        if isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
            _reject("step 5: a vocabulary is a path")
        if isinstance(said, str) and value.get("module") is None and said not in names | special:
            continue  # Keras does not know the name: the saved functions stand in for it
        for key in ("activation", "recurrent_activation"):
            if isinstance(value.get(key), str) and value[key] not in callables:
                _reject("step 5: an activation that is not Keras's own")
        if "class_name" in value:
            _own(value, rules)
    return count


def _own(value: dict[str, Any], rules: dict[str, Any]) -> None:
    said, module, config = value["class_name"], value.get("module"), value.get("config")
    if isinstance(said, str) and said in _VALUES:
        return
    if said in ("TFOpLambda", "SlicingOpLambda") and isinstance(config, dict):
        if config.get("function") not in rules["tensorflow"]["functions"]:
            _reject("step 5: a TensorFlow function that is not listed")
        return
    table = rules["functions" if said == "function" else "classes"]
    name = config if said == "function" else said
    anywhere = module is None or (said == "function" and module == "builtins")
    own = anywhere and any(name in names for names in table.values())
    if not own and not (isinstance(module, str) and name in table.get(module, ())):
        _reject(f"step 5: {module}.{name} is not among Keras's own")
    if value.get("registered_name") not in (None, name, said):
        _reject("step 5: a registered name that is not Keras's own")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 5: a JSON key stands twice")
    return dict(pairs)


def _node(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


@cache
def _rules(name: str) -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath(name).read_text("utf-8"))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
