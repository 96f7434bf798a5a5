"""Constants of the pickle machine: what the bytes of a string or a text number stand for.

Where C's strtol, Python's int() or the loader's `encoding` would make different things of them, the
value is vague, or the doubt is said beside it.
"""

import re
from typing import Final

from probatum.errors import FormatError
from probatum.formats.pickle_values import BIG, BYTEARRAY, FLOAT, KEPT, TEXT, VAGUE, Value
from probatum.vocabulary import Place, Reason

_PLAIN_INT: Final = re.compile(rb"(?:0|-?[1-9][0-9]{0,4000})\Z").match
_PLAIN_FLOAT: Final = re.compile(rb"(?:-?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|-?inf|nan)\Z").match
LONG: Final = {
    "str": TEXT,
    "ascii": TEXT,
    "int": BIG,
    "bytearray": BYTEARRAY,
}
"""What stands for a string or an integer too long to keep."""


def constant(kind: str, data: bytes) -> Value:
    if kind == "str":
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return VAGUE
    if kind == "bytes":
        return data
    if kind == "int":
        return int.from_bytes(data, "little", signed=True) if len(data) <= 8 else BIG
    if kind == "ascii":
        return data.decode("ascii") if data.isascii() else VAGUE
    return BYTEARRAY


def _unicode(line: bytes) -> Value:
    try:
        text = line.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        return VAGUE
    return text if len(text) <= KEPT else TEXT


def literal(op: int, line: bytes, at: int) -> tuple[Value, str]:
    """The value of an INT, LONG, FLOAT, UNICODE or STRING opcode at `at`, and the doubt, if any."""
    if op == 0x49 and line in (b"00", b"01"):
        return line == b"01", ""
    if op == 0x4C and line.endswith(b"L"):
        line = line[:-1]
    if op in b"IL":
        if not _PLAIN_INT(line):
            return BIG, f"the integer {line[:40]!r}: C strtol and Python's int() disagree about it"
        return (int(line) if len(line) < 20 else BIG), ""
    if op == 0x46:
        doubt = "" if _PLAIN_FLOAT(line) else f"the number {line[:40]!r} is read differently"
        return FLOAT, doubt
    return (_unicode(line) if op == 0x56 else _quoted(line, at)), ""


def _quoted(line: bytes, at: int) -> Value:
    """STRING: a Python 2 repr. Its type and content depend on the loader's `encoding`."""
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise FormatError(Reason.MALFORMED, "a STRING without matching quotes", Place(offset=at))
    if b"\\" in line:
        return VAGUE
    return constant("ascii", line[1:-1]) if len(line) <= KEPT else TEXT
