"""The words that every form of a report shares: a finding's evidence in one line, the counts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import assert_never

from probatum.policy import HOLDS, Decision
from probatum.policy import summary as policy_says
from probatum.tallies import VERDICTS, counts, unanswered, verdict_word
from probatum.vocabulary import (
    FLAW,
    Entries,
    Finding,
    Place,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Verdict,
    Witness,
)

ORDER = ("refuted", "undecided", "proven")


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Refuted, then undecided, then proven, each in the order they came."""
    return sorted(findings, key=lambda finding: ORDER.index(verdict_word(finding.verdict)))


def parted(report: Report, decision: Decision | None) -> tuple[list[Finding], list[Finding]]:
    """The findings that are not proven: those that break the policy, and then the others.

    Without a `decision` nobody knows which do, and all are told together. Worst first.
    """
    unproven = [one for one in worst_first(report.findings) if not isinstance(one.verdict, Proven)]
    if decision is None:
        return unproven, []
    breaking = {(one.finding.artifact.name, one.finding.claim) for one in decision.failures}
    broken = [(one, (one.artifact.name, one.claim) in breaking) for one in unproven]
    return [one for one, is_so in broken if is_so], [one for one, is_so in broken if not is_so]


def judgement(decision: Decision | None, report: Report) -> Iterator[str]:
    """What the policy makes of the report, in lines; one alone where it holds."""
    if decision is None:
        return
    said = list(policy_says(decision, report))
    if decision.exit_code == HOLDS:
        said.insert(0, "the policy holds")
    yield from said


def acceptances(decision: Decision | None) -> dict[tuple[str, str], str]:
    """Who accepted what: `accepted by ann until 2027-06-30`, by artifact and claim."""
    accepted = decision.accepted if decision else ()
    return {
        (one.artifact.name, one.claim): f"accepted by {why.owner} until {why.expires}"
        for one, why in accepted
    }


def headline(verdict: Verdict) -> str:
    """The evidence in one line. Its parts come from audited files: escape it before it is shown."""
    match verdict:
        case Proven(certificate, assumptions):
            given = f", {plural(len(assumptions), 'assumption')}" if assumptions else ""
            return f"certificate {certificate.checker}{given}"
        case Refuted(witnesses):
            more = f" (+{len(witnesses) - 1} more)" if len(witnesses) > 1 else ""
            return placed(witnesses[0]) + more + _ways_in(verdict)
        case Undecided(reason, detail, place):
            at = f" at {place}" if str(place) else ""
            return f"{reason}{at}: {detail}{_ways_in(verdict)}"
    assert_never(verdict)


def _ways_in(verdict: Refuted | Undecided) -> str:
    """`; 11 of 14 entry points proven`; empty where none is."""
    entries = verdict.entries
    proven = sum(one.verdict == "proven" for one in entries.of) if entries is not None else 0
    if entries is None or not proven:
        return ""
    return f"; {proven} of {plural(len(entries.of), called(entries))} proven"


def called(entries: Entries) -> str:
    """What the entries of a verdict are: ways in, or what else is judged one by one."""
    return FLAW if any(one.says == FLAW for one in entries.of) else "entry point"


def unproven_entries(verdict: Refuted | Undecided, most: int) -> Iterator[str]:
    """Each entry point that is not proven, in a line, refuted ones first; one line where the same
    is in the way of all, and where they are not told."""
    entries = verdict.entries
    if entries is None:
        return
    if entries.unknown:
        yield f"entry points: {entries.unknown}"
    open_ones = [one for one in entries.of if one.verdict != "proven"]
    if len(open_ones) > 1 and len({(one.verdict, one.detail) for one in entries.of}) == 1:
        word = plural(len(open_ones), called(entries))
        yield f"{open_ones[0].verdict} at all {word}: {open_ones[0].detail}"
        return
    open_ones.sort(key=lambda one: one.verdict)
    for one in open_ones[:most]:
        yield f"{one.verdict} at {one.name} ({one.says}): {one.detail}"
    if more := len(open_ones[most:]):
        yield f"and {plural(more, called(entries))} more"


def placed(witness: Witness) -> str:
    """`byte 17: GLOBAL os.system`, or the sentence alone where the place is the whole artifact."""
    place = str(witness.place)
    return f"{place}: {witness.says}" if place else witness.says


def further(witness: Witness) -> str:
    """Where the other places are that are told as one with it; empty if there are none."""
    places = [str(steps[-1].place) for steps in witness.also if steps]
    return f"also at {', '.join(places)}" if places else ""


def is_path(witness: Witness) -> bool:
    """Whether the steps lead through lines of source code, each in a file of its own artifact."""
    return any(is_in_source(step.place) for step in witness.steps)


def is_in_source(place: Place) -> bool:
    """Whether the place is a line of a file inside the artifact."""
    return bool(place.part) and place.line is not None


def plural(number: int, noun: str) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def summary(report: Report) -> str:
    """`3 proven, 1 refuted, 2 undecided (1 missing-summary, 1 not-analysed)`."""
    tally = counts(report)
    said = ", ".join(f"{tally[word]} {word}" for word in VERDICTS)
    reasons = Counter(
        finding.verdict.reason
        for finding in report.findings
        if isinstance(finding.verdict, Undecided)
    )
    if not reasons:
        return said
    return f"{said} ({', '.join(f'{n} {reason}' for reason, n in sorted(reasons.items()))})"


def counted(report: Report) -> Iterator[str]:
    """The counts, and below them what keeps the report from being whole."""
    yield summary(report)
    if lacking := incompleteness(report):
        yield lacking


def incompleteness(report: Report) -> str:
    """What keeps the report from being whole, in one line; empty if nothing does."""
    missing = len(unanswered(report))
    if report.interrupted:
        unjudged = missing + sum(map(_was_interrupted, report.findings))
        return f"interrupted: {plural(unjudged, 'claim')} known by then stayed unjudged"
    if missing:
        return f"incomplete: {missing} of {len(report.planned)} planned claims have no finding"
    return ""


def _was_interrupted(finding: Finding) -> bool:
    verdict = finding.verdict
    return isinstance(verdict, Undecided) and verdict.reason is Reason.INTERRUPTED
