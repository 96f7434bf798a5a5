"""What a folder's module assigns and defines, at its top or in a class; used by `own_code`."""

import ast
from fnmatch import fnmatchcase
from typing import Any

from probatum.check.own_expressions import (
    CONSTANT,
    PROPERTY,
    UNKNOWN,
    Env,
    Expressions,
    Meant,
    OwnClass,
    library,
)
from probatum.check.own_folder import rules
from probatum.check.own_syntax import constant
from probatum.errors import Rejected

_FIELD = {"setter", "getter", "deleter"}


class Definitions(Expressions):
    """Statements of a module or of a class body."""

    def bind(self, node: ast.AST, name: str, value: Any) -> None:
        if name.startswith("__") and name not in rules()["module_names"]:
            raise self.no(node, f"a module's own {name}")
        rebound(self.env, name, value if self.sure else UNKNOWN)

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
                if cls is not None:
                    cls.hints.append(annotation)
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

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, around: Env) -> bool:
        is_property = False
        for one in node.decorator_list:
            if _changes_property(one, around):
                is_property = True
                continue
            called = isinstance(one, ast.Call)
            meant = library(self.see(one.func if isinstance(one, ast.Call) else one, around))
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
                if library(meant) not in ("typing.Generic", "typing.Protocol"):
                    raise self.no(node, "a base with parameters")
                self.see(base.slice, around)
            row = next((row for row in rules()["base"] if library(meant) in row["names"]), None)
            if isinstance(meant, OwnClass):
                own = True
                cls.rows += meant.rows
                for name, may_be in meant.bound.items():
                    cls.bound[name] = cls.bound.get(name, False) or may_be
                cls.can_be_made &= meant.can_be_made
                cls.hints_are_plain &= meant.hints_are_plain
            elif row is not None:
                cls.rows.append(row)
            elif library(meant) in ("builtins.str", "builtins.int"):
                mixed.append(base)
            else:
                raise self.no(node, "a base")
        kinds = {row.get("row", "") for row in cls.rows if not row.get("neutral")}
        special = kinds & {"own:enum", "own:named-tuple"}
        if mixed and (mixed != node.bases[:1] or len(node.bases) != 2 or "own:enum" not in kinds):
            raise self.no(node, "a base")
        for word in node.keywords:
            meant = self.see(word.value, around)
            if word.arg != "metaclass" or library(meant) != "abc.ABCMeta":
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
        meant = library(self.see(one.func if isinstance(one, ast.Call) else one, around))
        if isinstance(one, ast.Call) and meant in rules()["called_class_decorators"]:
            self.arguments(one, around)
            return False
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
        try:
            cls.hints_are_plain &= all(self.hint(one, env) for one in cls.hints)
        except Rejected:
            cls.hints_are_plain = False
        if not cls.hints_are_plain and any(row.get("reads_hints") for row in cls.rows):
            raise self.no(node, "an annotation that a library evaluates")

    def member(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return
            case ast.Assign(targets=[ast.Name(name)], value=value) if not name.startswith("_"):
                if constant(value) or (
                    isinstance(value, ast.Call) and library(self.see(value.func, {})) == "enum.auto"
                ):
                    return
            case ast.FunctionDef(name=name, decorator_list=[]):
                if not name.startswith("_") or name in ("__str__", "__repr__"):
                    return
        raise self.no(node, "a member of an Enum")


def _changes_property(node: ast.expr, around: Env) -> bool:
    """Whether a decorator is `name.setter` of a property that the class has already."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return node.attr in _FIELD and around.get(node.value.id) == PROPERTY


def rebound(env: Env, name: str, value: Any) -> None:
    """Bind a name of a module. What another module took under it must not change after that."""
    if name in env and env[name] != value:
        for one in (env[name], value):
            if isinstance(one, OwnClass) or one.kind in ("library", "module"):
                raise Rejected(f"4: a module binds {name} twice")
        value = UNKNOWN
    env[name] = value


def _matches(name: str, row: dict[str, Any], key: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in row.get(key, ()))
