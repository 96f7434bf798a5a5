"""What the lowering reads off a syntax tree: dotted paths, annotations as text, bound names."""

import ast
from collections.abc import Iterator
from typing import Any

# Methods that put what they are given into the object they are called on.
FILLING = frozenset(
    ["append", "add", "extend", "insert", "update", "setdefault", "appendleft", "put", "write"]
)

_PROVIDING = ("Depends", "Security")  # of FastAPI: called with the function that gives the value
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_LONGEST_ANNOTATION = 200


def dotted_path(node: ast.expr) -> str:
    """`a`, `a.b` or `a.b.c` of such an expression; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = node.value
        if isinstance(base, ast.Name):
            return f"{base.id}.{node.attr}"
        if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
            return f"{base.value.id}.{base.attr}.{node.attr}"
    return ""


def annotation_text(node: ast.expr | None) -> str:
    """A type as text: dotted names, brackets, `X | Y` as a Union; empty if it is none of these."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            base = annotation_text(node.value)
            return f"{base}.{node.attr}" if base else ""
        case ast.Constant(value=str(said)):
            return said if len(said) < _LONGEST_ANNOTATION else ""
        case ast.Subscript():
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            held = ", ".join(annotation_text(one) for one in parts)
            return f"{annotation_text(node.value)}[{held}]"
        case ast.BinOp():
            return f"Union[{annotation_text(node.left)}, {annotation_text(node.right)}]"
        case ast.Tuple():
            return ", ".join(annotation_text(one) for one in node.elts)
        case _:
            return ""


def constant_value(node: ast.expr) -> Any:
    """The value of a constant default; `...` for any other."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, type(None))):
        return node.value
    return ...


def injected_names(given: ast.arguments, every: list[ast.arg]) -> tuple[str, ...]:
    """The names of calls among the defaults and annotations, and of what those are given."""
    said = [*given.defaults, *filter(None, given.kw_defaults)]
    for one in every:
        if isinstance(one.annotation, ast.Subscript) and isinstance(
            one.annotation.slice, ast.Tuple
        ):
            said += one.annotation.slice.elts[1:]
    calls = [one for one in said if isinstance(one, ast.Call)]
    parts = [part for call in calls for part in (call.func, *call.args, *_values(call))]
    return tuple(filter(None, map(_called, parts)))


def provided_names(given: ast.arguments, listed: list[ast.arg]) -> dict[str, str]:
    """By parameter the function in the `Depends(function)` that is its default or metadata."""
    behind = listed[len(listed) - len(given.defaults) :]
    said: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(behind, given.defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    for one in (*listed, *given.kwonlyargs):
        if isinstance(one.annotation, ast.Subscript):
            inner = one.annotation.slice
            said += [(one, part) for part in getattr(inner, "elts", [inner])[1:]]
    return {
        one.arg: name
        for one, call in said
        if isinstance(call, ast.Call) and _called(call).rpartition(".")[2] in _PROVIDING
        if call.args and (name := _called(call.args[0]))
    }


def _values(call: ast.Call) -> list[ast.expr]:
    return [one.value for one in call.keywords]


def _called(node: ast.expr) -> str:
    return dotted_path(node.func if isinstance(node, ast.Call) else node)


def bound_names(body: list[ast.stmt]) -> list[str]:
    """The paths that statements bind or fill, at any depth of blocks."""
    found: list[str] = []
    for one in _statements(body, _SCOPES):
        match one:
            case ast.Assign():
                for target in one.targets:
                    _targets(target, found)
            case ast.AugAssign() | ast.AnnAssign() | ast.For() | ast.AsyncFor():
                _targets(one.target, found)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name) as callee)):
                if name in FILLING:
                    _targets(callee.value, found)
            case _:
                pass
    return found


def breaks(body: list[ast.stmt]) -> bool:
    """A `break` among the statements ends the loop whose body they are."""
    return any(isinstance(one, ast.Break) for one in _statements(body, (*_SCOPES, *_LOOPS)))


def _targets(node: ast.expr, found: list[str]) -> None:
    if isinstance(node, (ast.Tuple, ast.List)):
        for one in node.elts:
            _targets(one, found)
    elif isinstance(node, (ast.Starred, ast.Subscript)):
        _targets(node.value, found)
    else:
        path = dotted_path(node)
        if path:
            found.append(path)


def _statements(body: list[ast.stmt], closed: tuple[type, ...]) -> Iterator[ast.stmt]:
    """Statements at any depth of blocks, without what the `closed` ones hold."""
    for one in body:
        yield one
        if isinstance(one, closed):
            continue
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(one, field, None)
            if inner:
                yield from _statements(inner, closed)
        for handler in getattr(one, "handlers", ()) or getattr(one, "cases", ()):
            yield from _statements(handler.body, closed)
