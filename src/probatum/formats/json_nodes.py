"""Reads JSON with the place of every key and value: line, column and byte.

Python's own parser decides whether the text is JSON; a second pass over its tokens tells where each
stands. Comments and a comma behind the last item, which editors allow in their settings, are read
where the caller says so.

Sources: RFC 8259; JSON with Comments (code.visualstudio.com/docs/languages/json).
"""

import json
import re
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Entry, Mapping, Node, Scalar, Sequence
from probatum.formats.yaml_nodes import LARGEST, Spots
from probatum.vocabulary import Place, Reason

_DEPTH = 100
_TOKEN = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.|(?!))*+"|[^\s{}\[\]:,"]++')
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.|(?!))*+"|//[^\n]*+|/\*.*?\*/', re.DOTALL)
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\\n]|\\.|(?!))*+"|,(?=\s*[}\]])', re.DOTALL)


def document(data: bytes, *, comments: bool = False) -> Node:
    """The one document. Raises: FormatError MALFORMED, OVER_LIMIT or PARSER_DIFFERENTIAL."""
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"JSON of more than {LARGEST} bytes is not read")
    text = utf8(data)
    if text.startswith("\ufeff"):
        text = " " + text[1:]
        spots = Spots("\ufeff" + text[1:])
    else:
        spots = Spots(text)
    if comments:
        text = _STRING_OR_COMMA.sub(_blanked, _STRING_OR_COMMENT.sub(_blanked, text))
    _demand_json(text, spots)
    return _composed(text, spots)


def _blanked(found: re.Match[str]) -> str:
    said = found[0]
    return said if said.startswith('"') else re.sub(r"[^\n]", " ", said)


def _demand_json(text: str, spots: Spots) -> None:
    try:
        json.loads(text, parse_int=len, parse_float=len, parse_constant=_refuse)
    except RecursionError as exc:
        raise FormatError(Reason.OVER_LIMIT, "nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise FormatError(Reason.MALFORMED, f"not JSON: {exc.msg}", spots.place(exc.pos)) from exc


def _refuse(name: str) -> None:
    raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{name} is no JSON, and readers differ on it")


class _Open(Struct):
    """A collection that is being read."""

    is_mapping: bool
    place: Place
    entries: dict[str, Entry]
    items: list[Node]
    key: Scalar | None = None

    def node(self) -> Node:
        if self.is_mapping:
            return Mapping(tuple(self.entries.values()), self.place)
        return Sequence(tuple(self.items), self.place)

    def take(self, node: Node) -> None:
        if not self.is_mapping:
            self.items.append(node)
        elif self.key is None and isinstance(node, Scalar):
            self.key = node
        elif self.key is not None:
            if self.key.text in self.entries:
                says = f"the key {self.key.text[:60]!r} stands twice"
                raise FormatError(Reason.PARSER_DIFFERENTIAL, says, self.key.place)
            self.entries[self.key.text] = Entry(self.key, node)
            self.key = None


def _composed(text: str, spots: Spots) -> Node:
    stack = [_Open(False, Place(), {}, [])]
    for token in _TOKEN.finditer(text):
        said, place = token[0], spots.place(token.start())
        if said in "{[":
            if len(stack) > _DEPTH:
                raise FormatError(Reason.OVER_LIMIT, f"more than {_DEPTH} levels deep", place)
            stack.append(_Open(said == "{", place, {}, []))
        elif said in "}]":
            node = stack.pop().node()
            stack[-1].take(node)
        else:
            stack[-1].take(_scalar(said, place))
    return stack[0].items[0]


def _scalar(said: str, place: Place) -> Scalar:
    if not said.startswith('"'):
        return Scalar(said, place)
    value: Any = json.loads(said)
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "half of a character", place)
    return Scalar(value, place, plain=False)
