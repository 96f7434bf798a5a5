"""Says which functions, classes and files of a project somebody else calls, and how."""

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from probatum.check.code_trees import words as said
from probatum.check.entry_index import DEFINED, Unit, Value, texts_in
from probatum.check.entry_names import last
from probatum.check.entry_reach import Node, Reach

_SCRIPT = re.compile(r"\s*[\w.-]+\s*=\s*([\w.]+:[\w.]+)")  # `name = package.module:function`


class Entry(NamedTuple):
    """A way into a project: its label (`app.py:read`), where it stands, what kind of way it is."""

    label: str
    file: str
    line: int
    end: int
    says: str


def ways(reach: Reach) -> Iterator[tuple[Entry, Node]]:
    """The entry points of a project, each with what runs for it."""
    for unit in reach.index.units.values():
        says = _of_file(unit, reach) if unit.is_module else _of_unit(unit, reach)
        if says:
            yield _way(unit, says)
    yield from _reading(reach)
    yield from _of_calls(reach)
    yield from _of_scripts(reach)


def _of_file(unit: Unit, reach: Reach) -> str:
    """How a file is run as such, if it is: as a program, or as a page for each visitor."""
    if any(_is_main(one) for one in unit.node.body):
        return "the file is run"
    if unit.file.rpartition("/")[2] == "__main__.py":
        return "the package is run"
    shown = any(
        reach.outside(one.func, unit).partition(".")[0] in said("entry page")
        for statement in unit.node.body
        if not isinstance(statement, DEFINED)
        for one in ast.walk(statement)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    )
    return "a page that is run for each visitor" if shown else ""


def _of_unit(unit: Unit, reach: Reach) -> str:
    """How a function or class is called by others, if its decorators, bases or name say so."""
    if unit in reach.routes:
        return f"@{ast.unparse(reach.routes[unit][0])[:60]}"
    if unit in reach.called:
        return f"`{ast.unparse(reach.called[unit][0].of.func)[:60]}`"
    if unit.is_class and any(_ending(last(base)) for base in unit.node.bases):
        return "a request or tool call"
    if unit.around is None or not unit.around.is_module:
        return ""
    if unit.name in said("entry name"):
        return "a platform calls what is named so"
    if unit.is_class:
        return ""
    if unit.name == "main" and not any(_is_main(one) for one in unit.around.node.body):
        return "a command may be this function"
    given = [one.arg for one in unit.node.args.args]
    return "a platform calls it for an event" if given == ["event", "context"] else ""


def _reading(reach: Reach) -> Iterator[tuple[Entry, Node]]:
    for word in sorted(said("entry answer")):
        for unit, call in reach.index.calls.get(word, ()):
            if isinstance(call.func, ast.Attribute) and not unit.is_module:
                yield _way(unit, f"`{word}`")


def _of_calls(reach: Reach) -> Iterator[tuple[Entry, Node]]:
    """The handlers that calls are given: routes, views, and events of pages."""
    for word in sorted(said("entry call")):
        name = word.rpartition(".")[2]
        for unit, call in reach.index.calls.get(name, ()):
            if reach.is_routing(word, call, unit):
                for function in reach.handlers(call, unit):
                    yield _way(function, f"`{name}`")
    for word in sorted(said("entry event")):
        for unit, call in reach.index.calls.get(word, ()):
            for function in reach.handlers(ast.Call(call.func, call.args[:1], call.keywords), unit):
                if not function.is_class:
                    yield _way(function, f"`{word}`")


def _of_scripts(reach: Reach) -> Iterator[tuple[Entry, Node]]:
    """What the texts of a `setup.py` say is a command: `name = package.module:function`."""
    for unit in reach.index.units.values():
        if unit.is_module and unit.file.rpartition("/")[2] == "setup.py":
            for text in sorted(texts_in(unit.node)):
                for named in _SCRIPT.findall(text):
                    found: list[Value] = reach.named_by(named, unit)
                    for one in found:
                        if isinstance(one.of, Unit) and not one.of.is_module:
                            yield _way(one.of, f"the command `{text.partition('=')[0].strip()}`")


def _way(unit: Unit, says: str) -> tuple[Entry, Node]:
    node = unit.node
    if unit.is_module:
        main = [one for one in node.body if _is_main(one)] or node.body
        line, end = main[0].lineno, main[-1].end_lineno or main[-1].lineno
    else:
        line, end = node.lineno, node.end_lineno or node.lineno
    return Entry(unit.label, unit.file, line, end, says), Node("run", unit)


def _ending(name: str) -> str:
    """The name of the known class that the name ends in, `MyBaseTool` for `BaseTool`."""
    return next((one for one in sorted(said("entry class")) if name.endswith(one)), "")


def _is_main(node: Any) -> bool:
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()])):
            return True
    return False
