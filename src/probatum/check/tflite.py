"""Re-derives that a TFLite flatbuffer is sound, and that its operators are TFLite's own.

Facts: `claim` (`header-sound` or `load-inert`), `size` (bytes of the file), `skeleton` (SHA-256 in
hex of the file without the contents of its buffers), `tables` (how many), `operators` (sorted:
`builtin:<number>` or `custom:<name>`). Schema and builtins come from
`probatum/rules/tflite_schema.toml`. The analyser raises at the first fault of a part as it meets
it; this check lists every byte range with its role first, and then lays them in a row.
"""

import hashlib
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Tables = dict[int, tuple[str, dict[int, Any]]]

_BITS = dict.fromkeys((3, 6, 9), 8) | dict.fromkeys((1, 7, 16, 18), 16) | {17: 4, 11: 128}
_BITS |= dict.fromkeys((0, 2, 15), 32) | dict.fromkeys((4, 8, 10, 12), 64)
_OWN = {"TFLite_Detection_PostProcess", "NumericVerify", "Mfcc", "AudioSpectrogram"}
_NONE = (1 << 32) - 1


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises Rejected at the first step that fails."""
    _demand(
        isinstance(facts, dict)
        and set(facts) == {"claim", "size", "skeleton", "tables", "operators"},
        "the facts' names",
    )
    _demand(facts["claim"] in ("header-sound", "load-inert"), "the claim")
    rules = _rules()
    # 1. Every part that the schema leads to lies in the file.
    walk = _Walk(read, size, rules)
    walk.run()
    # 2. Laid in a row by where they begin, no part begins before the one before it ends.
    contents = [walk.content(at) for at in walk.model.get(4, [])]
    reached = 0
    for start, stop, _ in sorted(walk.parts):
        _demand(start >= reached, "two parts overlap")
        reached = stop
    # 3. Every number that names something names what is there; constants fill their buffers.
    for graph in walk.model.get(2, []):
        _graph(walk, walk.tables[graph][1], contents)
    for at in walk.model.get(6, []):
        _demand(walk.tables[at][1].get(1, 0) < len(contents), "a buffer that is not there")
    for name, fields in walk.tables.values():
        odd = name == "Tensor" and fields.get(1, 0) not in {*_BITS, 5, 13, 14}
        _demand(not odd, "a type that is not known")
    # 4. The facts are about these bytes.
    codes = [walk.tables[at][1] for at in walk.model.get(1, [])]
    names = [(_code(one), walk.text(one.get(1))) for one in codes]
    spelled = {f"custom:{name}" if code == 32 else f"builtin:{code}" for code, name in names}
    derived = (size, _skeleton(read, size, contents + walk.options), len(walk.tables))
    said = (facts["size"], facts["skeleton"], facts["tables"], facts["operators"])
    _demand(repr(said) == repr((*derived, sorted(spelled))), "the facts are not of these bytes")
    # 5. For load-inert: every operator is TFLite's own.
    if facts["claim"] == "load-inert":
        builtins = rules["builtins"]
        own = all(n in _OWN if code == 32 else str(code) in builtins for code, n in names)
        _demand(own, "an operator of another")


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads((files("probatum.rules") / "tflite_schema.toml").read_text("utf-8"))


class _Walk:
    def __init__(self, read: Read, size: int, rules: dict[str, Any]) -> None:
        self.read, self.size, self.rules = read, size, rules
        self.parts: set[tuple[int, int, str]] = {(0, 8, "root")}
        self.tables: Tables = {}
        self.options: list[tuple[int, int] | None] = []
        self.page, self.base = b"", 0

    def run(self) -> None:
        _demand(self.bytes(4, 4) == b"TFL3", "the mark")
        root = self.follow(0)
        todo = [("Model", root)]
        while todo:
            name, at = todo.pop()
            if at in self.tables:
                _demand(self.tables[at][0] == name, "one table of two kinds")
                continue
            todo += self.table(name, at)
        self.model = self.tables[root][1]
        _demand(self.model.get(0) == 3, "the version")
        for name, fields in list(self.tables.values()):
            if name == "Operator" and fields.get(9, 0) > 1:
                start, stop = fields[9], fields[9] + fields.get(10, 0)
                self.part(start, stop, "options")
                self.options.append((start, stop))

    def table(self, name: str, at: int) -> list[tuple[str, int]]:
        vtable = at - int.from_bytes(self.bytes(at, 4), "little", signed=True)
        length = self.whole(vtable, 2)
        _demand(at % 4 == 0 and vtable % 2 == 0 and length % 2 == 0 and length >= 4, "a vtable")
        self.part(vtable, vtable + length, "vtable")
        self.part(at, at + 4, f"{name} {at}")
        kinds, fields, inner = self.rules["tables"][name], dict[int, Any](), []
        for slot in range((length - 4) // 2):
            place = self.whole(vtable + 4 + 2 * slot, 2)
            if place == 0:
                continue
            _demand(slot < len(kinds), "a slot that is not known")
            kind, place = kinds[slot], at + place
            if kind[0] == "?":
                members = self.rules["unions"][kind[1:]]
                type = fields.get(slot - 1, 0)
                _demand(0 < type < len(members), "a member that is not known")
                kind = members[type]
            width = int(kind) if kind.isdigit() else 4
            _demand(place % width == 0, "a slot that is not aligned")
            self.part(place, place + width, f"{name} {at} {slot}")
            if kind.isdigit():
                fields[slot] = self.whole(place, width)
                continue
            target = self.follow(place)
            if kind == "s":
                fields[slot] = self.string(target)
            elif kind[0] != "[":
                inner.append((kind, target))
                fields[slot] = [target]
            else:
                fields[slot] = self.vector(target, kind[1:-1])
                if not kind[1:-1].isdigit() and kind != "[s]":
                    inner += [(kind[1:-1], one) for one in fields[slot]]
        self.tables[at] = (name, fields)
        return inner

    def vector(self, at: int, kind: str) -> Any:
        width = int(kind) if kind.isdigit() else 4
        count = self.whole(at, 4)
        _demand(at % 4 == 0, "a vector that is not aligned")
        self.part(at, at + 4 + count * width, f"vector {kind}")
        if kind.isdigit():
            return (at + 4, at + 4 + count * width, width)
        found = [self.follow(at + 4 + 4 * one) for one in range(count)]
        if kind == "s":
            for one in found:
                self.string(one)
        return found

    def string(self, at: int) -> tuple[int, int, int]:
        stop = at + 4 + self.whole(at, 4)
        _demand(at % 4 == 0 and self.bytes(stop, 1) == b"\0", "a text that does not end")
        self.part(at, stop + 1, "text")
        return at + 4, stop, 1

    def content(self, at: int) -> tuple[int, int] | None:
        fields = self.tables[at][1]
        if fields.get(1, 0) > 1:
            span = (fields[1], fields[1] + fields.get(2, 0))
            self.part(*span, "content")
            return span
        return fields[0][:2] if 0 in fields else None

    def text(self, span: tuple[int, int, int] | None) -> str:
        if span is None:
            return ""
        _demand(span[1] - span[0] <= 1 << 12, "a name too long")
        return self.bytes(span[0], span[1] - span[0]).decode(errors="backslashreplace")

    def numbers(self, span: tuple[int, int, int] | None) -> list[int]:
        start, stop, width = span or (0, 0, 1)
        return [self.whole(at, width) for at in range(start, stop, width)]

    def follow(self, at: int) -> int:
        offset = self.whole(at, 4)
        _demand(offset > 0, "an offset to itself")
        return at + offset

    def part(self, start: int, stop: int, role: str) -> None:
        _demand(0 <= start <= stop <= self.size, "a part passes the end")
        if start < stop:
            self.parts.add((start, stop, role))
        _demand(len(self.parts) <= 4_000_000, "too many parts")

    def whole(self, at: int, width: int) -> int:
        return int.from_bytes(self.bytes(at, width), "little")

    def bytes(self, at: int, length: int) -> bytes:
        _demand(0 <= at <= at + length <= self.size, "bytes past the end")
        if not self.base <= at <= at + length <= self.base + len(self.page):
            start = max(0, at - (1 << 15))
            self.page, self.base = self.read(start, length + (1 << 16)), start
        return self.page[at - self.base : at - self.base + length]


def _code(fields: dict[int, Any]) -> int:
    # A signed byte and a signed word; a reader takes the larger.
    old, new = int(fields.get(0, 0)), int(fields.get(3, 0))
    return max(old - 256 if old > 127 else old, new - (1 << 32) if new >> 31 else new)


def _graph(walk: _Walk, graph: dict[int, Any], contents: list[tuple[int, int] | None]) -> None:
    tensors, codes = graph.get(0, []), len(walk.model.get(1, []))
    for at in tensors:
        fields = walk.tables[at][1]
        _demand(fields.get(2, 0) < len(contents), "a buffer that is not there")
        span, kind = contents[fields.get(2, 0)], fields.get(1, 0)
        if span and span[0] < span[1] and kind in _BITS and 6 not in fields:
            count, shape = 1, walk.numbers(fields.get(0))
            _demand(len(shape) <= 64 and max(shape, default=0) < 1 << 31, "a shape")
            for one in shape:
                count *= one
            _demand(-(-count * _BITS[kind] // 8) == span[1] - span[0], "a constant's size")
    named: list[tuple[dict[int, Any], tuple[int, ...]]] = [(graph, (1, 2))]
    for at in graph.get(3, []):
        fields = walk.tables[at][1]
        _demand(fields.get(0, 0) < codes, "an operator code that is not there")
        named.append((fields, (1, 2, 8)))
    for fields, slots in named:
        for slot in slots:
            indices = walk.numbers(fields.get(slot))
            _demand(all(one < len(tensors) or one == _NONE for one in indices), "a tensor")


def _skeleton(read: Read, size: int, spans: list[tuple[int, int] | None]) -> str:
    state, reached = hashlib.sha256(), 0
    for start, stop in [*sorted({one for one in spans if one}), (size, size)]:
        while reached < start:
            piece = read(reached, min(1 << 20, start - reached))
            _demand(piece != b"", "the file ends too early")
            state.update(piece)
            reached += len(piece)
        reached = max(reached, stop)
    return state.hexdigest()


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)
