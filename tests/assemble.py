"""A pickle assembler: opcode names and arguments, one a line, to the bytes of a stream.

    PROTO 2
    GLOBAL builtins print        # module and name, split at the first space
    SHORT_BINUNICODE 'hello'     # a Python literal; its length is written for you
    TUPLE1
    REDUCE
    STOP

Names are those of `pickletools`. `RAW` takes the tokens of a hex sample, for bytes that no
assembler should write for you. A comment starts with `#` at the start of a line, or after two
spaces. Nothing is loaded here, and nothing is added: no PROTO, FRAME or STOP you did not write.
"""

import ast
import pickletools
import struct
from collections.abc import Callable, Iterator

from bytes_of_text import from_hex

_OPCODES = {code.name: code for code in pickletools.opcodes}
_FIXED = {"uint1": "<B", "uint2": "<H", "int4": "<i", "uint4": "<I", "uint8": "<Q", "float8": ">d"}
_LENGTHS = {
    "string1": "<B", "string4": "<i", "bytes1": "<B", "bytes4": "<I", "bytes8": "<Q",
    "bytearray8": "<Q", "unicodestring1": "<B", "unicodestring4": "<I", "unicodestring8": "<Q",
}  # fmt: skip
_LONGS = {"long1": "<B", "long4": "<i"}


def assembled(text: str) -> bytes:
    """The pickle stream that `text` spells out, one opcode a line."""
    return b"".join(_instruction(line) for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        said = line.split("  #", 1)[0].strip()
        if said and not said.startswith("#"):
            yield said


def _instruction(line: str) -> bytes:
    name, _, argument = line.partition(" ")
    argument = argument.strip()
    if name == "RAW":
        return from_hex(argument)
    if name not in _OPCODES:
        raise ValueError(f"no pickle opcode is named {name!r}")
    code = _OPCODES[name]
    return code.code.encode("latin-1") + _argument(code.arg, argument)


def _argument(arg: pickletools.ArgumentDescriptor | None, text: str) -> bytes:
    if arg is None:
        if text:
            raise ValueError(f"this opcode takes no argument, not {text!r}")
        return b""
    for names, encode in _ENCODERS:
        if arg.name in names:
            return encode(arg.name, text)
    if arg.name == "stringnl_noescape_pair":
        module, _, name = text.partition(" ")
        return f"{module}\n{name}\n".encode()
    return text.encode() + b"\n"


def _fixed(kind: str, text: str) -> bytes:
    value = float(text) if kind == "float8" else int(text, 0)
    return struct.pack(_FIXED[kind], value)


def _counted(kind: str, text: str) -> bytes:
    value = ast.literal_eval(text)
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return struct.pack(_LENGTHS[kind], len(data)) + data


def _long(kind: str, text: str) -> bytes:
    value = int(text, 0)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True) if value else b""
    return struct.pack(_LONGS[kind], len(data)) + data


_ENCODERS: tuple[tuple[dict[str, str], Callable[[str, str], bytes]], ...] = (
    (_FIXED, _fixed),
    (_LENGTHS, _counted),
    (_LONGS, _long),
)
