"""The top-level fields of a protocol buffer, read without its contents, to tell what it is.

Source: protobuf.dev/programming-guides/encoding; onnx.proto3 (ModelProto), Core ML Model.proto,
TensorFlow saved_model.proto and graph.proto.
"""

from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.sentencepiece import begins
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_MOST = 256
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Outline(Struct, frozen=True):
    """Each top-level field as (number, wire type), and the first bytes of the field 1 or 2."""

    fields: frozenset[tuple[int, int]]
    first: bytes
    """The first bytes of the first field of bytes."""

    @property
    def onnx(self) -> bool:
        """A graph, and beside it only the other fields of ONNX's ModelProto."""
        return (7, _BYTES) in self.fields and self.fields <= _ONNX

    @property
    def onnx_tensor(self) -> bool:
        """A type and elements, and beside them only the other fields of ONNX's TensorProto."""
        elements = self.fields & _ONNX_ELEMENTS
        return (2, _VARINT) in self.fields and bool(elements) and self.fields <= _ONNX_TENSOR

    @property
    def sentencepiece(self) -> bool:
        """Pieces with scores, and beside them only other fields of SentencePiece's ModelProto."""
        return self.fields <= _SENTENCEPIECE and (1, _BYTES) in self.fields and begins(self.first)

    @property
    def coreml(self) -> bool:
        """A version, a description and one kind of model."""
        numbers = {number for number, _ in self.fields}
        return (1, _VARINT) in self.fields and 2 in numbers and max(numbers) >= 200

    @property
    def saved_model(self) -> bool:
        """TensorFlow's SavedModel, or a bare graph."""
        meta = self.fields == {(1, _VARINT), (2, _BYTES)} and self.first[:1] in (b"\x0a", b"\x12")
        return meta or (self.fields <= _GRAPH and _starts_with_node(self.first))


_ONNX = frozenset(
    [(1, _VARINT), (5, _VARINT)]
    + [(number, _BYTES) for number in (2, 3, 4, 6, 7, 8, 14, 20, 25, 26)]
)
# Dimensions that are packed are left out: a graph of TensorFlow has its nodes in that field.
_ONNX_ELEMENTS = frozenset((number, _BYTES) for number in (4, 5, 6, 7, 9, 10, 11, 13))
_ONNX_TENSOR = _ONNX_ELEMENTS | {
    *((number, _VARINT) for number in (1, 2, 5, 7, 11, 14)),
    *((number, _BYTES) for number in (8, 12, 16)),
    (4, _FIXED32),
    (10, _FIXED64),
}
_SENTENCEPIECE = frozenset((number, _BYTES) for number in range(1, 6))
_GRAPH = frozenset([(1, _BYTES), (2, _BYTES), (3, _VARINT), (4, _BYTES), (5, _BYTES)])


def outline(material: Material, head: bytes) -> Outline | None:
    """The outline of a file that is one protocol buffer to its end; None if it is none."""
    fields, first, at, count = set[tuple[int, int]](), b"", 0, 0
    while at < material.size and count < _MOST:
        piece = head[at : at + 20] if at + 20 <= len(head) else material.read(at, 20)
        tag, used = _varint(piece, 0)
        number, wire = tag >> 3, tag & 7
        if not used or not 0 < number < 1 << 29:
            return None
        length, used = _length(wire, piece, used)
        if not used or at + used + length > material.size:
            return None
        if wire == _BYTES and not first:
            first = material.read(at + used, min(length, 64))
        fields.add((number, wire))
        at, count = at + used + length, count + 1
    return Outline(frozenset(fields), first) if fields else None


class Field(Struct, frozen=True):
    """One field at the top: `tag` is its bytes up to its value, which starts at `at + len(tag)`."""

    number: int
    wire: int
    at: int
    tag: bytes


def fields(material: Material) -> Iterator[Field]:
    """Every field at the top of a file that is one protocol buffer, whatever their number.

    Raises: FormatError(MALFORMED) where no whole field stands.
    """
    at = 0
    while at < material.size:
        piece = material.read(at, 20)
        tag, used = _varint(piece, 0)
        number, wire = tag >> 3, tag & 7
        length, used = _length(wire, piece, used) if used else (0, 0)
        if not used or not 0 < number < 1 << 29 or at + used + length > material.size:
            raise FormatError(Reason.MALFORMED, "no whole field stands here", Place(offset=at))
        yield Field(number, wire, at, piece[:used])
        at += used + length


def _length(wire: int, piece: bytes, used: int) -> tuple[int, int]:
    """How many bytes of value follow, and where they start; (0, 0) for what no field may be."""
    match wire:
        case 0:
            _, used = _varint(piece, used)
            return 0, used
        case 1:
            return 8, used
        case 2:
            return _varint(piece, used)
        case 5:
            return 4, used
    return 0, 0


def _varint(piece: bytes, at: int) -> tuple[int, int]:
    """The number and where it ends; (0, 0) if it does not end."""
    value = 0
    for place, byte in enumerate(piece[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return 0, 0


def _starts_with_node(first: bytes) -> bool:
    """Whether these bytes begin a NodeDef: a name, then the name of an operation."""
    if first[:1] != b"\x0a":
        return False
    length, at = _varint(first, 1)
    operation = first[at + length + 2 : at + length + 10]
    return (
        first[at + length : at + length + 1] == b"\x12" and operation.replace(b"_", b"a").isalnum()
    )
