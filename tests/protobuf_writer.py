"""Spells protobuf messages for tests, right or wrong as it is told."""


def number(value: int) -> bytes:
    """A varint."""
    made = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def whole(field: int, value: int) -> bytes:
    """Field `field` as a number."""
    return number(field << 3) + number(value)


def part(field: int, *data: bytes | str) -> bytes:
    """Field `field` as bytes, text or a message."""
    joined = b"".join(one.encode() if isinstance(one, str) else one for one in data)
    return number(field << 3 | 2) + number(len(joined)) + joined
