"""Workflows: rows with their examples, laws of the reader and of conditions, certificates."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.agent.untrusted_prompt import untrusted_prompt
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.formats.workflow import workflow
from probatum.formats.workflow_conditions import OBJECTS, Reach, reach
from probatum.formats.workflow_flow import reached
from probatum.formats.workflow_rules import events
from probatum.material import BytesMaterial
from probatum.vocabulary import Proven, Refuted, Verdict

RULES = Path(__file__).parent.parent / "src" / "probatum" / "rules" / "agent"
ROWS: dict[str, list[dict[str, Any]]] = tomllib.loads((RULES / "workflows.toml").read_text("utf-8"))
PATTERNS = [(table, row) for table, rows in ROWS.items() for row in rows if "bad" in row]
LEAVES = st.sampled_from(
    ["github.actor == 'ann'", "contains(github.event.comment.body, '@x')", "vars.OPEN == 'yes'",
     "github.event_name == 'issue_comment'", "github.event_name == 'push'", "always()",
     "github.event.comment.author_association == 'OWNER'", "!cancelled()", "true",
     "github.event.issue.author_association == 'OWNER'", "(", ")", "'", "&&", "!(", "${{ x }}"]
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" && ", " || "]), inner).map("".join)
        | inner.map(lambda one: f"({one})")
    ),
    max_leaves=6,
)
PLAIN = """on: [{event}]
jobs:
  a:
    if: {condition}
    runs-on: ubuntu-latest
    permissions: {{contents: write}}
    steps:
      - run: echo "{text}"
"""


def verdict(text: str) -> Verdict:
    return verdict_on(untrusted_prompt, text.encode(), "github-workflow")


def plain(event: str = "issue_comment", condition: str = "true", text: str = "") -> str:
    text = text or "${{ github.event.comment.body }}"
    return PLAIN.format(event=event, condition=f'"{condition}"', text=text)


@pytest.mark.parametrize(("table", "row"), PATTERNS, ids=lambda one: str(one)[:40])
def test_every_row_tells_its_two_examples_apart(table: str, row: dict[str, Any]) -> None:
    pattern = re.compile(row.get("pattern") or row["command"])
    said = row["bad"], row["good"]
    if table in ("guard", "open"):
        said = tuple(re.sub(r"\s+", "", one).lower() for one in said)
    found = pattern.fullmatch if table in ("guard", "open") else pattern.search
    matched = [bool(found(one)) for one in said]
    if table in ("guard", "authorization"):
        matched.reverse()
    assert matched == [True, False]
    assert row["source"]


@pytest.mark.parametrize("event", sorted(events()))
def test_a_known_event_is_known_with_what_it_brings(event: str) -> None:
    assert event == "watch" or OBJECTS[event]
    assert not isinstance(verdict(plain(event)), Proven)


@settings(deadline=None)  # the rows are read once, by the first
@given(CONDITIONS)
def test_a_condition_is_judged_whatever_it_is(condition: str) -> None:
    for event in OBJECTS:
        assert reach(condition, event) in Reach


@settings(deadline=None)  # the rows are read once, by the first
@given(CONDITIONS)
def test_parentheses_and_spaces_change_no_judgement(condition: str) -> None:
    if any(odd in condition for odd in ("'(", "${{", "!(")) or condition.count("'") % 2:
        return
    found = reach(condition, "issue_comment")
    assert (
        reach(condition.replace(" && ", "&&").replace(" || ", "\n||  "), "issue_comment") == found
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("github.actor == 'ann' && vars.X", Reach.GUARDED),
        ("github.actor == 'ann' || vars.X", Reach.UNKNOWN),
        ("github.actor == 'ann' || true", Reach.OPEN),
        ("github.event_name == 'push' && vars.X", Reach.NEVER),
        ("github.event_name == 'push' || github.event_name == 'issue_comment'", Reach.OPEN),
        ("github.event.review.author_association == 'OWNER' || vars.X", Reach.UNKNOWN),
        ("github.event.issue.user.login == 'ann'", Reach.OPEN),
        ("!(github.actor == 'ann')", Reach.UNKNOWN),
        ("github.actor != 'ann'", Reach.OPEN),
        ("GitHub.Actor == 'Ann'", Reach.GUARDED),
        ("${{ github.actor == 'ann' }}", Reach.GUARDED),
        ("contains('ann', github.actor)", Reach.UNKNOWN),
        ("contains(github.event.comment.body, 'a || b')", Reach.OPEN),
        ("contains(github.event.comment.body, 'x') && (needs.a.outputs.b)", Reach.UNKNOWN),
    ],
)
def test_conditions_let_outsiders_through_or_not(condition: str, expected: Reach) -> None:
    assert reach(condition, "issue_comment") == expected


@settings(deadline=None)  # the rows are read once, by the first
@given(st.sampled_from(["issue_comment", "issues", "push", "workflow_dispatch"]), CONDITIONS)
def test_what_is_proven_also_checks(event: str, condition: str) -> None:
    text = plain(event, condition.replace('"', ""))
    found = verdict(text)
    if isinstance(found, Proven):
        check(found.certificate, text.encode())
        assert event in ("push", "workflow_dispatch")


@settings(deadline=None)  # the rows are read once, by the first
@given(
    st.binary(max_size=60) | st.text("on:jbs[]{}-'\"\n a&*!|>#i${}.", max_size=80).map(str.encode)
)
def test_the_reader_raises_nothing_but_format_errors(data: bytes) -> None:
    try:
        found = workflow(data)
    except FormatError:
        return
    list(reached(found))


def test_blocks_flows_and_anchors_change_no_verdict() -> None:
    block = plain()
    flow = block.replace("on: [issue_comment]", "on:\n  issue_comment:\n    types: [created]")
    anchored = block.replace(
        "permissions: {contents: write}", "permissions: &p\n      contents: write"
    )
    quoted = block.replace("on:", '"on":').replace("steps:", "'steps':")
    for text in (block, flow, anchored, quoted):
        found = verdict(text)
        assert isinstance(found, Refuted), text
        assert found.witnesses[0].place.line is not None
        assert found.witnesses[0].place.column is not None


def test_jobs_that_need_each_other_end() -> None:
    text = "on: [issues]\njobs:\n  a: {needs: b, steps: []}\n  b: {needs: [a], steps: []}\n"
    assert not isinstance(verdict(text), Proven | Refuted)


def test_a_workflow_is_known_by_its_folder_or_by_itself() -> None:
    data = BytesMaterial(b"on: [push]\njobs: {}\n")
    assert kind_of(".github/workflows/a.yml", data) == "github-workflow"
    assert kind_of("ci.yml", data) == "github-workflow"
    assert kind_of("conf/ci.yml", data) == "yaml"


def test_every_mutant_of_a_proof_about_a_workflow_is_rejected() -> None:
    data = b"on: [push]\njobs: {}\n"
    certificate = certificate_of(untrusted_prompt, data, "github-workflow")
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_a_witness_stands_at_the_expression_and_not_at_the_beginning_of_its_text() -> None:
    text = plain(text="x").replace(
        'run: echo "x"', "run: |\n          true\n          echo é ${{ github.event.comment.body }}"
    )
    found = verdict(text)
    assert isinstance(found, Refuted)
    place = found.witnesses[0].place
    assert text.splitlines()[(place.line or 1) - 1][(place.column or 1) - 1 :].startswith("${{")
    assert text.encode()[place.offset or 0 :].startswith(b"${{")
