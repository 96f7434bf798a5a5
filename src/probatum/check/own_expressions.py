"""What names and expressions mean where a folder's own module runs; used by `own_code`."""

import ast
import builtins
from typing import Any, NamedTuple

from probatum.check.own_folder import rules
from probatum.check.own_syntax import constant, number, parts
from probatum.errors import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.check.own_code import Imports


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
        self.hints_are_plain = True
        self.hints: list[ast.expr] = []


class Expressions:
    """One module while it runs: what its names mean so far."""

    def __init__(self, imports: "Imports", name: str, package: str, env: Env) -> None:
        self.imports, self.name, self.package, self.env = imports, name, package, env
        self.lazy = False
        self.sure = True  # no condition decides whether this is run

    def no(self, node: ast.AST, what: str) -> Rejected:
        return Rejected(f"4: {what} in {self.name}, line {getattr(node, 'lineno', 0)}")

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
            case ast.Set(elts=parts) if all(map(constant, parts)):
                return UNKNOWN
            case ast.Dict(keys=keys, values=values) if all(map(constant, keys)):
                for value in values:
                    self.see(value, around)
                return UNKNOWN
            case ast.Lambda(args=given):
                for default in [*given.defaults, *given.kw_defaults]:
                    if default is not None:
                        self.see(default, around)
                return Meant("defined")
            case ast.UnaryOp() | ast.BinOp() if number(node):
                return CONSTANT
            case ast.Call(func=function):
                if library(self.see(function, around)) in rules()["calls"]:
                    self.arguments(node, around)
                    return UNKNOWN
            case ast.Subscript(value=value, slice=inner):
                generic = library(self.see(value, around))
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
        elif (module := library(inside)) in rules()["modules"]:
            full = f"{module}.{name}"
            capital = name[:1].isupper() and module not in rules()["narrow"]
            easy = module in rules()["flat"] and name[:1] not in ("_", "*")
            if easy or capital or full in rules()["names"] | rules()["modules"]:
                return Meant("library", full)
        elif library(inside) in rules()["enums"] and name[:1] != "_":
            return Meant("library", f"{library(inside)}.{name}")
        raise self.no(node, f"the name {name!a}")

    def arguments(self, node: ast.Call, around: Env) -> None:
        for one in node.keywords:
            if one.arg is None:
                raise self.no(node, "an argument")
        for value in (*node.args, *(one.value for one in node.keywords)):
            for part in parts(value):
                meant = self.see(part, around)
                full = library(meant)
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

    def hint(self, node: ast.expr, around: Env) -> bool:
        """Whether an annotation is made of classes' names alone, so that it means one thing."""
        if isinstance(node, ast.Constant):
            return node.value is None or node.value is ...
        if isinstance(node, ast.BinOp):
            return self.hint(node.left, around) and self.hint(node.right, around)
        if isinstance(node, ast.Tuple | ast.List):
            return all(self.hint(part, around) for part in node.elts)
        if isinstance(node, ast.Subscript):
            self.lazy, before = False, self.lazy
            self.annotation(node, around)
            self.lazy = before
            return self.hint(node.slice, around)
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        meant = self.see(node, around)
        return isinstance(meant, OwnClass) or meant.kind in ("library", "defined")


def library(meant: Any) -> str:
    """The dotted name in a library that is meant; empty if it is none."""
    return meant.name if isinstance(meant, Meant) and meant.kind == "library" else ""
