"""What a checker must know of Python files: their syntax trees, where names are bound and read.

Read with Python's own parser and nothing else. Deliberately simple: a name is bound by the
statements of its scope, a binding reaches a read unless a statement that comes between on every
way there binds the name anew, and an object is of the class whose name made or annotated it.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from probatum.check.code_order import reaches
from probatum.check.code_trees import FUNCTIONS, SCOPES, dotted, returned_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.check.code_files import Project

_DEEPEST = 20
_OUTSIDE = ("decorator_list", "bases", "keywords", "returns")
_NO_PLACES = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop)

Scope = Any  # a syntax tree's node that is one of SCOPES


class File:
    """One file: each node's parent, and what each scope binds, reads and stores.

    `parts` are the lines of the file, or of each cell, and how many lines stand before them.
    """

    def __init__(
        self,
        project: "Project",
        name: str,
        tree: ast.Module,
        parts: dict[str, tuple[int, list[str]]],
    ) -> None:
        self.project = project
        self.name = name
        self.parts = parts
        self.parents: dict[Any, Any] = {}
        self.imports: dict[str, str] = {}
        self.defined: dict[str, list[Any]] = defaultdict(list)
        self.binds: dict[Scope, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self.reads: dict[str, list[tuple[Scope, Any]]] = defaultdict(list)
        self.stores: dict[str, list[Any]] = defaultdict(list)
        self.loads: dict[str, list[Any]] = defaultdict(list)
        self.at: dict[tuple[int, int], list[Any]] = defaultdict(list)
        self.tree = tree
        self._closed: dict[Any, Scope] = {}
        self._noted: set[Any] = set()
        self._meant: dict[Any, set[str]] = {}
        self._reached: dict[Any, tuple[Any, ...]] = {}
        self._index(tree, tree)

    def _index(self, top: Any, outside: Scope) -> None:
        """Take up a node and all below it, but not the bodies of functions of a class or module:
        those are taken up when something in them is asked for."""
        waiting = [(top, outside)]
        while waiting:
            node, scope = waiting.pop()
            self._note(node, scope)
            kind = type(node)
            if kind is ast.Name or kind is ast.Constant:  # the most of all, and nothing is in them
                continue
            opens = kind in SCOPES
            outermost = isinstance(scope, (ast.ClassDef, ast.Module)) and node is not top
            if outermost and kind in FUNCTIONS:
                self._closed[node] = scope
                continue
            inner = node if opens else scope
            for field in node._fields:
                value = getattr(node, field, None)
                within = scope if opens and field in _OUTSIDE else inner
                if isinstance(value, list):
                    for one in value:
                        if isinstance(one, ast.AST):
                            self.parents[one] = node
                            waiting.append((one, within))
                elif isinstance(value, ast.AST) and not isinstance(value, _NO_PLACES):
                    self.parents[value] = node
                    waiting.append((value, within))

    def open(self, function: Any) -> None:
        """Take up the body of a function."""
        scope = self._closed.pop(function, None)
        if scope is not None:
            self._index(function, scope)

    def open_all(self, within: Any = None) -> None:
        """Take up the bodies of all functions, or of a class's methods."""
        for one, scope in list(self._closed.items()):
            if within is None or scope is within:
                self.open(one)

    def _note(self, node: Any, scope: Scope) -> None:
        kind = type(node)
        if kind is ast.Name or kind is ast.Attribute:
            self.at[node.lineno, node.col_offset].append(node)
            loaded = isinstance(node.ctx, ast.Load)
            if path := dotted(node):
                if loaded:
                    self.reads[path].append((scope, node))
                else:
                    self.binds[scope][path].append(node)
            if isinstance(node, ast.Attribute):
                (self.loads if loaded else self.stores)[node.attr].append(node)
        elif isinstance(node, (ast.expr, ast.arg, ast.AugAssign)):
            self.at[node.lineno, node.col_offset].append(node)
            if isinstance(node, ast.arg):
                self.binds[scope][node.arg].append(node)
            elif isinstance(node, ast.AugAssign) and (path := dotted(node.target)):
                self.reads[path].append((scope, node))
        elif kind is ast.Import or kind is ast.ImportFrom:
            self._note_import(node)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            if node not in self._noted:
                self._noted.add(node)
                self.defined[node.name].append(node)
                self.binds[scope][node.name].append(node)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
            self.binds[scope][node.name].append(node)

    def _note_import(self, node: ast.Import | ast.ImportFrom) -> None:
        base = ""
        if isinstance(node, ast.ImportFrom):
            base = self._package(node.level) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
        for one in node.names:
            if isinstance(node, ast.ImportFrom):
                self.imports.setdefault(one.asname or one.name, f"{base}.{one.name}")
            else:
                bound = one.asname or one.name.partition(".")[0]
                self.imports.setdefault(bound, one.name if one.asname else bound)

    def _package(self, level: int) -> str:
        parts = self.name.removesuffix(".py").removesuffix("/__init__").split("/")
        kept = level if not self.name.endswith("/__init__.py") else level - 1
        return ".".join(parts[: len(parts) - kept] if kept else parts)

    # Places

    def beginning(self, part: str, line: int, offset: int) -> list[Any]:
        """The expressions and parameters that begin in a line behind so many bytes."""
        line += self.parts.get(part, (0, []))[0]
        while around := [one for one in self._closed if _covers(one, line)]:
            self.open(around[0])
        return self.at.get((line, offset), [])

    def node_at(self, part: str, line: int, column: int, end: tuple[int, int]) -> Any:
        """The expression or parameter that stands exactly there; None if there is none."""
        before, lines = self.parts.get(part, (0, []))
        if not (0 < line <= len(lines) and 0 < end[0] <= len(lines)):
            return None
        first, behind = _bytes(lines[line - 1], column), _bytes(lines[end[0] - 1], end[1])
        for node in self.beginning(part, line, first):
            if (node.end_lineno, node.end_col_offset) == (end[0] + before, behind):
                return node
        return None

    # Scopes

    @property
    def module(self) -> str:
        """The dotted name of the module, from the project's root."""
        return self._package(0)

    def qualified(self, function: Any) -> str:
        """The name of a function behind those of what it is defined in."""
        parts = [function.name]
        here = self.scope(function)
        while not isinstance(here, ast.Module):
            parts.append(getattr(here, "name", "<lambda>"))
            here = self.scope(here)
        return ".".join(reversed(parts))

    def scope(self, node: Any) -> Scope:
        """The innermost function, lambda, class or module that a node stands in."""
        here = self.parents.get(node, self.tree)
        while not isinstance(here, SCOPES):
            here = self.parents[here]
        return here

    def function(self, node: Any) -> Any:
        """The function or lambda that a node stands in; None outside of any."""
        here: Any = self.scope(node)
        while isinstance(here, ast.ClassDef):
            here = self.scope(here)
        return None if isinstance(here, ast.Module) else here

    def owner(self, function: Any) -> ast.ClassDef | None:
        """The class whose method a function is."""
        outer = self.scope(function) if function is not None else None
        return outer if isinstance(outer, ast.ClassDef) else None

    def binding(self, node: Any, path: str) -> Scope | None:
        """The scope that binds a name, seen from a node; None for an import or a built-in."""
        here = self.scope(node)
        first = True
        while True:
            if path in self.binds[here] and (first or not isinstance(here, ast.ClassDef)):
                return here
            if isinstance(here, ast.Module):
                return None
            here, first = self.scope(here), False

    # Flow of names

    def reached(self, target: Any, path: str) -> tuple[Any, ...]:
        """The reads of a name, or of `self.x`, that a binding of it may reach."""
        home = self.scope(target)
        if isinstance(home, ast.Module):
            self.open_all()
        key = target, path, len(self._closed)
        if key not in self._reached:
            self._reached[key] = tuple(self._reading(target, path, home))
        return self._reached[key]

    def _reading(self, target: Any, path: str, home: Scope) -> Iterator[Any]:
        for scope, read in self.reads.get(path, ()):
            if scope is home:
                if reaches(self.parents, target, read, path):
                    yield read
            elif "." not in path and self.binding(read, path) is home:
                yield read

    # Names and types

    def meant(self, node: Any, depth: int = 0) -> set[str]:
        """The absolute names that an expression may be, and those of the class of its object."""
        known = self._meant.get(node) if depth == 0 else self.project.pending.get(node)
        if known is None and depth <= _DEEPEST and node is not None:
            pending = self.project.pending
            if depth == 0:  # what is found on the way may lack what is found of it later
                self.project.pending = {}
            self.project.pending[node] = set()  # for one that is made of itself
            known = self.project.pending[node] = self._found(node, depth)
            if depth == 0:
                self._meant[node], self.project.pending = known, pending
        return known or set()

    def _found(self, node: Any, depth: int) -> set[str]:
        match node:
            case ast.Name():
                return self._named(node, depth)
            case ast.Attribute():
                return self._attribute(node, depth)
            case ast.Call():
                return self._made(node, depth)
            case ast.Await() | ast.Subscript() | ast.NamedExpr() | ast.Starred():
                return self.meant(node.value, depth + 1)
            case ast.BinOp():
                return self.meant(node.left, depth + 1) if isinstance(node.op, ast.Div) else set()
            case ast.IfExp():
                return self.meant(node.body, depth + 1) | self.meant(node.orelse, depth + 1)
            case ast.BoolOp():
                return {name for one in node.values for name in self.meant(one, depth + 1)}
        return set()

    def _named(self, node: ast.Name, depth: int) -> set[str]:
        scope = self.binding(node, node.id)
        if scope is None:
            imported = self.imports.get(node.id, f"builtins.{node.id}")
            place = self.project.variable(imported)
            return {imported} | (place[0].type_of_target(place[1], depth + 1) if place else set())
        found = {self.imports[node.id]} if node.id in self.imports else set()
        for target in self.binds[scope][node.id]:
            found |= self.type_of_target(target, depth + 1)
        return found

    def is_answer(self, node: Any) -> bool:
        """A call, or a name that is bound to what a call answers."""
        if isinstance(node, ast.Name) and (scope := self.binding(node, node.id)) is not None:
            binds = [self.parents.get(one) for one in self.binds[scope][node.id]]
            values = [getattr(one, "value", getattr(one, "context_expr", None)) for one in binds]
            return any(not isinstance(one, ast.Name) and self.is_answer(one) for one in values)
        return isinstance(node.value if isinstance(node, ast.Await) else node, ast.Call)

    def type_of_target(self, target: Any, depth: int = 0) -> set[str]:
        """The absolute names of what a name is bound to."""
        if isinstance(target, (*FUNCTIONS, ast.ClassDef)):
            return {f"{self.module}.{target.name}"}
        if isinstance(target, ast.arg):
            owner = self.owner(self.function(target))
            if target.arg in ("self", "cls") and owner is not None:
                return {f"{self.module}.{owner.name}"}
            return self.annotated(target.annotation)
        if isinstance(target, ast.ExceptHandler):
            return self.meant(target.type, depth)
        parent = self.parents.get(target)
        match parent:
            case ast.AnnAssign():
                return self.annotated(parent.annotation) | self.meant(parent.value, depth)
            case ast.Assign() | ast.NamedExpr():
                return self.meant(parent.value, depth)
            case ast.withitem():
                return self.meant(parent.context_expr, depth)
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                return self.meant(parent.iter, depth)
        return set()

    def annotated(self, said: Any) -> set[str]:
        """The absolute names in an annotation, whatever brackets they stand in."""
        found: set[str] = set()
        for one in ast.walk(said) if said is not None else ():
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                for name in re.findall(r"[A-Za-z_][\w.]*", one.value):
                    first, dot, rest = name.partition(".")
                    found.add(f"{self._absolute(first)}{dot}{rest}")
            elif path := dotted(one):
                first, dot, rest = path.partition(".")
                found.add(f"{self._absolute(first)}{dot}{rest}")
        return found

    def _absolute(self, name: str) -> str:
        if name in self.defined:
            return f"{self.module}.{name}"
        return self.imports.get(name, f"builtins.{name}")

    def _attribute(self, node: ast.Attribute, depth: int) -> set[str]:
        bases = self.meant(node.value, depth + 1)
        found = {f"{base}.{node.attr}" for base in bases}
        for file, cls in self.classes(bases):
            file.open_all(cls)
            for target in file.stores.get(node.attr, ()):
                if file.owner(file.function(target)) is cls:
                    found |= file.type_of_target(target, depth + 1)
            for target in file.binds[cls].get(node.attr, ()):
                if isinstance(target, ast.Name):
                    found |= file.type_of_target(target, depth + 1)
                elif isinstance(target, FUNCTIONS) and target.decorator_list:
                    found |= file.annotated(target.returns)
        return found

    def _made(self, node: ast.Call, depth: int) -> set[str]:
        found: set[str] = set()
        for name in self.meant(node.func, depth + 1):
            found.add(returned_types().get(name, name))
            place = self.project.definition(name)
            if place is not None and isinstance(place[1], FUNCTIONS):
                file, function = place
                file.open(function)
                found |= file.annotated(function.returns)
                for one in ast.walk(function) if function.returns is None else ():
                    if isinstance(one, ast.Return) and file.function(one) is function:
                        found |= file.meant(one.value, depth + 2)
        if isinstance(node.func, ast.Attribute):
            for file, cls in self.classes(self.meant(node.func.value, depth + 1)):
                for method in file.binds[cls].get(node.func.attr, ()):
                    if isinstance(method, FUNCTIONS):
                        found |= file.annotated(method.returns)
        return found

    def classes(self, names: set[str]) -> "list[tuple[File, ast.ClassDef]]":
        """The classes of the project of these names, and all their ancestors in it."""
        found: list[tuple[File, ast.ClassDef]] = []
        waiting, seen = sorted(names), set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            place = self.project.definition(name)
            if place is not None and isinstance(place[1], ast.ClassDef):
                file, cls = place
                found.append((file, cls))
                waiting += [one for base in cls.bases for one in sorted(file.meant(base, 4))]
        return found


def _bytes(line: str, column: int) -> int:
    return column - 1 if line.isascii() else len(line[: column - 1].encode("utf-8", "replace"))


def _covers(function: Any, line: int) -> bool:
    first = (function.decorator_list or [function])[0].lineno
    return bool(first <= line <= function.end_lineno)
