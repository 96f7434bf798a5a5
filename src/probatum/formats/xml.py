"""Reads XML for what it says and what it makes a parser open, under limits, expanding nothing.

expat does the parsing; every declaration in a DTD ends the reading of the document as a thing that
parsers agree on, so that no entity is ever expanded and no attribute gets a default from it.

Sources: XML 1.0 (fifth edition) 2.8, 4.2, 4.3.3; XInclude 1.1; the `xml` vulnerabilities table of
Python's documentation (billion laughs, external entities, external DTDs).
"""

import re
from collections.abc import Iterator
from xml.parsers import expat

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Witness

MAX_SIZE = 256 << 20
_MAX_DEPTH = 500
_PIECE = 1 << 16
_XINCLUDE = "http://www.w3.org/2001/XInclude"
_DECLARATION = re.compile(
    rb"<\?xml[ \t\r\n]+version=[^?]*?encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"']*)"
)


class Element(Struct, frozen=True):
    """The start of an element; names are local, the element's namespace stands in `space`, the
    name of the element around it in `parent`."""

    space: str
    name: str
    parent: str
    attributes: dict[str, str]
    place: Place


class Instruction(Struct, frozen=True):
    """A processing instruction."""

    target: str
    place: Place


class Outside(FormatError):
    """The document makes a parser open something else: the witness of it."""

    def __init__(self, says: str, place: Place) -> None:
        super().__init__(Reason.UNRESOLVED, says, place)
        self.witness = Witness(says, place)


def parts(material: Material) -> Iterator[Element | Instruction]:
    """The elements and processing instructions, in order.

    Raises: Outside at an external DTD, an external entity or an XInclude; FormatError
    PARSER_DIFFERENTIAL at any other DTD, UNSUPPORTED for an encoding other than UTF-8 and for
    names other than ASCII, OVER_LIMIT beyond 256 MiB or 500 levels, MALFORMED where the XML is
    not well formed.
    """
    if material.size > MAX_SIZE:
        raise FormatError(Reason.OVER_LIMIT, f"XML of more than {MAX_SIZE} bytes")
    _demand_utf8(material.read(0, 1024))
    reader = _Reader()
    for at in range(0, material.size, _PIECE):
        piece = region(material, at, min(_PIECE, material.size - at))
        if 0 in piece:
            place = Place(offset=at + piece.index(0))
            raise FormatError(Reason.MALFORMED, "a NUL stands in the XML", place)
        yield from reader.feed(piece, at + len(piece) >= material.size)
    if material.size == 0:
        raise FormatError(Reason.TRUNCATED, "the file is empty")


def _demand_utf8(head: bytes) -> None:
    said = _DECLARATION.match(head.removeprefix(b"\xef\xbb\xbf"))
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:4]:
        raise FormatError(Reason.UNSUPPORTED, "the XML is in UTF-16 or UTF-32", Place(offset=0))
    if said is not None and said[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        name = said[1].decode(errors="backslashreplace")[:40]
        raise FormatError(
            Reason.UNSUPPORTED, f"the XML is in the encoding {name!r}", Place(offset=said.start(1))
        )


class _Reader:
    """expat with handlers that collect what one piece holds."""

    def __init__(self) -> None:
        self.found: list[Element | Instruction] = []
        self.around = [""]
        self.expat = expat.ParserCreate("utf-8", " ")
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.ProcessingInstructionHandler = self._instruction
        self.expat.StartDoctypeDeclHandler = self._doctype
        self.expat.EntityDeclHandler = self._entity

    def feed(self, piece: bytes, is_last: bool) -> list[Element | Instruction]:
        self.found = []
        try:
            self.expat.Parse(piece, is_last)
        except expat.ExpatError as exc:
            place = Place(offset=self.expat.ErrorByteIndex, line=exc.lineno)
            says = f"the XML is not well formed: {expat.ErrorString(exc.code)}"
            raise FormatError(Reason.MALFORMED, says, place) from exc
        return self.found

    @property
    def place(self) -> Place:
        return Place(offset=self.expat.CurrentByteIndex, line=self.expat.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.around) > _MAX_DEPTH:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MAX_DEPTH} levels", self.place)
        space, _, local = name.rpartition(" ")
        if space == _XINCLUDE:
            href = attributes.get("href", "")[:200]
            raise Outside(f"an XInclude makes a parser open {href!r}", self.place)
        named = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if not all(map(str.isascii, (local, *named))):
            raise FormatError(Reason.UNSUPPORTED, "a name that is not ASCII", self.place)
        if len(named) < len(attributes):
            says = "two attributes differ in their namespace alone"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says, self.place)
        self.found.append(Element(space, local, self.around[-1], named, self.place))
        self.around.append(local)

    def _end(self, _: str) -> None:
        self.around.pop()

    def _instruction(self, target: str, _: str) -> None:
        self.found.append(Instruction(target, self.place))

    def _doctype(self, name: str, system: str | None, *_: object) -> None:
        if system is not None:
            says = f"the document type {name[:80]!r} makes a parser open {system[:200]!r}"
            raise Outside(says, self.place)
        # What follows tells which: an external entity is a witness, the rest a difference.
        self.expat.EndDoctypeDeclHandler = self._declared

    def _entity(
        self,
        name: str,
        _: int,
        value: str | None,
        base: str | None,
        system: str | None,
        *__: object,
    ) -> None:
        if value is None and system is not None:
            says = f"the entity {name[:80]!r} makes a parser open {system[:200]!r}"
            raise Outside(says, self.place)

    def _declared(self, *_: object) -> None:
        says = "a DTD stands in the XML, whose declarations some parsers follow and some do not"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says, self.place)
