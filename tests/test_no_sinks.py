"""A name that could make a call is found however it is written, by the prover and its checker."""

import ast
import hashlib
import json
import unicodedata
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probatum.audit.judge import judged
from probatum.catalog import accepting
from probatum.check import no_sinks
from probatum.errors import Rejected
from probatum.formats import python_project
from probatum.ports import Material
from probatum.vocabulary import Artifact, Proven, Undecided, Verdict

CLAIM = "no-unsafe-deserialization"
BY_CLAIM = {one.id: one for one in accepting("python-project")}


def verdict(name: str, content: bytes) -> tuple[Verdict, Material]:
    material = python_project.joined([(name, content)], ())
    artifact = Artifact(name=".", kind="python-project", size=material.size)
    return judged(BY_CLAIM[CLAIM], artifact, material), material


def rejection(found: Proven, material: Material) -> str:
    try:
        no_sinks.holds(found.certificate.facts, material.read, material.size)
    except Rejected as exc:
        return str(exc)
    return ""


def wide(text: str) -> str:
    """The same letters in another form, which Python takes for the same name."""
    return "".join(
        chr(ord(one) + 0xFEE0) if one.isascii() and one.isalpha() else one for one in text
    )


# How a name, cut in two, can be written in an expression.
WRITTEN = [
    "{0}{1}(x)",
    "m.{0}{1}",
    "m . {0}{1}",
    "m.\\\n{0}{1}",
    "'{0}' '{1}'",
    "('{0}'\n '{1}')",
    "('{0}'  # half\n\n  '{1}')",
    "'{0}' \\\n'{1}'",
    "'{0}' r'{1}'",
    "'{0}' u'{1}'",
    "'''{0}''' '{1}'",
    "'{0}' '' '{1}'",
    "'{0}\\\n{1}'",
    "'{0}\\\r\n{1}'",
    "f'{0}' '{1}'",
    "f'{0}\\\n{1}'",
    "f'{{x}}.{0}{1}'",
    "f'{{x:{0}{1}}}'",
    "f\"{{'{0}' '{1}'}}\"",
    "f'{{m.{0}{1}}}'",
    "b'{0}' b'{1}'",
    "b'{0}\\\n{1}'",
    "'m.{0}' '{1}.n'",
    "'m[' '{0}' '{1}' ']'",
    "'{0}' + '{1}'",
    "'%s{1}' % '{0}'",
    "getattr(m, '{0}' '{1}')",
    "m.get_field('0.{0}' + '{1}')",
    "dict({0}{1}=1)",
    "lambda {0}{1}: 1",
    "[1 for {0}{1} in x]",
]  # fmt: skip
STATED = [
    "from m import {0}{1}",
    "from m import {0}{1} as n",
    "from {0}{1} import n",
    "import m.{0}{1} as n",
    "def f():\n    global {0}{1}",
    "def {0}{1}(): pass",
    "class {0}{1}: pass",
    "try: pass\nexcept E as {0}{1}: pass",
    "match x:\n    case A({0}{1}=1): pass",
    "match x:\n    case [*{0}{1}]: pass",
    "x: '{0}' '{1}'",
    "\f{0}{1}(x)",
]
CODECS = ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-7", "shift_jis", "unicode_escape"]


@st.composite
def written(draw: st.DrawFn) -> str:
    """A program that writes `loads`, or nearly so, in one of the ways above."""
    name = draw(st.sampled_from(["loads", "load", "leads", "unloads"]))
    cut = draw(st.integers(0, len(name)))
    halves = [name[:cut], name[cut:]]
    for at, half in enumerate(halves):
        spelt = draw(st.sampled_from(["as it is", "wide", "escaped", "named"]))
        if spelt == "wide":
            halves[at] = wide(half)
        elif spelt == "escaped" and half:
            form = draw(st.sampled_from(["\\x{:02x}", "\\u{:04x}", "\\{:o}", "\\U{:08x}"]))
            halves[at] = form.format(ord(half[0])) + half[1:]
        elif spelt == "named" and half:
            halves[at] = f"\\N{{{unicodedata.name(half[0])}}}{half[1:]}"
    form = draw(st.sampled_from([*WRITTEN, *STATED]))
    return f"x = 1\n{form.format(*halves)}\ny = 2\n"


def encoded(text: str, codec: str, declared: bool) -> bytes:
    head = f"# coding: {codec}\n" if declared else ""
    return (head + text).encode(codec, "replace")


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    text = draw(written())
    if draw(st.booleans()):
        codec = draw(st.sampled_from(CODECS))
        return "app.py", encoded(text, codec, draw(st.booleans()))
    if draw(st.booleans()):
        text = draw(st.sampled_from(["%time x\n", "x = '''\n%s\n'''\n", "x?\n", "!ls\n"])) + text
    at = draw(st.integers(0, len(text)))
    source = draw(st.sampled_from([text, [text[:at], text[at:]]]))
    cells = [{"cell_type": "code", "source": source}]
    ascii_only = draw(st.booleans())
    return "nb.ipynb", json.dumps({"cells": cells}, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    )


def names_it(name: str, content: bytes) -> bool:
    """The name of a deserialiser stands in the syntax tree, as Python's parser reads it."""
    texts: list[bytes | str] = [content]
    if name.endswith(".ipynb"):
        texts = ["".join(one["source"]) for one in json.loads(content)["cells"]]
    for text in texts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dumped = ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            return True
        if any(f"{quote}{one}{quote}" in dumped for quote in "'\"" for one in ("load", "loads")):
            return True
    return False


@settings(max_examples=600, deadline=None)
@example(("app.py", b"x = 'lo' 'ads'\n"))
@example(("app.py", b"x = 'lo\\\nads'\n"))
@example(("app.py", b"# coding: utf-7\n+AGw-oads(x)\n"))
@example(("nb.ipynb", b'{"cells": [{"cell_type": "code", "source": ["lo", "ads(x)"]}]}'))
@example(("nb.ipynb", b'{"cells": [{"cell_type": "code", "source": "%time x"}]}'))
@given(files())
def test_what_is_proven_is_checked_and_names_no_deserialiser(file: tuple[str, bytes]) -> None:
    found, material = verdict(*file)
    if isinstance(found, Proven):
        assert rejection(found, material) == ""
        assert not names_it(*file)


@pytest.mark.parametrize("form", [one for one in WRITTEN if " + " not in one and "%s" not in one])
@pytest.mark.parametrize("cut", [0, 2, 5])
def test_a_name_is_found_in(form: str, cut: int) -> None:
    found, _ = verdict("app.py", form.format("loads"[:cut], "loads"[cut:]).encode())
    assert isinstance(found, Undecided)


@pytest.mark.parametrize("form", STATED)
def test_the_checker_finds_by_itself_the_name_of(form: str) -> None:
    said = {word for word, _ in no_sinks.spoken("app.py", form.format("lo", "ads").encode())}
    assert "loads" in said


def test_a_name_of_parts_is_told_where_it_stands() -> None:
    found, _ = verdict("app.py", b"x = 1\ny = 'lo' 'ads'\n")
    assert isinstance(found, Undecided)
    assert found.place.line == 2
    assert "`loads` is named here" in found.detail


def test_a_program_that_adds_texts_is_proven() -> None:
    found, material = verdict("app.py", b"x = 'lo' + 'ads'\n")
    assert isinstance(found, Proven)
    assert rejection(found, material) == ""


BY_THEMSELVES = {
    "a socket that unpickles": (
        "no-unsafe-deserialization",
        {"a.py": "import zmq\n", "b.py": "def read(socket):\n    return socket.recv_pyobj()\n"},
    ),
    "a driver of a database": (
        "no-sql-injection",
        {"a.py": "async def read(c, n):\n    await c.fetch('select ' + n)\n\nimport asyncpg\n"},
    ),
    "a query of a table": (
        "no-code-injection",
        {"a.py": "import pandas\n", "b.py": "def read(table, text):\n    table.query(text)\n"},
    ),
    "an archive that is unpacked by hand": (
        "no-archive-traversal",
        {"a.py": "from zipfile import ZipFile as Z\n"},
    ),
    "a module of a package": (
        "no-request-forgery",
        {"a.py": "from urllib import robotparser\n"},
    ),
    "an import within a function": (
        "no-command-injection",
        {"a.py": "def run():\n    import plumbum.cmd as c, json\n"},
    ),
}


@pytest.mark.parametrize("named", BY_THEMSELVES)
def test_a_library_that_does_it_under_a_name_of_its_own(named: str) -> None:
    claim, sources = BY_THEMSELVES[named]
    material = python_project.joined([(name, text.encode()) for name, text in sources.items()], ())
    artifact = Artifact(name=".", kind="python-project", size=material.size)
    assert not isinstance(judged(BY_CLAIM[claim], artifact, material), Proven)
    data = material.read(0, material.size)
    facts = {"claim": claim, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with pytest.raises(Rejected, match=r"^[34]: "):
        no_sinks.holds(facts, material.read, material.size)


def test_a_module_of_the_project_s_own_is_no_library() -> None:
    content = b"from . import zmq, zipfile\nfrom .sqlite3 import x\n"
    material = python_project.joined([("app/a.py", content)], ())
    artifact = Artifact(name=".", kind="python-project", size=material.size)
    for claim in ("no-sql-injection", "no-archive-traversal", "no-unsafe-deserialization"):
        found = judged(BY_CLAIM[claim], artifact, material)
        assert isinstance(found, Proven)
        assert rejection(found, material) == ""
