"""What the modules of a release change in classes, or put in their place, after they are made."""

import ast
from collections.abc import Iterator

from tools.effects.bodies import HOOKS
from tools.effects.modules import Module, Modules, at_import
from tools.effects.sources import is_library

_ANY = "*"
_ONLY_NOTE = frozenset(
    {
        "TypeVar",
        "NewType",
        "cast",
        "isinstance",
        "issubclass",
        "register",
        "update",
        "append",
        "add",
    }
)
"""Functions to which a class is handed while a module is imported, and which leave it as it is."""
_CHANGE = HOOKS | {"__class_getitem__", "__bases__", _ANY}


class Patches:
    """Every `Class.hook = …`, wherever it stands, and every `module.Class = …`.

    A class is known by its last name only: which of several so called is meant is not asked.
    `rebound` are the (module, name) that another module assigns.
    """

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._by_class: dict[str, set[str]] = {}
        self.rebound: set[tuple[str, str]] = set()
        for name in filter(is_library, modules.names):
            found = modules.get(name)
            if found is not None:
                self._read(found)

    def of_class(self, name: str) -> list[str]:
        """The patches of hooks of a class of this name, as `module:Class.attribute`.

        A function that is handed the class may patch it too: `module:function()`.
        """
        return sorted(self._by_class.get(name, ()))

    def _read(self, module: Module) -> None:
        for function, handed in _handed(module.tree):
            meant = self._modules.expression(module.name, handed)
            if meant is not None and function not in _ONLY_NOTE | {"setattr"}:
                patch = f"{module.name}:{function}()"
                self._by_class.setdefault(meant[1], set()).add(patch)
        for target, attribute in _assigned(module.tree):
            if attribute in _CHANGE:
                meant = self._modules.expression(module.name, target)
                for last in {_last(target), *(meant or ())[1:]}:
                    patch = f"{module.name}:{last}.{attribute}"
                    self._by_class.setdefault(last, set()).add(patch)
            owner = self._modules.module_of(module.name, target)
            if owner is not None:
                self.rebound.add((owner, attribute))


def _handed(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """(function, argument) of each call that runs while the module is imported."""
    for node in at_import(tree):
        if isinstance(node, ast.Call):
            waiting = [*node.args, *(keyword.value for keyword in node.keywords)]
            while waiting:
                value = waiting.pop()
                if isinstance(value, ast.Name | ast.Attribute):
                    yield _last(node.func), value
                elif isinstance(value, ast.Starred):
                    waiting.append(value.value)
                elif isinstance(value, ast.List | ast.Tuple | ast.Set):
                    waiting += value.elts
                elif isinstance(value, ast.Dict):
                    waiting += [one for one in (*value.keys, *value.values) if one is not None]


def _assigned(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """(object, attribute) of each assignment to an attribute; `*` for one that is computed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.value, node.attr
        elif isinstance(node, ast.Call):
            called = _last(node.func)
            arguments = node.args
            if called == "__setattr__" and isinstance(node.func, ast.Attribute):
                own = len(arguments) < 3  # `x.__setattr__(name, value)` is of x itself
                arguments = [node.func.value, *arguments] if own else arguments
            elif called != "setattr":
                continue
            if len(arguments) > 1:
                yield arguments[0], _constant(arguments[1])


def _constant(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return _ANY


def _last(value: ast.expr) -> str:
    return str(getattr(value, "id", "") or getattr(value, "attr", ""))
