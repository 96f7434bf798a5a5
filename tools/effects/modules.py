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
    acts: str = ""

    def may_bind(self, name: str) -> bool:
        """Whether the module may give something for this name, though no one line says what."""
        names = {*self.classes, *self.functions, *self.imports, *self.aliases, *self.unsure}
        return name in names or "__getattr__" in self.functions or bool(self.stars)


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
        module.unsure |= set(_bound_otherwise(tree))
        module.acts = module.acts or _reaches_namespaces(tree)
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
        if depth > 12 or self.is_unsure(found, name):
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

    def is_unsure(self, found: Module, name: str) -> bool:
        """Whether the module may bind the name in more than one way."""
        if name in found.unsure:
            return True
        explicit = (found.classes, found.functions, found.imports, found.aliases)
        return any(name in names for names in explicit) and any(
            self._may_export(star, name, 0) for star in found.stars
        )

    def _may_export(self, module: str, name: str, depth: int) -> bool:
        found = self.get(module)
        if found is None or depth > 12:
            return True
        bound = (found.classes, found.functions, found.imports, found.aliases, found.unsure)
        return any(name in names for names in bound) or any(
            self._may_export(star, name, depth + 1) for star in found.stars
        )

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
            owner = self.module_of(module, value.value)
            return None if owner is None else self.resolve(owner, value.attr, depth)
        return None

    def module_of(self, module: str, value: ast.expr) -> str | None:
        """The module that `a.b` stands for in `module`."""
        if isinstance(value, ast.Attribute):
            owner = self.module_of(module, value.value)
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
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        yield from node.orelse
        return
    for case in getattr(node, "cases", ()):
        yield from case.body
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


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of the module's own namespace: none in the bodies of functions and classes."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, (*_DEFINITIONS, ast.Lambda)):
            yield from at_import(child)


def _bound_otherwise(tree: ast.Module) -> Iterator[str]:
    """Names that more than a plain statement binds: loops, tuples, `del`, a `global` elsewhere."""
    plain = {
        id(target)
        for node in at_import(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    for node in at_import(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            if id(node) not in plain:
                yield node.id
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


def _reaches_namespaces(tree: ast.Module) -> str:
    """What changes a module's namespace, or a module itself, past the names in the source."""
    for node in at_import(tree):
        changed = ""
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            changed = ast.unparse(node)
        elif isinstance(node, ast.Call):
            changed = ast.unparse(node.func)
        hidden = changed.startswith(("globals()", "vars()", "locals()", "sys.modules["))
        if hidden and changed.endswith((".get", ".keys", ".items", ".values", ".copy")):
            continue
        if hidden or changed in ("exec", "eval", "sys.modules.update", "sys.modules.setdefault"):
            return changed[:60]
    return ""
