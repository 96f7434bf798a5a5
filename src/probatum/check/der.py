"""Reads DER, the one binary form of ASN.1 values, strictly, for the checkers.

Source: ITU-T X.690 (2021), sections 8 and 10.
"""

from collections.abc import Iterator
from typing import NamedTuple

from probatum.errors import Rejected

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30


class Value(NamedTuple):
    """One value: its tag, its content, and all of it as it stands."""

    tag: int
    content: bytes
    whole: bytes


def value(data: bytes, tag: int | None = None) -> Value:
    """The one value that `data` is, of this tag if one is asked for. Raises: Rejected."""
    found = list(values(data))
    if len(found) != 1 or tag not in (None, found[0].tag):
        raise Rejected("not the one value that is expected here")
    return found[0]


def values(data: bytes) -> Iterator[Value]:
    """The values that stand one after another. Raises: Rejected."""
    at = 0
    while at < len(data):
        if len(data) - at < 2 or data[at] & 0x1F == 0x1F:
            raise Rejected("a value is cut short, or has a long tag")
        start, length, body = at, data[at + 1], at + 2
        if length >= 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[body : body + count])
            body += count
            # The shortest form of a length is the only one.
            if not 1 <= count <= 4 or length < 0x80 or length >> 8 * (count - 1) == 0:
                raise Rejected("a length is not in its one form")
        at = body + length
        if at > len(data):
            raise Rejected("a value ends behind its data")
        yield Value(data[start], data[body:at], data[start:at])


def items(data: bytes, least: int = 0) -> list[Value]:
    """The values in a sequence that `data` is, so many at least. Raises: Rejected."""
    found = list(values(value(data, SEQUENCE).content))
    if len(found) < least:
        raise Rejected("a sequence holds less than it must")
    return found


def integer(one: Value) -> int:
    """Raises: Rejected if it is none, or not in its one form."""
    content = one.content
    if one.tag != INTEGER or not content:
        raise Rejected("no integer where one is expected")
    found = int.from_bytes(content, signed=True)
    if len(content) > 1 and len(content) != (found + (found < 0)).bit_length() // 8 + 1:
        raise Rejected("an integer is not in its one form")
    return found


def bits(one: Value) -> bytes:
    """A string of whole bytes. Raises: Rejected."""
    if one.tag != BIT_STRING or one.content[:1] != b"\0":
        raise Rejected("no string of whole bytes where one is expected")
    return one.content[1:]


def pair(data: bytes) -> tuple[int, int]:
    """The two integers of an ECDSA signature. Raises: Rejected."""
    found = items(data)
    if len(found) != 2:
        raise Rejected("a signature is not two numbers")
    return integer(found[0]), integer(found[1])


def dotted(one: Value) -> str:
    """An object identifier as text. Raises: Rejected."""
    if one.tag != OID or not one.content or one.content[-1] & 0x80:
        raise Rejected("no object identifier where one is expected")
    numbers, number = [], 0
    for byte in one.content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))
