"""Re-derives that a Torch7 file holds tensors, storages, tables and torch/nn modules alone.

Facts: `size`, `objects`, `structure_sha256` (over every byte but storages and texts over 1 MiB).

1. the file is one object, to its last byte; 2. each class is one of rules/torch7_classes.toml;
3. there is no function; 4. the facts are these bytes'. Both `load-inert` and `data-shaped` rest
on these. Source: github.com/torch/torch7 File.lua.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIMS = ("load-inert", "data-shaped")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless walking the objects gives exactly these facts."""
    file = _File(read, size)
    waiting = 1
    while waiting:
        waiting += file.object() - 1
        file.objects += 1
    if file.at != size:
        _reject("step 1: bytes follow the object")
    derived = {
        "size": size,
        "objects": file.objects,
        "structure_sha256": file.state.hexdigest(),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 4: the facts are not those of these bytes")


class _File:
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.read, self.size = read, size
        self.at = self.objects = self.held_at = 0
        self.held = b""
        self.state = hashlib.sha256()
        self.seen: set[int] = set()
        rules = _rules("torch7_classes.toml")
        self.elements: dict[str, Any] = rules["elements"]
        self.modules = rules["modules"]["names"].split()

    def object(self) -> int:
        """Reads one object's own bytes and says how many objects belong to it."""
        kind = self.number(4)
        if kind == 0:
            return 0
        if kind in (1, 5):
            self.take(8 if kind == 1 else 4)
            return 0
        if kind == 2:
            self.text()
            return 0
        if kind not in (3, 4):
            _reject(f"step 3: an object of type {kind}")
        index = self.number(4)
        if index in self.seen:
            return 0
        self.seen.add(index)
        return 2 * self.number(4) if kind == 3 else self.named()

    def named(self) -> int:
        name = self.text()
        if name[:2] == b"V ":
            if not name[2:].isdigit():
                _reject("step 2: an odd class version")
            name = self.text()
        area, _, what = name.decode("utf-8", "replace").partition(".")
        if area == "nn" and what in self.modules:
            return 1
        if area == "torch" and what.endswith("Tensor"):
            self.width(what[:-6])
            dimensions = self.number(4)
            self.take(16 * min(dimensions, 1 << 20) + 8)
            return 1
        if area == "torch" and what.endswith("Storage"):
            self.skip(self.number(8) * self.width(what[:-7]))
            return 0
        return _reject(f"step 2: an object of the class {area}.{what}")

    def width(self, name: str) -> int:
        width = self.elements.get(name)
        if not isinstance(width, int):
            _reject(f"step 2: elements called {name}")
        return width

    def text(self) -> bytes:
        length = self.number(4)
        if length > 1 << 20:
            self.skip(length)
            return b""
        return self.take(length)

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def take(self, length: int) -> bytes:
        skip = self.at - self.held_at
        if skip + length > len(self.held):
            self.held, self.held_at, skip = self.read(self.at, max(length, 1 << 16)), self.at, 0
        data = self.held[skip : skip + length]
        if len(data) != length:
            _reject("step 1: the file ends inside an object")
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        if self.at + length > self.size:
            _reject("step 1: a storage passes the end")
        self.at += length


@cache
def _rules(name: str) -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath(name).read_text("utf-8"))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
