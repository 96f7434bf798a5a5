"""Which known vulnerabilities affect a component, by one snapshot of advisories."""

from bisect import bisect_right
from enum import StrEnum
from itertools import chain, repeat
from operator import getitem

from msgspec import Struct

from probatum.advisories.index import Cluster, Index, Package, Row, state_at
from probatum.advisories.osv import package_name
from probatum.advisories.ranges import State
from probatum.components import Component
from probatum.errors import FormatError

MALICIOUS = "MAL-"
"""How the ids of reports begin that a package does harm. Source: ossf.github.io/osv-schema."""
EVERY = "all versions"
"""The evidence where a record bounds nothing."""
_EVERYWHERE = (int(State.WITHIN),)
"""The steps of a record that affects every version from the first one on."""
_NOT, _LISTED = State.NOT, int(State.LISTED)  # the class is slow to ask for its members
_ENDS = 4
"""The last three bits of a step at a version that is named, and not affected."""


class Affects(StrEnum):
    """What the records say of one vulnerability and one component."""

    YES = "affected"
    NO = "not affected"
    UNKNOWN = "unknown"


class Match(Struct, frozen=True, gc=False):
    """One vulnerability that records of the component's package speak of.

    `id` names it, `records` are the ids of the records that decide the verdict, `names` all that it
    is called. `evidence` says by which versions, `why` what is unknown, and `seems` is the verdict
    if a bound that is no version means what it seems to. `fixed` are versions that end an affected
    range behind this one, the least first.
    """

    id: str
    verdict: Affects
    records: tuple[str, ...]
    names: tuple[str, ...]
    evidence: str = ""
    why: str = ""
    seems: Affects | None = None
    fixed: tuple[str, ...] = ()

    @property
    def malicious(self) -> bool:
        """Whether it is no mistake that is reported, but a package that was made to do harm."""
        return any(name.startswith(MALICIOUS) for name in self.names)


def affected(index: Index, component: Component) -> tuple[Match, ...]:
    """What the snapshot says of the component: one match for each vulnerability of its package.

    None where no record names the package: then its version does not matter. A component without a
    version, with one that cannot be read, or from elsewhere than its registry is affected where all
    versions are, and otherwise unknown. That the registry's package is malicious says nothing sure
    of another one of that name: such names are taken because others use them.

    Raises: FormatError if the snapshot has nothing of the ecosystem, or the name is none.
    """
    told = _told_of(index, component.ecosystem, component.name)
    found = told.of(component) if told is not None else ()
    kind, is_of_release, _ = component.ecosystem.partition(":")
    if is_of_release and kind in index.ecosystems:  # records that name no release hold for all
        told = _told_of(index, kind, component.name)
        found += told.of(component) if told is not None else ()
    return found


def _told_of(index: Index, ecosystem: str, name: str) -> "_Told | None":
    held: _Told | None = index.kept.get((ecosystem, name))
    if held is not None:
        return held
    name = package_name(ecosystem, name)
    package = index.package(ecosystem, name)
    if package is not None:
        held = index.kept[ecosystem, name] = _Told(ecosystem, package)
    return held


class _Told:
    """What is told of a package, each match made once.

    That of a cluster is the same for all places between two steps of its records: `_steps` has
    these for each cluster, `_matches` what was told behind each of them.
    """

    def __init__(self, ecosystem: str, package: Package) -> None:
        self._ecosystem = ecosystem
        self._package = package
        self._places: dict[int, tuple[Match, ...]] = {}
        self._steps = [_all_steps(cluster) for cluster in package.clusters]
        self._matches: list[list[Match | None]] = [[None] * (len(one) + 1) for one in self._steps]

    def of(self, component: Component) -> tuple[Match, ...]:
        package, version, source = self._package, component.version, component.source
        if source:
            why = f"it comes from {source[:200]}, not the registry"
            return _unplaced(package, "", why, elsewhere=True)
        if not version:
            return _unplaced(package, "", "no version of it is fixed")
        try:
            place = package.at(self._ecosystem, version)
        except FormatError as exc:
            return _unplaced(package, version, exc.detail)
        found = self._places.get(place)
        if found is None:
            found = self._places[place] = self._at(place)
        return found

    def _at(self, place: int) -> tuple[Match, ...]:
        behind = [*map(bisect_right, self._steps, repeat(4 * place + 3))]
        found = [*map(getitem, self._matches, behind)]
        return tuple([one or self._made(at, behind[at], place) for at, one in enumerate(found)])

    def _made(self, number: int, behind: int, place: int) -> Match:
        made = _match(self._package, self._package.clusters[number], place)
        self._matches[number][behind] = made
        return made


def _all_steps(cluster: Cluster) -> tuple[int, ...]:
    first, *more = cluster.rows
    if not more and first.supposed is None:
        return first.steps
    rows = ((*row.steps, *(row.supposed or ())) for row in cluster.rows)
    return tuple(sorted(set(chain.from_iterable(rows))))


def _match(package: Package, cluster: Cluster, place: int) -> Match:
    rows = cluster.rows
    states = [state_at(row.steps, place) for row in rows]
    most = max(states)
    if most is _NOT:
        return _told(cluster, most, rows)
    deciding = tuple([row for row, state in zip(rows, states, strict=True) if state is most])
    if most is State.UNKNOWN:
        why = "; ".join(dict.fromkeys(row.why for row in deciding))
        return _told(cluster, most, deciding, why=why, seems=_seems(cluster, place))
    evidence = "; ".join(dict.fromkeys([_evidence(package, row, place) for row in deciding]))
    return _told(cluster, most, deciding, evidence, fixed=_fixed(package, cluster, place))


def _seems(cluster: Cluster, place: int) -> Affects | None:
    """The verdict by what seems to be meant; None where that is unknown too."""
    meant = (row.steps if row.supposed is None else row.supposed for row in cluster.rows)
    most = max(state_at(steps, place) for steps in meant)
    return None if most is State.UNKNOWN else _VERDICTS[most]


def _unplaced(
    package: Package, version: str, why: str, *, elsewhere: bool = False
) -> tuple[Match, ...]:
    """What can be said of a component whose place among the versions is not known."""
    return tuple(_unplaced_match(one, version, why, elsewhere) for one in package.clusters)


def _unplaced_match(cluster: Cluster, version: str, why: str, elsewhere: bool) -> Match:
    counts = not (elsewhere and any(name.startswith(MALICIOUS) for name in cluster.names))
    everywhere = tuple(row for row in cluster.rows if counts and row.steps == _EVERYWHERE)
    listed = tuple(row for row in cluster.rows if version and version in row.odd)
    if everywhere:
        return _told(cluster, State.WITHIN, everywhere, EVERY)
    if listed:
        return _told(cluster, State.LISTED, listed, f"{version}, which is listed,")
    return _told(cluster, State.UNKNOWN, cluster.rows, why=why)


_VERDICTS = (Affects.NO, Affects.UNKNOWN, Affects.YES, Affects.YES)


def _told(
    cluster: Cluster,
    state: State,
    deciding: tuple[Row, ...],
    evidence: str = "",
    why: str = "",
    seems: Affects | None = None,
    fixed: tuple[str, ...] = (),
) -> Match:
    names = cluster.names
    records = tuple([names[row.id] for row in deciding])
    return Match(names[0], _VERDICTS[state], records, names, evidence, why, seems, fixed)


def _evidence(package: Package, row: Row, place: int) -> str:
    """The stretch of versions in which this one lies, as the record bounds it."""
    steps, texts = row.steps, package.texts
    at = bisect_right(steps, 4 * place + 3)
    begin, state = steps[at - 1] >> 2, steps[at - 1] & 3
    if state == _LISTED:
        return f"{texts[(place - 1) // 2]}, which is listed, though outside of every range,"
    told = f"{'from' if begin % 2 else 'after'} {texts[(begin - 1) // 2]}" if begin else ""
    if at == len(steps):
        return told or EVERY
    end = steps[at] >> 2
    until = f"{'before' if end % 2 else 'up to'} {texts[(end - 1) // 2]}"
    return f"{told} {until}" if told else until


def _fixed(package: Package, cluster: Cluster, place: int) -> tuple[str, ...]:
    """Where a record of the cluster stops to be affected by a version that is named."""
    behind, rows = 4 * place + 3, cluster.rows
    ends = {step >> 2 for row in rows for step in row.steps if step > behind and step & 7 == _ENDS}
    if len(rows) > 1:
        ends = {end for end in ends if all(state_at(row.steps, end) is _NOT for row in rows)}
    return tuple([package.texts[(end - 1) // 2] for end in sorted(ends)])
