"""Lowers a Python file to flow nodes: one pass over the standard library's syntax tree."""

import ast
from typing import Any

from probatum.taint.expressions import Expressions
from probatum.taint.flow import (
    CALL,
    CAUGHT,
    COLUMN_BITS,
    COMPARE,
    EACH,
    FAILS,
    FUNCTION,
    HOLDS,
    JOIN,
    LAST_COLUMN,
    OTHER,
    PARTLY,
    RETURNS,
    TEXT,
    WAY,
    Function,
    Loop,
    Module,
)
from probatum.taint.syntax import FILLING, annotation_text, bound_names, breaks, dotted_path


def lowered(tree: ast.Module, name: str, path: str) -> Module:
    """The module `name` in the file `path`, of its syntax tree.

    Raises: RecursionError if expressions or blocks are nested hundreds deep.
    """
    module = Module(name, path, [], {})
    _Body(module, Function("", "module", 1, -1)).run(tree.body)
    return module


class _Body(Expressions):
    """Lowers the body of one function, class or module.

    Each method lowers one kind of statement and says whether control can go on behind it.
    """

    def run(self, body: list[ast.stmt]) -> bool:
        for statement in body:
            self.place = statement.lineno << COLUMN_BITS | min(statement.col_offset, LAST_COLUMN)
            if _STATEMENTS[type(statement)](self, statement) is False:
                return False
        return True

    def expression(self, node: ast.Expr) -> None:
        value: ast.expr = node.value
        if type(value) is ast.Constant:
            return
        made = self.value(value)
        while isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call):
            self.hold(made, RETURNS)
            if isinstance(value.func, ast.Attribute) and value.func.attr in FILLING:
                self.filled(dotted_path(value.func.value), made)

    def filled(self, path: str, call: int) -> None:
        """`path.append(value)`: it may hold the value from here on."""
        given = self.nodes[call]
        if path not in self.env or given[0] != CALL:
            return
        parts = (*given[2], *(pair[1] for pair in given[3]))
        if self.nodes[given[1]][2:] == ("setdefault",) and len(given[2]) == 2:
            self.fills.append((self.env[path], *given[2]))
            parts = given[2][1:]
        if parts:
            grown = self.emit((JOIN, self.env[path], *parts))
            self.under[grown] = (-1, *[self.under.get(call, -1)] * len(parts))
            self.bind(path, grown)

    def assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.target(target, value)

    def annotated(self, node: ast.AnnAssign) -> None:
        if type(node.target) is ast.Name:
            said = annotation_text(node.annotation)
            if said:
                self.function.annotations.setdefault(node.target.id, said)
        if node.value is not None:
            self.target(node.target, self.value(node.value))

    def augmented(self, node: ast.AugAssign) -> None:
        old = self.value(node.target)
        new = self.value(node.value)
        kind = TEXT if type(node.op) in (ast.Add, ast.Mod) else OTHER
        self.target(node.target, self.emit((kind, old, new)))

    def returned(self, node: ast.Return) -> bool:
        value = self.value(node.value) if node.value is not None else -1
        self.exits.append((value, self.control))
        return False

    def raised(self, node: ast.Raise) -> bool:
        if node.exc is not None:
            self.value(node.exc)
        self.raises.append(self.control)
        return False

    def asserted(self, node: ast.Assert) -> None:
        test = self.value(node.test)
        self.raises.append(self.link(test, FAILS))
        self.hold(test, HOLDS)

    def broken_off(self, node: ast.Break) -> bool:
        if self.broken:
            self.broken[-1].append(self.control)
        return False

    def leave(self, node: ast.stmt) -> bool:
        return False

    def branch(self, node: ast.If) -> bool:
        test = self.value(node.test)
        outside, before = self.control, self.env
        through = self.way(node.body, test, HOLDS, before)
        then, then_control = self.env, self.control
        self.control = outside
        other = self.way(node.orelse, test, FAILS, before)
        if through and other:
            self.env = self.merged(then, self.env, (then_control, self.control))
            checks = [*self.checks(then_control, outside), *self.checks(self.control, outside)]
            self.control = outside
            for checked, said in checks:
                if checked != test:
                    self.hold(checked, said | PARTLY)
        elif through:
            self.env, self.control = then, then_control
        return through or other

    def way(self, body: list[ast.stmt], test: int, said: int, before: dict[str, int]) -> bool:
        self.env = before.copy()
        self.hold(test, said)
        return self.run(body)

    def loop(self, node: ast.For | ast.AsyncFor) -> bool:
        items = self.value(node.iter)
        opened = self.open_names(node.body)
        outside, before = self.control, self.env.copy()
        self.target(node.target, self.emit((EACH, items)))
        self.broken.append([])
        self.repeat(node, opened, outside, before)
        self.broken.pop()
        return True

    def while_loop(self, node: ast.While) -> bool:
        opened = self.open_names(node.body)
        outside, before = self.control, self.env.copy()
        starts = len(self.nodes), len(self.exits), len(self.raises)
        test = self.value(node.test)
        self.hold(test, HOLDS)
        self.broken.append([])
        self.repeat(node, opened, outside, before)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        ends = len(self.nodes), len(self.exits), len(self.raises)
        nodes, exits, raises = zip(starts, ends, strict=True)
        left = tuple(self.broken.pop())
        self.function.loops.append(Loop(test, endless, outside, nodes, exits, raises, left))
        return not endless or breaks(node.body)

    def open_names(self, body: list[ast.stmt]) -> dict[str, int]:
        """Opens a join for each name that a loop's body changes: it may hold what a turn left."""
        opened: dict[str, int] = {}
        for name in bound_names(body):
            if name in self.env:
                opened[name] = self.env[name] = self.emit((JOIN, self.env[name]))
        return opened

    def repeat(self, node: Any, opened: dict[str, int], outside: int, before: Any) -> None:
        """Lowers a loop's body, closes the joins that were opened, and goes on behind it."""
        self.run(node.body)
        for name, made in opened.items():
            after = self.env.get(name, made)
            if after != made:
                self.nodes[made] = (*self.nodes[made], after)
        self.env = self.merged(before, self.env)
        checks = self.checks(self.control, outside)
        self.control = outside
        for test, way in checks:
            self.hold(test, way)
        if node.orelse:
            self.run(node.orelse)

    def checks(self, link: int, outer: int) -> list[tuple[int, int]]:
        """What was checked between two links by raising: what returned, or raises elsewise."""
        found = []
        while link != outer and link >= 0:
            test, way, link = self.controls[link]
            if way & WAY == RETURNS or self.raises_elsewise(test, way):
                found.append((test, way))
        return found[::-1]

    def raises_elsewise(self, test: int, way: int) -> bool:
        return any(
            self.controls[one][0] == test and self.controls[one][1] != way
            for one in self.raises
            if one >= 0
        )

    def attempt(self, node: ast.Try) -> bool:
        outside, before = self.control, self.env.copy()
        through = self.run(node.body) and self.run(node.orelse)
        after, after_control = self.env, self.control
        maybe = self.merged(before, after)
        survivors = self.handlers(node.handlers, maybe, outside)
        self.control = after_control if through and not survivors else outside
        self.env = after if through else (survivors.pop() if survivors else maybe)
        for other in survivors:
            self.env = self.merged(self.env, other)
        on = through or bool(survivors) or self.env is not maybe
        return self.run(node.finalbody) and on

    def handlers(
        self, handlers: list[ast.ExceptHandler], maybe: dict[str, int], outside: int
    ) -> list[dict[str, int]]:
        """What names hold behind each handler that goes on."""
        survivors = []
        for handler in handlers:
            self.env, self.control = maybe.copy(), outside
            caught = self.emit((CAUGHT, annotation_text(handler.type)))
            if handler.name:
                self.bind(handler.name, caught)
            if self.run(handler.body):
                survivors.append(self.env)
        return survivors

    def context(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.target(item.optional_vars, value)
        return self.run(node.body)

    def matched(self, node: ast.Match) -> bool:
        subject = self.value(node.subject)
        before, outside = self.env, self.control
        ends = []
        whole = False
        for case in node.cases:
            self.env, self.control = before.copy(), outside
            self.pattern(case.pattern, subject)
            if case.guard is not None:
                self.hold(self.value(case.guard), HOLDS)
            elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                whole = True
            if self.run(case.body):
                ends.append(self.env)
        if not whole:
            ends.append(before)
        self.control = outside
        self.env = ends[0] if ends else before
        for other in ends[1:]:
            self.env = self.merged(self.env, other)
        return bool(ends)

    def pattern(self, pattern: ast.pattern, subject: int) -> None:
        """Binds what a pattern captures, and holds its equality where it is a constant."""
        for part in ast.walk(pattern):
            if isinstance(part, (ast.MatchAs, ast.MatchStar)) and part.name:
                self.bind(part.name, self.emit((EACH, subject)))
            elif isinstance(part, ast.MatchMapping) and part.rest:
                self.bind(part.rest, subject)
            elif isinstance(part, ast.MatchValue):
                test = self.emit((COMPARE, "==", subject, self.value(part.value)))
                if part is pattern:
                    self.hold(test, HOLDS)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple([self.value(one) for one in node.decorator_list])
        inner = self.function_of(node, node.name, decorators)
        inner.run(node.body)
        self.bind(node.name, self.emit((FUNCTION, inner.index)))

    def define_class(self, node: ast.ClassDef) -> None:
        bases = tuple([self.value(one) for one in node.bases])
        decorators = tuple([self.value(one) for one in node.decorator_list])
        function = Function(
            self.qualified(node.name),
            "class",
            node.lineno,
            self.index,
            annotations={},
            decorators=decorators,
            bases=bases,
        )
        inner = _Body(self.module, function)
        inner.run(node.body)
        self.bind(node.name, self.emit((FUNCTION, inner.index)))

    def import_names(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            self.module.imports.setdefault(bound, alias.name if alias.asname else bound)
            self.env.pop(bound, None)

    def import_from(self, node: ast.ImportFrom) -> None:
        base = self.package(node.level, node.module or "")
        for alias in node.names:
            bound = alias.asname or alias.name
            self.module.imports.setdefault(bound, f"{base}.{alias.name}")
            self.env.pop(bound, None)

    def package(self, level: int, base: str) -> str:
        """The module that an import names, `level` dots in front of it."""
        if not level:
            return base
        parts = self.module.name.split(".")
        if not self.module.path.endswith("__init__.py"):
            parts = parts[:-1]
        parts = parts[: len(parts) - level + 1]
        return ".".join([*parts, base] if base else parts)

    def nothing(self, node: ast.stmt) -> None:
        return None

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if type(target) is ast.Name:
                self.env.pop(target.id, None)


_STATEMENTS: dict[type, Any] = {
    ast.Expr: _Body.expression, ast.Assign: _Body.assign, ast.AnnAssign: _Body.annotated,
    ast.AugAssign: _Body.augmented, ast.Return: _Body.returned, ast.Raise: _Body.raised,
    ast.Assert: _Body.asserted, ast.Break: _Body.broken_off, ast.Continue: _Body.leave,
    ast.If: _Body.branch, ast.For: _Body.loop, ast.AsyncFor: _Body.loop,
    ast.While: _Body.while_loop, ast.Try: _Body.attempt, ast.TryStar: _Body.attempt,
    ast.With: _Body.context, ast.AsyncWith: _Body.context, ast.Match: _Body.matched,
    ast.FunctionDef: _Body.define, ast.AsyncFunctionDef: _Body.define,
    ast.ClassDef: _Body.define_class, ast.Import: _Body.import_names,
    ast.ImportFrom: _Body.import_from, ast.Pass: _Body.nothing, ast.Global: _Body.nothing,
    ast.Nonlocal: _Body.nothing, ast.Delete: _Body.delete,
}  # fmt: skip
if hasattr(ast, "TypeAlias"):
    _STATEMENTS[ast.TypeAlias] = _Body.nothing
