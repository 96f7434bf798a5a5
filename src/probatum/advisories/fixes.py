"""The smallest upgrade of a component that closes every known vulnerability at once."""

from msgspec import Struct

from probatum.advisories.index import Index, Package, state_at
from probatum.advisories.osv import package_name
from probatum.advisories.ranges import State
from probatum.components import Component


class Upgrade(Struct, frozen=True):
    """Where nothing that is known affects the package any more.

    `version` is the least fixed version, of those that records name, from which on that is so;
    empty if none does. `beyond` is the last affected version that any record names, where only
    later ones are free. Neither: no version is known to be. `leaves` are the vulnerabilities of
    which it is unknown whether they affect the new version.
    """

    version: str = ""
    beyond: str = ""
    leaves: tuple[str, ...] = ()


def upgrade(index: Index, component: Component) -> Upgrade:
    """The upgrade for a component. Raises: FormatError as `matching.affected`, and if the
    component's version cannot be read."""
    name = package_name(component.ecosystem, component.name)
    package = index.package(component.ecosystem, name)
    if package is None:
        return Upgrade()
    here = package.at(component.ecosystem, component.version)
    fixed, ends = _behind(package, here)
    for place in fixed:
        if _is_free(package, place):
            return Upgrade(_text(package, place), leaves=_unknown(package, place))
    for place in ends:
        if _is_free(package, place):
            return Upgrade(beyond=_text(package, place), leaves=_unknown(package, place))
    return Upgrade()


def _behind(package: Package, here: int) -> tuple[list[int], list[int]]:
    """The places behind this one with a version in which a record is fixed, and those right behind
    a version that is the last one affected."""
    steps = (step for cluster in package.clusters for row in cluster.rows for step in row.steps)
    later = [(step >> 2, step & 3) for step in steps if step >> 2 > here]
    fixed = {place for place, state in later if place % 2 and state == State.NOT}
    ends = {place for place, state in later if not place % 2 and state <= State.UNKNOWN}
    return sorted(fixed), sorted(ends)


def _is_free(package: Package, place: int) -> bool:
    rows = (row for cluster in package.clusters for row in cluster.rows)
    return all(state_at(row.steps, place) <= State.UNKNOWN for row in rows)


def _unknown(package: Package, place: int) -> tuple[str, ...]:
    return tuple(
        cluster.names[0]
        for cluster in package.clusters
        if any(state_at(row.steps, place) is State.UNKNOWN for row in cluster.rows)
    )


def _text(package: Package, place: int) -> str:
    return package.texts[(place - 1) // 2]
