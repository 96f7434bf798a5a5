"""Follows what importing a folder's own modules does, and how instances of its classes are made.

Each module is followed as an interpreter would run it, statement by statement, on names instead of
values: what a name means is what was bound to it last. Where paths join, a name that one of them
binds means nothing any more. Every step has to be one that `rules/own_code.toml` admits, so that
an import runs nothing but definitions; the rest is Rejected. Used by step 4 of `pickle`.
"""

import ast
import sys
from collections.abc import Iterable
from typing import Any

from probatum.check.own_definitions import Definitions, rebound
from probatum.check.own_expressions import CONSTANT, UNKNOWN, Env, Meant, OwnClass, library
from probatum.check.own_folder import Folder, Sources, rules
from probatum.check.own_syntax import parsed
from probatum.check.pickle_summaries import summary
from probatum.errors import Rejected

_MOST = 64
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


class OwnRows:
    """The rows of names that a folder around an artifact defines, with the files listed."""

    def __init__(self, folders: Iterable[Folder], listed: Any) -> None:
        if not isinstance(listed, dict) or not listed or set(map(type, listed.values())) != {str}:
            raise Rejected("0: not a list of source files")
        self._listed = listed
        self._sources = [Sources(folder, listed) for folder in folders]
        self._rows: dict[str, dict[str, Any]] = {}
        self._imports: Imports | None = None

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
                self._imports = Imports(having[0])
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


class Imports:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.modules: dict[str, Env] = {}
        self.read: list[tuple[str, ast.Module]] = []

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
            text = self.sources.source(path)
            tree = parsed(text, path)
            self.read.append((text.decode(), tree))
            env: Env = {"__name__": CONSTANT}
            self.modules[whole] = env
            package = whole if path.endswith("/__init__.py") else parent
            _Following(self, whole, package, env).block(tree.body)
            if parent:
                rebound(self.modules[parent], part, Meant("module", whole))
        return self.modules[name]

    def all_used(self, listed: dict[str, str]) -> None:
        """Every file that is listed was imported. Raises: Rejected."""
        if self.sources.used != set(listed):
            raise Rejected("4: files are listed that nothing imports")

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


class _Following(Definitions):
    """One module while it runs."""

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
                    if kind is not None and library(self.see(kind, {})) not in _ABSENT:
                        raise self.no(handler, "an exception of unknown kind is caught")
            caught = [handler.name for handler in node.handlers if handler.name]
            bodies = (node.body, node.orelse, node.finalbody, *(one.body for one in node.handlers))
            self.maybe(bodies)
            for name in caught:
                self.bind(node, name, UNKNOWN)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imported(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            of = (
                library(self.see(function.value, {})) if isinstance(function, ast.Attribute) else ""
            )
            if f"{of}.{getattr(function, 'attr', '')}" not in rules()["statements"]:
                raise self.no(node, "a call")
            self.arguments(node.value, {})
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
                if library(self.see(node.test, {})) != "typing.TYPE_CHECKING":
                    raise self.no(node, "an unknown condition")
                self.maybe([node.orelse])
            case _:
                self.asked(node.test)
                self.maybe([node.body, node.orelse])

    def asked(self, test: ast.expr) -> None:
        """A condition that runs nothing but a library's look at the version or what is there."""
        if isinstance(test, ast.BoolOp):
            for part in test.values:
                self.asked(part)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self.asked(test.operand)
        elif isinstance(test, ast.Compare) and isinstance(test.left, ast.Attribute):
            if library(self.see(test.left, {})) != "sys.version_info":
                raise self.no(test, "an unknown condition")
            for one in test.comparators:
                self.see(one, {})
        elif not (
            isinstance(test, ast.Call)
            and not test.args
            and not test.keywords
            and library(self.see(test.func, {})) in rules()["conditions"]
        ):
            raise self.no(test, "an unknown condition")

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
        is_open = name.split(".")[0] in rules()["copied_only"] and not self.imports.sources.copied
        if is_open or name not in rules()["modules"]:
            raise self.no(node, f"the import of {name}")
        return None
