"""Walks a fastText model (`.bin`, `.ftz`) from its first byte to its last, skipping its numbers.

Source: fastText 0.9.3, src/fasttext.cc (loadModel), args.cc, dictionary.cc, densematrix.cc,
quantmatrix.cc, productquantizer.cc (their `load`).
"""

import hashlib
import struct

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Certificate, Place, Reason

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_WINDOW = 1 << 16
_LONGEST_WORD = 1 << 16
_CENTROIDS = 256


class FastText(Struct, frozen=True):
    """How many words and labels there are, and a digest of every byte that is no number of a
    matrix."""

    words: int
    structure_sha256: str


def walked(material: Material) -> FastText:
    """The whole file.

    Raises: FormatError where a count or size is wrong, or the file ends elsewhere.
    """
    walk = _Walk(material)
    if walk.take(4) != MAGIC:
        raise FormatError(Reason.UNSUPPORTED, "no fastText model of this byte order")
    version = walk.whole("<i")
    if version not in _VERSIONS:
        raise FormatError(Reason.UNSUPPORTED, f"version {version} of fastText's format")
    walk.take(12 * 4 + 8)  # the training's options
    words = _dictionary(walk)
    for _ in ("input", "output"):
        _matrix(walk)
    if walk.at != material.size:
        raise FormatError(Reason.MALFORMED, "bytes follow the model", Place(offset=walk.at))
    return FastText(words, walk.state.hexdigest())


def certificate(material: Material) -> Certificate:
    """Of the whole walk, on which every claim rests. Raises: FormatError as `walked` does."""
    found = walked(material)
    facts = {
        "size": material.size,
        "words": found.words,
        "structure_sha256": found.structure_sha256,
    }
    return Certificate("fasttext", facts)


class _Walk:
    def __init__(self, material: Material) -> None:
        self._material = material
        self._window, self._start = b"", 0
        self.at = 0
        self.state = hashlib.sha256()

    def take(self, length: int) -> bytes:
        begin = self.at - self._start
        if begin < 0 or begin + length > len(self._window):
            self._start, begin = self.at, 0
            self._window = self._material.read(self.at, max(length, _WINDOW))
        data = self._window[begin : begin + length]
        if len(data) < length:
            raise self._cut_short()
        self.at += length
        self.state.update(data)
        return data

    def whole(self, form: str, most: int = 1 << 40) -> int:
        """A number that counts something."""
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if not 0 <= value <= most:
            raise FormatError(Reason.MALFORMED, f"a count of {value}", Place(offset=self.at))
        return value

    def flag(self) -> bool:
        value = self.whole("<B", 1)
        return value == 1

    def skip(self, length: int) -> None:
        if self.at + length > self._material.size:
            raise self._cut_short()
        self.at += length

    def word(self) -> None:
        for length in range(_LONGEST_WORD):
            if self.take(1) == b"\0":
                if not length:
                    raise FormatError(Reason.MALFORMED, "a word of nothing", Place(offset=self.at))
                return
        raise FormatError(Reason.OVER_LIMIT, "a word without an end", Place(offset=self.at))

    def _cut_short(self) -> FormatError:
        return FormatError(Reason.TRUNCATED, "the model is cut short", Place(offset=self.at))


def _dictionary(walk: _Walk) -> int:
    size, words, labels = (walk.whole("<i") for _ in range(3))
    walk.whole("<q", 1 << 62)
    pruned = struct.unpack("<q", walk.take(8))[0]
    if size != words + labels or not -1 <= pruned <= 1 << 40:
        raise FormatError(Reason.MALFORMED, "a dictionary of another size than its words")
    for _ in range(size):
        walk.word()
        walk.whole("<q", 1 << 62)
        walk.whole("<b", 1)
    walk.skip(8 * max(pruned, 0))
    return size


def _matrix(walk: _Walk) -> None:
    if not walk.flag():
        rows, columns = walk.whole("<q"), walk.whole("<q")
        walk.skip(4 * rows * columns)
        return
    normed = walk.flag()
    rows, columns = walk.whole("<q"), walk.whole("<q")
    codes = walk.whole("<i")
    if codes != rows * _quantizer_after(walk, codes, columns):
        raise FormatError(Reason.MALFORMED, "codes of another size than the matrix")
    if normed:
        walk.skip(rows)
        if _quantizer(walk, 1) != 1:
            raise FormatError(Reason.MALFORMED, "norms of more than one number")


def _quantizer_after(walk: _Walk, codes: int, columns: int) -> int:
    walk.skip(codes)
    return _quantizer(walk, columns)


def _quantizer(walk: _Walk, columns: int) -> int:
    """A product quantizer's centroids; how many codes it takes for one row."""
    dimension, parts, width, last = (walk.whole("<i", 1 << 30) for _ in range(4))
    if dimension != columns or not parts or (parts - 1) * width + last != dimension or last > width:
        raise FormatError(Reason.MALFORMED, "centroids of another shape than the matrix")
    walk.skip(4 * dimension * _CENTROIDS)
    return parts
