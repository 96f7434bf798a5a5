"""What a name and an expression of an audited folder's module mean, and what evaluating it runs."""

import ast
import builtins
from typing import Final, NoReturn

from probatum.formats.own_folder import Prevents
from probatum.formats.own_rules import may_be_taken, words
from probatum.formats.own_syntax import DEEPEST, is_constant, is_number, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.formats.own_code import Imported

CONSTANT: Final = "constant"
"""What a name means that is bound to a text or a number."""


class Expressions:
    """The names of one file, and the expressions that importing it evaluates."""

    def __init__(self, imported: "Imported", name: str, file: str) -> None:
        self.imported = imported
        self.name = name
        self.file = file
        self.names: dict[str, str] = {}
        self.lazy = False  # annotations are not evaluated

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
        other = self.imported.modules.get(module[4:])
        return other.meaning(ast.Name(name)) if other is not None and name in other.names else ""

    def prevents(self, node: ast.AST, says: str) -> NoReturn:
        raise Prevents(f"{says} ({self.file}:{getattr(node, 'lineno', 1)})")

    def outer(self, node: ast.expr, inside: frozenset[str]) -> str:
        """What a name in a class body means if the class itself does not bind it."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        return "" if isinstance(first, ast.Name) and first.id in inside else self.meaning(node)

    def value(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> None:
        """Look at an expression that is evaluated. Raises: Prevents if it may run anything."""
        if depth > DEEPEST:
            self.prevents(node, "an expression is nested too deep")
        match node:
            case ast.Constant() | ast.Name():
                return
            case ast.Attribute():
                meant = self.outer(node, inside)
                if meant.startswith("own:") or may_be_taken(meant):
                    return
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.value(part, inside, depth + 1)
                return
            case ast.Set(elts=parts) if all(map(is_constant, parts)):
                return
            case ast.Dict(keys=keys, values=values) if all(
                key is not None and is_constant(key) for key in keys
            ):
                for value in values:
                    self.value(value, inside, depth + 1)
                return
            case ast.Lambda():
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    if default is not None:
                        self.value(default, inside, depth + 1)
                return
            case ast.UnaryOp() | ast.BinOp() if is_number(node):
                return
            case ast.Call() if self.outer(node.func, inside) in words("calls"):
                self.arguments(node, inside)
                return
            case ast.Subscript() if self._is_generic(node.value, inside):
                self.annotation(node.slice, inside, depth + 1)
                return
        self.prevents(node, f"importing {self.name} runs {shown(node)}")

    def arguments(self, node: ast.Call, inside: frozenset[str]) -> None:
        """The arguments of an admitted call, which may look into them: constants and classes."""
        for one in (*node.args, *(word.value for word in node.keywords)):
            if not self._is_argument(one, inside):
                self.prevents(node, f"importing {self.name} runs {shown(node)}")
        if any(word.arg is None for word in node.keywords):
            self.prevents(node, f"importing {self.name} runs {shown(node)}")

    def _is_argument(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> bool:
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return depth < DEEPEST and all(
                    self._is_argument(part, inside, depth + 1) for part in parts
                )
            case ast.Dict(keys=keys, values=values):
                return (
                    depth < DEEPEST
                    and all(key is not None and is_constant(key) for key in keys)
                    and all(self._is_argument(value, inside, depth + 1) for value in values)
                )
            case ast.Name(id="__name__"):
                return True
            case ast.Name() | ast.Attribute():
                meant = self.outer(node, inside)
                name = meant.rpartition(".")[2]
                known = name[:1].isupper() or meant in words("names")
                own = meant.startswith(("builtins.", "own:")) or meant == CONSTANT
                return own or (known and may_be_taken(meant))
            case ast.Lambda(args=arguments):
                return not (arguments.defaults or arguments.kw_defaults)
        return is_constant(node)

    def _is_generic(self, node: ast.expr, inside: frozenset[str]) -> bool:
        meant = self.outer(node, inside)
        of_module = meant.rpartition(".")[0] in words("generic_modules") and may_be_taken(meant)
        return meant in words("generics") or of_module

    def annotation(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> None:
        """Look at an annotation, which older Pythons evaluate where it stands."""
        if self.lazy:
            return
        if depth > DEEPEST:
            self.prevents(node, "an annotation is nested too deep")
        match node:
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                self.annotation(left, inside, depth + 1)
                self.annotation(right, inside, depth + 1)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.annotation(part, inside, depth + 1)
            case _:
                self.value(node, inside, depth)

    def hint(self, node: ast.expr, inside: frozenset[str], depth: int = 0) -> bool:
        """Whether an annotation means the same whenever and however it is evaluated.

        That is: names of classes of libraries and of the folder, and generic types of them. A text
        in it would be evaluated too, also one that a name stands for.
        """
        match node:
            case ast.Constant(value=value):
                return value is None or value is ...
            case ast.Name() | ast.Attribute():
                meant = self.outer(node, inside)
                own = meant.startswith("own:") and meant.count(":") == 2
                return own or meant.startswith("builtins.") or may_be_taken(meant)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                parts = [left, right]
            case ast.Subscript(value=value, slice=inner) if self._is_generic(value, inside):
                parts = inner.elts if isinstance(inner, ast.Tuple | ast.List) else [inner]
            case _:
                return False
        return depth < DEEPEST and all(self.hint(part, inside, depth + 1) for part in parts)
