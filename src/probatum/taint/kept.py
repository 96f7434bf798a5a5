"""What a review of a project leaves behind for the next one, and how it is read.

A memory holds every module lowered, the indexes, and each answer with the facts it was read from
(recording.py). It is a head and many pieces, each under a name and with a digest in the head, and
only the pieces that something looks at are read: a second review of a large project would else
spend most of its time on the rest.
"""

import hashlib
import os
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path as File
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from msgspec import Raw, Struct

from probatum.formats.python_project import Stored
from probatum.taint.bodies import encoded, encoder, written_down
from probatum.taint.differences import INDEXES
from probatum.taint.flow import Module
from probatum.taint.names import Outline, Place
from probatum.taint.project import Unread
from probatum.taint.properties.routes import Route
from probatum.taint.recording import Entry, Fact, Recording
from probatum.taint.states import Path

_OF_MODULES = frozenset(["places", "import", "inside", "callers", "name", "whole"])
_BY_MODULE = frozenset(["properties", "routes"])  # answers of which a module has one
_START = 72  # bytes: the key, the head's digest, the head's length
_ENTRIES = 64  # of an index, in one piece
_PARTS = 32  # that the answers resting on an index's entries are kept in


class Spoilt(Exception):
    """A memory does not hold what its head says: it must not be used."""


class Kept(Struct, array_like=True):
    """A module. `bodies` are its functions but for their lines, which are in `places`."""

    imports: dict[str, str]
    outline: Outline
    bodies: list[Raw]
    places: list[Raw]


class Listed(NamedTuple):
    """A module in the head. Not `whole`: a constant of it cannot be written down, and the file is
    read again."""

    name: str
    path: str
    shipped: bool
    whole: bool


class Piece(NamedTuple):
    """Where a piece lies, counted from behind the head, and its digest."""

    at: int
    size: int
    digest: bytes


class Head(Struct, array_like=True):
    """`files` are digests by path, `pieces` lie behind one another, `counts` of an index."""

    files: dict[str, bytes]
    unread: list[Unread]
    modules: list[Listed]
    counts: dict[str, int]
    pieces: dict[str, Piece]
    size: int


# --- writing ---------------------------------------------------------------------------------


def written(files: dict[str, bytes], unread: list[Unread], program: Recording) -> bytes:
    """The memory of a review. `files` are the digests of the files by path."""
    pieces = _Pieces()
    listed = [_module(module, pieces) for module in program.modules.values()]
    counts = {kind: _index(kind, program, pieces) for kind in INDEXES}
    pieces.add("children", list(program.children.items()))
    entries = sorted(program.entries, key=lambda entry: entry[0][:2])
    _answers(entries, pieces)
    _dependents(entries, program.facts, pieces)
    head = Head(files, unread, listed, counts, pieces.index, pieces.size)
    data = encoder.encode(head)
    digest = hashlib.sha256(data).digest()
    return b"".join([key(), digest, len(data).to_bytes(8, "little"), data, *pieces.parts])


class _Pieces:
    """The pieces written so far."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.index: dict[str, Piece] = {}
        self.size = 0

    def add(self, name: str, content: Any) -> None:
        data = encoder.encode(content)
        self.index[name] = Piece(self.size, len(data), _digest(data))
        self.parts.append(data)
        self.size += len(data)


def _module(module: Module, pieces: _Pieces) -> Listed:
    functions = list(module.functions)
    outline = [(one.name, one.kind, one.parent) for one in functions]
    try:
        bodies = [encoded(one) for one in functions]
    except (ValueError, OverflowError):  # a lone surrogate, an integer of more than 64 bits
        return Listed(module.name, module.path, module.shipped, False)
    places = [written_down(list(one.places)) for one in functions]
    pieces.add(f"module {module.name}", Kept(dict(module.imports), outline, bodies, places))
    return Listed(module.name, module.path, module.shipped, True)


def _index(kind: str, program: Recording, pieces: _Pieces) -> int:
    """Write the entries of an index; in how many pieces."""
    whole: dict[str, list[Any]] = defaultdict(list)
    for module in program.modules.values():
        for name, rows in INDEXES[kind](module).items():
            whole[name] += rows
    count = 1 + len(whole) // _ENTRIES
    parts: list[dict[str, Raw]] = [{} for _ in range(count)]
    for name, rows in whole.items():
        parts[part_of(name, count)][name] = written_down(rows)
    for number, part in enumerate(parts):
        pieces.add(f"{kind} {number}", part)
    return count


def _answers(entries: list[Entry], pieces: _Pieces) -> None:
    """The answers by kind and group, and, of each group, the number of its first answer."""
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    starts = []
    for number, (name, answer, _) in enumerate(entries):
        kind, group, rest = split(name)
        if group not in rows[kind]:
            starts.append((number, kind, group))
        rows[kind][group].append((number, rest, answer))
    for kind, groups in rows.items():
        pieces.add(f"answers {kind}", {group: written_down(one) for group, one in groups.items()})
    pieces.add("starts", starts)


def _dependents(entries: list[Entry], facts: dict[Fact, int], pieces: _Pieces) -> None:
    """For each group of facts: every fact with the numbers of the answers that rest on it."""
    numbers = [array("I") for _ in facts]
    for number, (_, _, rests_on) in enumerate(entries):
        for one in rests_on:
            numbers[one].append(number)
    grouped: dict[str, list[Any]] = defaultdict(list)
    for fact, number in facts.items():
        grouped[group_of(fact)].append((fact, numbers[number].tobytes()))
    for group, rows in grouped.items():
        pieces.add(f"on {group}", rows)


def split(name: tuple[Any, ...]) -> tuple[str, str, tuple[Any, ...]]:
    """The key of an answer: its kind, its group, the rest."""
    if name[0] in _BY_MODULE:
        return name[0], "", name[1:]
    return name[0], name[1], name[2:]


def group_of(fact: Fact) -> str:
    """Facts of a module are kept together, and those of an index in some parts."""
    if isinstance(fact[1], int):
        return f"module {fact[0]}"
    if fact[0] in _OF_MODULES:
        return f"module {fact[1]}"
    return f"{fact[0]} {part_of(str(fact[1]), _PARTS)}"


def part_of(name: str, count: int) -> int:
    """In which of the parts of an index a name is."""
    return crc32(name.encode("utf-8", "surrogatepass")) % count


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


@cache
def key() -> bytes:
    """Of what made the answers: this engine, the checker, their rules and their Python."""
    digest = hashlib.sha256(sys.version.encode())
    package = File(__file__).parents[1]
    folders = [package / "taint", package / "taint" / "properties", package / "check"]
    for path in _listed([*folders, package / "rules" / "code"]):
        with open(path, "rb") as file:
            content = file.read()
        digest.update(b"%d %s\n" % (len(content), os.path.basename(path).encode()) + content)  # noqa: PTH119
    return digest.digest()


def _listed(folders: Iterable[File]) -> list[str]:
    found = [entry.path for folder in folders for entry in os.scandir(folder)]
    return sorted(path for path in found if path.endswith((".py", ".toml")))


# --- reading ---------------------------------------------------------------------------------


class Memory:
    """A memory, of which pieces are read when they are asked for. They raise Spoilt."""

    def __init__(self, head: Head, data: Stored, start: int) -> None:
        self.files, self.unread, self.modules = head.files, head.unread, head.modules
        self._head, self._data, self._start = head, data, start
        self._known: dict[str, Any] = {}

    def module(self, name: str) -> Kept:
        found: Kept = self._decoded(f"module {name}", _module_decoder)
        return found

    def entries(self, kind: str, name: str) -> list[tuple[Any, ...]]:
        """The rows of an index under a name."""
        part = self.part(kind, part_of(name, self._head.counts[kind]))
        return _rows.decode(part[name]) if name in part else []

    def names(self, kind: str) -> list[str]:
        """The names in an index."""
        count = self._head.counts[kind]
        return [name for number in range(count) for name in self.part(kind, number)]

    def part(self, kind: str, number: int) -> dict[str, Raw]:
        known: dict[str, Raw] = self._decoded(f"{kind} {number}", _part, keep=True)
        return known

    def children(self) -> list[tuple[Place, list[Place]]]:
        found: list[tuple[Place, list[Place]]] = self._decoded("children", _children)
        return found

    def answers(self, kind: str, group: str) -> dict[Any, tuple[int, Any]]:
        """The answers of a group, each with its number, by the rest of their keys."""
        if f"answers {kind}" not in self._head.pieces:
            return {}
        groups = self._decoded(f"answers {kind}", _part, keep=True)
        rows = _ANSWERS[kind].decode(groups[group]) if group in groups else ()
        return {rest: (number, answer) for number, rest, answer in rows}

    def starts(self) -> list[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = self._decoded("starts", _starts, keep=True)
        return found

    def dependents(self, group: str) -> list[tuple[tuple[Any, ...], bytes]]:
        """The facts of a group, and the numbers of the answers that rest on each."""
        if f"on {group}" not in self._head.pieces:
            return []
        found: list[tuple[tuple[Any, ...], bytes]] = self._decoded(f"on {group}", _facts)
        return found

    def _decoded(self, name: str, decoder: Any, *, keep: bool = False) -> Any:
        if name in self._known:
            return self._known[name]
        piece = self._head.pieces[name]
        at = self._start + piece.at
        data = self._data[at : at + piece.size]
        if _digest(data) != piece.digest:
            raise Spoilt
        try:
            found = decoder.decode(data)
        except msgspec.DecodeError as exc:
            raise Spoilt from exc
        if keep:
            self._known[name] = found
        return found


def memory_of(data: Stored | None) -> Memory | None:
    """The memory that was written, if this very engine wrote it and its head is whole."""
    if data is None or len(data) < _START:
        return None
    start = data[:_START]
    size = int.from_bytes(start[64:], "little")
    if start[:32] != key() or size > len(data):
        return None
    read = data[_START : _START + size]
    if hashlib.sha256(read).digest() != start[32:64]:
        return None
    try:
        head = _head.decode(read)
    except msgspec.DecodeError:
        return None
    whole = _START + size + head.size == len(data)
    return Memory(head, data, _START + size) if whole else None


_Rest = tuple[Any, ...]
_head = msgspec.msgpack.Decoder(Head)
_module_decoder = msgspec.msgpack.Decoder(Kept)
_part = msgspec.msgpack.Decoder(dict[str, Raw])
_rows = msgspec.msgpack.Decoder(list[tuple[Any, ...]])
_children = msgspec.msgpack.Decoder(list[tuple[Place, list[Place]]])
_starts = msgspec.msgpack.Decoder(list[tuple[int, str, str]])
_facts = msgspec.msgpack.Decoder(list[tuple[tuple[Any, ...], bytes]])
_ANSWERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "parents": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Place]]]),
    "meant": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Place | None]]]),
    "callers": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[tuple[Place, int]]]]),
    "sink": msgspec.msgpack.Decoder(list[tuple[int, _Rest, tuple[str, Path | None]]]),
    "properties": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Path]]]),
    "routes": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Route]]]),
}
