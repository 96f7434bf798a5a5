"""The corpus: every gadget called directly, and every technique with gadgets that stand for all."""

import re
from collections.abc import Iterator
from functools import cache

from hostile import containers
from hostile.assembler import Program, assemble
from hostile.expressions import Style, parsed
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
