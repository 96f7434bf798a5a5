"""Reads again the YAML that writers of lock files write, and rejects all other YAML.

Read are block mappings with each key once, and block sequences; scalars in one line, plain or
quoted without an escape; flow collections in one line; block scalars, whose text is not kept.
Every scalar is its text. Anchors, aliases, tags, merge keys, directives, several documents,
scalars of several lines and comments behind a value are all rejected.

Source: YAML 1.2.2, chapters 6 to 8.
"""

import re
from typing import Any

from probatum.errors import Rejected

_DEPTH = 40
_LONGEST_KEY = 1000
_CONTROLS = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INDICATORS = tuple("-?:,[]{}#&*!|>'\"%@`=")
_NUMBER = re.compile(r"-[0-9.]+")
_QUOTED = re.compile(r"\"([^\"\\]*)\"|'((?:[^']|'')*)'")
_IN_FLOW = re.compile(r"[^,?\[\]{}\"']+")
_BLOCK = re.compile(r"[|>][-+]?")


def mapping(text: str) -> dict[str, Any]:
    """The mapping that the whole text is. Raises: Rejected."""
    text = text.replace("\r\n", "\n")
    if _CONTROLS.search(text):
        raise Rejected("2: a character that has no place in a lock file")
    found = _Block(text.split("\n")).whole()
    if not isinstance(found, dict):
        raise Rejected("2: no mapping")
    return found


class _Block:
    """The lines of a text, of which those before `_at` are read."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def whole(self) -> Any:
        found = self._node(0, 0)
        if self._indent() >= 0:
            raise self._rejected("an indent that does not fit")
        return found

    def _indent(self) -> int:
        """Of the next line that says something; -1 behind the last."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            bare = line.lstrip(" ")
            if bare and not bare.startswith("#"):
                return len(line) - len(bare)
            self._at += 1
        return -1

    def _node(self, indent: int, depth: int) -> Any:
        """The collection whose lines are indented like this; None where none is."""
        if depth > _DEPTH:
            raise self._rejected("nested too deeply")
        if self._indent() != indent:
            return None
        if re.match(r" *-(?: |\Z)", self._lines[self._at]):
            return self._sequence(indent, depth)
        return self._mapping(indent, depth)

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._indent() == indent:
            line = self._lines[self._at][indent:].rstrip(" ")
            key, rest = self._long_key(line, indent) if line.startswith("? ") else self._key(line)
            if key in found or key == "<<":
                raise self._rejected(f"a key that stands twice, or merges: {key[:80]}")
            self._at += 1
            found[key] = self._value(rest, indent, depth, in_mapping=True)
        if self._indent() > indent:
            raise self._rejected("an indent that does not fit")
        return found

    def _sequence(self, indent: int, depth: int) -> list[Any]:
        found = []
        while self._indent() == indent and re.match(r" *-(?: |\Z)", self._lines[self._at]):
            rest = self._lines[self._at][indent + 1 :].rstrip(" ")
            bare = rest.lstrip(" ")
            if self._is_entry(bare):  # a mapping, or a sequence, that begins behind the dash
                inner = indent + 1 + len(rest) - len(bare)
                self._lines[self._at] = " " * inner + bare
                found.append(self._node(inner, depth + 1))
            else:
                self._at += 1
                found.append(self._value(bare, indent, depth, in_mapping=False))
        if self._indent() > indent:
            raise self._rejected("an indent that does not fit")
        return found

    def _is_entry(self, bare: str) -> bool:
        quoted = _QUOTED.match(bare)
        if quoted is not None:
            return bare[quoted.end() :].startswith(":")
        is_one = ": " in bare or bare.endswith(":") or bare == "-" or bare.startswith("- ")
        return is_one and not bare.startswith(("{", "["))

    def _key(self, line: str) -> tuple[str, str]:
        """The key of a line, and what stands behind its colon."""
        quoted = _QUOTED.match(line)
        if quoted is not None:
            key, behind = _unquoted(quoted), line[quoted.end() :]
        else:
            head, colon, tail = (line + " ").partition(": ")
            key, behind = self._plain(head), f"{colon}{tail}".rstrip(" ")
        if (behind != ":" and not behind.startswith(": ")) or not 0 < len(key) <= _LONGEST_KEY:
            raise self._rejected("a key is expected")
        return key, behind[1:].strip(" ")

    def _long_key(self, line: str, indent: int) -> tuple[str, str]:
        """A key in quotes that is too long for one line with its colon, which follows alone."""
        quoted = _QUOTED.fullmatch(line[2:])
        self._at += 1
        if quoted is None or self._lines[self._at : self._at + 1] != [" " * indent + ":"]:
            raise self._rejected("a key is expected")
        return _unquoted(quoted), ""

    def _value(self, rest: str, indent: int, depth: int, *, in_mapping: bool) -> Any:
        """What stands behind a colon or a dash, or in the lines below it."""
        if not rest:
            below = self._indent()
            if below > indent:
                return self._node(below, depth + 1)
            same = in_mapping and below == indent
            if same and re.match(r" *-(?: |\Z)", self._lines[self._at]):
                return self._sequence(indent, depth + 1)
            return None
        if _BLOCK.fullmatch(rest):
            self._skip_block(indent)
            return ""
        if rest[0] in "{[":
            return self._flow(rest)
        quoted = _QUOTED.fullmatch(rest)
        return _unquoted(quoted) if quoted is not None else self._plain(rest)

    def _skip_block(self, indent: int) -> None:
        """Pass over the text of a block scalar: its first line says how far all are indented."""
        first = 0
        while self._at < len(self._lines):
            line = self._lines[self._at]
            deep = len(line) - len(line.lstrip(" "))
            if deep < len(line):
                if deep <= indent:
                    return
                if deep < first:
                    raise self._rejected("an indent that does not fit")
                first = first or deep
            elif line and not first:
                raise self._rejected("a text that begins with spaces")
            self._at += 1

    def _plain(self, said: str) -> str:
        if said.startswith((*_INDICATORS, "...")) and not _NUMBER.fullmatch(said):
            raise self._rejected("not a plain scalar")
        if said != said.strip(" ") or ": " in said or said.endswith(":") or " #" in said:
            raise self._rejected("not a plain scalar")
        return said

    def _flow(self, said: str) -> Any:
        found, end = self._flow_node(said, 0, 0)
        if end != len(said):
            raise self._rejected("something behind a flow collection")
        return found

    def _flow_node(self, said: str, at: int, depth: int) -> tuple[Any, int]:
        if depth > _DEPTH:
            raise self._rejected("nested too deeply")
        opened = said[at : at + 1]
        if not opened or opened not in "{[":
            return self._flow_scalar(said, at)
        items: list[Any] = []
        pairs: dict[str, Any] = {}
        at, closing = _spaces(said, at + 1), "}" if opened == "{" else "]"
        while not said.startswith(closing, at):
            if items or pairs:
                at = self._past(said, at, ",")
            if opened == "{":
                key, at = self._flow_scalar(said, at, is_key=True)
                if not said.startswith(": ", at) or key in pairs or key == "<<":
                    raise self._rejected("a key of its own is expected")
                pairs[key], at = self._flow_node(said, _spaces(said, at + 1), depth + 1)
            else:
                value, at = self._flow_node(said, at, depth + 1)
                items.append(value)
            at = _spaces(said, at)
        return (pairs if opened == "{" else items), at + 1

    def _flow_scalar(self, said: str, at: int, *, is_key: bool = False) -> tuple[str, int]:
        quoted = _QUOTED.match(said, at)
        if quoted is not None:
            return _unquoted(quoted), quoted.end()
        plain = _IN_FLOW.match(said, at)
        text = plain[0].partition(": ")[0] if plain is not None and is_key else plain and plain[0]
        if not text or not text.strip(" "):
            raise self._rejected("a scalar is expected")
        bare = text.rstrip(" ")
        return self._plain(bare), at + len(bare)

    def _past(self, said: str, at: int, sign: str) -> int:
        if not said.startswith(sign, at):
            raise self._rejected(f"{sign} is expected")
        return _spaces(said, at + 1)

    def _rejected(self, why: str) -> Rejected:
        return Rejected(f"2: line {self._at + 1}: {why}")


def _unquoted(found: re.Match[str]) -> str:
    return found[1] if found[1] is not None else found[2].replace("''", "'")


def _spaces(said: str, at: int) -> int:
    """The index behind spaces."""
    while said.startswith(" ", at):
        at += 1
    return at
