"""Lowers expressions to flow nodes, and keeps what every name holds at the point reached."""

import ast
from typing import Any, NamedTuple

from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COLUMN_BITS,
    COMPARE,
    CONST,
    EACH,
    EITHER,
    FAILS,
    FUNCTION,
    HANDED,
    HOLDS,
    ITEM,
    JOIN,
    LAST_COLUMN,
    MATH,
    NAME,
    NOT,
    OTHER,
    PACK,
    PARAM,
    PART,
    STAR,
    TEXT,
    Function,
    Module,
    Node,
)
from probatum.taint.rules import handed
from probatum.taint.syntax import (
    annotation_text,
    constant_value,
    dotted_path,
    injected_names,
    provided_names,
)

_LONGEST_TEXT = 400  # of a constant: a pattern or an SQL statement is whole, a document is cut
_MOST_BINDINGS = 16  # of one name that are kept for the functions inside


class _Passing(NamedTuple):
    """A call that calls a function it is given: which argument that is, and which are handed on.

    `packed`: as a tuple, `args`; `each`: one element of each at a time. It `answers` what the
    function answers, for who awaits or calls it.
    """

    at: int
    keyword: str = ""
    packed: bool = False
    each: bool = False
    answers: bool = False


_PASSING = {
    "to_thread": _Passing(0, answers=True),
    "run_sync": _Passing(0, answers=True),
    "run_in_threadpool": _Passing(0, answers=True),
    "run_in_executor": _Passing(1, answers=True),
    "submit": _Passing(0),
    "add_task": _Passing(0),
    "call_soon": _Passing(0),
    "call_soon_threadsafe": _Passing(0),
    "call_later": _Passing(1),
    "apply_async": _Passing(0, packed=True),
    "Thread": _Passing(1, "target", packed=True),
    "Process": _Passing(1, "target", packed=True),
    "map": _Passing(0, each=True),
    "imap": _Passing(0, each=True),
}
"""By the last part of their names: asyncio, anyio, starlette, concurrent.futures,
threading, multiprocessing. A method of this name that does something else gets a call more, of
what it is given first."""


class Expressions:
    """A function's nodes while they are made: each method lowers one kind of expression.

    `env` says which node a name, or a path such as `self.x`, holds now; `control` is the link
    that the code being lowered stands under.
    """

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.index = len(module.functions)
        module.functions.append(function)
        self.nodes: list[Node] = []
        self.places: list[int] = []
        self.controls: list[tuple[int, int, int]] = []
        self.under: dict[int, Any] = {}
        self.exits: list[tuple[int, int]] = []
        self.raises: list[int] = []
        self.stores: list[tuple[int, str, int, int]] = []
        self.names: dict[str, list[int]] = {}
        function.nodes, function.places, function.controls = self.nodes, self.places, self.controls
        function.under, function.exits, function.raises = self.under, self.exits, self.raises
        function.stores, function.names = self.stores, self.names
        self.fills: list[tuple[int, int, int]] = []
        self.compares: list[int] = []
        self.broken: list[list[int]] = []
        function.fills, function.compares = self.fills, self.compares
        self.env: dict[str, int] = {}
        self.control = -1
        self.place = 0

    # Control and names

    def link(self, test: int, way: int) -> int:
        """The link that says of a condition that it holds, fails or has returned."""
        self.controls.append((test, way, self.control))
        return len(self.controls) - 1

    def hold(self, test: int, way: int) -> None:
        self.control = self.link(test, way)

    def bind(self, name: str, value: int) -> None:
        self.env[name] = value
        known = self.names.get(name)
        if known is None:
            self.names[name] = [value]
        elif len(known) < _MOST_BINDINGS:
            known.append(value)

    def merged(
        self, one: dict[str, int], other: dict[str, int], under: tuple[int, int] | None = None
    ) -> dict[str, int]:
        """What names hold where two ways meet, each of which ends `under` a link; keeps `one`."""
        if one is other:
            return one
        result = other
        for name, value in one.items():
            theirs = other.get(name)
            if theirs is None:
                result[name] = value
            elif theirs != value:
                result[name] = made = self.emit((JOIN, value, theirs))
                if under is not None:
                    self.under[made] = under
        return result

    def target(self, target: Any, value: int) -> None:
        kind = type(target)
        if kind is ast.Name:
            self.bind(target.id, value)
        elif kind is ast.Attribute:
            self.store(target, value)
        elif kind is ast.Subscript:
            self.fill(target, value)
        elif kind is ast.Tuple or kind is ast.List:
            self.unpack(target.elts, value)
        elif kind is ast.Starred:
            self.target(target.value, value)

    def store(self, target: ast.Attribute, value: int) -> None:
        base = self.value(target.value)
        self.stores.append((base, target.attr, value, self.control))
        path = dotted_path(target)
        if path:
            self.env[path] = value

    def fill(self, target: ast.Subscript, value: int) -> None:
        """`a[key] = value`: `a` may hold the value from here on."""
        key = self.value(target.slice)
        path = dotted_path(target.value)
        old = self.value(target.value)
        self.fills.append((old, key, value))
        if path:
            self.bind(path, self.emit((JOIN, old, value)))
            if "." in path:
                base = self.nodes[old][1] if self.nodes[old][0] == ATTR else old
                self.stores.append((base, path.rpartition(".")[2], value, self.control))

    def unpack(self, targets: list[ast.expr], value: int) -> None:
        packed = self.nodes[value]
        exact = packed[0] == PACK and len(packed) == len(targets) + 1
        for position, one in enumerate(targets):
            part = packed[position + 1] if exact else self.emit((PART, value, position))
            self.target(one, part)

    def emit(self, node: Node) -> int:
        self.nodes.append(node)
        self.places.append(self.place)
        return len(self.nodes) - 1

    # Expressions

    def value(self, node: Any) -> int:
        kind = type(node)
        if kind is ast.Name:
            known = self.env.get(node.id)
            return known if known is not None else self.at(node, (NAME, node.id))
        made: int = _EXPRESSIONS[kind](self, node)
        return made

    def at(self, node: ast.expr | ast.arg, made: Node) -> int:
        self.nodes.append(made)
        self.places.append(node.lineno << COLUMN_BITS | min(node.col_offset, LAST_COLUMN))
        return len(self.nodes) - 1

    def constant(self, node: ast.Constant) -> int:
        value = node.value
        if isinstance(value, (str, bytes)):
            value = value[:_LONGEST_TEXT]
        elif type(value) not in (str, bytes, int, float, bool, type(None)):
            value = None
        return self.at(node, (CONST, value))

    def attribute(self, node: ast.Attribute) -> int:
        key = dotted_path(node)
        if key:
            known = self.env.get(key)
            if known is not None:
                return known
        return self.at(node, (ATTR, self.value(node.value), node.attr))

    def call(self, node: ast.Call) -> int:
        callee = self.value(node.func)
        value = self.value
        arguments = tuple([value(one) for one in node.args])
        keywords = tuple([(one.arg, value(one.value)) for one in node.keywords])
        made = self.called(node, callee, arguments, keywords)
        short = _last_name(node.func)
        passed = _PASSING.get(short)
        if short in handed():
            self.hand_over(node, made, handed()[short], arguments, dict(keywords))
        if passed is None:
            return made
        inner = self.passed_on(node, passed, arguments, dict(keywords))
        return inner if inner >= 0 and passed.answers else made

    def called(
        self, node: ast.Call, callee: int, arguments: tuple[int, ...], keywords: tuple[Any, ...]
    ) -> int:
        made = self.at(node, (CALL, callee, arguments, keywords))
        if self.control >= 0:
            self.under[made] = self.control
        return made

    def hand_over(
        self,
        node: ast.Call,
        made: int,
        wanted: tuple[int | str, ...],
        arguments: tuple[int, ...],
        keywords: dict[Any, int],
    ) -> None:
        """The calls of the functions that a framework is given, with what it sends them."""
        given = {**dict(enumerate(arguments)), **keywords}
        for one in wanted:
            if one in given and self.nodes[given[one]][0] in (NAME, ATTR, FUNCTION):
                sent = self.at(node, (STAR, self.at(node, (PART, made, HANDED))))
                self.called(node, given[one], (sent,), ())

    def passed_on(
        self, node: ast.Call, how: "_Passing", arguments: tuple[int, ...], keywords: dict[Any, int]
    ) -> int:
        """The call that a call makes of a function it is given; -1 where it is given none."""
        given = arguments[how.at : how.at + 1]
        callee = given[0] if given else keywords.get(how.keyword, -1)
        if callee < 0 or self.nodes[callee][0] not in (NAME, ATTR, FUNCTION, PARAM):
            return -1
        rest = arguments[how.at + 1 :]
        if how.packed:
            packed = [keywords["args"]] if "args" in keywords else rest[:1]
            rest = self.nodes[packed[0]][1:] if packed and self.nodes[packed[0]][0] == PACK else ()
        if how.each:
            rest = tuple([self.at(node, (EACH, one)) for one in rest])
        named = () if how.packed else tuple((key, one) for key, one in keywords.items() if key)
        return self.called(node, callee, rest, named)

    def item(self, node: ast.Subscript) -> int:
        return self.at(node, (ITEM, self.value(node.value), self.value(node.slice)))

    def several(self, node: Any) -> int:
        return self.at(node, (PACK, *[self.value(one) for one in node.elts]))

    def mapping(self, node: ast.Dict) -> int:
        parts = [self.value(one) for one in node.keys if one is not None]
        parts += [self.value(one) for one in node.values]
        return self.at(node, (PACK, *parts))

    def joined(self, node: Any) -> int:
        parts = []
        for one in node.values:
            while type(one) is ast.FormattedValue:
                one = one.value
            parts.append(self.value(one))
        return self.at(node, (TEXT, *parts))

    def formatted(self, node: ast.FormattedValue) -> int:
        return self.value(node.value)

    def binary(self, node: ast.BinOp) -> int:
        left, right = self.value(node.left), self.value(node.right)
        kind = type(node.op)
        if kind is ast.Add or kind is ast.Mod:
            return self.at(node, (TEXT, left, right))
        return self.at(node, (MATH, kind.__name__, left, right))

    def boolean(self, node: ast.BoolOp) -> int:
        both = type(node.op) is ast.And
        outside = self.control
        parts = []
        for one in node.values:
            made = self.value(one)
            parts.append(made)
            self.hold(made, HOLDS if both else FAILS)
        self.control = outside
        return self.at(node, (BOTH if both else EITHER, *parts))

    def unary(self, node: ast.UnaryOp) -> int:
        said = node.operand
        if type(node.op) is ast.USub and type(said) is ast.Constant and type(said.value) is int:
            return self.at(node, (CONST, -said.value))
        made = self.value(node.operand)
        return self.at(node, (NOT, made)) if type(node.op) is ast.Not else made

    def compare(self, node: ast.Compare) -> int:
        left = self.value(node.left)
        parts = []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            made = self.value(right)
            said = _COMPARISONS[type(operator)]
            parts.append(self.at(node, (COMPARE, said, left, made)))
            if said in _EQUALITY and CONST not in (self.nodes[left][0], self.nodes[made][0]):
                self.compares.append(parts[-1])
            left = made
        return parts[0] if len(parts) == 1 else self.at(node, (BOTH, *parts))

    def conditional(self, node: ast.IfExp) -> int:
        test = self.value(node.test)
        outside = self.control
        self.hold(test, HOLDS)
        then = self.value(node.body)
        self.control = outside
        self.hold(test, FAILS)
        other = self.value(node.orelse)
        self.control = outside
        return self.at(node, (JOIN, then, other))

    def comprehension(self, node: Any) -> int:
        outside, before = self.control, self.env
        self.env = before.copy()
        for one in node.generators:
            self.target(one.target, self.at(node, (EACH, self.value(one.iter))))
            for test in one.ifs:
                self.hold(self.value(test), HOLDS)
        held = [node.key, node.value] if type(node) is ast.DictComp else [node.elt]
        parts = [self.value(one) for one in held]
        self.env, self.control = before, outside
        return self.at(node, (PACK, *parts))

    def walrus(self, node: ast.NamedExpr) -> int:
        made = self.value(node.value)
        self.target(node.target, made)
        return made

    def inner_value(self, node: Any) -> int:
        return self.value(node.value)

    def given(self, node: Any) -> int:
        made = self.value(node.value) if node.value is not None else -1
        self.exits.append((made, self.control))
        return self.at(node, (OTHER,))

    def star(self, node: ast.Starred) -> int:
        return self.at(node, (STAR, self.value(node.value)))

    def cut(self, node: Any) -> int:
        for one in (node.lower, node.upper, node.step):
            if one is not None:
                self.value(one)
        return self.at(node, (CONST, None))

    def function_value(self, node: ast.Lambda) -> int:
        inner = self.function_of(node, "<lambda>")
        inner.exits.append((inner.value(node.body), -1))
        return self.at(node, (FUNCTION, inner.index))

    def function_of(self, node: Any, name: str, decorators: tuple[int, ...] = ()) -> Any:
        """The body of a function or lambda, its parameters bound and nothing of it lowered yet."""
        inner = type(self)(self.module, self.signature(node, name, decorators))
        inner.place = node.lineno << COLUMN_BITS | min(node.col_offset, LAST_COLUMN)
        given = node.args
        listed = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        for position, parameter in enumerate(listed):
            if parameter is not None:
                inner.bind(parameter.arg, inner.at(parameter, (PARAM, position)))
        return inner

    def signature(self, node: Any, name: str, decorators: tuple[int, ...]) -> Function:
        given = node.args
        listed = [*given.posonlyargs, *given.args]
        every = [*listed, *given.kwonlyargs]
        annotations = {one.arg: annotation_text(one.annotation) for one in every if one.annotation}
        return Function(
            self.qualified(name),
            "function",
            node.lineno,
            self.index,
            parameters=tuple([one.arg for one in every]),
            first_keyword=len(listed),
            variadic=given.vararg.arg if given.vararg else "",
            keywords=given.kwarg.arg if given.kwarg else "",
            annotations={one: said for one, said in annotations.items() if said},
            defaults=_defaults(given, listed),
            returns=annotation_text(getattr(node, "returns", None)),
            decorators=decorators,
            injected=injected_names(given, every),
            provided=provided_names(given, listed),
        )

    def qualified(self, name: str) -> str:
        """The name of what is defined here, behind those of what it stands in."""
        return f"{self.function.name}.{name}" if self.function.name else name


def _last_name(callee: ast.expr) -> str:
    """The last part of a callee's name; empty if it has none."""
    if type(callee) is ast.Attribute:
        return callee.attr
    return callee.id if type(callee) is ast.Name else ""


def _defaults(given: ast.arguments, listed: list[ast.arg]) -> dict[str, Any]:
    behind = listed[len(listed) - len(given.defaults) :]
    pairs = [
        *zip(behind, given.defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    return {one.arg: constant_value(value) for one, value in pairs if value is not None}


_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_EQUALITY = frozenset(("==", "!=", "in", "not in"))
_EXPRESSIONS: dict[type, Any] = {
    ast.Constant: Expressions.constant,
    ast.Attribute: Expressions.attribute,
    ast.Call: Expressions.call,
    ast.Subscript: Expressions.item,
    ast.List: Expressions.several,
    ast.Tuple: Expressions.several,
    ast.Set: Expressions.several,
    ast.Dict: Expressions.mapping,
    ast.JoinedStr: Expressions.joined,
    ast.FormattedValue: Expressions.formatted,
    ast.BinOp: Expressions.binary,
    ast.BoolOp: Expressions.boolean,
    ast.UnaryOp: Expressions.unary,
    ast.Compare: Expressions.compare,
    ast.IfExp: Expressions.conditional,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
    ast.Lambda: Expressions.function_value,
    ast.NamedExpr: Expressions.walrus,
    ast.Await: Expressions.inner_value,
    ast.Yield: Expressions.given,
    ast.YieldFrom: Expressions.given,
    ast.Starred: Expressions.star,
    ast.Slice: Expressions.cut,
}
