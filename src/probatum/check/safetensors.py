"""Re-derives that a safetensors header is sound (and so that the file holds spans of bytes only).

Facts: `claim` (`header-sound` or `load-inert`, which rest on the same check), `size` (bytes of the
file), `header` (bytes of length field and JSON together), `sha256` (hex, of those bytes),
`tensors` (how many). The analyser parses by schema and sorts; this check lets the standard
library parse and follows the chain of spans from one end of the buffer to the other.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BF16": 16, "F16": 16, "I16": 16, "U16": 16}
_BITS |= dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8)
_BITS |= {"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F32": 32, "I32": 32, "U32": 32}
_BITS |= {"F64": 64, "I64": 64, "U64": 64, "C64": 64}
_LIMIT = 1 << 64


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected at the first step that fails."""
    _demand(
        isinstance(facts, dict) and set(facts) == {"claim", "size", "header", "sha256", "tensors"},
        "the facts' names",
    )
    _demand(facts["claim"] in ("header-sound", "load-inert"), "the claim is not of this check")
    stop, count = facts["header"], facts["tensors"]
    _demand(type(stop) is int and type(count) is int, "header and tensors are not whole numbers")
    # 1. The facts are about these bytes.
    _demand(type(facts["size"]) is int and facts["size"] == size, "the file's size differs")
    _demand(8 < stop <= min(size, 100_000_008), "the header does not lie in the file")
    data = b"".join(read(at, min(1 << 20, stop - at)) for at in range(0, stop, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the header's bytes differ")
    # 2. The header is where its length says, and is one JSON object that all parsers agree on.
    _demand(int.from_bytes(data[:8], "little") == stop - 8, "the length is not the header's")
    _demand(data[8:9] == b"{", "the header does not begin with a brace")
    entries = _parsed(data[8:])
    metadata = entries.pop("__metadata__", {})
    _demand(type(metadata) is dict, "__metadata__ is not an object")
    _demand(all(type(one) is str for one in metadata.values()), "metadata that is not text")
    # 3. Every tensor's span is what its dtype and shape ask for.
    _demand(len(entries) == count, "the number of tensors differs")
    _fills([_span(entry) for entry in entries.values()], size - stop)


def _fills(spans: list[tuple[int, int]], buffer: int) -> None:
    # 4. From the buffer's first byte each span leads to the next one and the last one to its end.
    chain = {begin: end for begin, end in spans if begin < end}
    empty = [begin for begin, end in spans if begin == end]
    _demand(len(chain) + len(empty) == len(spans), "two tensors begin at one byte")
    edges = {0}
    reached = 0
    while reached in chain:
        reached = chain[reached]
        edges.add(reached)
    _demand(len(edges) == len(chain) + 1, "a tensor is not reached: there is an overlap or a gap")
    _demand(reached == buffer, "the tensors do not fill the buffer")
    _demand(edges.issuperset(empty), "an empty tensor lies inside another")


def _span(entry: Any) -> tuple[int, int]:
    _demand(type(entry) is dict, "a tensor is not an object")
    _demand(set(entry) == {"dtype", "shape", "data_offsets"}, "a tensor's keys")
    shape, offsets = entry["shape"], entry["data_offsets"]
    _demand(type(entry["dtype"]) is str and entry["dtype"] in _BITS, "an unknown dtype")
    _demand(type(shape) is list and type(offsets) is list and len(offsets) == 2, "a list is amiss")
    _demand(all(type(one) is int and 0 <= one < _LIMIT for one in shape + offsets), "a number")
    bits = _product(shape, _BITS[entry["dtype"]])
    _demand(bits % 8 == 0 and offsets[1] - offsets[0] == bits // 8, "a span of the wrong length")
    return offsets[0], offsets[1]


def _product(shape: list[int], bits: int) -> int:
    # A loader multiplies in order and stops at overflow, even where a zero would follow.
    found = 1
    for one in shape:
        found *= one
        _demand(found < _LIMIT, "a shape overflows")
    _demand(found * bits < _LIMIT, "a size overflows")
    return found * bits


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError) as exc:
        raise Rejected("the header is not JSON") from exc
    _demand(type(found) is dict, "the header is not an object")
    return dict(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _demand(len(found) == len(pairs), "a key stands twice")
    for key, value in pairs:
        for said in (key, value):
            if type(said) is str:
                said.encode()  # half a surrogate pair: UnicodeEncodeError is a ValueError
                _demand("\0" not in said, "a NUL in a string")
    return found


def _whole(digits: str) -> int:
    _demand(digits[0] != "-" and len(digits) <= 20, "a number that is negative or too long")
    return int(digits)


def _refuse(_: str) -> NoReturn:
    raise Rejected("a number that is not whole")


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)
