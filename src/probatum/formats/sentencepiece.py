"""Reads a SentencePiece model: pieces of text with scores, and how text is normalised.

Source: `src/sentencepiece_model.proto` of sentencepiece 0.2.
"""

import struct

from probatum.errors import FormatError
from probatum.formats.protobuf import Wire, schema
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_MODEL = schema(
    pieces="1b*", trainer_spec="2b", normalizer_spec="3b", self_test_data="4b",
    denormalizer_spec="5b",
)  # fmt: skip
_PIECE = schema(piece="1b", score="2f", type="3n")
_NORMALIZER = schema(
    name="1b", precompiled_charsmap="2b", add_dummy_prefix="3n", remove_extra_whitespaces="4n",
    escape_whitespaces="5n", normalization_rule_tsv="6b",
)  # fmt: skip
_MOST = 256 << 20
_TYPES = range(1, 7)


def pieces(material: Material) -> int:
    """How many pieces the model has, each of them looked at.

    Raises: FormatError where the message, or a piece, is not as SentencePiece writes it.
    """
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"a vocabulary of {material.size} bytes")
    wire, count = Wire(material), 0
    for number, _, begin, end in wire.fields(_MODEL, "ModelProto", 0, material.size):
        if number == 1:
            _piece(material, wire, begin, end)
            count += 1
        elif number in (3, 5):
            for _ in wire.fields(_NORMALIZER, "NormalizerSpec", begin, end):
                pass
    return count


def _piece(material: Material, wire: Wire, start: int, stop: int) -> None:
    text, kind = b"", 1
    for number, _, begin, end in wire.fields(_PIECE, "SentencePiece", start, stop):
        if number == 1:
            text = material.read(begin, end - begin)
        elif number == 3:
            kind = begin
    if not _is_text(text) or kind not in _TYPES:
        raise FormatError(Reason.MALFORMED, "a piece that is no text", Place(offset=start))


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


def begins(first: bytes) -> bool:
    """Whether these bytes begin a piece: its text, then its score as four bytes."""
    if len(first) < 2 or first[0] != 0x0A or not 0 < first[1] < 0x40:
        return False
    end = 2 + first[1]
    text, rest = first[2:end], first[end : end + 5]
    return len(rest) == 5 and rest[0] == 0x15 and _is_text(text) and _is_finite(rest[1:])


def _is_finite(score: bytes) -> bool:
    value: float = struct.unpack("<f", score)[0]
    return abs(value) < 1e9
