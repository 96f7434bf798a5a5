"""Keeps the books of an audit and closes them: each planned claim has exactly one finding."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from probatum.audit.layers import covered
from probatum.audit.opened import Root
from probatum.audit.opening import OPENING
from probatum.audit.unjudged import UNJUDGED
from probatum.claims import FULLY_OPENED
from probatum.vocabulary import (
    Artifact,
    Claim,
    Finding,
    Planned,
    Proven,
    Reason,
    Report,
    Undecided,
    Verdict,
)

_INSTALLED = "no-known-vulnerability"


class Entry(Struct):
    """One artifact of a root, what was planned for it, and the verdicts so far, in that order."""

    artifact: Artifact
    planned: tuple[tuple[str, str], ...]
    trouble: Undecided | None
    verdicts: list[Verdict]

    @property
    def judged(self) -> bool:
        return len(self.verdicts) == len(self.planned)


class Record(Struct):
    """What is known of one root: the artifacts met in it, and what stopped its opening, if so."""

    root: Root
    entries: list[Entry] = []
    halted: Undecided | None = None
    finished: bool = False
    deaths: int = 0
    known: list[tuple[int, int, Undecided]] = []

    def meet(
        self,
        ordinal: int,
        artifact: Artifact,
        planned: tuple[tuple[str, str], ...],
        trouble: Undecided | None,
    ) -> None:
        """Note an artifact. Raises: ValueError if it is not the one that comes next."""
        if ordinal == len(self.entries) - 1:
            last = self.entries[-1]
            if (last.artifact, last.planned) != (artifact, planned):
                raise ValueError("the file changed while it was audited")
        elif ordinal == len(self.entries) and self.progress[1] == 0:
            self.entries.append(Entry(artifact, planned, trouble, []))
        else:
            raise ValueError("an artifact was told out of order")

    def say(self, verdict: Verdict) -> None:
        """Note the next verdict. Raises: ValueError if none is due."""
        if not self.entries or self.entries[-1].judged:
            raise ValueError("a verdict was told that nobody asked for")
        self.entries[-1].verdicts.append(verdict)

    @property
    def progress(self) -> tuple[int, int]:
        """How many artifacts are judged, and how many claims of the one after them."""
        if self.entries and not self.entries[-1].judged:
            return len(self.entries) - 1, len(self.entries[-1].verdicts)
        return len(self.entries), 0

    def give_up(self, why: Undecided) -> None:
        """Close the record: what has no verdict gets this one, and the opening ends here."""
        for entry in self.entries:
            entry.verdicts += [why] * (len(entry.planned) - len(entry.verdicts))
        self.halted = why if self.halted is None else self.halted
        self.finished = True


def complete(
    targets: tuple[str, ...],
    records: Iterable[Record],
    claims: Mapping[str, Claim],
    *,
    interrupted: bool = False,
) -> Report:
    """The report of an audit, whole in the sense of its invariant whatever happened.

    `claims` are those that can be judged, by id; the report carries those that were.
    """
    names = Names()
    findings: list[Finding] = []
    records = list(records)
    for record in records:
        if not record.finished:
            record.give_up(Undecided(Reason.INTERRUPTED, "the audit was stopped before this"))
    _outdated(records)
    for record in records:
        findings += [
            finding
            for entry in _with_own_names(_settled(record), names)
            for finding in _findings(entry)
        ]
    planned = tuple(Planned(one.artifact.name, one.claim, one.analyzer) for one in findings)
    judged = dict.fromkeys(finding.claim for finding in findings)
    return Report(
        targets=targets,
        planned=planned,
        findings=tuple(findings),
        interrupted=interrupted,
        claims=tuple(claims[id] for id in judged if id in claims),
    )


def _outdated(records: Iterable[Record]) -> None:
    """What a layer of an image names as installed does not count where a later one replaces it."""
    for image, held in groupby(records, lambda one: one.root.image):
        layers = list(held) if image else []
        by = covered([[entry.artifact for entry in one.entries] for one in layers])
        for entry in (entry for one in layers for entry in one.entries):
            if entry.artifact.name in by:
                says = f"{by[entry.artifact.name]}, a later layer of the image, replaces this"
                _give_way(entry, Undecided(Reason.NOT_ANALYSED, says))


def _give_way(entry: Entry, why: Undecided) -> None:
    for number, (claim, _) in enumerate(entry.planned):
        if claim == _INSTALLED and not isinstance(entry.verdicts[number], Proven):
            entry.verdicts[number] = why


def names_taken(records: Iterable[Record]) -> tuple[str, ...]:
    """The names that the artifacts of these roots, all finished, have in the report."""
    names = Names()
    entries = (_with_own_names(_settled(record), names) for record in records)
    return tuple(entry.artifact.name for each in entries for entry in each)


def _findings(entry: Entry) -> Iterator[Finding]:
    for (claim, analyzer), verdict in zip(entry.planned, entry.verdicts, strict=True):
        yield Finding(entry.artifact, claim, analyzer, verdict)


def _settled(record: Record) -> list[Entry]:
    """The record's entries, where no container is called fully opened if something kept it shut.

    A worker cannot know that when it judges the container: the trouble comes later.
    """
    if not record.entries:
        root = Artifact(name=record.root.name, kind="unknown", size=record.root.size)
        why = record.halted
        if why is None:
            why = Undecided(Reason.CRASHED, "nothing was found in it, not even itself")
        return [Entry(root, ((UNJUDGED.claim.id, OPENING.id),), why, [why])]
    by_name = {entry.artifact.name: entry for entry in record.entries}
    for entry in record.entries:
        if entry.trouble is not None and entry.artifact.parent in by_name:
            name = entry.artifact.name
            detail = f"{name}: {entry.trouble.detail}"
            _shut(by_name[entry.artifact.parent], replace(entry.trouble, detail=detail))
    if record.halted is not None:
        _shut_chain(record.entries, by_name, record.halted)
    return record.entries


def _shut_chain(entries: list[Entry], by_name: dict[str, Entry], why: Undecided) -> None:
    """The opening ended inside the last artifact and its containers; the root stands for all."""
    root = entries[0]
    if not any(claim == FULLY_OPENED.id for claim, _ in root.planned):
        root.planned = (*root.planned, (FULLY_OPENED.id, OPENING.id))
        root.verdicts.append(why)
    seen = {root.artifact.name}
    _shut(root, why)
    at: Entry | None = entries[-1]
    while at is not None and at.artifact.name not in seen:
        seen.add(at.artifact.name)
        _shut(at, why)
        at = by_name.get(at.artifact.parent or "")


def _shut(entry: Entry, why: Undecided) -> None:
    for number, (claim, _) in enumerate(entry.planned):
        if claim == FULLY_OPENED.id and isinstance(entry.verdicts[number], Proven):
            entry.verdicts[number] = why


def _with_own_names(entries: list[Entry], names: "Names") -> Iterator[Entry]:
    """The entries, each with a name that no other artifact of the report has."""
    renamed: dict[str, str] = {}
    for entry in entries:
        artifact = names.own(entry.artifact, renamed)
        yield entry if artifact is entry.artifact else replace(entry, artifact=artifact)


class Names:
    """Names artifacts in the order in which they come, so that each has one of its own."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def own(self, artifact: Artifact, renamed: dict[str, str]) -> Artifact:
        """The artifact under its own name; `renamed` keeps the containers of its root so named."""
        parent = renamed.get(artifact.parent or "", artifact.parent)
        name, again = artifact.name, 1
        while name in self._taken:
            again += 1
            name = f"{artifact.name}#{again}"
        self._taken.add(name)
        if (name, parent) == (artifact.name, artifact.parent):
            return artifact
        renamed[artifact.name] = name
        return replace(artifact, name=name, parent=parent)
