"""How a folder's source file is read, and what its syntax alone tells."""

import ast
import re
import warnings

from probatum.errors import Rejected

_CODING = re.compile(rb"#[^\n]*coding[:=][ \t]*([-_.a-zA-Z0-9]*)")


def parts(node: ast.expr) -> list[ast.expr]:
    """An argument, or what stands in the lists, tuples and dicts that it is."""
    if isinstance(node, ast.Tuple | ast.List):
        return [part for one in node.elts for part in parts(one)]
    if isinstance(node, ast.Dict) and all(map(constant, node.keys)):
        return [part for one in node.values for part in parts(one)]
    return [node]


def constant(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(constant, node.elts))
    return isinstance(node, ast.Constant) or (node is not None and number(node))


def number(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and -(1 << 64) < node.value < 1 << 64  # type: ignore[operator]
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub | ast.UAdd) and number(node.operand)
    if not isinstance(node, ast.BinOp) or not number(node.left) or not number(node.right):
        return False
    if isinstance(node.op, ast.Pow):
        power = node.right.value if isinstance(node.right, ast.Constant) else -1
        return isinstance(node.left, ast.Constant) and type(power) is int and 0 <= power <= 64
    return isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Mod)


def parsed(data: bytes, path: str) -> ast.Module:
    """The syntax of a file that every Python reads as the same text."""
    for line in data.split(b"\n", 2)[:2]:
        told = _CODING.findall(line)
        if told and [one.lower() for one in told] not in ([b"utf-8"], [b"utf8"]):
            raise Rejected(f"4: {path} tells another encoding than UTF-8")
        if line.count(b"coding") > 1:
            raise Rejected(f"4: {path} tells its encoding twice")
    if b"\0" in data or b"\x0c" in data or b"\x1a" in data or data.startswith(b"\xef\xbb\xbf"):
        raise Rejected(f"4: {path} holds characters that are read in more than one way")
    if b"\r" in data.replace(b"\r\n", b""):
        raise Rejected(f"4: {path} ends lines in more than one way")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Rejected(f"4: {path} is no Python that can be read") from None
