"""Small programs: which conditions in front of a sink count, and which do not."""

from textwrap import dedent

import pytest
from tests.taint_programs import told

HEAD = "import os, re\nfrom pathlib import Path\nfrom flask import request\n"
BASE = "BASE = '/data'\n"

PROVEN = {
    "an allow-list": "x = request.data\nif x in ('ls', 'pwd'):\n    os.system(x)",
    "an allow-list that raises": """
        x = request.data
        if x not in ALLOWED:
            raise ValueError(x)
        os.system(x)
    """,
    "an early return": """
        def go(x):
            if x not in ('ls', 'pwd'):
                return None
            os.system(x)
    """,
    "an equality": "x = request.data\nif x == 'ls':\n    os.system(x)",
    "an assertion": "x = request.data\nassert x in ('ls',)\nos.system(x)",
    "a condition of both": "x = request.data\nif x and x in ('ls',):\n    os.system(x)",
    "a flag to opt in": """
        def go(x, allow_dangerous=False):
            if not allow_dangerous:
                raise ValueError(x)
            os.system(x)
    """,
    "a flag of self to opt in": """
        class A:
            def go(self, x):
                if not self.allow_dangerous_requests:
                    raise ValueError(x)
                os.system(x)
    """,
    "a guard in the caller": """
        def _go(x):
            os.system(x)
        x = request.data
        if x in ('ls',):
            _go(x)
    """,
    "a guard in the callee": """
        def _go(x):
            if x not in ('ls',):
                return
            os.system(x)
        _go(request.data)
    """,
    "a continue": """
        for x in request.data:
            if x not in ('ls',):
                continue
            os.system(x)
    """,
    "a match of constants": """
        x = request.data
        match x:
            case 'ls':
                os.system(x)
    """,
    "a condition of a comprehension": "[os.system(x) for x in request.data if x in ('ls',)]",
    "an environment variable to opt in": """
        x = request.data
        if not strtobool(os.environ.get("TRUST_REMOTE_CODE", "False")):
            raise ValueError(x)
        os.system(x)
    """,
    "an environment variable to leave a sandbox": """
        x = request.data
        if os.getenv("USE_SANDBOX", "true").lower() == "false":
            os.system(x)
    """,
    "an object that nobody makes without opting in": """
        class A:
            def __init__(self, **settings):
                if self.allow_dangerous_requests is not True:
                    raise ValueError
            def go(self, x):
                os.system(x)
    """,
    "an object that nobody makes without a keyword": """
        class A:
            def __init__(self, **settings):
                if not settings.get("allow_dangerous_requests", False):
                    raise ValueError
        class B(A):
            def go(self, x):
                os.system(x)
    """,
    "a function that asks for an environment variable": """
        SWITCH = "APP_ALLOW_UNSAFE"
        def _enabled():
            return os.environ.get(SWITCH, "").lower() in ("1", "true")
        x = request.data
        if _enabled():
            os.system(x)
    """,
    "a keyword among others to opt in": """
        def go(x, **settings):
            if not settings.get("allow_dangerous_code"):
                raise ValueError(x)
            os.system(x)
    """,
}


@pytest.mark.parametrize("program", PROVEN.values(), ids=PROVEN)
def test_nothing_reaches_the_sink_behind(program: str) -> None:
    assert told(HEAD + dedent(program)) == "none"


UNKNOWN = {
    "a pattern that is asked for None": (
        """
        BAD = re.compile('[;|$&]')
        x = request.data
        if BAD.search(x) is not None:
            raise ValueError(x)
        os.system(x)
        """,
        ".search(request.data) is not None",
    ),
    "an object that looks for something": (
        """
        def _contains_more(x):
            visitor = Visitor()
            visitor.visit(x)
            return visitor.found
        x = request.data
        if _contains_more(x):
            raise ValueError(x)
        os.system(x)
        """,
        "_contains_more(",
    ),
    "an object that validates": (
        """
        class CommandValidator:
            def visit(self, node):
                if not isinstance(node, str):
                    raise ValueError(node)
        def _clean(x):
            CommandValidator().visit(x)
            return x
        os.system(_clean(request.data))
        """,
        "CommandValidator().visit(x)",
    ),
    "a setting that leaves the check out": (
        """
        def _sanitize(x):
            CommandValidator().visit(x)
            return x
        class CommandValidator:
            def visit(self, node):
                if ';' in node:
                    raise ValueError(node)
        class A:
            def go(self, x):
                if not self.full:
                    x = _sanitize(x)
                os.system(x)
        """,
        "self.full (line",
    ),
    "a regular expression": (
        "x = request.data\nif not re.fullmatch('[a-z]+', x):\n    raise ValueError\nos.system(x)",
        "re.fullmatch('[a-z]+', request.data)",
    ),
    "a function that raises": (
        """
        def _validate(x):
            if ';' in x:
                raise ValueError(x)
        x = request.data
        _validate(x)
        os.system(x)
        """,
        "_validate(",
    ),
    "a predicate": (
        """
        def _is_safe(x):
            return ';' not in x
        x = request.data
        if not _is_safe(x):
            raise ValueError(x)
        os.system(x)
        """,
        "_is_safe(",
    ),
    "an unknown check": (
        "from other import check_command\nx = request.data\ncheck_command(x)\nos.system(x)",
        "check_command(",
    ),
    "a deny-list": (
        "x = request.data\nif ';' in x:\n    raise ValueError(x)\nos.system(x)",
        "';' in",
    ),
    "the other branch of a list": (
        """
        x = request.data
        if x in ('ls',):
            pass
        else:
            os.system(x)
        """,
        "request.data in",
    ),
    "an alternative to an allow-list": (
        "x = request.data\nif x in ('ls',) or os.name == 'nt':\n    os.system(x)",
        "or os.name == 'nt'",
    ),
    "a check of every element in a loop": (
        """
        xs = request.args
        for x in xs:
            if not valid(x):
                raise ValueError(x)
        os.system(xs)
        """,
        "valid(",
    ),
}


@pytest.mark.parametrize(("program", "guard"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_guard_that_is_not_understood_is_named(program: str, guard: str) -> None:
    said = told(HEAD + dedent(program))
    assert said.startswith("guarded by")
    assert guard in said


def test_containment_of_a_resolved_path_is_named() -> None:
    program = """
        def go():
            name = request.data
            base = Path('/data')
            path = (base / name).resolve()
            if not path.is_relative_to(base):
                raise ValueError(name)
            return open(path)
    """
    assert "is_relative_to" in told(HEAD + dedent(program), "no-path-traversal")


NOT_COUNTED = {
    "a constructor that raises for another reason": """
        class A:
            def __init__(self, size):
                if size > 3:
                    raise ValueError(size)
            def go(self, x):
                os.system(x)
    """,
    "another value than one that is known": """
        x = request.data
        if x == os.sep * 2:
            raise ValueError(x)
        os.system(x)
    """,
    "a pattern asked for None that lets attacks through": """
        BAD = re.compile('[*]')
        x = request.data
        if BAD.search(x) is not None:
            raise ValueError(x)
        os.system(x)
    """,
    "the extension of a name": """
        x = request.data
        if x.rsplit('.', 1)[-1].lower() not in ('txt', 'md'):
            raise ValueError(x)
        os.system(x)
    """,
    "another part of what a function answers": """
        kind, x = parse(request.data)
        if kind in ('text', 'image'):
            os.system(x)
    """,
    "a function that asks for an environment variable that is on": """
        def _enabled():
            return os.environ.get("APP_ALLOW_UNSAFE", "1").lower() in ("1", "true")
        x = request.data
        if _enabled():
            os.system(x)
    """,
    "functions that ask each other": """
        def _one():
            return _other()
        def _other():
            return _one()
        x = request.data
        if _one():
            os.system(x)
    """,
    "an environment variable that is on": """
        x = request.data
        if os.getenv("ALLOW_SHELL", "1") == "1":
            os.system(x)
    """,
    "what writes safely": """
        import yaml
        x = request.data
        yaml.safe_dump(x, open('log', 'w'))
        os.system(x)
    """,
    "a check behind the sink": """
        x = request.data
        os.system(x)
        if x not in ('ls',):
            raise ValueError
    """,
    "a check of another variable": """
        x, y = request.data, request.args
        if y not in ('ls',):
            raise ValueError
        os.system(x)
    """,
    "a check in one branch only": """
        x = request.data
        if os.name == 'nt':
            if x not in ('ls',):
                raise ValueError
            os.system('ls')
        else:
            os.system(x)
    """,
    "a check that only logs": "x = request.data\nif x not in ('ls',):\n    print(x)\nos.system(x)",
    "a check of the old value": """
        x = request.data
        if x not in ('ls',):
            raise ValueError
        x = request.args
        os.system(x)
    """,
    "a check of the type": "x = request.data\nif isinstance(x, str):\n    os.system(x)",
    "a check of the length": "x = request.data\nif len(x) < 100:\n    os.system(x)",
    "a check for None": "x = request.data\nif x is not None:\n    os.system(x)",
    "a check that it is there": "x = request.data\nif not x:\n    raise ValueError\nos.system(x)",
    "an inequality": "x = request.data\nif x != 'rm':\n    os.system(x)",
    "a pattern that lets attacks through": """
        x = request.data
        if re.match('[a-z]', x):
            os.system(x)
    """,
    "a flag that is on": """
        def go(x, allow_dangerous=True):
            if allow_dangerous:
                os.system(x)
    """,
    "a check that nobody need ask for": """
        def go(x, digest=None):
            if digest and not check_digest(x, digest):
                raise ValueError
            os.system(x)
    """,
    "an exception that is caught": """
        x = request.data
        try:
            if x not in ('ls',):
                raise ValueError
        except ValueError:
            pass
        os.system(x)
    """,
    "a prefix of a path": """
        x = request.data
        if x.startswith('/data'):
            os.system(x)
    """,
}


@pytest.mark.parametrize("program", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_no_guard_is(program: str) -> None:
    assert told(HEAD + dedent(program)) == "path"
