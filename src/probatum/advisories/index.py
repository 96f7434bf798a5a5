"""The compiled index of a snapshot: for each package, which records affect which of its versions.

A package has one sorted row of versions, those at which anything changes. A version is placed in
it once, by its key; then everything is told by a number: 0 before all, `2i + 1` at the i-th of
them, `2i + 2` behind it. Each record has its steps over these numbers. What is read here was
compiled by `snapshot.written`. The packages lie in blocks by their names, and only those that are
asked for are decoded: npm has more packages with advisories than others have packages.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from probatum.advisories.ranges import State
from probatum.advisories.versions import key_of
from probatum.errors import FormatError
from probatum.vocabulary import Reason

VERSION = 3
_STATES = tuple(State)
_T = TypeVar("_T")


class Row(Struct, frozen=True, array_like=True, gc=False):
    """What one record says: `steps` are numbers of places times four, with the state from there on.

    `id` is the number of the record's own name among its cluster's.
    `odd` are listed texts that are no versions, `why` is what is unknown, `supposed` the steps if a
    bound that is no version means what it seems to.
    """

    id: int
    steps: tuple[int, ...]
    odd: tuple[str, ...] = ()
    why: str = ""
    supposed: tuple[int, ...] | None = None


class Cluster(Struct, frozen=True, array_like=True, gc=False):
    """Records of one package that speak of one vulnerability, and the names of that: best first."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]


class Package(Struct, frozen=True, array_like=True):
    """All that a snapshot says of one package. `texts` are the versions whose keys are `keys`."""

    keys: tuple[bytes, ...]
    texts: tuple[str, ...]
    clusters: tuple[Cluster, ...]

    def at(self, ecosystem: str, version: str) -> int:
        """Where a version stands among those at which anything changes. Raises: FormatError."""
        key = key_of(ecosystem, version)
        place = bisect_left(self.keys, key)
        same = place < len(self.keys) and self.keys[place] == key
        return 2 * place + 1 if same else 2 * place


class Place(Struct, frozen=True):
    """Where the lines of a package lie in the snapshot's records."""

    offset: int
    length: int


class _Entry(Struct, frozen=True, array_like=True, gc=False):
    offset: int
    length: int
    package: Raw


class _Names(Struct, frozen=True, array_like=True):
    """The packages of an ecosystem: the first name of each block, and the blocks."""

    firsts: tuple[str, ...]
    blocks: tuple[Raw, ...]


class _Index(Struct, frozen=True):
    version: int
    digest: str
    ecosystems: dict[str, Raw]


class Index:
    """A compiled index. `digest` is the one of the records that it was compiled from."""

    def __init__(self, data: bytes) -> None:
        """Raises: FormatError if it is none, or one of another version of Probatum."""
        try:
            read = msgspec.msgpack.decode(data, type=_Index)
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise FormatError(Reason.MALFORMED, "this is no index of advisories") from exc
        if read.version != VERSION:
            raise FormatError(
                Reason.MISSING_ADVISORIES,
                "another version of Probatum compiled the installed advisories: "
                "`probatum advisories update` compiles them anew",
            )
        self.digest = read.digest
        self._raw = read.ecosystems
        self._names: dict[str, _Names] = {}
        self._blocks: dict[tuple[str, int], dict[str, _Entry]] = {}
        self._packages: dict[tuple[str, str], Package] = {}
        self.kept: dict[tuple[str, str], Any] = {}
        """What `matching` has made of packages that were asked for."""

    @property
    def ecosystems(self) -> tuple[str, ...]:
        return tuple(self._raw)

    def package(self, ecosystem: str, name: str) -> Package | None:
        """What is known of a package; None if no record names it.

        Raises: FormatError if the snapshot has nothing of the ecosystem: that is no answer.
        """
        found = self._packages.get((ecosystem, name))
        if found is None:
            entry = self._entry(ecosystem, name)
            if entry is None:
                return None
            found = self._packages[ecosystem, name] = _decoded(entry.package, Package)
        return found

    def range(self, ecosystem: str, name: str) -> Place | None:
        """Where a package's lines lie; None if no record names it. Raises: as `package`."""
        found = self._entry(ecosystem, name)
        return None if found is None else Place(found.offset, found.length)

    def names(self, ecosystem: str) -> Iterator[str]:
        """The packages of an ecosystem that records name, sorted. Raises: FormatError."""
        for number in range(len(self._of(ecosystem).blocks)):
            yield from self._block(ecosystem, number)

    def _entry(self, ecosystem: str, name: str) -> _Entry | None:
        number = bisect_right(self._of(ecosystem).firsts, name) - 1
        return None if number < 0 else self._block(ecosystem, number).get(name)

    def _block(self, ecosystem: str, number: int) -> dict[str, _Entry]:
        found = self._blocks.get((ecosystem, number))
        if found is None:
            packed = _decoded(self._of(ecosystem).blocks[number], bytes)
            found = self._blocks[ecosystem, number] = _decoded(packed, dict[str, _Entry])
        return found

    def _of(self, ecosystem: str) -> _Names:
        found = self._names.get(ecosystem)
        if found is None:
            raw = self._raw.get(ecosystem)
            if raw is None:
                what = f"the snapshot has no advisories of {ecosystem[:60]!a}"
                raise FormatError(Reason.UNRESOLVED, what)
            found = self._names[ecosystem] = _decoded(raw, _Names)
            if len(found.firsts) != len(found.blocks):
                raise _damaged()
        return found


def state_at(steps: tuple[int, ...], place: int) -> State:
    """What the steps say of a place."""
    found = bisect_right(steps, 4 * place + 3)
    return _STATES[steps[found - 1] & 3] if found else State.NOT


def _decoded(raw: Raw | bytes, type: type[_T]) -> _T:
    try:
        return msgspec.msgpack.decode(raw, type=type)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise _damaged() from exc


def _damaged() -> FormatError:
    return FormatError(Reason.MALFORMED, "the index of advisories is damaged")
