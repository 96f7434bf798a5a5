"""Reads one ONNX TensorProto: where its bytes lie, and whether they are as many as it says.

Sources: `onnx-ml.proto` of onnx 1.23 (which field may hold which type, and how many numbers an
element takes); `docs/ExternalData.md`; `core/framework/tensorprotoutils.cc` of onnxruntime.
"""

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.protobuf import BYTES, Wire, schema, signed
from probatum.vocabulary import Place, Reason

_TENSOR = schema(
    dims="1n*", data_type="2n", segment="3b", float_data="4f*", int32_data="5n*",
    string_data="6b*", int64_data="7n*", name="8b", raw_data="9b", double_data="10e*",
    uint64_data="11n*", doc_string="12b", external_data="13b*", data_location="14n",
    metadata_props="16b*",
)  # fmt: skip
_PAIR = schema(key="1b", value="2b")

BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
"""Data type: bits of an element. 8 is text, 0 is none; 27 and 28 have no settled packing."""

_TEXT = 8
# Field: {data type: elements that one number of the field holds, or -2 where it takes two}.
_TYPED = {
    4: {1: 1, 14: -2},
    5: dict.fromkeys((2, 3, 4, 5, 6, 9, 10, 16, 17, 18, 19, 20, 24), 1)
    | dict.fromkeys((21, 22, 23), 2)
    | dict.fromkeys((25, 26), 4),
    6: {_TEXT: 1},
    7: {7: 1},
    10: {11: 1, 15: -2},
    11: {12: 1, 13: 1},
}
_WIDTH = {4: 4, 10: 8}
_LARGEST = 1 << 62


class Tensor(Struct):
    """One tensor as it stands. `raw` is the span of its raw bytes, never read.

    `held` counts the numbers in each typed field; `packed` is the span of floats that stand in one
    piece. `doubt` is what keeps its soundness from being
    decided, `fault` the rule it breaks.
    """

    name: str = ""
    data_type: int = 0
    count: int = 1
    shape: tuple[int, ...] = ()
    raw: tuple[int, int] | None = None
    packed: tuple[int, int] | None = None
    held: dict[int, int] = {}
    is_external: bool = False
    external: dict[str, str] = {}
    fault: str | None = None
    doubt: FormatError | None = None

    @property
    def size(self) -> int:
        """Bytes of all its elements, packed."""
        return -(-self.count * BITS.get(self.data_type, 0) // 8)

    @property
    def reaches(self) -> int:
        """The byte of the external file after the last one that is needed."""
        offset = self.external.get("offset", "0")
        return (int(offset) if _is_whole(offset) else 0) + self.size


def tensor(wire: Wire, start: int, stop: int) -> Tensor:
    """The tensor in [start, stop), its fault or doubt decided."""
    found = Tensor(held={}, external={})
    for number, kind, begin, end in wire.fields(_TENSOR, "TensorProto", start, stop):
        match number:
            case 1:
                sizes = wire.numbers(begin, end) if kind == BYTES else (begin,)
                for size in sizes:
                    _measure(found, signed(size))
            case 2:
                found.data_type = begin
            case 3:
                found.doubt = _doubt(Reason.UNSUPPORTED, "it is a segment of a tensor", begin)
            case 4 | 5 | 6 | 7 | 10 | 11:
                count = _numbers(wire, number, kind, begin, end)
                if number in _WIDTH and kind == BYTES and number not in found.held:
                    found.packed = (begin, end)
                found.held[number] = found.held.get(number, 0) + count
            case 8:
                found.name = wire.text(begin, end)
            case 9:
                found.raw = (begin, end)
            case 13:
                _external(wire, found, begin, end)
            case 14:
                found.is_external = begin == 1
                if begin > 1:
                    found.doubt = _doubt(Reason.PARSER_DIFFERENTIAL, f"location {begin}", start)
            case 16:
                for _ in wire.fields(_PAIR, "StringStringEntryProto", begin, end):
                    pass
    if found.fault is None:
        found.fault = _fault(found, start)
    return found


def _measure(found: Tensor, size: int) -> None:
    if size < 0:
        found.fault = f"a dimension is {size}"
    found.count *= max(size, 0)
    found.shape = (*found.shape, max(size, 0))
    if found.count > _LARGEST or size > _LARGEST:
        found.fault, found.count = "its shape overflows", 0


def _numbers(wire: Wire, number: int, kind: int, begin: int, end: int) -> int:
    if kind != BYTES or number == 6:
        return 1
    if number not in _WIDTH:
        return wire.count(begin, end)
    if (end - begin) % _WIDTH[number]:
        raise _doubt(Reason.MALFORMED, "a packed list ends inside a number", begin)
    return (end - begin) // _WIDTH[number]


def _external(wire: Wire, found: Tensor, start: int, stop: int) -> None:
    key = value = ""
    for number, _, begin, end in wire.fields(_PAIR, "StringStringEntryProto", start, stop):
        if number == 1:
            key = wire.text(begin, end)
        else:
            value = wire.text(begin, end)
    if key in found.external:
        raise _doubt(Reason.PARSER_DIFFERENTIAL, f"external_data says {key!r} twice", start)
    found.external[key] = value


def _fault(found: Tensor, start: int) -> str | None:
    fields = [number for number, count in found.held.items() if count]
    places = len(fields) + (found.raw is not None) + found.is_external
    if found.data_type == 0 or found.data_type >= 1 << 31:
        return f"the data type {found.data_type} does not exist"
    if found.data_type not in BITS and found.data_type != _TEXT:
        found.doubt = _doubt(Reason.UNSUPPORTED, f"the data type {found.data_type}", start)
        return None
    if places > 1 or (found.external and not found.is_external):
        found.doubt = _doubt(
            Reason.PARSER_DIFFERENTIAL, "its elements stand in more than one place", start
        )
        return None
    if found.is_external:
        return _external_fault(found, start)
    if found.raw is not None:
        length = found.raw[1] - found.raw[0]
        if found.data_type == _TEXT:
            return "text stands in raw_data"
        return None if length == found.size else _mismatch(found, f"raw_data has {length}")
    if not fields:
        return None if found.count == 0 else "it has elements and no data"
    return _typed_fault(found, fields[0])


def _typed_fault(found: Tensor, field: int) -> str | None:
    held, packing = found.held[field], _TYPED[field].get(found.data_type)
    if packing is None:
        return f"the data type {found.data_type} stands in field {field}"
    wanted = found.count * 2 if packing == -2 else -(-found.count // packing)
    if held == wanted:
        return None
    return f"its shape asks for {wanted} numbers in field {field}, which holds {held}"


def _external_fault(found: Tensor, start: int) -> str | None:
    if found.data_type == _TEXT:
        return "text lies in another file"
    if "location" not in found.external:
        return "it lies in another file that is not named"
    unknown = set(found.external) - {"location", "offset", "length", "checksum", "basepath"}
    if unknown or "basepath" in found.external:
        key = sorted(unknown)[0] if unknown else "basepath"
        found.doubt = _doubt(Reason.UNSUPPORTED, f"external_data says {key!r}", start)
    for key in ("offset", "length"):
        value = found.external.get(key, "0")
        if not _is_whole(value):
            return f"its {key} {value[:40]!r} is not a whole number"
    if found.reaches > _LARGEST:
        return "its offset and size overflow"
    length = found.external.get("length")
    if length is not None and int(length) != found.size:
        return _mismatch(found, f"length is {length}")
    return None


def _mismatch(found: Tensor, says: str) -> str:
    return f"{says}, {found.count} elements of type {found.data_type} take {found.size} bytes"


def _is_whole(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 19


def _doubt(reason: Reason, says: str, at: int) -> FormatError:
    return FormatError(reason, f"a tensor cannot be decided: {says}", Place(offset=at))
