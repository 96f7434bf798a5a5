"""The corpus: every gadget called directly, and every technique with gadgets that stand for all."""

from collections.abc import Iterator
from functools import cache

from hostile.assembler import assemble
from hostile.expressions import Style
from hostile.gadgets import Gadget, gadgets
from hostile.samples import Sample

PROTOCOLS = (0, 2, 4)


@cache
def samples() -> tuple[Sample, ...]:
    """Candidates, distinct by their bytes; the oracle says which of them are live here."""
    found: dict[bytes, Sample] = {}
    for one in _candidates():
        found.setdefault(one.data, one)
    return tuple(found.values())


def _candidates() -> Iterator[Sample]:
    for gadget in gadgets():
        for protocol in PROTOCOLS:
            yield direct(gadget, protocol)


def direct(gadget: Gadget, protocol: int) -> Sample:
    """The gadget as Python's own pickler would write it."""
    lines = Style(protocol).lines(gadget.call)
    head = [f"PROTO {protocol}"] if protocol >= 2 else []
    program = assemble("\n".join([*head, *lines[:-1], lines[-1] + " @fire", "STOP"]))
    return Sample(
        name=f"direct/{gadget.callable}/p{protocol}",
        data=program.data,
        family="direct",
        gadget=gadget,
        offset=program.labels["fire"],
    )
