"""What a policy makes of a report is shown: first what breaks it, then, briefly, what does not."""

# ruff: noqa: E501  (the lines of a report are as long as they are)

import datetime
import re

import pytest
from hypothesis import given
from inline_snapshot import snapshot

from probatum.policy import Acceptance, Decision, Policy, decide
from probatum.render import terminal
from probatum.render.formats import FORMATS, rendered
from probatum.vocabulary import Finding, Reason, Refuted, Report, Undecided, Witness
from reports import artifact, report_of, reports, sample

TODAY = datetime.date(2026, 11, 23)


def decided(report: Report, *accept: Acceptance) -> Decision:
    return decide(report, Policy(accept=accept), TODAY)


def accepting(name: str) -> Acceptance:
    return Acceptance(
        artifact=name, claim="load-inert", reason="known", owner="ann",
        expires=datetime.date(2999, 1, 1),
    )  # fmt: skip


def source(number: int) -> Finding:
    said = Undecided(Reason.NOT_ANALYSED, f"{number + 10} bytes of code that nobody reviewed")
    return Finding(artifact(f"src/m{number}.py", "python", 1), "code-reviewed", "one", said)


def test_what_breaks_the_policy_comes_first_and_the_rest_below_an_empty_line() -> None:
    text = terminal.render(sample(), decision=decided(sample(), accepting("*optimizer.pkl")))
    breaking, rest, counts = text.split("\n\n")
    assert counts.startswith("4 proven")
    assert [line.split("  ")[0] for line in breaking.splitlines()][:3] == ["refuted"] * 3
    assert "code-reviewed" not in breaking
    assert rest == snapshot("""\
refuted    resnet/optimizer.pkl                              load-inert          accepted by ann until 2999-01-01: byte 51: REDUCE calls builtins.print('loaded')
undecided  bert/modeling_bert.py                             code-reviewed       not-analysed: custom code\
""")


def test_many_findings_that_nobody_asks_about_share_a_line() -> None:
    report = report_of(*(source(number) for number in range(10)))
    assert terminal.render(report, decision=decided(report)) == snapshot("""\
undecided  10 artifacts  code-reviewed  not-analysed: 10 bytes of code that nobody reviewed (of src/m0.py; -v shows each)

0 proven, 0 refuted, 10 undecided (10 not-analysed)
""")
    assert terminal.render(report, decision=decided(report), verbose=True).count(".py") == 10
    few = report_of(*report.findings[:9])
    assert terminal.render(few, decision=decided(few)).count(".py") == 9


def test_findings_that_break_the_policy_never_share_a_line() -> None:
    broken = Refuted((Witness("calls builtins.print"),))
    lacking = Undecided(Reason.MISSING_SUMMARY, "no summary")
    findings = [
        Finding(artifact(f"{number}.pkl", "pickle", 1), "load-inert", "one", verdict)
        for number in range(40)
        for verdict in ([broken] if number % 2 else [lacking])
    ]
    report = report_of(*findings)
    assert terminal.render(report, decision=decided(report)).count(".pkl") == 40


@given(reports())
def test_whatever_a_policy_says_every_finding_is_shown_or_counted(report: Report) -> None:
    text = terminal.render(report, decision=decided(report))
    rows = [line for line in text.splitlines() if re.match("(refuted|undecided)  ", line)]
    shared = [int(found[1]) - 1 for row in rows if (found := re.search(r"  (\d+) artifacts ", row)) and row.endswith("-v shows each)")]  # fmt: skip
    unproven = sum(isinstance(one.verdict, Refuted | Undecided) for one in report.findings)
    assert len(rows) + sum(shared) == unproven


def test_a_comment_shows_what_breaks_the_policy_and_folds_the_rest() -> None:
    decision = decided(sample(), accepting("*optimizer.pkl"))
    text = rendered(sample(), "markdown", decision=decision)
    assert "`the policy does not hold: 3 refuted, 5 undecided where proof is asked`" in text
    shown, folded = text.split(
        "<summary>2 claims not proven, without breaking the policy</summary>"
    )
    assert "modeling_bert.py` `code-reviewed" not in shown
    assert "- **refuted** (`accepted by ann until 2999-01-01`) `resnet/optimizer.pkl`" in folded


def test_a_page_begins_with_what_breaks_the_policy() -> None:
    text = rendered(sample(), "html", decision=decided(sample(), accepting("*optimizer.pkl")))
    first = text[text.index('<section class="first"') : text.index("</section>")]
    assert "What breaks the policy" in first
    assert first.count("<li") == 8
    assert "code-reviewed" not in first
    assert "optimizer.pkl" not in first
    assert '<p class="policy">1 accepted by the policy</p>' in text


def test_a_policy_that_holds_is_said_where_a_page_or_comment_is_read_alone() -> None:
    report = report_of(*(one for one in sample().findings if not isinstance(one.verdict, Refuted | Undecided)))  # fmt: skip
    for form in ("html", "markdown"):
        assert "the policy holds" in rendered(report, form, decision=decided(report))
        assert "policy" not in rendered(report, form).partition("<main>")[2]


@pytest.mark.parametrize("form", FORMATS)
@given(report=reports())
def test_every_form_takes_any_decision(form: str, report: Report) -> None:
    assert rendered(report, form, decision=decided(report))
