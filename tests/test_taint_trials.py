"""Checks that are tried with what attackers send: which are too weak, and which hold."""

from textwrap import dedent

import pytest
from tests.taint_programs import flows

from probatum.taint import project
from probatum.taint.flow import NAME
from probatum.taint.known_answers import UNSAID, Own, leads_outside
from probatum.taint.outcomes import Outcomes
from probatum.taint.program import Program
from probatum.taint.values import Values

HEAD = dedent("""
    import os, posixpath, re
    import urllib.parse
    from pathlib import Path
    from urllib.parse import unquote, urlparse
    from flask import request
    name = request.args["name"]
    root = find_root()
""")

WEAK = {
    "dots, and not whole paths": (
        """
        if '..' in name:
            raise ValueError
        open(os.path.join(root, name))
        """,
        "/etc/x",
    ),
    "a prefix without a separator behind it": (
        """
        full = os.path.abspath(os.path.join(root, name))
        if not full.startswith(root):
            raise ValueError
        open(full)
        """,
        "../folder-x/x",
    ),
    "a path that is not resolved": (
        """
        path = Path(root) / name
        if not path.is_relative_to(root):
            raise ValueError
        path.read_text()
        """,
        "../../x",
    ),
    "the folders above a path that is not resolved": (
        """
        path = Path(root) / name
        if Path(root) not in list(path.parents):
            raise ValueError
        path.read_text()
        """,
        "../../x",
    ),
    "a prefix of what is opened as it is": (
        """
        if not name.startswith(root):
            raise ValueError
        open(name)
        """,
        "/folder/../../etc/x",
    ),
    "a prefix and an ending that are asked for": (
        """
        if '/etc/' in name:
            raise ValueError
        if not name.startswith('files/') or not name.endswith('.md'):
            raise ValueError
        open(name)
        """,
        "files/../../x.md",
    ),
    "a check in front of the decoding": (
        """
        if '..' in name or name.startswith('/') or not check(name):
            raise ValueError
        def check(value):
            return '~' not in value
        open(os.path.join(root, unquote(name)))
        """,
        "%2e%2e/%2e%2e/x",
    ),
    "each of some words": (
        """
        if any(word in name for word in ('~', '$', '..')):
            raise ValueError
        open(os.path.join(root, name))
        """,
        "/etc/x",
    ),
    "a function of another function": (
        """
        def is_safe(value):
            return not has_dots(value)
        def has_dots(value):
            return '..' in value.split('/')
        if not is_safe(name):
            raise ValueError
        open(os.path.join(root, name))
        """,
        "/etc/x",
    ),
    "a function that answers what it checked": (
        """
        def tidied(value):
            if '..' in value:
                raise ValueError
            return os.path.normpath(value)
        open(tidied(name))
        """,
        "/etc/x",
    ),
}


@pytest.mark.parametrize(("program", "attack"), WEAK.values(), ids=WEAK)
def test_no_check_is_one_of(program: str, attack: str) -> None:
    told = flows(HEAD + dedent(program), "no-path-traversal")
    assert [flow.guard for flow in told] == [""]
    assert f"lets `{attack}` through: " in told[0].instead


HOLDING = {
    "dots and whole paths": """
        if '..' in name or os.path.isabs(name):
            raise ValueError
        open(os.path.join(root, name))
    """,
    "dots in one function and whole paths in another": """
        def opened(value):
            if os.path.isabs(value) or not check(value):
                raise ValueError
            return open(os.path.join(root, value))
        def check(value):
            return bool(value)
        if '..' in name:
            raise ValueError
        opened(name)
    """,
    "a prefix with a separator behind it": """
        full = os.path.abspath(os.path.join(root, name))
        if not full.startswith(root + os.sep):
            raise ValueError
        open(full)
    """,
    "a resolved path": """
        path = (Path(root) / name).resolve()
        if not path.is_relative_to(root):
            raise ValueError
        path.read_text()
    """,
    "a folder that a resolved path has above it": """
        path = (Path(root) / name).resolve()
        if Path(root) not in path.parents:
            raise ValueError
        path.read_text()
    """,
    "what two paths have in common": """
        full = os.path.realpath(os.path.join(root, name))
        if os.path.commonpath([root, full]) != root:
            raise ValueError
        open(full)
    """,
    "a path that must be within": """
        def check_inside(value):
            (Path(root) / value).resolve().relative_to(root)
        if '..' in name:
            raise ValueError
        check_inside(name)
        open(os.path.join(root, name))
    """,
    "a function of another project": """
        from other import validate_name
        if '..' in name:
            raise ValueError
        validate_name(name)
        open(os.path.join(root, name))
    """,
    "a pattern that is not known": """
        if '..' in name or not find_pattern().match(name):
            raise ValueError
        open(os.path.join(root, name))
    """,
    "what is given beside it raises": """
        def opened(value, other):
            if '..' in value:
                raise ValueError
            return open(os.path.join(root, value))
        opened(name, Path(root).relative_to('/elsewhere'))
    """,
    "a folder that the code names": """
        if '..' in name:
            raise ValueError
        open('/srv/files/' + name)
    """,
    "a check that a setting leaves out": """
        def checked(value):
            if '..' in value or value.startswith('/'):
                raise ValueError
            return value
        if STRICT:
            name = checked(name)
        if '..' in name:
            raise ValueError
        open(os.path.join(root, name))
    """,
}


@pytest.mark.parametrize("program", HOLDING.values(), ids=HOLDING)
def test_what_may_hold_is_left_undecided(program: str) -> None:
    told = flows(HEAD + dedent(program), "no-path-traversal")
    assert told
    assert all(flow.guard for flow in told)


EXPRESSIONS = [
    "os.path.join('/a', 'b', '../c')",
    "os.path.join('/a', '/b')",
    "os.path.normpath('/a/../../b')",
    "os.path.basename('/a/b.c')",
    "os.path.splitext('/a/b.c')",
    "os.path.commonpath(['/a/b', '/a/c'])",
    "os.path.relpath('/a/b', '/a/c')",
    "posixpath.isabs('a')",
    "'..' in 'a/../b'.split('/')",
    "'..' in ('a', 'b') or 'a' in 'bab'",
    "'a' if True else 'a'",
    "not 'a/b'.startswith(('b', 'c'))",
    "'a/b/c'.rsplit('/', 1)[0]",
    "'a/b/c'.partition('/')[2]",
    "str(Path('/a') / 'b' / '..')",
    "Path('/a/b.c').suffix",
    "Path('/a/b') in Path('/a/b/c').parents",
    "Path('/a').is_relative_to('/b')",
    "'/' not in 'a' and len('ab') == 2",
    "any(one == '..' for one in ('a', 'b'))",
    "all(one != '..' for one in ('a', 'b'))",
    "unquote('%2e%2e/x')",
    "urlparse('http://a.b:8/c?d').hostname",
    "f\"{'a'}/b{1}\"",
    "('a', 'b')[1]",
    "os.sep + 'a' == '/a'",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_worked_out_is_what_python_says(expression: str) -> None:
    scope: dict[str, object] = {}
    head = HEAD.split("from flask")[0]
    exec(head, scope)
    said = eval(expression, scope)
    found = _worked_out(f"{head}x = {expression}\n")
    assert (tuple(found) if isinstance(said, tuple) else found) == said


NOT_KNOWN = [
    "re.match('(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')",
    "find() == 'local'", "find() in ('a', 'b')", "'a' in find()", "not find()", "find() or 'a'",
    "'%s/a' % 'b'", "'abc'[1:]", "[one for one in ('a', 'b') if one]", "other('a')",
    "any(one == 'a' for one in ('a', 'b'))", "'a' < 'b'", "'a' if find() else 'b'",
]  # fmt: skip


@pytest.mark.parametrize("expression", NOT_KNOWN)
def test_nothing_is_guessed_of(expression: str) -> None:
    found = _worked_out(f"x = {expression}\n")
    unknown = isinstance(found, tuple) and any(one is UNSAID for one in found)
    assert found is UNSAID or isinstance(found, Own) or unknown


def test_a_text_that_grows_is_not_worked_with() -> None:
    grown = "x = 'ab'\n" + "".join(f"x = x.replace('', x)  # {one}\n" for one in range(30))
    assert _worked_out(grown) is UNSAID


def test_a_function_that_calls_itself_comes_to_an_end() -> None:
    assert _worked_out("def f(x):\n    return f(x + 'a')\nx = f('a')\n") is UNSAID


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "/srv/own1/../own2-x", "/srv"])
def test_a_path_that_leads_outside(path: str) -> None:
    assert leads_outside(path, ())


@pytest.mark.parametrize("path", ["a/b", "a/../b", "/srv/own1", "/srv/own1/../own2/x", "/data/x"])
def test_a_path_that_leads_nowhere_else(path: str) -> None:
    assert not leads_outside(path, ("/data/",))


def _worked_out(text: str) -> object:
    """What `x` comes to in a program."""
    read = project.read([("app.py", text.encode())])
    program = Program(read.modules)
    place = ("app", 0)
    node = program[place].names["x"][-1]
    assert program[place].nodes[node][0] != NAME
    return Outcomes(program, Values(program), lambda name: "check" in name).of(place, node, {})
