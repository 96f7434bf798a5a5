"""JUnit XML: well-formed whatever an audited file is called, and red exactly where it should be."""

# ruff: noqa: E501  (what a report says is as long as it is)

import datetime
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from inline_snapshot import snapshot

from probatum.policy import Acceptance, Policy, decide
from probatum.render.junit import render
from probatum.vocabulary import Finding, Reason, Report, Undecided
from reports import FRAGMENTS, artifact, report_of, reports, sample

TODAY = datetime.date(2026, 11, 23)


def test_the_sample_in_full() -> None:
    assert render(sample()) == snapshot("""\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="probatum" tests="14" failures="4" errors="5" skipped="1">
  <testsuite name="bert/README.md" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="bert/README.md" name="no-hidden-text">
      <failure type="no-hidden-text" message="line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round (+1 more)">the claim: Everything that this text says to a machine, it shows to a reader.
line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round
line 3, byte 40: U+202C ends it</failure>
    </testcase>
  </testsuite>
  <testsuite name="bert/config.json" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="bert/config.json" name="no-remote-code">
      <failure type="no-remote-code" message="auto_map.AutoModel: auto_map names modeling_bert.Net">the claim: This configuration asks no loader to import or run code by name.
auto_map.AutoModel: auto_map names modeling_bert.Net</failure>
    </testcase>
  </testsuite>
  <testsuite name="bert/model.safetensors" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="bert/model.safetensors" name="header-sound"/>
  </testsuite>
  <testsuite name="bert/modeling_bert.py" tests="1" failures="0" errors="0" skipped="1">
    <testcase classname="bert/modeling_bert.py" name="code-reviewed">
      <skipped type="not-analysed" message="not-analysed: custom code">the claim: This code does what its documentation says and no more.</skipped>
    </testcase>
  </testsuite>
  <testsuite name="forest.joblib" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="forest.joblib" name="load-inert">
      <error type="missing-summary" message="missing-summary at byte 1207: no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2">the claim: Loading this file runs nothing its author chose and reaches nothing outside the memory of the loading process.</error>
    </testcase>
  </testsuite>
  <testsuite name="llama/llama-3-tiny.gguf!/tokenizer.chat_template" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="llama/llama-3-tiny.gguf!/tokenizer.chat_template" name="template-inert">
      <failure type="template-inert" message="line 4, byte 98: the filter attr reaches __class__, and from there every loaded class">the claim: Rendering this template reaches nothing beyond the values handed to it, and ends.
line 4, byte 98: the filter attr reaches __class__, and from there every loaded class
  1. '__cl' ~ 'ass__' is '__class__' (byte 104)
  2. attr reads the attribute of that name (byte 98)</failure>
    </testcase>
  </testsuite>
  <testsuite name="old/half.safetensors" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="old/half.safetensors" name="header-sound">
      <error type="truncated" message="truncated at byte 8: the header says 65536 bytes and the file has 1016 after it">the claim: Every offset, length, count and type in this file's header is valid and lies inside the file, and no two parts overlap.</error>
    </testcase>
  </testsuite>
  <testsuite name="old/notes.xyz" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="old/notes.xyz" name="kind-is-understood">
      <error type="unknown-kind" message="unknown-kind: no reader knows these bytes">the claim: These bytes are of one kind that Probatum knows, the kind that the file's name promises.</error>
    </testcase>
  </testsuite>
  <testsuite name="old/weights.7z" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="old/weights.7z" name="fully-opened">
      <error type="missing-extra" message="missing-extra: pip install 'probatum[archives]'">the claim: Every member of this container was opened, every reader sees the same members, and each has findings of its own.</error>
    </testcase>
  </testsuite>
  <testsuite name="resnet/engine.plan" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="resnet/engine.plan" name="load-inert">
      <error type="opaque" message="opaque: TensorRT publishes no format of its engines">the claim: Loading this file runs nothing its author chose and reaches nothing outside the memory of the loading process.</error>
    </testcase>
  </testsuite>
  <testsuite name="resnet/optimizer.pkl" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="resnet/optimizer.pkl" name="load-inert">
      <failure type="load-inert" message="byte 51: REDUCE calls builtins.print('loaded')">the claim: Loading this file runs nothing its author chose and reaches nothing outside the memory of the loading process.
byte 51: REDUCE calls builtins.print('loaded')
  1. GLOBAL pushes builtins.print (byte 20)
  2. MARK, STRING, TUPLE push ('loaded',) (byte 39)
  3. REDUCE calls the first with the second (byte 51)</failure>
    </testcase>
  </testsuite>
  <testsuite name="resnet/weights.pt" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="resnet/weights.pt" name="fully-opened"/>
  </testsuite>
  <testsuite name="resnet/weights.pt!/archive/data.pkl" tests="2" failures="0" errors="0" skipped="0">
    <testcase classname="resnet/weights.pt!/archive/data.pkl" name="load-inert"/>
    <testcase classname="resnet/weights.pt!/archive/data.pkl" name="data-shaped"/>
  </testsuite>
</testsuites>
""")


def test_only_what_is_proven_passes() -> None:
    report = sample()
    for decision in (None, decide(report, Policy(), TODAY), decide(report, LENIENT, TODAY)):
        suites = ET.fromstring(render(report, decision=decision))
        passed = {(one.get("classname"), one.get("name")) for one in _cases(suites) if not len(one)}
        assert passed == {
            (one.artifact.name, one.claim)
            for one in report.findings
            if type(one.verdict).__name__ == "Proven"
        }


def test_the_default_policy_and_no_decision_agree() -> None:
    report = sample()
    assert render(report) == render(report, decision=decide(report, Policy(), TODAY))


def test_a_refutation_that_the_policy_accepts_is_skipped_with_its_reason() -> None:
    suites = ET.fromstring(render(sample(), decision=decide(sample(), LENIENT, TODAY)))
    [case] = [
        one
        for one in _cases(suites)
        if (one.get("classname"), one.get("name")) == ("resnet/optimizer.pkl", "load-inert")
    ]
    [outcome] = case
    assert outcome.tag == "skipped"
    assert outcome.text == "accepted by ml-platform until 2026-12-31: prints a word"


def test_an_undecided_claim_is_an_error_only_where_its_proof_is_asked() -> None:
    strict = ET.fromstring(render(sample(), decision=decide(sample(), Policy(), TODAY)))
    lenient = ET.fromstring(render(sample(), decision=decide(sample(), LENIENT, TODAY)))
    assert int(strict.get("errors", 0)) > int(lenient.get("errors", 0)) == 0
    assert int(lenient.get("skipped", 0)) > int(strict.get("skipped", 0))


def test_a_planned_claim_without_a_finding_is_an_error() -> None:
    whole = sample()
    holed = Report(targets=whole.targets, planned=whole.planned, findings=whole.findings[:-1])
    suites = ET.fromstring(render(holed))
    [case] = [one for one in _cases(suites) if one.get("classname") == "the audit"]
    [error] = case
    assert (error.tag, error.text) == ("error", "resnet/weights.pt!/archive/data.pkl data-shaped")


@settings(max_examples=60)
@given(reports())
def test_every_report_is_well_formed_and_its_totals_are_right(report: Report) -> None:
    suites = ET.fromstring(render(report))
    _assert_totals(suites)
    for suite in suites:
        _assert_totals(suite)
    assert {one.tag for one in suites.iter()} <= {
        *("testsuites", "testsuite", "testcase"),
        *("failure", "error", "skipped"),
    }


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_no_fragment_breaks_the_xml(fragment: str) -> None:
    verdict = Undecided(Reason.OPAQUE, fragment)
    finding = Finding(artifact(fragment, "pickle", 1), "load-inert", "a", verdict)
    [case] = _cases(ET.fromstring(render(report_of(finding))))
    [error] = case
    assert (error.get("message") or "").startswith("opaque: ")
    assert (error.get("message") or "").isprintable()


LENIENT = Policy(
    fail_on="refuted",
    accept=(
        Acceptance(
            artifact="resnet/*",
            claim="load-inert",
            reason="prints a word",
            owner="ml-platform",
            expires=datetime.date(2026, 12, 31),
        ),
    ),
)


def _cases(suites: ET.Element) -> list[ET.Element]:
    return list(suites.iter("testcase"))


def _assert_totals(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    assert element.get("tests") == str(len(cases))
    for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert element.get(total) == str(sum(case.find(tag) is not None for case in cases))
