"""Says which operations of a TensorFlow graph reach beyond memory, and what leads to them.

Every node counts, of the graph and of every function in the library: a node nobody reaches is
still there to be called by name. Writing a checkpoint is the one exception: a saved model always
carries its own saver, which runs only when the model is saved again.
"""

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.tensorflow_graph import Function, Meta, Node
from probatum.vocabulary import Place, Reason, Step, Undecided, Witness

MOST = 100
MOST_CALLS = 20
# Operations that hand a path on unchanged, that a caller fills, and that call a function with
# their inputs as its arguments.
PASSES = frozenset({"Identity"})
FILLED = frozenset({"Placeholder", "PlaceholderV2"})
VARIABLE_USES = frozenset({"AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"})
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# Which input of a checkpoint's operation is the path.
PATH_INPUT = {"InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1}


class Known(Struct, frozen=True):
    """The rule data: pure operations, effects by operation, and a checkpoint's own."""

    pure: frozenset[str]
    effects: dict[str, str]
    checkpoints: dict[str, str]


class Reach(Struct, frozen=True):
    """`at_load` and `at_run` are witnesses by when they run; `open` keeps both claims open."""

    at_load: tuple[Witness, ...]
    at_run: tuple[Witness, ...]
    open: tuple[Undecided, ...]
    nodes: int
    functions: int


@cache
def known() -> Known:
    """The rule data, read once."""
    rules = tomllib.loads(files("probatum.rules").joinpath("tensorflow_ops.toml").read_text())
    return Known(
        frozenset(op for ops in rules["pure"].values() for op in ops.split()),
        {op: does for does, ops in rules["effects"].items() for op in ops.split()},
        {op: kind for kind, ops in rules["checkpoints"].items() for op in ops.split()},
    )


def reach(metas: tuple[Meta, ...]) -> Reach:
    """What all the graphs of a file reach."""
    at_load: list[Witness] = []
    at_run: list[Witness] = []
    still_open: list[Undecided] = []
    for meta in metas:
        judge = _Judge(meta)
        for where, node in judge.everything():
            for said in judge.judged(where, node):
                if isinstance(said, Undecided):
                    still_open.append(said)
                elif where in judge.at_load or judge.loads(where, node):
                    at_load.append(said)
                else:
                    at_run.append(said)
        still_open.extend(judge.outside())
    return Reach(
        tuple(at_load[:MOST]),
        tuple(at_run[:MOST]),
        tuple(still_open[:MOST]),
        sum(len(m.nodes) + sum(len(f.nodes) for f in m.functions.values()) for m in metas),
        sum(len(meta.functions) for meta in metas),
    )


class _Judge:
    """One meta graph with what its loader and its callers run of it."""

    def __init__(self, meta: Meta) -> None:
        self.meta = meta
        self.top = _by_name(meta.nodes)
        self.bodies = {one.name: _by_name(one.nodes) for one in meta.functions.values()}
        self.given = {node for node, _ in meta.assets} | {_node_of(meta.filename)}
        self.callers: dict[str, list[tuple[str, Node]]] = {}
        for where, node in self.everything():
            for name in {*self.calls(node)} & meta.functions.keys():
                self.callers.setdefault(name, []).append((where, node))
        started = [*meta.initialisers, meta.restore]
        self.top_at_load = self.slice(started)
        self.at_load = self.called(self.top_at_load, meta.resources)
        given = self.slice(meta.signatures)
        self.top_at_run = self.top_at_load | given
        self.at_run = self.at_load | self.called(given, meta.bound)

    def everything(self) -> Iterator[tuple[str, Node]]:
        """Every node, with the function it stands in, or nothing."""
        for node in self.meta.nodes:
            yield "", node
        for function in self.meta.functions.values():
            for node in function.nodes:
                yield function.name, node

    def loads(self, where: str, node: Node) -> bool:
        """Whether a node of the graph itself runs while the model is loaded."""
        return not where and node.name in self.top_at_load

    def slice(self, names: Iterable[str]) -> set[str]:
        """The nodes of the graph that running `names` runs."""
        found: set[str] = set()
        waiting = [_node_of(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name in self.top and name not in found:
                found.add(name)
                waiting.extend(_node_of(one) for one in self.top[name].inputs)
        return found

    def called(self, nodes: set[str], functions: Iterable[str]) -> set[str]:
        """The functions that those nodes and functions call, at any depth."""
        found: set[str] = set()
        waiting = [*functions, *(one for name in nodes for one in self.calls(self.top[name]))]
        while waiting:
            name = waiting.pop()
            if name in self.meta.functions and name not in found:
                found.add(name)
                for node in self.meta.functions[name].nodes:
                    waiting.extend(self.calls(node))
        return found

    def calls(self, node: Node) -> tuple[str, ...]:
        return (*node.functions, node.op)

    def judged(self, where: str, node: Node) -> Iterator[Witness | Undecided]:
        place = Place(offset=node.at, part=f"{where or 'graph'}/{node.name}"[:200])
        job = node.device.partition("job:")[2].partition("/")[0]
        if job not in ("", "localhost"):
            says = f"the node is placed on another machine's job, {job[:60]!r}"
            yield Undecided(Reason.UNRESOLVED, says, place)
        if node.op in known().effects:
            yield from self.effect(where, node, place, known().effects[node.op])
        elif node.op in known().checkpoints:
            yield from self.checkpoint(where, node, place)
        elif node.op not in known().pure and node.op not in self.meta.functions:
            says = f"no summary says what the operation {node.op[:80]!r} does"
            yield Undecided(Reason.MISSING_SUMMARY, says, place)

    def effect(
        self, where: str, node: Node, place: Place, does: str
    ) -> Iterator[Witness | Undecided]:
        if where in self.at_run or (not where and node.name in self.top_at_run):
            loads = where in self.at_load or self.loads(where, node)
            when = "loading the model" if loads else "calling what the model hands out"
            said = f"{node.op} {does}"
            yield Witness(said, place, steps=(Step(f"{when} runs the node", place),))
        else:
            says = f"{node.op} {does}; nothing that the model hands out is seen to run it"
            yield Undecided(Reason.UNRESOLVED, says, place)

    def checkpoint(self, where: str, node: Node, place: Place) -> Iterator[Witness | Undecided]:
        kind = known().checkpoints[node.op]
        if kind == "save":
            if where in self.at_run or (not where and node.name in self.top_at_run):
                yield from self.effect(where, node, place, "writes a checkpoint's files")
        elif not self.from_outside(where, node):
            says = f"{node.op} reads a file whose path the graph makes itself"
            yield Undecided(Reason.UNRESOLVED, says, place)

    def from_outside(self, where: str, node: Node) -> bool:
        """Whether the path comes from the caller, or is one of the model's assets."""
        at = PATH_INPUT.get(node.op, 0)
        return at < len(node.inputs) and self.is_given(where, node.inputs[at], 0)

    def is_given(self, where: str, said: str, depth: int) -> bool:
        """Whether the value `said` in a function, or in the graph, is given from outside."""
        body = self.bodies[where] if where else self.top
        for _ in range(len(body) + 1):
            name = _node_of(said)
            # An argument is named bare; the output of a node is node:output:index.
            if where and ":" not in said and name in self.meta.functions[where].arguments:
                return self.is_argument_given(self.meta.functions[where], name, depth)
            if said.startswith("^") or name not in body:
                return False
            node = body[name]
            if not where and (node.op in FILLED or name in self.given):
                return True
            if not where and node.op == "ReadVariableOp" and node.inputs:
                return self.is_variable_given(_node_of(node.inputs[0]), depth)
            if node.op not in PASSES or not node.inputs:
                return False
            said = node.inputs[0]
        return False

    def is_variable_given(self, handle: str, depth: int) -> bool:
        """Whether a variable of the graph, which nothing else can reach, is assigned from outside.

        TensorFlow keeps an asset's path in one where a table is built from it.
        """
        variable = self.top.get(handle)
        if variable is None or variable.op != "VarHandleOp" or depth > MOST_CALLS:
            return False
        users = [one for one in self.meta.nodes if handle in map(_node_of, one.inputs)]
        assigned = [one for one in users if one.op == "AssignVariableOp"]
        alone = sum(
            one.op == "VarHandleOp" and one.shared == variable.shared
            for _, one in self.everything()
        )
        return (
            alone == 1
            and {one.op for one in users} <= VARIABLE_USES
            and all(
                len(one.inputs) > 1
                and _node_of(one.inputs[0]) == handle
                and self.is_given("", one.inputs[1], depth + 1)
                for one in assigned
            )
        )

    def is_argument_given(self, function: Function, name: str, depth: int) -> bool:
        """Whether each caller of a function, TensorFlow's loader too, gives this argument so."""
        at = function.arguments.index(name)
        bound = self.meta.bound.get(function.name, ())
        captured = at - (len(function.arguments) - len(bound))
        if depth > MOST_CALLS or (captured >= 0 and not bound[captured]):
            return False
        return all(
            (node.op in CALLS or node.op == function.name)
            and at < len(node.inputs)
            and self.is_given(where, node.inputs[at], depth + 1)
            for where, node in self.callers.get(function.name, ())
        )

    def outside(self) -> Iterator[Undecided]:
        """Assets that do not lie in the model's own folder."""
        for node, filename in self.meta.assets:
            if "/" in filename or "\\" in filename or filename in ("", "..", "."):
                says = f"the asset {filename[:120]!r} is not a plain file name"
                yield Undecided(Reason.UNRESOLVED, says, Place(part=node[:120]))


def _by_name(nodes: tuple[Node, ...]) -> dict[str, Node]:
    found = {node.name: node for node in nodes}
    if len(found) != len(nodes):
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "two nodes of one name")
    return found


def _node_of(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]
