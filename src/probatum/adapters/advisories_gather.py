"""Gathers the records of several sources, each id once, and holds them against those installed."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from msgspec import Struct

from probatum.adapters.advisories_feeds import Record
from probatum.advisories.priority import Exploited, Scores
from probatum.errors import FeedError

LOST = 0.1
"""The share of an ecosystem's records that may be gone before an update is refused."""

DATED = "1970"
"""Before this nobody published advisories: the year 1 stands in some for no date at all."""


class Tally(Struct, frozen=True):
    """How many records of an ecosystem there are, and when the newest of them was changed."""

    records: int
    newest: str


class _Kept(Struct, gc=False):
    at: int
    size: int
    modified: str
    ecosystems: frozenset[str]


class Gathered:
    """Records on the disk; in memory only where each lies. Of one id the last changed is kept."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see close
        self._kept: dict[str, _Kept] = {}
        self._ecosystems: dict[frozenset[str], frozenset[str]] = {}
        self._end = 0

    def close(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, id: str) -> bool:
        return id in self._kept

    @property
    def size(self) -> int:
        """Bytes of all records that were ever kept."""
        return self._end

    def take(self, record: Record) -> None:
        held = self._kept.get(record.id)
        if held is not None and held.modified >= record.modified:
            return
        size = self._file.write(record.line)
        same = self._ecosystems.setdefault(record.ecosystems, record.ecosystems)
        self._kept[record.id] = _Kept(self._end, size, record.modified, same)
        self._end += size

    def lines(self) -> "Lines":
        """Every record kept."""
        return Lines(self._file, [(one.at, one.size) for one in self._kept.values()])

    def tallies(self) -> dict[str, Tally]:
        """By ecosystem, in the order of their names."""
        found: dict[str, Tally] = {}
        for one in self._kept.values():
            for name in one.ecosystems:
                held = found.get(name, Tally(0, ""))
                found[name] = Tally(held.records + 1, max(held.newest, one.modified))
        return dict(sorted(found.items()))


class Lines:
    """Records on the disk by their numbers, each read when it is asked for."""

    def __init__(self, file: IO[bytes], places: list[tuple[int, int]]) -> None:
        file.flush()
        self._descriptor = file.fileno()
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> bytes:
        at, size = self._places[number]
        return os.pread(self._descriptor, size, at)


def demand_newer(
    old: Mapping[str, Tally], new: Mapping[str, Tally], gone: Mapping[str, set[str]]
) -> None:
    """Raises: FeedError if the new records are older than the old ones, or lack too many of those.

    `gone` are, by ecosystem, the old ids that are not among the new ones.
    """
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            raise _older(f"{was.records} records of {name} are installed, and no source covers it")
        if now.newest < was.newest:
            what = f"the installed records of {name} go up to {was.newest}"
            raise _older(f"{what}, the new ones to {now.newest}")
        missing = len(gone.get(name, ()))
        if missing > LOST * was.records:
            raise _older(f"{missing} of the {was.records} installed records of {name} are gone")


def demand_later(what: str, was: Scores | Exploited | None, now: Scores | Exploited) -> None:
    """Raises: FeedError if EPSS or CISA's catalogue is older than the installed one, or shorter."""
    if was is None:
        return
    if now.day < was.day:
        raise _older(f"{what} of {was.day} is installed, the new one is of {now.day}")
    if _number(now) < (1 - LOST) * _number(was):
        raise _older(f"{what} had {_number(was)} entries and has {_number(now)} now")


def _number(one: Scores | Exploited) -> int:
    return len(one.of) if isinstance(one, Scores) else len(one.since)


def _older(says: str) -> FeedError:
    return FeedError(
        f"what a source holds is older than what is installed, or not whole: {says} "
        "(--allow-older takes it all the same)"
    )
