"""Says of the components that a target names what is known to affect them, as statements (VEX).

The files that name components are audited, so that a certificate stands behind what does not
affect; what each component is affected by is then asked of the same snapshot.
"""

from collections.abc import Callable

from msgspec import Struct

from probatum.advisories.index import Index
from probatum.advisories.snapshot import INDEX
from probatum.audit.run import RootsOf, Settings, audit, interruptible, listed, spool
from probatum.audit.snapshots import Installed, Snapshot
from probatum.audit.survey import surveyed
from probatum.bom.affecting import stated
from probatum.errors import FeedError, FormatError
from probatum.formats.vex import Statement
from probatum.inventory.reading import KINDS
from probatum.vocabulary import Artifact, Certificate, Finding, Proven, Report, Undecided

CLAIM = "no-known-vulnerability"
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
    if not roots:
        return Spoken((), tuple(lacks))
    # They are listed and named already, whatever target they are of.
    report = audit(names[:1], settings, roots_of=lambda name: iter(roots))
    found: dict[Statement, None] = {}
    for one in files:
        if one.inventory is None:
            continue
        finding = _finding(report, one.artifact.name)
        if finding is not None and isinstance(finding.verdict, Undecided):
            lacks.append(f"{one.artifact.name}: {finding.verdict.detail}")
        shown = _shown(finding, one.artifact, index)
        found.update(dict.fromkeys(stated(one.inventory, index, shown)))
    return Spoken(_once(found), tuple(lacks))


def _index(known: Snapshot) -> Index:
    try:
        return Index(Installed(known).file(INDEX))
    except FormatError as exc:
        raise FeedError(f"{known.folder}: {exc.detail}; run 'probatum advisories update'") from exc


def _finding(report: Report, name: str) -> Finding | None:
    all = (one for one in report.findings if one.claim == CLAIM and one.artifact.name == name)
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
