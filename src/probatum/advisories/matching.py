"""Which known vulnerabilities affect a component, by one snapshot of advisories."""

from bisect import bisect_right
from enum import StrEnum

from msgspec import Struct

from probatum.advisories.index import Cluster, Index, Package, Row, state_at
from probatum.advisories.osv import package_name
from probatum.advisories.ranges import State
from probatum.components import Component
from probatum.errors import FormatError

_EVERYWHERE = (int(State.WITHIN),)
"""The steps of a record that affects every version from the first one on."""


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


def affected(index: Index, component: Component) -> tuple[Match, ...]:
    """What the snapshot says of the component: one match for each vulnerability of its package.

    None where no record names the package: then its version does not matter. A component without a
    version, with one that cannot be read, or from elsewhere than its registry is affected where all
    versions are, and otherwise unknown.

    Raises: FormatError if the snapshot has nothing of the ecosystem, or the name is none.
    """
    name = package_name(component.ecosystem, component.name)
    package = index.package(component.ecosystem, name)
    if package is None:
        return ()
    if component.source:
        return _unplaced(package, "", f"it comes from {component.source[:200]}, not the registry")
    if not component.version:
        return _unplaced(package, "", "no version of it is fixed")
    try:
        place = package.at(component.version)
    except FormatError as exc:
        return _unplaced(package, component.version, exc.detail)
    found: tuple[Match, ...] | None = package.kept.get(place)
    if found is None:
        found = package.kept[place] = tuple(
            _kept(package, cluster, place) for cluster in package.clusters
        )
    return found


def _kept(package: Package, cluster: Cluster, place: int) -> Match:
    """A match is the same for all places between two steps of the cluster's records."""
    behind = 4 * place + 3
    steps: list[object] = [cluster.names[0]]
    for row in cluster.rows:
        steps.append(bisect_right(row.steps, behind))
        if row.supposed:
            steps.append(bisect_right(row.supposed, behind))
    among = tuple(steps)
    found: Match | None = package.kept.get(among)
    if found is None:
        found = package.kept[among] = _match(package, cluster, place)
    return found


def _match(package: Package, cluster: Cluster, place: int) -> Match:
    states = [state_at(row.steps, place) for row in cluster.rows]
    most = max(states)
    if most is State.NOT:
        return _told(cluster, most, cluster.rows)
    deciding = tuple(row for row, state in zip(cluster.rows, states, strict=True) if state is most)
    if most is State.UNKNOWN:
        why = "; ".join(dict.fromkeys(row.why for row in deciding))
        return _told(cluster, most, deciding, why=why, seems=_seems(cluster, place))
    evidence = "; ".join(dict.fromkeys(_evidence(package, row, place) for row in deciding))
    return _told(cluster, most, deciding, evidence, fixed=_fixed(package, cluster, place))


def _seems(cluster: Cluster, place: int) -> Affects | None:
    """The verdict by what seems to be meant; None where that is unknown too."""
    meant = (row.steps if row.supposed is None else row.supposed for row in cluster.rows)
    most = max(state_at(steps, place) for steps in meant)
    return None if most is State.UNKNOWN else _VERDICTS[most]


def _unplaced(package: Package, version: str, why: str) -> tuple[Match, ...]:
    """What can be said of a component whose place among the versions is not known."""
    return tuple(_unplaced_match(cluster, version, why) for cluster in package.clusters)


def _unplaced_match(cluster: Cluster, version: str, why: str) -> Match:
    everywhere = tuple(row for row in cluster.rows if row.steps == _EVERYWHERE)
    listed = tuple(row for row in cluster.rows if version and version in row.odd)
    if everywhere:
        return _told(cluster, State.WITHIN, everywhere, "all versions are affected")
    if listed:
        return _told(cluster, State.LISTED, listed, f"{version} is listed")
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
    step = bisect_right(row.steps, 4 * place + 3) - 1
    begin = row.steps[step] >> 2
    end = row.steps[step + 1] >> 2 if step + 1 < len(row.steps) else None
    if row.steps[step] & 3 == State.LISTED:
        return f"{package.texts[(place - 1) // 2]} is listed, though outside of every range"
    told = [] if begin == 0 else [f"{'from' if begin % 2 else 'after'} {_text(package, begin)}"]
    if end is not None:
        told.append(f"{'before' if end % 2 else 'up to'} {_text(package, end)}")
    return " ".join(told) or "all versions"


def _text(package: Package, place: int) -> str:
    return package.texts[(place - 1) // 2]


def _fixed(package: Package, cluster: Cluster, place: int) -> tuple[str, ...]:
    """Where a record of the cluster stops to be affected by a version that is named."""
    ends = {
        step >> 2
        for row in cluster.rows
        for step in row.steps
        if step >> 2 > place and (step >> 2) % 2 and step & 3 == State.NOT
    }
    return tuple(_text(package, end) for end in sorted(ends) if _is_clear(cluster, end))


def _is_clear(cluster: Cluster, place: int) -> bool:
    return all(state_at(row.steps, place) is State.NOT for row in cluster.rows)
