"""The surroundings of a witness, as rows of bytes or lines of text with the spot marked."""

from collections.abc import Iterator

from msgspec import Struct

from probatum.vocabulary import Excerpt, Place

ROW = 16

# More than this of one excerpt helps nobody and would make a page of thousands slow.
MOST_BYTES = 1024


class HexLine(Struct, frozen=True):
    """Up to 16 bytes from offset `start`; `marked` is the offset of the spot if it lies here."""

    start: int
    data: bytes
    marked: int | None

    @property
    def ascii(self) -> str:
        """The bytes as a hex editor draws them: a dot for what is not printable ASCII."""
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in self.data)


class TextLine(Struct, frozen=True):
    """One line of text; `marked` is the index of the character at the spot if it lies here."""

    text: str
    marked: int | None


def hex_lines(excerpt: Excerpt, place: Place) -> Iterator[HexLine]:
    """The excerpt in rows that start at multiples of 16, as hex editors draw them."""
    first, data = _around(excerpt, place)
    for row in range(first - first % ROW, first + len(data), ROW):
        start = max(row, first)
        held = data[start - first : row + ROW - first]
        yield HexLine(start, held, _if_inside(place.offset, start, len(held)))


def text_lines(excerpt: Excerpt, place: Place) -> Iterator[TextLine]:
    """The excerpt split at newlines; what is not UTF-8 is written as `\\xff`."""
    start, data = _around(excerpt, place)
    for line in data.split(b"\n"):
        marked = _if_inside(place.offset, start, len(line) + 1)
        before = None if marked is None else _decoded(line[: marked - start])
        yield TextLine(_decoded(line), None if before is None else len(before))
        start += len(line) + 1


def _around(excerpt: Excerpt, place: Place) -> tuple[int, bytes]:
    if len(excerpt.data) <= MOST_BYTES:
        return excerpt.start, excerpt.data
    spot = (place.offset or 0) - excerpt.start
    skipped = max(0, min(spot - MOST_BYTES // 4, len(excerpt.data) - MOST_BYTES))
    return excerpt.start + skipped, excerpt.data[skipped : skipped + MOST_BYTES]


def _if_inside(offset: int | None, start: int, length: int) -> int | None:
    return offset if offset is not None and start <= offset < start + length else None


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
