"""A value that is written to a file reaches whoever reads that file later in the same function.

The file is the same where the same name, attribute or text names it; that nothing else is written
there in between is not shown.
"""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_names import File
from probatum.check.code_trees import dotted

CLAIMS = frozenset({"no-unsafe-deserialization"})

_WHOLE = ("write_bytes", "write_text")
_OPENING = ("open", "NamedTemporaryFile", "TemporaryFile")


def read_later(file: File, call: ast.Call, node: Any) -> Iterator[Any]:
    """What names the file below the call that writes the node to it: an argument, or itself."""
    named = _written_to(file, call, node)
    if named is None:
        return
    function = file.function(call)
    kind, said, last = type(named), ast.dump(named), call.end_lineno or call.lineno
    for one in ast.walk(function if function is not None else file.tree):
        below = isinstance(one, ast.expr) and one.lineno > last
        if below and type(one) is kind and ast.dump(one) == said:
            yield one


def _written_to(file: File, call: ast.Call, node: Any) -> Any:
    """What names the file that a call writes the node to; None if it writes it nowhere."""
    first, second = [*call.args, None, None][:2]
    short = dotted(call.func).rpartition(".")[2]
    if isinstance(call.func, ast.Attribute):
        short = call.func.attr
        if short == "save" and node is call.func:
            return first
        if node is first and short in _WHOLE:
            return call.func.value
        if node is first and short == "write":
            return _opened(file, call.func.value)
    if node is first and short == "copyfileobj":
        return _opened(file, second)
    return second if short == "urlretrieve" and node is call else None


def _opened(file: File, node: Any) -> Any:
    """What names the file that the object of a name was opened by."""
    scope = file.binding(node, node.id) if isinstance(node, ast.Name) else None
    for target in file.binds[scope].get(node.id, ()) if scope is not None else ():
        holder = file.parents.get(target)
        made = getattr(holder, "value", None) or getattr(holder, "context_expr", None)
        if isinstance(made, ast.Call) and dotted(made.func).rpartition(".")[2] in _OPENING:
            return made.args[0] if made.args else None
    return None
