"""Decides what a report is worth to a team: what must be proven, what is accepted, the exit code.

The rules, in order:

1. A refuted finding fails, whatever its claim, unless an acceptance covers it.
2. An undecided finding fails if its claim is one that must be proven, unless an acceptance
   covers it, or `fail-on` is "refuted".
3. What could not be opened, or is of no known kind, may be anything: it was never judged for the
   claims that must be proven, so it fails as if it had been asked for all of them. What merely
   no analyser judges yet (`not-analysed`: a picture, a link, git's own store) is reported and
   does not fail, unless `must-prove` names its claim.
4. A report in which nothing at all was decided never holds.
5. Of a claim that must be proven of each entry point, an undecided finding fails unless every
   entry point of the artifact is proven, or accepted by its name; where none is known, it fails.
6. An acceptance covers a finding if its claim is the finding's, its artifact (a name pattern or
   a digest) fits, and its day of expiry has not passed. One that has expired covers nothing,
   and the finding it used to cover says so.
"""

import datetime
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Literal, assert_never

from msgspec import Struct

from probatum.claims import FULLY_OPENED, KIND_IS_UNDERSTOOD
from probatum.vocabulary import Finding, Proven, Reason, Refuted, Report, Undecided

HOLDS, REFUTED, UNDECIDED, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: the policy holds; something is refuted; proof is missing where it is asked;
usage or our own fault; the user stopped the audit (128 + SIGINT, as shells expect)."""

EXIT_CODES = {
    HOLDS: "the policy holds: nothing is refuted, and what must be proven is proven",
    REFUTED: "a claim is refuted, and the refutation is not accepted",
    UNDECIDED: "a claim that must be proven is undecided, or an audit found nothing to judge",
    FAULT: "the command line or a configuration file is wrong, or Probatum itself failed",
    INTERRUPTED: "the audit was stopped; what it found until then was reported",
}

MUST_PROVE = (
    "load-inert",
    "header-sound",
    "fully-opened",
    "self-contained",
    "no-remote-code",
    "template-inert",
    "not-a-program",
)
"""What the default policy asks for: that loading runs nothing, and every claim that the file's
own bytes decide."""


class Acceptance(Struct, frozen=True, kw_only=True):
    """One finding a team has decided to live with: which, why, who answers for it, until when.

    `artifact` is a pattern for names (`*` crosses folders and `!/`) or a digest `sha256:<hex>`.
    `expires` is the last day on which it counts.
    """

    artifact: str
    claim: str
    reason: str
    owner: str
    expires: datetime.date

    def concerns(self, finding: Finding) -> bool:
        """Whether this is the finding meant, expired or not."""
        if finding.claim != self.claim:
            return False
        if self.artifact.startswith("sha256:"):
            return finding.artifact.digest == self.artifact
        return fnmatchcase(finding.artifact.name, self.artifact)

    def concerns_entry(self, finding: Finding, name: str) -> bool:
        """Whether an entry point of the finding, `app.py:read`, is meant by its name."""
        return finding.claim == self.claim and fnmatchcase(name, self.artifact)


class Policy(Struct, frozen=True, kw_only=True):
    """What a team demands of a report. The default asks for proof of `MUST_PROVE`."""

    must_prove: tuple[str, ...] = MUST_PROVE
    must_prove_entry_points: tuple[str, ...] = ()
    fail_on: Literal["refuted", "undecided"] = "undecided"
    accept: tuple[Acceptance, ...] = ()


class Failure(Struct, frozen=True):
    """A finding that breaks the policy, and the expired acceptance that used to cover it."""

    finding: Finding
    expired: Acceptance | None = None

    def __str__(self) -> str:
        finding = self.finding
        word = "refuted" if isinstance(finding.verdict, Refuted) else "undecided"
        said = f"{finding.artifact.name}: {finding.claim} is {word}"
        if self.expired is None:
            return said
        accepted = self.expired
        return f"{said}; {accepted.owner} accepted it until {accepted.expires}, which has passed"


class Decision(Struct, frozen=True, kw_only=True):
    """What a policy makes of a report. `unused` are acceptances that concern no finding in it,
    `entry_points` the failures that are none but for the entry points that are not proven."""

    exit_code: int
    failures: tuple[Failure, ...]
    accepted: tuple[tuple[Finding, Acceptance], ...]
    unused: tuple[Acceptance, ...]
    entry_points: tuple[Finding, ...] = ()


def decide(report: Report, policy: Policy, today: datetime.date) -> Decision:
    """Apply `policy` to `report` on the day `today`."""
    failures: list[Failure] = []
    accepted: list[tuple[Finding, Acceptance]] = []
    used: set[Acceptance] = set()
    for finding in report.findings:
        if not _fails(finding, policy):
            continue
        concerned = [one for one in policy.accept if one.concerns(finding)]
        valid = [one for one in concerned if today <= one.expires]
        if not valid and _is_of_entries(finding, policy):
            of_entries = _accepting_entries(finding, policy)
            concerned += of_entries
            valid = _all_accepted(finding, of_entries, today)
        used.update(concerned)
        if valid:
            accepted.append((finding, valid[0]))
        else:
            failures.append(Failure(finding, concerned[0] if concerned else None))
    return Decision(
        exit_code=_exit_code(report, failures),
        failures=tuple(failures),
        accepted=tuple(accepted),
        unused=tuple(one for one in policy.accept if one not in used),
        entry_points=tuple(one.finding for one in failures if _is_of_entries(one.finding, policy)),
    )


def summary(decision: Decision, report: Report) -> Iterator[str]:
    """What a person should know beyond the findings: one line each."""
    if not decided(report):
        yield "nothing was decided, so the policy cannot hold"
    if decision.failures:
        refuted = sum(isinstance(one.finding.verdict, Refuted) for one in decision.failures)
        lacking = len(decision.failures) - refuted
        said = [f"{refuted} refuted"] * bool(refuted)
        said += [f"{lacking} undecided where proof is asked"] * bool(lacking)
        yield f"the policy does not hold: {', '.join(said)}"
    yield from map(_lacking, decision.entry_points)
    if decision.accepted:
        yield f"{len(decision.accepted)} accepted by the policy"
    yield from (str(one) for one in decision.failures if one.expired is not None)
    for one in decision.unused:
        yield f"the acceptance of {one.claim} for {one.artifact} concerns nothing in this report"


def _fails(finding: Finding, policy: Policy) -> bool:
    verdict = finding.verdict
    match verdict:
        case Proven():
            return False
        case Refuted():
            return True
        case Undecided():
            asked = _is_asked(finding, policy)
            if finding.claim in policy.must_prove_entry_points and not asked:
                entries = verdict.entries
                asked = entries is None or not entries.of or bool(open_entries(finding))
            return policy.fail_on == "undecided" and asked
    assert_never(verdict)


def open_entries(finding: Finding) -> tuple[str, ...]:
    """The names of the entry points of which the claim is not proven."""
    entries = None if isinstance(finding.verdict, Proven) else finding.verdict.entries
    told = entries.of if entries is not None else ()
    return tuple(one.name for one in told if one.verdict != "proven")


def _is_of_entries(finding: Finding, policy: Policy) -> bool:
    """Only that its entry points are not all proven breaks the policy."""
    asked = finding.claim in policy.must_prove_entry_points
    return asked and isinstance(finding.verdict, Undecided) and not _is_asked(finding, policy)


def _accepting_entries(finding: Finding, policy: Policy) -> list[Acceptance]:
    names = open_entries(finding)
    return [
        one for one in policy.accept if any(one.concerns_entry(finding, name) for name in names)
    ]


def _all_accepted(
    finding: Finding, given: list[Acceptance], today: datetime.date
) -> list[Acceptance]:
    """The acceptances that still count, if they cover each entry point that is not proven."""
    valid = [one for one in given if today <= one.expires]
    covered = all(
        any(one.concerns_entry(finding, name) for one in valid) for name in open_entries(finding)
    )
    return valid if covered else []


def _lacking(finding: Finding) -> str:
    names = open_entries(finding)
    entries = None if isinstance(finding.verdict, Proven) else finding.verdict.entries
    said = f"{finding.artifact.name}: {finding.claim} is asked of each entry point"
    if not names:
        unknown = entries.unknown if entries is not None else ""
        return f"{said}, but {unknown or 'none is known'}"
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{said}, and is not proven of {names[0]}{more}"


def _is_asked(finding: Finding, policy: Policy) -> bool:
    """Proof is asked of the whole artifact."""
    verdict = finding.verdict
    anything = isinstance(verdict, Undecided) and _may_be_anything(finding, verdict)
    return finding.claim in policy.must_prove or anything


def _may_be_anything(finding: Finding, verdict: Undecided) -> bool:
    unopened = finding.claim in {FULLY_OPENED.id, KIND_IS_UNDERSTOOD.id}
    return unopened and verdict.reason is not Reason.NOT_ANALYSED


def _exit_code(report: Report, failures: Iterable[Failure]) -> int:
    if report.interrupted:
        return INTERRUPTED
    kinds = {type(failure.finding.verdict) for failure in failures}
    if Refuted in kinds:
        return REFUTED
    return UNDECIDED if kinds or not decided(report) else HOLDS


def decided(report: Report) -> bool:
    """Whether anything at all was proven or refuted."""
    return any(not isinstance(finding.verdict, Undecided) for finding in report.findings)
