"""What a pickle's literals mean where every unpickler reads them alike."""

import re
from typing import Any

from probatum.check.pickle_values import FLOAT, LONG_TEXT, NUMBER, VAGUE_TEXT
from probatum.errors import Rejected

_DECIMAL = re.compile(rb"-?(?:0|[1-9][0-9]{0,4000})L?\Z").match
_REAL = re.compile(rb"(?:-?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|-?inf|nan)\Z").match


def text(held: bytes) -> Any:
    """A text of which the first 257 bytes are held."""
    if len(held) > 256:
        return LONG_TEXT
    try:
        return held.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return VAGUE_TEXT


def ascii_text(held: bytes) -> Any:
    """A text of Python 2: other bytes than ASCII are decoded as the program says."""
    return held.decode() if held.isascii() else VAGUE_TEXT


def literal(op: int, line: bytes) -> Any:
    """INT, LONG, FLOAT, STRING and UNICODE as every unpickler reads them, or Rejected."""
    if op == 0x49 and line in (b"00", b"01"):
        return line == b"01"
    if op in b"IL":
        if not _DECIMAL(line) or (op == 0x49 and line.endswith(b"L")) or line.startswith(b"-0"):
            raise Rejected("4: unpicklers differ about an integer")
        return int(line.rstrip(b"L")) if len(line) < 20 else NUMBER
    if op == 0x46:
        if not _REAL(line):
            raise Rejected("4: unpicklers differ about a number")
        return FLOAT
    if op == 0x56:
        try:
            text = line.decode("raw-unicode-escape")
        except UnicodeDecodeError:
            return VAGUE_TEXT
        return text if len(text) <= 256 else LONG_TEXT
    if len(line) < 2 or line[0] != line[-1] or line[0] not in b"'\"":
        raise IndexError
    if b"\\" in line:
        return VAGUE_TEXT
    return ascii_text(line[1:-1]) if len(line) <= 256 else LONG_TEXT
