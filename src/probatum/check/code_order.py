"""Whether what a statement binds to a name is still there where the name is read.

By the order of statements alone: control may pass from one to the other, and nothing that stands
on every way there binds the name anew.
"""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_trees import FUNCTIONS, SCOPES, dotted

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")

Parents = dict[Any, Any]  # of a syntax tree: the node that each is a part of


def reaches(parents: Parents, target: Any, read: Any, path: str) -> bool:
    """Control may pass from a binding to a read, and nothing on every way binds it anew."""
    above, around = _above(parents, target), _above(parents, read)
    loop = next((one for one in around if isinstance(one, _LOOPS) and one in above), None)
    start, here = _place(target), _place(read)
    inner = any(isinstance(one, (ast.comprehension, ast.NamedExpr)) for one in above)
    once = loop is None and not inner and not isinstance(target, ast.arg)
    if once and (here < _end(_head(parents, target)) or _apart(parents, target, read)):
        return False
    for owner, block, at in _blocks(parents, read):
        for between in block[:at]:
            later = here < start or _place(between) > start
            if later and between not in above and _binds(between, path):
                return False
        if here < start and owner is loop:
            break
    return True


def _above(parents: Parents, node: Any) -> dict[Any, None]:
    found: dict[Any, None] = {}
    while node is not None and not isinstance(node, SCOPES):
        found[node] = None
        node = parents.get(node)
    if node is not None:
        found[node] = None
    return found


def _head(parents: Parents, node: Any) -> Any:
    """What must have run before a binding has happened."""
    while not isinstance(node, (ast.stmt, ast.withitem, ast.match_case)):
        node = parents[node]
    for field in ("iter", "context_expr", "pattern"):
        if hasattr(node, field):
            return getattr(node, field)
    return node


def _blocks(parents: Parents, node: Any) -> Iterator[tuple[Any, list[Any], int]]:
    """Every block that a node stands in, from the innermost: its owner, it, and where in it."""
    while node is not None and not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.Module)):
        outer = parents.get(node)
        for field in _BLOCKS:
            block = getattr(outer, field, None)
            if isinstance(block, list) and node in block:
                is_block = field not in ("handlers", "cases")
                yield outer, block if is_block else [], block.index(node) if is_block else 0
        if isinstance(outer, ast.While) and node is outer.test:
            yield outer, [], 0  # read anew at each turn
        node = outer


def _apart(parents: Parents, one: Any, other: Any) -> bool:
    """On different ways: two branches of one condition, or behind the end of the way."""
    ways = {owner: (block, at) for owner, block, at in _blocks(parents, other)}
    for owner, block, at in _blocks(parents, one):
        if owner in ways:
            other_block = ways[owner][0]
            branches = isinstance(owner, (ast.If, ast.Match))
            return branches and (block is not other_block or not block)
        if any(isinstance(after, (ast.Return, ast.Raise)) for after in block[at + 1 :]):
            return True
    return False


def _place(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def _binds(statement: Any, path: str) -> bool:
    """The statement binds a name whatever happens: to nothing that it held before."""
    match statement:
        case ast.Assign():
            return any(dotted(one) == path for one in statement.targets)
        case ast.AnnAssign():
            return statement.value is not None and dotted(statement.target) == path
    return False
