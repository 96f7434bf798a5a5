"""The chunks of a PNG image. Source: the PNG specification (third edition), section 5."""

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def last_chunk(data: bytes) -> tuple[int, bytes]:
    """Where the last whole chunk ends, and its name: IEND, or the one before the first fault."""
    at, name = len(SIGNATURE), b""
    while at + 12 <= len(data) and name != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        right = zlib.crc32(data[at + 4 : end - 4]).to_bytes(4, "big")
        if end > len(data) or data[end - 4 : end] != right or not data[at + 4 : at + 8].isalpha():
            break
        at, name = end, data[at + 4 : at + 8]
    return at, name
