"""Says of the components that a target names what is known to affect them, as statements (VEX).

The files that name components are audited, so that a certificate stands behind what does not
affect; what each component is affected by is then asked of the same snapshot. Where the target is
one program, a project with its environment, what it never reaches does not affect it.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probatum.advisories.index import Index
from probatum.advisories.snapshot import INDEX
from probatum.audit.run import RootsOf, Settings, audit, interruptible, listed, spool
from probatum.audit.snapshots import Installed, Snapshot
from probatum.audit.survey import surveyed
from probatum.bom.affecting import digest_of, stated
from probatum.components import Component, purl
from probatum.errors import FeedError, FormatError
from probatum.formats.vex import (
    AFFECTED,
    CODE_NOT_REACHED,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    Statement,
)
from probatum.inventory.reading import KINDS
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Entries,
    Finding,
    Proven,
    Report,
    Undecided,
)

CLAIM = "no-known-vulnerability"
NOT_REACHED = "vulnerable-code-not-reached"
NOTHING = "there is nothing to state: no vulnerability is known of any component that is named"


class Spoken(Struct, frozen=True):
    """The statements, and one line for each thing of which none could be made."""

    statements: tuple[Statement, ...]
    lacks: tuple[str, ...]


def spoken(
    names: tuple[str, ...],
    settings: Settings,
    known: Snapshot,
    *,
    roots_of: RootsOf,
    on_note: Callable[[str], None] = lambda note: None,
) -> Spoken:
    """What a snapshot knows of the targets' components.

    Raises: TargetError if a target cannot be opened at all; FeedError if the snapshot is damaged.
    """
    index = _index(known)
    all = tuple(listed(names, roots_of))
    with spool() as folder, interruptible():
        files = surveyed(all, settings.limits, settings.caps, folder, kinds=KINDS, on_note=on_note)
    lacks = [line for one in files for line in one.troubles]
    naming = {one.artifact.name for one in files if one.inventory is not None}
    roots = [one for one in all if one.name in naming]
    programs = [one for one in all if one.project is not None and one.project.site]
    if not roots:
        return Spoken((), tuple(lacks))
    # They are listed and named already, whatever target they are of.
    report = audit(names[:1], settings, roots_of=lambda name: iter([*roots, *programs]))
    found: dict[Statement, None] = {}
    for one in files:
        if one.inventory is None:
            continue
        finding = _finding(report, one.artifact.name)
        if finding is not None and isinstance(finding.verdict, Undecided):
            lacks.append(f"{one.artifact.name}: {finding.verdict.detail}")
        shown = _shown(finding, one.artifact, index)
        found.update(dict.fromkeys(stated(one.inventory, index, shown)))
    told = _once(found)
    if len(programs) == 1:
        told = without_unreached(
            told, _finding(report, programs[0].name, NOT_REACHED), index.digest
        )
    return Spoken(told, tuple(lacks))


def without_unreached(
    statements: tuple[Statement, ...], finding: Finding | None, snapshot: str
) -> tuple[Statement, ...]:
    """The statements, those on code that a program never reaches with the proof of that."""
    verdict = finding.verdict if finding is not None else None
    match verdict:
        case Proven(certificate=certificate):
            pass
        case Undecided(entries=Entries(certificate=Certificate() as certificate)):
            pass
        case _:
            return statements
    if certificate.facts.get("snapshot") != snapshot:
        return statements
    shown = frozenset(certificate.facts["entries"])
    return tuple(_unreached(one, certificate) if _is_in(one, shown) else one for one in statements)


def _is_in(statement: Statement, shown: frozenset[str]) -> bool:
    """Whether one of the known flaws in a certificate is what the statement is on."""
    if statement.status not in (AFFECTED, UNDER_INVESTIGATION):
        return False
    for one in shown:
        id, name, version = one.split(" ", 2)
        component = Component(ecosystem="PyPI", name=name, version=version)
        if id in statement.vulnerabilities and statement.component == purl(component):
            return True
    return False


def _unreached(statement: Statement, certificate: Certificate) -> Statement:
    return replace(
        statement,
        status=NOT_AFFECTED,
        justification=CODE_NOT_REACHED,
        says="nothing that the project may run reaches the code in which it lies",
        evidence=digest_of(certificate),
    )


def _index(known: Snapshot) -> Index:
    try:
        return Index(Installed(known).file(INDEX))
    except FormatError as exc:
        raise FeedError(f"{known.folder}: {exc.detail}; run 'probatum advisories update'") from exc


def _finding(report: Report, name: str, claim: str = CLAIM) -> Finding | None:
    all = (one for one in report.findings if one.claim == claim and one.artifact.name == name)
    return next(all, None)


def _shown(finding: Finding | None, artifact: Artifact, index: Index) -> Certificate | None:
    """The certificate, if it is one on the bytes and the snapshot that are spoken of."""
    if finding is None or not isinstance(finding.verdict, Proven):
        return None
    facts = finding.verdict.certificate.facts
    same = f"sha256:{facts.get('sha256')}" == artifact.digest
    return finding.verdict.certificate if same and facts.get("snapshot") == index.digest else None


def _once(found: dict[Statement, None]) -> tuple[Statement, ...]:
    """One statement on a component and vulnerability: the first that has its evidence."""
    best: dict[tuple[str, tuple[str, ...]], Statement] = {}
    for one in found:
        key = one.component, one.vulnerabilities
        if key not in best or (one.evidence and not best[key].evidence):
            best[key] = one
    return tuple(best.values())
