"""Finds the expressions that the steps of a path stand at: their lines, columns and ends.

The nodes that the search walks remember where they begin. Where they end is looked up again, for
the few that are told, in the syntax trees that the checker walks through as well.
"""

import ast
from typing import Any

from msgspec import Struct

from probatum.check.code_files import Project
from probatum.check.code_names import File
from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COMPARE,
    CONST,
    EITHER,
    ITEM,
    JOIN,
    MATH,
    NAME,
    NOT,
    OTHER,
    PACK,
    PARAM,
    STAR,
    TEXT,
)
from probatum.taint.review import Step

LONGEST_LINE = 1000  # characters of a line that are told

_KINDS: dict[int, tuple[type, ...]] = {
    PARAM: (ast.arg,),
    NAME: (ast.Name,),
    ATTR: (ast.Attribute,),
    ITEM: (ast.Subscript,),
    CALL: (ast.Call,),
    JOIN: (ast.IfExp,),
    TEXT: (ast.JoinedStr, ast.BinOp, ast.AugAssign),
    PACK: (
        *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp),
        ast.GeneratorExp,
    ),
    OTHER: (ast.AugAssign,),
    STAR: (ast.Starred,),
    MATH: (ast.BinOp,),
    CONST: (ast.Constant,),
    COMPARE: (ast.Compare,),
    NOT: (ast.UnaryOp,),
    BOTH: (ast.BoolOp,),
    EITHER: (ast.BoolOp,),
}


class Span(Struct, frozen=True, order=True):
    """Where an expression stands, counted in characters from 1, and its first line as text."""

    file: str
    begin: tuple[int, int]
    end: tuple[int, int]
    code: str

    def is_before(self, other: "Span") -> bool:
        """It does not begin where the other does, or is only a part of it."""
        apart = (self.file, self.begin) != (other.file, other.begin)
        return apart or self.end < other.end


def span(project: Project, step: Step, after: Span | None) -> Span | None:
    """The expression that a step stands at; None where it stands at none, as after a branch.

    Of several that begin there and are of its kind (`a[0][1]`) it is the largest, but smaller than
    the one `after` it on the path if that begins there too.
    """
    file, cell = project.place(step.file)
    if file is None or step.kind not in _KINDS:
        return None
    fitting: list[tuple[bool, tuple[int, int], Span]] = []
    for node in file.beginning(cell, step.line, step.column - 1):
        named = _is_called(node, step.name) if isinstance(node, _KINDS[step.kind]) else None
        found = _extent(file, cell, node) if named is not None else None
        if found is not None and (after is None or found.is_before(after)):
            fitting.append((bool(named), found.end, found))
    return max(fitting)[2] if fitting else None


def line(project: Project, step: Step) -> Span | None:
    """The largest expression that begins where a step stands."""
    file, cell = project.place(step.file)
    begun = file.beginning(cell, step.line, step.column - 1) if file is not None else ()
    found = [_extent(file, cell, one) for one in begun] if file is not None else []
    return max((one for one in found if one is not None), default=None)


def _is_called(node: Any, name: str) -> bool | None:
    """Whether a node bears the name; None if it bears another. A callee may bear two."""
    match node:
        case ast.arg(arg=own) | ast.Name(id=own) | ast.Attribute(attr=own):
            return True if own == name else None
        case ast.Call(func=ast.Attribute(attr=own)):
            return True if own == name else (False if _hands_on(node, name) else None)
        case ast.Call(func=ast.Name(id=own)):
            return bool(own == name)
        case ast.Call():
            return not name
    return True


def _hands_on(call: ast.Call, name: str) -> bool:
    """A call that is given a function of that name, which it calls in its turn."""
    given = [*call.args, *(one.value for one in call.keywords)]
    return any(getattr(one, "attr", getattr(one, "id", "")) == name for one in given)


def _extent(file: File, part: str, node: Any) -> Span | None:
    before, lines = file.parts.get(part, (0, []))
    line, end = node.lineno - before, node.end_lineno - before
    if not 0 < line <= end <= len(lines):
        return None
    first = lines[line - 1]
    column, behind = _column(first, node.col_offset), _column(lines[end - 1], node.end_col_offset)
    return Span(file.name + part, (line, column), (end, behind), first[:LONGEST_LINE])


def _column(line: str, offset: int) -> int:
    """Which character stands behind the first `offset` bytes of a line, counted from 1."""
    if line.isascii():
        return offset + 1
    return len(line.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore")) + 1
