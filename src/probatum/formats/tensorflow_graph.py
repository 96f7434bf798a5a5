"""Reads a TensorFlow SavedModel, or a frozen graph: its nodes, functions, signatures and saver.

Tensors are passed over. Sources: saved_model.proto, meta_graph.proto, graph.proto, node_def.proto,
function.proto, attr_value.proto, saved_object_graph.proto of TensorFlow 2.21.
"""

from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.protobuf import BYTES, Schema, Wire, schema
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MOST_NODES = 2_000_000
MOST_NESTING = 20
MOST_BYTES = 512 << 20

_MODEL = schema(version="1n", meta="2b*")
_META = schema(
    info="1b", graph="2b", saver="3b", collection="4b*", signature="5b*", asset="6b*", objects="7b"
)
_GRAPH = schema(node="1b*", library="2b", version="3n", versions="4b", debug="5b")
_NODE = schema(name="1b", op="2b", input="3b*", device="4b", attr="5b*", debug="6b", type="7b")
_ENTRY = schema(key="1b", value="2b")
_VALUE = schema(
    list="1b", s="2b", i="3n", f="4f", b="5n", type="6n", shape="7b", tensor="8b",
    placeholder="9b", func="10b",
)  # fmt: skip
_LIST = schema(
    s="2b*", i="3n*", f="4f*", b="5n*", type="6n*", shape="7b*", tensor="8b*", func="9b*"
)
_NAMED = schema(name="1b", attr="2b*")
_LIBRARY = schema(function="1b*", gradient="2b*", registered="3b*")
_GRADIENT = schema(function="1b", gradient="2b")
_FUNCTION = schema(
    signature="1b", node="3b*", ret="4b*", attr="5b*", control="6b*", arg="7b*", unique="8b*"
)
_OP = schema(
    name="1b", input="2b*", output="3b*", attr="4b*", summary="5b", description="6b",
    deprecation="8b", aggregate="16n", stateful="17n", commutative="18n", uninitialized="19n",
    control="20b*", distributed="21n",
)  # fmt: skip
_ARGUMENT = schema(
    name="1b", description="2b", type="3n", type_attr="4b", number_attr="5b", list_attr="6b",
    handle="7b*", is_ref="16n", full="17b",
)  # fmt: skip
_SIGNATURE = schema(inputs="1b*", outputs="2b*", method="3b", defaults="4b*")
_TENSOR = schema(name="1b", dtype="2n", shape="3b", sparse="4b", composite="5b")
_SPARSE = schema(values="1b", indices="2b", shape="3b")
_COMPOSITE = schema(type="1b", component="2b*")
_SAVER = schema(
    filename="1b", save="2b", restore="3b", keep="4n", sharded="5n", hours="6f", version="7n"
)
_COLLECTION = schema(nodes="1b", bytes="2b", integers="3b", floats="4b", any="5b")
_VALUES = schema(value="1b*")
_ASSET = schema(tensor="1b", filename="2b")
_OBJECTS = schema(node="1b*", function="2b*")
_OBJECT = schema(
    child="1b*", slot="3b*", user="4b", asset="5b", function="6b", variable="7b", bare="8b",
    constant="9b", resource="10b", saveable="11b*", captured="12b", registered="13b", proto="14b",
    dependency="15b*", saver="16b",
)  # fmt: skip
_CHILD = schema(node="1n", name="2b")
_USER = schema(identifier="1b", version="2b", metadata="3b")
_CONCRETE = schema(bound="2n*", input="3b", output="4b")
_SAVED_FUNCTION = schema(concrete="1b*", spec="2b")
_BARE = schema(concrete="1b", keyword="2b*", positional="3n", spec="4b")
# keras/protobuf/saved_metadata.proto
_METADATA = schema(node="1b*")
_DESCRIBED = schema(id="2n", path="3b", identifier="4b", metadata="5b", version="6b")
# tensorflow/core/protobuf/fingerprint.proto: hashes, a version, an id
_FINGERPRINT = schema(
    model="1n", graph="2n", signatures="3n", objects="4n", checkpoint="5n", version="6b", uuid="7b"
)
# A loader of a SavedModel opens these by their names, and no others.
FORMS = {
    "fingerprint.pb": "fingerprint",
    "keras_metadata.pb": "keras-metadata",
    "saved_model.pb": "saved-model",
}
# The collections that name what a loader runs once the variables are restored.
INITIALISERS = ("saved_model_main_op", "legacy_init_op", "main_op", "saved_model_init_op")


class Node(Struct, frozen=True):
    """An operation: `functions` are those its attributes name; `at` is its byte.

    `shared` is the name by which a resource is one with others.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    device: str
    functions: tuple[str, ...]
    at: int
    shared: str = ""


class Function(Struct, frozen=True):
    """A function of the library."""

    name: str
    arguments: tuple[str, ...]
    nodes: tuple[Node, ...]


class Meta(Struct, frozen=True):
    """One graph with what a loader runs of it.

    `initialisers` and `signatures` are tensor or node names; `filename` is the tensor that a saver
    feeds and `restore` the node it runs; `assets` maps a top-level node to its file; `resources`
    are functions that run at loading; `bound` are those that a loaded object hands out, with, for
    each value that TensorFlow binds to its last arguments, whether it is an asset; `metadata` are
    Keras's JSON texts.
    """

    nodes: tuple[Node, ...]
    functions: dict[str, Function]
    initialisers: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    filename: str = ""
    restore: str = ""
    assets: tuple[tuple[str, str], ...] = ()
    resources: tuple[str, ...] = ()
    bound: dict[str, tuple[bool, ...]] = {}
    metadata: tuple[str, ...] = ()


def form_of(name: str, material: Material) -> str:
    """What a loader takes the file for: by its name, or by how it begins under any other name.

    The name decides because the bytes cannot: a SavedModel's parser passes over a node in field 1
    as unknown, and a graph's parser takes a meta graph in field 2 for a library.
    """
    base = name.rpartition("/")[2].lower()
    return FORMS.get(base) or ("graph" if material.read(0, 1) == b"\n" else "saved-model")


def graphs(material: Material, form: str) -> tuple[Meta, ...]:
    """Every meta graph of a SavedModel, or the one graph of a frozen GraphDef.

    Of Keras's metadata and of a fingerprint, one without nodes. Raises: FormatError.
    """
    if material.size > MOST_BYTES:
        raise FormatError(Reason.OVER_LIMIT, f"a graph of more than {MOST_BYTES} bytes")
    reader = _Reader(material)
    if form == "keras-metadata":
        return (Meta((), {}, metadata=tuple(reader.described())),)
    if form == "fingerprint":
        list(reader.wire.fields(_FINGERPRINT, "the fingerprint", 0, material.size))
        return (Meta((), {}),)
    if form == "graph":
        return (reader.graph(0, material.size, bare=True),)
    return tuple(
        reader.meta(start, stop)
        for number, _, start, stop in reader.wire.fields(_MODEL, "the model", 0, material.size)
        if number == 2
    )


class _Reader:
    def __init__(self, material: Material) -> None:
        self.wire = Wire(material)
        self.count = 0

    def described(self) -> Iterator[str]:
        """The JSON texts of keras_metadata.pb."""
        whole = self.wire.material.size
        for _, _, start, stop in self.wire.fields(_METADATA, "the metadata", 0, whole):
            yield self.texts(_DESCRIBED, "an object", start, stop, 16 << 20).get(5, "")

    def meta(self, begin: int, end: int) -> Meta:
        parts: dict[int, list[tuple[int, int]]] = {}
        for number, _, start, stop in self.wire.fields(_META, "a meta graph", begin, end):
            parts.setdefault(number, []).append((start, stop))
        graph = self.graph(*parts[2][0]) if 2 in parts else Meta((), {})
        started, signatures = self.signatures(parts.get(5, []))
        saver = self.texts(_SAVER, "the saver", *parts[3][0]) if 3 in parts else {}
        resources, bound, metadata = self.objects(*parts[7][0]) if 7 in parts else ((), {}, ())
        return Meta(
            graph.nodes,
            graph.functions,
            started + self.collections(parts.get(4, [])),
            signatures,
            saver.get(1, ""),
            saver.get(3, ""),
            tuple(self.asset(*one) for one in parts.get(6, [])),
            resources,
            bound,
            metadata,
        )

    def graph(self, begin: int, end: int, bare: bool = False) -> Meta:
        nodes: list[Node] = []
        functions: dict[str, Function] = {}
        for number, _, start, stop in self.wire.fields(_GRAPH, "a graph", begin, end):
            if number == 1:
                nodes.append(self.node(start, stop))
            elif number == 2:
                functions = self.library(start, stop, bare)
        return Meta(tuple(nodes), functions)

    def node(self, begin: int, end: int) -> Node:
        self.count += 1
        if self.count > MOST_NODES:
            raise FormatError(Reason.OVER_LIMIT, f"more than {MOST_NODES} nodes")
        said = {1: "", 2: "", 4: ""}
        inputs: list[str] = []
        named: list[str] = []
        shared = ""
        for number, _, start, stop in self.wire.fields(_NODE, "a node", begin, end):
            if number in said:
                said[number] = self.wire.text(start, stop)
            elif number == 3:
                inputs.append(self.wire.text(start, stop))
            elif number == 5:
                named.extend(self.functions_of(start, stop, 0))
                shared = self.shared_name(start, stop) or shared
        name = said[1]
        return Node(name, said[2], tuple(inputs), said[4], tuple(named), begin, shared or name)

    def shared_name(self, begin: int, end: int) -> str:
        """The value of an attribute `shared_name`, or nothing."""
        parts = {
            number: (start, stop)
            for number, _, start, stop in self.wire.fields(_ENTRY, "an attribute", begin, end)
        }
        if 2 not in parts or self.wire.text(*parts.get(1, (0, 0))) != "shared_name":
            return ""
        return self.texts(_VALUE, "a name", *parts[2]).get(2, "")

    def functions_of(self, begin: int, end: int, depth: int) -> Iterator[str]:
        """The functions that one attribute names, at any depth."""
        if depth > MOST_NESTING:
            raise FormatError(Reason.OVER_LIMIT, "attributes nested too deeply")
        for number, _, start, stop in self.wire.fields(_ENTRY, "an attribute", begin, end):
            if number == 2:
                yield from self.functions_in(_VALUE, 10, start, stop, depth)

    def functions_in(
        self, table: Schema, func: int, begin: int, end: int, depth: int
    ) -> Iterator[str]:
        for number, _, start, stop in self.wire.fields(table, "an attribute", begin, end):
            if number == func:
                for inner, _, at, until in self.wire.fields(_NAMED, "a function", start, stop):
                    if inner == 1:
                        yield self.wire.text(at, until)
                    else:
                        yield from self.functions_of(at, until, depth + 1)
            elif number == 1 and func == 10:
                yield from self.functions_in(_LIST, 9, start, stop, depth)

    def library(self, begin: int, end: int, bare: bool) -> dict[str, Function]:
        found: dict[str, Function] = {}
        for number, _, start, stop in self.wire.fields(_LIBRARY, "the library", begin, end):
            if number == 1:
                function = self.function(start, stop)
                if function.name in found:
                    detail = f"the function {function.name} stands twice"
                    raise FormatError(Reason.PARSER_DIFFERENTIAL, detail, Place(offset=start))
                found[function.name] = function
            elif bare:
                # A SavedModel's parser would take these bytes for a graph in a meta graph.
                detail = "a bare graph with gradients reads as a SavedModel too"
                raise FormatError(Reason.PARSER_DIFFERENTIAL, detail, Place(offset=start))
            elif number == 2:
                self.texts(_GRADIENT, "a gradient", start, stop)
        return found

    def function(self, begin: int, end: int) -> Function:
        name, arguments, nodes = "", list[str](), list[Node]()
        for number, _, start, stop in self.wire.fields(_FUNCTION, "a function", begin, end):
            if number == 3:
                nodes.append(self.node(start, stop))
            elif number == 1:
                for inner, _, at, until in self.wire.fields(_OP, "a signature", start, stop):
                    if inner == 1:
                        name = self.wire.text(at, until)
                    elif inner == 2:
                        arguments.append(self.texts(_ARGUMENT, "an argument", at, until).get(1, ""))
        return Function(name, tuple(arguments), tuple(nodes))

    def signatures(self, entries: list[tuple[int, int]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The tensors that initialise, and those that the signatures give out."""
        started: list[str] = []
        given: list[str] = []
        for begin, end in entries:
            key = ""
            for number, _, start, stop in self.wire.fields(_ENTRY, "a signature", begin, end):
                if number == 1:
                    key = self.wire.text(start, stop)
                else:
                    into = started if key == "__saved_model_init_op" else given
                    into.extend(self.outputs(start, stop))
        return tuple(started), tuple(given)

    def outputs(self, begin: int, end: int) -> Iterator[str]:
        for number, _, start, stop in self.wire.fields(_SIGNATURE, "a signature", begin, end):
            if number == 2:
                for inner, _, at, until in self.wire.fields(_ENTRY, "an output", start, stop):
                    if inner == 2:
                        yield from self.tensors(at, until, 0)

    def tensors(self, begin: int, end: int, depth: int) -> Iterator[str]:
        if depth > MOST_NESTING:
            raise FormatError(Reason.OVER_LIMIT, "tensors nested too deeply")
        for number, _, start, stop in self.wire.fields(_TENSOR, "a tensor", begin, end):
            if number == 1:
                yield self.wire.text(start, stop)
            elif number == 4:
                yield from self.texts(_SPARSE, "a sparse tensor", start, stop).values()
            elif number == 5:
                for inner, _, at, until in self.wire.fields(_COMPOSITE, "a tensor", start, stop):
                    if inner == 2:
                        yield from self.tensors(at, until, depth + 1)

    def collections(self, entries: list[tuple[int, int]]) -> tuple[str, ...]:
        found: list[str] = []
        for begin, end in entries:
            key = ""
            for number, _, start, stop in self.wire.fields(_ENTRY, "a collection", begin, end):
                if number == 1:
                    key = self.wire.text(start, stop)
                elif key in INITIALISERS:
                    found.extend(self.members(start, stop))
        return tuple(found)

    def members(self, begin: int, end: int) -> Iterator[str]:
        for number, _, start, stop in self.wire.fields(_COLLECTION, "a collection", begin, end):
            if number in (1, 2):
                for _, _, at, until in self.wire.fields(_VALUES, "a collection", start, stop):
                    yield self.wire.text(at, until)

    def asset(self, begin: int, end: int) -> tuple[str, str]:
        name = filename = ""
        for number, _, start, stop in self.wire.fields(_ASSET, "an asset", begin, end):
            if number == 2:
                filename = self.wire.text(start, stop)
            else:
                name = next(iter(self.tensors(start, stop, 0)), "")
        return name.partition(":")[0], filename

    def objects(
        self, begin: int, end: int
    ) -> tuple[tuple[str, ...], dict[str, tuple[bool, ...]], tuple[str, ...]]:
        """Functions that run at loading, functions handed out, and Keras's metadata."""
        nodes: list[list[str]] = []
        started: set[int] = set()
        assets: set[int] = set()
        held: dict[str, list[int]] = {}
        metadata: list[str] = []
        for number, _, start, stop in self.wire.fields(_OBJECTS, "the objects", begin, end):
            if number == 2:
                name, values = self.concrete(start, stop)
                held[name] = values
            else:
                nodes.append([])
                if self.object(start, stop, nodes[-1], started, metadata):
                    assets.add(len(nodes) - 1)
        resources = [name for at in started if at < len(nodes) for name in nodes[at]]
        bound = {name: tuple(at in assets for at in values) for name, values in held.items()}
        return tuple(sorted(resources)), bound, tuple(metadata)

    def concrete(self, begin: int, end: int) -> tuple[str, list[int]]:
        """A function's name and the objects bound to its last arguments."""
        name, values = "", list[int]()
        for number, _, start, stop in self.wire.fields(_ENTRY, "a function", begin, end):
            if number == 1:
                name = self.wire.text(start, stop)
                continue
            for inner, wire, at, until in self.wire.fields(_CONCRETE, "a function", start, stop):
                if inner == 2:
                    values.extend(self.wire.numbers(at, until) if wire == BYTES else [at])
        return name, values

    def object(
        self, begin: int, end: int, names: list[str], started: set[int], metadata: list[str]
    ) -> bool:
        """Whether it is an asset; its functions, what starts, and metadata go where told."""
        asset = False
        for number, _, start, stop in self.wire.fields(_OBJECT, "an object", begin, end):
            asset = asset or number == 5
            if number == 1:
                node, said = 0, ""
                for inner, _, value, until in self.wire.fields(_CHILD, "a child", start, stop):
                    if inner == 1:
                        node = value
                    else:
                        said = self.wire.text(value, until)
                if said in ("_initialize", "_create_resource", "_destroy_resource", "initializer"):
                    started.add(node)
            elif number == 4:
                text = self.texts(_USER, "an object", start, stop, 16 << 20).get(3, "")
                metadata.extend([text] if text else [])
            elif number in (6, 8):
                table = _SAVED_FUNCTION if number == 6 else _BARE
                for inner, _, at, until in self.wire.fields(table, "a function", start, stop):
                    if inner == 1:
                        names.append(self.wire.text(at, until))
        return asset

    def texts(
        self, table: Schema, what: str, begin: int, end: int, most: int = 1 << 16
    ) -> dict[int, str]:
        """The text fields of a message, by number."""
        return {
            number: self.wire.text(start, stop, most)
            for number, wire, start, stop in self.wire.fields(table, what, begin, end)
            if wire == 2
        }
