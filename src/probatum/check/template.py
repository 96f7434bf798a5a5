# ruff: noqa: SIM905  (a list of names reads better as words)
"""Re-derives that a Jinja template reaches nothing but what it is given, and ends.

facts = {"size": bytes, "sha256": hex of all of them}

Each tag is rewritten as Python and read by Python's own parser (`template_tags`). 1. Only known
tags, filters, tests, functions and methods occur. 2. No text and no attribute names what is
Python's own. 3. A key is a constant, or something the template did not put together. 4. Macros that
call themselves go down in the tree they are handed (`template_descent`). 5. All that is made is
bounded by a polynomial of what is given (`template_growth`).
"""

import ast
import hashlib
import re
from collections.abc import Callable
from typing import Any

from probatum.check.template_descent import descents
from probatum.check.template_flow import Flow
from probatum.check.template_growth import bound
from probatum.check.template_spaces import Spaces
from probatum.check.template_tags import demand
from probatum.errors import Rejected

CLAIM = "template-inert"
_MOST = 1 << 20
_KEEPING = set(
    "abs capitalize count d default dictsort first items last length list lower max min sort string"
    " title trim unique upper map select reject selectattr rejectattr groupby batch round".split()
)
_BUILDING = set(
    "join replace tojson e escape indent safe truncate urlencode reverse striptags"
    " from_json".split()
)
_TESTS = set(
    "boolean callable defined divisibleby eq equalto even false float ge gt greaterthan in integer"
    " iterable le lessthan lower lt mapping ne none number odd sameas sequence string true"
    " undefined upper".split()
)
_FUNCTIONS = {"range", "namespace", "dict", "raise_exception", "strftime_now"}
_METHODS = set(
    "strip lstrip rstrip split rsplit splitlines lower upper title capitalize startswith endswith"
    " find rfind index count isdigit isalpha isalnum isnumeric isspace isupper islower items keys"
    " values get copy removeprefix removesuffix partition rpartition".split()
)
_OWN = re.compile(
    r"__|gi_(frame|code|yieldfrom)|(cr|ag)_(frame|code|await)|cr_origin|f_(back|builtins|code"
    r"|globals|locals)|tb_(frame|next)|func_(globals|code|closure|defaults)|im_(func|self|class)"
)
_UNCALLED = set(
    "format format_map mro append extend insert pop popitem clear remove update setdefault add"
    " discard".split()
)
_GLOBALS = {"self", "lipsum", "cycler", "joiner", "caller", "varargs", "kwargs"}
_FIELDS = re.compile(r"([^{}]|\{\w*\}|\{\{|\}\})*")
_LIMIT = 1_000_000


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the template is inert."""
    demand(isinstance(facts, dict) and set(facts) == {"size", "sha256"}, "the facts")
    demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = read(0, size)
    demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        flow = Flow(data.decode("utf-8"))
        _Reach(flow).judge()
        spaces, circles = Spaces(flow), descents(flow)
        for one in circles:
            handed = {parameter for _, parameter in one.handed}
            demand(not handed & spaces.variables, "4: a namespace is no tree")
        bound(flow, circles, spaces)
    except (ValueError, SyntaxError, RecursionError, MemoryError, IndexError) as exc:
        raise Rejected(f"no such template: {type(exc).__name__}") from exc


class _Reach:
    """What the expressions of a template may reach."""

    def __init__(self, flow: Flow) -> None:
        self._whole = [node for one in flow.expressions for node in ast.walk(one)]
        self._calls = [one for one in self._whole if isinstance(one, ast.Call)]
        self._assigned, self._macros = flow.assigned, flow.macros
        self._formats = {id(one.func) for one in self._calls if _is_plain_format(one)}
        self._built = _closed(self._assigned, lambda v, n: v is None or self._builds(v, n))

    def judge(self) -> None:
        """Raises Rejected at the first step that fails."""
        functions = {"v_" + one for one in _FUNCTIONS} | set(self._macros)
        taken = {name for name, _ in self._assigned}
        taken |= {one for many in self._macros.values() for one, _ in many}
        demand(not taken & functions, "1: a function is assigned to")
        called = {id(one.func) for one in self._calls} | {
            id(one.func.value)
            for one in self._calls
            if isinstance(one.func, ast.Attribute)
            and one.func.attr in ("test_defined", "test_undefined")
        }
        self._constants()
        for node in self._whole:
            self._node(node, called, functions)

    def _constants(self) -> None:
        times = {
            id(one.args[0]) for one in self._calls if _name(one) == "v_strftime_now" and one.args
        }
        percent = any(
            isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mod) for one in self._whole
        )
        for one in (one for one in self._whole if isinstance(one, ast.Constant)):
            value: Any = one.value
            is_text = isinstance(value, str)
            demand(is_text or value is None or abs(value) <= 100_000, "5: a number")
            if is_text:
                demand(not _OWN.search(value.lower()), "2: a text names Python's own")
                demand(not percent or "%" not in value or id(one) in times, "5: % of a text")

    def _node(self, node: ast.AST, called: set[int], functions: set[str]) -> None:
        match node:
            case ast.Name(id=name):
                demand(name[2:] not in _GLOBALS, "1: a global")
                demand(id(node) in called or name not in functions, "1: a function as a value")
            case ast.Attribute(attr=name) if name.startswith("v_"):
                plain = name[2:]
                demand(not plain.startswith("_") and not _OWN.fullmatch(plain), "2: an attribute")
                demand(plain not in _UNCALLED or id(node) in self._formats, "2: a method")
            case ast.Subscript():
                self._key(node.slice)
            case ast.Call():
                self._call(node, functions)
            case ast.BinOp(op=ast.Pow()) | ast.Set() | ast.Starred():
                raise Rejected("1: an expression")

    def _key(self, key: ast.expr) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            demand(not key.value.startswith("_") and key.value not in _UNCALLED, "3: a key")
            return
        allowed = (
            *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple),
            *(ast.IfExp, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Call, ast.operator),
            *(ast.unaryop, ast.boolop, ast.expr_context),
        )
        for one in ast.walk(key):
            demand(isinstance(one, allowed), "3: a computed key")
            demand(not isinstance(one, ast.Call) or _is_length(one), "3: a called key")
            if isinstance(one, ast.BinOp):
                demand(isinstance(one.op, ast.Add | ast.Sub), "3: a computed key")
        parts = (key.lower, key.upper, key.step) if isinstance(key, ast.Slice) else (key,)
        demand(not any(p and self._builds(p, self._built) for p in parts), "3: a key put together")

    def _call(self, call: ast.Call, functions: set[str]) -> None:
        name, values = _name(call), [*call.args, *(one.value for one in call.keywords)]
        if isinstance(call.func, ast.Attribute) and name.startswith("test_"):
            demand(name[5:] in _TESTS, f"1: the test {name[5:]}")
        elif isinstance(call.func, ast.Attribute) and name.startswith("filter_"):
            self._filter(name[7:], call, values)
        elif isinstance(call.func, ast.Attribute):
            known = name[2:] in _METHODS | {"replace", "join"} or id(call.func) in self._formats
            demand(known, f"1: the method {name[2:]}")
        else:
            demand(isinstance(call.func, ast.Name) and name in functions, "1: a call")
            if name == "v_strftime_now":
                text = values[0] if len(values) == 1 else None
                demand(isinstance(text, ast.Constant) and isinstance(text.value, str), "1: time")
                demand(re.fullmatch(r"([^%]|%[A-Za-z%])*", text.value), "1: time")  # type: ignore[union-attr]

    def _filter(self, name: str, call: ast.Call, values: list[ast.expr]) -> None:
        demand(name in _KEEPING | _BUILDING, f"1: the filter {name}")
        constants = [one.value if isinstance(one, ast.Constant) else ... for one in values]
        by_attribute = name in ("map", "sort", "groupby", "unique", "min", "max")
        if by_attribute or name.endswith("attr"):
            checked = constants[:2] if name.endswith("attr") else constants
            for one in checked:
                demand(one is not ..., f"2: {name} by something computed")
                parts = str(one).split(".")
                demand(not any(p.startswith("_") or p in _UNCALLED for p in parts), f"2: {name}")
        if name.endswith("attr") and len(constants) > 1:
            demand(constants[1] in _TESTS, f"1: {name}")
        if name in ("select", "reject") and constants:
            demand(constants[0] is not ... and constants[0] in _TESTS, f"1: {name}")
        if name == "map" and call.args:
            fine = (_KEEPING | {"tojson"}) - {"map", "sort", "groupby", "unique", "min", "max"}
            fine -= {"select", "reject", "selectattr", "rejectattr"}
            demand(constants[0] in fine, "1: map")
        demand(name != "join" or len(values) < 2, "2: join")
        if name in ("indent", "tojson"):
            for value in values:
                for each in value.elts if isinstance(value, ast.Tuple | ast.List) else [value]:
                    width = each.value if isinstance(each, ast.Constant) else _LIMIT
                    demand(not isinstance(width, int) or width <= 64, f"5: {name}")

    def _builds(self, value: ast.expr, built: set[str]) -> bool:
        """Whether a text may come out that the template put together."""
        match value:
            case ast.Call() if _is_length(value) or _name(value) == "v_range":
                return False
            case ast.Call(func=ast.Attribute(attr=name)):
                kept = name.startswith("test_") or name[7:] in _KEEPING or name[2:] in _METHODS
                if not kept:
                    return True
            case ast.Call() if _name(value)[2:] not in _FUNCTIONS:
                return True
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                if not (_is_count(left) or _is_count(right)):
                    return True
            case ast.BinOp(op=ast.MatMult() | ast.Mod() | ast.Mult() | ast.Pow()):
                return True
            case ast.Slice(step=step) if step is not None:
                return True
            case ast.Constant(value=str(text)) if text.startswith("_"):
                return True
            case ast.Name(id=name) if name in built:
                return True
            case ast.Attribute(attr=name) if "." + name in built:
                return True
            case ast.Attribute(attr="v_previtem" | "v_nextitem"):
                return True
        inside = (one for one in ast.iter_child_nodes(value))
        return any(
            self._builds(one.value if isinstance(one, ast.keyword) else one, built)
            for one in inside
            if isinstance(one, ast.expr | ast.keyword)
        )


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_plain_format(call: ast.Call) -> bool:
    """The method `format` of a constant text whose fields are plain."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "v_format":
        return False
    text = call.func.value.value if isinstance(call.func.value, ast.Constant) else None
    return isinstance(text, str) and _FIELDS.fullmatch(text) is not None


def _is_length(one: ast.AST) -> bool:
    return isinstance(one, ast.Call) and _name(one) in ("filter_length", "filter_count")


def _is_count(one: ast.expr) -> bool:
    return _is_length(one) or (isinstance(one, ast.Constant) and type(one.value) is int)


def _closed(
    assigned: list[tuple[str, ast.expr | None]],
    holds: Callable[[ast.expr | None, set[str]], bool],
) -> set[str]:
    found: set[str] = set()
    while more := {name for name, value in assigned if holds(value, found)} - found:
        found |= more
    return found
