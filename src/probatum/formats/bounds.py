"""What readers of headers share: a broken rule as an exception, and regions read in pieces."""

import hashlib

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Excerpt, Place, Reason, Witness

_PIECE = 1 << 20


class Broken(FormatError):
    """A rule of the format is broken at a place that anyone can look at.

    An analyser of that rule's claim catches it and refutes with `witness`; for every other
    claim it is what its parent is, a malformed file.
    """

    def __init__(self, says: str, place: Place, excerpt: Excerpt | None = None) -> None:
        super().__init__(Reason.MALFORMED, says, place)
        self.witness = Witness(says, place, excerpt=excerpt)


def broken(material: Material, offset: int, says: str, part: str | None = None) -> Broken:
    """The rule that the bytes at `offset` break, with the bytes around them."""
    start = max(0, min(offset, material.size) - 16)
    excerpt = Excerpt(start, material.read(start, 64))
    return Broken(says, Place(offset=offset, part=part), excerpt)


def region(material: Material, offset: int, length: int) -> bytes:
    """All of [offset, offset+length), read in pieces.

    Raises: FormatError(TRUNCATED) if the material ends before.
    """
    if offset < 0 or length < 0 or offset + length > material.size:
        raise FormatError(
            Reason.TRUNCATED,
            f"{length} bytes are wanted at byte {offset}, the file ends at {material.size}",
            Place(offset=material.size),
        )
    pieces = []
    while length > 0:
        piece = material.read(offset, min(length, _PIECE))
        if not piece:
            raise FormatError(Reason.VANISHED, "the file became shorter while it was read")
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def digest(material: Material, offset: int, length: int) -> str:
    """The SHA-256 in hex of [offset, offset+length), read in pieces.

    Raises: FormatError(TRUNCATED) if the material ends before.
    """
    state = hashlib.sha256()
    while length > 0:
        piece = region(material, offset, min(length, _PIECE))
        state.update(piece)
        offset += len(piece)
        length -= len(piece)
    return state.hexdigest()


def utf8(data: bytes) -> str:
    """The bytes as text. Raises: FormatError(MALFORMED) at the first byte that is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError(Reason.MALFORMED, "not UTF-8", Place(offset=exc.start)) from exc
