"""Follows what importing a folder's own modules does, and how instances of its classes are made.

Each module is followed as an interpreter would run it, statement by statement, on names instead of
values: what a name means is what was bound to it last. Where paths join, a name that one of them
binds means nothing any more. Every step has to be one that `rules/own_code.toml` admits, so that
an import runs nothing but definitions; the rest is Rejected. Used by step 4 of `pickle`.
"""

import ast
import builtins
import re
import sys
import warnings
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from probatum.check.own_folder import Folder, Sources, rules
from probatum.check.pickle_summaries import summary
from probatum.errors import Rejected

_MOST = 64
_CODING = re.compile(rb"#[^\n]*coding[:=][ \t]*([-_.a-zA-Z0-9]*)")
_ABSENT = {
    f"builtins.{name}"
    for name in ("ImportError", "ModuleNotFoundError", "AttributeError", "Exception")
}
_MADE: dict[str, dict[str, Any]] = {
    "builtins:object": {"new": [[]], "build": ["state"]},
    "own:list": {"new": [[]], "build": ["state"], "items": "list"},
    "own:dict": {"new": [[]], "build": ["state"], "items": "dict"},
    "own:named-tuple": {"new": [["any*"]]},
    "own:enum": {"call": [["none|bool|int|float|str"]], "hash": True},
}
_FIELD = {"setter", "getter", "deleter"}


class Meant(NamedTuple):
    """What a name means: `library` (dotted), `module` of the folder, `defined` (a function)."""

    kind: str
    name: str = ""


Env = dict[str, Any]
CONSTANT, UNKNOWN, PROPERTY = Meant("constant"), Meant("unknown"), Meant("property")


class OwnClass:
    """A class of the folder: library classes it is derived from, and what its bodies bind."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name
        self.rows: list[dict[str, Any]] = []
        self.bound: dict[str, bool] = {}  # name -> it may be a property
        self.can_be_made = True


class OwnRows:
    """The rows of names that a folder around an artifact defines, with the files listed."""

    def __init__(self, folders: Iterable[Folder], listed: Any) -> None:
        if not isinstance(listed, dict) or not listed or set(map(type, listed.values())) != {str}:
            raise Rejected("0: not a list of source files")
        self._listed = listed
        self._sources = [Sources(folder, listed) for folder in folders]
        self._rows: dict[str, dict[str, Any]] = {}
        self._imports: _Imports | None = None

    def __call__(self, full: str) -> dict[str, Any]:
        """The row of `module:name`. Raises: Rejected."""
        if full not in self._rows:
            module, _, name = full.partition(":")
            package = module.partition(".")[0]
            having = [one for one in self._sources if one.has(package)]
            if len(having) != 1 or package in sys.stdlib_module_names:
                raise Rejected(f"4: not one folder holds {package!a}")
            if self._imports is None:
                for one in self._sources:
                    one.undisturbed()
                self._imports = _Imports(having[0])
            if self._imports.sources is not having[0]:
                raise Rejected("4: the classes lie in more than one folder")
            try:
                self._rows[full] = self._imports.row(module, name)
            except RecursionError:
                raise Rejected("4: the folder's code is nested too deep") from None
        return self._rows[full]

    def all_used(self) -> None:
        """Every file that is listed was imported. Raises: Rejected."""
        used = self._imports.sources.used if self._imports is not None else set()
        if used != set(self._listed):
            raise Rejected("4: files are listed that no class of the folder needs")


class _Imports:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.modules: dict[str, Env] = {}

    def load(self, name: str) -> Env:
        """What a module binds, after it and its packages have run."""
        whole = ""
        for part in name.split("."):
            parent, whole = whole, f"{whole}.{part}" if whole else part
            if whole in self.modules:
                continue
            if len(self.modules) >= _MOST:
                raise Rejected("4: too many modules are imported")
            path = self.sources.path(whole)
            tree = _parsed(self.sources.source(path), path)
            env: Env = {"__name__": CONSTANT}
            self.modules[whole] = env
            package = whole if path.endswith("/__init__.py") else parent
            _Following(self, whole, package, env).block(tree.body)
            if parent:
                _bound(self.modules[parent], part, Meant("module", whole))
        return self.modules[name]

    def row(self, module: str, name: str) -> dict[str, Any]:
        found = self.load(module).get(name)
        made: dict[str, Any] = {"names": [f"{module}:{name}"]}
        if found == Meant("defined", f"{module}:{name}"):
            return made
        if not isinstance(found, OwnClass) or (found.module, found.name) != (module, name):
            raise Rejected(f"4: {module} does not define {name} in the end")
        kinds = {row.get("row", "") for row in found.rows if not row.get("neutral")}
        kind = kinds.pop() if kinds else "builtins:object"
        if kinds or not found.can_be_made or not kind:
            raise Rejected(f"4: instances of {module}.{name} are not admitted")
        if kind == "own:enum" and {"__eq__", "__hash__"} & set(found.bound):
            raise Rejected(f"4: {name} says how it is compared")
        shape = _MADE.get(kind)
        if shape is None:
            known = summary(kind) or {}
            shape = {key: known[key] for key in ("new", "build", "attributes") if key in known}
        return {**made, "class": True, **shape}


class _Following:
    """One module while it runs."""

    def __init__(self, imports: _Imports, name: str, package: str, env: Env) -> None:
        self.imports, self.name, self.package, self.env = imports, name, package, env
        self.lazy = False
        self.sure = True  # no condition decides whether this is run

    def no(self, node: ast.AST, what: str) -> Rejected:
        return Rejected(f"4: {what} in {self.name}, line {getattr(node, 'lineno', 0)}")

    # Statements of a module

    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self.step(node)

    def step(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self.condition(node)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                for kind in kinds:
                    if kind is not None and _library(self.see(kind, {})) not in _ABSENT:
                        raise self.no(handler, "an exception of unknown kind is caught")
            caught = [handler.name for handler in node.handlers if handler.name]
            bodies = (node.body, node.orelse, node.finalbody, *(one.body for one in node.handlers))
            self.maybe(bodies)
            for name in caught:
                self.bind(node, name, UNKNOWN)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imported(node)
        else:
            self.plain(node, self.env, {}, None)

    def maybe(self, bodies: Iterable[list[ast.stmt]]) -> None:
        """Run each body, which may or may not be run: what it binds means nothing."""
        before, self.sure = self.sure, False
        for body in bodies:
            self.block(body)
        self.sure = before

    def condition(self, node: ast.If) -> None:
        match node.test:
            case ast.Compare(
                left=ast.Name("__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
            ):
                self.maybe([node.orelse])
            case ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                if _library(self.see(node.test, {})) != "typing.TYPE_CHECKING":
                    raise self.no(node, "an unknown condition")
                self.maybe([node.orelse])
            case ast.Compare(left=ast.Attribute() as left, comparators=others):
                if _library(self.see(left, {})) != "sys.version_info":
                    raise self.no(node, "an unknown condition")
                for one in others:
                    self.see(one, {})
                self.maybe([node.body, node.orelse])
            case _:
                raise self.no(node, "an unknown condition")

    def imported(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.module(node, alias.name)
                first = alias.name if alias.asname else alias.name.split(".")[0]
                own = self.imports.sources.has(first.split(".")[0])
                self.bind(node, alias.asname or first, Meant("module" if own else "library", first))
            return
        origin = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            if node.level > len(parts):
                raise self.no(node, "an import out of the package")
            origin = ".".join(parts[: len(parts) + 1 - node.level] + ([origin] if origin else []))
        self.lazy |= origin == "__future__" and any(one.name == "annotations" for one in node.names)
        own_env = self.module(node, origin)
        for alias in node.names:
            meant: Any = UNKNOWN
            if own_env is None:
                meant = self.taken(node, Meant("library", origin), alias.name)
            elif alias.name == "*":
                raise self.no(node, "an import of any name")
            else:
                inner = f"{origin}.{alias.name}"
                path = self.imports.sources.path(origin)
                if path.endswith("/__init__.py") and self.imports.sources.has(inner):
                    self.imports.load(inner)
                meant = own_env.get(alias.name, UNKNOWN)
            self.bind(node, alias.asname or alias.name, meant)

    def module(self, node: ast.stmt, name: str) -> Env | None:
        """Run the import of a module: what an own one binds, None for a library's."""
        if self.imports.sources.has(name.split(".")[0]):
            return self.imports.load(name)
        if name not in rules()["modules"]:
            raise self.no(node, f"the import of {name}")
        return None

    def bind(self, node: ast.AST, name: str, value: Any) -> None:
        if name.startswith("__") and name not in rules()["module_names"]:
            raise self.no(node, f"a module's own {name}")
        _bound(self.env, name, value if self.sure else UNKNOWN)

    # Statements of a module or of a class body

    def plain(self, node: ast.stmt, env: Env, around: Env, cls: OwnClass | None) -> None:
        """One statement; it binds in `env`. In a class body, `around` is `env` too."""
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return
            case ast.Assign(targets=targets, value=value):
                meant = self.see(value, around)
                for target in targets:
                    self.assign(node, target, value, meant, env, cls)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self.annotation(annotation, around)
                meant = self.see(value, around) if value is not None else UNKNOWN
                self.assign(node, target, value, meant, env, cls)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                is_property = self.function(node, around)
                meant = PROPERTY if is_property else Meant("defined", f"{self.name}:{name}")
                self.named(node, name, meant, env, cls)
            case ast.ClassDef(name=name):
                self.named(node, name, self.made(node, around), env, cls)
            case _:
                raise self.no(node, f"a statement ({type(node).__name__})")

    def assign(
        self, node: ast.stmt, target: ast.expr, value: Any, meant: Any, env: Env, cls: Any
    ) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for part in target.elts:
                self.assign(node, part, None, UNKNOWN, env, cls)
        elif isinstance(target, ast.Name):
            # A second name for a class or a library's thing is not followed.
            self.named(node, target.id, CONSTANT if meant == CONSTANT else UNKNOWN, env, cls)
        else:
            raise self.no(node, "a change of something")

    def named(self, node: ast.AST, name: str, meant: Any, env: Env, cls: OwnClass | None) -> None:
        if cls is None:
            self.bind(node, name, meant)
            return
        if name.startswith("__") and name.endswith("__") and name not in rules()["harmless"]:
            if name not in rules()["only_when_made"]:
                raise self.no(node, f"a class's own {name}")
            cls.can_be_made = False
        env[name] = meant
        cls.bound[name] = cls.bound.get(name, False) or meant == PROPERTY

    # Functions and classes

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, around: Env) -> bool:
        is_property = False
        for one in node.decorator_list:
            if _changes_property(one, around):
                is_property = True
                continue
            called = isinstance(one, ast.Call)
            meant = _library(self.see(one.func if isinstance(one, ast.Call) else one, around))
            if meant not in rules()["called_decorators" if called else "decorators"]:
                raise self.no(node, "a decorator")
            if isinstance(one, ast.Call):
                self.arguments(one, around)
            is_property |= "property" in meant.rpartition(".")[2]
        given = node.args
        for default in [*given.defaults, *given.kw_defaults]:
            if default is not None:
                self.see(default, around)
        for hint in [one.annotation for one in ast.walk(given) if isinstance(one, ast.arg)]:
            if hint is not None:
                self.annotation(hint, around)
        if node.returns is not None:
            self.annotation(node.returns, around)
        if getattr(node, "type_params", None):
            raise self.no(node, "type parameters")
        return is_property

    def made(self, node: ast.ClassDef, around: Env) -> OwnClass:
        """The class that a statement makes; only admitted hooks of libraries run."""
        cls = OwnClass(self.name, node.name)
        mixed = []
        own = False
        for base in node.bases:
            meant = self.see(base.value if isinstance(base, ast.Subscript) else base, around)
            if isinstance(base, ast.Subscript):
                if _library(meant) not in ("typing.Generic", "typing.Protocol"):
                    raise self.no(node, "a base with parameters")
                self.see(base.slice, around)
            row = next((row for row in rules()["base"] if _library(meant) in row["names"]), None)
            if isinstance(meant, OwnClass):
                own = True
                cls.rows += meant.rows
                for name, may_be in meant.bound.items():
                    cls.bound[name] = cls.bound.get(name, False) or may_be
                cls.can_be_made &= meant.can_be_made
            elif row is not None:
                cls.rows.append(row)
            elif _library(meant) in ("builtins.str", "builtins.int"):
                mixed.append(base)
            else:
                raise self.no(node, "a base")
        kinds = {row.get("row", "") for row in cls.rows if not row.get("neutral")}
        special = kinds & {"own:enum", "own:named-tuple"}
        if mixed and (mixed != node.bases[:1] or len(node.bases) != 2 or "own:enum" not in kinds):
            raise self.no(node, "a base")
        for word in node.keywords:
            meant = self.see(word.value, around)
            if word.arg != "metaclass" or _library(meant) != "abc.ABCMeta":
                raise self.no(node, "an argument of a class")
        data = [self.dataclass(node, one, around) for one in node.decorator_list]
        if len(kinds) > 1 or (special and (own or any(data))) or getattr(node, "type_params", None):
            raise self.no(node, "a class made in an unknown way")
        self.body(node, cls, is_enum="own:enum" in kinds)
        for row in cls.rows:
            for name, may_be in cls.bound.items():
                found = _matches(name, row, "forbids")
                if found or (may_be and _matches(name, row, "no_properties")):
                    raise self.no(node, f"{name}, which a library looks up")
        return cls

    def dataclass(self, node: ast.ClassDef, one: ast.expr, around: Env) -> bool:
        meant = _library(self.see(one.func if isinstance(one, ast.Call) else one, around))
        if meant not in rules()["class_decorators"]:
            raise self.no(node, "a decorator")
        if isinstance(one, ast.Call):
            if one.args or meant != "dataclasses.dataclass":
                raise self.no(node, "a decorator")
            for word in one.keywords:
                value = word.value.value if isinstance(word.value, ast.Constant) else None
                if word.arg not in rules()["dataclass_arguments"] or type(value) is not bool:
                    raise self.no(node, "an argument of dataclass")
        return meant == "dataclasses.dataclass"

    def body(self, node: ast.ClassDef, cls: OwnClass, *, is_enum: bool) -> None:
        env: Env = {}
        for one in node.body:
            if is_enum:
                self.member(one)
            self.plain(one, env, env, cls)

    def member(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return
            case ast.Assign(targets=[ast.Name(name)], value=value) if not name.startswith("_"):
                if _constant(value) or (
                    isinstance(value, ast.Call)
                    and _library(self.see(value.func, {})) == "enum.auto"
                ):
                    return
            case ast.FunctionDef(name=name, decorator_list=[]):
                if not name.startswith("_") or name in ("__str__", "__repr__"):
                    return
        raise self.no(node, "a member of an Enum")

    # Expressions

    def see(self, node: ast.expr, around: Env) -> Any:
        """What an expression means. Raises: Rejected where evaluating it may run anything."""
        match node:
            case ast.Constant():
                return CONSTANT
            case ast.Name(id=name):
                return self.lookup(name, around)
            case ast.Attribute(value=value, attr=name):
                return self.taken(node, self.see(value, around), name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                seen = [self.see(part, around) for part in parts]
                plain = all(one == CONSTANT for one in seen) and isinstance(node, ast.Tuple)
                return CONSTANT if plain else UNKNOWN
            case ast.Set(elts=parts) if all(map(_constant, parts)):
                return UNKNOWN
            case ast.Dict(keys=keys, values=values) if all(map(_constant, keys)):
                for value in values:
                    self.see(value, around)
                return UNKNOWN
            case ast.Lambda(args=given):
                for default in [*given.defaults, *given.kw_defaults]:
                    if default is not None:
                        self.see(default, around)
                return Meant("defined")
            case ast.UnaryOp() | ast.BinOp() if _number(node):
                return CONSTANT
            case ast.Call(func=function):
                if _library(self.see(function, around)) in rules()["calls"]:
                    self.arguments(node, around)
                    return UNKNOWN
            case ast.Subscript(value=value, slice=inner):
                generic = _library(self.see(value, around))
                module = generic.rpartition(".")[0]
                if module in rules()["generic_modules"] or generic in rules()["generics"]:
                    self.annotation(inner, around)
                    return UNKNOWN
        raise self.no(node, f"an expression ({type(node).__name__})")

    def lookup(self, name: str, around: Env) -> Any:
        if name in around:
            return around[name]
        if name in self.env:
            return self.env[name]
        return Meant("library", f"builtins.{name}") if hasattr(builtins, name) else UNKNOWN

    def taken(self, node: ast.AST, inside: Any, name: str) -> Any:
        """What an attribute of a module means."""
        if isinstance(inside, Meant) and inside.kind == "module":
            found = self.imports.modules.get(inside.name, {})
            if name in found:
                return found[name]
        elif (module := _library(inside)) in rules()["modules"]:
            full = f"{module}.{name}"
            easy = module in rules()["flat"] or name[:1].isupper() or full in rules()["names"]
            if full in rules()["modules"] or (easy and not name.startswith("_") and name != "*"):
                return Meant("library", full)
        raise self.no(node, f"the name {name!a}")

    def arguments(self, node: ast.Call, around: Env) -> None:
        for one in node.keywords:
            if one.arg is None:
                raise self.no(node, "an argument")
        for value in (*node.args, *(one.value for one in node.keywords)):
            for part in _parts(value):
                meant = self.see(part, around)
                full = _library(meant)
                of_library = (
                    full.startswith("builtins.")
                    or full.rpartition(".")[2][:1].isupper()
                    or full in rules()["names"]
                )
                own = isinstance(meant, OwnClass) or meant.kind in ("constant", "defined")
                if not (of_library or own):
                    raise self.no(node, "an argument")

    def annotation(self, node: ast.expr, around: Env) -> None:
        if self.lazy:
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self.annotation(node.left, around)
            self.annotation(node.right, around)
        elif isinstance(node, ast.Tuple | ast.List):
            for part in node.elts:
                self.annotation(part, around)
        else:
            self.see(node, around)


def _changes_property(node: ast.expr, around: Env) -> bool:
    """Whether a decorator is `name.setter` of a property that the class has already."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return node.attr in _FIELD and around.get(node.value.id) == PROPERTY


def _library(meant: Any) -> str:
    """The dotted name in a library that is meant; empty if it is none."""
    return meant.name if isinstance(meant, Meant) and meant.kind == "library" else ""


def _bound(env: Env, name: str, value: Any) -> None:
    """Bind a name of a module. What another module took under it must not change after that."""
    if name in env and env[name] != value:
        for one in (env[name], value):
            if isinstance(one, OwnClass) or one.kind in ("library", "module"):
                raise Rejected(f"4: a module binds {name} twice")
        value = UNKNOWN
    env[name] = value


def _matches(name: str, row: dict[str, Any], key: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in row.get(key, ()))


def _parts(node: ast.expr) -> list[ast.expr]:
    """An argument, or what stands in the lists, tuples and dicts that it is."""
    if isinstance(node, ast.Tuple | ast.List):
        return [part for one in node.elts for part in _parts(one)]
    if isinstance(node, ast.Dict) and all(map(_constant, node.keys)):
        return [part for one in node.values for part in _parts(one)]
    return [node]


def _constant(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_constant, node.elts))
    return isinstance(node, ast.Constant) or (node is not None and _number(node))


def _number(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and -(1 << 64) < node.value < 1 << 64  # type: ignore[operator]
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub | ast.UAdd) and _number(node.operand)
    if not isinstance(node, ast.BinOp) or not _number(node.left) or not _number(node.right):
        return False
    if isinstance(node.op, ast.Pow):
        power = node.right.value if isinstance(node.right, ast.Constant) else -1
        return isinstance(node.left, ast.Constant) and type(power) is int and 0 <= power <= 64
    return isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Mod)


def _parsed(data: bytes, path: str) -> ast.Module:
    """The syntax of a file that every Python reads as the same text."""
    for line in data.split(b"\n", 2)[:2]:
        told = _CODING.findall(line)
        if told and [one.lower() for one in told] not in ([b"utf-8"], [b"utf8"]):
            raise Rejected(f"4: {path} tells another encoding than UTF-8")
        if line.count(b"coding") > 1:
            raise Rejected(f"4: {path} tells its encoding twice")
    if b"\0" in data or b"\x0c" in data or b"\x1a" in data or data.startswith(b"\xef\xbb\xbf"):
        raise Rejected(f"4: {path} holds characters that are read in more than one way")
    if b"\r" in data.replace(b"\r\n", b""):
        raise Rejected(f"4: {path} ends lines in more than one way")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Rejected(f"4: {path} is no Python that can be read") from None
