"""Reads TOML with the place of every key's value: line, column and byte.

Python's own parser decides what the text says; a second pass over its lines tells where each key
stands. What stands inside of a value has its place where its text is found behind what stands
before it, else the place of that.

Source: toml.io, v1.0.0.
"""

import re
import tomllib
from typing import Any

from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Entry, Mapping, Node, Scalar, Sequence
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_NAME = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[\w-]+)"
_KEY = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_LINE = re.compile(rf"[ \t]*({_KEY})[ \t]*=[ \t]*")
_LONG = re.compile(r"\"\"\"|'''")
_DEEPEST = 50
_NEAR = 1 << 14
_Path = tuple[str | int, ...]


def document(data: bytes) -> Node:
    """The one document. Raises: FormatError."""
    text = utf8(data)
    try:
        found = tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as exc:  # an integer of too many digits, too
        raise FormatError(Reason.MALFORMED, f"not TOML: {exc}"[:200]) from exc
    return _Reader(text).node(found, (), 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._spots = Spots(text)
        self._keys: dict[_Path, int] = {}
        self._starts = _starts(text, self._keys)
        self._behind = 0

    def node(self, value: Any, path: _Path, start: int) -> Node:
        if len(path) > _DEEPEST:
            raise FormatError(Reason.OVER_LIMIT, "nested too deeply")
        start = self._starts.get(path, start)
        if isinstance(value, dict):
            return Mapping(
                tuple(self._entry(key, one, (*path, key), start) for key, one in value.items()),
                self._spots.place(start),
            )
        if isinstance(value, list):
            self._behind = start
            items = [self.node(one, (*path, at), self._behind) for at, one in enumerate(value)]
            return Sequence(tuple(items), self._spots.place(start))
        text = _said(value)
        return Scalar(text, self._place(text, path, start), not isinstance(value, str))

    def _entry(self, key: str, value: Any, path: _Path, start: int) -> Entry:
        node = self.node(value, path, start)
        place = self._spots.place(self._keys[path]) if path in self._keys else node.place
        return Entry(Scalar(key, place), node)

    def _place(self, text: str, path: _Path, start: int) -> Place:
        if path not in self._starts and text:
            start = self._found(text, start)
        self._behind = start + len(text)
        return self._spots.place(start)

    def _found(self, text: str, start: int) -> int:
        """Where a text stands from here on, in quotes rather than as a part of another."""
        end = start + _NEAR
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        for written in (f'"{escaped}"', f"'{text}'"):
            at = self._text.find(written, start, end)
            end = at if at >= 0 else end
        if end < start + _NEAR:
            return end + 1
        return max(self._text.find(text, start, end), start)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return hex(value) if isinstance(value, int) and abs(value) >> 64 else str(value)


def _starts(text: str, keys: dict[_Path, int]) -> dict[_Path, int]:
    """Where the value of each key begins; `keys` is told where the key does."""
    found: dict[_Path, int] = {}
    table: _Path = ()
    counts: dict[_Path, int] = {}
    at, quote = 0, ""
    for line in text.splitlines(keepends=True):
        header, key = _HEADER.match(line), _LINE.match(line)
        if not quote and header is not None:
            table = _names(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
            table = _counted(table, counts)
            found.setdefault(table, at + header.start(2))
            keys.setdefault(table, at + header.end(2) - len(_last(header[2])))
        elif not quote and key is not None:
            path = (*table, *_names(key[1]))
            found.setdefault(path, at + key.end())
            keys.setdefault(path, at + key.end(1) - len(_last(key[1])))
        for mark in _LONG.findall(line):
            quote = "" if quote == mark else quote or mark
        at += len(line)
    return found


def _counted(table: _Path, counts: dict[_Path, int]) -> _Path:
    """The path of a table with the number of each array of tables that it lies in."""
    path: list[str | int] = []
    for number, name in enumerate(table, 1):
        path.append(name)
        if table[:number] in counts:
            path.append(counts[table[:number]])
    return tuple(path)


def _last(key: str) -> str:
    """The last part of a dotted key, as it is written."""
    parts: list[str] = re.findall(_NAME, key)
    return parts[-1]


def _names(key: str) -> tuple[str, ...]:
    return tuple(one.strip("\"'") for one in re.findall(_NAME, key))
