"""Re-derives the certificates of a report from the bytes of its targets, without the provers.

The report is hostile: whoever wrote it may have named another checker, shown a certificate of a
weaker claim, described the artifact as something it is not, or left findings out. So a check is an
audit of its own, in the same confined workers, in which the report's certificates take the place
of the provers:

1. the targets are opened again; what is in them, under which names and of which kinds, is never
   taken from the report;
2. each artifact is asked every claim that its kind demands (`audit.proofs`), whatever the report
   says of it, and those that the report proves besides;
3. a claim is proven only where the report describes this very artifact (kind, size, digest, and
   what a manifest promises) and `audit.certified` accepts the certificate. A refutation by a path
   through source code holds where the path can be walked again; any other, or an undecided
   finding, shows nothing: to edit one into the other changes nothing;
4. what is proven then is what a policy is applied to.

One worker goes through the targets in their order, because the name of an artifact depends on
those before it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from probatum.audit import targets as listings
from probatum.audit.certified import Shown, difference, is_walked
from probatum.audit.opened import Root
from probatum.audit.report import complete
from probatum.audit.run import RootsOf, Settings, judged
from probatum.tallies import unanswered
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Entries,
    Finding,
    Planned,
    Proven,
    Refuted,
    Report,
    Undecided,
)

HOLDS, REJECTED, MISSING = "holds", "rejected", "not-found"


class Checked(Struct, frozen=True):
    """What became of a proven finding, or of a refutation by paths; `why` is empty if it holds."""

    finding: Finding
    outcome: str
    why: str = ""


class Recheck(Struct, frozen=True, kw_only=True):
    """What became of every proven finding of a report, and what the report does not speak of.

    `derived` is the report that the certificates and paths alone give: undecided wherever none
    holds. `refuted` and `undecided` count the findings that show neither. `unanswered`: planned and
    without a finding. `unclaimed`: (artifact, claim) that the kind of the artifact demands and the
    report passes over. `unreported`: names of artifacts in the targets of which it says nothing.
    `misdescribed`: (artifact, why) of findings without evidence that are not about what the targets
    hold. `unopened`: what kept (part of) a target from being opened.
    """

    checked: tuple[Checked, ...]
    derived: Report
    refuted: int
    undecided: int
    interrupted: bool
    unanswered: tuple[Planned, ...]
    unclaimed: tuple[tuple[str, str], ...]
    unreported: tuple[str, ...]
    misdescribed: tuple[tuple[str, str], ...]
    unopened: tuple[str, ...]

    def number(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.checked)

    def certificates(self, outcome: str) -> int:
        """How many certificates came to this."""
        return sum(one.outcome == outcome and not _is_path(one.finding) for one in self.checked)

    def paths(self, outcome: str) -> int:
        """How many refutations by paths came to this."""
        return self.number(outcome) - self.certificates(outcome)

    @property
    def is_whole(self) -> bool:
        """Whether the report speaks of all that it planned and all that the targets hold."""
        return not (
            self.interrupted
            or self.unanswered
            or self.unclaimed
            or self.unreported
            or self.misdescribed
            or self.unopened
        )


def rechecked(
    report: Report,
    targets: Iterable[str],
    settings: Settings | None = None,
    *,
    roots_of: RootsOf = listings.roots,
    on_note: Callable[[str], None] = lambda note: None,
) -> Recheck:
    """Check every certificate of `report` against `targets`, in the report's order.

    Raises: TargetError if a target cannot be opened at all; KeyboardInterrupt if the user stops it.
    """
    names = tuple(targets)
    settings = replace(settings or Settings(), jobs=1)
    crew, stopped = judged(
        names, settings, roots_of=roots_of, on_note=on_note, shown=_Book(report).shown
    )
    if stopped:
        raise KeyboardInterrupt
    derived = complete(names, crew.records, {})
    unopened = [
        f"{one.root.name}: {one.halted.detail}" for one in crew.records if one.halted is not None
    ]
    return _compared(report, derived, tuple(unopened))


class _Book:
    """What a report shows, handed out root by root."""

    def __init__(self, report: Report) -> None:
        self._findings = sorted(report.findings, key=lambda one: one.artifact.name)
        self._names = [one.artifact.name for one in self._findings]

    def shown(self, root: Root) -> bytes:
        """All that the report says of a file and what is in it, for `certified.Certificates`."""
        found = [*self._from(root.name, f"{root.name}\0")]
        for inside in ("!/", "#"):
            found += self._from(
                root.name + inside, root.name + inside[:-1] + chr(ord(inside[-1]) + 1)
            )
        return msgspec.json.encode([_shown(one) for one in found])

    def _from(self, first: str, end: str) -> Iterator[Finding]:
        begin, stop = bisect_left(self._names, first), bisect_left(self._names, end)
        return iter(self._findings[begin:stop])


def _shown(finding: Finding) -> Shown:
    verdict = finding.verdict
    certificate = verdict.certificate if isinstance(verdict, Proven) else None
    paths = verdict.witnesses if isinstance(verdict, Refuted) and _is_path(finding) else ()
    return Shown(finding.artifact, finding.claim, certificate, paths, _ways(finding))


def _compared(report: Report, derived: Report, unopened: tuple[str, ...]) -> Recheck:
    found = {(one.artifact.name, one.claim): one for one in derived.findings}
    artifacts = {one.artifact.name: one.artifact for one in derived.findings}
    said = {(one.artifact.name, one.claim) for one in report.findings}
    described = {one.artifact.name for one in report.findings}
    return Recheck(
        checked=tuple(_outcome(one, found) for one in report.findings if _is_evident(one)),
        derived=derived,
        refuted=sum(
            isinstance(one.verdict, Refuted) and not _is_path(one) for one in report.findings
        ),
        undecided=sum(isinstance(one.verdict, Undecided) for one in report.findings),
        interrupted=report.interrupted,
        unanswered=unanswered(report),
        unclaimed=tuple(key for key in found if key[0] in described and key not in said),
        unreported=tuple(name for name in artifacts if name not in described),
        misdescribed=_misdescribed(report, artifacts),
        unopened=unopened,
    )


def _outcome(finding: Finding, found: dict[tuple[str, str], Finding]) -> Checked:
    derived = found.get((finding.artifact.name, finding.claim))
    if derived is None:
        return Checked(finding, MISSING, "the target holds no artifact of this name")
    if unshown := _unshown(finding):
        return Checked(finding, REJECTED, f"nothing shows it of the entry point {unshown}")
    if left_out := _left_out(finding):
        return Checked(finding, REJECTED, f"the entry point {left_out} is left out")
    if isinstance(derived.verdict, Undecided) and derived.verdict.entries is None:
        return Checked(finding, REJECTED, derived.verdict.detail)
    return Checked(finding, HOLDS)


def _misdescribed(report: Report, artifacts: dict[str, Artifact]) -> tuple[tuple[str, str], ...]:
    """Artifacts of findings without a certificate: those of the others are looked at with it."""
    wrong: dict[str, str] = {}
    for said in (one.artifact for one in report.findings if not _is_evident(one)):
        found = artifacts.get(said.name)
        if found is None:
            wrong[said.name] = "the target holds no artifact of this name"
        elif differs := difference(said, found):
            wrong[said.name] = differs
    return tuple(wrong.items())


def _is_proven(finding: Finding) -> bool:
    return isinstance(finding.verdict, Proven)


def _is_path(finding: Finding) -> bool:
    """A refutation by paths through source code, which a check walks again."""
    return isinstance(finding.verdict, Refuted) and is_walked(finding.artifact, finding.claim)


def _is_evident(finding: Finding) -> bool:
    """The finding shows something that can be checked."""
    return _is_proven(finding) or _is_path(finding) or _shows_entries(finding)


def _shows_entries(finding: Finding) -> bool:
    entries = _entries(finding)
    return entries is not None and any(one.verdict == "proven" for one in entries.of)


def _entries(finding: Finding) -> Entries | None:
    return None if isinstance(finding.verdict, Proven) else finding.verdict.entries


def _ways(finding: Finding) -> Certificate | None:
    """The certificate for entry points, of which a check re-derives that they are proven."""
    entries = _entries(finding)
    return entries.certificate if entries is not None else None


def _unshown(finding: Finding) -> str:
    """An entry point that is called proven and that the certificate does not name."""
    entries, ways = _entries(finding), _ways(finding)
    named = ways.facts.get("entries") if ways is not None else None
    shown = named if isinstance(named, dict | list) else ()
    said = entries.of if entries is not None else ()
    return next((one.name for one in said if one.verdict == "proven" and one.name not in shown), "")


def _left_out(finding: Finding) -> str:
    """An entry point that the certificate names and the finding does not."""
    entries, ways = _entries(finding), _ways(finding)
    named = ways.facts.get("all") if ways is not None else None
    said = {one.name for one in entries.of} if entries is not None else set()
    return (
        next((str(one) for one in named if one not in said), "") if isinstance(named, list) else ""
    )
