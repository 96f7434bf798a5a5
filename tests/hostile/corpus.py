"""The corpus: every gadget called directly, and every technique with gadgets that stand for all."""

import collections
import datetime
import decimal
import fractions
import itertools
import pathlib
import pickle
import random
import re
import types
import uuid
from collections.abc import Iterator
from functools import cache

from hostile import containers
from hostile.assembler import Program, assemble
from hostile.expressions import Ref, Style, parsed
from hostile.gadgets import Gadget, gadgets
from hostile.samples import Sample
from hostile.techniques import applicable, called, programmed, reached, techniques

PROTOCOLS = (0, 2, 4)

# One gadget for each kind of effect: they carry the techniques.
STANDING_FOR_ALL = (
    "posix:system('true')",
    "builtins:exec(\"print('probatum')\")",
    "subprocess:Popen(['true'])",
    "builtins:open('probatum-new', 'w')",
    "shutil:rmtree('probatum-folder')",
    "socket:create_connection(('127.0.0.1', 9))",
)


@cache
def samples() -> tuple[Sample, ...]:
    """Candidates, distinct by their bytes; the oracle says which of them are live here."""
    found: dict[bytes, Sample] = {}
    for one in _candidates():
        found.setdefault(one.data, one)
    return tuple(found.values())


def standing_for_all() -> list[Gadget]:
    """The gadgets that the techniques are tried with."""
    return [Gadget(parsed(text), "stands-for-all", True) for text in STANDING_FOR_ALL]


def direct(gadget: Gadget, protocol: int) -> Sample:
    """The gadget as Python's own pickler would write it."""
    lines = Style(protocol).lines(gadget.call)
    head = [f"PROTO {protocol}"] if protocol >= 2 else []
    program = assemble("\n".join([*head, *lines[:-1], lines[-1] + " @fire", "STOP"]))
    return _sample("direct", f"{gadget.callable}/p{protocol}", program, gadget)


def _candidates() -> Iterator[Sample]:
    for gadget in gadgets():
        for protocol in PROTOCOLS if gadget.known else PROTOCOLS[::2]:
            yield direct(gadget, protocol)
    for index, gadget in enumerate(standing_for_all()):
        for family, make in (("reach", reached), ("call", called), ("program", programmed)):
            for number, (name, text) in enumerate(techniques()[family].items()):
                if applicable(text, gadget):
                    protocol = PROTOCOLS[(index + number) % 3]
                    program = make(text, gadget, protocol)
                    told = f"{name}/{gadget.callable}/p{protocol}"
                    yield _sample(family, told, program, gadget)
        for name, text in techniques()["stream"].items():
            yield _sample(
                "stream", f"{name}/{gadget.callable}", programmed(text, gadget, 2), gadget
            )
        yield from containers.around(direct(gadget, PROTOCOLS[index % 3]))


def _sample(family: str, name: str, program: Program, gadget: Gadget) -> Sample:
    loaders = {"stream": ("streams",)}.get(family, ("c", "py"))
    if family == "direct":
        loaders = ("c",)
    if re.match(r"(binary-)?persistent", name):
        loaders = ("persistent",)
    return Sample(
        name=f"{family}/{name}",
        data=program.data,
        family=family,
        loaders=loaders,
        gadget=gadget,
        offset=program.labels.get("fire"),
        beside=("probatum_beside.py",) if "beside" in name else (),
    )


def returning_code() -> Iterator[Sample]:
    """Pickles that run nothing and return a callable or a module: load-inert, but not data."""
    named = [gadget for gadget in gadgets() if isinstance(gadget.call.function, Ref)]
    for gadget, protocol in itertools.product(named, PROTOCOLS[::2]):
        for name, value in (("bare", gadget.call.function), ("held", [gadget.call.function])):
            head = [f"PROTO {protocol}"] if protocol >= 2 else []
            program = assemble("\n".join([*head, *Style(protocol).lines(value), "STOP"]))
            yield _sample("returned", f"{name}/{gadget.callable}/p{protocol}", program, gadget)


def honest() -> Iterator[bytes]:
    """Pickles without any effect, by Python's own pickler: the oracle must find nothing in them."""
    values = [
        None,
        [1, 2.5, "text", b"bytes", (True, None), {"k": {1, 2}}],
        datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        decimal.Decimal("1.5"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        pathlib.PurePosixPath("a/b"),
        collections.OrderedDict(a=1),
        collections.Counter("abc"),
        collections.defaultdict(list, a=[1]),
        collections.deque([1]),
        types.SimpleNamespace(a=1),
        random.Random(1),
        re.compile("a+"),
        ValueError("x"),
        len,
        collections.OrderedDict,
        range(3),
        1 << 100,
    ]
    for value in values:
        for protocol in range(6):
            yield pickle.dumps(value, protocol)
