"""Re-derives what an HDF5 file holds and reaches, with a reader of its own.

Facts: `claim` (load-inert, self-contained or header-sound), `size`, `objects` (object headers
reached from the root), `built` (Keras objects described; 0 for header-sound), `structure_sha256`
(over "offset length newline bytes" of every structural part, in order).

1. the superblock is at byte 0, plain, and ends inside the file; 2. every header, continuation
block, heap and B-tree node reached lies inside the file; 3. no link but hard and soft ones, no
external or virtual data, no filter that is not compiled in, no message or class of storage
beyond those listed here; 4. for header-sound, no two parts or datasets share a byte; otherwise
the description in the root's attributes names Keras's own objects alone; 5. all facts are what
was found. Source: HDF5 File Format Specification 3.0.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.errors import Rejected

_NONE = (1 << 64) - 1
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
_PLAIN = {0, 1, 3, 4, 5, 0xA, 0xD, 0xE, 0x12, 0x13, 0x16}
_MOST = 256 << 20
_VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__"}
_VALUES |= {"__slice__", "__tensor__", "__tuple__", "TensorShape"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the walk of these bytes gives exactly these facts."""
    claim = facts.get("claim")
    if claim not in ("load-inert", "self-contained", "header-sound"):
        _reject("step 5: another claim")
    file = _File(read, size)
    try:
        file.walk()
        built = 0
        if claim == "header-sound":
            file.apart()
        else:
            built = sum(_built(text) for text in file.texts.values())
    except (IndexError, ValueError, RecursionError) as exc:
        raise Rejected(f"step 2: {exc}") from exc
    derived = {
        "claim": claim,
        "size": size,
        "objects": len(file.objects),
        "built": built,
        "structure_sha256": file.digest(),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 5: the facts are not those of these bytes")


class _File:
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.read, self.size = read, size
        self.parts: list[tuple[int, int]] = []
        self.data: list[tuple[int, int]] = []
        self.objects: set[int] = set()
        self.nodes: set[int] = set()
        self.texts: dict[str, bytes] = {}
        self.todo: list[tuple[int, bool]] = []
        self.spent = 0

    def part(self, start: int, length: int) -> bytes:
        self.spent += length
        if length < 0 or start + length > self.size or self.spent > self.size:
            _reject(f"step 2: a part at {start} passes the end, or parts overlap")
        self.parts.append((start, length))
        data = b"".join(
            self.read(at, min(1 << 20, start + length - at))
            for at in range(start, start + length, 1 << 20)
        )
        if len(data) != length:
            _reject("step 2: the bytes are not there")
        return data

    def digest(self) -> str:
        state = hashlib.sha256()
        for start, length in sorted(self.parts, key=lambda one: (one[0], one[0] + one[1])):
            state.update(b"%d %d\n" % (start, length))
            for at in range(start, start + length, 1 << 20):
                state.update(self.read(at, min(1 << 20, start + length - at)))
        return state.hexdigest()

    def apart(self) -> None:
        end = 0
        for start, length in sorted(self.parts + self.data):
            if length and start < end:
                _reject(f"step 4: two parts share byte {start}")
            end = max(end, start + length)

    def walk(self) -> None:
        self.todo.append((self.superblock(), True))
        while self.todo:
            address, root = self.todo.pop()
            if address not in self.objects:
                self.objects.add(address)
                for kind, flags, body in self.messages(address):
                    self.message(kind, flags, body, root)

    def superblock(self) -> int:
        head = self.read(0, 9)
        if head[:8] != b"\x89HDF\r\n\x1a\n" or head[8] > 3:
            _reject("step 1: no superblock at byte 0")
        old = head[8] < 2
        tail = (24 + 4 * head[8]) if old else 12
        block = self.part(0, tail + 72 if old else 48)
        if block[13 if old else 9 :][:2] != b"\x08\x08":
            _reject("step 1: offsets or lengths are not 8 bytes wide")
        base, second, end, fourth = (_int(block, tail + 8 * at, 8) for at in range(4))
        if base != 0 or end > self.size or (old and fourth != _NONE):
            _reject("step 1: a base, an end or a driver that is not plain")
        self.size = end  # HDF5 reads nothing behind it
        if not old:
            if second != _NONE:
                self.todo.append((second, False))
            return fourth
        return _int(block, tail + 40, 8)

    def messages(self, address: int) -> Iterator[tuple[int, int, bytes]]:
        mark = self.read(address, 6)
        if mark[:4] == b"OHDR":
            width = 1 << (mark[5] & 3)
            head = 6 + 16 * bool(mark[5] & 0x20) + 4 * bool(mark[5] & 0x10) + width
            length = _int(self.part(address, head), head - width, width)
            blocks = [(address + head, length)]
            self.part(address + head + length, 4)
            fixed = 4 + 2 * bool(mark[5] & 4)
        elif mark[:1] == b"\x01":
            blocks, fixed = [(address + 16, _int(self.part(address, 16), 8, 4))], 8
        else:
            _reject(f"step 2: no object header at {address}")
        for number, (start, length) in enumerate(blocks):  # blocks grows while it is walked
            block = self.part(start, length)
            at = 0
            if fixed != 8 and number:
                if block[:4] != b"OCHK":
                    _reject("step 2: no continuation block")
                at, block = 4, block[:-4]
            while len(block) - at >= fixed:
                old = fixed == 8
                kind, size = _int(block, at, 2 if old else 1), _int(block, at + 2 - (not old), 2)
                body = block[at + fixed : at + fixed + size]
                if len(body) != size:
                    _reject("step 2: a message is cut short")
                if kind == 0x10:
                    blocks.append((_int(body, 0, 8), _int(body, 8, 8)))
                else:
                    yield kind, block[at + 4 - (not old)], body
                at += fixed + size

    def message(self, kind: int, flags: int, body: bytes, root: bool) -> None:
        if flags & 2:
            if kind != 3:
                _reject("step 3: a shared message that is not a type")
            self.todo.append((_shared(body), False))
        elif kind == 0x06:
            self.link(body)
        elif kind == 0x08:
            self.layout(body)
        elif kind == 0x0B:
            self.filters(body)
        elif kind == 0x0C:
            self.attribute(body, root)
        elif kind == 0x11:
            self.group(_int(body, 0, 8), _int(body, 8, 8))
        elif kind in (0x02, 0x15):
            extra = 0 if not body[1] & 1 else 8 if kind == 2 else 2
            if _int(body, 2 + extra, 8) != _NONE:
                _reject("step 3: dense storage")
        elif kind not in _PLAIN:
            _reject(f"step 3: a message of type {kind:#x}")

    def link(self, body: bytes) -> None:
        flags = body[1]
        if body[0] != 1 or flags & 0xE0:
            _reject("step 3: an unknown link")
        at = 2 + bool(flags & 8)
        kind = body[2] if flags & 8 else 0
        at += 8 * bool(flags & 4) + bool(flags & 16)
        width = 1 << (flags & 3)
        at += width + _int(body, at, width)
        if kind == 0:
            self.todo.append((_int(body, at, 8), False))
        elif kind != 1:
            _reject("step 3: a link out of the file")

    def layout(self, body: bytes) -> None:
        version, kind = body[0], body[1]
        if version not in (3, 4) or kind > 2 or (kind == 2 and version == 4):
            _reject("step 3: a data layout that is not plain")
        if kind == 0 and _int(body, 2, 2) > len(body) - 4:
            _reject("step 2: data pass the end of their message")
        if kind == 1 and (start := _int(body, 2, 8)) != _NONE:
            self.span(start, _int(body, 10, 8))
        if kind == 2 and (start := _int(body, 3, 8)) != _NONE:
            for key, child in self.leaves(start, 1, 8 + 8 * body[2]):
                self.span(child, _int(key, 0, 4))

    def span(self, start: int, length: int) -> None:
        if start + length > self.size:
            _reject("step 2: data pass the end of the file")
        self.data.append((start, length))

    def filters(self, body: bytes) -> None:
        version, at = body[0], 8 if body[0] == 1 else 2
        if version not in (1, 2):
            _reject("step 3: an unknown filter pipeline")
        for _ in range(body[1]):
            id = _int(body, at, 2)
            named = version == 1 or id >= 256
            name = _int(body, at + 2, 2) if named else 0
            values = _int(body, at + 4 + 2 * named, 2)
            if id not in _FILTERS:
                _reject(f"step 3: filter {id} is not compiled in")
            at += 6 + 2 * named + name + 4 * values
            if version == 1:
                at += -name % 8 + 4 * (values % 2)

    def leaves(self, root: int, kind: int, width: int) -> Iterator[tuple[bytes, int]]:
        todo = [root]
        while todo:
            address = todo.pop()
            head = self.node(address, 24)
            if head[:4] != b"TREE" or head[4] != kind:
                _reject("step 2: no B-tree node")
            used = _int(head, 6, 2)
            entries = self.part(address + 24, used * (width + 8))
            for at in range(0, used * (width + 8), width + 8):
                child = _int(entries, at + width, 8)
                if head[5]:
                    todo.append(child)
                else:
                    yield entries[at : at + width], child

    def node(self, address: int, length: int) -> bytes:
        if address in self.nodes:
            _reject("step 2: a node is reached twice")
        self.nodes.add(address)
        return self.part(address, length)

    def group(self, tree: int, heap: int) -> None:
        head = self.part(heap, 32)
        if head[:5] != b"HEAP\0":
            _reject("step 2: no local heap")
        names = self.part(_int(head, 24, 8), _int(head, 8, 8))
        for _, address in self.leaves(tree, 0, 8):
            start = self.node(address, 8)
            if start[:5] != b"SNOD\x01":
                _reject("step 2: no symbol table node")
            entries = self.part(address + 8, 40 * _int(start, 6, 2))
            for at in range(0, len(entries), 40):
                names.index(b"\0", _int(entries, at, 8))
                if _int(entries, at + 16, 4) != 2:
                    self.todo.append((_int(entries, at + 8, 8), False))

    def attribute(self, body: bytes, root: bool) -> None:
        version, sizes = body[0], [_int(body, at, 2) for at in (2, 4, 6)]
        if version not in (1, 2, 3) or (version > 1 and body[1] & 2):
            _reject("step 3: an unknown attribute")
        at, pieces = 8 + (version == 3), []
        for size in sizes:
            pieces.append(body[at : at + size])
            at += size + (-size % 8 if version == 1 else 0)
        name = pieces[0].split(b"\0")[0].decode("utf-8", "replace")
        if version > 1 and body[1] & 1:
            self.todo.append((_shared(pieces[1]), False))
        if root and name == "PYTABLES_FORMAT_VERSION":
            _reject("step 3: a PyTables file")
        if root and name in ("model_config", "training_config"):
            if name in self.texts or (version > 1 and body[1] & 1) or not _single(pieces[2]):
                _reject(f"step 4: {name} is not one plain string, once")
            self.texts[name] = self.text(pieces[1], body[at:])

    def text(self, kind: bytes, value: bytes) -> bytes:
        width = _int(kind, 4, 4)
        if kind[0] & 15 == 3:
            if len(value) < width:
                _reject("step 4: a string is cut short")
            return value[:width].rstrip(b"\0")
        if kind[0] & 15 != 9 or kind[1] & 15 != 1 or width != 16:
            _reject("step 4: a description that is not text")
        length, address, wanted = _int(value, 0, 4), _int(value, 4, 8), _int(value, 12, 4)
        head = self.read(address, 16)
        size = _int(head, 8, 8)
        if head[:5] != b"GCOL\x01" or size > _MOST:
            _reject("step 4: no global heap")
        heap = self.read(address, size) if address in self.nodes else self.node(address, size)
        at = 16
        while (index := _int(heap, at, 2)) != wanted:
            if index == 0:
                _reject("step 4: the global heap has no such object")
            held = _int(heap, at + 8, 8)
            at += 16 + held + -held % 8
        return heap[at + 16 :][: _int(heap, at + 8, 8)][:length]


def _built(text: bytes) -> int:
    """How many objects the description asks for; rejects any that is not Keras's own."""
    rules = _rules("keras_objects.toml")
    callables = {name for names in rules["functions"].values() for name in names}
    todo, count = [json.loads(text.decode("utf-8"), object_pairs_hook=_once)], 0
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        if not isinstance(value, dict):
            continue
        todo += value.values()
        for key in ("activation", "recurrent_activation"):
            if isinstance(value.get(key), str) and value[key] not in callables:
                _reject("step 4: an activation that is not Keras's own")
        if "class_name" in value:
            _own(value, rules)
            count += 1
    return count


def _own(value: dict[str, Any], rules: dict[str, Any]) -> None:
    said, module, config = value["class_name"], value.get("module"), value.get("config")
    if isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        _reject("step 4: a vocabulary is a path")
    if isinstance(said, str) and said in _VALUES:
        return
    if said in ("TFOpLambda", "SlicingOpLambda") and isinstance(config, dict):
        if config.get("function") not in rules["tensorflow"]["functions"]:
            _reject("step 4: a TensorFlow function that is not listed")
        return
    table = rules["functions" if said == "function" else "classes"]
    name = config if said == "function" else said
    anywhere = module is None or (said == "function" and module == "builtins")
    own = anywhere and any(name in names for names in table.values())
    if not own and not (isinstance(module, str) and name in table.get(module, ())):
        _reject(f"step 4: {module}.{name} is not among Keras's own")
    if value.get("registered_name") not in (None, name, said):
        _reject("step 4: a registered name that is not Keras's own")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 4: a JSON key stands twice")
    return dict(pairs)


def _single(space: bytes) -> bool:
    """Whether a dataspace holds one value."""
    version, rank = space[0], space[1]
    at = 8 if version == 1 else 4
    if version == 2 and space[3] == 2:
        return False
    return all(_int(space, at + 8 * one, 8) == 1 for one in range(rank))


def _shared(body: bytes) -> int:
    if body[0] not in (1, 2, 3) or (body[0] == 3 and body[1] != 2):
        _reject("step 3: an unknown shared message")
    return _int(body, 8 if body[0] == 1 else 2, 8)


def _int(data: bytes, at: int, width: int) -> int:
    if len(data) < at + width:
        _reject("step 2: a number is cut short")
    return int.from_bytes(data[at : at + width], "little")


@cache
def _rules(name: str) -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath(name).read_text("utf-8"))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
