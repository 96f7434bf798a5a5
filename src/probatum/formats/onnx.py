"""Surveys an ONNX model: every node, function, tensor and path in it, never a tensor's raw bytes.

One pass in the file's own order, through graphs, the bodies of If, Loop and Scan, local functions,
training graphs and sparse tensors. The first rule that a tensor breaks is kept as `fault`, and
what could not be decided as `doubt`, so that neither hides a path that leads outside.

Sources: `onnx-ml.proto` and `docs/IR.md`, `docs/ExternalData.md` of onnx 1.23; onnxruntime's
`core/framework/tensorprotoutils.cc` for what a loader does with them.
"""

import hashlib
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from weakref import WeakKeyDictionary

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import Broken, broken, region
from probatum.formats.onnx_tensor import Tensor, tensor
from probatum.formats.protobuf import MAX_DEPTH, Schema, Wire, schema
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MAX_DISTINCT = 10_000

_PAIR = schema(key="1b", value="2b")
_SHAPE = schema(dim="1b*")
_DIMENSION = schema(dim_value="1n", dim_param="2b", denotation="3b")
_TENSOR_TYPE = schema(elem_type="1n", shape="2b")
_ELEMENT_TYPE = schema(elem_type="1b")
_MAP_TYPE = schema(key_type="1n", value_type="2b")
_OPAQUE_TYPE = schema(domain="1b", name="2b")
_TYPE = schema(
    tensor_type="1b", sequence_type="4b", map_type="5b", denotation="6b", opaque_type="7b",
    sparse_tensor_type="8b", optional_type="9b",
)  # fmt: skip
_VALUE_INFO = schema(name="1b", type="2b", doc_string="3b", metadata_props="4b*")
_OPSET = schema(domain="1b", version="2n")
_ANNOTATION = schema(tensor_name="1b", quant_parameter_tensor_names="2b*")
_SPARSE = schema(values="1b", indices="2b", dims="3n*")
_ATTRIBUTE = schema(
    name="1b", f="2f", i="3n", s="4b", t="5b", g="6b", floats="7f*", ints="8n*", strings="9b*",
    tensors="10b*", graphs="11b*", doc_string="13b", tp="14b", type_protos="15b*", type="20n",
    ref_attr_name="21b", sparse_tensor="22b", sparse_tensors="23b*",
)  # fmt: skip
# Fields for several devices (a node's 10, a model's 26) are left out: their messages are not read.
_NODE = schema(
    input="1b*", output="2b*", name="3b", op_type="4b", attribute="5b*", doc_string="6b",
    domain="7b", overload="8b", metadata_props="9b*",
)  # fmt: skip
_GRAPH = schema(
    node="1b*", name="2b", initializer="5b*", doc_string="10b", input="11b*", output="12b*",
    value_info="13b*", quantization_annotation="14b*", sparse_initializer="15b*",
    metadata_props="16b*",
)  # fmt: skip
_FUNCTION = schema(
    name="1b", input="4b*", output="5b*", attribute="6b*", node="7b*", doc_string="8b",
    opset_import="9b*", domain="10b", attribute_proto="11b*", value_info="12b*", overload="13b",
    metadata_props="14b*",
)  # fmt: skip
_TRAINING = schema(
    initialization="1b", algorithm="2b", initialization_binding="3b*", update_binding="4b*"
)
_MODEL = schema(
    ir_version="1n", producer_name="2b", producer_version="3b", domain="4b", model_version="5n",
    doc_string="6b", graph="7b", opset_import="8b*", metadata_props="14b*", training_info="20b*",
    functions="25b*",
)  # fmt: skip


class Node(Struct, frozen=True):
    """An operator, and the first byte where a node asks for it."""

    domain: str
    name: str
    at: int


class External(Struct, frozen=True):
    """A file that tensors lie in: `end` is the last byte that any of them needs."""

    location: str
    at: int
    end: int


class Survey(Struct, frozen=True):
    """What one model asks for. `functions` are the operators it defines itself.

    `skeleton` is the SHA-256 in hex of the file without the raw bytes of its tensors.
    """

    nodes: int
    tensors: int
    operators: tuple[Node, ...]
    functions: frozenset[tuple[str, str]]
    external: tuple[External, ...]
    settings: Place | None
    fault: Broken | None
    doubt: FormatError | None
    skeleton: str


def survey(material: Material) -> Survey:
    """Everything a loader would follow.

    Raises: FormatError MALFORMED, PARSER_DIFFERENTIAL or UNSUPPORTED from the wire (see
    `formats.protobuf`), OVER_LIMIT beyond 10,000 distinct operators or files.
    """
    if material not in _SURVEYED:
        _SURVEYED[material] = _surveyed(material)
    return _SURVEYED[material]


def tensors_of(material: Material, take: Callable[[Tensor], None]) -> Survey:
    """The survey, with each tensor given to `take` on the way. Raises: as `survey`."""
    return _surveyed(material, take)


# Three claims rest on one survey; it is forgotten with the material.
_SURVEYED: WeakKeyDictionary[Material, Survey] = WeakKeyDictionary()


def _surveyed(material: Material, take: Callable[[Tensor], None] | None = None) -> Survey:
    walk = _Walk(material)
    walk.take = take
    walk.model()
    return Survey(
        walk.nodes,
        walk.tensors,
        tuple(Node(domain, name, at) for (domain, name), at in walk.operators.items()),
        frozenset(walk.functions),
        tuple(External(location, *where) for location, where in walk.external.items()),
        walk.settings,
        walk.fault,
        walk.doubt,
        _skeleton(material, walk.raw),
    )


def escapes(location: str) -> str | None:
    """How the path of an external tensor leaves the model's own folder, or None.

    Judged for every system at once: what is harmless on one is a drive or a parent on another.
    """
    if location == "":
        return "is empty"
    if location.startswith("*/_ORT"):
        return "is onnxruntime's mark for an address in memory"
    if any(ord(letter) < 32 for letter in location):
        return "holds a control character"
    if "\\" in location:
        return "holds a backslash, which separates folders on Windows"
    if ":" in location:
        return "holds a colon: a drive, a stream or a network address"
    if location.startswith(("/", "~")):
        return "is absolute"
    if ".." in (part.strip() for part in location.split("/")):
        return "leads to a parent folder"
    return None


@cache
def known_operators() -> frozenset[tuple[str, str]]:
    """The (domain, operator) pairs that compute and do nothing else."""
    rows = tomllib.loads((files("probatum.rules") / "onnx_operators.toml").read_text("utf-8"))
    return frozenset((row["name"], one) for row in rows["domain"] for one in row["operators"])


class _Walk:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.wire = Wire(material)
        self.nodes = self.tensors = 0
        self.operators: dict[tuple[str, str], int] = {}
        self.functions: set[tuple[str, str]] = set()
        self.external: dict[str, tuple[int, int]] = {}
        self.settings: Place | None = None
        self.fault: Broken | None = None
        self.doubt: FormatError | None = None
        self.raw: list[tuple[int, int]] = []
        self.take: Callable[[Tensor], None] | None = None

    def model(self) -> None:
        has_graph = False
        for number, _, begin, end in self.wire.fields(_MODEL, "ModelProto", 0, self.material.size):
            match number:
                case 7:
                    has_graph = True
                    self._graph(begin, end, 1)
                case 8:
                    self._plain(_OPSET, "OperatorSetIdProto", begin, end)
                case 14:
                    key, _ = self._pair(begin, end)
                    if key == "ort_config":
                        self.settings = self.settings or Place(offset=begin)
                case 20:
                    self._training(begin, end)
                case 25:
                    self._function(begin, end)
        if not has_graph:
            raise FormatError(Reason.MALFORMED, "the model has no graph")

    def _training(self, start: int, stop: int) -> None:
        for number, _, begin, end in self.wire.fields(_TRAINING, "TrainingInfoProto", start, stop):
            if number <= 2:
                self._graph(begin, end, 2)
            else:
                self._pair(begin, end)

    def _function(self, start: int, stop: int) -> None:
        domain = name = ""
        for number, _, begin, end in self.wire.fields(_FUNCTION, "FunctionProto", start, stop):
            match number:
                case 1:
                    name = self.wire.text(begin, end)
                case 7:
                    self._node(begin, end, 2)
                case 9:
                    self._plain(_OPSET, "OperatorSetIdProto", begin, end)
                case 10:
                    domain = self.wire.text(begin, end)
                case 11:
                    self._attribute(begin, end, 2)
                case 12:
                    self._value_info(begin, end, 2)
                case 14:
                    self._pair(begin, end)
        self.functions.add((domain or "ai.onnx", name))
        self._demand_few(len(self.functions), "functions")

    def _graph(self, start: int, stop: int, depth: int) -> None:
        if depth > MAX_DEPTH - 10:
            raise FormatError(
                Reason.PARSER_DIFFERENTIAL,
                f"graphs nest deeper than the {MAX_DEPTH} levels of some parsers",
                Place(offset=start),
            )
        for number, _, begin, end in self.wire.fields(_GRAPH, "GraphProto", start, stop):
            match number:
                case 1:
                    self._node(begin, end, depth + 1)
                case 5:
                    self._tensor(begin, end)
                case 11 | 12 | 13:
                    self._value_info(begin, end, depth + 1)
                case 14:
                    self._annotation(begin, end)
                case 15:
                    self._sparse(begin, end)
                case 16:
                    self._pair(begin, end)

    def _node(self, start: int, stop: int, depth: int) -> None:
        self.nodes += 1
        domain = name = b""
        for number, _, begin, end in self.wire.fields(_NODE, "NodeProto", start, stop):
            match number:
                case 5:
                    self._attribute(begin, end, depth + 1)
                case 4:
                    name = self._name(begin, end)
                case 7:
                    domain = self._name(begin, end)
                case 9:
                    self._pair(begin, end)
        operator = (
            domain.decode(errors="backslashreplace") or "ai.onnx",
            name.decode(errors="backslashreplace"),
        )
        if operator not in self.operators:
            self.operators[operator] = start
            self._demand_few(len(self.operators), "operators")

    def _attribute(self, start: int, stop: int, depth: int) -> None:
        for number, _, begin, end in self.wire.fields(_ATTRIBUTE, "AttributeProto", start, stop):
            match number:
                case 5 | 10:
                    self._tensor(begin, end)
                case 6 | 11:
                    self._graph(begin, end, depth + 1)
                case 22 | 23:
                    self._sparse(begin, end)
                case 14 | 15:
                    self._type(begin, end, depth + 1)

    def _sparse(self, start: int, stop: int) -> None:
        for number, _, begin, end in self.wire.fields(_SPARSE, "SparseTensorProto", start, stop):
            if number <= 2:
                self._tensor(begin, end)
        says = "the indices of a sparse tensor are not followed"
        self.doubt = self.doubt or FormatError(Reason.UNSUPPORTED, says, Place(offset=start))

    def _annotation(self, start: int, stop: int) -> None:
        fields = self.wire.fields(_ANNOTATION, "TensorAnnotation", start, stop)
        for number, _, begin, end in fields:
            if number == 2:
                self._pair(begin, end)

    def _value_info(self, start: int, stop: int, depth: int) -> None:
        for number, _, begin, end in self.wire.fields(_VALUE_INFO, "ValueInfoProto", start, stop):
            if number == 2:
                self._type(begin, end, depth + 1)
            elif number == 4:
                self._pair(begin, end)

    def _type(self, start: int, stop: int, depth: int) -> None:
        if depth > MAX_DEPTH - 5:
            raise FormatError(
                Reason.PARSER_DIFFERENTIAL, "types nest too deeply", Place(offset=start)
            )
        for number, _, begin, end in self.wire.fields(_TYPE, "TypeProto", start, stop):
            match number:
                case 1 | 8:
                    self._tensor_type(begin, end)
                case 4 | 9:
                    for _, _, inner, last in self.wire.fields(
                        _ELEMENT_TYPE, "TypeProto.Sequence", begin, end
                    ):
                        self._type(inner, last, depth + 2)
                case 5:
                    for field, _, inner, last in self.wire.fields(
                        _MAP_TYPE, "TypeProto.Map", begin, end
                    ):
                        if field == 2:
                            self._type(inner, last, depth + 2)
                case 7:
                    self._plain(_OPAQUE_TYPE, "TypeProto.Opaque", begin, end)

    def _tensor_type(self, start: int, stop: int) -> None:
        for number, _, begin, end in self.wire.fields(
            _TENSOR_TYPE, "TypeProto.Tensor", start, stop
        ):
            if number == 2:
                shape = self.wire.fields(_SHAPE, "TensorShapeProto", begin, end)
                for _, _, inner, last in shape:
                    self._plain(_DIMENSION, "TensorShapeProto.Dimension", inner, last)

    def _tensor(self, start: int, stop: int) -> None:
        self.tensors += 1
        found = tensor(self.wire, start, stop)
        if self.take is not None:
            self.take(found)
        if found.raw is not None:
            self.raw.append(found.raw)
        if found.fault is not None and self.fault is None:
            says = f"tensor {found.name!r}: {found.fault}"
            self.fault = broken(self.material, start, says, found.name)
        self.doubt = self.doubt or found.doubt
        # A path is judged even where the tensor says that it is not used.
        if found.external or found.is_external:
            self._outside(found, start)

    def _outside(self, found: Tensor, start: int) -> None:
        location = found.external.get("location", "")
        first, reached = self.external.get(location, (start, 0))
        self.external[location] = (first, max(reached, found.reaches))
        self._demand_few(len(self.external), "files")

    def _plain(self, fields: Schema, what: str, start: int, stop: int) -> None:
        for _ in self.wire.fields(fields, what, start, stop):
            pass

    def _pair(self, start: int, stop: int) -> tuple[str, str]:
        key = value = ""
        for number, _, begin, end in self.wire.fields(_PAIR, "StringStringEntryProto", start, stop):
            if number == 1:
                key = self.wire.text(begin, end)
            elif end - begin <= 1 << 16:
                value = self.wire.text(begin, end)
        return key, value

    def _name(self, start: int, stop: int) -> bytes:
        if stop - start > 1 << 10:
            raise FormatError(Reason.OVER_LIMIT, "an operator's name is over 1 KiB")
        return self.wire.taken(start, stop)

    def _demand_few(self, count: int, what: str) -> None:
        if count > MAX_DISTINCT:
            raise FormatError(Reason.OVER_LIMIT, f"more than {MAX_DISTINCT} {what}")


def _skeleton(material: Material, raw: list[tuple[int, int]]) -> str:
    """The SHA-256 in hex of all bytes outside the spans `raw`, which are in order and apart."""
    state = hashlib.sha256()
    reached = 0
    for begin, end in [*raw, (material.size, material.size)]:
        for at in range(reached, begin, 1 << 20):
            state.update(region(material, at, min(1 << 20, begin - at)))
        reached = end
    return state.hexdigest()
