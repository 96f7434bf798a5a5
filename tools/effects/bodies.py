"""What a class body binds when it runs, found without running it."""

import ast
from collections.abc import Iterator


class Refused(Exception):
    """The class gets no summary; the text says why, in a few words that can be counted."""


HOOKS = frozenset(
    [
        "__new__",
        "__del__",
        "__setattr__",
        "__getattr__",
        "__getattribute__",
        "__setstate__",
        "__init_subclass__",
        "__class__",
        "__dict__",
        "__slots__",
        "__weakref__",
        "__set_name__",
    ]
)
"""Names in a class body that unpickling an instance, or making the class, could run or change."""

_STATEMENTS = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Expr,
    ast.Pass,
    ast.If,
    ast.For,
    ast.Import,
    ast.ImportFrom,
    ast.Assert,
)
_REACHES_THE_NAMESPACE = frozenset(
    {"locals", "vars", "globals", "exec", "eval", "setattr", "_getframe", "currentframe"}
)


def bound(node: ast.ClassDef) -> list[tuple[str, ast.stmt]]:
    """Every name that the body binds, each with its statement. Raises: Refused."""
    return [(name, part) for part in _flat(node.body) for name in _names(part)]


def _flat(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for part in statements:
        if not isinstance(part, _STATEMENTS):
            raise Refused(f"class body computes: {type(part).__name__}")
        for inner in _run_at_once(part):
            if _name_of(inner) in _REACHES_THE_NAMESPACE:
                raise Refused(f"class body computes: {ast.unparse(part)[:60]}")
        if isinstance(part, ast.Expr) and not _only_fills_tables(part.value):
            raise Refused(f"class body computes: {ast.unparse(part)[:60]}")
        yield part
        if isinstance(part, ast.If | ast.For):
            yield from _flat(part.body)
            yield from _flat(part.orelse)


def _names(part: ast.stmt) -> Iterator[str]:
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield part.name
    if isinstance(part, ast.Import | ast.ImportFrom):
        for alias in part.names:
            if alias.name == "*":
                raise Refused("class body computes: import *")
            yield alias.asname or alias.name.partition(".")[0]
    for node in _run_at_once(part):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _run_at_once(part: ast.AST) -> Iterator[ast.AST]:
    """The expressions that run with the statement: defaults and decorators, but no function's body.

    What stands under an `if` or a `for` is left to the statements there.
    """
    for name, value in ast.iter_fields(part):
        if name in ("body", "orelse") and isinstance(part, ast.stmt | ast.Lambda):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _run_at_once(child)


def _name_of(node: ast.AST) -> str:
    return str(getattr(node, "id", "") or getattr(node, "attr", ""))


def _only_fills_tables(value: ast.expr) -> bool:
    """A docstring, or a method of something else (`_parameter_constraints.pop(…)`)."""
    if isinstance(value, ast.Constant):
        return True
    called = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and "sys" not in called
    )
