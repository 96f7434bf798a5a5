"""Re-derives what an ONNX model holds, in one linear pass over its protobuf with a stack of frames.

Facts: `claim` (`header-sound`, `self-contained` or `load-inert`), `size` (bytes of the file),
`skeleton` (SHA-256 in hex of the file without the raw_data of its tensors), `nodes` and `tensors`
(how many), `files` (the paths of external tensors, sorted). The analyser descends by recursion and
decides fields as it meets them; this check collects each message's fields and judges it where it
ends. The operators come from `probatum/rules/onnx_operators.toml`.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

# Field number, then n(umber), f(our), e(ight), b(ytes) or the message's name; * may repeat.
_SPELLED = {
    "Model": "1n 2b 3b 4b 5n 6b 7Graph 8Opset* 14Pair* 20Training* 25Function*",
    "Graph": "1Node* 2b 5Tensor* 10b 11Value* 12Value* 13Value* 14Annotation* 15Sparse* 16Pair*",
    "Node": "1b* 2b* 3b 4b 5Attribute* 6b 7b 8b 9Pair*",
    "Attribute": "1b 2f 3n 4b 5Tensor 6Graph 7f* 8n* 9b* 10Tensor* 11Graph* 13b 14Type 15Type* "
    "20n 21b 22Sparse 23Sparse*",
    "Function": "1b 4b* 5b* 6b* 7Node* 8b 9Opset* 10b 11Attribute* 12Value* 13b 14Pair*",
    "Training": "1Graph 2Graph 3Pair* 4Pair*",
    "Tensor": "1n* 2n 3b 4f* 5n* 6b* 7n* 8b 9b 10e* 11n* 12b 13Pair* 14n 16Pair*",
    "Sparse": "1Tensor 2Tensor 3n*",
    "Annotation": "1b 2Pair*",
    "Value": "1b 2Type 3b 4Pair*",
    "Type": "1TensorType 4Inner 5Map 6b 7Pair 8TensorType 9Inner",
    "TensorType": "1n 2Shape",
    "Inner": "1Type",
    "Map": "1n 2Type",
    "Shape": "1Dimension*",
    "Dimension": "1n 2b 3b",
    "Opset": "1b 2n",
    "Pair": "1b 2b",
}
_KEPT = {("Node", 4), ("Node", 7), ("Function", 1), ("Function", 10), ("Pair", 1), ("Pair", 2)}
_WIRE = {"n": 0, "e": 1, "f": 5}


def _schema(spelled: str) -> dict[int, tuple[str, bool]]:
    found = {}
    for word in spelled.split():
        digits = "".join(letter for letter in word if letter.isdigit())
        found[int(digits)] = (word[len(digits) :].rstrip("*"), word.endswith("*"))
    return found


_SCHEMAS = {name: _schema(spelled) for name, spelled in _SPELLED.items()}
_BITS = {1: 32, 6: 32, 12: 32, 7: 64, 11: 64, 13: 64, 14: 64, 15: 128}
_BITS |= dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8) | dict.fromkeys((4, 5, 10, 16), 16)
_BITS |= dict.fromkeys((21, 22, 23), 4) | dict.fromkeys((25, 26), 2)
_TYPES = {4: {1, 14}, 5: set(_BITS) - {1, 7, 11, 12, 13, 14, 15}, 7: {7}, 10: {11, 15}}
_TYPES |= {6: {8}, 11: {12, 13}}


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises Rejected at the first step that fails."""
    names = {"claim", "size", "skeleton", "nodes", "tensors", "files"}
    _demand(isinstance(facts, dict) and set(facts) == names, "the facts' names")
    claim = facts["claim"]
    _demand(claim in ("header-sound", "self-contained", "load-inert"), "the claim")
    # 1. One pass over all bytes gives the skeleton's digest and everything below.
    model = _Pass(read, size, strict=claim != "self-contained")
    model.run()
    # 2. The facts are about these bytes.
    derived = (size, model.digest.hexdigest(), model.nodes, model.tensors, sorted(model.files))
    said = tuple(facts[name] for name in ("size", "skeleton", "nodes", "tensors", "files"))
    _demand(repr(said) == repr(derived), "the facts are not what these bytes give")
    # 3. Each claim's own condition; that of header-sound is held tensor by tensor in the pass.
    if claim != "header-sound":
        _demand(all(map(_stays, model.files)), "a path leaves the folder")
    if claim == "load-inert":
        _demand(not model.settings, "the metadata sets the runtime")
        _demand(model.operators <= _operators() | model.functions, "an unknown operator")


class _Frame:
    """A message that is being read: its type, end and field number, and the fields met so far."""

    def __init__(self, name: str, stop: int, number: int = 0) -> None:
        self.name, self.stop, self.number, self.schema = name, stop, number, _SCHEMAS[name]
        self.seen: dict[int, list[Any]] = {}


class _Pass:
    def __init__(self, read: Read, size: int, strict: bool) -> None:
        self.read, self.size, self.strict = read, size, strict
        self.window, self.base = b"", 0
        self.at = self.hashed = 0
        self.digest = hashlib.sha256()
        self.nodes = self.tensors = 0
        self.operators: set[tuple[bytes, bytes]] = set()
        self.functions: set[tuple[bytes, bytes]] = set()
        self.files: set[str] = set()
        self.settings = False

    def run(self) -> None:
        stack = [_Frame("Model", self.size)]
        while stack:
            frame = stack[-1]
            if self.at == frame.stop:
                stack.pop()
                self._close(frame, stack[-1] if stack else None)
                continue
            inner = self._field(frame)
            if inner is not None:
                _demand(len(stack) < 100, "messages nest too deeply")
                stack.append(inner)
        self._hash(self.size)

    def _field(self, frame: _Frame) -> _Frame | None:
        """Read one field into its frame, or open the message that it is."""
        key = self._number(frame.stop)
        number, wire = key >> 3, key & 7
        if number not in frame.schema:
            raise Rejected("an unknown field")
        kind, repeats = frame.schema[number]
        values = frame.seen.setdefault(number, [])
        if values and not repeats:
            raise Rejected("a field stands twice")
        if wire == 2:
            length = self._number(frame.stop)
            if length > frame.stop - self.at or (kind in _WIRE and not repeats):
                raise Rejected("bytes pass the end of their message, or stand for a number")
            if kind in _SCHEMAS:
                values.append(number)
                return _Frame(kind, self.at + length, number)
            values.append(self._bytes(frame.name, number, kind, length))
            return None
        _demand(wire == _WIRE.get(kind), "a wrong wire type")
        values.append(self._number(frame.stop) if wire == 0 else self._skip(4 if wire == 5 else 8))
        _demand(self.at <= frame.stop, "a field passes the end of its message")
        return None

    def _bytes(self, name: str, number: int, kind: str, length: int) -> Any:
        """What is kept of bytes: text of the names that matter, the count of packed numbers."""
        if (name, number) == ("Tensor", 9):
            self._hash(self.at)
            self.hashed = self.at + length
            self._skip(length)
            return length
        if name == "Tensor" and kind in "fe":
            _demand(length % (4 if kind == "f" else 8) == 0, "half a number")
            self._skip(length)
            return ("packed", length // (4 if kind == "f" else 8))
        if name == "Tensor" and number == 1:
            stop, sizes = self.at + length, []
            while self.at < stop:
                sizes.append(self._number(stop))
            return ("sizes", sizes)
        if name == "Tensor" and kind == "n":
            return ("packed", self._count(length))
        if (name, number) in _KEPT and length <= 1 << 16:
            return self._take(length)
        self._skip(length)
        return None

    def _close(self, frame: _Frame, parent: _Frame | None) -> None:
        seen = frame.seen
        match frame.name:
            case "Model":
                _demand(7 in seen, "no graph")
            case "Pair" if parent is not None:
                pair = (seen.get(1, [b""])[0], seen.get(2, [b""])[0])
                parent.seen[frame.number][-1] = pair
                self.settings |= parent.name == "Model" and pair[0] == b"ort_config"
            case "Node":
                self.nodes += 1
                self.operators.add(_operator(seen, 7, 4))
            case "Function":
                self.functions.add(_operator(seen, 10, 1))
            case "Sparse":
                _demand(not self.strict, "a sparse tensor")
            case "Tensor":
                self.tensors += 1
                self._tensor(seen)

    def _tensor(self, seen: dict[int, list[Any]]) -> None:
        pairs = [(_text(key), _text(value)) for key, value in seen.get(13, [])]
        external = dict(pairs)
        _demand(len(external) == len(pairs), "external data says a thing twice")
        if external or seen.get(14) == [1]:
            self.files.add(external.get("location", ""))
        if not self.strict:
            return
        # Its elements stand in one place, and are as many as the shape asks for.
        count = _elements(seen.get(1, []))
        (kind,) = seen.get(2, [0])
        held = {field: _numbers(seen[field]) for field in (4, 5, 6, 7, 10, 11) if field in seen}
        held = {field: number for field, number in held.items() if number}
        is_external = seen.get(14, [0]) == [1]
        _demand(seen.get(14, [0])[0] in (0, 1) and 3 not in seen, "a segment or odd location")
        _demand(len(held) + (9 in seen) + is_external <= 1, "elements in two places")
        _demand(kind in _BITS or kind == 8, "the data type")
        _demand(is_external or not external, "external data that is not used")
        wanted = -(-count * _BITS.get(kind, 0) // 8)
        if is_external:
            known = {"location", "offset", "length", "checksum"}
            _demand(kind != 8 and "location" in external and set(external) <= known, "its place")
            offset, length = external.get("offset", "0"), external.get("length", str(wanted))
            _demand(all(one.isascii() and one.isdigit() for one in (offset, length)), "a number")
            _demand(max(len(offset), len(length)) <= 19 and int(length) == wanted, "the length")
            _demand(int(offset) + wanted <= 1 << 62, "the offset")
        elif 9 in seen:
            _demand(kind != 8 and seen[9] == [wanted], "raw data of the wrong length")
        elif held:
            ((field, number),) = held.items()
            _demand(kind in _TYPES[field], "a type in the wrong field")
            bits = {4: 32, 5: 8 if kind in (21, 22, 23, 25, 26) else 0, 10: 64}.get(field, 0)
            _demand(number == (-(-count * _BITS[kind] // bits) if bits else count), "the numbers")
        else:
            _demand(count == 0, "no data")

    def _number(self, stop: int) -> int:
        start = self.at - self.base
        if self.at < stop and 0 <= start < len(self.window) and self.window[start] < 128:
            self.at += 1
            return self.window[start]
        found = shift = 0
        byte = 128
        while byte > 127:
            start = self.at - self.base
            if not 0 <= start < len(self.window):
                self.window, self.base, start = self.read(self.at, 1 << 20), self.at, 0
                _demand(self.window != b"", "the file ends too early")
            _demand(self.at < min(stop, self.size) and shift < 70, "a number passes its end")
            byte = self.window[start]
            found |= (byte & 127) << shift
            self.at += 1
            shift += 7
        _demand((byte > 0 or shift == 7) and found < 1 << 64, "a number is padded or too large")
        return found

    def _count(self, length: int) -> int:
        found, byte = 0, b""
        for at in range(self.at, self.at + length, 1 << 20):
            piece = self.read(at, min(1 << 20, self.at + length - at))
            found += len(piece.translate(None, bytes(range(128, 256))))
            runs = re.findall(rb"[\x80-\xff]+", piece)
            byte = piece[-1:]
            _demand(max(map(len, runs), default=0) < 10, "a number is too long")
        _demand(byte < b"\x80", "a number does not end")
        self._skip(length)
        return found

    def _take(self, length: int) -> bytes:
        start = self.at - self.base
        if not 0 <= start <= start + length <= len(self.window):
            self.window, self.base, start = self.read(self.at, max(length, 1 << 20)), self.at, 0
        self.at += length
        return self.window[start : start + length]

    def _skip(self, length: int) -> int:
        self.at += length
        return 0

    def _hash(self, stop: int) -> None:
        while self.hashed < stop:
            piece = self.read(self.hashed, min(1 << 20, stop - self.hashed))
            _demand(piece != b"", "the file ends too early")
            self.digest.update(piece)
            self.hashed += len(piece)


def _operator(seen: dict[int, list[Any]], domain: int, name: int) -> tuple[bytes, bytes]:
    pair = (seen.get(domain, [b""])[0] or b"ai.onnx", seen.get(name, [b""])[0])
    _demand(type(pair[0]) is bytes and type(pair[1]) is bytes, "a name that is too long")
    return pair


def _elements(sizes: list[Any]) -> int:
    flat = [one for size in sizes for one in (size[1] if type(size) is tuple else [size])]
    found = 1
    for one in flat:
        found *= one
        _demand(max(one, found) <= 1 << 62, "a shape overflows")
    return found


def _numbers(values: list[Any]) -> int:
    return sum(value[1] if type(value) is tuple else 1 for value in values)


def _stays(path: str) -> bool:
    inside = all(letter.isprintable() or ord(letter) > 126 for letter in path)
    parts = [part.strip() for part in path.split("/")]
    odd = any(letter in path for letter in "\\:") or path.startswith(("/", "~", "*/_ORT"))
    return path != "" and inside and not odd and ".." not in parts


@cache
def _operators() -> set[tuple[bytes, bytes]]:
    rows = tomllib.loads((files("probatum.rules") / "onnx_operators.toml").read_text("utf-8"))
    return {(r["name"].encode(), one.encode()) for r in rows["domain"] for one in r["operators"]}


def _text(said: Any) -> str:
    _demand(type(said) is bytes, "a text that is too long")
    return str(said, "utf-8", "backslashreplace")


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)
