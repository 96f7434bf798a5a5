"""The syntax of an audited folder's modules: how a file is read, and what is told from it alone."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Final

from probatum.formats.own_folder import Prevents

Function = ast.FunctionDef | ast.AsyncFunctionDef

DEEPEST: Final = 60
_UTF8: Final = re.compile(rb"[^\n]*coding[:=][ \t]*(?i:utf-?8)(?![-_.a-zA-Z0-9])")
_STRANGE: Final = re.compile(rb"[\0\x0c\x1a]|\r(?!\n)|\A\xef\xbb\xbf")
_ARITHMETIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)


def tree_of(data: bytes, file: str) -> ast.Module:
    """The syntax of a file that every Python reads alike. Raises: Prevents."""
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


def guarded(test: ast.expr) -> str:
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


def alternatives(node: ast.If | ast.Try) -> Iterator[Sequence[ast.stmt]]:
    """The bodies of a condition or a `try`, of which an import may run any."""
    if isinstance(node, ast.If):
        if not guarded(node.test):
            yield node.body
    else:
        yield node.body
        yield from (handler.body for handler in node.handlers)
        yield node.finalbody
    yield node.orelse


def is_constant(node: ast.expr) -> bool:
    """A constant, a number with its sign, or a tuple of those."""
    if isinstance(node, ast.Tuple):
        return all(map(is_constant, node.elts))
    return isinstance(node, ast.Constant) or is_number(node)


def is_number(node: ast.expr, depth: int = 0) -> bool:
    """Arithmetic of numbers that stand there."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and -(1 << 64) < value < 1 << 64
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            return depth < DEEPEST and is_number(inner, depth + 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=power)):
            return (
                type(power) is int
                and 0 <= power <= 64
                and type(left) is ast.Constant
                and (is_number(left))
            )
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            return depth < DEEPEST and is_number(left, depth + 1) and is_number(right, depth + 1)
    return False


def shown(node: ast.AST) -> str:
    """Source code on one line, for a sentence."""
    try:
        said = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        said = type(node).__name__
    return ascii(said)[1:-1] if len(said) <= 80 else ascii(said[:70])[1:-1] + "…"
