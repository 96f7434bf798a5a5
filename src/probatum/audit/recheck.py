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
   what a manifest promises) and `audit.certified` accepts the certificate. A refutation or an
   undecided finding shows nothing: to edit one into the other changes nothing;
4. what is proven then is what a policy is applied to.

One worker goes through the targets in their order, because the name of an artifact depends on
those before it.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from probatum.audit import targets as listings
from probatum.audit.certified import Certified
from probatum.audit.proofs import asked, provable
from probatum.audit.report import Names, Record, complete
from probatum.audit.run import RootsOf, Settings, judged
from probatum.vocabulary import (
    Artifact,
    Expected,
    Finding,
    Planned,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
)
from probatum.wire import unanswered

HOLDS, REJECTED, MISSING = "holds", "rejected", "not-found"


class Checked(Struct, frozen=True):
    """What became of one proven finding; `why` is empty where it holds."""

    finding: Finding
    outcome: str
    why: str = ""


class Recheck(Struct, frozen=True, kw_only=True):
    """What became of every proven finding of a report, and what the report does not speak of.

    `derived` is the report that the certificates alone give: proven where one holds, undecided
    everywhere else. `unanswered`: planned and without a finding. `unclaimed`: (artifact, claim)
    that the kind of the artifact demands and the report passes over. `unreported`: names of
    artifacts in the targets of which it says nothing. `misdescribed`: (artifact, why) of findings
    without a certificate that are not about what the targets hold. `unopened`: what kept (part of)
    a target from being opened.
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
    names, book = tuple(targets), _Book(report)
    settings = replace(settings or Settings(), jobs=1)
    crew, stopped = judged(names, settings, roots_of=roots_of, on_note=on_note, asked=book.asked)
    if stopped:
        raise KeyboardInterrupt
    derived = complete(names, crew.records, {})
    unopened = [
        f"{one.root.name}: {one.halted.detail}" for one in crew.records if one.halted is not None
    ]
    return _compared(report, derived, tuple(unopened))


class _Book:
    """What a report claims, handed out artifact by artifact as the worker meets them."""

    def __init__(self, report: Report) -> None:
        self._findings: dict[str, list[Finding]] = {}
        for finding in report.findings:
            self._findings.setdefault(finding.artifact.name, []).append(finding)
        self._names = Names()
        self._named = 0  # roots whose artifacts have had their names
        self._renamed: dict[str, str] = {}
        self._told: dict[tuple[int, int], tuple[Certified, ...]] = {}

    def asked(
        self, records: Sequence[Record], root: int, ordinal: int, artifact: Artifact
    ) -> tuple[Certified, ...]:
        """The claims to judge of an artifact; the same again if a worker died over it."""
        key = root, ordinal
        if key not in self._told:
            self._told[key] = self._claims(self._own_name(records, root, artifact))
        return self._told[key]

    def _own_name(self, records: Sequence[Record], root: int, artifact: Artifact) -> Artifact:
        while self._named <= root:
            # A root before this one that never came to ask has a name all the same.
            if self._named < root and (self._named, 0) not in self._told:
                name = records[self._named].root.name
                self._names.own(Artifact(name=name, kind="unknown", size=0), {})
            self._named += 1
            self._renamed = {}
        return self._names.own(artifact, self._renamed)

    def _claims(self, found: Artifact) -> tuple[Certified, ...]:
        said = {one.claim: one for one in self._findings.get(found.name, ())}
        claims = [*asked(found), *(id for id, one in said.items() if _is_proven(one))]
        return tuple(_certified(found, claim, said.get(claim)) for claim in dict.fromkeys(claims))


def _certified(found: Artifact, claim: str, said: Finding | None) -> Certified:
    reason = Reason.UNRESOLVED if provable(found, claim) else Reason.NOT_ANALYSED
    if said is None:
        return Certified(claim, None, "the report says nothing of it", reason)
    if not isinstance(said.verdict, Proven):
        return Certified(claim, None, "the report does not prove it", reason)
    return Certified(claim, said.verdict.certificate, _difference(said.artifact, found))


def _compared(report: Report, derived: Report, unopened: tuple[str, ...]) -> Recheck:
    found = {(one.artifact.name, one.claim): one for one in derived.findings}
    artifacts = {one.artifact.name: one.artifact for one in derived.findings}
    said = {(one.artifact.name, one.claim) for one in report.findings}
    described = {one.artifact.name for one in report.findings}
    return Recheck(
        checked=tuple(_outcome(one, found) for one in report.findings if _is_proven(one)),
        derived=derived,
        refuted=sum(isinstance(one.verdict, Refuted) for one in report.findings),
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
    if isinstance(derived.verdict, Undecided):
        return Checked(finding, REJECTED, derived.verdict.detail)
    return Checked(finding, HOLDS)


def _misdescribed(report: Report, artifacts: dict[str, Artifact]) -> tuple[tuple[str, str], ...]:
    """Artifacts of findings without a certificate: those of the others are looked at with it."""
    wrong: dict[str, str] = {}
    for said in (one.artifact for one in report.findings if not _is_proven(one)):
        found = artifacts.get(said.name)
        if found is None:
            wrong[said.name] = "the target holds no artifact of this name"
        elif differs := _difference(said, found):
            wrong[said.name] = differs
    return tuple(wrong.items())


def _difference(said: Artifact, found: Artifact) -> str:
    if found.size != said.size:
        return f"the artifact has {found.size} bytes and the report says {said.size}"
    if found.kind != said.kind:
        return f"the artifact is of kind {found.kind} and the report says {said.kind}"
    if said.digest and found.digest and said.digest != found.digest:
        return "the artifact's digest differs from the report's"
    if _promise(said) != _promise(found):
        return "a manifest beside the artifact says something else of it than the report"
    if said.parent != found.parent:
        return "the artifact lies in another container than the report says"
    return ""


def _promise(artifact: Artifact) -> Expected | None:
    """What a manifest says of the bytes; not where they lay, which a download changes."""
    return replace(artifact.expected, costly=False) if artifact.expected is not None else None


def _is_proven(finding: Finding) -> bool:
    return isinstance(finding.verdict, Proven)
