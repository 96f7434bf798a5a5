"""The report as JUnit XML, for the test panes of build servers: each finding is a test case.

A test suite is an artifact, a test case one of its claims. What breaks the policy is red: a
refuted claim is a `failure`, an undecided one that must be proven an `error`. What does not
break it is `skipped`, never passed: an undecided claim that nobody asked to be proven, and a
refuted one that the team's policy accepts. Only a proven claim passes.

The shape is that of the Jenkins xunit plugin's `junit-10.xsd`, which build servers agree on.
"""

import datetime
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

from probatum.policy import Decision, Policy, decide
from probatum.render.code_lines import advised, code_rows
from probatum.render.evidence import further, headline, incompleteness, is_path, placed
from probatum.render.visible import visible
from probatum.tallies import unanswered
from probatum.vocabulary import Finding, Proven, Refuted, Report, Undecided, Witness
from probatum.wire import sentences

_Case = tuple[str, str]  # one of "", "failure", "error", "skipped", and the whole element


def render(report: Report, *, decision: Decision | None = None) -> str:
    """The report as JUnit XML. Without a `decision`, the default policy says what is red."""
    outcome = _Outcome(report, decision)
    suites = list(_by_artifact(report, outcome))
    totals = _totals([case for _, cases in suites for case in cases])
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="probatum"{totals}>']
    lines += [_suite(name, cases) for name, cases in suites]
    return "\n".join([*lines, "</testsuites>\n"])


class _Outcome:
    """Which element says what became of a finding."""

    def __init__(self, report: Report, decision: Decision | None) -> None:
        self._says = sentences(report)
        decision = decision or decide(report, Policy(), datetime.date.min)
        self._accepted = {_key(finding): why for finding, why in decision.accepted}
        self._failing = {_key(failure.finding) for failure in decision.failures}

    def case(self, finding: Finding) -> _Case:
        kind, text = self._judged(finding)
        name = _attributes(classname=finding.artifact.name, name=finding.claim)
        if not kind:
            return kind, f"    <testcase{name}/>"
        message = _attributes(type=_type(finding), message=headline(finding.verdict))
        return kind, (
            f"    <testcase{name}>\n      <{kind}{message}>{escape(text)}</{kind}>\n    </testcase>"
        )

    def _judged(self, finding: Finding) -> _Case:
        verdict = finding.verdict
        match verdict:
            case Proven():
                return "", ""
            case Refuted() | Undecided() if accepted := self._accepted.get(_key(finding)):
                reason, owner = visible(accepted.reason), visible(accepted.owner)
                return "skipped", f"accepted by {owner} until {accepted.expires}: {reason}"
            case Refuted():
                return "failure", "\n".join(self._witnesses(finding, verdict))
            case Undecided():
                fails = _key(finding) in self._failing
                return ("error" if fails else "skipped"), self._sentence(finding)
        assert_never(verdict)

    def _sentence(self, finding: Finding) -> str:
        return f"the claim: {visible(self._says.get(finding.claim, finding.claim))}"

    def _witnesses(self, finding: Finding, verdict: Refuted) -> Iterator[str]:
        yield self._sentence(finding)
        for witness, instead in advised(verdict.witnesses):
            yield visible(placed(witness))
            yield from _path(witness) if is_path(witness) else _steps(witness)
            if places := further(witness):
                yield f"  {visible(places)}"
            if instead:
                yield f"  instead: {visible(instead)}"


def _steps(witness: Witness) -> Iterator[str]:
    for number, step in enumerate(witness.steps, 1):
        at = visible(str(step.place))
        yield f"  {number}. {visible(step.says)}{f' ({at})' if at else ''}"


def _path(witness: Witness) -> Iterator[str]:
    """Lines of source code in their order, the file and line before each."""
    for number, row in enumerate(code_rows(witness), 1):
        at, code, says = visible(str(row.place)), visible(row.code), visible(row.says)
        said = f"{code}  ({says})" if code and says else code or says
        yield f"  {number}. {f'{at}: ' if at else ''}{said}"


def _by_artifact(report: Report, outcome: _Outcome) -> Iterator[tuple[str, list[_Case]]]:
    for name, findings in groupby(report.findings, lambda finding: finding.artifact.name):
        yield name, [outcome.case(finding) for finding in findings]
    if lacking := incompleteness(report):
        names = [f"{plan.artifact} {plan.claim}" for plan in unanswered(report)]
        case = _attributes(classname="the audit", name="every planned claim is judged")
        text = escape("\n".join(visible(name) for name in names))
        error = f"<error{_attributes(type='incomplete', message=lacking)}>{text}</error>"
        yield "the audit", [("error", f"    <testcase{case}>\n      {error}\n    </testcase>")]


def _suite(name: str, cases: list[_Case]) -> str:
    lines = [f"  <testsuite{_attributes(name=name)}{_totals(cases)}>"]
    lines += [element for _, element in cases]
    return "\n".join([*lines, "  </testsuite>"])


def _totals(cases: Iterable[_Case]) -> str:
    kinds = [kind for kind, _ in cases]
    said = {"tests": len(kinds)}
    said |= {f"{kind}s": kinds.count(kind) for kind in ("failure", "error")}
    said["skipped"] = kinds.count("skipped")
    return _attributes(**{name: str(number) for name, number in said.items()})


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(visible(value))}" for name, value in values.items())


def _type(finding: Finding) -> str:
    verdict = finding.verdict
    return verdict.reason if isinstance(verdict, Undecided) else finding.claim


def _key(finding: Finding) -> tuple[str, str]:
    return finding.artifact.name, finding.claim
