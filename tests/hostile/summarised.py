"""Random programs over the names the prover has summaries for: where a wrong Proven would hide.

What stands on no list at all is undecided anyway; a summary that admits too much is only found by
trying what it admits. Forged states for C and Cython classes belong here too: a `__setstate__`
compiled without bounds checks reads past a state that is too short.
"""

import json
import random
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import probatum.rules
from hostile.assembler import assemble
from hostile.expressions import Built, Call, New, Pairs, Ref, Style
from hostile.samples import Sample

RULES = Path(probatum.rules.__file__).parent / "effects"


@cache
def summarised() -> tuple[Ref, ...]:
    """Every name with a summary whose package this environment has."""
    names: list[str] = []
    for path in sorted(RULES.glob("*.toml")):
        rows = tomllib.loads(path.read_text("utf-8")).get("row", ())
        names += [name for row in rows for name in row["names"]]
    for path in sorted(RULES.glob("derived/*.json")):
        names += json.loads(path.read_bytes())["classes"]
    refs = (Ref(*name.split(":")) for name in dict.fromkeys(names))
    return tuple(ref for ref in refs if _here(_package(ref)))


def programs(seed: int, count: int) -> Iterator[Sample]:
    """`count` random programs, the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        made = _Program(rng)
        program = assemble("\n".join(made.lines()))
        yield Sample(
            name=f"summarised-{number}/{made.first}",
            data=program.data,
            family="summarised",
            loaders=("c", "py"),
        )


@cache
def _by_package() -> tuple[tuple[Ref, ...], ...]:
    packages = dict.fromkeys(_package(ref) for ref in summarised())
    return tuple(tuple(r for r in summarised() if _package(r) == one) for one in packages)


def _package(ref: Ref) -> str:
    return ref.module.partition(".")[0]


@cache
def _here(package: str) -> bool:
    return find_spec(package) is not None


class _Program:
    """An object of a summarised class, forged states, and items put where they may not belong."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._style = Style(rng.choice((0, 2, 4)))
        self.first = self._ref()

    def lines(self) -> list[str]:
        protocol = self._style.protocol
        lines = [f"PROTO {protocol}"] if protocol >= 2 else []
        lines += self._style.lines(self._object(self.first, 2))
        for _ in range(self._rng.randint(0, 2)):
            lines += self._rng.choice(self._further())
        return [*lines, "STOP"]

    def _further(self) -> list[list[str]]:
        value, other = self._lines(1), self._lines(1)
        return [
            [*self._style.lines(self._state(2)), "BUILD"],
            [*value, "APPEND"],
            ["MARK", *value, *other, "APPENDS"],
            [*value, *other, "SETITEM"],
            ["MARK", *value, "ADDITEMS"],
            ["POP", *self._style.lines(self._object(self._ref(), 2))],
            ["PUT 3", "POP", "EMPTY_DICT", "GET 3", "NONE", "SETITEM"],
        ]

    def _lines(self, depth: int) -> list[str]:
        return self._style.lines(self._value(depth))

    def _ref(self) -> Ref:
        # Names are drawn package by package, or the many sklearn classes would hide the rest.
        return self._rng.choice(self._rng.choice(_by_package()))

    def _object(self, ref: Ref, depth: int) -> Any:
        made = self._rng.choice(
            [
                New(ref, ()),
                New(ref, ()),
                Call(ref, tuple(self._value(depth - 1) for _ in range(self._rng.randint(0, 3)))),
                Call(Ref("copyreg", "_reconstructor"), (ref, Ref("builtins", "object"), None)),
                ref,
            ]
        )
        return Built(made, self._state(depth)) if self._rng.random() < 0.6 else made

    def _state(self, depth: int) -> Any:
        forged = Pairs(
            tuple(
                (self._rng.choice(_TELLING), self._value(depth - 1))
                for _ in range(self._rng.randint(1, 3))
            )
        )
        choices = (forged, forged, (None, forged), self._sequence(depth), self._value(depth))
        return self._rng.choice(choices)

    def _sequence(self, depth: int) -> Any:
        values = [self._value(depth - 1) for _ in range(self._rng.randint(0, 12))]
        return self._rng.choice((values, tuple(values)))

    def _value(self, depth: int) -> Any:
        if depth <= 0 or self._rng.random() < 0.4:
            return self._rng.choice(_ATOMS)
        return self._rng.choice(
            (
                self._ref(),
                self._object(self._ref(), depth - 1),
                self._sequence(depth),
                Pairs(((self._value(depth - 1), self._value(depth - 1)),)),
            )
        )


_ATOMS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 5, 128, -1, 1.5, 10**20, "a", "", b"", b"x", [], (), (1, 2), [0]),
    *("latin1", "i4", "f8", "O8", "U3", "C", "MT19937", "1.7.0", "(a+)+$"),
)
_TELLING = (
    *("__class__", "__dict__", "__setstate__", "__hash__", "__eq__", "__del__"),
    *("__init__", "__setattr__", "__getattr__", "__reduce__", "__slots__", "__module__"),
    *("append", "extend", "add", "update", "pop", "get"),
    *("keys", "items", "data", "maps", "default_factory", "func"),
    *("args", "state", "bit_generator", "key", "_sklearn_version", "_parameters"),
    "x",
)
