"""Says as statements (VEX) what a snapshot of advisories knows of the components of an inventory.

A component without a version, from elsewhere than its registry, or of an ecosystem without
advisories gets none: a statement on its package URL would speak of something else. That a
vulnerability does not affect is said only with the certificate that shows it.
"""

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from probatum.advisories.fixes import upgrade
from probatum.advisories.index import Index
from probatum.advisories.matching import Affects, Match, affected
from probatum.components import Component, Inventory, purl
from probatum.errors import FormatError
from probatum.formats.vex import (
    AFFECTED,
    CODE_NOT_PRESENT,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    Statement,
)
from probatum.vocabulary import Certificate


def stated(inventory: Inventory, index: Index, shown: Certificate | None) -> tuple[Statement, ...]:
    """One statement for each vulnerability of each component, each once.

    `shown` is the certificate that no vulnerability of this snapshot affects what the inventory
    was read from, if there is one.
    """
    evidence = digest_of(shown) if shown is not None else ""
    found: dict[Statement, None] = {}
    for component in inventory.components:
        found.update(dict.fromkeys(_of(component, index, evidence)))
    return tuple(found)


def digest_of(certificate: Certificate) -> str:
    """`sha256:<hex>` of a certificate: of its JSON with sorted keys and without spaces."""
    text = msgspec.json.encode(certificate, order="sorted")
    return f"sha256:{sha256(text).hexdigest()}"


def _of(component: Component, index: Index, evidence: str) -> Iterator[Statement]:
    name = purl(component)
    if not name or not component.version or component.source:
        return
    try:
        matches = affected(index, component)
        action = _action(index, component)
    except FormatError:
        return
    for match in matches:
        statement = _on(match, name, action, evidence)
        if statement is not None:
            yield statement


def _on(match: Match, name: str, action: str, evidence: str) -> Statement | None:
    ids = tuple(dict.fromkeys((match.id, *match.names)))
    records = ", ".join(match.records)
    match match.verdict:
        case Affects.YES:
            says = "remove it: the package is malicious" if match.malicious else action
            return Statement(component=name, vulnerabilities=ids, status=AFFECTED, says=says)
        case Affects.UNKNOWN:
            return Statement(
                component=name, vulnerabilities=ids, status=UNDER_INVESTIGATION, says=match.why
            )
        case Affects.NO if evidence:
            return Statement(
                component=name,
                vulnerabilities=ids,
                status=NOT_AFFECTED,
                justification=CODE_NOT_PRESENT,
                says=f"{records} does not call this version affected",
                evidence=evidence,
            )
    return None


def _action(index: Index, component: Component) -> str:
    best = upgrade(index, component)
    if best.version:
        return f"upgrade to {best.version}"
    if best.beyond:
        return f"upgrade to a version after {best.beyond}, if there is one"
    return "no version is known to be free of it"
