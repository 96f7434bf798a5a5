"""What readers that follow a file to its end share: bytes that no field covers."""

import hashlib
from collections.abc import Iterable, Iterator

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason


class Uncovered(FormatError):
    """Bytes [start, end) that no field of the format covers, and that are not padding."""

    def __init__(self, start: int, end: int, detail: str) -> None:
        super().__init__(Reason.PARSER_DIFFERENTIAL, detail, Place(offset=start))
        self.start = start
        self.end = end


def demand_end(end: int, material: Material, what: str) -> None:
    """Raises: Uncovered where something but nothing stands behind `end`."""
    if end != material.size:
        count = material.size - end
        raise Uncovered(end, material.size, f"{count} bytes stand behind {what}")


def pieces(material: Material, at: int, end: int) -> Iterator[bytes]:
    """The bytes [at, end), a MiB at a time. Raises: FormatError(TRUNCATED)."""
    while at < end:
        piece = material.read(at, min(1 << 20, end - at))
        if not piece:
            raise FormatError(Reason.TRUNCATED, "the file ends too early", Place(offset=at))
        yield piece
        at += len(piece)


def digest_of(data: Iterable[bytes]) -> str:
    """The SHA-256 in hex of all of it."""
    state = hashlib.sha256()
    for piece in data:
        state.update(piece)
    return state.hexdigest()
