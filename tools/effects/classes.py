"""What decides whether unpickling an instance of a class runs code of that class."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.effects.bodies import HOOKS, Refused, bound
from tools.effects.modules import Modules
from tools.effects.patches import Patches

INERT_BASES = {
    "builtins:object",
    "abc:ABC",
    "typing:Generic",
    "typing:Protocol",
    "typing_extensions:Protocol",
    *(
        f"collections.abc:{name}"
        for name in ["Callable", "Container", "Hashable", "Iterable", "Iterator"]
    ),
    *(
        f"collections.abc:{name}"
        for name in ["Collection", "Mapping", "MutableMapping", "Sequence", "Sized"]
    ),
}
"""Bases outside the release that were read: none of the hooks, an instance dict stays possible."""

_METACLASSES = frozenset({"abc:ABCMeta"})
_DECORATORS = frozenset(
    [
        "dataclasses:dataclass",
        "typing:final",
        "typing:runtime_checkable",
        "functools:total_ordering",
        "sklearn.utils.deprecation:deprecated",
        "pandas.util._decorators:set_module",
        "xgboost.sklearn:xgboost_model_doc",
        "scipy._lib._array_api:xp_capabilities",
    ]
)
"""Class decorators that were read: they add none of the hooks, or one that only warns."""

_KEYWORDS = frozenset({"auto_wrap_output_keys"})
"""Class keywords that a reviewed `__init_subclass__` takes."""


@dataclass(frozen=True)
class Hook:
    """A function in a class body that unpickling would run, and the sha256 of its source text."""

    name: str
    cls: str
    sha256: str


@dataclass
class Facts:
    """What the source says of a class: its MRO as `module:name`, and the hooks found in it.

    `orders` are the MROs of the classes in it.
    """

    name: str
    mro: list[str]
    hooks: list[Hook] = field(default_factory=list)
    orders: dict[str, list[str]] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    public: str = ""


class Classes:
    """The classes of one release."""

    def __init__(self, modules: Modules, reviewed: frozenset[str] = frozenset()) -> None:
        """`reviewed` are the patches that were read, as `module:Class.attribute`."""
        self.modules = modules
        self._linear: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._bodies: dict[tuple[str, str], tuple[str, list[Hook]] | Refused] = {}
        self.reviewed = reviewed
        self.patches = Patches(modules)

    def facts(self, module: str, name: str) -> Facts:
        """Everything about `module:name`. Raises: Refused."""
        linear = self.linearised((module, name))
        facts = Facts(f"{module}:{name}", [f"{m}:{n}" for m, n in linear])
        for owner, cls in linear:
            facts.orders[f"{owner}:{cls}"] = [f"{m}:{n}" for m, n in self.linearised((owner, cls))]
            if self.modules.get(owner) is not None:
                source, hooks = self._own(owner, cls)
                facts.sources.append(source)
                facts.hooks += hooks
        facts.public = _public(self.modules.get(module).classes[name])  # type: ignore[union-attr]
        return facts

    def _own(self, module: str, name: str) -> tuple[str, list[Hook]]:
        """The digest of the file a class is in, and the hooks of its own body. Raises: Refused."""
        if (module, name) not in self._bodies:
            try:
                self._bodies[module, name] = self._read(module, name)
            except Refused as refusal:
                self._bodies[module, name] = refusal
        body = self._bodies[module, name]
        if isinstance(body, Refused):
            raise body
        return body

    def _read(self, module: str, name: str) -> tuple[str, list[Hook]]:
        found = self.modules.get(module)
        assert found is not None
        if found.acts:
            raise Refused(f"module does something when imported: {found.acts}")
        node = found.classes[name]
        _check_head(self.modules, module, node)
        for patch in self.patches.of_class(name):
            if patch not in self.reviewed:
                raise Refused(f"patched: {patch}")
        hooks = [_hook(f"{module}:{name}", one, part) for one, part in bound(node) if one in HOOKS]
        return hashlib.sha256(found.text.encode()).hexdigest(), hooks

    def linearised(
        self, cls: tuple[str, str], seen: frozenset[object] = frozenset()
    ) -> list[tuple[str, str]]:
        """The method resolution order (C3). Raises: Refused."""
        if cls in self._linear:
            return self._linear[cls]
        if cls in seen:
            raise Refused("base classes in a circle")
        self._linear[cls] = found = self._order(cls, seen | {cls})
        return found

    def _order(self, cls: tuple[str, str], seen: frozenset[object]) -> list[tuple[str, str]]:
        module, name = cls
        found = self.modules.get(module)
        if found is None or name not in found.classes:
            if f"{module}:{name}" not in INERT_BASES:
                raise Refused(f"base outside the source: {module}:{name}")
            return [cls]
        if self.modules.is_unsure(found, name):
            raise Refused("defined more than once or under a condition")
        if cls in self.patches.rebound:
            raise Refused("rebound by another module")
        bases: list[tuple[str, str]] = []
        for expression in found.classes[name].bases:
            base = self.modules.expression(module, expression)
            if base is None:
                raise Refused(f"unresolved base: {ast.unparse(expression)}")
            if isinstance(expression, ast.Subscript) and self._answers_subscripts(base, seen):
                raise Refused(f"base that may be another: {ast.unparse(expression)}")
            bases.append(base)
        orders = [self.linearised(base, seen) for base in bases]
        return [cls, *_merged([*orders, bases])]

    def _answers_subscripts(self, cls: tuple[str, str], seen: frozenset[object]) -> bool:
        """Whether `cls[…]` runs a method of the class, which may give any other class."""
        nodes = (
            found.classes[name]
            for module, name in self.linearised(cls, seen)
            if (found := self.modules.get(module)) is not None
        )
        return any(name == "__class_getitem__" for node in nodes for name, _ in bound(node))


def _merged(orders: list[list[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """The C3 merge of the bases' orders and the list of bases."""
    waiting = [list(order) for order in orders if order]
    while waiting:
        for order in waiting:
            head = order[0]
            if not any(head in other[1:] for other in waiting):
                break
        else:
            raise Refused("inconsistent bases")
        yield head
        waiting = [rest for order in waiting if (rest := [one for one in order if one != head])]


def _check_head(modules: Modules, module: str, node: ast.ClassDef) -> None:
    for keyword in node.keywords:
        metaclass = modules.expression(module, keyword.value)
        if keyword.arg in _KEYWORDS:
            continue
        if keyword.arg != "metaclass":
            raise Refused("class keywords")
        if metaclass is None or ":".join(metaclass) not in _METACLASSES:
            raise Refused("metaclass")
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = ":".join(modules.expression(module, called) or ("unresolved", ast.unparse(called)))
        if name not in _DECORATORS:
            raise Refused(f"decorator {name}")
        if name == "dataclasses:dataclass" and not _is_plain_dataclass(decorator):
            raise Refused("dataclass with slots")


def _is_plain_dataclass(decorator: ast.expr) -> bool:
    if not isinstance(decorator, ast.Call):
        return True
    return not any(one.arg in (None, "slots", "weakref_slot") for one in decorator.keywords)


def _hook(cls: str, name: str, part: ast.stmt) -> Hook:
    """The sha256 is of the statement as `ast.unparse` writes it: no comments, docstring, layout."""
    for node in ast.walk(part):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return Hook(name, cls, hashlib.sha256(ast.unparse(part).encode()).hexdigest())


def _public(node: ast.ClassDef) -> str:
    """The module that `@set_module("pandas")` writes into the class, or an empty text."""
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and getattr(decorator.func, "id", "") == "set_module"
            and isinstance(decorator.args[0], ast.Constant)
        ):
            return str(decorator.args[0].value)
    return ""
