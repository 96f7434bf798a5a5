"""Where a step of a witness stands: an expression of a file, exactly where the step says."""

import ast
from functools import cache
from typing import Any, NamedTuple

from probatum.check.code_files import Project
from probatum.check.code_names import File
from probatum.check.code_trees import rows
from probatum.errors import Rejected
from probatum.vocabulary import Step

_LONGEST_LINE = 1000


class Spot(NamedTuple):
    """An expression of a file."""

    file: File
    node: Any


def spot_of(project: Project, number: int, step: Step, *, hidden: bool = False) -> Spot:
    """The expression that a step stands at; of `hidden` ones the line is not told.

    Raises: Rejected if there is none, or its line is another one.
    """
    place = step.place
    file, part = project.place(place.part or "")
    if file is None or place.line is None or place.column is None or step.end is None:
        raise Rejected(f"step {number} ({place}) is at no place of the project")
    node = file.node_at(part, place.line, place.column, step.end)
    lines = file.parts.get(part, (0, []))[1]
    if node is None or step.code != ("" if hidden else lines[place.line - 1][:_LONGEST_LINE]):
        raise Rejected(f"step {number} ({place}): there is no such expression")
    return Spot(file, node)


def calls(file: File) -> list[ast.Call]:
    """Every call of a file."""
    file.open_all()
    found = (one for nodes in file.at.values() for one in nodes)
    return [one for one in found if isinstance(one, ast.Call)]


def last_name(node: Any) -> str:
    """The last part of a name as it is written; empty if it is none."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def given(call: ast.Call, keyword: str) -> Any:
    """What a call is given by a keyword; None if it is not."""
    return next((one.value for one in call.keywords if one.arg == keyword), None)


def means(row: dict[str, Any], file: File, call: Any) -> bool:
    """The expression is a call that the row names."""
    if not isinstance(call, ast.Call):
        return False
    meant = file.meant(call.func)
    if meant & set(row.get("calls", ())):
        return True
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in row.get("methods", ()):
        return False
    if any(file.project.definition(name) for name in meant):
        return False
    return not row.get("receivers") or is_one(file, call.func.value, row["receivers"])


def is_one(file: File, node: Any, of: list[str]) -> bool:
    """An object of one of these classes, or that the code calls by one of these names."""
    wanted = {name.rpartition(".")[2] for name in of}
    said = {name.rpartition(".")[2] for name in file.meant(node)}
    return bool(wanted & {*said, spoken(node).strip("_").lower()})


def spoken(node: Any) -> str:
    """How the code calls a value: its variable, attribute, key or function."""
    match node:
        case ast.arg():
            return node.arg
        case ast.Subscript(slice=ast.Constant(value=key)):
            return str(key)
        case ast.Call(func=func, args=[ast.Constant(value=key), *_]) if last_name(func) in _GETTING:
            return str(key)
        case ast.Call(func=func):
            return last_name(func)
        case ast.Await():
            return spoken(node.value)
    return last_name(node)


_GETTING = ("get", "getenv", "pop", "get_env")


def listed(name: str, claim: str) -> list[dict[str, Any]]:
    """The rows of `calls.toml` of one kind for a claim."""
    return [row for row in rows("calls").get(name, ()) if row["claim"] == claim]


@cache
def property_words(of: str) -> frozenset[str]:
    """The words of every list of `calls.toml` that is `of` this."""
    return frozenset(
        word for row in rows("calls")["words"] if row["of"] == of for word in row["words"]
    )
