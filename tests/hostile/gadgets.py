"""The gadgets: calls with an effect, read from `gadgets.toml`."""

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from hostile.expressions import Built, Call, New, Pairs, Ref, parsed

NAMES = {
    "TIMER": Ref("time", "perf_counter"),
    "NPY": b"\x93NUMPY\x01\x00F\x00{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    + b" " * 16
    + b"\ncposix\nsystem\n(Vtrue\ntR.",
}


@dataclass(frozen=True)
class Gadget:
    """One call with an effect. `known`: published scanners name the class of its callable."""

    call: Call
    effect: str
    known: bool

    @property
    def callable(self) -> str:
        """`module:name` of what is called, or of the first global a nested call needs."""
        return str(next(globals_in(self.call)))

    @property
    def direct(self) -> bool:
        """Whether all there is to it is one call of one global on plain data."""
        return isinstance(self.call.function, Ref) and not any(
            isinstance(part, Call | New | Built | Ref)
            for arg in self.call.args
            for part in parts(arg)
        )


@cache
def gadgets() -> tuple[Gadget, ...]:
    """Every gadget whose package this environment has."""
    with Path(__file__).with_name("gadgets.toml").open("rb") as file:
        classes = tomllib.load(file)["class"]
    return tuple(
        Gadget(parsed(text, NAMES), one["effect"], one.get("known", False))
        for one in classes
        if "needs" not in one or find_spec(one["needs"]) is not None
        for text in one["calls"]
    )


def parts(value: object) -> Iterator[object]:
    """The expression and everything inside it, outermost first."""
    yield value
    match value:
        case Call(function, args) | New(function, args):
            inner = (function, *args)
        case Built(obj, state):
            inner = (obj, state)
        case Pairs(pairs):
            inner = tuple(one for pair in pairs for one in pair)
        case list() | tuple():
            inner = tuple(value)
        case _:
            inner = ()
    for one in inner:
        yield from parts(one)


def globals_in(value: object) -> Iterator[Ref]:
    """The globals of an expression, outermost first."""
    return (part for part in parts(value) if isinstance(part, Ref))


def standard(module: str) -> bool:
    """Whether a module is of the standard library of this Python."""
    return module.partition(".")[0] in sys.stdlib_module_names
