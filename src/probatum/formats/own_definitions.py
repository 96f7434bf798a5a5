"""What defining the functions and classes of an audited folder's module runs."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from probatum.formats.own_expressions import CONSTANT, Expressions
from probatum.formats.own_rules import Base, bases, words
from probatum.formats.own_syntax import DEEPEST, Function, alternatives, is_constant, shown

_PROPERTIES: Final = frozenset(
    {"builtins.property", "functools.cached_property", "abc.abstractproperty"}
)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.formats.own_code import Imported


class Class:
    """A class at the top of a module that an import makes without running anything else.

    `bases` are the library's classes it is derived from, `own` itself and those of the folder.
    `bound` are the names of its body, and whether each is a property. `odd_hint` is an annotation
    in it whose meaning depends on when it is evaluated. `unmade` says what keeps
    instances of it from being admitted; it is empty if nothing does.
    """

    def __init__(self, name: str, found: tuple[Base, ...], own: tuple["Class", ...]) -> None:
        self.name = name
        self.bases = found
        self.own = (self, *own)
        self.unmade = ""
        self.bound: dict[str, bool] = {}
        self.odd_hint: ast.expr | None = None


class Definitions(Expressions):
    """The definitions of one file, and the assignments that may stand in a class too."""

    def __init__(self, imported: "Imported", name: str, file: str) -> None:
        super().__init__(imported, name, file)
        self.package = name if file.endswith("/__init__.py") else name.rpartition(".")[0]
        self.classes: dict[str, Class] = {}

    def origin(self, node: ast.ImportFrom) -> str:
        """The full name of the module that `from … import` names."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        if node.level > len(parts):
            self.prevents(node, "a relative import leads out of its package")
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def assign(self, node: ast.Assign | ast.AnnAssign, inside: frozenset[str]) -> None:
        if isinstance(node, ast.AnnAssign):
            self.annotation(node.annotation, inside)
            targets: list[ast.expr] = [node.target]
        else:
            targets = node.targets
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            if not all(isinstance(part, ast.Name) for part in parts):
                self.prevents(node, f"importing {self.name} changes {shown(target)}")
            if isinstance(target, ast.Tuple) and not isinstance(node.value, ast.Tuple):
                self.prevents(node, f"importing {self.name} takes something apart")
        if node.value is not None:
            self.value(node.value, inside)

    # --- functions

    def function(self, node: Function, inside: frozenset[str], before: dict[str, str]) -> bool:
        """Look at a definition; whether its decorators make a property of it.

        `inside` are the names of the class it stands in, `before` its properties so far.
        """
        if getattr(node, "type_params", None):
            self.prevents(node, "a function has type parameters")
        is_property = False
        for decorator in node.decorator_list:
            is_property |= self._decorator(decorator, inside, before)
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.value(default, inside)
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        for one in (*every, arguments.vararg, arguments.kwarg):
            if one is not None and one.annotation is not None:
                self.annotation(one.annotation, inside)
        if node.returns is not None:
            self.annotation(node.returns, inside)
        return is_property

    def _decorator(self, node: ast.expr, inside: frozenset[str], before: dict[str, str]) -> bool:
        """Look at a decorator of a function; whether it makes a property."""
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="setter" | "getter" | "deleter") if (
                before.get(name) == "property"
            ):
                return True
            case ast.Call(func=function):
                meant = self.outer(function, inside)
                if meant in words("called_decorators"):
                    self.arguments(node, inside)
                    return False
            case _:
                meant = self.outer(node, inside)
                if meant in words("decorators"):
                    return meant in _PROPERTIES
        return self.prevents(node, f"importing {self.name} runs the decorator {shown(node)}")

    # --- classes

    def class_(self, node: ast.ClassDef, inside: frozenset[str], depth: int) -> Class:
        """Look at how a class is made. `inside` are the names of the class that it stands in."""
        if depth > DEEPEST or getattr(node, "type_params", None):
            self.prevents(node, f"the class {node.name} has type parameters or is nested too deep")
        self._keywords(node, inside)
        found, own = self._bases(node, inside)
        made = Class(node.name, found, own)
        kinds = {base.row for base in found if not base.neutral}
        is_dataclass = [self._class_decorator(one, inside) for one in node.decorator_list]
        if kinds & {"own:enum", "own:named-tuple"} and (own or any(is_dataclass)):
            self.prevents(node, f"how {node.name} is made is not known")
        if "own:enum" in kinds:
            self._members(node, made)
        else:
            self._body(node, made, depth)
        self._looked_up(node, made)
        return made

    def _keywords(self, node: ast.ClassDef, inside: frozenset[str]) -> None:
        for one in node.keywords:
            if one.arg != "metaclass" or self.outer(one.value, inside) != "abc.ABCMeta":
                self.prevents(node, f"making the class {node.name} runs {one.arg or '**'}")

    def _bases(
        self, node: ast.ClassDef, inside: frozenset[str]
    ) -> tuple[tuple[Base, ...], tuple[Class, ...]]:
        found: list[Base] = []
        own: list[Class] = []
        for base in node.bases:
            generic = base.value if isinstance(base, ast.Subscript) else base
            meant = self.outer(generic, inside)
            if isinstance(base, ast.Subscript):
                if meant not in ("typing.Generic", "typing.Protocol"):
                    self.prevents(node, f"no rule admits the base {shown(base)} of {node.name}")
                self.value(base.slice, inside)
            if meant.startswith("own:") and meant.count(":") == 2:
                own += self._own_class(node, meant).own
                found += [one for cls in own for one in cls.bases]
            elif meant in ("builtins.str", "builtins.int") and len(node.bases) == 2:
                last = bases().get(self.outer(node.bases[1], inside))
                if last is None or last.row != "own:enum" or base is not node.bases[0]:
                    self.prevents(node, f"no rule admits the base {shown(base)} of {node.name}")
            elif meant in bases():
                found.append(bases()[meant])
            else:
                self.prevents(node, f"no rule admits the base {shown(base)} of {node.name}")
        if len({base.row for base in found if not base.neutral}) > 1:
            self.prevents(node, f"{node.name} is derived from unlike classes of libraries")
        return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(own))

    def _own_class(self, node: ast.ClassDef, meant: str) -> Class:
        _, module, name = meant.split(":")
        found = self.imported.modules[module].classes.get(name)
        if found is None:
            self.prevents(node, f"it is not known what {name} of {module} is")
        if any(base.row in ("own:enum", "own:named-tuple") for base in found.bases):
            self.prevents(node, f"how {node.name} is made is not known")
        return found

    def _class_decorator(self, node: ast.expr, inside: frozenset[str]) -> bool:
        meant = self.outer(node.func if isinstance(node, ast.Call) else node, inside)
        if isinstance(node, ast.Call) and meant in words("called_class_decorators"):
            self.arguments(node, inside)
            return False
        if meant not in words("class_decorators"):
            self.prevents(node, f"importing {self.name} runs the decorator {shown(node)}")
        if isinstance(node, ast.Call):
            for one in node.keywords:
                plain = isinstance(one.value, ast.Constant) and type(one.value.value) is bool
                if one.arg not in words("dataclass_arguments") or not plain:
                    self.prevents(node, f"no rule admits the argument {one.arg} of {shown(node)}")
            if node.args or meant != "dataclasses.dataclass":
                self.prevents(node, f"importing {self.name} runs {shown(node)}")
        return meant == "dataclasses.dataclass"

    def _body(self, node: ast.ClassDef, made: Class, depth: int) -> None:
        kinds: dict[str, str] = {}
        inside = frozenset(name for name, _, _ in bindings(node.body, self))
        for one in node.body:
            match one:
                case ast.Pass() | ast.Expr(value=ast.Constant()):
                    pass
                case ast.Assign() | ast.AnnAssign():
                    self.assign(one, inside)
                    if isinstance(one, ast.AnnAssign) and not self.hint(one.annotation, inside):
                        made.odd_hint = made.odd_hint or one.annotation
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    kind = self.function(one, inside, kinds)
                    self._bind(one, one.name, made, is_property=kind)
                    known = kinds.get(one.name, "property") == "property"
                    kinds[one.name] = "property" if kind and known else "other"
                case ast.ClassDef():
                    self.class_(one, inside, depth + 1)
                case _:
                    self.prevents(one, f"making the class {node.name} runs {shown(one)}")
            for name, _, place in bindings([one], self):
                if not isinstance(one, Function):
                    kinds[name] = "other"
                    self._bind(place, name, made, is_property=False)

    def _bind(self, node: ast.AST, name: str, made: Class, *, is_property: bool) -> None:
        """Note a name of a class body. Raises: Prevents if something would look it up."""
        made.bound[name] = is_property or made.bound.get(name, False)
        special = name.startswith("__") and name.endswith("__")
        if special and name in words("only_when_made"):
            made.unmade = f"{made.name} defines {name} ({self.file}:{getattr(node, 'lineno', 1)})"
        elif special and name not in words("harmless"):
            self.prevents(node, f"{made.name} defines {name}")

    def _looked_up(self, node: ast.ClassDef, made: Class) -> None:
        """Nothing that it or a class of the folder defines is what a library's class looks up."""
        for base in made.bases:
            for cls in made.own if base.reads_hints else ():
                if cls.odd_hint is not None:
                    says = (
                        f"{base.name} evaluates the annotation {shown(cls.odd_hint)} of {cls.name}"
                    )
                    self.prevents(cls.odd_hint if cls is made else node, says)
            for name, is_property in ((n, p) for cls in made.own for n, p in cls.bound.items()):
                if base.forbidden(name) or (is_property and base.sets(name)):
                    self.prevents(node, f"{base.name} would find {name} of {made.name}")

    def _members(self, node: ast.ClassDef, made: Class) -> None:
        """The body of an Enum: constants, and functions that making the members does not find."""
        for one in node.body:
            match one:
                case ast.Pass() | ast.Expr(value=ast.Constant()):
                    continue
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    is_auto = (
                        isinstance(value, ast.Call) and self.meaning(value.func) == "enum.auto"
                    )
                    if not (is_auto or is_constant(value)) or name.startswith("_"):
                        self.prevents(one, f"making {node.name} runs {shown(one)}")
                    if is_auto and isinstance(value, ast.Call):
                        self.arguments(value, frozenset())
                case ast.FunctionDef(name=name) if not one.decorator_list and (
                    not name.startswith("_") or name in ("__str__", "__repr__")
                ):
                    self.function(one, frozenset(), {})
                case _:
                    self.prevents(one, f"making {node.name} runs {shown(one)}")


def bindings(body: Sequence[ast.stmt], module: Definitions) -> Iterator[tuple[str, str, ast.AST]]:
    """(name, what it means, where) for each name that statements bind; conditions make it vague."""
    for node in body:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or first, _import_meant(module, first), node
            case ast.ImportFrom(names=names):
                origin = module.origin(node)
                for alias in names:
                    meant = f"{origin}.{alias.name}"
                    if module.imported.is_own(origin):
                        inner = module.imported.is_submodule(origin, alias.name)
                        meant = f"own:{meant}" if inner else f"from:{origin}:{alias.name}"
                    yield alias.asname or alias.name, meant, node
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name, f"own:{module.name}:{name}", node
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                plain = node.value is not None and is_constant(node.value)
                for target in targets:
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name):
                            yield part.id, CONSTANT if plain and part is target else "", node
            case ast.If() | ast.Try():
                for handler in getattr(node, "handlers", ()):
                    if handler.name:
                        yield handler.name, "", handler
                for inside in alternatives(node):
                    for name, _, place in bindings(inside, module):
                        yield name, "", place


def _import_meant(module: Definitions, name: str) -> str:
    return f"own:{name}" if module.imported.is_own(name) else name
