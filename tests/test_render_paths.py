"""A path through source code reads as one in every form: the lines in order, file and line beside."""

# ruff: noqa: E501  (what a report says is as long as it is)

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from msgspec.structs import replace

from browser import CHROMIUM, page
from probatum.render import html, junit, markdown, sarif, terminal
from probatum.render.code_lines import advised, code_rows
from probatum.vocabulary import (
    Artifact,
    Finding,
    Place,
    Reason,
    Refuted,
    Report,
    Step,
    Undecided,
    Witness,
)
from probatum.wire import from_json, to_json
from reports import report_of
from test_render_sarif import VALIDATOR

STEPS = (
    Step('name = request.args["model"]', Place(part="app/routes.py", line=31)),
    Step("`return load(name)` hands it to load", Place(part="app/routes.py", line=33)),
    Step("torch.load(path)", Place(part="models.py", line=8)),
)
WITNESS = Witness("torch.load(path)", Place(part="models.py", line=8), STEPS)
TWICE = Witness("torch.load(other)", Place(part="models.py", line=20))


def reviewed(
    name: str = ".", targets: tuple[str, ...] = ("service",), *, steps: tuple[Step, ...] = STEPS
) -> Report:
    project = Artifact(name=name, kind="python-project", size=900)
    witness = Witness(WITNESS.says, WITNESS.place, steps)
    verdict = Refuted((witness, TWICE))
    return report_of(Finding(project, "no-unsafe-load", "unsafe-load", verdict), targets=targets)


def test_a_terminal_shows_file_and_line_before_each_line_of_code() -> None:
    assert terminal.render(reviewed(), verbose=True) == snapshot("""\
refuted  .  no-unsafe-load  models.py:8: torch.load(path) (+1 more)
    models.py:8: torch.load(path)
      1. app/routes.py:31  name = request.args["model"]
      2. app/routes.py:33  `return load(name)` hands it to load
      3. models.py:8       torch.load(path)
    models.py:20: torch.load(other)

0 proven, 1 refuted, 0 undecided
""")


def test_every_form_shows_where_the_further_places_are() -> None:
    further = (STEPS[:2], (*STEPS[:2], Step("torch.load(name)", Place(part="models.py", line=12))))
    report = reviewed()
    [finding] = report.findings
    verdict = Refuted((replace(WITNESS, also=further),))
    report = replace(report, findings=(replace(finding, verdict=verdict),))
    assert from_json(to_json(report)).findings == report.findings
    said = "also at app/routes.py:33, models.py:12"
    assert f"      {said}\n" in terminal.render(report, verbose=True)
    assert f"\n  {said}<" in junit.render(report)
    assert f"  `{said}`\n" in markdown.render(report)
    assert f'<p class="also">{said}</p>' in html.render(report)
    told = json.loads(sarif.render(report))
    VALIDATOR.validate(told)
    [result] = told["runs"][0]["results"]
    assert len(result["codeFlows"]) == 3
    lines = [one["physicalLocation"]["region"]["startLine"] for one in result["relatedLocations"]]
    assert lines == [33, 12]


def test_one_line_says_where_the_path_ends() -> None:
    assert terminal.render(reviewed()).splitlines()[0] == snapshot(
        "refuted  .  no-unsafe-load  models.py:8: torch.load(path) (+1 more)"
    )


def test_markdown_lists_the_lines_in_order() -> None:
    assert markdown.render(reviewed()) == snapshot("""\
### Probatum: 0 proven, 1 refuted, 0 undecided

- **refuted** `.` `no-unsafe-load`: `models.py:8: torch.load(path) (+1 more)`
  The claim was: `no-unsafe-load`
  1. `app/routes.py:31` `name = request.args["model"]`
  2. `app/routes.py:33` `` `return load(name)` hands it to load ``
  3. `models.py:8` `torch.load(path)`
""")


def test_junit_lists_the_lines_in_order() -> None:
    [failure] = re.findall(r"<failure.*?</failure>", junit.render(reviewed()), re.DOTALL)
    assert failure == snapshot("""\
<failure type="no-unsafe-load" message="models.py:8: torch.load(path) (+1 more)">the claim: no-unsafe-load
models.py:8: torch.load(path)
  1. app/routes.py:31: name = request.args["model"]
  2. app/routes.py:33: `return load(name)` hands it to load
  3. models.py:8: torch.load(path)
models.py:20: torch.load(other)</failure>\
""")


def test_html_shows_code_as_code_and_words_as_words() -> None:
    found = re.search(r'<ol class="path".*?</ol>', html.render(reviewed()), re.DOTALL)
    assert found is not None
    assert found[0].replace("<li>", "\n<li>") == snapshot("""\
<ol class="path" tabindex="0">
<li><span class="from">app/routes.py:31</span><span class="says"><code>name = request.args[&quot;model&quot;]</code></span></li>
<li><span class="from">app/routes.py:33</span><span class="says"><code>return load(name)</code> hands it to load</span></li>
<li><span class="from">models.py:8</span><span class="says"><code>torch.load(path)</code></span></li></ol>\
""")


def test_what_stands_in_an_audited_file_is_no_markup() -> None:
    step = Step("`<b>` `<i>` & <script>", Place(part="<img src=x>.py", line=1))
    text = html.render(reviewed(steps=(step,)))
    assert "<b></code>" not in text
    assert "<img" not in text
    assert text.count("<script>") == 1


LONG = (
    '    page = render_template_string("'
    + "x" * 300
    + '" + request.args["q"] + "'
    + "y" * 300
    + '")'
)
READ = (
    Step(
        "an HTTP request",
        Place(part="a.py", line=3, column=12),
        "    name = request.args['m'] ",
        (3, 29),
    ),
    Step("given to load", Place(part="a.py", line=4, column=10), "    load(name)", (4, 14)),
    Step("", Place(part="a.py", line=4, column=5), "    load(name)", (4, 15)),
    Step("`x` & <b>", Place(part="b.py", line=8, column=1), "torch.load(", (9, 2)),
)
LONG_STEP = Step(
    "sent",
    Place(part="a.py", line=1, column=LONG.index("request") + 1),
    LONG,
    (1, LONG.index(" +", 340) + 1),
)


def marked(steps: tuple[Step, ...]) -> Report:
    project = Artifact(name=".", kind="python-project", size=900)
    witness = Witness("x", Place(part="b.py", line=8, column=1), steps, instead="use `load_safe`")
    return report_of(Finding(project, "no-unsafe-load", "unsafe-load", Refuted((witness,))))


def test_a_terminal_underlines_what_matters_and_says_what_happens_to_it() -> None:
    assert terminal.render(marked(READ), verbose=True) == snapshot("""\
refuted  .  no-unsafe-load  b.py:8:1: x
      1. a.py:3  name = request.args['m']
                        ~~~~~~~~~~~~~~~~~ an HTTP request
      2. a.py:4  load(name)
                      ~~~~ given to load
      3. b.py:8  torch.load(
                 ~~~~~~~~~~~ `x` & <b>
      instead: use `load_safe`

0 proven, 1 refuted, 0 undecided
""")


def test_markdown_says_what_happens_behind_each_line() -> None:
    assert markdown.render(marked(READ)) == snapshot("""\
### Probatum: 0 proven, 1 refuted, 0 undecided

- **refuted** `.` `no-unsafe-load`: `b.py:8:1: x`
  The claim was: `no-unsafe-load`
  1. `a.py:3` `name = request.args['m']`: an HTTP request
  2. `a.py:4` `load(name)`: given to load
  3. `b.py:8` `torch.load(`: `` `x` & <b> ``

  Instead: use `load_safe`
""")


@pytest.mark.parametrize(
    "says", ["see www.example.com", "GH-1", "0123abcd", "@me", "<b>", "*a*", "http://a"]
)
def test_words_that_markdown_would_read_stay_code(says: str) -> None:
    step = Step(says, Place(part="a.py", line=1, column=1), "x", (1, 2))
    assert f"`x`: `{says}`" in markdown.render(marked((step,))).replace("`` ", "`").replace(
        " ``", "`"
    )


def test_junit_says_what_happens_behind_each_line() -> None:
    [failure] = re.findall(r"<failure.*?</failure>", junit.render(marked(READ)), re.DOTALL)
    assert failure == snapshot("""\
<failure type="no-unsafe-load" message="b.py:8:1: x">the claim: no-unsafe-load
b.py:8:1: x
  1. a.py:3: name = request.args['m']  (an HTTP request)
  2. a.py:4: load(name)  (given to load)
  3. b.py:8: torch.load(  (`x` &amp; &lt;b&gt;)
  instead: use `load_safe`</failure>\
""")


def test_html_marks_what_matters_in_each_line() -> None:
    found = re.search(r'<ol class="path".*?</p>', html.render(marked(READ)), re.DOTALL)
    assert found is not None
    assert found[0].replace("<li>", "\n<li>") == snapshot("""\
<ol class="path" tabindex="0">
<li><span class="from">a.py:3</span><span class="says"><code>name = <mark>request.args[&#x27;m&#x27;]</mark></code> <span class="what">an HTTP request</span></span></li>
<li><span class="from">a.py:4</span><span class="says"><code>load(<mark>name</mark>)</code> <span class="what">given to load</span></span></li>
<li><span class="from">b.py:8</span><span class="says"><code><mark>torch.load(</mark></code> <span class="what"><code>x</code> &amp; &lt;b&gt;</span></span></li></ol><p class="instead"><b>Instead</b> use <code>load_safe</code></p>\
""")


def test_steps_on_one_line_are_one_row_marked_at_the_smallest() -> None:
    project = marked(READ).findings[0].verdict
    assert isinstance(project, Refuted)
    rows = code_rows(project.witnesses[0])
    assert [(row.place.line, row.marks) for row in rows] == [
        (3, ((7, 24),)),
        (4, ((5, 9),)),
        (8, ((0, 11),)),
    ]


def test_what_to_write_instead_is_said_once_for_witnesses_in_a_row() -> None:
    one, other = Witness("a", instead="x"), Witness("b", instead="y")
    assert [said for _, said in advised([one, one, other, one])] == ["", "x", "y", "x"]
    assert list(advised([])) == []


def test_a_long_line_is_cut_around_what_matters() -> None:
    [row] = code_rows(Witness("x", steps=(LONG_STEP,)))
    pieces = list(row.pieces(60))
    assert [text for text, is_marked in pieces if is_marked] == ['request.args["q"]']
    assert pieces[0] == pieces[-1] == ("…", False)
    assert len("".join(text for text, _ in pieces)) <= 62


@given(st.text(max_size=80), st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
def test_whatever_is_marked_the_code_is_shown_whole_or_cut(
    code: str, column: int, end: int, width: int
) -> None:
    step = Step("", Place(part="a", line=1, column=column), code, (1, end))
    [row] = code_rows(Witness("x", steps=(step,)))
    shown = "".join(text for text, _ in row.pieces(width))
    assert shown.strip("…") in row.code or "…" in row.code
    assert len(shown) <= width + 2


def result(report: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(report))
    VALIDATOR.validate(log)
    [found] = log["runs"][0]["results"]
    return dict(found)


def test_sarif_places_a_path_in_the_files_of_the_project() -> None:
    found = result(reviewed())
    assert found["locations"] == snapshot(
        [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "service/models.py"},
                    "region": {"startLine": 8},
                }
            }
        ]
    )
    assert found["relatedLocations"][0]["physicalLocation"] == snapshot(
        {"artifactLocation": {"uri": "service/models.py"}, "region": {"startLine": 20}}
    )
    assert [
        (
            step["location"]["physicalLocation"]["artifactLocation"]["uri"],
            step["location"]["physicalLocation"]["region"]["startLine"],
            step["location"]["message"]["text"],
        )
        for step in found["codeFlows"][0]["threadFlows"][0]["locations"]
    ] == snapshot(
        [
            ("service/app/routes.py", 31, 'name = request.args["model"]'),
            ("service/app/routes.py", 33, "`return load(name)` hands it to load"),
            ("service/models.py", 8, "torch.load(path)"),
        ]
    )


def test_sarif_tells_the_region_of_each_step() -> None:
    told = result(marked(READ))["codeFlows"][0]
    assert told["message"]["text"] == "x. Instead: use `load_safe`"
    flow = told["threadFlows"][0]
    regions = [one["location"]["physicalLocation"]["region"] for one in flow["locations"]]
    assert regions == snapshot(
        [
            {
                "startLine": 3,
                "startColumn": 12,
                "snippet": {"text": "    name = request.args['m'] "},
                "endLine": 3,
                "endColumn": 29,
            },
            {
                "startLine": 4,
                "startColumn": 10,
                "snippet": {"text": "    load(name)"},
                "endLine": 4,
                "endColumn": 14,
            },
            {
                "startLine": 4,
                "startColumn": 5,
                "snippet": {"text": "    load(name)"},
                "endLine": 4,
                "endColumn": 15,
            },
            {
                "startLine": 8,
                "startColumn": 1,
                "snippet": {"text": "torch.load("},
                "endLine": 9,
                "endColumn": 2,
            },
        ]
    )


@pytest.mark.parametrize(
    ("name", "targets", "uri"),
    [
        (".", (".",), "models.py"),
        (".", ("/srv/service",), "models.py"),
        (".", ("a/service",), "a/service/models.py"),
        ("a/service", ("a/service", "b"), "a/service/models.py"),
        ("models.py!/project", ("models.py",), "models.py"),
        ("models.py!/project", ("a/models.py",), "a/models.py"),
        ("a/models.py!/project", ("a/models.py", "b"), "a/models.py"),
    ],
)
def test_sarif_finds_the_file_from_where_the_audit_ran(
    name: str, targets: tuple[str, ...], uri: str
) -> None:
    [place] = result(reviewed(name, targets))["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_sarif_names_the_cell_of_a_notebook() -> None:
    step = Step("pickle.load(f)", Place(part="a/look.ipynb#cell3", line=2))
    flow = result(reviewed(steps=(step,)))["codeFlows"][0]["threadFlows"][0]
    [where] = flow["locations"]
    assert where["location"]["physicalLocation"] == {
        "artifactLocation": {"uri": "service/a/look.ipynb"}
    }
    assert where["location"]["logicalLocations"] == [{"fullyQualifiedName": "a/look.ipynb#cell3:2"}]


def test_sarif_places_a_file_that_cannot_be_read_as_a_whole() -> None:
    project = Artifact(name=".", kind="python-project", size=900)
    verdict = Undecided(Reason.MALFORMED, "not read", Place(part="old.py"))
    [place] = result(report_of(Finding(project, "x", "x", verdict), targets=("a",)))["locations"]
    assert place == {"physicalLocation": {"artifactLocation": {"uri": "a/old.py"}}}


def test_a_part_with_a_line_in_another_kind_is_named_in_its_own_artifact() -> None:
    config = Artifact(name="a.mar", kind="mar", size=9)
    witness = Witness("it names a class", Place(part="MANIFEST.json", line=3))
    found = result(report_of(Finding(config, "no-remote-code", "one", Refuted((witness,)))))
    assert found["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "MANIFEST.json"}]


def test_json_keeps_a_path_as_it_is() -> None:
    assert from_json(to_json(reviewed())).findings == reviewed().findings


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1200, 380])
def test_a_path_stays_within_the_page(tmp_path: Path, width: int) -> None:
    long = Step("x = " + "f(" * 150 + ")" * 150, Place(part="a/" * 40 + "b.py", line=123456))
    report = tmp_path / "report.html"
    report.write_text(html.render(reviewed(steps=(*STEPS, long))))
    with page(tmp_path / "profile") as tab:
        tab.open(report, width=width)
        assert tab.value("document.documentElement.scrollWidth <= innerWidth")
        assert tab.complaints == []
