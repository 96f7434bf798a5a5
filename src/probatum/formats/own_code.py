"""Whether importing the modules of an audited folder runs anything but definitions.

A module is read as syntax and never run. Everything that an import would evaluate is looked at:
statements, decorators, defaults, annotations, bases and class bodies; what stands inside a
function is not, since nothing admitted calls one. A name means something only where it is bound
once. What is admitted stands in `rules/own_code.toml`; anything else prevents the proof, and is
named with its line.
"""

import ast
import builtins
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from probatum.formats import own_folder
from probatum.formats.own_definitions import Definitions, bindings
from probatum.formats.own_expressions import CONSTANT
from probatum.formats.own_folder import Folder, Prevents
from probatum.formats.own_rules import may_be_taken, module_of, words
from probatum.formats.own_syntax import DEEPEST, Function, guarded, shown, tree_of

_MOST_MODULES: Final = 64
_NOT_FOUND: Final = frozenset(
    f"builtins.{name}"
    for name in ("ImportError", "ModuleNotFoundError", "AttributeError", "Exception")
)


class Imported:
    """The modules that an import of some module of a folder runs, and what they define.

    `copied`: no import looks into the folder but for the files that are copied out of it.
    """

    def __init__(self, folder: Folder, *, copied: bool = False) -> None:
        self.folder = folder
        self.copied = copied
        self.digests: dict[str, str] = {}
        self.modules: dict[str, Module] = {}

    def module(self, name: str) -> "Module":
        """A module, after everything that importing it runs was looked at. Raises: Prevents."""
        for one, file in own_folder.files(self.folder, name):
            if one not in self.modules:
                if len(self.modules) >= _MOST_MODULES:
                    raise Prevents(f"importing {name} runs more than {_MOST_MODULES} files")
                data = own_folder.text(self.folder, file)
                self.digests[file] = sha256(data).hexdigest()
                self.modules[one] = Module(self, one, file, tree_of(data, file))
                self.modules[one].run()
        return self.modules[name]

    def is_own(self, name: str) -> bool:
        return own_folder.has(self.folder, name.partition(".")[0])

    def is_submodule(self, package: str, name: str) -> bool:
        """Whether a package of the folder has something that is imported under this name."""
        inside = package.replace(".", "/")
        return self.folder.is_folder(inside) and own_folder.has(self.folder, f"{package}.{name}")


class Module(Definitions):
    """One file, its names and what importing it evaluates."""

    def __init__(self, imported: Imported, name: str, file: str, tree: ast.Module) -> None:
        super().__init__(imported, name, file)
        self.tree = tree
        self.functions: set[str] = set()

    def run(self) -> None:
        """Look at every statement that an import runs. Raises: Prevents at the first to object."""
        self.lazy = any(
            isinstance(one, ast.ImportFrom)
            and one.module == "__future__"
            and any(alias.name == "annotations" for alias in one.names)
            for one in self.tree.body
        )
        firm: dict[str, str] = {}  # names of modules, classes and what was taken from one
        for name, meant, node in bindings(self.tree.body, self):
            if name.startswith("__") and name not in words("module_names"):
                self.prevents(node, f"the module defines {name}")
            now = "" if isinstance(node, Function) or meant == CONSTANT else meant
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
                self.assign(node, frozenset())
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, frozenset(), {})
                self.functions.add(node.name)
            case ast.ClassDef():
                self.classes[node.name] = self.class_(node, frozenset(), 0)
            case ast.If():
                self._if(node)
            case ast.Try():
                self._try(node)
            case ast.Expr(value=ast.Call() as call) if self.meaning(call.func) in words(
                "statements"
            ):
                self.arguments(call, frozenset())
            case ast.Expr(value=value):
                self.prevents(node, f"importing {self.name} runs {shown(value)}")
            case _:
                self.prevents(node, f"importing {self.name} runs {shown(node)}")

    def _if(self, node: ast.If) -> None:
        kind = guarded(node.test)
        if kind == "typing" and self.meaning(node.test) != "typing.TYPE_CHECKING":
            self.prevents(node, f"it is not known whether {shown(node.test)} holds")
        if not kind:
            self._condition(node.test)
            self._statements(node.body)
        self._statements(node.orelse)

    def _condition(self, test: ast.expr, depth: int = 0) -> None:
        """A condition that compares the version of Python, or asks whether a library is there."""
        match test:
            case ast.Compare(left=left, comparators=others) if (
                self.meaning(left) == "sys.version_info"
            ):
                for one in others:
                    self.value(one, frozenset())
            case ast.Call(func=asked, args=[], keywords=[]) if self.meaning(asked) in words(
                "conditions"
            ):
                pass
            case ast.UnaryOp(op=ast.Not(), operand=inner) if depth < DEEPEST:
                self._condition(inner, depth + 1)
            case ast.BoolOp(values=parts) if depth < DEEPEST:
                for part in parts:
                    self._condition(part, depth + 1)
            case _:
                self.prevents(test, f"importing {self.name} decides by {shown(test)}")

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

    def _library(self, node: ast.stmt, module: str) -> None:
        if module.partition(".")[0] in words("copied_only") and not self.imported.copied:
            says = (
                f"importing {self.name} imports {module}, which may import others from this folder"
            )
            self.prevents(node, says)
        if module == "typing_extensions" or module_of(module) != module:
            self.prevents(node, f"importing {self.name} imports {module}: no rule admits that")
