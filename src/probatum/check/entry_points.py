"""Re-derives that nothing an entry point may run makes a call that a claim is about.

Facts: `{"claim": id, "size": bytes, "sha256": of the project, "entries": {label: [libraries]},
"all": [labels]}`, `all` being those of every entry point.

What is checked: 1. the project has this digest; 2. each of its files (but its own tests, which
nothing else imports) is parsed by Python's own parser; 3. `all` are its entry points, each label
is one: what somebody else calls for a request, a tool call, an event or a command line; 4. of all
that may run for it, by names alone (`entry_reach`), nothing says a name in the rules of that claim,
nor one by which code that is not named could be reached; 5. the libraries that it names are those
listed.

The trusted base: this file, the other seven `entry_…`, Python's parser, and the rows of
`rules/code`: sinks and words.
"""

import ast
import hashlib
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from probatum.check.code_trees import rows
from probatum.check.code_trees import words as said
from probatum.check.entry_index import Index, module_path
from probatum.check.entry_reach import Node, Note, Reach
from probatum.check.entry_ways import Entry, ways
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Followed = tuple[list[Node], list[Note]]

MOST = 1 << 20
"""Bytes of a project of which this is worked out: in a larger one names are too much alike."""
_FIRST = b"python-project 1\n"
_ANY = "*"
_OPEN_ALL = (
    "no-code-injection", "no-unsafe-deserialization", "no-unsafe-reflection",
    "no-template-injection",
)  # fmt: skip
"""The claims whose calls run code that nobody has seen, which may do whatever others are about."""
_COMMON = frozenset(dir(str) + dir(bytes) + dir(dict) + dir(list) + dir(set) + dir(io.StringIO))


class Doubt(NamedTuple):
    """Why an entry point is not proven: what is named, and where."""

    word: str
    file: str
    line: int


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"claim", "size", "sha256", "entries", "all"}:
        raise Rejected("0: not the facts of such a certificate")
    if type(facts["size"]) is not int or facts["size"] != size or size > MOST:
        raise Rejected("0: the project has another size")
    entries, claim = facts["entries"], facts["claim"]
    if (
        not isinstance(claim, str)
        or claim not in claims()
        or not isinstance(entries, dict)
        or not entries
    ):
        raise Rejected("0: no such class of calls")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    digest = hashlib.sha256(data).hexdigest()
    if digest != facts["sha256"]:
        raise Rejected("1: the project has another digest")
    if not (_last and _last[0][0] == digest):
        _last[:] = [(digest, of_project(data))]
    ways = _last[0][1]
    if facts["all"] != sorted(ways.entries):
        raise Rejected("3: the project has other entry points")
    for label, libraries in entries.items():
        if label not in ways.entries:
            raise Rejected(f"3: {label} is no entry point")
        doubt = ways.doubt(label, claim)
        if doubt is not None:
            raise Rejected(f"4: {label} may run {doubt.file}, line {doubt.line}: {doubt.word}")
        if libraries != ways.libraries(label):
            raise Rejected(f"5: {label} names other libraries")


def of_project(data: bytes, parsed: Mapping[str, ast.Module] = MappingProxyType({})) -> "Ways":
    """The entry points of a project's bytes; its own tests count where something else names one.

    A prover that has `parsed` files already gives their trees; a check has none.
    Raises: Rejected where not all of it can be read.
    """
    contents = dict(_files(data))
    tests = {name for name in contents if _is_test(name)}

    def read(name: str) -> tuple[str, list[ast.Module]]:
        return name, [parsed[name]] if name in parsed else _trees(name, contents[name])

    trees = [read(name) for name in contents if name not in tests]
    index = _index(trees)
    if any(not index.said.isdisjoint(_parts(name)) for name in tests):
        index = _index([*trees, *map(read, sorted(tests))])
    return Ways(index)


def _index(trees: list[tuple[str, list[ast.Module]]]) -> Index:
    try:
        return Index(trees)
    except (RecursionError, MemoryError) as exc:
        raise Rejected("2: nested too deeply") from exc


class Ways:
    """The entry points of a project, and what each may run; all worked out at once."""

    def __init__(self, index: Index) -> None:
        try:
            self._reach = Reach(index)
            found = list(ways(self._reach))
        except (RecursionError, MemoryError) as exc:
            raise Rejected("2: nested too deeply") from exc
        self.entries: dict[str, Entry] = {}
        self._starts: dict[str, Node] = {}
        for entry, start in found:
            self.entries.setdefault(entry.label, entry)
            self._starts.setdefault(entry.label, start)
        self._notes: list[Note] = []
        self._masks: dict[Node, int] = {}
        try:
            self._work_out()
        except (RecursionError, MemoryError) as exc:
            raise Rejected("2: nested too deeply") from exc

    def doubt(self, label: str, claim: str) -> Doubt | None:
        """What keeps the entry point from being proven; None if it is."""
        mask = self._mask(label)
        for bit in _bits(mask & self._hiding):
            return self._doubt(bit)
        for other in (claim, *_OPEN_ALL):
            doubt = self._doubt_of(other, mask, whole=other == claim)
            if doubt is not None:
                return doubt
        return None

    def _doubt_of(self, claim: str, mask: int, *, whole: bool) -> Doubt | None:
        """Without `whole`, libraries that may do it by themselves do not count."""
        where = mask & (self._claimed(claim) | (self._by_itself(claim) if whole else 0))
        for bit in _bits(where):
            note = self._notes[bit]
            if note.kind == "outside" or self._is_near(note.name, claim, mask):
                return self._doubt(bit)
        return None

    def libraries(self, label: str) -> list[str]:
        """The libraries that it may run, by their packages' names."""
        names = {
            self._notes[bit].name.partition(".")[0]
            for bit in _bits(self._mask(label))
            if self._notes[bit].kind == "outside"
        }
        return sorted(names - {"builtins", "__future__", "typing", ""})

    def _doubt(self, bit: int) -> Doubt:
        note = self._notes[bit]
        return Doubt(note.name.removeprefix("builtins."), *self._reach.places[note])

    def _is_near(self, name: str, claim: str, mask: int) -> bool:
        """What has such a method is named as well: its module, or anything of its class."""
        needed = _sinks()[claim][name]
        if _ANY in needed:
            return True
        for bit in _bits(mask):
            note = self._notes[bit]
            parts = note.name.split(".")
            if f"={parts[-1]}" in needed or (note.kind == "outside" and needed & {*parts}):
                return True
        return False

    def _mask(self, label: str) -> int:
        return self._masks[self._starts[label]] | self._masks[self._reach.everything]

    def _work_out(self) -> None:
        """All entry points at once; none, where what runs with all of them hides calls."""
        bits: dict[Note, int] = {}
        followed: dict[Node, Followed] = {}
        everything = self._reach.everything
        hidden = _hidden_in(everything, self._reach, followed)
        if hidden is None:
            starts = [everything, *self._starts.values()]
            self._masks = _reached(starts, self._reach, bits, followed)
        else:
            bits[hidden] = 0
            self._masks = dict.fromkeys((everything, *self._starts.values()), 1)
        self._notes = list(bits)
        self._hiding = sum(1 << bit for note, bit in bits.items() if note.kind == "hiding")
        self._by_claim: dict[str, int] = {}
        self._itself: dict[str, int] = {}

    def _by_itself(self, claim: str) -> int:
        """The notes that name a library that does it without being told to."""
        if claim not in self._itself:
            doing = said("does it itself", claim)
            self._itself[claim] = sum(
                1 << bit
                for bit, note in enumerate(self._notes)
                if note.kind == "outside" and _is_of(note.name, doing)
            )
        return self._itself[claim]

    def _claimed(self, claim: str) -> int:
        """The notes that say a sink of the claim, or an attribute that one is called by."""
        if claim not in self._by_claim:
            sinks = _sinks()[claim]
            mask = 0
            for bit, note in enumerate(self._notes):
                needed = sinks.get(note.name.rpartition(".")[2])
                if needed is None or note.kind == "hiding":
                    continue
                of = note.name.split(".")[:-1] if note.kind == "outside" else needed
                if _ANY in needed or needed & {one for part in of for one in (part, f"={part}")}:
                    mask |= 1 << bit
            self._by_claim[claim] = mask
        return self._by_claim[claim]


_last: list[tuple[str, Ways]] = []
"""The claims of a project are checked one after another, and rest on the same reading."""


def _is_of(dotted: str, listed: frozenset[str]) -> bool:
    """The name, or a package or module that it is in, is listed."""
    parts = dotted.split(".")
    return any(".".join(parts[:end]) in listed for end in range(1, len(parts) + 1))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def claims() -> frozenset[str]:
    """The claims that an entry point is judged by: those about a value that reaches a call."""
    return frozenset(_sinks())


@cache
def _sinks() -> dict[str, dict[str, frozenset[str]]]:
    """For each claim the last parts of its sinks' names, each with what must be named as well.

    For a function that is its module (`=os`), for a method any part of its class's name, where
    objects that hold text or data have a method of that name too, and else nothing.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for row in rows("sinks")["sink"]:
        words = found.setdefault(row["claim"], {})
        for name in row.get("calls", ()):
            *before, last = name.split(".")
            method = before[-1][:1].isupper()
            near = {f"={before[-1]}"} if not method else {*before} if last in _COMMON else {_ANY}
            words.setdefault(last, set()).update(near)
        near = {part for one in row.get("receivers", ()) for part in one.split(".")}
        for name in row.get("methods", ()):
            words.setdefault(name, set()).update(near or {_ANY})
    return {
        claim: {word: frozenset(near) for word, near in words.items()}
        for claim, words in found.items()
    }


def _hidden_in(start: Node, reach: Reach, followed: dict[Node, Followed]) -> Note | None:
    """A name, said by what a node leads to, by which code could be reached that is not named."""
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node not in followed:
            following, notes = followed[node] = reach.follow(node)
            hiding = [note for note in notes if note.kind == "hiding"]
            if hiding:
                return hiding[0]
            waiting += following
    return None


def _reached(
    starts: list[Node], reach: Reach, bits: dict[Note, int], followed: dict[Node, Followed]
) -> dict[Node, int]:
    """For each node the notes of all that it leads to, as bits: Tarjan's strongly connected
    components, each done before those that lead to it."""
    masks: dict[Node, int] = {}
    low: dict[Node, int] = {}
    order: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    own: dict[Node, int] = {}
    for start in starts:
        if start in order:
            continue
        waiting: list[tuple[Node, Iterator[Node]]] = []
        enter = [start]
        while enter or waiting:
            if enter:
                node = enter.pop()
                order[node] = low[node] = len(order)
                stack.append(node)
                on_stack.add(node)
                following, notes = followed.pop(node) if node in followed else reach.follow(node)
                own[node] = sum(1 << bits.setdefault(note, len(bits)) for note in set(notes))
                waiting.append((node, iter(dict.fromkeys(following))))
            node, rest = waiting[-1]
            for one in rest:
                if one not in order:
                    enter.append(one)
                    break
                if one in on_stack:
                    low[node] = min(low[node], order[one])
                else:
                    own[node] |= masks[one]
            else:
                waiting.pop()
                if waiting:
                    above = waiting[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == order[node]:
                    members: list[Node] = []
                    while not members or members[-1] is not node:
                        members.append(stack.pop())
                    mask = 0
                    for member in members:
                        mask |= own.pop(member)
                    for member in members:
                        masks[member] = mask
                    on_stack.difference_update(members)
                if waiting and node in masks:
                    own[waiting[-1][0]] |= masks[node]
    return masks


# Which files run


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    if not data.startswith(_FIRST):
        raise Rejected("2: no project begins like this")
    at = len(_FIRST)
    while at < len(data):
        end = data.find(b"\n", at)
        size, _, name = data[at:end].partition(b" ")
        if end < 0 or not size.isdigit() or len(size) > 12 or end + 1 + int(size) > len(data):
            raise Rejected("2: something of the project was left out, or it breaks off")
        at = end + 1 + int(size)
        yield name.decode("utf-8", "replace"), data[end + 1 : at]


def _is_test(name: str) -> bool:
    *folders, file = name.rpartition(".")[0].split("/")
    inside = any(one.lower() in ("tests", "test") for one in folders)
    return inside or file.startswith("test_") or file.endswith("_test") or file == "conftest"


def _parts(name: str) -> list[str]:
    """What an import may say that means a file of tests, from their folder down."""
    *folders, file = module_path(name).split("/")
    start = next((n for n, one in enumerate(folders) if one.lower() in ("tests", "test")), None)
    return [file] if start is None else [*folders[start:], file]


def _trees(name: str, content: bytes) -> list[ast.Module]:
    texts = _cells(content) if name.lower().endswith(".ipynb") else (content,)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [ast.parse(text) for text in texts]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise Rejected(f"2: {name} is not read by Python's parser") from exc


def _cells(content: bytes) -> Iterator[bytes]:
    try:
        cells = json.loads(content)["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                source = cell["source"]
                text = source if isinstance(source, str) else "".join(source)
                if any(line.lstrip()[:1] in ("%", "!") for line in text.splitlines()):
                    raise Rejected("2: a notebook's own commands")
                yield text.encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Rejected("2: no notebook that can be read") from exc
