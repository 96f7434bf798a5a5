"""The bytes that every version key is made of: numbers, and the refusal of what is no version."""

from probatum.errors import FormatError
from probatum.vocabulary import Reason

LONGEST = 256
"""Characters that a version may have: nobody who releases software writes longer ones."""
_LEAST = 0x10
_ONE_BYTE = 0xC0
_SMALL = tuple(bytes((_LEAST + value,)) for value in range(_ONE_BYTE))
_MOST_BYTES = 0x100 - _LEAST - _ONE_BYTE


def number(digits: str, text: str) -> bytes:
    """Bytes that compare as the number does; none begins another, and none begins below 0x10.

    Up to 191 one byte, then a byte that grows with the length and the number itself.

    Raises: FormatError if the number, a part of the version `text`, is absurdly large.
    """
    value = int(digits) if len(digits) <= LONGEST else 1 << 8 * _MOST_BYTES
    if value < _ONE_BYTE:
        return _SMALL[value]
    length = (value.bit_length() + 7) // 8
    if length > _MOST_BYTES:
        raise malformed(text, "a number in it is too large")
    return bytes((_LEAST + _ONE_BYTE + length - 1,)) + value.to_bytes(length, "big")


def malformed(text: str, why: str) -> FormatError:
    """The error for a version that cannot be placed among the others."""
    return FormatError(Reason.MALFORMED, f"{text[:60]!a} is no version: {why}")


def bounded(text: str) -> str:
    """The text without blanks around it. Raises: FormatError if it is too long to be a version."""
    if len(text) > LONGEST:
        raise malformed(text, f"it has {len(text)} characters")
    return text.strip(" \t\n\r\f\v")
