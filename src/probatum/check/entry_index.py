"""Reads all files of a project into what each name may be bound to, by Python's own parser.

Nothing here is resolved by types. A name of a function is that function's own; a name of a module
is its module's; an attribute is one for the whole project, whatever object it is an attribute of.
Values are expressions, kept with the unit (function, class, module) that they stand in.
"""

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MAKES_NEW = (
    ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Constant,
)  # fmt: skip
_MANGLED = re.compile(r"_[^_]\w*?(__\w*)$")
_BINDS_NOTHING = {
    ast.keyword, ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.arg,
    ast.JoinedStr, ast.FormattedValue, ast.Return, ast.If, ast.BoolOp, ast.IfExp,
    ast.alias, ast.arguments, ast.Await, ast.Raise, ast.Slice, ast.Starred, ast.Try, ast.UnaryOp,
    ast.With, ast.AsyncWith,
}  # fmt: skip
BUILTINS = frozenset(dir(builtins))


class Value(NamedTuple):
    """What a name may be: an expression, a definition (a Unit), or the dotted name of an import."""

    unit: "Unit"
    of: Any


class Unit:
    """A function, the body of a class, or a module; a lambda belongs to the unit around it."""

    def __init__(self, node: Any, name: str, file: str, around: "Unit | None") -> None:
        self.node = node
        self.name = name
        self.file = file
        self.around = around
        self.binds: dict[str, list[Value]] = defaultdict(list)
        self.parameters: set[str] = set()
        self.loose: set[str] = set()  # names of lambdas and comprehensions, which others may mean
        self.elsewhere: dict[str, Unit] = {}  # by `global` and `nonlocal`
        self.stars: list[str] = []  # modules of which everything is imported
        self.held: list[Unit] = []

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_module(self) -> bool:
        return isinstance(self.node, ast.Module)

    @property
    def module(self) -> "Unit":
        unit = self
        while unit.around is not None:
            unit = unit.around
        return unit

    @property
    def label(self) -> str:
        """The names from the module down: `app.py:Server.do_GET`."""
        names: list[str] = []
        unit: Unit | None = self
        while unit is not None and not unit.is_module:
            names.append(unit.name)
            unit = unit.around
        return f"{self.file}:{'.'.join(reversed(names)) or '__main__'}"

    def scope(self, name: str) -> "Unit | None":
        """The unit whose name it is, as Python looks it up; None for a built-in, or nothing."""
        unit: Unit | None = self
        while unit is not None:
            if name in unit.elsewhere:
                return unit.elsewhere[name]
            seen = unit is self or not unit.is_class
            if seen and (name in unit.binds or name in unit.parameters):
                return unit
            unit = unit.around
        return None


class Index:
    """The units of a project, and what its names, attributes and calls may mean."""

    def __init__(self, files: Iterable[tuple[str, list[ast.Module]]]) -> None:
        self.units: dict[int, Unit] = {}
        self.modules: dict[str, list[Unit]] = defaultdict(list)  # by the last part of its name
        self.named: dict[str, list[Value]] = defaultdict(list)  # by attribute
        self.stored: dict[str, list[Value]] = defaultdict(list)  # `x.attribute = value` alone
        self.calls: dict[str, list[tuple[Unit, ast.Call]]] = defaultdict(list)  # by name
        self.keywords: dict[str, list[Value]] = defaultdict(list)
        self.aliases: dict[str, set[str]] = defaultdict(set)  # `import name as alias`
        self.operands: list[Value] = []
        self.statements: list[tuple[Unit, ast.Call]] = []  # calls whose answer is dropped
        self.grown: list[tuple[Unit, ast.expr, list[ast.expr]]] = []  # base, what it is given
        self.patched: list[tuple[Unit, ast.expr, ast.expr]] = []  # object, what it is given
        self.indirect: list[tuple[Unit, ast.Call]] = []
        self.decorated: dict[int, tuple[Unit, ast.Call]] = {}  # the decorator with what it is given
        self.escaping: set[str] = set()  # names that are read for another reason than to call them
        self.said: set[str] = set()  # parts of the names of modules that are imported, or texts
        self._called: set[int] = set()
        for file, trees in files:
            self._module(file, trees)

    def _module(self, file: str, trees: list[ast.Module]) -> None:
        body = [statement for tree in trees for statement in tree.body]
        node = ast.Module(body, [])
        unit = self.units[id(node)] = Unit(node, file, file, None)
        self.modules[module_path(file).rpartition("/")[2]].append(unit)
        waiting: list[tuple[ast.AST, Unit]] = [(one, unit) for one in reversed(body)]
        while waiting:
            child, inside = waiting.pop()
            waiting += reversed(self._read(child, inside))

    def _read(self, node: Any, unit: Unit) -> list[tuple[ast.AST, Unit]]:
        """Keep what the node binds, and give its children with the units that they stand in."""
        kind = type(node)
        if kind in DEFINED:
            return list(self._define(node, unit))
        if kind is ast.Name or kind is ast.Attribute:
            if id(node) not in self._called:
                self.escaping.add(node.id if kind is ast.Name else node.attr)
            return [(node.value, unit)] if kind is ast.Attribute else []
        if kind is ast.Constant:
            if isinstance(node.value, str) and is_dotted(node.value):
                self.said.update(node.value.replace(":", ".").split("."))
            return []
        if kind not in _BINDS_NOTHING:
            self._note(node, unit)
        inner: list[tuple[ast.AST, Unit]] = []
        for field in node._fields:
            child = getattr(node, field, None)
            if isinstance(child, list):
                inner += [(one, unit) for one in child if isinstance(one, ast.AST)]
            elif isinstance(child, ast.AST) and child._fields:
                inner.append((child, unit))
        return inner

    def _note(self, node: Any, unit: Unit) -> None:
        match node:
            case ast.Call():
                self._called.add(id(node.func))
                self._call(node, unit)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, unit)
                    if isinstance(target, ast.Name) and target.id == "__all__":
                        self.said |= texts_in(value)
            case ast.AnnAssign(target=target, value=initial, annotation=said):
                self._bind(target, _unquoted(said), unit)
                if initial is not None:
                    self._bind(target, initial, unit)
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._bind(target, value, unit)
                if isinstance(node, ast.AugAssign):
                    self.grown.append((unit, target, [value]))
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                self._bind(node.target, node.iter, unit)
                if isinstance(node, ast.comprehension):
                    named = (one for one in ast.walk(node.target) if isinstance(one, ast.Name))
                    unit.loose |= {one.id for one in named}
            case ast.withitem(context_expr=value, optional_vars=target) if target is not None:
                self._bind(target, value, unit)
            case ast.ExceptHandler(name=str(name), type=said):
                self._name(name, unit, said or ast.Constant(None))
            case ast.Match(subject=subject, cases=cases):
                for one in ast.walk(ast.Module(cases, [])):  # type: ignore[arg-type]
                    for captured in (getattr(one, "name", None), getattr(one, "rest", None)):
                        if isinstance(one, ast.pattern) and captured:
                            self._name(captured, unit, subject)
            case ast.Import(names=names):
                for alias in names:
                    self.said.update(alias.name.split("."))
                    bound = alias.asname or alias.name.partition(".")[0]
                    self._name(bound, unit, alias.name if alias.asname else bound)
            case ast.ImportFrom(names=names):
                self._import(node, names, unit)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for name in names:
                    away = unit.module if isinstance(node, ast.Global) else unit.around
                    owner = away.scope(name) if away is not None else None
                    unit.elsewhere[name] = owner or unit.module
            case ast.Lambda(args=arguments):
                given = {one.arg for one in _parameters(arguments)}
                unit.parameters |= given
                unit.loose |= given
            case ast.BinOp(left=left, right=right):
                self.operands += [Value(unit, left), Value(unit, right)]
            case ast.Compare(left=left, comparators=others):
                self.operands += [Value(unit, one) for one in (left, *others)]
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(ast.Call() as call)):
                self.statements.append((unit, call))

    def _define(self, node: Any, unit: Unit) -> Iterator[tuple[ast.AST, Unit]]:
        made = self.units[id(node)] = Unit(node, node.name, unit.file, unit)
        unit.held.append(made)
        self._name(node.name, unit, made)
        outer: list[ast.AST] = [*node.decorator_list]
        if isinstance(node, ast.ClassDef):
            outer += [*node.bases, *node.keywords]
            if node.keywords:  # `__init_subclass__` and the metaclass are given them
                call = ast.Call(ast.Constant(None), [], node.keywords)
                self.indirect.append((unit, ast.copy_location(call, node)))
        else:
            made.parameters |= {one.arg for one in _parameters(node.args)}
            outer += [one for one in (node.args, node.returns) if one is not None]
        if node.decorator_list:
            self.escaping.add(node.name)
        for decorator in node.decorator_list:  # `name = decorator(name)`
            read = ast.copy_location(ast.Name(node.name, ast.Load()), node)
            call = ast.copy_location(ast.Call(decorator, [read], []), decorator)
            self.decorated[id(decorator)] = unit, call
        yield from ((one, unit) for one in outer)
        # Declarations first: they hold for the whole function.
        said = [one for one in node.body if isinstance(one, (ast.Global, ast.Nonlocal))]
        yield from ((one, made) for one in (*said, *node.body))

    def _import(self, node: ast.ImportFrom, names: list[ast.alias], unit: Unit) -> None:
        module = "." * node.level + (node.module or "")
        self.said.update(module.split("."))
        for alias in names:
            self.said.add(alias.name)
            if alias.name == "*":
                unit.module.stars.append(module)
            else:
                dot = "" if module.endswith(".") else "."
                if alias.asname and alias.asname != alias.name:
                    self.aliases[alias.name].add(alias.asname)
                self._name(alias.asname or alias.name, unit, f"{module}{dot}{alias.name}")

    def _bind(self, target: Any, value: ast.expr, unit: Unit) -> None:
        match target:
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                for one in elts:
                    self._bind(one, value, unit)
            case ast.Starred(value=inner):
                self._bind(inner, value, unit)
            case ast.Name(id=name):
                self._name(name, unit, value)
            case ast.Attribute(attr=attribute, value=base):
                name = plain(attribute)
                self.named[name].append(Value(unit, value))
                self.stored[name].append(Value(unit, value))
                self.patched.append((unit, base, value))
            case ast.Subscript(value=base, slice=key):
                self.grown.append((unit, base, [value, key]))

    def _name(self, name: str, unit: Unit, value: Any) -> None:
        owner = unit.elsewhere.get(name, unit)
        given = Value(unit, value)
        owner.binds[name].append(given)
        if owner.is_class or owner.is_module:
            self.named[plain(name)].append(given)

    def _call(self, call: ast.Call, unit: Unit) -> None:
        func = call.func
        given = [*call.args, *(one.value for one in call.keywords)]
        for one in call.keywords:
            if one.arg:
                self.keywords[one.arg].append(Value(unit, one.value))
        if isinstance(func, ast.Name):
            self.calls[func.id].append((unit, call))
            if func.id in ("setattr", "delattr") and len(call.args) == 3:
                name = call.args[1]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    self.named[plain(name.value)].append(Value(unit, call.args[2]))
                    self.stored[plain(name.value)].append(Value(unit, call.args[2]))
                    self.patched.append((unit, call.args[0], call.args[2]))
                else:
                    self.grown.append((unit, call, given))  # under any name
        elif isinstance(func, ast.Attribute):
            self.calls[func.attr].append((unit, call))
            if given:
                self.grown.append((unit, func.value, given))
        else:
            self.indirect.append((unit, call))


def module_path(file: str) -> str:
    """The file's name as imports say it, with "/": a package for its `__init__.py`."""
    stem, dot, ending = file.rpartition(".")
    path = stem if dot and ending.lower() in ("py", "pyw", "ipynb") else file
    return path.removesuffix("/__init__")


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (one for one in (arguments.vararg, arguments.kwarg) if one is not None)


def _unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is written as a text, as what the text says."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return annotation
    return annotation


def plain(name: str) -> str:
    """The name without the class that Python puts before private ones: `__x` for `_Class__x`."""
    found = _MANGLED.match(name)
    return found[1] if found else name


def is_dotted(text: str) -> bool:
    """The text may name something in a module: `package.module.function`, `module:name`."""
    parts = text.replace(":", ".").split(".") if len(text) < 200 else []
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def texts_in(node: ast.AST) -> set[str]:
    """The texts that stand in an expression."""
    found = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {text for text in found if isinstance(text, str)}


def makes_new(node: ast.AST) -> bool:
    """The expression is an object that nothing else holds yet: a display, a constant."""
    return isinstance(node, _MAKES_NEW)
