"""Says what names, imports and callees of a project mean, as far as names alone say it."""

import ast
from typing import Any

from probatum.check.entry_index import Index, Unit, Value, module_path, plain


class Names:
    """The definitions that a project's names lead to."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._derived: dict[str, list[Unit]] = {}
        for one in index.units.values():
            for base in one.node.bases if one.is_class else ():
                self._derived.setdefault(last(base), []).append(one)
        self._paths = {one.file: f"/{module_path(one.file)}" for one in index.units.values()}
        self._tops = frozenset(part for path in self._paths.values() for part in path.split("/"))

    def _callees(self, func: Any, unit: Unit) -> list[Unit]:
        """The functions and classes of the project that a callee is by name, if by name alone."""
        match func:
            case ast.Name(id=name):
                owner = unit.scope(name)
                values = list(owner.binds.get(name, ())) if owner is not None else []
                values += self.index.stored.get(name, ())
            case ast.Attribute(attr=name):
                if self.outside(func, unit):
                    return []
                values = list(self.index.named.get(plain(name), ()))
            case _:
                return []
        for one in list(values):
            if isinstance(one.of, str):
                values += self._imported(one.of, one.unit)
        units = [one.of for one in values if isinstance(one.of, Unit) and not one.of.is_module]
        named = isinstance(func, ast.Attribute)
        whole = all(isinstance(one.of, (Unit, str)) for one in values)
        return units if named or whole else []

    def _below(self, name: str) -> list[Unit]:
        """The classes of the project that say a class so named is their base."""
        found: list[Unit] = []
        waiting = [name]
        while waiting:
            above = waiting.pop()
            for unit in self._derived.get(above, ()):
                if unit not in found:
                    found.append(unit)
                    waiting.append(unit.name)
        return found

    def _imported(self, dotted: str, unit: Unit) -> list[Value]:
        """What an import of the project's own means; nothing where it is a library's."""
        parts = absolute(dotted, unit.file)
        whole = self._files(parts)
        if whole:
            return [Value(one, one) for one in whole]
        found: list[Value] = []
        for module in self._files(parts[:-1]):
            bound = module.binds.get(parts[-1])
            if bound is None:
                found += self.index.named.get(parts[-1], ())
            for one in bound or ():
                again = isinstance(one.of, str) and absolute(one.of, module.file) == parts
                found += [] if again else [one]
        if not found and self._is_own(parts[0] if parts else ""):
            found += [one for one in self.index.named.get(parts[-1], ()) if one.of != dotted]
        return found

    def _files(self, parts: list[str]) -> list[Unit]:
        if not parts:
            return []
        ending = "/" + "/".join(parts)
        modules = self.index.modules.get(parts[-1], ())
        return [one for one in modules if self._paths[one.file].endswith(ending)]

    def _is_own(self, top: str) -> bool:
        """A folder or module of the project has this name."""
        return top in self._tops

    def outside(self, node: Any, unit: Unit) -> str:
        """The full name of an attribute of a library's module; empty for anything else."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        owner = unit.scope(node.id)
        given = owner.binds.get(node.id, ()) if owner is not None else ()
        if not given or (owner is not None and node.id in owner.parameters):
            return ""
        if not all(isinstance(one.of, str) for one in given) or node.id in self.index.stored:
            return ""
        if any(self._imported(one.of, one.unit) for one in given):
            return ""
        first: str = given[0].of
        if first.startswith(".") or self._is_own(first.partition(".")[0]):
            return ""
        return ".".join([first, *reversed(names)])

    def full_name(self, node: Any, unit: Unit) -> str:
        """The full name of a library's function or class; empty for anything else."""
        if not isinstance(node, ast.Name):
            return self.outside(node, unit)
        named = self.outside(ast.Attribute(node, "", ast.Load()), unit)
        return named.removesuffix(".")


def own_object(unit: Unit | None) -> str:
    """The name of the object or class that a method is called on: its first parameter."""
    if unit is None or unit.around is None or not unit.around.is_class or unit.is_class:
        return ""
    if any(last(one) == "staticmethod" for one in unit.node.decorator_list):
        return ""
    arguments = [*unit.node.args.posonlyargs, *unit.node.args.args]
    return arguments[0].arg if arguments else ""


def is_defined(owner: Unit, name: str) -> bool:
    """The name is bound to definitions and imports alone."""
    given = owner.binds.get(name, ())
    return name not in owner.parameters and all(isinstance(one.of, (Unit, str)) for one in given)


def last(node: Any) -> str:
    """The last part of a name; that of what is called, for a call."""
    node = node.func if isinstance(node, ast.Call) else node
    return str(getattr(node, "attr", getattr(node, "id", "")))


def absolute(dotted: str, file: str) -> list[str]:
    level = len(dotted) - len(dotted.lstrip("."))
    parts = [one for one in dotted[level:].split(".") if one]
    if not level:
        return parts
    folders = file.split("/")[:-1]
    return [*folders[: len(folders) - (level - 1)], *parts]


def children(node: Any) -> list[Any]:
    found: list[Any] = []
    for field in node._fields:
        child = getattr(node, field, None)
        if isinstance(child, list):
            found += [one for one in child if isinstance(one, ast.AST)]
        elif isinstance(child, ast.AST) and child._fields:
            found.append(child)
    return found


def fetched_name(call: ast.Call) -> str | None:
    name = call.args[1] if len(call.args) > 1 else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def may_be_builtin(owner: Unit, name: str) -> bool:
    """The name of a function is never a built-in where it is bound; that of a module may be."""
    if isinstance(owner.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return name in owner.loose
    return not is_defined(owner, name)
