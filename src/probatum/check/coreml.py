"""Re-derives what a Core ML model names, in one linear pass over its protobuf with a stack.

Facts: `claim` (`self-contained` or `load-inert`), `size` (bytes of the file), `skeleton` (SHA-256
in hex of the file without the contents of bytes fields and of packed numbers of fixed width),
`messages` (how many), `files` (the paths of weight files, sorted). The schema comes from
`probatum/rules/coreml_schema.toml`.
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

_WIRE = {"n": 0, "e": 1, "f": 5}
_CODE = {"CustomLayerParams", "CustomModel", "SerializedModel"}
_BLOB = "MILSpec.Value.BlobFileValue"


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises Rejected at the first step that fails."""
    _demand(
        isinstance(facts, dict)
        and set(facts) == {"claim", "size", "skeleton", "messages", "files"},
        "the facts' names",
    )
    _demand(facts["claim"] in ("self-contained", "load-inert"), "the claim")
    # 1. One pass over all bytes gives the skeleton's digest and everything below.
    model = _Pass(read, size)
    model.run()
    # 2. The facts are about these bytes.
    derived = (size, model.digest.hexdigest(), model.messages, sorted(model.paths))
    said = (facts["size"], facts["skeleton"], facts["messages"], facts["files"])
    _demand(repr(said) == repr(derived), "the facts are not what these bytes give")
    # 3. No path leaves the package, no model is linked; for load-inert, no code is named.
    _demand(all(map(_stays, model.paths)), "a path leaves the package")
    _demand(not {"LinkedModel", "StringParameter"} & model.met, "a linked model")
    _demand(facts["claim"] == "self-contained" or not _CODE & model.met, "code of another")


# Name and end of a message, the fields met so far, its start, and messages and hash before it.
_Frame = tuple[str, int, set[int], int, tuple[int, int]]
# Small messages repeat: each is followed once. One of this size nests at most 64 deep, so that a
# known one in a place this shallow stays within the 100 that are allowed.
_SMALL, _SHALLOW = 128, 36


class _Pass:
    def __init__(self, read: Read, size: int) -> None:
        self.read, self.size = read, size
        self.window, self.base = b"", 0
        self.at = self.hashed = self.messages = 0
        self.digest = hashlib.sha256()
        self.met: set[str] = set()
        self.paths: set[str] = set()
        self.known: dict[tuple[str, bytes], int] = {}

    def run(self) -> None:
        schema, stack = _schema(), list[_Frame]()
        self._open(stack, "Model", self.size)
        while stack:
            name, stop, seen, _, _ = stack[-1]
            if self.at == stop:
                self._close(*stack.pop())
                continue
            key = self._number(stop)
            number, wire = key >> 3, key & 7
            if number not in schema[name]:
                raise Rejected("an unknown field")
            kind, repeats = schema[name][number]
            if number in seen and not repeats:
                raise Rejected("a field stands twice")
            seen.add(number)
            if wire != 2:
                _demand(wire == _WIRE.get(kind), "a wrong wire type")
                if wire == 0:
                    self._number(stop)
                else:
                    self.at += 4 if wire == 5 else 8
                _demand(self.at <= stop, "a number passes the end of its message")
                continue
            length = self._number(stop)
            if length > stop - self.at or (kind in _WIRE and not repeats):
                raise Rejected("a length")
            if kind[0] == ":":
                if length > _SMALL or len(stack) > _SHALLOW or not self._is_known(kind, length):
                    self._open(stack, kind[1:], self.at + length)
            elif name == _BLOB:
                self.paths.add(self._text(length))
            elif kind == "y" or kind in "fe":
                self._hash(self.at)
                self.at = self.hashed = self.at + length
            else:
                self.at += length
        self._hash(self.size)

    def _open(self, stack: list[_Frame], name: str, stop: int) -> None:
        _demand(len(stack) < 100, "messages nest too deeply")
        stack.append((name, stop, set(), self.at, (self.messages, self.hashed)))
        self.messages += 1
        self.met.add(name)

    def _close(
        self, name: str, stop: int, seen: set[int], start: int, before: tuple[int, int]
    ) -> None:
        if name == _BLOB and 1 not in seen:
            self.paths.add("")
        messages, hashed = before
        begin = start - self.base
        if stop - start <= _SMALL and self.hashed == hashed and begin >= 0:
            self.known[name, self.window[begin : stop - self.base]] = self.messages - messages

    def _is_known(self, kind: str, length: int) -> bool:
        """Pass over a message of which the very same bytes were followed before."""
        start = self.at - self.base
        data = self.window[start : start + length] if start >= 0 else b""
        messages = self.known.get((kind[1:], data)) if len(data) == length else None
        if messages is None:
            return False
        self.messages += messages
        self.at += length
        return True

    def _text(self, length: int) -> str:
        _demand(length <= 1 << 16, "a path too long")
        self.at += length
        return self.read(self.at - length, length).decode(errors="backslashreplace")

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

    def _hash(self, stop: int) -> None:
        while self.hashed < stop:
            piece = self.read(self.hashed, min(1 << 20, stop - self.hashed))
            _demand(piece != b"", "the file ends too early")
            self.digest.update(piece)
            self.hashed += len(piece)


@cache
def _schema() -> dict[str, dict[int, tuple[str, bool]]]:
    text = (files("probatum.rules") / "coreml_schema.toml").read_text("utf-8")
    word = re.compile(r"(\d+)([nfesy]|:[^ *]+)(\*?)")
    return {
        name: {int(number): (kind, star == "*") for number, kind, star in word.findall(said)}
        for name, said in tomllib.loads(text)["messages"].items()
    }


def _stays(path: str) -> bool:
    path = path.removeprefix("@model_path/")
    inside = all(letter.isprintable() or ord(letter) > 126 for letter in path)
    parts = [part.strip() for part in path.split("/")]
    odd = any(letter in path for letter in "\\:") or path.startswith(("/", "~", "*/_ORT"))
    return path != "" and inside and not odd and ".." not in parts


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)
