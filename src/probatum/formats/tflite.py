"""Surveys a TFLite model: its flatbuffer verified, its indices in range, its operators named.

Sources: `schema.fbs` of TensorFlow Lite (as `rules/tflite_schema.toml`); `interpreter_builder.cc`,
`subgraph.cc` (sizes of constant tensors) and `kernels/register.cc` (custom operators that the
default resolver has) of the same.
"""

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from math import prod

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import broken, region
from probatum.formats.flatbuffers import Buffer, Schema, Table
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

CUSTOM = 32
_BITS = {
    0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64, 15: 32,
    16: 16, 17: 4, 18: 16,
}  # fmt: skip
_TEXT = 5
RESOLVED = frozenset(("TFLite_Detection_PostProcess", "NumericVerify", "Mfcc", "AudioSpectrogram"))
"""Custom operators of the default resolver: they compute, and come with TFLite itself."""

_ROOT, _SUBGRAPH, _OPERATOR, _TENSOR = "Model", "SubGraph", "Operator", "Tensor"


class Operator(Struct, frozen=True):
    """An operator that the model lists: its builtin number, or the name of a custom one."""

    builtin: int
    custom: str
    at: int

    def __str__(self) -> str:
        return f"custom:{self.custom}" if self.builtin == CUSTOM else f"builtin:{self.builtin}"


class Survey(Struct, frozen=True):
    """`skeleton` is the SHA-256 in hex of the file without the contents of its buffers."""

    operators: tuple[Operator, ...]
    tables: int
    doubt: FormatError | None
    skeleton: str


@cache
def rules() -> tuple[Schema, frozenset[int]]:
    """The schema, and the builtin operators that compute on memory alone."""
    text = (files("probatum.rules") / "tflite_schema.toml").read_text("utf-8")
    found = tomllib.loads(text)
    return Schema(found["tables"], found["unions"]), frozenset(map(int, found["builtins"]))


@cache
def effects() -> dict[str, str]:
    """TensorFlow's operations with an effect, and what it is."""
    text = (files("probatum.rules") / "tensorflow_ops.toml").read_text("utf-8")
    listed = tomllib.loads(text)["effects"].items()
    return {name: effect for effect, names in listed for name in names.split()}


def survey(material: Material) -> Survey:
    """The model, every offset and index in it sound.

    Raises: Broken at the first that is not; FormatError(UNSUPPORTED) for another version.
    """
    if material.read(4, 4) != b"TFL3":
        raise FormatError(Reason.MALFORMED, "the file has no mark TFL3", Place(offset=4))
    buffer = Buffer(material, rules()[0], _ROOT)
    model = buffer.tables[buffer.root]
    if model.number(0) != 3:
        raise FormatError(Reason.UNSUPPORTED, f"version {model.number(0)} of the schema")
    spans = _outside(buffer)
    buffer.claim_apart()
    contents = [_content(buffer, at) for at in model.inner(4)]
    for at in model.inner(2):
        _subgraph(buffer, buffer.tables[at], len(model.inner(1)), contents)
    for at in model.inner(6):
        _index(buffer, at, buffer.tables[at].number(1), len(contents), "a buffer")
    operators = tuple(_operator(buffer, at) for at in model.inner(1))
    spans |= {span for span in contents if span}
    doubt = buffer.doubt or _odd_tensor(buffer)
    return Survey(operators, len(buffer.tables), doubt, _skeleton(material, spans))


def _operator(buffer: Buffer, at: int) -> Operator:
    table = buffer.tables[at]
    # The number grew beyond a signed byte: readers take the larger of the old field and the new.
    builtin = max(_signed(table.number(0), 8), _signed(table.number(3), 32))
    return Operator(builtin, buffer.text(table.vector(1)), at)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _outside(buffer: Buffer) -> set[tuple[int, int]]:
    """What lies behind the flatbuffer: contents of buffers and options over 2 GiB."""
    found = set()
    for table in buffer.tables.values():
        slots = {"Buffer": (1, 2), _OPERATOR: (9, 10)}.get(table.name)
        if slots is None or table.number(slots[0]) < 2:
            continue
        start, size = table.number(slots[0]), table.number(slots[1])
        if start + size > buffer.material.size:
            raise broken(buffer.material, table.at, f"a {table.name} names {size} bytes at {start}")
        buffer.claim(start, start + size, f"the content of a {table.name}")
        found.add((start, start + size))
    return found


def _content(buffer: Buffer, at: int) -> tuple[int, int] | None:
    table = buffer.tables[at]
    data, start = table.vector(0), table.number(1)
    if start >= 2:
        return start, start + table.number(2)
    return (data.start, data.stop) if data else None


def _subgraph(
    buffer: Buffer, graph: Table, codes: int, contents: list[tuple[int, int] | None]
) -> None:
    tensors = len(graph.inner(0))
    for at in graph.inner(0):
        _constant(buffer, buffer.tables[at], contents)
    _tensors(buffer, graph, (1, 2), tensors)
    for at in graph.inner(3):
        operator = buffer.tables[at]
        _index(buffer, at, operator.number(0), codes, "an operator code")
        _tensors(buffer, operator, (1, 2, 8), tensors)


def _tensors(buffer: Buffer, table: Table, slots: tuple[int, ...], count: int) -> None:
    for slot in slots:
        for index in buffer.numbers(table.vector(slot)):
            if index != (1 << 32) - 1:  # -1: an optional input that is not given
                _index(buffer, table.at, index, count, "a tensor")


def _index(buffer: Buffer, at: int, index: int, count: int, what: str) -> None:
    if index >= count:
        name = buffer.tables[at].name
        raise broken(buffer.material, at, f"the {name} names {what} {index} of {count}")


def _constant(buffer: Buffer, tensor: Table, contents: list[tuple[int, int] | None]) -> None:
    """A tensor with contents has as many bytes as its shape asks for."""
    index, kind = tensor.number(2), tensor.number(1)
    _index(buffer, tensor.at, index, len(contents), "a buffer")
    span = contents[index]
    if span is None or span[0] == span[1] or kind == _TEXT or tensor.inner(6):
        return
    if kind not in _BITS:
        return
    shape = buffer.numbers(tensor.vector(0))
    if any(size >= 1 << 31 for size in shape):
        raise broken(buffer.material, tensor.at, f"a constant tensor has the shape {shape[:9]}")
    wanted = -(-prod(shape[:64]) * _BITS[kind] // 8)
    if len(shape) > 64 or wanted != span[1] - span[0]:
        says = f"a constant tensor asks for {wanted} bytes, its buffer has {span[1] - span[0]}"
        raise broken(buffer.material, tensor.at, says)


def _odd_tensor(buffer: Buffer) -> FormatError | None:
    for table in buffer.tables.values():
        kind = table.number(1)
        if table.name == _TENSOR and kind not in _BITS and kind not in (_TEXT, 13, 14):
            says = f"a tensor has the type {kind}, which is not known here"
            return FormatError(Reason.UNSUPPORTED, says, Place(offset=table.at))
    return None


def _skeleton(material: Material, spans: set[tuple[int, int]]) -> str:
    state, reached = hashlib.sha256(), 0
    for start, stop in [*sorted(spans), (material.size, material.size)]:
        for at in range(reached, start, 1 << 20):
            state.update(region(material, at, min(1 << 20, start - at)))
        reached = stop
    return state.hexdigest()
