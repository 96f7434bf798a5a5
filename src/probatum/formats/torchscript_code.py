"""Finds what the source code in a TorchScript archive runs while the archive is loaded.

Three things run. The compiler evaluates the constants of a class and the defaults of a
function's arguments; the unpickler calls the `__setstate__` of a class that has one; and the
compiler folds constants, in any function, with operators whose results cannot be changed.

The source is read with Python's own parser, of which TorchScript's language is a part. Where the
two could read one text differently (comments with types, other quotes, escapes) it is refused.
Source: torch/csrc/jit/serialization/import_source.cpp and import.cpp (obj_loader),
frontend/script_type_parser.cpp (evaluateDefaults), passes/constant_propagation.cpp.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.torchscript_pickle import rules
from probatum.vocabulary import Reason

# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_TEXT = re.compile(
    r'(?:[A-Za-z0-9_ \n\[\](){},.:=+\-*/%<>!&|^~@]++|(?<![A-Za-z0-9_"])"(?:[^"\\\n]|'
    r'\\[\\"\'abfnrtv]|\\[0-3][0-7]{2}|(?!))*+"(?!")|(?!))*+'
).fullmatch
_PLAIN = (
    *(ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop),
    *(ast.keyword, ast.Slice, ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Tuple),
    *(ast.List, ast.Dict, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call),
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.If, ast.For, ast.While),
    *(ast.Pass, ast.Break, ast.Continue, ast.Assert, ast.Raise),
)
_BRANCHES = (ast.If, ast.For, ast.While, ast.IfExp, ast.BoolOp)
_ENDS = (ast.Return, ast.Raise, ast.Assert)
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_QUIET = frozenset({"__init__", "__getstate__", "__setstate__"})


class Reached(Struct, frozen=True):
    """Something that loading runs, or may run, at a line of a source file.

    `effect` says what it does where that is known and it surely runs once the class `owner`
    (`module:name`) is built; otherwise `detail` is the fact that is missing.
    """

    path: str
    line: int
    detail: str
    effect: str = ""
    owner: str = ""
    built: bool = False
    """Whether it runs only if an object of the class is unpickled, not when it is compiled."""
    reason: Reason = Reason.MISSING_SUMMARY


class Code(Struct, frozen=True):
    """The classes that the sources define, as `module:name`, and what runs while loading."""

    classes: frozenset[str]
    reached: tuple[Reached, ...]


def code(sources: Mapping[str, bytes]) -> Code:
    """What loading runs of `sources`, by their paths below `code/`."""
    files = [_File(path, _parsed(path, data)) for path, data in sorted(sources.items())]
    methods = {name for file in files for name in file.methods}
    awake = any("__setstate__" in one.methods for file in files for one in file.classes)
    reached = [found for file in files for found in file.reached(methods, awake)]
    classes = {f"{file.module}:{one.name}" for file in files for one in file.classes}
    return Code(frozenset(classes), tuple(reached))


def _parsed(path: str, data: bytes) -> ast.Module:
    """Raises: FormatError unless Python's parser and TorchScript's surely read the same."""
    text = data.decode("ascii", "replace")
    if not _TEXT(text):
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL, f"{path}: characters that torch itself does not write there"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise FormatError(Reason.MALFORMED, f"{path}: no TorchScript source") from exc


class _Class:
    def __init__(self, node: ast.ClassDef) -> None:
        self.node = node
        self.name = node.name
        self.values: list[ast.expr] = []
        self.methods: dict[str, ast.FunctionDef] = {}
        self.odd: list[ast.AST] = list(node.decorator_list)
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and one.name not in self.methods:
                self.methods[one.name] = one
                self.odd += one.decorator_list
            elif isinstance(one, ast.Assign | ast.AnnAssign):
                targets = one.targets if isinstance(one, ast.Assign) else [one.target]
                if len(targets) > 1 or not _is_declared(targets[0]):
                    self.odd.append(one)
                if one.value is not None and not isinstance(targets[0], ast.Subscript):
                    self.values.append(one.value)
            elif not isinstance(one, ast.Pass):
                self.odd.append(one)


_DECLARED = frozenset({"__parameters__", "__buffers__", "__annotations__"})


def _is_declared(target: ast.expr) -> bool:
    """`name : type`, or `__annotations__["name"] = type` for a name that is no identifier."""
    if isinstance(target, ast.Subscript):
        return isinstance(target.value, ast.Name) and target.value.id == "__annotations__"
    return isinstance(target, ast.Name) and (target.id[:2] != "__" or target.id in _DECLARED)


class _File:
    """One source file, with what runs of it while loading."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.module = path.removesuffix(".py").replace("/", ".")
        self.tree = tree
        self.classes = [_Class(one) for one in tree.body if isinstance(one, ast.ClassDef)]
        self.functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
        self.methods = {name for one in self.classes for name in one.methods}
        self.all_methods: set[str] = set()
        names = (one for one in ast.walk(tree) if isinstance(one, ast.Name))
        self.prints_otherwise = any(one.id == "print" and _hides(one) for one in names)

    def reached(self, methods: set[str], awake: bool) -> Iterator[Reached]:
        self.all_methods = methods
        yield from self._structure()
        for one in self.functions:
            yield from self._defaults(one, None)
        for cls in self.classes:
            for value in cls.values:
                yield from self._expression(value, cls, built=False)
            for method in cls.methods.values():
                yield from self._defaults(method, cls)
            yield from self._methods(cls, awake)
        yield from self._folded()

    def _structure(self) -> Iterator[Reached]:
        """What is neither a class, a function nor an import is no TorchScript source."""
        names = [one.name for one in self.classes] + [one.name for one in self.functions]
        for node in self.tree.body:
            known = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Import)
            if not known and not _is_version(node):
                yield self._open(node, "no class, function or import")
        for odd in (odd for cls in self.classes for odd in cls.odd):
            yield self._open(odd, "a part of a class that torch itself does not write")
        if len(set(names)) != len(names):
            yield self._open(self.tree, "one name defined twice")

    def _defaults(self, function: ast.FunctionDef, cls: _Class | None) -> Iterator[Reached]:
        given = (*function.args.defaults, *(one for one in function.args.kw_defaults if one))
        for value in given:
            yield from self._expression(value, cls, built=False)

    def _methods(self, cls: _Class, awake: bool) -> Iterator[Reached]:
        """`__setstate__`, what it calls of its own class, and what operators may call of any."""
        waiting = [name for name in cls.methods if name == "__setstate__"]
        if awake:
            waiting += [name for name in cls.methods if _is_special(name)]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            method = cls.methods[name]
            if not _has_plain_arguments(method):
                yield self._open(method, f"the arguments of {name}")
            certain = name == "__setstate__" and "__getstate__" in cls.methods
            for statement in method.body:
                yield from self._walk(statement, cls, certain, built=True, waiting=waiting)
                if any(isinstance(one, _ENDS) or _raises(one) for one in ast.walk(statement)):
                    certain = False

    def _expression(self, value: ast.expr, cls: _Class | None, *, built: bool) -> Iterator[Reached]:
        called: list[str] = []
        yield from self._walk(value, cls, cls is not None, built=built, waiting=called)
        for name in called:
            yield self._open(value, f"the method {name}")

    def _walk(
        self, node: ast.AST, cls: _Class | None, certain: bool, *, built: bool, waiting: list[str]
    ) -> Iterator[Reached]:
        """Every operator, call and attribute below `node`, outside of type annotations."""
        todo = [(node, certain)]
        while todo:
            one, sure = todo.pop()
            if not isinstance(one, _PLAIN):
                yield self._open(one, f"the syntax {type(one).__name__}")
                continue
            sure = sure and not isinstance(one, _BRANCHES)
            chain = _chain(one)
            if chain and chain[0] in ("torch", "ops", "__torch__"):
                yield from self._operator(one, chain, cls if sure else None, built)
                continue
            if isinstance(one, ast.Call):
                yield from self._call(one, cls, sure, built, waiting)
            elif isinstance(one, ast.Attribute) and f"aten::{one.attr}" in _effects():
                yield self._open(one, f"{one.attr} of a value")
            elif isinstance(one, ast.Name) and _hides(one):
                yield self._open(one, f"the name {one.id} for something else")
            todo += [(child, sure) for child in _children(one)]

    def _call(
        self, call: ast.Call, cls: _Class | None, sure: bool, built: bool, waiting: list[str]
    ) -> Iterator[Reached]:
        target = call.func
        if isinstance(target, ast.Name):
            if target.id == "print":
                clear = sure and not self.prints_otherwise
                yield from self._judged("prim::Print", call, cls if clear else None, built)
            elif target.id not in _functions():
                yield self._open(call, f"the function {target.id}")
            elif target.id == "getattr":
                yield self._open(call, "getattr")
        elif isinstance(target, ast.Attribute):
            own = isinstance(target.value, ast.Name) and target.value.id == "self"
            if own and cls is not None and target.attr in cls.methods:
                waiting.append(target.attr)
            elif not _chain(target) or _chain(target)[0] not in ("torch", "ops", "__torch__"):
                # No operator with an effect can be called as a method, in the torch reviewed.
                yield from self._judged(f"aten::{target.attr}", call, None, built)
                if target.attr in self.all_methods:
                    yield self._open(call, f"the method {target.attr} of a class")
        else:
            yield self._open(call, "a call of what an expression gives")

    def _operator(
        self, node: ast.AST, chain: list[str], cls: _Class | None, built: bool
    ) -> Iterator[Reached]:
        match chain:
            case ["torch", name]:
                yield from self._judged(f"aten::{name}", node, cls, built)
            case ["torch", "autograd", name] if f"aten::{name}" in _effects():
                yield from self._judged(f"aten::{name}", node, cls, built)
            case ["ops", library, name]:
                yield from self._judged(f"{library}::{name}", node, cls, built)
            case _:
                yield self._open(node, ".".join(chain))

    def _judged(
        self, operator: str, node: ast.AST, cls: _Class | None, built: bool
    ) -> Iterator[Reached]:
        """`cls` is the class whose loading surely comes here; None where it may not."""
        if operator in _operators():
            return
        effect = _effects().get(operator, "") if cls is not None else ""
        owner = f"{self.module}:{cls.name}" if cls is not None else ""
        found = self._open(node, f"the operator {operator}")
        yield Reached(found.path, found.line, found.detail, effect, owner, built)

    def _folded(self) -> Iterator[Reached]:
        """Operators of other libraries, wherever they stand: the compiler may run them."""
        outer = [*self.functions, *(one.node for one in self.classes)]
        outer += [method for one in self.classes for method in one.methods.values()]
        known = set(map(id, outer))
        for node in ast.walk(self.tree):
            if isinstance(node, _DEFINES) and id(node) not in known:
                yield self._open(node, "a definition inside another")
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, ast.Name) or child.id != "ops":
                    continue
                space = node.attr if isinstance(node, ast.Attribute) else ""
                if space not in _libraries():
                    yield self._open(child, f"what the compiler folds of ops.{space}")

    def _open(self, node: ast.AST, what: str) -> Reached:
        line = getattr(node, "lineno", 1)
        return Reached(self.path, line, f"no summary of {what} at {self.path}:{line}")


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated of a node: not the types it is annotated with."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.AnnAssign) and child is node.annotation):
            yield child


def _chain(node: ast.AST) -> list[str]:
    """`a.b.c` as its names; empty for anything else. A bare name is a chain of one."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *names[::-1]] if isinstance(node, ast.Name) else []


def _is_special(name: str) -> bool:
    return name[:2] == "__" and name not in _QUIET


def _has_plain_arguments(method: ast.FunctionDef) -> bool:
    """Whether the first is `self`, and none hides a name that means something else."""
    given = method.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    hidden = _functions() | {"torch", "ops", "__torch__", "print", "self"}
    rest = not (given.vararg or given.kwarg)
    return rest and names[:1] == ["self"] and not hidden.intersection(names[1:])


def _hides(name: ast.Name) -> bool:
    """Whether this assigns to a name that means something to the rules."""
    meant = name.id in _functions() or name.id in ("self", "print")
    return isinstance(name.ctx, ast.Store) and meant


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "RaiseException"


def _is_version(node: ast.stmt) -> bool:
    """`op_version_set = 1`, as old archives begin their sources."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return False
    return _chain(node.targets[0]) == ["op_version_set"] and type(node.value.value) is int


@cache
def _functions() -> frozenset[str]:
    return frozenset(rules()["code"]["functions"].split())


@cache
def _operators() -> frozenset[str]:
    return frozenset(rules()["code"]["operators"].split())


@cache
def _libraries() -> frozenset[str]:
    return frozenset(rules()["code"]["libraries"].split())


@cache
def _effects() -> dict[str, str]:
    return dict(rules()["effects"])
