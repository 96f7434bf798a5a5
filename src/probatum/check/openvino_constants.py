"""Re-derives that an OpenVINO model's constants have the sizes of their types and shapes.

facts = {"size": bytes, "sha256": hex of the document, "constants": int,
         "weights": how many bytes the file of weights must hold}

1. The document is UTF-8, well-formed, and declares no entities or document type.
2. Every `data` with an offset and a size has the size that its type and shape come to.
3. No constant begins inside another; two may be the same bytes.
"""

import hashlib
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "header-sound"
_MOST = 256 << 20
_EIGHTHS = {"f64": 64, "i64": 64, "u64": 64, "f32": 32, "i32": 32, "u32": 32, "f16": 16}
_EIGHTHS |= {"bf16": 16, "i16": 16, "u16": 16, "i8": 8, "u8": 8, "boolean": 8, "f8e4m3": 8}
_EIGHTHS |= {"f8e5m2": 8, "f8e8m0": 8, "i4": 4, "u4": 4, "nf4": 4, "f4e2m1": 4, "u1": 1}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless the constants lie as `facts` say."""
    names = {"size", "sha256", "constants", "weights"}
    _demand(isinstance(facts, dict) and set(facts) == names, "the facts' names")
    _demand(all(type(facts[one]) is int for one in names - {"sha256"}), "numbers")
    _demand(facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    spans = sorted(_constants(data))
    end = 0
    for place, (start, stop) in enumerate(spans):
        again = place and spans[place - 1] == (start, stop)
        _demand(again or start >= end or start == stop, "step 3: a constant inside another")
        end = max(end, stop)
    _demand(facts["constants"] == len(spans), "another number of constants")
    _demand(facts["weights"] == end, "another end of the weights")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _constants(data: bytes) -> list[tuple[int, int]]:
    _demand(data.isascii() or _is_utf8(data), "step 1: not UTF-8")
    _demand(
        b"<!" not in re.sub(rb"<!--.*?-->", b"", data, flags=re.DOTALL), "step 1: a declaration"
    )
    constants = _Constants()
    parser = ET.XMLParser(target=constants)  # noqa: S314  (nothing is declared)
    try:
        parser.feed(data)
        parser.close()
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise Rejected(f"step 1: not well-formed: {exc}") from exc
    return constants.found


class _Constants:
    """Keeps of the document the places of its constants, and nothing else."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []

    def start(self, tag: str, said: dict[str, str]) -> None:
        if tag.rpartition("}")[2] == "data" and {"offset", "size"} <= set(said):
            self.found.append(_span(said))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _span(said: dict[str, str]) -> tuple[int, int]:
    start, size = said.get("offset", ""), said.get("size", "")
    for one in (start, size):
        _demand(re.fullmatch(r"[0-9]{1,18}", one), "step 2: no plain offset and size")
    shape = said.get("shape", "").replace(", ", ",")
    sizes = shape.split(",") if shape else []
    _demand(all(re.fullmatch("[0-9]{1,15}", one) for one in sizes), "step 2: no plain shape")
    _demand(len(sizes) <= 64, "step 2: too many dimensions")
    width = _EIGHTHS.get(said.get("element_type", ""), 0)
    _demand(width, "step 2: a type that is not listed")
    bytes_ = -(-math.prod(map(int, sizes)) * width // 8)
    _demand(int(size) == bytes_, "step 2: a size that type and shape do not come to")
    return int(start), int(start) + int(size)
