"""Reads a TorchScript pickle as torch's C++ unpickler does: which classes it names, and no more.

The unpickler imports nothing: a GLOBAL is one of a fixed list or a class of the archive's own
`code/`, and REDUCE and BUILD reach only what GLOBALs have registered. So its names are all that
matters, whatever its stack does; any opcode that it does not know ends the load.
Source: torch/csrc/jit/serialization/unpickler.cpp (readInstruction, readGlobal).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

import probatum.rules
from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_LARGEST = 256 << 20
_OPERANDS = {
    **dict.fromkeys(b"])}(\x88\x89Nt\x85\x86\x87eldus\x81bRQ", 0),
    **dict.fromkeys(b"Kqh", 1),
    **dict.fromkeys(b"M", 2),
    **dict.fromkeys(b"Jrj", 4),
    **dict.fromkeys(b"G", 8),
}
_NAME = re.compile(rb"[A-Za-z0-9_.]+").fullmatch


class Named(Struct, frozen=True):
    """A class of the archive's own code, as `module:class`, and where the pickle names it."""

    name: str
    offset: int


class Problem(Struct, frozen=True):
    """A name that this unpickler does not know, and where it stands."""

    reason: Reason
    detail: str
    offset: int


class Pickled(Struct, frozen=True):
    """The archive's own classes that a pickle names, and what is not known about it."""

    classes: tuple[Named, ...]
    problems: tuple[Problem, ...]


def pickled(material: Material) -> Pickled:
    """The names in a TorchScript pickle.

    Raises: FormatError where the C++ unpickler would give up.
    """
    if material.size > _LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a pickle larger than {_LARGEST} bytes")
    data = material.read(0, material.size)
    if data[:2] != b"\x80\x02":
        raise FormatError(Reason.MALFORMED, "not of protocol 2, the only one TorchScript reads")
    classes: list[Named] = []
    problems: list[Problem] = []
    at = 2
    while data[at : at + 1] != b".":
        if data[at : at + 1] == b"c":
            module, name, after = _global(data, at)
            _judge(f"{module}:{name}", at, classes, problems)
            at = after
        else:
            at = _after(data, at)
    if at + 1 != len(data):
        says = f"{len(data) - at - 1} bytes follow the end of the pickle"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=at + 1))
    return Pickled(tuple(classes), tuple(problems))


def _after(data: bytes, at: int) -> int:
    op = data[at] if at < len(data) else None
    if op is None:
        raise FormatError(Reason.TRUNCATED, "the pickle ends before STOP", Place(offset=at))
    if op == 0x8A and data[at + 1 : at + 2] == b"\x08":
        after = at + 10
    elif op == 0x58:
        after = at + 5 + int.from_bytes(data[at + 1 : at + 5], "little")
    elif op in _OPERANDS:
        after = at + 1 + _OPERANDS[op]
    else:
        says = f"opcode {op:#04x}, which TorchScript's unpickler refuses and others may not"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=at))
    if after > len(data):
        raise FormatError(Reason.TRUNCATED, "the pickle is cut short", Place(offset=at))
    return after


def _global(data: bytes, at: int) -> tuple[str, str, int]:
    first = data.find(b"\n", at)
    second = data.find(b"\n", first + 1)
    if first < 0 or second < 0:
        raise FormatError(Reason.TRUNCATED, "the pickle is cut short", Place(offset=at))
    module, name = data[at + 1 : first], data[first + 1 : second]
    if not _NAME(module) or not _NAME(name) or b"." in name:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "an unusual name", Place(offset=at))
    return module.decode(), name.decode(), second + 1


def _judge(name: str, at: int, classes: list[Named], problems: list[Problem]) -> None:
    shown = name.replace(":", ".")[:160]
    if name in listed("names") or name in listed("custom_classes"):
        return
    if name.startswith("__torch__.torch.classes."):
        says = f"no review of {shown}, whose own C++ code reads its state"
        problems.append(Problem(Reason.MISSING_SUMMARY, says, at))
    elif name.startswith("__torch__"):
        classes.append(Named(name, at))
    else:
        says = (
            f"{shown}: TorchScript's unpickler knows no such name, one of Python's would import it"
        )
        problems.append(Problem(Reason.PARSER_DIFFERENTIAL, says, at))


@cache
def listed(key: str) -> frozenset[str]:
    """The names that `rules/torchscript.toml` lists for pickles."""
    return frozenset(rules()["pickle"][key].split())


@cache
def rules() -> dict[str, Any]:
    """What loading a TorchScript archive may name or call."""
    import tomllib  # only a TorchScript archive needs it

    path = Path(probatum.rules.__file__).parent / "torchscript.toml"
    return tomllib.loads(path.read_text("utf-8"))
