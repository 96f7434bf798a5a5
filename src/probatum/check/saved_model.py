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

import json
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.check.saved_model_graph import File, Graph, node_of
from probatum.errors import Rejected

_FORMS = ("saved-model", "graph", "keras-metadata", "fingerprint")
_VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__"}
_VALUES |= {"__slice__", "__tensor__", "__tuple__", "TensorShape"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the graphs in the file are pure and the facts are its own."""
    claim = facts.get("claim")
    form = facts.get("form")
    if claim not in ("load-inert", "run-inert") or form not in _FORMS:
        _reject("step 6: another claim or form")
    file = File(read, size)
    graphs = [_Graph(file, form == "graph", *one) for one in file.metas(form)]
    for graph in graphs:
        graph.check()
    if form == "fingerprint" and any(
        number > 7 or (number < 6 and start != stop) for number, start, stop in file.fields(0, size)
    ):
        _reject("step 1: not a fingerprint")
    described = file.described() if form == "keras-metadata" else []
    built = 0
    if claim == "load-inert":
        texts = [text for graph in graphs for text in graph.metadata] + described
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


class _Graph(Graph):
    """Steps 1 to 4, over what was read of one graph."""

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
        found, waiting = set[str](), [node_of(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name in nodes and name not in found:
                found.add(name)
                waiting += [node_of(one) for one in nodes[name][2]]
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
            name = node_of(said[0]) if said else ""
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
                self.variable(node_of(said[0]), depth)
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
            if handle not in [node_of(one) for one in inputs]:
                continue
            if op == "AssignVariableOp" and len(inputs) > 1 and node_of(inputs[0]) == handle:
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


@cache
def _rules(name: str) -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath(name).read_text("utf-8"))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
