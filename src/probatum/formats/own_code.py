"""Whether importing the modules of an audited folder runs anything but definitions.

A module is read as syntax and never run. Everything that an import would evaluate is looked at:
statements, decorators, defaults, annotations, bases and class bodies; what stands inside a
function is not, since nothing admitted calls one. A name means something only where it is bound
once. What is admitted stands in `rules/own_code.toml`; anything else prevents the proof, and is
named with its line.
"""

import ast
import builtins
import re
import warnings
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NoReturn

from probatum.formats import own_folder
from probatum.formats.own_folder import Prevents
from probatum.formats.own_rules import Base, bases, may_be_taken, module_of, words
from probatum.material import Folder

Function = ast.FunctionDef | ast.AsyncFunctionDef

_MOST_MODULES: Final = 64
_DEEPEST: Final = 60
_UTF8: Final = re.compile(rb"[^\n]*coding[:=][ \t]*(?i:utf-?8)(?![-_.a-zA-Z0-9])")
_STRANGE: Final = re.compile(rb"[\0\x0c\x1a]|\r(?!\n)|\A\xef\xbb\xbf")
_NOT_FOUND: Final = frozenset(
    f"builtins.{name}"
    for name in ("ImportError", "ModuleNotFoundError", "AttributeError", "Exception")
)
_PROPERTIES: Final = frozenset(
    {"builtins.property", "functools.cached_property", "abc.abstractproperty"}
)
_ARITHMETIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)


class Class:
    """A class at the top of a module that an import makes without running anything else.

    `bases` are the library's classes it is derived from, `own` itself and those of the folder.
    `bound` are the names of its body, and whether each is a property. `unmade` says what keeps
    instances of it from being admitted; it is empty if nothing does.
    """

    def __init__(self, name: str, found: tuple[Base, ...], own: tuple["Class", ...]) -> None:
        self.name = name
        self.bases = found
        self.own = (self, *own)
        self.unmade = ""
        self.bound: dict[str, bool] = {}


class Imported:
    """The modules that an import of some module of a folder runs, and what they define."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}
        self._modules: dict[str, Module] = {}

    def module(self, name: str) -> "Module":
        """A module, after everything that importing it runs was looked at. Raises: Prevents."""
        for one, file in own_folder.files(self.folder, name):
            if one not in self._modules:
                if len(self._modules) >= _MOST_MODULES:
                    raise Prevents(f"importing {name} runs more than {_MOST_MODULES} files")
                data = own_folder.text(self.folder, file)
                self.digests[file] = sha256(data).hexdigest()
                self._modules[one] = Module(self, one, file, _tree(data, file))
                self._modules[one].run()
        return self._modules[name]

    def is_own(self, name: str) -> bool:
        return own_folder.has(self.folder, name.partition(".")[0])

    def is_submodule(self, package: str, name: str) -> bool:
        """Whether a package of the folder has something that is imported under this name."""
        inside = package.replace(".", "/")
        return self.folder.is_folder(inside) and own_folder.has(self.folder, f"{package}.{name}")


class Module:
    """One file, its names and what importing it evaluates."""

    def __init__(self, imported: Imported, name: str, file: str, tree: ast.Module) -> None:
        self.imported = imported
        self.name = name
        self.file = file
        self.tree = tree
        self.package = name if file.endswith("/__init__.py") else name.rpartition(".")[0]
        self.classes: dict[str, Class] = {}
        self.functions: set[str] = set()
        self.names: dict[str, str] = {}
        self._lazy = False  # annotations are not evaluated

    def run(self) -> None:
        """Look at every statement that an import runs. Raises: Prevents at the first to object."""
        self._lazy = any(
            isinstance(one, ast.ImportFrom)
            and one.module == "__future__"
            and any(alias.name == "annotations" for alias in one.names)
            for one in self.tree.body
        )
        firm: dict[str, str] = {}  # names of modules, classes and what was taken from one
        for name, meant, node in _bindings(self.tree.body, self):
            if name.startswith("__") and name not in words("module_names"):
                self.prevents(node, f"the module defines {name}")
            now = "" if isinstance(node, Function) else meant
            if name in self.names and (firm[name] or now):
                if firm[name] != now or isinstance(node, ast.ClassDef):
                    self.prevents(node, f"the module binds {name} twice")
            elif name in self.names:
                meant = ""
            firm[name] = now
            self.names[name] = "" if hasattr(builtins, name) else meant
            self._without_a_module(node, name, now)
        self._statements(self.tree.body)

    def _without_a_module(self, node: ast.AST, name: str, meant: str) -> None:
        """Importing a submodule binds its name in the package: nothing else may have it."""
        if meant != f"own:{self.name}.{name}" and self.imported.is_submodule(self.name, name):
            self.prevents(node, f"the module binds {name}, the name of a module in it")

    # --- what a name means

    def meaning(self, node: ast.expr) -> str:
        """`library.name`, `own:module` or `own:module:name`; nothing where it is not known."""
        if isinstance(node, ast.Attribute):
            inside = self.meaning(node.value)
            if inside.startswith("own:"):
                return self._of_own(inside, node.attr)
            return f"{inside}.{node.attr}" if inside else ""
        if not isinstance(node, ast.Name):
            return ""
        if node.id not in self.names:
            return f"builtins.{node.id}" if hasattr(builtins, node.id) else ""
        meant = self.names[node.id]
        if meant.startswith("from:"):
            module, _, name = meant[5:].partition(":")
            return self._of_own(f"own:{module}", name)
        return meant

    def _of_own(self, module: str, name: str) -> str:
        if module.count(":") > 1:
            return ""
        other = self.imported._modules.get(module[4:])
        return other.meaning(ast.Name(name)) if other is not None and name in other.names else ""

    def prevents(self, node: ast.AST, says: str) -> NoReturn:
        raise Prevents(f"{says} ({self.file}:{getattr(node, 'lineno', 1)})")

    # --- statements

    def _statements(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Assign() | ast.AnnAssign():
                self._assign(node, frozenset())
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, frozenset(), {})
                self.functions.add(node.name)
            case ast.ClassDef():
                self.classes[node.name] = self._class(node, frozenset(), 0)
            case ast.If():
                self._if(node)
            case ast.Try():
                self._try(node)
            case ast.Expr(value=value):
                self.prevents(node, f"importing {self.name} runs {_shown(value)}")
            case _:
                self.prevents(node, f"importing {self.name} runs {_shown(node)}")

    def _if(self, node: ast.If) -> None:
        kind = _guard(node.test)
        if kind == "typing" and self.meaning(node.test) != "typing.TYPE_CHECKING":
            self.prevents(node, f"it is not known whether {_shown(node.test)} holds")
        if not kind:
            self._version(node.test)
            self._statements(node.body)
        self._statements(node.orelse)

    def _version(self, test: ast.expr) -> None:
        """A condition that only compares the version of Python."""
        if isinstance(test, ast.Compare) and self.meaning(test.left) == "sys.version_info":
            for one in test.comparators:
                self._value(one, frozenset())
        else:
            self.prevents(test, f"importing {self.name} decides by {_shown(test)}")

    def _try(self, node: ast.Try) -> None:
        self._statements(node.body)
        for handler in node.handlers:
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            for kind in kinds:
                if kind is not None and self.meaning(kind) not in _NOT_FOUND:
                    self.prevents(handler, f"it is not known what {ast.unparse(kind)} is")
            self._statements(handler.body)
        self._statements(node.orelse)
        self._statements(node.finalbody)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom):
            self._import_from(node)
            return
        for alias in node.names:
            if self.imported.is_own(alias.name):
                self.imported.module(alias.name)
            else:
                self._library(node, alias.name)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = self.origin(node)
        if any(alias.name == "*" for alias in node.names):
            self.prevents(node, f"any name may come from {module}")
        if not self.imported.is_own(module):
            self._library(node, module)
            for alias in node.names:
                if not may_be_taken(f"{module}.{alias.name}"):
                    self.prevents(node, f"it takes {alias.name} from {module}: no rule admits that")
            return
        self.imported.module(module)
        for alias in node.names:
            if self.imported.is_submodule(module, alias.name):
                self.imported.module(f"{module}.{alias.name}")

    def origin(self, node: ast.ImportFrom) -> str:
        """The full name of the module that `from … import` names."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        if node.level > len(parts):
            self.prevents(node, "a relative import leads out of its package")
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def _library(self, node: ast.stmt, module: str) -> None:
        if module == "typing_extensions" or module_of(module) != module:
            self.prevents(node, f"importing {self.name} imports {module}: no rule admits that")

    def _assign(self, node: ast.Assign | ast.AnnAssign, inside: frozenset[str]) -> None:
        if isinstance(node, ast.AnnAssign):
            self._annotation(node.annotation, inside)
            targets: list[ast.expr] = [node.target]
        else:
            targets = node.targets
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            if not all(isinstance(part, ast.Name) for part in parts):
                self.prevents(node, f"importing {self.name} changes {_shown(target)}")
            if isinstance(target, ast.Tuple) and not isinstance(node.value, ast.Tuple):
                self.prevents(node, f"importing {self.name} takes something apart")
        if node.value is not None:
            self._value(node.value, inside)

    # --- functions

    def _function(self, node: Function, inside: frozenset[str], before: dict[str, str]) -> bool:
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
                self._value(default, inside)
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        for one in (*every, arguments.vararg, arguments.kwarg):
            if one is not None and one.annotation is not None:
                self._annotation(one.annotation, inside)
        if node.returns is not None:
            self._annotation(node.returns, inside)
        return is_property

    def _decorator(self, node: ast.expr, inside: frozenset[str], before: dict[str, str]) -> bool:
        """Look at a decorator of a function; whether it makes a property."""
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="setter" | "getter" | "deleter") if (
                before.get(name) == "property"
            ):
                return True
            case ast.Call(func=function):
                meant = self._outer(function, inside)
                if meant in words("called_decorators"):
                    self._arguments(node, inside)
                    return False
            case _:
                meant = self._outer(node, inside)
                if meant in words("decorators"):
                    return meant in _PROPERTIES
        return self.prevents(node, f"importing {self.name} runs the decorator {_shown(node)}")

    # --- classes

    def _class(self, node: ast.ClassDef, inside: frozenset[str], depth: int) -> Class:
        """Look at how a class is made. `inside` are the names of the class that it stands in."""
        if depth > _DEEPEST or getattr(node, "type_params", None):
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
            if one.arg != "metaclass" or self._outer(one.value, inside) != "abc.ABCMeta":
                self.prevents(node, f"making the class {node.name} runs {one.arg or '**'}")

    def _bases(
        self, node: ast.ClassDef, inside: frozenset[str]
    ) -> tuple[tuple[Base, ...], tuple[Class, ...]]:
        found: list[Base] = []
        own: list[Class] = []
        for base in node.bases:
            generic = base.value if isinstance(base, ast.Subscript) else base
            meant = self._outer(generic, inside)
            if isinstance(base, ast.Subscript):
                if meant not in ("typing.Generic", "typing.Protocol"):
                    self.prevents(node, f"no rule admits the base {_shown(base)} of {node.name}")
                self._value(base.slice, inside)
            if meant.startswith("own:") and meant.count(":") == 2:
                own += self._own_class(node, meant).own
                found += [one for cls in own for one in cls.bases]
            elif meant in ("builtins.str", "builtins.int") and len(node.bases) == 2:
                last = bases().get(self._outer(node.bases[1], inside))
                if last is None or last.row != "own:enum" or base is not node.bases[0]:
                    self.prevents(node, f"no rule admits the base {_shown(base)} of {node.name}")
            elif meant in bases():
                found.append(bases()[meant])
            else:
                self.prevents(node, f"no rule admits the base {_shown(base)} of {node.name}")
        if len({base.row for base in found if not base.neutral}) > 1:
            self.prevents(node, f"{node.name} is derived from unlike classes of libraries")
        return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(own))

    def _own_class(self, node: ast.ClassDef, meant: str) -> Class:
        _, module, name = meant.split(":")
        found = self.imported._modules[module].classes.get(name)
        if found is None:
            self.prevents(node, f"it is not known what {name} of {module} is")
        if any(base.row in ("own:enum", "own:named-tuple") for base in found.bases):
            self.prevents(node, f"how {node.name} is made is not known")
        return found

    def _class_decorator(self, node: ast.expr, inside: frozenset[str]) -> bool:
        meant = self._outer(node.func if isinstance(node, ast.Call) else node, inside)
        if meant not in words("class_decorators"):
            self.prevents(node, f"importing {self.name} runs the decorator {_shown(node)}")
        if isinstance(node, ast.Call):
            for one in node.keywords:
                plain = isinstance(one.value, ast.Constant) and type(one.value.value) is bool
                if one.arg not in words("dataclass_arguments") or not plain:
                    self.prevents(node, f"no rule admits the argument {one.arg} of {_shown(node)}")
            if node.args or meant != "dataclasses.dataclass":
                self.prevents(node, f"importing {self.name} runs {_shown(node)}")
        return meant == "dataclasses.dataclass"

    def _body(self, node: ast.ClassDef, made: Class, depth: int) -> None:
        kinds: dict[str, str] = {}
        inside = frozenset(name for name, _, _ in _bindings(node.body, self))
        for one in node.body:
            match one:
                case ast.Pass() | ast.Expr(value=ast.Constant()):
                    pass
                case ast.Assign() | ast.AnnAssign():
                    self._assign(one, inside)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    kind = self._function(one, inside, kinds)
                    self._bind(one, one.name, made, is_property=kind)
                    known = kinds.get(one.name, "property") == "property"
                    kinds[one.name] = "property" if kind and known else "other"
                case ast.ClassDef():
                    self._class(one, inside, depth + 1)
                case _:
                    self.prevents(one, f"making the class {node.name} runs {_shown(one)}")
            for name, _, place in _bindings([one], self):
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
                    if not (is_auto or _is_constant(value)) or name.startswith("_"):
                        self.prevents(one, f"making {node.name} runs {_shown(one)}")
                    if is_auto and isinstance(value, ast.Call):
                        self._arguments(value, frozenset())
                case ast.FunctionDef(name=name) if not one.decorator_list and (
                    not name.startswith("_") or name in ("__str__", "__repr__")
                ):
                    self._function(one, frozenset(), {})
                case _:
                    self.prevents(one, f"making {node.name} runs {_shown(one)}")

    # --- expressions

    def _outer(self, node: ast.expr, inside: frozenset[str]) -> str:
        """What a name in a class body means if the class itself does not bind it."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        return "" if isinstance(first, ast.Name) and first.id in inside else self.meaning(node)

    def _value(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> None:
        """Look at an expression that is evaluated. Raises: Prevents if it may run anything."""
        if depth > _DEEPEST:
            self.prevents(node, "an expression is nested too deep")
        match node:
            case ast.Constant() | ast.Name():
                return
            case ast.Attribute():
                meant = self._outer(node, inside)
                if meant.startswith("own:") or may_be_taken(meant):
                    return
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._value(part, inside, depth + 1)
                return
            case ast.Set(elts=parts) if all(map(_is_constant, parts)):
                return
            case ast.Dict(keys=keys, values=values) if all(
                key is not None and _is_constant(key) for key in keys
            ):
                for value in values:
                    self._value(value, inside, depth + 1)
                return
            case ast.Lambda():
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    if default is not None:
                        self._value(default, inside, depth + 1)
                return
            case ast.UnaryOp() | ast.BinOp() if _is_number(node):
                return
            case ast.Call() if self._outer(node.func, inside) in words("calls"):
                self._arguments(node, inside)
                return
            case ast.Subscript() if self._is_generic(node.value, inside):
                self._annotation(node.slice, inside, depth + 1)
                return
        self.prevents(node, f"importing {self.name} runs {_shown(node)}")

    def _arguments(self, node: ast.Call, inside: frozenset[str]) -> None:
        """The arguments of an admitted call, which may look into them: constants and classes."""
        for one in (*node.args, *(word.value for word in node.keywords)):
            if not self._is_argument(one, inside):
                self.prevents(node, f"importing {self.name} runs {_shown(node)}")
        if any(word.arg is None for word in node.keywords):
            self.prevents(node, f"importing {self.name} runs {_shown(node)}")

    def _is_argument(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> bool:
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return depth < _DEEPEST and all(
                    self._is_argument(part, inside, depth + 1) for part in parts
                )
            case ast.Dict(keys=keys, values=values):
                return (
                    depth < _DEEPEST
                    and all(key is not None and _is_constant(key) for key in keys)
                    and all(self._is_argument(value, inside, depth + 1) for value in values)
                )
            case ast.Name(id="__name__"):
                return True
            case ast.Name() | ast.Attribute():
                meant = self._outer(node, inside)
                name = meant.rpartition(".")[2]
                known = name[:1].isupper() or meant in words("names")
                own = meant.startswith(("builtins.", "own:"))
                return own or (known and may_be_taken(meant))
            case ast.Lambda(args=arguments):
                return not (arguments.defaults or arguments.kw_defaults)
        return _is_constant(node)

    def _is_generic(self, node: ast.expr, inside: frozenset[str]) -> bool:
        meant = self._outer(node, inside)
        of_module = meant.rpartition(".")[0] in words("generic_modules") and may_be_taken(meant)
        return meant in words("generics") or of_module

    def _annotation(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> None:
        """Look at an annotation, which older Pythons evaluate where it stands."""
        if self._lazy:
            return
        if depth > _DEEPEST:
            self.prevents(node, "an annotation is nested too deep")
        match node:
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                self._annotation(left, inside, depth + 1)
                self._annotation(right, inside, depth + 1)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._annotation(part, inside, depth + 1)
            case _:
                self._value(node, inside, depth)


def _tree(data: bytes, file: str) -> ast.Module:
    told = [line for line in data.split(b"\n", 2)[:2] if b"coding" in line]
    if _STRANGE.search(data) or not all(map(_is_utf8, told)):
        raise Prevents(f"{file} may be read in more than one way (its encoding or line ends)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = getattr(exc, "lineno", None) or 1
        raise Prevents(f"no Python that can be read ({file}:{line})") from exc


def _is_utf8(line: bytes) -> bool:
    """Whether a comment that tells the encoding of a file tells UTF-8, or tells nothing."""
    marks = line.count(b"coding:") + line.count(b"coding=")
    return marks == 0 or (marks == 1 and _UTF8.match(line) is not None)


def _guard(test: ast.expr) -> str:
    """`main` or `typing` where a condition does not hold while a module is imported."""
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value="__main__")],
        ):
            return "main"
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return "typing"
    return ""


def _bindings(body: Sequence[ast.stmt], module: Module) -> Iterator[tuple[str, str, ast.AST]]:
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
                for target in targets:
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name):
                            yield part.id, "", node
            case ast.If() | ast.Try():
                for handler in getattr(node, "handlers", ()):
                    if handler.name:
                        yield handler.name, "", handler
                for inside in _inner(node):
                    for name, _, place in _bindings(inside, module):
                        yield name, "", place


def _inner(node: ast.If | ast.Try) -> Iterator[Sequence[ast.stmt]]:
    if isinstance(node, ast.If):
        if not _guard(node.test):
            yield node.body
    else:
        yield node.body
        yield from (handler.body for handler in node.handlers)
        yield node.finalbody
    yield node.orelse


def _import_meant(module: Module, name: str) -> str:
    return f"own:{name}" if module.imported.is_own(name) else name


def _is_constant(node: ast.expr) -> bool:
    """A constant, a number with its sign, or a tuple of those."""
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant) or _is_number(node)


def _is_number(node: ast.expr, depth: int = 0) -> bool:
    """Arithmetic of numbers that stand there."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and -(1 << 64) < value < 1 << 64
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            return depth < _DEEPEST and _is_number(inner, depth + 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=power)):
            return (
                type(power) is int
                and 0 <= power <= 64
                and type(left) is ast.Constant
                and (_is_number(left))
            )
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            return depth < _DEEPEST and _is_number(left, depth + 1) and _is_number(right, depth + 1)
    return False


def _shown(node: ast.AST) -> str:
    """Source code on one line, for a sentence."""
    try:
        said = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        said = type(node).__name__
    return ascii(said)[1:-1] if len(said) <= 80 else ascii(said[:70])[1:-1] + "…"
