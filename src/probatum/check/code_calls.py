"""Where a value goes: to the parameters of what is called, to a caller, to a target."""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_names import File
from probatum.check.code_trees import FILLING, rows

MAKING = ("__init__", "__new__", "__call__", "__post_init__")
"""Methods that a call of a class, or of an object, calls."""

Given = list[tuple[int | str | None, Any]]
"""Positions or names of arguments, None where it may be any, each with its value."""


def callee_name(call: ast.Call) -> str:
    """The last part of the name of what is called; empty if it has none."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def parts(call: ast.Call) -> Iterator[Any]:
    """What a call is given: its arguments, what is packed in them, and its method's object."""
    for one in (*call.args, *(keyword.value for keyword in call.keywords)):
        yield one
        if isinstance(one, ast.Starred):
            yield one.value
        elif isinstance(one, (ast.Tuple, ast.List)):
            yield from one.elts
    if isinstance(call.func, ast.Attribute):
        yield call.func.value


def arguments(call: ast.Call) -> Given:
    """What a call gives: each with its position, or its name; None where it may be any."""
    found: Given = []
    for at, one in enumerate(call.args):
        if isinstance(one, ast.Starred):
            found += [(None, one), (None, one.value)]
        else:
            found.append((at, one))
    return found + [(one.arg, one.value) for one in call.keywords]


def arguments_behind(call: ast.Call, handed: Any) -> Given:
    """What a call gives on to the function that it is handed: what follows it, or is packed."""
    at = next((at for at, one in enumerate(call.args) if one is handed), -1)
    rest = call.args[at + 1 :]
    found: Given = list(enumerate(rest))
    packed = [one.value for one in call.keywords if one.arg == "args"] + rest[:1]
    for one in packed:
        found += enumerate(one.elts if isinstance(one, (ast.Tuple, ast.List)) else ())
    return found + [(one.arg, one.value) for one in call.keywords]


def handed_function(call: ast.Call, function: Any) -> Any:
    """The argument of a call that names the function."""
    given = [*call.args, *(one.value for one in call.keywords)]
    name = getattr(function, "name", "")
    named = (one for one in given if getattr(one, "attr", getattr(one, "id", None)) == name)
    return function if function in given else next(named, None)


def hands_over(call: ast.Call, function: Any) -> bool:
    """A framework is given the function, to call it with what comes from outside."""
    handed = {name for row in rows("sources")["source"] for name in row.get("handed", ())}
    return callee_name(call) in handed and handed_function(call, function) is not None


def receives(
    wanted: ast.arg,
    function: Any,
    given: Given,
    called: Any,
    node: Any,
) -> bool:
    """Whether a parameter receives a value that a call of the function gives."""
    said = function.args
    names = [*said.posonlyargs, *said.args]
    bound = isinstance(called, ast.Attribute)
    method = bool(names) and names[0].arg in ("self", "cls")
    if bound and called.value is node:
        return method and wanted is names[0]
    shift = method and (bound or getattr(function, "name", "") in MAKING)
    for at, one in given:
        if one is not node:
            continue
        if at is None or (isinstance(at, str) and (at == wanted.arg or wanted is said.kwarg)):
            return True
        if isinstance(at, int):
            place = at + shift
            if names[place : place + 1] == [wanted] or (
                wanted is said.vararg and place >= len(names)
            ):
                return True
    return False


def unpacked(parents: dict[Any, Any], value: Any) -> list[Any]:
    """The targets that the parts of a tuple, or of `zip` and `enumerate`, go to one by one."""
    parent = parents.get(value)
    target = getattr(parent, "target", None)
    if isinstance(value, ast.Call):
        known = (
            callee_name(value) in ("zip", "enumerate") and getattr(parent, "iter", None) is value
        )
        return target.elts if known and isinstance(target, ast.Tuple) else []
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return []
    wanted = getattr(parent.targets[0], "elts", ())
    starred = any(isinstance(one, ast.Starred) for one in (*wanted, *value.elts))
    return list(wanted) if len(wanted) == len(value.elts) and not starred else []


def returning(file: File, node: Any) -> Any:
    """The function that returns or yields a value; None if none does."""
    parent = file.parents.get(node)
    if isinstance(parent, (ast.Return, ast.Yield, ast.YieldFrom)):
        return file.function(parent)
    return parent if isinstance(parent, ast.Lambda) and parent.body is node else None


def targets_of(file: File, node: Any) -> Iterator[Any]:
    """What a value is assigned to, or put into."""
    parent = file.parents.get(node)
    waiting: list[Any] = []
    match parent:
        case ast.Assign():
            waiting = list(parent.targets)
        case ast.Tuple() | ast.List():
            targets = unpacked(file.parents, parent)
            waiting = [targets[parent.elts.index(node)]] if targets else []
        case ast.AnnAssign() | ast.AugAssign():
            waiting = [parent.target]
        case ast.withitem():
            waiting = [parent.optional_vars]
        case ast.Call(func=ast.Attribute(attr=name, value=base)):
            waiting = [base] if name in FILLING else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.Tuple, ast.List)):
            waiting += one.elts
        elif isinstance(one, (ast.Subscript, ast.Starred)):
            waiting.append(one.value)
        elif one is not None:
            yield one


def method_of(file: File, node: Any) -> Any:
    """The outermost function around a node below its class."""
    function = file.function(node)
    while function is not None and file.owner(function) is None:
        function = file.function(function)
    return function


def gives(function: Any) -> bool:
    return any(
        isinstance(one, (ast.Return, ast.Yield, ast.YieldFrom)) and one.value is not None
        for one in ast.walk(function)
    )
