"""Says of pieces of Python's syntax what they are, as far as that can be seen from them alone."""

import ast
from typing import Any

from probatum.check import reach_words as words
from probatum.check.reach_files import File
from probatum.check.reach_texts import Pieces


def guard(body: list[Any]) -> None:
    """Mark the imports that may fail."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                node.is_guarded = True  # type: ignore[union-attr]


def joined(pieces: Pieces) -> Pieces:
    """The same text, its constant pieces put together."""
    found: list[str | None] = []
    for one in pieces:
        if found and one is not None and found[-1] is not None:
            found[-1] += one
        else:
            found.append(one)
    return tuple(found)


def may_list(node: Any, name: str) -> bool:
    """Whether it is what it is called: an attribute `dir` is none, nor is a method `modules`."""
    if isinstance(node, ast.Name):
        return True
    of = getattr(node.value, "id", "")
    if name in words.FUNCTIONS:
        return of in ("builtins", "__builtins__", "__builtin__")
    return name != "modules" or not (getattr(node, "is_called", False) or of == "self")


def constant_false(node: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def is_builtin(func: Any) -> bool:
    match func:
        case ast.Name():
            return True
        case ast.Attribute(value=ast.Name(id="builtins" | "__builtins__" | "__builtin__")):
            return True
    return False


def is_main(test: Any) -> bool:
    """Whether it is the condition of what runs as a command alone."""
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
        ):
            return True
    return False


def is_handed_over(node: Any, file: File) -> bool:
    """Whether a decorator may keep it, or call it, under no name of its own."""
    return not all(_is_harmless(one, node.name, file) for one in node.decorator_list)


def _is_harmless(decorator: Any, name: str, file: File) -> bool:
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    match func:
        case ast.Name(id=id) if id in words.BUILT_IN:
            return id not in file.bound.values
        case ast.Name(id=id):
            of = file.imported.get(id, set())
            return bool(of) and of <= words.HARMLESS and len(file.bound.values[id]) == len(of)
        case ast.Attribute(value=ast.Name(id=id), attr="setter" | "getter" | "deleter"):
            return id == name
        case ast.Attribute(value=ast.Name(id=id), attr=attr):
            of = {f"{one}.{attr}" for one in file.imported.get(id, ())}
            return bool(of) and of <= words.HARMLESS and len(file.bound.values[id]) == len(of)
    return False


def documentation(node: Any) -> Any:
    """The first statement of a definition, if it is a mere text."""
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body) | ast.ClassDef(body=body):
            first = body[0] if body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                return first
    return None


def varies(node: Any) -> bool:
    """Whether an argument is anything but constants."""
    if isinstance(node, ast.Constant):
        return False
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(map(varies, node.elts))
    return True


def last(node: Any) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    node = node.value if isinstance(node, ast.Subscript) else node
    return str(getattr(node, "attr", getattr(node, "id", "")))
