"""The checker walks a refuted path of code again, and no forged one."""

# ruff: noqa: E501  (a program is as wide as it is)

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from code_paths import APPLICATION, of_application, project_of, rejection, told
from probatum.check.code_witness import shows
from probatum.cli.main import main
from probatum.errors import Rejected
from probatum.taint.rules import sinks
from probatum.vocabulary import Place, Step, Witness

# Each program refutes one claim by a path that goes another way.
WAYS = {
    "a part of an expression": "def go(x):\n    os.system('ls ' + x.name[0].strip())\n",
    "a name": "def go(x):\n    y = x\n    os.system(y)\n",
    "a name bound twice": "def go(x):\n    y = x\n    y = y.strip()\n    os.system(y)\n",
    "a text": "def go(x):\n    os.system(f'ls {x}')\n",
    "an augmented text": "def go(x):\n    y = 'ls '\n    y += x\n    os.system(y)\n",
    "one of two branches": "def go(x):\n    y = ''\n    if len(x):\n        y = x\n    os.system(y)\n",
    "a condition": "def go(x):\n    os.system(x if x else 'ls')\n",
    "a tuple": "def go(x):\n    y, z = x, 1\n    os.system(y)\n",
    "an element": "def go(x):\n    for y, z in zip([1], x):\n        os.system(z)\n",
    "a numbered element": "def go(x):\n    for y, z in enumerate(x):\n        os.system(z)\n",
    "a swap": "def go(x):\n    y, z = 'ls', x\n    y, z = z, y\n    os.system(y)\n",
    "a loop": "def go(x):\n    for y in x:\n        os.system(y)\n",
    "a turn of a loop": (
        "def go(x):\n    y = 'ls'\n    while True:\n        os.system(y)\n        y = x\n"
    ),
    "a comprehension": "def go(x):\n    for y in [z + '' for z in x]:\n        os.system(y)\n",
    "a walrus": "def go(x):\n    if (y := x):\n        os.system(y)\n",
    "a with": "def go(x):\n    with open(x) as y:\n        os.system(y.read())\n",
    "a list that is filled": (
        "def go(x):\n    y = []\n    y.append(x)\n    os.system(' '.join(y))\n"
    ),
    "an item that is stored": "def go(x):\n    y = {}\n    y['a'] = x\n    os.system(y['a'])\n",
    "an await": "async def go(x):\n    y = await x.read()\n    os.system(y)\n",
    "a parameter": "def _do(y):\n    os.system(y)\ndef go(x):\n    _do(x)\n",
    "a keyword": "def _do(*, y):\n    os.system(y)\ndef go(x):\n    _do(y=x)\n",
    "a starred argument": "def _do(y):\n    os.system(y)\ndef go(x):\n    _do(*x)\n",
    "what a function returns": "def _do(y):\n    return y + ''\ndef go(x):\n    os.system(_do(x))\n",
    "what a generator yields": (
        "def _do(y):\n    yield y\ndef go(x):\n    for z in _do(x):\n        os.system(z)\n"
    ),
    "a closure": "def go(x):\n    def inner():\n        os.system(x)\n    inner()\n",
    "a variable of the module": (
        "from flask import request\nNAME = request.args\ndef go():\n    os.system(NAME)\n"
    ),
    "a field": (
        "class A:\n    def __init__(self, x):\n        self.x = x\n"
        "    def go(self):\n        os.system(self.x)\n"
    ),
    "a field of two": (
        "class A:\n    def __init__(self, x):\n        self.y, self.x = 'ls', x.name\n"
        "    def go(self):\n        os.system(self.x)\n"
    ),
    "a property": (
        "class A:\n    def __init__(self, x):\n        self._x = x\n"
        "    @property\n    def x(self):\n        return self._x\n"
        "    def go(self):\n        os.system(self.x)\n"
    ),
    "a constructor": (
        "class _A:\n    def __init__(self, x):\n        os.system(x)\ndef go(y):\n    _A(y)\n"
    ),
    "a thread": (
        "import threading\ndef _do(y):\n    os.system(y)\n"
        "def go(x):\n    threading.Thread(target=_do, args=(x,)).start()\n"
    ),
    "a pool": "def _do(y):\n    os.system(y)\ndef go(pool, x):\n    pool.submit(_do, x)\n",
    "a request handler": (
        "from fastapi import FastAPI\napp = FastAPI()\n@app.post('/x')\ndef go(x: str):\n"
        "    os.system(x)\n"
    ),
    "a record": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: str\n"
        "    def go(self):\n        os.system('ls ' + self.x)\n"
    ),
    "a line with letters of two bytes": "def go(x):\n    os.system('ä' + x); y = 'ö'\n",
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_a_path_is_walked_again_through(text: str) -> None:
    files = {"app.py": "import os\n" + text}
    found = told(files)
    assert found
    for claim, path in found:
        assert rejection(claim, path, files) == ""
        assert path.steps[-1].says.startswith("reaches `os.system(")


def test_a_path_across_files_is_walked_again() -> None:
    claim, path = of_application()
    assert len(path.steps) > 8
    assert {step.place.part for step in path.steps} == {"app/web.py", "app/jobs.py"}
    assert rejection(claim, path, APPLICATION) == ""


def test_a_notebook_is_walked_by_its_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": "A page."},
        {"cell_type": "code", "source": ["import os\n", "%matplotlib inline\n", "x = input()"]},
        {"cell_type": "code", "source": "from flask import request\nos.system(request.args)"},
    ]
    files = {"nb.ipynb": json.dumps({"cells": cells, "nbformat": 4})}
    [(claim, path)] = told(files)
    assert path.place.part == "nb.ipynb#cell3"
    assert rejection(claim, path, files) == ""


def test_a_path_says_what_to_write_instead() -> None:
    _, path = of_application()
    assert path.instead.startswith("`subprocess.run(")
    assert all(row.instead for rows in sinks().values() for row in rows)


def test_a_file_of_a_strange_name_is_walked() -> None:
    files = {"c#/a#cell1.py": "import os\ndef go(x):\n    os.system(x + '')\n"}
    [(claim, path)] = told(files)
    assert rejection(claim, path, files) == ""


def test_a_name_that_is_bound_a_thousand_times_does_not_hold_the_checker_up() -> None:
    turns = "    y = y.strip().lower()\n    z = y.upper()\n    y = z.lower()\n" * 400
    files = {"app.py": f"import os\ndef go(x):\n    y = x\n{turns}    os.system(y)\n"}
    for claim, path in told(files):
        assert "does not follow" not in rejection(claim, path, files)


# What is no path.

NOT_REACHED = {
    "bound anew": "def go(x):\n    y = x\n    y = 'ls'\n    os.system(y)\n",
    "read before": "def go(x):\n    y = 'ls'\n    os.system(y)\n    y = x\n",
    "in the other branch": (
        "def go(x):\n    if x:\n        y = x\n        return\n    os.system(y)\n"
    ),
    "on the other side": "def go(x):\n    if x:\n        y = x\n    else:\n        os.system(y)\n",
    "only asked about": "def go(x):\n    os.system('a' if x else 'b')\n",
    "only counted": "def go(x):\n    os.system('a' * len(x))\n",
    "only a key": "def go(x):\n    os.system({'a': 'b'}[x])\n",
    "another parameter's": "def _do(a, b):\n    os.system(b)\ndef go(x):\n    _do(x, 'ls')\n",
    "another function's": "def _do(b):\n    os.system(b)\ndef _no(b): pass\ndef go(x):\n    _no(x)\n",
    "another part's": "def go(x):\n    y, z = x, 'ls'\n    os.system(z)\n",
    "another element's": "def go(x):\n    for y, z in zip(x, ['ls']):\n        os.system(z)\n",
    "a number": "def go(x):\n    for y, z in enumerate(x):\n        os.system(y)\n",
    "another field's": "def go(x):\n    a.y, a.x = x, 'ls'\n    os.system(a.x)\n",
    "another class's": (
        "class A:\n    def do(self, y): pass\nclass B:\n    def do(self, y):\n"
        "        os.system(y)\ndef go(x):\n    A().do(x)\n"
    ),
    "another name's": "def go(x):\n    y = x\n    z = 'ls'\n    os.system(z)\n",
}


@pytest.mark.parametrize("text", NOT_REACHED.values(), ids=NOT_REACHED)
def test_a_sink_is_not_reached_by_what_is(text: str) -> None:
    files = {"app.py": "import os\n" + text}
    lines = files["app.py"].split("\n")
    number, line = next((at, one) for at, one in enumerate(lines, 1) if "def go(x)" in one)
    source = _step("x", line, number, "the parameter 'x' of go, for its callers to choose")
    number, line = next((at, one) for at, one in enumerate(lines, 1) if "os.system(" in one)
    sink = _step(line.strip(), line, number, "")
    path = Witness("x reaches `x`", sink.place, (source, sink))
    assert "the last step" in rejection("no-command-injection", path, files)


def _step(code: str, line: str, number: int, says: str) -> Step:
    column = line.index(code) + 1
    place = Place(part="app.py", line=number, column=column)
    return Step(says, place, line, (number, column + len(code)))


@st.composite
def _forged(draw: st.DrawFn) -> Witness:
    """The path of the application with a step moved, dropped, swapped or said otherwise."""
    _, path = of_application()
    steps = list(path.steps)
    at = draw(st.integers(0, len(steps) - 1))
    one, place = steps[at], steps[at].place
    shift = draw(st.integers(-3, 3).filter(bool))
    assert place.line is not None
    assert place.column is not None
    assert one.end is not None
    changes: dict[str, Any] = {
        "line": lambda: replace(one, place=replace(place, line=max(1, place.line + shift))),
        "column": lambda: replace(one, place=replace(place, column=max(1, place.column + shift))),
        "end": lambda: replace(one, end=(one.end[0], max(1, one.end[1] + shift))),
        "end line": lambda: replace(one, end=(max(1, one.end[0] + shift), one.end[1])),
        "part": lambda: replace(one, place=replace(place, part="app/__init__.py")),
        "code": lambda: replace(one, code=one.code + " "),
        "no place": lambda: replace(one, place=Place()),
        "no end": lambda: replace(one, end=None),
    }
    kind = draw(st.sampled_from([*changes, "swap", "cut", "repeat"]))
    if kind in changes:
        steps[at] = changes[kind]()
    elif kind == "swap":
        other = draw(st.integers(0, len(steps) - 1).filter(lambda one: one != at))
        steps[at], steps[other] = steps[other], steps[at]
    elif kind == "cut":
        steps = steps[at + 1 :] if draw(st.booleans()) else steps[:at]
    else:
        steps.insert(draw(st.integers(0, len(steps))), one)
    return replace(path, steps=tuple(steps))


@settings(max_examples=300)
@given(_forged())
def test_a_forged_path_is_rejected_or_a_path(forged: Witness) -> None:
    claim, honest = of_application()
    try:
        shows(forged, claim, project_of(APPLICATION))
    except Rejected:
        return
    _assert_is_true(forged, honest)


def _assert_is_true(path: Witness, honest: Witness) -> None:
    """What still walks begins and ends as the honest path, and goes through the same lines in the
    same order: a step that was moved is a part of what another step means, or holds it."""
    order = [(one.place.part, one.place.line) for one in honest.steps]
    assert path.steps[0] == honest.steps[0]
    assert path.steps[-1].place == honest.steps[-1].place
    lines = [order.index((one.place.part, one.place.line)) for one in path.steps]
    assert lines == sorted(lines)
    for one in path.steps:
        assert any(_touch(one, other) for other in honest.steps)


def _touch(one: Step, other: Step) -> bool:
    if (one.place.part, one.place.line) != (other.place.part, other.place.line):
        return False
    begins, ends = (one.place.column or 0, other.place.column or 0), (one.end, other.end)
    assert ends[0] is not None
    assert ends[1] is not None
    return begins[0] < ends[1][1] and begins[1] < ends[0][1]


@given(st.data())
def test_a_file_that_changed_is_not_walked(data: st.DataObject) -> None:
    claim, path = of_application()
    step = data.draw(st.sampled_from(path.steps))
    part, line = str(step.place.part), int(step.place.line or 0)
    lines = dedent(APPLICATION[part]).split("\n")
    lines[line - 1] = lines[line - 1].replace("name", "nome").replace("(", "((", 1)
    assert rejection(claim, path, APPLICATION | {part: "\n".join(lines)})


def test_a_source_must_say_what_it_is() -> None:
    claim, path = of_application()
    first = replace(path.steps[0], says="what a model answers")
    forged = replace(path, steps=(first, *path.steps[1:]))
    assert rejection(claim, forged, APPLICATION) == "step 1: no source of these words"


def test_a_source_that_is_none_is_rejected() -> None:
    claim, path = of_application()
    line = '    other = "nothing"'
    place = Place(part="app/web.py", line=11, column=13)
    first = Step(path.steps[0].says, place, line, (11, 22))
    forged = replace(path, steps=(first, *path.steps[1:]))
    assert rejection(claim, forged, APPLICATION) == "step 1: no source of these words"


def test_a_sink_that_is_none_is_rejected() -> None:
    claim, path = of_application()
    forged = replace(path, steps=path.steps[:-1], place=path.steps[-2].place)
    assert rejection(claim, forged, APPLICATION).startswith("the last step")


def test_a_path_cannot_be_lent_to_another_claim() -> None:
    _, path = of_application()
    assert rejection("no-sql-injection", path, APPLICATION).startswith("the last step")


def test_a_path_of_a_call_made_harmless_is_rejected() -> None:
    files = {"app.py": "import torch\ndef go(x):\n    torch.load(x + '')\n"}
    [(claim, path)] = told(files)
    assert rejection(claim, path, files) == ""
    safe = "import torch\ndef go(x):\n    torch.load(x + '', weights_only=True)\n"
    last = path.steps[-1]
    code = "    torch.load(x + '', weights_only=True)"
    moved = tuple(replace(one, code=code) if one.place.line == 3 else one for one in path.steps)
    moved = (*moved[:-1], replace(moved[-1], end=(3, len(code) + 1)))
    assert last.end is not None
    forged = replace(path, steps=moved)
    assert rejection(claim, forged, {"app.py": safe}).startswith("the last step")


@given(st.text(max_size=200), st.integers(1, 9), st.integers(1, 9))
def test_whatever_a_project_holds_a_path_is_walked_or_rejected(
    text: str, line: int, column: int
) -> None:
    claim, path = of_application()
    steps = tuple(
        replace(one, place=Place(part="app.py", line=line, column=column), end=(line, column + 1))
        for one in path.steps
    )
    for name in ("app.py", "app.ipynb"):
        files = {name: text}
        assert rejection(claim, replace(path, place=steps[-1].place, steps=steps), files)


def test_deep_nesting_and_no_project_are_rejected() -> None:
    claim, path = of_application()
    deep = {"app/web.py": "x = " + "(" * 5000 + ")" * 5000, "app/jobs.py": "-" * 90_000 + "1"}
    assert rejection(claim, path, deep)
    with pytest.raises(Rejected, match="no project"):
        project_of_bytes(b"hello")


def project_of_bytes(data: bytes) -> Any:
    from probatum.check.code_files import Project

    return Project(lambda at, length: data[at : at + length], len(data))


# Calls that are told as one with another.

SEVERAL = {
    "app.py": """\
        import os
        from flask import request


        def go():
            name = request.args["name"]
            os.system(name)
            os.popen("ls " + name)
            os.system("ls " + name)
        """
}


def test_every_call_that_is_told_with_another_has_its_place_and_path() -> None:
    [(claim, path)] = told(SEVERAL)
    assert path.says.endswith("`os.system(request.args[…])`, and 2 more calls like it")
    assert [steps[-1].place.line for steps in path.also] == [8, 9]
    assert rejection(claim, path, SEVERAL) == ""


def test_a_call_that_is_told_with_another_must_be_reached_as_well() -> None:
    [(claim, path)] = told(SEVERAL)
    first, last = path.also
    elsewhere = (*first[:-1], replace(first[-1], place=Place(part="app.py", line=6, column=5)))
    for also in ((first, ()), (first, first[1:]), (first[:-1], last), (elsewhere, last)):
        assert rejection(claim, replace(path, also=also), SEVERAL)


def test_a_witness_tells_as_many_calls_as_it_shows() -> None:
    [(claim, path)] = told(SEVERAL)
    for also in ((), path.also[:1], (*path.also, path.also[0])):
        assert "another number" in rejection(claim, replace(path, also=also), SEVERAL)
    assert "another number" in rejection(claim, replace(path, says="x"), SEVERAL)


# A report that is checked again.


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("walked") / "service"
    for name, text in APPLICATION.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))
    report = folder.parent / "report.json"
    main(["audit", str(folder), "--format", "json", "-o", str(report), "-q", "--no-config"])
    read: dict[str, Any] = json.loads(report.read_bytes())
    return folder, read


def checked(
    folder: Path, report: dict[str, Any], capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, str]:
    file = folder.parent / "forged.json"
    file.write_text(json.dumps(report))
    code = main(["check", str(file), str(folder), "--no-config", *options])
    return code, capsys.readouterr().out


def test_a_report_is_held_to_its_paths(
    audited: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = checked(*audited, capsys, "--only-certificates")
    assert code == 0, said
    assert "1 refutation walked again in the source, 0 rejected, 0 not found" in said


def test_a_refutation_still_breaks_the_policy(
    audited: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(*audited, capsys)[0] == 2


def test_a_report_with_a_forged_path_fails(
    audited: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = audited
    forged = json.loads(json.dumps(report))
    [finding] = [one for one in forged["findings"] if one["verdict"] == "refuted"]
    finding["witnesses"][0]["steps"].reverse()
    code, said = checked(folder, forged, capsys, "--only-certificates")
    assert code == 1
    assert "rejected" in said.splitlines()[0]


def test_a_report_with_a_forged_further_path_fails(
    audited: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = audited
    forged = json.loads(json.dumps(report))
    [finding] = [one for one in forged["findings"] if one["verdict"] == "refuted"]
    [witness] = finding["witnesses"]
    witness["says"] += ", and 1 more calls like it"
    witness["also"] = [witness["steps"]]
    assert checked(folder, forged, capsys, "--only-certificates")[0] == 0
    witness["also"] = [witness["steps"][:-1]]
    assert checked(folder, forged, capsys, "--only-certificates")[0] == 1


def test_a_refutation_without_a_path_fails(
    audited: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = audited
    forged = json.loads(json.dumps(report))
    [finding] = [one for one in forged["findings"] if one["verdict"] == "refuted"]
    finding["witnesses"][0]["steps"] = []
    assert checked(folder, forged, capsys, "--only-certificates")[0] == 1
