"""Compiles what the records of a package say into what `index.Package` reads."""

from typing import Any

import msgspec
from msgspec import Struct

from probatum.advisories.clusters import clustered
from probatum.advisories.index import VERSION
from probatum.advisories.osv import Record
from probatum.advisories.ranges import Effect, Steps, effect, joined

_BLOCK = 64
"""Packages that are read together when one of them is asked for."""
_encode = msgspec.msgpack.Encoder().encode


class Said(Struct, frozen=True, gc=False):
    """What the record of this number says of one package; nothing, if it was taken back."""

    number: int
    id: str
    aliases: tuple[str, ...]
    effect: Effect | None


def effect_on(package: tuple[str, str], record: Record) -> Effect:
    """What all entries of a record say of one package together."""
    found = [effect(one) for one in record.affected if (one.ecosystem, one.name) == package]
    return found[0] if len(found) == 1 else _together(found)


def compiled(records: list[Said]) -> list[Any]:
    """What `index.Package` reads, for the records that were not taken back."""
    effects = [(one, one.effect) for one in records if one.effect is not None]
    texts: dict[bytes, str] = {}
    for _, each in effects:
        for key, text in each.bounds:
            texts[key] = min(texts.get(key, text), text, key=lambda one: (len(one), one))
    keys = sorted(texts)
    places = {b"": 0}
    for number, key in enumerate(keys):
        places[key], places[key + b"\0"] = 2 * number + 1, 2 * number + 2
    clusters = [
        (names, [_row(names.index(effects[at][0].id), effects[at][1], places) for at in numbers])
        for names, numbers in clustered([(one.id, one.aliases) for one, _ in effects])
    ]
    return [keys, [texts[key] for key in keys], clusters]


class Indexed:
    """The index as it grows: packages are added in the order of their names."""

    def __init__(self) -> None:
        self._ecosystems: dict[str, tuple[list[str], list[bytes]]] = {}
        self._block: dict[str, Any] = {}
        self.counts: dict[str, int] = {}

    def add(self, package: tuple[str, str], offset: int, length: int, records: list[Said]) -> None:
        """A package whose lines lie at `offset`."""
        ecosystem, name = package
        if len(self._block) == _BLOCK or ecosystem not in self.counts:
            self._end_block()
            firsts, _ = self._ecosystems.setdefault(ecosystem, ([], []))
            firsts.append(name)
        self._block[name] = (offset, length, compiled(records))
        self.counts[ecosystem] = self.counts.get(ecosystem, 0) + 1

    def encoded(self, digest: str) -> bytes:
        """The index of records with this digest."""
        self._end_block()
        return _encode({"version": VERSION, "digest": digest, "ecosystems": self._ecosystems})

    def _end_block(self) -> None:
        if self._block:
            *_, (_, blocks) = self._ecosystems.values()
            blocks.append(_encode(self._block))
            self._block = {}


def _row(id: int, effect: Effect, places: dict[bytes, int]) -> list[object]:
    """What `index.Row` reads, without the defaults at its end."""
    row: list[object] = [id, _placed(effect.steps, places), effect.odd, effect.why]
    if effect.supposed is not None:
        return [*row, _placed(effect.supposed, places)]
    while len(row) > 2 and not row[-1]:
        row.pop()
    return row


def _placed(steps: Steps, places: dict[bytes, int]) -> list[int]:
    return [4 * places[cut] + state for cut, state in steps]


def _together(said: list[Effect]) -> Effect:
    seems = [one.steps if one.supposed is None else one.supposed for one in said]
    return Effect(
        joined(one.steps for one in said),
        tuple(bound for one in said for bound in one.bounds),
        tuple(odd for one in said for odd in one.odd),
        "; ".join(filter(None, (one.why for one in said))),
        joined(seems) if any(one.supposed is not None for one in said) else None,
    )
