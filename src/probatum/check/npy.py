"""Re-derives that a numpy array file is an array of plain numbers or text, or one proven pickle.

Facts: `{"claim", "size", "header": sha256 of [0, data), "data": offset of the array's bytes,
"pickle": the facts of check/pickle.py about the bytes from `data` on, or null}`.

1. The header is what numpy reads as {'descr', 'fortran_order', 'shape'}. 2. Without objects, the
array's bytes are exactly the rest of the file: numpy copies them. 3. With objects, the rest of the
file is one pickle, whose own certificate holds.
"""

import ast
import hashlib
import re
from collections.abc import Callable
from math import prod
from typing import Any

from probatum.check import pickle as pickle_check
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
_CODE = re.compile(
    r"[<>|=]?(b1|[iu][1248]|f(?:[248]|12|16)|c(?:8|16|24|32)|[mM]8|O[48]?|[SUV][0-9]{1,9})"
)

# What numpy writes for all but records, so that most headers need no parser.
_COUNT = "(?:0|[1-9][0-9]{0,18})"
_WRITTEN = re.compile(
    r"\{'descr': '([^'\\]+)', 'fortran_order': (?:True|False), "
    rf"'shape': \(((?:{_COUNT},|{_COUNT}(?:, {_COUNT})+)?)\), \}} *\n"
)


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"claim", "size", "header", "data", "pickle"}:
        raise Rejected("0: not the facts of an array file")
    if facts["claim"] not in ("load-inert", "data-shaped", "header-sound"):
        raise Rejected("0: not a claim that this certificate can carry")
    data = facts["data"]
    if type(facts["size"]) is not int or facts["size"] != size:
        raise Rejected("0: the file has another size")
    if type(data) is not int or not 10 <= data <= min(size, 12 + (1 << 16)):
        raise Rejected("0: no place for the array")
    head = read(0, data)
    if len(head) != data or hashlib.sha256(head).hexdigest() != facts["header"]:
        raise Rejected("1: another header")
    length, objects = _array(head)
    inner = facts["pickle"]
    if not objects:
        if inner is not None or data + length != size:
            raise Rejected("2: the file is not exactly the array")
        return
    if facts["claim"] == "header-sound" or not isinstance(inner, dict):
        raise Rejected("3: the objects' pickle has no certificate")
    if inner.get("claim") != facts["claim"]:
        raise Rejected("3: the certificate of the pickle is of another claim")
    pickle_check.holds(inner, lambda at, count: read(data + at, count), size - data)
    if len(inner["streams"]) != 1:
        raise Rejected("3: more than the one pickle that numpy reads")


def imports(facts: dict[str, Any]) -> set[str]:
    """The top-level packages that loading the objects imports, of facts that hold."""
    return pickle_check.imports(facts["pickle"]) if facts["pickle"] is not None else set()


def _array(head: bytes) -> tuple[int, bool]:
    """(bytes of the array, holds objects) that a header tells."""
    width = {1: 2, 2: 4, 3: 4}.get(head[6])
    if head[:6] != b"\x93NUMPY" or width is None or head[7] != 0:
        raise Rejected("1: no array file")
    if 8 + width + int.from_bytes(head[8 : 8 + width], "little") != len(head):
        raise Rejected("1: the header has another length")
    text = head[8 + width :].decode("utf-8" if head[6] == 3 else "latin-1", "replace")
    written = _WRITTEN.fullmatch(text)
    if written:
        size, objects = _element(written[1], 16)
        return size * prod(int(n) for n in re.findall(_COUNT, written[2])), objects
    try:
        found = ast.literal_eval(text.strip(" \n"))
        items = found.items()
        shape, descr = found["shape"], found["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, MemoryError) as exc:
        raise Rejected("1: the header is no literal") from exc
    except RecursionError as exc:
        raise Rejected("1: the header is nested too deep") from exc
    if len(items) != 3 or text.count("'descr'") + text.count('"descr"') != 1:
        raise Rejected("1: the header says something twice or more")
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise Rejected("1: no shape")
    if found.get("fortran_order") not in (True, False):
        raise Rejected("1: no order")
    size, objects = _element(descr, 16)
    return size * prod(shape), objects


def _element(descr: Any, deepest: int) -> tuple[int, bool]:
    if type(descr) is str:
        found = _CODE.fullmatch(descr)
        if not found:
            raise Rejected("1: no data type that is proven")
        if found[1][0] == "O":
            return 8, True
        return int(found[1][1:]) * (4 if found[1][0] == "U" else 1), False
    if type(descr) is not list or not descr or deepest == 0:
        raise Rejected("1: no data type")
    size, objects = 0, False
    for field in descr:
        if type(field) is not tuple or len(field) not in (2, 3):
            raise Rejected("1: no field")
        inner, holds_objects = _element(field[1], deepest - 1)
        lengths = field[2] if len(field) == 3 else ()
        if type(lengths) is not tuple or not all(type(n) is int and n >= 0 for n in lengths):
            raise Rejected("1: no field")
        size, objects = size + inner * prod(lengths), objects or holds_objects
    return size, objects
