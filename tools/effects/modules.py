"""What the names of a module stand for: its classes, imports and aliases, from its syntax alone."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tools.effects.sources import Release

_INERT_CALLS = frozenset(
    [
        "filterwarnings",
        "simplefilter",
        "lazy_import",
        "setattr",
        "update",
        "append",
        "extend",
        "add",
        "setdefault",
    ]
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Imported:
    """A name that a module takes from elsewhere: `name` is None for a module."""

    module: str
    name: str | None


@dataclass
class Module:
    """The top-level bindings of one module. A name bound more than once is in `unsure`."""

    name: str
    text: str
    tree: ast.Module
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    imports: dict[str, Imported] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    patched: set[str] = field(default_factory=set)
    acts: str = ""


class Modules:
    """The modules of one release, parsed when they are asked for."""

    def __init__(self, release: Release, aliases: dict[str, str] | None = None) -> None:
        self.release = release
        self._aliases = aliases or {}
        self._parsed: dict[str, Module | None] = {}

    def get(self, name: str) -> Module | None:
        if name not in self._parsed:
            text = self.release.texts.get(name)
            self._parsed[name] = None if text is None else self._parse(name, text)
        return self._parsed[name]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.release.texts)

    def _parse(self, name: str, text: str) -> Module | None:
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return None
        module = Module(name, text, tree)
        package = name if name in self.release.packages else name.rpartition(".")[0]
        _bind(module, package, tree.body, certain=True)
        for target, attribute in _patches(tree):
            module.patched.add(f"{target}.{attribute}")
        return module

    def resolve(self, module: str, name: str, depth: int = 0) -> tuple[str, str] | None:
        """The (module, class or attribute) where the name `name` of `module` was defined.

        None if it cannot be told from the source. A name from outside the release resolves to
        the module it is imported from.
        """
        if f"{module}:{name}" in self._aliases:
            owner, _, named = self._aliases[f"{module}:{name}"].partition(":")
            return self.resolve(owner, named, depth + 1)
        found = self.get(module)
        if found is None:
            return None if module in self.release.texts else (module, name)
        if depth > 12 or name in found.unsure:
            return None
        if name in found.classes or name in found.functions:
            return module, name
        if name in found.imports:
            imported = found.imports[name]
            if imported.name is None:
                return None
            submodule = f"{imported.module}.{imported.name}"
            if submodule in self.release.texts or submodule in self.release.stubs:
                return None
            return self.resolve(imported.module, imported.name, depth + 1)
        if name in found.aliases:
            return self.expression(module, found.aliases[name], depth + 1)
        if not found.stars and not _is_bound(found, name) and name in _BUILTIN_BASES:
            return "builtins", name
        return self._starred(found, name, depth)

    def _starred(self, found: Module, name: str, depth: int) -> tuple[str, str] | None:
        outcomes = {self.resolve(star, name, depth + 1) for star in found.stars} - {None}
        return outcomes.pop() if len(outcomes) == 1 else None

    def expression(self, module: str, value: ast.expr, depth: int = 0) -> tuple[str, str] | None:
        """What a base class expression (`Name`, `package.Name`, `Generic[T]`) stands for."""
        if isinstance(value, ast.Subscript):
            return self.expression(module, value.value, depth)
        if isinstance(value, ast.Name):
            return self.resolve(module, value.id, depth)
        if isinstance(value, ast.Attribute):
            owner = self._module_of(module, value.value)
            return None if owner is None else self.resolve(owner, value.attr, depth)
        return None

    def _module_of(self, module: str, value: ast.expr) -> str | None:
        """The module that `a.b` stands for in `module`."""
        if isinstance(value, ast.Attribute):
            owner = self._module_of(module, value.value)
            return None if owner is None else f"{owner}.{value.attr}"
        found = self.get(module)
        if not isinstance(value, ast.Name) or found is None or value.id in found.unsure:
            return None
        imported = found.imports.get(value.id)
        if imported is None:
            return None
        return imported.module if imported.name is None else f"{imported.module}.{imported.name}"


_BUILTIN_BASES = frozenset({"object", "Exception", "ValueError", "RuntimeError", "dict", "list"})


def _is_bound(module: Module, name: str) -> bool:
    return any(
        isinstance(node, _DEFINITIONS) and node.name == name for node in ast.walk(module.tree)
    )


def _bind(module: Module, package: str, body: Iterable[ast.stmt], *, certain: bool) -> None:
    """Record what the statements bind; under `if` and `try` a class is only one possibility."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            _note(module, node.name)
            module.classes[node.name] = node
            if not certain:
                module.unsure.add(node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _note(module, node.name)
            module.functions.add(node.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                target = alias.name if alias.asname else bound
                _import(module, bound, Imported(target, None))
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(package, node)
            for alias in node.names:
                if alias.name == "*":
                    module.stars.append(origin)
                else:
                    _import(module, alias.asname or alias.name, Imported(origin, alias.name))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            _assign(module, node)
        elif isinstance(node, ast.Expr):
            if _is_act(node.value):
                module.acts = ast.unparse(node)[:60]
        else:
            if isinstance(node, ast.While):
                module.acts = "while"
            _bind(module, package, _inner(node), certain=False)


def _inner(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
        return
    for part in ("body", "orelse", "finalbody"):
        yield from getattr(node, part, ())
    for handler in getattr(node, "handlers", ()):
        yield from handler.body


def _note(module: Module, name: str) -> None:
    if any(name in names for names in (module.classes, module.imports, module.aliases)):
        module.unsure.add(name)


def _import(module: Module, bound: str, imported: Imported) -> None:
    if module.imports.get(bound, imported) != imported or bound in module.classes:
        module.unsure.add(bound)
    module.imports[bound] = imported


def _assign(module: Module, node: ast.Assign | ast.AnnAssign) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if not isinstance(target, ast.Name):
            continue
        _note(module, target.id)
        if isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript):
            module.aliases[target.id] = node.value
        else:
            module.unsure.add(target.id)


def _origin(package: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, node.module] if node.module else kept)


def _is_act(value: ast.expr) -> bool:
    """Whether an expression statement does something a reader cannot wave through."""
    if isinstance(value, ast.Constant):
        return False
    if isinstance(value, ast.Call):
        named = value.func
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
        return name not in _INERT_CALLS and not name.startswith(("_register", "register", "_set_"))
    return True


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


def _patches(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(class, attribute) of each `Class.attribute = …` and `setattr(Class, "attribute", …)`."""
    for node in _at_import(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    yield target.value.id, target.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "setattr"
            and len(node.args) == 3
            and isinstance(node.args[0], ast.Name)
            and isinstance(node.args[1], ast.Constant)
        ):
            yield node.args[0].id, str(node.args[1].value)
