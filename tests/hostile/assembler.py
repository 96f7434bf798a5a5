"""Assembles pickle programs written as text, and takes pickles apart into the same text.

One instruction a line: the opcode's name as `pickletools` prints it, its arguments as Python
literals, and at most one label (`@fire`) whose byte offset the assembled program remembers:

    PROTO 2
    GLOBAL 'posix' 'system'
    BINUNICODE 'true'
    TUPLE1
    REDUCE @fire
    STOP

Three words are not opcodes: `RAW b'...'` puts bytes as they are, `FRAME` without a number
covers what follows up to `END` (or the end of the program), and `ARG b'...'` after an opcode
name gives that opcode's argument byte for byte (`INT ARG b'0x10\\n'`).
"""

import ast
import pickletools
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

CODES: dict[str, bytes] = {op.name: op.code.encode("latin1") for op in pickletools.opcodes}
NAMES: dict[int, str] = {ord(op.code): op.name for op in pickletools.opcodes}


@dataclass(frozen=True)
class Program:
    """An assembled pickle and the byte offsets of its labels."""

    data: bytes
    labels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Instruction:
    """One opcode with its arguments; `raw` replaces the encoding of the arguments."""

    name: str
    args: tuple[Any, ...] = ()
    raw: bytes | None = None
    label: str | None = None


def assemble(text: str) -> Program:
    """The pickle that a program's text stands for."""
    return encode(parsed(text))


def parsed(text: str) -> list[Instruction]:
    """The instructions of a program's text; empty lines and `#` comments are skipped."""
    lines = (line.strip() for line in text.splitlines())
    return [_instruction(line) for line in lines if line and not line.startswith("#")]


def encode(instructions: Iterable[Instruction]) -> Program:
    """The bytes of the instructions, with frames closed and label offsets noted."""
    data = bytearray()
    labels: dict[str, int] = {}
    open_frames: list[int] = []
    for one in instructions:
        if one.label is not None:
            labels[one.label] = len(data)
        if one.name == "END":
            _close_frame(data, open_frames.pop())
        elif one.name == "FRAME" and not one.args and one.raw is None:
            data += CODES["FRAME"] + bytes(8)
            open_frames.append(len(data))
        else:
            data += encoded(one)
    while open_frames:
        _close_frame(data, open_frames.pop())
    return Program(bytes(data), labels)


def encoded(one: Instruction) -> bytes:
    """The bytes of one instruction."""
    if one.name == "RAW":
        return bytes(one.args[0])
    code = CODES[one.name]
    if one.raw is not None:
        return code + one.raw
    encoder = _ENCODERS.get(one.name)
    return code if encoder is None else code + encoder(*one.args)


def disassembled(data: bytes, fire: int | None = None) -> list[Instruction]:
    """The instructions of one well-formed stream, up to its STOP; frames are left out.

    The instruction at the offset `fire` gets that label.
    """
    return [
        Instruction(op.name, _arguments(op.name, arg), label="fire" if at == fire else None)
        for op, arg, at in pickletools.genops(data)
        if op.name != "FRAME" and at is not None
    ]


_LINE = re.compile(r"(?P<name>[A-Z_0-9]+)(?P<rest>.*?)(?:\s@(?P<label>\w+))?$", re.DOTALL)


def _instruction(line: str) -> Instruction:
    match = _LINE.match(line)
    assert match is not None, line
    name, rest, label = match["name"], match["rest"].strip(), match["label"]
    assert name in CODES or name in {"RAW", "END"}, line
    if rest.startswith("ARG "):
        return Instruction(name, raw=ast.literal_eval(rest[4:]), label=label)
    return Instruction(name, _literals(rest), label=label)


def _literals(text: str) -> tuple[Any, ...]:
    """Literals that stand side by side; unlike in Python, two strings are two values."""
    if not text:
        return ()
    return tuple(ast.literal_eval(piece) for piece in _LITERAL.findall(text))


_LITERAL = re.compile(r"""[bu]?'(?:[^'\\]|\\.)*'|[bu]?"(?:[^"\\]|\\.)*"|[^\s'"]+""")


def _close_frame(data: bytearray, start: int) -> None:
    data[start - 8 : start] = struct.pack("<Q", len(data) - start)


def _arguments(name: str, arg: Any) -> tuple[Any, ...]:
    if arg is None:
        return ()
    if name in {"GLOBAL", "INST"}:
        module, _, qualname = arg.partition(" ")
        return (module, qualname)
    return (arg,)


def _packed(layout: str) -> Callable[[Any], bytes]:
    return lambda value: struct.pack(layout, value)


def _counted(layout: str) -> Callable[[Any], bytes]:
    def one(value: str | bytes) -> bytes:
        data = _utf8(value) if isinstance(value, str) else bytes(value)
        return struct.pack(layout, len(data)) + data

    return one


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _line(value: Any) -> bytes:
    return _utf8(str(value)) + b"\n"


def _int_line(value: Any) -> bytes:
    return {True: b"01\n", False: b"00\n"}[value] if isinstance(value, bool) else _line(value)


def _long_line(value: int) -> bytes:
    return f"{value}L\n".encode()


def _unicode_line(value: str) -> bytes:
    escaped = value.replace("\\", "\\u005c").replace("\0", "\\u0000").replace("\n", "\\u000a")
    escaped = escaped.replace("\r", "\\u000d").replace("\x1a", "\\u001a")
    return escaped.encode("raw-unicode-escape") + b"\n"


def _string_line(value: str | bytes) -> bytes:
    text = value.decode("latin1") if isinstance(value, bytes) else value
    return repr(text.encode("latin1"))[1:].encode() + b"\n"


def _latin1(layout: str) -> Callable[[Any], bytes]:
    counted = _counted(layout)
    return lambda value: counted(value.encode("latin1") if isinstance(value, str) else value)


def _two_lines(module: str, name: str) -> bytes:
    return _line(module) + _line(name)


def _long(layout: str) -> Callable[[Any], bytes]:
    def one(value: int) -> bytes:
        size = (value.bit_length() // 8 + 1) if value else 0
        return struct.pack(layout, size) + value.to_bytes(size, "little", signed=True)

    return one


_ENCODERS: dict[str, Callable[..., bytes]] = {
    "INT": _int_line,
    "BININT": _packed("<i"),
    "BININT1": _packed("<B"),
    "BININT2": _packed("<H"),
    "LONG": _long_line,
    "LONG1": _long("<B"),
    "LONG4": _long("<i"),
    "FLOAT": lambda value: _line(repr(value)),
    "BINFLOAT": _packed(">d"),
    "STRING": _string_line,
    "BINSTRING": _latin1("<i"),
    "SHORT_BINSTRING": _latin1("<B"),
    "BINBYTES": _counted("<I"),
    "SHORT_BINBYTES": _counted("<B"),
    "BINBYTES8": _counted("<Q"),
    "BYTEARRAY8": _counted("<Q"),
    "UNICODE": _unicode_line,
    "SHORT_BINUNICODE": _counted("<B"),
    "BINUNICODE": _counted("<I"),
    "BINUNICODE8": _counted("<Q"),
    "GLOBAL": _two_lines,
    "INST": _two_lines,
    "EXT1": _packed("<B"),
    "EXT2": _packed("<H"),
    "EXT4": _packed("<i"),
    "GET": _line,
    "BINGET": _packed("<B"),
    "LONG_BINGET": _packed("<I"),
    "PUT": _line,
    "BINPUT": _packed("<B"),
    "LONG_BINPUT": _packed("<I"),
    "PROTO": _packed("<B"),
    "PERSID": _line,
    "FRAME": _packed("<Q"),
}
