# ruff: noqa: SIM905  (a list of names reads better as words)
"""Re-derives that a Jinja template reaches nothing but what it is given, and ends.

facts = {"size": bytes, "sha256": hex of all of them}

Each tag is rewritten as Python (names get a prefix; a filter or a test becomes a method) and read
by Python's own parser. 1. Only known tags, filters, tests, functions and methods occur. 2. No text
and no attribute names what is Python's own. 3. A key is a constant, or something the template did
not put together. 4. Macros call each other in no circle. 5. Nothing grows but by small factors,
and nothing that a loop carries on stands twice in what it is set to.
"""

import ast
import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

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
_GROWING = {"tojson": 6, "e": 6, "escape": 6, "urlencode": 9, "indent": 64}
_STEADY = set(
    "trim lower upper default d first last title capitalize get strip lstrip rstrip removeprefix"
    " safe removesuffix startswith endswith find rfind index count int items keys values".split()
)
_LIMIT = 1_000_000
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>0[box]\w+|\d[\d_]*(\.\d[\d_]*)?(e[-+]?\d[\d_]*)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>\*\*|//|[=!<>]=|[-+/*%~\[\](){}<>=.:|,])",
    re.DOTALL | re.IGNORECASE,
)
_WORDS = {"and": "and", "or": "or", "not": "not", "in": "in", "if": "if", "else": "else"}
_VALUES = {"true": "True", "false": "False", "none": "None"}
_VALUES |= {one: one for one in ("True", "False", "None")}
Tokens = list[tuple[str, str]]


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the template is inert."""
    _demand(isinstance(facts, dict) and set(facts) == {"size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = read(0, size)
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        _Template(data.decode("utf-8")).judge()
    except (ValueError, SyntaxError, RecursionError, MemoryError, IndexError) as exc:
        raise Rejected(f"no such template: {type(exc).__name__}") from exc


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


class _Template:
    """The tags of a template as Python expressions, with the block that each stands in."""

    def __init__(self, text: str) -> None:
        self.expressions: list[ast.expr] = []
        # Each set and each loop that is run again: target, value, whether it is set, and where.
        self.sets: list[tuple[ast.expr, ast.expr | None, bool, int]] = []
        self.loops: set[int] = set()
        self._owned: dict[str, set[str]] = {}
        self._outside: set[str] = set()
        self.assigned: list[tuple[str, ast.expr | None]] = []
        self.macros: dict[str, list[ast.expr]] = {}
        self.parameters: dict[str, list[str]] = {}
        self._blocks: list[str] = []
        self._macro: str | None = None
        self._outer = 0
        self._handed: dict[tuple[int, str], int] = {}
        for mark, tokens in _tags(text):
            if mark == "{{":
                self._add(_python(tokens))
            else:
                self._tag(tokens)
        _demand(not self._blocks, "a block is not closed")

    def _tag(self, tokens: Tokens) -> None:
        word, rest = tokens[0][1], tokens[1:]
        match word:
            case "set":
                self._set(rest)
            case "for":
                self._for(rest)
            case "if" | "elif":
                self._add(_python(rest))
                if word == "if":
                    self._blocks.append("if")
            case "macro":
                self._define(rest)
            case "generation":
                self._blocks.append(word)
            case "else" | "break" | "continue":
                _demand(not rest, "words behind a plain tag")
            case "endset" | "endfor" | "endif" | "endmacro" | "endgeneration":
                _demand(self._blocks and self._blocks.pop() == word[3:], "blocks that cross")
                self._macro = None if word == "endmacro" else self._macro
            case _:
                raise Rejected(f"1: the tag {word}")

    def _add(self, expression: ast.expr) -> None:
        self.expressions.append(expression)
        if self._macro is not None:
            self.macros[self._macro].append(expression)

    def _set(self, rest: Tokens) -> None:
        at = _top(rest, ("sign", "="))
        target = _python(rest[: at if at is not None else _top(rest, ("sign", "|"))])
        value = _python(rest[at + 1 :]) if at is not None else None
        if at is None:
            if _top(rest, ("sign", "|")) is not None:
                self._add(_python(rest))
            self._blocks.append("set")
        else:
            assert value is not None
            self._add(value)
        # A loop, or a macro that may be called from one, is a place that is run again.
        again = self._macro is not None or "for" in self._blocks
        self.sets.append((target, value, again, self._outer))
        self._assign(target, value)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        for one in ast.walk(target):
            if isinstance(one, ast.Name):
                self.assigned.append((one.id, value))
                own = self._outside if self._macro is None else self._owned[self._macro]
                own.add(one.id)
            elif isinstance(one, ast.Attribute):
                self.assigned.append(("." + one.attr, value))

    def _for(self, rest: Tokens) -> None:
        at = _top(rest, ("name", "in"))
        _demand(at is not None and ("name", "recursive") not in rest, "1: a loop")
        condition = _lone_if(rest[at + 1 :])  # type: ignore[operator]
        values = rest[at + 1 :] if condition is None else rest[at + 1 :][:condition]  # type: ignore[operator]
        value = _python(values)
        target = _python(rest[:at])
        self._assign(target, value)
        self._add(value)
        if condition is not None:
            self._add(_python(rest[at + 1 :][condition + 1 :]))  # type: ignore[operator]
        if "for" not in self._blocks and self._macro is None:
            self._outer += 1
        self.loops.add(len(self.sets))
        self.sets.append((target, value, True, self._outer))
        self._blocks.append("for")
        _demand(self._blocks.count("for") <= 9, "5: loops in loops")

    def _define(self, rest: Tokens) -> None:
        name = "v_" + rest[0][1]
        _demand(self._macro is None and name not in self.macros, "4: a macro twice")
        _demand(rest[0][0] == "name" and rest[1][1] == "(" and rest[-1][1] == ")", "a macro")
        call = _python(rest)
        self.parameters[name] = []
        _demand(isinstance(call, ast.Call), "a macro")
        for one in call.args:  # type: ignore[attr-defined]
            self.parameters[name].append(one.id)
        for keyword in call.keywords:  # type: ignore[attr-defined]
            self.parameters[name].append(keyword.arg)
            self.assigned.append((keyword.arg, keyword.value))
        self._macro, self.macros[name] = name, []
        self._owned[name] = set(self.parameters[name])
        self._outer += 1
        for keyword in call.keywords:  # type: ignore[attr-defined]
            self._add(keyword.value)
        for one in self.parameters[name]:
            self._handed[self._outer, one] = 1
        self._blocks.append("macro")

    def judge(self) -> None:
        """Raises Rejected at the first step that fails."""
        whole = [node for one in self.expressions for node in ast.walk(one)]
        calls = [one for one in whole if isinstance(one, ast.Call)]
        for call in calls:
            name = _name(call)
            for parameter in self.parameters.get(name, ()):
                given = (*call.args, *(one.value for one in call.keywords))
                self.assigned += [(parameter, one) for one in given]
            if name == "v_namespace":
                self.assigned += [("." + str(one.arg), one.value) for one in call.keywords]
        functions = {"v_" + one for one in _FUNCTIONS} | set(self.macros)
        taken = {name for name, _ in self.assigned} | {
            one for many in self.parameters.values() for one in many
        }
        _demand(not taken & functions, "1: a function is assigned to")
        self._built = _closed(self.assigned, lambda v, n: v is None or self._builds(v, n))
        self._shared = _closed(self.assigned, lambda v, n: v is not None and _shares(v, n))
        called = {id(one.func) for one in calls} | {
            id(one.func.value)
            for one in calls
            if isinstance(one.func, ast.Attribute)
            and one.func.attr in ("test_defined", "test_undefined")
        }
        texts = [one for one in whole if isinstance(one, ast.Constant)]
        times = {id(one.args[0]) for one in calls if _name(one) == "v_strftime_now" and one.args}
        percent = any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mod) for one in whole)
        for one in texts:
            value: Any = one.value
            is_text = isinstance(value, str)
            _demand(is_text or value is None or abs(value) <= 100_000, "5: a number")
            if is_text:
                _demand(not _OWN.search(value.lower()), "2: a text names Python's own")
                _demand(not percent or "%" not in value or id(one) in times, "5: % of a text")
        for node in whole:
            self._node(node, called, functions)
        self._no_circle()
        self._no_growth()

    def _node(self, node: ast.AST, called: set[int], functions: set[str]) -> None:
        match node:
            case ast.Name(id=name):
                _demand(name[2:] not in _GLOBALS, "1: a global")
                _demand(id(node) in called or name not in functions, "1: a function as a value")
            case ast.Attribute(attr=name) if name.startswith("v_"):
                plain = name[2:]
                _demand(not plain.startswith("_") and not _OWN.fullmatch(plain), "2: an attribute")
                _demand(plain not in _UNCALLED, "2: a method")
            case ast.Subscript():
                self._key(node.slice)
            case ast.Call():
                self._call(node, functions)
            case ast.BinOp(op=ast.Pow()) | ast.Set() | ast.Starred():
                raise Rejected("1: an expression")
            case ast.BinOp(op=ast.Mult()):
                _demand(_factor(node) > 0, "5: a product")

    def _key(self, key: ast.expr) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            _demand(not key.value.startswith("_") and key.value not in _UNCALLED, "3: a key")
            return
        allowed = (
            *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple),
            *(ast.IfExp, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Call, ast.operator),
            *(ast.unaryop, ast.boolop, ast.expr_context),
        )
        for one in ast.walk(key):
            _demand(isinstance(one, allowed), "3: a computed key")
            _demand(not isinstance(one, ast.Call) or _is_length(one), "3: a called key")
            if isinstance(one, ast.BinOp):
                _demand(isinstance(one.op, ast.Add | ast.Sub), "3: a computed key")
        parts = (key.lower, key.upper, key.step) if isinstance(key, ast.Slice) else (key,)
        _demand(not any(p and self._builds(p, self._built) for p in parts), "3: a key put together")

    def _call(self, call: ast.Call, functions: set[str]) -> None:
        name, values = _name(call), [*call.args, *(one.value for one in call.keywords)]
        if isinstance(call.func, ast.Attribute) and name.startswith("test_"):
            _demand(name[5:] in _TESTS, f"1: the test {name[5:]}")
        elif isinstance(call.func, ast.Attribute) and name.startswith("filter_"):
            self._filter(name[7:], call, values)
        elif isinstance(call.func, ast.Attribute):
            _demand(name[2:] in _METHODS | {"replace", "join"}, f"1: the method {name[2:]}")
        else:
            _demand(isinstance(call.func, ast.Name) and name in functions, "1: a call")
            if name == "v_range":
                for value in values:
                    self._range(value)
            if name == "v_strftime_now":
                text = values[0] if len(values) == 1 else None
                _demand(isinstance(text, ast.Constant) and isinstance(text.value, str), "1: time")
                _demand(re.fullmatch(r"([^%]|%[A-Za-z%])*", text.value), "1: time")  # type: ignore[union-attr]

    def _range(self, value: ast.expr) -> None:
        for one in ast.walk(value):
            if isinstance(one, ast.Call):
                _demand(_is_length(one), "5: a computed range")
            if isinstance(one, ast.BinOp):
                _demand(isinstance(one.op, ast.Add | ast.Sub), "5: a computed range")
        _demand(not self._builds(value, self._built), "5: a computed range")

    def _filter(self, name: str, call: ast.Call, values: list[ast.expr]) -> None:
        _demand(name in _KEEPING | _BUILDING, f"1: the filter {name}")
        constants = [one.value if isinstance(one, ast.Constant) else ... for one in values]
        by_attribute = name in ("map", "sort", "groupby", "unique", "min", "max")
        if by_attribute or name.endswith("attr"):
            checked = constants[:2] if name.endswith("attr") else constants
            for one in checked:
                _demand(one is not ..., f"2: {name} by something computed")
                parts = str(one).split(".")
                _demand(not any(p.startswith("_") or p in _UNCALLED for p in parts), f"2: {name}")
        if name.endswith("attr") and len(constants) > 1:
            _demand(constants[1] in _TESTS, f"1: {name}")
        if name in ("select", "reject") and constants:
            _demand(constants[0] is not ... and constants[0] in _TESTS, f"1: {name}")
        if name == "map" and call.args:
            fine = (_KEEPING | {"tojson"}) - {"map", "sort", "groupby", "unique", "min", "max"}
            fine -= {"select", "reject", "selectattr", "rejectattr"}
            _demand(constants[0] in fine, "1: map")
        _demand(name != "join" or len(values) < 2, "2: join")
        if name in ("indent", "tojson"):
            for value in values:
                for each in value.elts if isinstance(value, ast.Tuple | ast.List) else [value]:
                    width = each.value if isinstance(each, ast.Constant) else _LIMIT
                    _demand(not isinstance(width, int) or width <= 64, f"5: {name}")

    def _builds(self, value: ast.expr, built: set[str]) -> bool:
        """Whether a text may come out that the template put together."""
        match value:
            case ast.Call() if _is_length(value):
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

    def _no_circle(self) -> None:
        cost: dict[str, int] = {}
        for _ in range(len(self.macros)):
            for name, inside in self.macros.items():
                called = [
                    _name(one)
                    for each in inside
                    for one in ast.walk(each)
                    if isinstance(one, ast.Call) and _name(one) in self.macros
                ]
                if all(one in cost for one in called):
                    cost[name] = 1 + sum(cost[one] for one in called)
        _demand(set(cost) == set(self.macros), "4: macros in a circle")
        _demand(all(one < _LIMIT for one in cost.values()), "5: macros that run for long")

    def _no_growth(self) -> None:
        for one in self.expressions:
            product = 1
            for node in ast.walk(one):
                product *= max(1, _factor(node))
            _demand(product <= _LIMIT, "5: a text grows")
        # What any loop carries from round to round.
        weights = self._handed
        self._leaks = self._is_leaky()
        carried = {
            (outer, target.attr)
            for target, _, again, outer in self.sets
            if again and isinstance(target, ast.Attribute)
        }
        for number, (target, value, again, outer) in enumerate(self.sets):
            if not again:
                continue
            if value is None:
                _demand(not isinstance(target, ast.Attribute), "5: a block that a loop carries")
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        weights[outer, name.id] = 100
                continue
            names = {n: w for (o, n), w in weights.items() if o == outer}
            weight = self._weight(value, {n for o, n in carried if o == outer}, names)
            if isinstance(target, ast.Attribute) and number not in self.loops:
                _demand(weight <= 1, "5: a loop doubles a text")
                continue
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    key = (outer, name.id)
                    weights[key] = max(weights.get(key, 0), weight)
        every = {name for name, _ in self.assigned}
        attributes = {one[1:] for one in every if one.startswith(".")}
        plain = dict.fromkeys((one for one in every if not one.startswith(".")), 1)
        total = 1
        for number, (_, value, _, _) in enumerate(self.sets):
            if value is not None and number not in self.loops:
                total *= max(1, self._weight(value, attributes, plain))
            _demand(total <= 100 * _LIMIT, "5: a text grows")

    def _is_leaky(self) -> bool:
        """Whether a macro may hand back what it was not handed, or a namespace was."""
        for macro, inside in self.macros.items():
            spoken = {
                one.id for each in inside for one in ast.walk(each) if isinstance(one, ast.Name)
            }
            outer = spoken - self._owned[macro] & spoken
            if spoken & self._shared or outer & self._outside:
                return True
        return False

    def _weight(self, value: ast.AST, carried: set[str], names: dict[str, int]) -> int:
        """How many copies of what is carried the value may hold."""
        match value:
            case ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return 0
            case ast.Call() if _is_length(value) or _name(value).startswith("test_"):
                return 0
            case ast.Name(id=name):
                return names.get(name, 0)
            case ast.Attribute(attr=name) if name in carried and self._may_share(value):
                return 1
            case ast.IfExp(body=body, orelse=other):
                return max(self._weight(one, carried, names) for one in (body, other))
            case ast.BoolOp(values=values):
                return max(self._weight(one, carried, names) for one in values)
        total = sum(self._weight(one, carried, names) for one in ast.iter_child_nodes(value))
        if isinstance(value, ast.Call) and _name(value) in self.macros:
            total = 100 * (total or self._leaks)
        steady = not isinstance(value, ast.List | ast.Tuple | ast.Dict)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            steady = re.sub("^(filter|v)_", "", value.func.attr) in _STEADY
        return total * max(1 if steady else 2, _factor(value))

    def _may_share(self, one: ast.expr) -> bool:
        while isinstance(one, ast.Attribute | ast.Subscript):
            one = one.value
        return not isinstance(one, ast.Name) or one.id in self._shared


def _tags(text: str) -> Iterator[tuple[str, Tokens]]:
    at = 0
    while (found := re.search(r"\{[{%#]", text[at:])) is not None:
        start = at + found.start()
        mark = found[0]
        at = start + 2
        if mark == "{#":
            at = text.index("#}", at) + 2
            continue
        raw = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}").match(text, start)
        if raw is not None:
            ended = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}").search(text, raw.end())
            _demand(ended, "a raw block without an end")
            at = ended.end()  # type: ignore[union-attr]
            continue
        at += text[at : at + 1] in ("-", "+")
        at, tokens = _tag_tokens(text, at, "}}" if mark == "{{" else "%}")
        yield mark, tokens


def _tag_tokens(text: str, at: int, end: str) -> tuple[int, Tokens]:
    tokens: Tokens = []
    depth = 0
    while True:
        if depth == 0:
            for closing in (end, "-" + end, "+" + end):
                if text.startswith(closing, at):
                    _demand(tokens and len(tokens) <= 5000, "a tag's length")
                    return at + len(closing), tokens
        found = _TOKEN.match(text, at)
        _demand(found, "a character without a meaning")
        at = found.end()  # type: ignore[union-attr]
        kind, said = str(found.lastgroup), found[0]  # type: ignore[union-attr,index]
        depth += (said in "([{" and kind == "sign") - (said in ")]}" and kind == "sign")
        _demand(0 <= depth <= 60, "brackets")
        if kind != "space":
            tokens.append((kind, said))


def _top(tokens: Tokens, wanted: tuple[str, str]) -> int | None:
    depth = 0
    for at, one in enumerate(tokens):
        if depth == 0 and one == wanted:
            return at
        depth += (one[1] in "([{" and one[0] == "sign") - (one[1] in ")]}" and one[0] == "sign")
    return None


def _lone_if(tokens: Tokens) -> int | None:
    return _top(tokens, ("name", "if"))


def _python(tokens: Tokens) -> ast.expr:
    """The expression, read by Python: `a|f(b) is t` as `v_a.filter_f(v_b).test_t()`."""
    said: list[str] = []
    # For each bracket how many `if` still want an `else`.
    wanting = [0]
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if text in ("|", "is") and kind in ("sign", "name"):
            negated = text == "is" and tokens[at] == ("name", "not")
            at += negated
            _demand(tokens[at][0] == "name", "a filter's name")
            prefix = "filter_" if text == "|" else "test_"
            said.append(f".{prefix}{tokens[at][1]}")
            at += 1
            if at < len(tokens) and tokens[at] == ("sign", "("):
                continue
            if text == "is" and at < len(tokens) and _is_operand(tokens[at]):
                _demand(tokens[at][0] in ("text", "number"), "a test's argument")
                said.append(f"({_literal(tokens[at])})")
                at += 1
            else:
                said.append("()")
        elif kind == "name" and text in _WORDS and (not said or said[-1] != "."):
            if text == "if":
                wanting[-1] += 1
            if text == "else":
                wanting[-1] -= 1
            said.append(f" {text} ")
        elif kind == "name":
            is_key = at < len(tokens) and tokens[at] == ("sign", "=")
            plain = text not in _VALUES or said[-1:] == ["."] or is_key
            said.append(f" v_{text}" if plain else f" {_VALUES[text]}")
            if said[-2:-1] == ["."]:
                said[-1] = said[-1].strip()
        elif kind in ("text", "number"):
            if kind == "number" and said[-1:] == ["."]:
                said[-1:] = [f"[{int(text)}]"]
            else:
                said.append(_literal((kind, text)))
        else:
            if text in ")]},:" and wanting[-1] > 0:
                said.append(" else None" * wanting[-1])
                wanting[-1] = 0
            if text in "([{":
                wanting.append(0)
            if text in ")]}":
                wanting.pop()
            said.append("@" if text == "~" else text)
    said.append(" else None" * max(0, wanting[-1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse("(" + "".join(said).strip() + ")", mode="eval").body


def _is_operand(token: tuple[str, str]) -> bool:
    words = ("else", "or", "and", "is", "if", "in", "not")
    return (
        token[0] in ("text", "number")
        or token[1] in "[{"
        or (token[0] == "name" and token[1] not in words)
    )


def _literal(token: tuple[str, str]) -> str:
    if token[0] == "number":
        return f" {ast.literal_eval(token[1].lower())!r}"
    raw = token[1][1:-1].encode("ascii", "backslashreplace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f" {raw.decode('unicode-escape')!r}"


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_length(one: ast.AST) -> bool:
    return isinstance(one, ast.Call) and _name(one) in ("filter_length", "filter_count")


def _is_count(one: ast.expr) -> bool:
    return _is_length(one) or (isinstance(one, ast.Constant) and type(one.value) is int)


def _factor(one: ast.AST) -> int:
    """By how much an operation makes a text longer at most; 0 where that is not known."""
    if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mult):
        for part in (one.left, one.right):
            if isinstance(part, ast.Constant) and type(part.value) is int and part.value <= 1000:
                return max(1, part.value)
        return 0
    if not isinstance(one, ast.Call) or not isinstance(one.func, ast.Attribute):
        return 1
    if one.func.attr in ("filter_replace", "v_replace"):
        texts = [part.value for part in one.args if isinstance(part, ast.Constant)]
        if len(texts) < 2 or not (isinstance(texts[0], str) and isinstance(texts[1], str)):
            return 100
        return 1 + len(texts[1]) // max(1, len(texts[0]))
    return _GROWING.get(one.func.attr.removeprefix("filter_"), 1)


def _closed(
    assigned: list[tuple[str, ast.expr | None]],
    holds: Callable[[ast.expr | None, set[str]], bool],
) -> set[str]:
    found: set[str] = set()
    while more := {name for name, value in assigned if holds(value, found)} - found:
        found |= more
    return found


def _shares(value: ast.expr, names: set[str]) -> bool:
    return any(
        (isinstance(one, ast.Call) and _name(one) == "v_namespace")
        or (isinstance(one, ast.Name) and one.id in names)
        for one in ast.walk(value)
    )
