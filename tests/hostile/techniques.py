"""The techniques: ways to reach a gadget, read from `techniques.toml`."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hostile.assembler import Program, assemble
from hostile.expressions import Call, Ref, Style, parsed
from hostile.gadgets import NAMES, Gadget

PARTIAL = Ref("functools", "partial")


@cache
def techniques() -> dict[str, dict[str, str]]:
    """`reach`, `call`, `program` and `stream`: the texts by name."""
    with Path(__file__).with_name("techniques.toml").open("rb") as file:
        return tomllib.load(file)


def reached(text: str, gadget: Gadget, protocol: int) -> Program:
    """The gadget called directly, its callable named the way the `reach` text says."""
    ref = gadget.call.function
    dotted = f"{ref.module}.{ref.name}"
    names = {
        "M": ref.module,
        "N": ref.name,
        "REVERSED": ref.name[::-1],
        "DASHED": "-".join(ref.module),
        "DOTTED": dotted,
        "COLON": str(ref),
        "NESTED": f"c{ref.module}\n{ref.name}\n.".encode(),
    }
    style = Style(protocol)
    callee = list(_lines(text, style, names | NAMES, gadget))
    return _assembled(protocol, [*callee, *style.lines(gadget.call.args), "REDUCE @fire", "STOP"])


def called(text: str, gadget: Gadget, protocol: int) -> Program:
    """The gadget called the way the `call` text says."""
    lines = Style(protocol).lines(parsed(text, _bound(gadget)))
    return _assembled(protocol, [*lines[:-1], f"{lines[-1]} @fire", "STOP"])


def programmed(text: str, gadget: Gadget, protocol: int) -> Program:
    """The program's text around the gadget."""
    return _assembled(protocol, list(_lines(text, Style(protocol), _bound(gadget), gadget)))


def applicable(text: str, gadget: Gadget) -> bool:
    """Whether a text can be filled in with the gadget: some need an argument, one needs a class."""
    return bool(gadget.call.args) or not re.search(r"\b[XGL]\b", text)


def _assembled(protocol: int, lines: list[str]) -> Program:
    head = [f"PROTO {protocol}"] if protocol >= 2 else []
    return assemble("\n".join([*head, *lines]))


def _bound(gadget: Gadget) -> dict[str, Any]:
    function, args = gadget.call.function, gadget.call.args
    bound = {
        "F": function,
        "A": args,
        "P": Call(PARTIAL, (function, *args)),
        "L": tuple([one] for one in args),
        "LIST": list(args),
        "M": function.module,
        "N": function.name,
    }
    if args:
        bound["X"] = args[-1]
        bound["G"] = Call(PARTIAL, (function, *args[:-1])) if len(args) > 1 else function
    return NAMES | bound


def _lines(text: str, style: Style, names: dict[str, Any], gadget: Gadget) -> Iterator[str]:
    for line in text.splitlines():
        if line == "{CALL}":
            lines = style.lines(gadget.call)
            yield from [*lines[:-1], f"{lines[-1]} @fire"]
        elif line == "{*A}":
            for one in gadget.call.args:
                yield from style.lines(one)
        elif line.startswith("{"):
            yield from style.lines(parsed(line[1:-1], names))
        else:
            yield re.sub(r"\b([MN])\b(?=[^']*$)", lambda m: repr(names[m[1]]), line)
