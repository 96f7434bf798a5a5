"""What a project's files are read as, and that whatever cannot be read is said."""

import ast
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.taint_programs import reviewed

from probatum.taint.flow import CALL, EACH, FUNCTION, JOIN, PARAM, Module, operands
from probatum.taint.lower import lowered
from probatum.taint.project import LARGEST_FILE, module_names
from probatum.taint.review import review

RUN = "import os\nfrom flask import request\nos.system(request.data)\n"
OWN = sorted((Path(__file__).parent.parent / "src" / "probatum").rglob("*.py"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("p/__init__.py", "p"),
        ("p/a/b.py", "p.a.b"),
        ("libs/q/q/__init__.py", "q"),
        ("libs/q/q/c.py", "q.c"),
        ("src/alone.py", "alone"),
        ("scripts/run.py", "scripts.run"),
        ("p/data/no_init.py", "p.data.no_init"),
        ("__init__.py", "__init__"),
    ],
)
def test_a_module_is_named_as_it_is_imported(path: str, name: str) -> None:
    files = {"p/__init__.py", "p/a/__init__.py", "libs/q/q/__init__.py", path}
    assert module_names(files)[path] == name


def test_two_files_never_share_a_name() -> None:
    paths = ["src/a.py", "lib/a.py", "a.py", "python/a.py", "a/__init__.py"]
    assert len(set(module_names(paths).values())) == len(paths)


UNREADABLE = {
    "Python 2": (b"x = 1\nprint 'hello'\n", 2),
    "a broken line": (b"def f(:\n", 1),
    "a null byte": (b"x = 1\0\n", None),
    "an unknown encoding": (b"# coding: no-such\nx = 1\n", None),
    "bytes that are no UTF-8": (b"x = 1\ny = '\xff'\n", None),
    "a deep expression": (b"x = " + b"(" * 5000 + b")" * 5000, None),
    "a long chain": (b"x = " + b"+".join([b"1"] * 20000), None),
    "deep blocks": (b"".join(b" " * n + b"if x:\n" for n in range(200)), None),
    "a huge file": (b"x = 1\n" * (LARGEST_FILE // 6 + 1), None),
}


@pytest.mark.parametrize(("content", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_said(content: bytes, line: int | None) -> None:
    found = review([("p/a.py", content), ("app.py", RUN.encode())])
    (unread,) = found.unread
    assert unread.file == "p/a.py"
    assert unread.why
    assert line is None or unread.line == line
    assert len(found.flows) == 1


def test_a_declared_encoding_is_followed() -> None:
    text = (
        "# coding: latin-1\nimport os\nfrom flask import request\né = request.data\nos.system(é)\n"
    )
    (flow,) = review([("a.py", text.encode("latin-1"))]).flows
    assert flow.line == 5


def test_a_class_that_inherits_from_itself_is_read() -> None:
    text = """
        class A(B): pass
        class B(A):
            def go(self):
                import os
                os.system(self.x)
    """
    assert not reviewed(("a.py", text)).unread


def test_other_files_are_passed_by() -> None:
    found = review([("README.md", b"\0"), ("data.bin", b"\xff")])
    assert not found.flows
    assert not found.unread


def notebook(*cells: str | list[str]) -> bytes:
    listed = [{"cell_type": "code", "source": one} for one in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "#"}, *listed]}).encode()


def test_a_notebook_is_read_by_cell() -> None:
    content = notebook("import os\nfrom flask import request\nx = request.data", "\nos.system(x)")
    (flow,) = review([("nb.ipynb", content)]).flows
    assert (flow.file, flow.line) == ("nb.ipynb#cell3", 2)
    assert flow.steps[0].file == "nb.ipynb#cell2"


MAGICS = [
    "%pip install x",
    "!ls",
    "x = !ls",
    "%%time\npass",
    "os?",
    "if True:\n    !ls",
    "%matplotlib",
]


@pytest.mark.parametrize("magic", MAGICS)
def test_magics_are_no_python(magic: str) -> None:
    found = review([("nb.ipynb", notebook(magic, RUN))])
    assert not found.unread
    assert len(found.flows) == 1


def test_a_cell_that_is_not_python_is_said() -> None:
    found = review([("nb.ipynb", notebook("%%bash\nls", "def f(:", ["import os\n", "x"], RUN))])
    assert [one.file for one in found.unread] == ["nb.ipynb#cell2", "nb.ipynb#cell3"]
    assert len(found.flows) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"{", b'{"cells": 1}', b"\xff", b"[" * 99999]
)
def test_what_is_no_notebook_is_said(content: bytes) -> None:
    assert len(review([("nb.ipynb", content)]).unread) == 1


# Laws


def holds_together(module: Module) -> None:
    """Every index that a node, link or exit names is there."""
    for function in module.functions:
        count = len(function.nodes)
        assert len(function.places) == count
        for node in function.nodes:
            if node[0] == FUNCTION:
                assert 0 < node[1] < len(module.functions)
            elif node[0] != PARAM:
                assert all(0 <= one < count for one in operands(node))
        for at, (test, _, parent) in enumerate(function.controls):
            assert 0 <= test < count
            assert -1 <= parent < at
        for at, link in function.under.items():
            assert function.nodes[at][0] in (CALL, JOIN, EACH)
            assert all(
                one < len(function.controls)
                for one in (link if isinstance(link, tuple) else (link,))
            )
        for value, link in function.exits:
            assert -1 <= value < count
            assert -1 <= link < len(function.controls)


names = st.sampled_from(["a", "b", "f", "self", "os"])
operators = st.sampled_from(["+", "%", "/", "in", "==", "and", "or", "is"])
atoms = st.one_of(
    names, st.sampled_from(["1", "'t'", "None", "[]", "{}", "()", "...", "request.data"])
)
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, names).map(lambda two: f"({two[0]}).{two[1]}"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]})({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]})(*{two[1]}, **{two[0]}, k={two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]})[{two[1]}:]"),
        st.tuples(inner, operators, inner).map(
            lambda three: f"({three[0]}) {three[1]} ({three[2]})"
        ),
        st.tuples(inner, inner).map(lambda two: f"[{two[0]} for a in ({two[1]}) if b]"),
        st.tuples(inner, inner).map(lambda two: f"{{{two[0]}: b for a, *b in ({two[1]})}}"),
        st.tuples(inner, inner).map(lambda two: f"(lambda a, *b, k=1: ({two[0]}))({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) if a else ({two[1]})"),
        inner.map(lambda one: f"(a := ({one}))"),
        inner.map(lambda one: f"[*({one}), not ({one})]"),
        names.map(lambda one: f"f'{{{one}!r:>{{a}}}} x'"),
    ),
    max_leaves=6,
)


def indented(block: str) -> str:
    return "\n".join(f"    {line}" for line in block.split("\n"))


statements = st.recursive(
    st.one_of(
        expressions,
        st.tuples(names, expressions).map(lambda two: f"{two[0]} = {two[1]}"),
        st.tuples(names, expressions).map(lambda two: f"{two[0]}.x, *b = {two[1]}"),
        st.tuples(names, expressions).map(lambda two: f"{two[0]}['k'] += {two[1]}"),
        st.tuples(names, expressions).map(lambda two: f"{two[0]}.append({two[1]})"),
        st.tuples(names, expressions).map(lambda two: f"assert {two[0]} in ({two[1]})"),
        st.sampled_from(["raise a", "del a", "global f", "from . import a", "import os.path as b"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("\n".join),
        st.tuples(expressions, inner, inner).map(
            lambda three: f"if {three[0]}:\n{indented(three[1])}\nelse:\n{indented(three[2])}"
        ),
        st.tuples(expressions, inner).map(
            lambda two: f"for a, b in ({two[0]}):\n{indented(two[1])}\n    break"
        ),
        st.tuples(expressions, inner).map(lambda two: f"while {two[0]}:\n{indented(two[1])}"),
        st.tuples(inner, inner, inner).map(
            lambda three: (
                f"try:\n{indented(three[0])}\nexcept (a, b) as f:\n{indented(three[1])}"
                f"\nelse:\n{indented(three[2])}\nfinally:\n{indented(three[0])}"
            )
        ),
        st.tuples(expressions, inner).map(lambda two: f"with {two[0]} as a:\n{indented(two[1])}"),
        st.tuples(expressions, inner).map(
            lambda two: (
                f"match {two[0]}:\n    case [1, *a] if a:\n{indented(indented(two[1]))}"
                f"\n    case {{'k': b, **f}}:\n{indented(indented(two[1]))}"
                "\n    case _:\n        pass"
            )
        ),
        st.tuples(names, inner, expressions).map(
            lambda three: (
                f"@b\ndef {three[0]}(a: 'os.x' = 1, /, *f, self, **k) -> b | None:\n"
                f"{indented(three[1])}\n    yield ({three[2]})\n    return"
            )
        ),
        st.tuples(names, inner).map(lambda two: f"class {two[0]}(a, k=b):\n{indented(two[1])}"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(statements)
def test_whatever_python_accepts_is_lowered_and_reviewed(text: str) -> None:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    holds_together(lowered(tree, "m", "m.py"))
    assert not review([("m.py", text.encode())]).unread


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_projects_own_sources_mutated_are_lowered(chance: random.Random) -> None:
    lines = chance.choice(OWN).read_text("utf-8").split("\n")
    for _ in range(chance.randrange(4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[at] = chance.choice(["", lines[other], lines[at].replace("self", "request.data", 1)])
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return
    holds_together(lowered(tree, "probatum.m", "probatum/m.py"))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.py", "a.ipynb"]))
def test_whatever_the_bytes_a_review_ends(content: bytes, name: str) -> None:
    review([(name, content)])


def test_a_review_takes_less_than_a_millisecond_a_line() -> None:
    files = [(str(path), path.read_bytes()) for path in OWN]
    lines = sum(content.count(b"\n") for _, content in files)
    began = time.process_time()
    review(files)
    assert time.process_time() - began < lines / 1000


def test_many_callers_of_many_callers_end() -> None:
    calls = "\n".join(f"def f{n}(x):\n    f{n - 1}(x)\n    f{n - 1}(x + x)" for n in range(1, 300))
    text = f"import os\ndef f0(x):\n    os.system(x)\n{calls}\n"
    began = time.process_time()
    reviewed(("a.py", text))
    assert time.process_time() - began < 10
