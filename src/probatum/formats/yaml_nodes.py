"""Reads YAML with the place of every key and value: line, column and byte.

PyYAML's parser yields events; no object is ever constructed from them. Anchors, aliases and merge
keys are resolved. Whatever readers of YAML take differently is refused: a key that stands twice in
one mapping, a quoted `<<`, a key that is no scalar, a line that ends for some only. Bounded: size,
depth, nodes written, and nodes with every alias followed ("billion laughs").

Sources: YAML 1.1 and 1.2.2; yaml.org/type/merge; gopkg.in/yaml.v3 decode.go (`already defined`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Entry, Mapping, Node, Scalar, Sequence
from probatum.vocabulary import Place, Reason

LARGEST = 4 << 20
_DEPTH = 100
_NODES = 200_000
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_MERGE = ("", "tag:yaml.org,2002:merge")


def documents(data: bytes, part: str = "") -> tuple[Node, ...]:
    """Every document of the stream that is not empty; with `part`, as places of that file.

    Raises: FormatError MALFORMED, OVER_LIMIT, UNSUPPORTED, or PARSER_DIFFERENTIAL.
    """
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"YAML of more than {LARGEST} bytes is not read")
    text = utf8(data)
    composer = _Composer(text, part)
    composer.demand_one_idea_of_lines()
    return tuple(composer.documents())


class Spots:
    """Turns the index of a character into its place: line and column from 1, and byte.

    With `part`, a place of that file, in which no byte is one of the artifact's.
    """

    def __init__(self, text: str, part: str = "") -> None:
        self._text = text
        self._part = part
        self._lines = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
        self._bytes = _byte_offsets(text, self._lines)

    def place(self, index: int) -> Place:
        line = bisect_right(self._lines, index) - 1
        start = self._lines[line]
        if self._part:
            return Place(line=line + 1, column=index - start + 1, part=self._part)
        offset = self._bytes[line] + len(self._text[start:index].encode("utf-8", "surrogatepass"))
        return Place(offset=offset, line=line + 1, column=index - start + 1)


def _byte_offsets(text: str, lines: list[int]) -> list[int]:
    if text.isascii():
        return lines
    found, at = [0], 0
    for start, end in pairwise(lines):
        at += len(text[start:end].encode("utf-8", "surrogatepass"))
        found.append(at)
    return found


class _Open(Struct):
    """A collection that is being read."""

    is_mapping: bool
    place: Place
    tag: str
    anchor: str | None
    nodes: list[Node]
    size: int = 1


class _Composer:
    def __init__(self, text: str, part: str = "") -> None:
        self._text = text
        self._spots = Spots(text, part)
        self._skipped = int(text.startswith("\ufeff"))
        self._written = 0

    def demand_one_idea_of_lines(self) -> None:
        """YAML 1.1 ends a line, and a comment, at characters that end none in 1.2."""
        found = _LINE_ENDS.search(self._text)
        if found is not None:
            place = self._spots.place(found.start())
            says = "readers differ on whether a line ends here"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says, place)

    def documents(self) -> Iterator[Node]:
        """Follow the events of one document after another."""
        self._start()
        for event in self._events():
            name = type(event).__name__
            if name == "DocumentStartEvent":
                self._start()
            elif name == "DocumentEndEvent":
                yield from self._root
            elif name in ("MappingStartEvent", "SequenceStartEvent"):
                self._open(event, name == "MappingStartEvent")
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                self._close()
            elif name == "ScalarEvent":
                self._scalar(event)
            elif name == "AliasEvent":
                self._alias(event)

    def _start(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._root: list[Node] = []

    def _events(self) -> Iterator[Any]:
        import yaml

        try:
            yield from yaml.parse(self._text[self._skipped :], Loader=_loader())
        except yaml.YAMLError as exc:
            mark = getattr(exc, "problem_mark", None)
            place = self._place(mark) if mark is not None else Place()
            says = getattr(exc, "problem", None) or "it is no YAML"
            raise FormatError(Reason.MALFORMED, f"not YAML: {says}", place) from exc
        except (ValueError, RecursionError, OverflowError) as exc:
            raise FormatError(Reason.MALFORMED, f"not YAML: {str(exc)[:120]}") from exc

    def _place(self, mark: Any) -> Place:
        return self._spots.place(min(mark.index + self._skipped, len(self._text)))

    def _open(self, event: Any, is_mapping: bool) -> None:
        place = self._place(event.start_mark)
        if len(self._stack) >= _DEPTH:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_DEPTH} levels deep", place)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(is_mapping, place, _tag(event), event.anchor, []))

    def _close(self) -> None:
        one = self._stack.pop()
        if one.is_mapping:
            node: Node = Mapping(tuple(_entries(one.nodes)), one.place, one.tag)
        else:
            node = Sequence(tuple(one.nodes), one.place, one.tag)
        self._take(node, one.size, one.anchor)

    def _scalar(self, event: Any) -> None:
        plain = event.style in (None, "")
        node = Scalar(event.value, self._place(event.start_mark), plain, _tag(event))
        self._take(node, 1, event.anchor)

    def _alias(self, event: Any) -> None:
        place = self._place(event.start_mark)
        if event.anchor not in self._anchors:
            raise FormatError(Reason.MALFORMED, f"no anchor &{event.anchor[:60]} above", place)
        known = self._anchors[event.anchor]
        if known is None:
            says = f"&{event.anchor[:60]} contains itself"
            raise FormatError(Reason.UNSUPPORTED, says, place)
        self._take(*known, None)

    def _take(self, node: Node, size: int, anchor: str | None) -> None:
        """Put a whole node where it stands, and under its anchor."""
        self._written += 1
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self._root.append(node)
            return
        top = self._stack[-1]
        top.nodes.append(node)
        top.size += size
        if top.size > _NODES or self._written > _NODES:
            says = f"more than {_NODES} nodes, aliases followed"
            raise FormatError(Reason.OVER_LIMIT, says, node.place)


def _tag(event: Any) -> str:
    return event.tag or ""


def _entries(nodes: list[Node]) -> Iterator[Entry]:
    """The entries of a mapping: its own, then those that a merge key brings and it has not."""
    own: dict[str, Entry] = {}
    merges: list[Node] = []
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise FormatError(Reason.UNSUPPORTED, "a key that is no scalar", key.place)
        if key.text in own or (merges and key.text == "<<"):
            says = f"the key {key.text[:60]!r} stands twice"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says, key.place)
        if key.text != "<<":
            own[key.text] = Entry(key, value)
        elif key.plain and key.tag in _MERGE:
            merges.append(value)
        else:
            says = "readers differ on whether this is a merge key"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says, key.place)
    for value in merges:
        for mapping in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(mapping, Mapping):
                raise FormatError(Reason.MALFORMED, "merges what is no mapping", mapping.place)
            for one in mapping.entries:
                own.setdefault(one.key.text, Entry(one.key, one.value, merged=True))
    return iter(own.values())


@cache
def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
